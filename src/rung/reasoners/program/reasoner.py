"""Asks the rung below for a short program, and answers what that computes."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from rung.answers import asked, reads_off, same
from rung.config.schema import ProgramConfig
from rung.errors import Abstained, TimedOut
from rung.reasoners.base import Abilities, Below, Reasoner, spell
from rung.reasoners.composite import Composite
from rung.reasoners.program.asking import again, first
from rung.reasoners.program.checks import Checked, checked, program_in
from rung.reasoners.wording import question_of
from rung.sandbox import Programs, Ran
from rung.types import Answer, Call, Choice, Chunk, Usage

TASKS: Final = frozenset({"word_problem", "maths"})
# Of the samples after the first, where the user names none or 0, at which all would be the same.
TEMPERATURE: Final = 0.7


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """One sample: what the model wrote at last, what came of it, and what all of it took."""

    program: str
    checked: Checked
    signals: dict[str, float]
    usage: Usage


class Program(Composite):
    """An option for questions that ask for a number. Abstains from others, from programs that are still wrong when they
    were mended once, and from two samples that do not agree. The program is the answer's reasoning."""

    def __init__(self, name: str, below: Below, of: Reasoner, config: ProgramConfig) -> None:
        super().__init__(name, below, of)
        self._samples = config.samples
        self._programs = Programs(config.workers)

    @property
    def abilities(self) -> Abilities:
        return Abilities(context_tokens=self._of.abilities.context_tokens, general=False, short_only=True, tasks=TASKS)

    async def start(self) -> None:
        self._programs.start()

    async def close(self) -> None:
        await self._programs.close()

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        """Raises Abstained."""
        question = question_of(call.body)
        if asked(question) != "number" or reads_off(question):
            raise Abstained(f"{self.name}: not a question for a number that is to be computed")
        samples: list[_Written] = []
        for number in range(self._samples):
            sample = await self._written(call, number, question)
            samples.append(sample)
            if sample.checked.wrong:
                raise Abstained(f"{self.name}: its program did not pass the checks")
            if not same(sample.checked.answer, samples[0].checked.answer):
                raise Abstained(f"{self.name}: its programs do not agree")
        for chunk in spell(_told(self.name, samples)):
            yield chunk

    async def _written(self, call: Call, number: int, question: str) -> _Written:
        """A program, mended once if something is wrong with it."""
        body = first(_sampled(call.body, number))
        call = msgspec.structs.replace(call, body=body, id=f"{call.id}/{number}" if number else call.id)
        answer, result = await self._tried(call, question)
        usage = answer.usage
        mended = bool(result.wrong) and answer.choices[0].finish != "length"
        if mended:
            body = again(call.body, answer.text, result.wrong)
            answer, result = await self._tried(msgspec.structs.replace(call, body=body), question)
            usage += answer.usage
        signals = {**answer.signals, "unused_numbers": float(result.unused), "mended": float(mended)}
        return _Written(program=program_in(answer.text), checked=result, signals=signals, usage=usage)

    async def _tried(self, call: Call, question: str) -> tuple[Answer, Checked]:
        answer = await self._ask(call)
        return answer, checked(await self._ran(program_in(answer.text)), question)

    async def _ran(self, program: str) -> Ran:
        if "answer" not in program:
            return Ran(error="`answer` is never set")
        try:
            return await self._programs.run(program)
        except TimedOut:
            return Ran(error="it takes too long")


def _sampled(body: Any, number: int) -> dict[str, Any]:
    """The first sample is what the rung below gives by itself."""
    if not number:
        return dict(body)
    seed = body.get("seed")
    return {
        **body,
        "seed": (seed if isinstance(seed, int) else 0) + number,
        "temperature": body.get("temperature") or TEMPERATURE,
    }


def _spent(samples: list[_Written]) -> Usage:
    return sum((sample.usage for sample in samples), Usage())


def _told(name: str, samples: list[_Written]) -> Answer:
    best = samples[0]
    agreed = {"agreement": 1.0, "samples": float(len(samples))} if len(samples) > 1 else {}
    return Answer(
        reasoner=name,
        choices=(Choice(text=best.checked.answer, reasoning=f"```python\n{best.program}\n```", finish="stop"),),
        usage=_spent(samples),
        signals={**best.signals, **agreed},
    )
