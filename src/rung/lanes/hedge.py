"""A second call where the first is slow: whoever speaks first is kept, the other is stopped.

Source: Dean and Barroso, The Tail at Scale, 2013: a second request after the 95th percentile. That alone is late by
definition for one call in twenty, however alike all are, so it must also be late by an amount worth a call.
"""

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

from rung.config.lanes import Hedge as Bounds
from rung.errors import ReasonerError, TimedOut
from rung.lanes.quantile import Recent
from rung.lanes.target import Run
from rung.types import Call, Chunk

_LEAST_CALLS = 20
# After so many more calls it is asked anew what is late.
_EVERY = 10

Advance = Callable[[Run], Coroutine[Any, None, Chunk | None]]


def may_run_twice(call: Call) -> bool:
    """A chat completion changes nothing, unless it is to be kept at the other end."""
    return not call.body.get("store")


class Late:
    """From when on a call is late, by how long others said nothing, against their predicted service."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._ratios = Recent()
        self._seen = 0
        self._usual = self._late = 0.0

    def seen(self, silent_s: float, service_s: float) -> None:
        self._ratios.add(silent_s / service_s)
        self._seen += 1
        if self._seen >= _LEAST_CALLS and self._seen % _EVERY == 0:
            self._usual, self._late = self._ratios.quantile(0.5), self._ratios.quantile(self._bounds.quantile)

    def after_s(self, service_s: float) -> float | None:
        """Seconds without a word after which a second call is worth its cost; None until enough were seen."""
        if self._seen < _LEAST_CALLS:
            return None
        bounds, usual_s = self._bounds, self._usual * service_s
        return max(self._late * service_s, usual_s * bounds.factor, usual_s + bounds.least_late_s)

    def lost_after_s(self, service_s: float) -> float:
        """Seconds without a word after which a call is taken for lost; infinite until enough were seen."""
        if self._seen < _LEAST_CALLS:
            return inf
        return max(self._late * service_s * self._bounds.lost_factor, self._bounds.least_lost_s)


class Hedge:
    """`start` gives the second call, or None if there may be none; it is asked once, `after_s` from the race's start.
    `advance` reads a call's next chunk. `lost_after_s` tells how long a call may be silent, with the second beside it,
    before it is taken for lost; it is asked when the second is. Those that then wait are in `silent`."""

    def __init__(
        self,
        advance: Advance,
        start: Callable[[], Run | None],
        lost_after_s: Callable[[], float],
        after_s: float,
        silent: "set[Hedge]",
    ) -> None:
        self._advance = advance
        self._start = start
        self._lost_after_s = lost_after_s
        self._after_s = after_s
        self._silent = silent
        self._racing = True
        self._won = False
        self._lost = False
        self._first_task: asyncio.Task[object] | None = None
        self._second: Run | None = None
        self._second_task: asyncio.Task[Chunk | None] | None = None

    async def race(self, first: Run) -> tuple[Run, Chunk | None]:
        """The call that spoke first, and what it said. Raises what `first` raises, if there is no second to wait for,
        and TimedOut where it is taken for lost.

        The first is read by the caller's own task, since a task of its own would cost every call more than all the rest
        of its lane: when the second wins, the caller's task is cancelled for a moment, as `asyncio.timeout` does.
        """
        task = self._first_task = asyncio.current_task()
        assert task is not None, "a call is made in a task"
        cancelled_before = task.cancelling()
        self._timer = task.get_loop().call_later(self._after_s, self._fire)
        kept = first
        try:
            chunk = await self._advance(first)
            self._racing = False
        except asyncio.CancelledError:
            self._racing = False
            if not (self._won or self._lost) or task.uncancel() > cancelled_before:
                raise
            if self._lost:
                raise TimedOut(f"{first.permit.target.name} said nothing until it was taken for lost") from None
            assert self._second is not None
            assert self._second_task is not None
            kept, chunk = self._second, self._second_task.result()
        except ReasonerError:
            self._racing = False
            if self._second is None or self._second_task is None:
                raise
            chunk = await self._second_task
            kept = self._second
        finally:
            self._timer.cancel()
            self._silent.discard(self)
            if self._second is not None and self._second is not kept:
                await self._stop(self._second)
        if kept is not first:
            await first.close()
        return kept, chunk

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        if (lost_s := self._lost_after_s()) < inf:
            self._timer = loop.call_later(lost_s - self._after_s, self.lose)
            self._silent.add(self)
        self._second = self._start()
        if self._second is not None:
            self._second_task = asyncio.create_task(self._advance(self._second), name="hedge")
            self._second_task.add_done_callback(self._second_spoke)

    def lose(self) -> None:
        """Takes the call for lost, unless somebody has spoken."""
        if self._racing and self._first_task is not None:
            self._racing, self._lost = False, True
            self._first_task.cancel()

    def _second_spoke(self, task: asyncio.Task[Chunk | None]) -> None:
        # A second that fails has lost; asking for its error says that it was seen.
        if not task.cancelled() and task.exception() is None and self._racing and self._first_task is not None:
            self._won = True
            self._first_task.cancel()

    async def _stop(self, second: Run) -> None:
        if self._second_task is not None and not self._second_task.done():
            self._second_task.cancel()
            await asyncio.wait([self._second_task])
        await second.close()
