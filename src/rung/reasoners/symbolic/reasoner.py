"""The rung that computes: answers what it has understood whole, abstains from everything else."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from rung.answers.instructions import bind
from rung.clock import LoopClock
from rung.config.schema import SymbolicConfig
from rung.errors import Abstained, TimedOut
from rung.reasoners.base import Abilities, Status
from rung.reasoners.completions import estimated
from rung.reasoners.symbolic.vocabulary import worth_parsing
from rung.reasoners.symbolic.wire import Asked, Solved
from rung.reasoners.wording import instructions_of, max_tokens_of
from rung.sandbox import Limits, Pool
from rung.types import Call, Chunk, Json

_ABILITIES: Final = Abilities(exact=True, general=False)
_SOLVER: Final = "rung.reasoners.symbolic.solver:solver"


class Symbolic:
    """Exact answers to mathematical questions in English. Parses and computes in the sandbox's worker processes.

    Raises Abstained for what it does not understand, for what has no single exact answer, and for what takes more time
    or memory than the config allows.
    """

    def __init__(self, name: str, config: SymbolicConfig) -> None:
        self.name = name
        self.abilities = _ABILITIES
        self._clock = LoopClock()
        limits = Limits(wall_s=config.time_limit_s, memory_mb=config.memory_mb)
        self._pool = Pool(_SOLVER, size=config.workers, limits=limits)

    @property
    def status(self) -> Status:
        if self._pool.warm:
            return Status(state="warm")
        if self._pool.down:
            return Status(state="down", note="its worker process does not start; standard error says why")
        if self._pool.started:
            return Status(state="loading", note="starting the worker process for mathematics", ready_in_s=2.0)
        return Status(state="cold", note="not started", ready_in_s=0.0)

    async def start(self) -> None:
        self._pool.start()

    async def close(self) -> None:
        await self._pool.close()

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        """One chunk with the answer, plain, and the steps to it as its reasoning."""
        asked = self._asked(call.body.get("messages", ()))
        if not worth_parsing(asked.text):
            raise Abstained(f"{self.name}: not a question of mathematics")
        if bind(instructions_of(call.body)):
            raise Abstained(f"{self.name}: instructions before the question say how it is to be answered")
        started_s = self._clock.monotonic()
        try:
            solved = msgspec.msgpack.decode(await self._pool.run(msgspec.msgpack.encode(asked)), type=Solved)
        except TimedOut as over:
            raise Abstained(f"{self.name}: {over.message}") from None
        if not solved.answer:
            raise Abstained(f"{self.name}: {solved.why}")
        steps = _held("\n".join(solved.steps), solved.answer, call.body)
        # who asks for the way gets it as the answer, which is its last line
        text, reasoning = (steps, "") if steps and solved.shown else (solved.answer, steps)
        told = estimated(call.body, len((text + reasoning).encode()))
        yield Chunk(
            text=text,
            reasoning=reasoning,
            finish="stop",
            signals={"exact": 1.0},
            usage=msgspec.structs.replace(
                told, reasoning_tokens=_tokens(reasoning), busy_s=self._clock.monotonic() - started_s
            ),
        )

    def _asked(self, messages: Sequence[Json]) -> Asked:
        """The last message's text. Raises Abstained if it is not a user's, or holds more than text."""
        last = messages[-1] if messages else {}
        text = _text(last.get("content"))
        if last.get("role") != "user" or not text:
            raise Abstained(f"{self.name}: the last message is no question in words")
        return Asked(text=text, alone=not any(m.get("role") in {"user", "assistant"} for m in messages[:-1]))


def _held(steps: str, answer: str, body: Json) -> str:
    """The steps, or nothing where the request's `max_tokens` does not hold them and the answer: steps are left out, an
    answer never."""
    bound = max_tokens_of(body)
    return "" if bound is not None and _tokens(steps + answer) > bound else steps


def _tokens(text: str) -> int:
    return estimated({}, len(text.encode())).completion_tokens


def _text(content: object) -> str:
    """A message's text; empty if it has parts of another kind."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str) for part in content
    ):
        return ""
    return "\n".join(part["text"] for part in content)
