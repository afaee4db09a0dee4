"""Samples the rung below until no further sample could change which answer has most support.

Only as many samples run as are still needed for a majority, so none is thrown away: three samples start as two, and
the third runs only if they disagree.
"""

import asyncio
import math
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from rung.answers import asked, extract, majority, options_of
from rung.errors import ReasonerError
from rung.reasoners.base import Abilities, Below, Reasoner, closing, spell
from rung.reasoners.composite import Composite
from rung.reasoners.wording import question_of
from rung.types import Answer, Call, Chunk, Usage

# Of the samples after the first, where the user names none or 0, at which all would be the same.
TEMPERATURE = 0.7


def _sample(call: Call, number: int) -> Call:
    """The call for a sample. The first is what the rung below would have answered alone; equal calls give equal
    samples, as far as it heeds seeds."""
    given = call.body.get("seed")
    first = given if isinstance(given, int) else zlib.crc32(call.id.encode()) & 0x3FFFFFFF
    body: dict[str, Any] = {**call.body, "seed": (first + number + 2**63) % 2**64 - 2**63}
    if number and not body.get("temperature"):
        body["temperature"] = TEMPERATURE
    return msgspec.structs.replace(call, id=f"{call.id}/{number}", body=body)


def _sureness(answer: Answer) -> float:
    """The mean log-probability of its tokens, where the rung below tells it."""
    return answer.signals.get("mean_logprob", -math.inf)


class Tally:
    """The samples in hand, and the answer extracted from each; a sample without one supports nothing."""

    def __init__(self, question: str, samples: int) -> None:
        self._short = asked(question)
        self._options = options_of(question)
        self._to_come = samples
        self._found: list[str | None] = []
        self.answers: list[Answer] = []
        self.spent = Usage()

    def add(self, answer: Answer) -> None:
        self._to_come -= 1
        self.spent += answer.usage
        self.answers.append(answer)
        self._found.append(extract(answer.text, self._short, self._options))

    def lost(self, error: ReasonerError) -> None:
        """A sample failed, and is not asked for again."""
        self._to_come -= 1
        self.spent += error.usage

    def needed(self) -> int:
        """The fewest further samples that could decide the vote, if they all agreed with the leading answer: one
        sample alone decides nothing."""
        leader = majority(self._found).answer or "?"
        return next(
            more
            for more in range(self._to_come + 1)
            if more == self._to_come
            or (
                len(self._found) + more > 1 and majority([*self._found, *[leader] * more], self._to_come - more).decided
            )
        )

    def best(self) -> Answer:
        """The surest of the samples that gave the best-supported answer."""
        backers = majority(self._found).at or range(len(self.answers))
        return max((self.answers[i] for i in backers), key=_sureness)

    def signals(self) -> dict[str, float]:
        result = majority(self._found)
        agreed = result.at and len(self.answers) > 1
        return {"samples": float(len(self.answers))} | ({"agreement": result.share} if agreed else {})


class Vote(Composite):
    """`samples` bounds how often the rung below is asked. A question without a short answer cannot be voted on: it goes
    to the rung below once, untouched, and no agreement is claimed."""

    def __init__(self, name: str, below: Below, of: Reasoner, samples: int = 3) -> None:
        super().__init__(name, below, of)
        self._samples = samples

    @property
    def abilities(self) -> Abilities:
        return msgspec.structs.replace(
            self._of.abilities, tools=False, json_object=False, json_schema=False, n=False, short_only=True
        )

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        question = question_of(call.body)
        if not asked(question):
            async with closing(self._below(call)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        tally = await self._poll(call, Tally(question, self._samples))
        best = tally.best()
        signals = dict(best.signals) | tally.signals()
        for chunk in spell(msgspec.structs.replace(best, usage=tally.spent, signals=signals)):
            yield chunk

    async def _poll(self, call: Call, tally: Tally) -> Tally:
        """Runs samples, side by side as far as all of them are needed. The error of one that fails is raised only if no
        sample came back at all."""
        running: set[asyncio.Task[Answer]] = set()
        started = 0
        error: ReasonerError | None = None
        try:
            while True:
                for _ in range(tally.needed() - len(running)):
                    sample = _sample(call, started)
                    started += 1
                    # what hangs is not waited for where there is another, or will be
                    spared = call.elsewhere or bool(tally.answers) or started < self._samples
                    running.add(asyncio.create_task(self._ask(msgspec.structs.replace(sample, elsewhere=spared))))
                if not running:
                    break
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    try:
                        tally.add(task.result())
                    except ReasonerError as failure:
                        tally.lost(failure)
                        error = failure
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if error and not tally.answers:
            raise error
        return tally
