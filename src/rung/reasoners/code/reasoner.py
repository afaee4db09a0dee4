"""Asks the rung below for code, runs it with its tests in a jail, and gives what passed."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from rung.config.schema import CodeConfig
from rung.errors import Abstained, Unable
from rung.reasoners.base import Abilities, Below, Reasoner, Status, spell
from rung.reasoners.code.asking import code_in, drafting, function_in, mending, testing, wants_code
from rung.reasoners.code.given import assertions_in, given_tests
from rung.reasoners.composite import Composite
from rung.reasoners.wording import question_of
from rung.sandbox import Bounds, Isolation, Jail, Tried
from rung.types import Answer, Call, Choice, Chunk, Json

TASKS: Final = frozenset({"code"})


class _Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of code, the tests that it was run with, and what came of it. The answer's usage is that of every call
    that led here."""

    answer: Answer
    code: str
    tests: Sequence[str]
    tried: Tried


class Code(Composite):
    """An option for requests for code. Tests that the question gives must pass; where it gives none, the model writes
    some. Code that fails is mended once.

    Raises Abstained for what asks for no Python, for code that cannot be read, and for code that still fails a test
    that was given; Unable where the system cannot isolate it and the config does not allow to run it anyway.
    """

    def __init__(self, name: str, below: Below, of: Reasoner, config: CodeConfig) -> None:
        super().__init__(name, below, of)
        self._allowed = config.allow_unisolated
        self._jail = Jail(bounds_of(config))
        self._probe: asyncio.Task[Isolation] | None = None

    @property
    def abilities(self) -> Abilities:
        return Abilities(context_tokens=self._of.abilities.context_tokens, general=False, tasks=TASKS)

    @property
    def status(self) -> Status:
        if self._probe is not None and self._probe.done() and (gap := self._gap(self._probe.result())):
            return Status(state="down", note=gap)
        return super().status

    async def start(self) -> None:
        self._probe = asyncio.create_task(self._jail.isolation())

    async def close(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
            self._probe = None

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        question = question_of(call.body)
        given = given_tests(question)
        if not given and not wants_code(question):
            raise Abstained(f"{self.name}: not a request for Python")
        await self._refuse_if_open()
        asked = drafting(call.body)
        draft = await self._draft(call, asked, given)
        if not given and draft.tried.whole and (name := function_in(draft.code)):
            draft = await self._with_own_tests(call, draft, name)
        best = draft if draft.tried.whole else await self._mended(call, asked, draft)
        if not best.code or best.tried.wrong or (given and not best.tried.whole):
            raise Abstained(f"{self.name}: its code did not pass")
        for chunk in spell(_told(self.name, best, given, mended=not draft.tried.whole)):
            yield chunk

    async def _with_own_tests(self, call: Call, draft: _Draft, name: str) -> _Draft:
        """Run with tests by the model; one that does not name what it wrote tests nothing."""
        told = await self._say(call, testing(call.body, name))
        answer = msgspec.structs.replace(draft.answer, usage=draft.answer.usage + told.usage)
        tests = [test for test in assertions_in(told.text) if re.search(rf"\b{name}\b", test)]
        return await self._run(answer, tests) if tests else msgspec.structs.replace(draft, answer=answer)

    async def _mended(self, call: Call, asked: Json, draft: _Draft) -> _Draft:
        """The better of the draft and what the model makes of it once it has seen what went wrong."""
        wanted = mending(asked, draft.answer.text, evidence(draft))
        other = await self._draft(call, wanted, draft.tests)
        usage = draft.answer.usage + other.answer.usage
        best = max(draft, other, key=lambda one: (bool(one.code), not one.tried.wrong, one.tried.passed))
        return msgspec.structs.replace(best, answer=msgspec.structs.replace(best.answer, usage=usage))

    def _gap(self, isolation: Isolation) -> str:
        if isolation.whole or self._allowed:
            return ""
        return f"cannot isolate code here ({isolation}); `allow_unisolated: true` runs it all the same"

    async def _refuse_if_open(self) -> None:
        """Before the model is asked for what could not be run."""
        if self._probe is None:
            self._probe = asyncio.create_task(self._jail.isolation())
        gap = self._gap(await asyncio.shield(self._probe))
        if gap:
            raise Unable(f"{self.name}: {gap}")

    async def _draft(self, call: Call, body: Json, tests: Sequence[str]) -> _Draft:
        return await self._run(await self._say(call, body), tests)

    async def _say(self, call: Call, body: Json) -> Answer:
        return await self._ask(msgspec.structs.replace(call, body=body))

    async def _run(self, answer: Answer, tests: Sequence[str]) -> _Draft:
        code = code_in(answer.text)
        tried = await self._jail.run(code, tests) if code else Tried(wrong="there is no Python in it")
        return _Draft(answer=answer, code=code, tests=tests, tried=tried)


def bounds_of(config: CodeConfig) -> Bounds:
    return Bounds(wall_s=config.time_limit_s, memory_mb=config.memory_mb, unisolated=config.allow_unisolated)


def evidence(draft: _Draft) -> str:
    """What was seen, a line for each test."""
    if draft.tried.wrong:
        return f"failed to load: {draft.tried.wrong}"
    lines = []
    for test, wrong in zip(draft.tests, draft.tried.tests, strict=True):
        said = "passed" if wrong == "" else f"failed, {wrong or 'it was not reached, or too slow'}"
        lines.append(f"{said}: {test}")
    return "\n".join(lines) or "loaded; there was no test"


def _told(name: str, best: _Draft, given: Sequence[str], *, mended: bool) -> Answer:
    ran = len(best.tests)
    signals = {
        **best.answer.signals,
        "tests": float(ran),
        "tests_passed": best.tried.passed / ran if ran else 0.0,
        "tests_given": float(len(given)),
        "mended": float(mended),
    }
    whose = "the tests that were given" if given else "tests of its own making"
    reasoning = f"Run with {whose}:\n{evidence(best)}"
    choice = Choice(text=f"```python\n{best.code}\n```", reasoning=reasoning, finish="stop")
    return Answer(reasoner=name, choices=(choice,), usage=best.answer.usage, signals=signals)
