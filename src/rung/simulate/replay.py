"""Plays a workload through the real climb, and says what became of each request."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Literal

from msgspec import Struct

from rung.clock import Clock, LoopClock
from rung.errors import DeadlineExceeded, Refused, RequestError, RungError
from rung.runtime import Ladder
from rung.runtime.climb import Climb
from rung.runtime.plan import make_plan
from rung.simulate.reasoners import Work
from rung.simulate.workload import Asked
from rung.types import Preset, Reply
from rung.verdicts import Verify

Ending = Literal["answered", "refused", "unfit", "late", "failed"]


class Outcome(Struct, frozen=True, kw_only=True):
    """`ending`: answered; refused, with a time to come back; unfit, since no reasoner can take it; late, given up at
    its deadline; failed, by anything else. `by` is the rung that answered, `lane` the one that its calls went through.
    `tokens` are those of the answer, `spent` all that were read and written for it, `spent_in` the same by lane;
    `first_s` and `total_s` count from its arrival."""

    asked: Asked
    ending: Ending
    total_s: float
    first_s: float | None = None
    by: str = ""
    lane: str = ""
    right: bool = False
    tokens: int = 0
    spent: int = 0
    spent_in: Mapping[str, int] = {}
    why: str = ""

    @property
    def met(self) -> bool:
        return self.ending == "answered" and self.total_s <= self.asked.deadline_s + 1e-6


Serve = Callable[[Asked], Awaitable[Outcome]]


class Replayed(Struct, frozen=True, kw_only=True):
    """`virtual_s` is what the clock says, `real_s` what it took."""

    outcomes: tuple[Outcome, ...]
    virtual_s: float
    real_s: float

    @property
    def speedup(self) -> float:
        return self.virtual_s / max(self.real_s, 1e-9)


async def replay(asked: Sequence[Asked], serve: Serve) -> Replayed:
    """Each request at its time, in a task of its own. Outcomes are in the order of `asked`: one for each, always."""
    loop = asyncio.get_running_loop()
    began_s, real_s = loop.time(), time.perf_counter()
    tasks = []
    for one in asked:
        if (wait_s := began_s + one.at_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        tasks.append(asyncio.create_task(_one(serve, one)))
    outcomes = await asyncio.gather(*tasks)
    return Replayed(outcomes=tuple(outcomes), virtual_s=loop.time() - began_s, real_s=time.perf_counter() - real_s)


async def _one(serve: Serve, asked: Asked) -> Outcome:
    return await serve(asked)


class Climbing:
    """Serves as Rung does, without what a replay has no use for: cache, ledger, metrics. `stream`: whether clients read
    answers as they are written."""

    def __init__(self, ladder: Ladder, verify: Verify, work: Work, preset: Preset, *, stream: bool = True) -> None:
        self._ladder = ladder
        self._verify = verify
        self._work = work
        self._preset = preset
        self._stream = stream
        self._clock: Clock = LoopClock()

    async def __call__(self, asked: Asked) -> Outcome:
        began_s = self._clock.monotonic()
        request = asked.request(began_s, stream=self._stream)
        self._work.sizes[asked.id] = asked.size
        first_s: float | None = None
        ending: Ending = "failed"
        by, right, tokens, why = "", False, 0, ""
        try:
            plan = make_plan(request, self._ladder, self._clock, self._preset)
            climb = Climb(request, plan, self._ladder, self._verify, self._clock)
            async with aclosing(climb.events()) as events:
                async for event in events:
                    if first_s is None:
                        first_s = self._clock.monotonic() - began_s
                    if isinstance(event, Reply):
                        ending, by = "answered", event.answer.reasoner
                        tokens = event.answer.usage.prompt_tokens + event.answer.usage.completion_tokens
                        right = any(
                            step.verdict is not None and step.reasoner == by and bool(step.verdict.signals["right"])
                            for step in event.decision.steps
                        )
        except RungError as error:
            ending, why = ending_of(error), error.message
        spent_in = self._work.spent.get(asked.id, {})
        return Outcome(
            asked=asked,
            ending=ending,
            total_s=self._clock.monotonic() - began_s,
            first_s=first_s,
            by=by,
            lane=self._ladder[by].lane.reasoner.name if by else "",
            right=right,
            tokens=tokens,
            spent=sum(spent_in.values()),
            spent_in=spent_in,
            why=why,
        )


def ending_of(error: RungError) -> Ending:
    if isinstance(error, DeadlineExceeded):
        return "late"
    if isinstance(error, RequestError):
        return "unfit"
    return "refused" if isinstance(error, Refused) and error.retry_after_s is not None else "failed"
