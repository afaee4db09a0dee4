"""The way into one reasoner."""

import asyncio
from collections.abc import AsyncIterator

from rung.clock import Clock
from rung.errors import TimedOut, Unavailable
from rung.lanes.pace import Pace
from rung.reasoners.base import Reasoner, closing
from rung.types import Call, Chunk, Usage

# How often a call that waits for a model to become warm looks again.
_LOOK_S = 0.05


class Lane:
    """Bounds how many calls a leaf works on at once, first come first served, and learns its pace.

    Composites have none: one that held a permit while it waited for the calls it makes would deadlock its pool.
    `shared`: calls side by side share one processor, so that each is slower.
    """

    def __init__(self, reasoner: Reasoner, *, permits: int, pace: Pace, clock: Clock, shared: bool) -> None:
        self.reasoner = reasoner
        self.pace = pace
        self._permits = permits
        self._gate = asyncio.Semaphore(permits)
        self._clock = clock
        self._shared = shared
        self._call_s = 0.0
        self.running = 0
        self.waiting = 0

    @property
    def wait_s(self) -> float:
        """What a new call would wait for those ahead of it, by the mean of the last calls."""
        ahead = max(self.running + self.waiting - self._permits + 1, 0)
        return ahead * self._call_s / self._permits

    @property
    def slowdown(self) -> float:
        """By how much a call that starts now is slowed by those at its side."""
        return float(min(self.running + 1, self._permits)) if self._shared else 1.0

    async def call(self, call: Call) -> AsyncIterator[Chunk]:
        """The reasoner's chunks, once it is warm and there is room. Raises what the reasoner raises, Unavailable when
        it is down, and TimedOut when it is not warm by the deadline.
        """
        if self.reasoner.status.state != "warm":
            await self._until_warm(call.deadline_s)
        self.waiting += 1
        try:
            await self._gate.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        watch = _Watch(self._clock.monotonic(), float(self.running) if self._shared else 1.0)
        try:
            async with closing(self.reasoner.answer(call)) as chunks:
                async for chunk in chunks:
                    watch.see(chunk, self._clock.monotonic())
                    yield chunk
            self._learn(watch)
        finally:
            self.running -= 1
            self._gate.release()

    def _learn(self, watch: "_Watch") -> None:
        now_s = self._clock.monotonic()
        self.pace = watch.pace_after(self.pace, now_s)
        took_s = now_s - watch.started_s
        self._call_s = took_s if self._call_s == 0.0 else self._call_s + 0.2 * (took_s - self._call_s)

    async def _until_warm(self, deadline_s: float) -> None:
        while (status := self.reasoner.status).state != "warm":
            name = self.reasoner.name
            if status.state == "down":
                raise Unavailable(f"{name} is down: {status.note or 'no reason known'}")
            if self._clock.monotonic() >= deadline_s:
                raise TimedOut(f"{name} was not ready before the deadline: {status.note or status.state}")
            await asyncio.sleep(_LOOK_S)


class _Watch:
    """What one call tells about its reasoner's pace."""

    def __init__(self, started_s: float, slowdown: float) -> None:
        self.started_s = started_s
        self._slowdown = slowdown
        self._first_s: float | None = None
        self._count = 0
        self._usage: Usage | None = None

    def see(self, chunk: Chunk, now_s: float) -> None:
        self._count += 1
        if self._count == 1:
            self._first_s = now_s - self.started_s
        self._usage = chunk.usage or self._usage

    def pace_after(self, pace: Pace, now_s: float) -> Pace:
        if self._usage is None:
            return pace
        in_pieces = self._first_s is not None and self._count > 2
        return pace.after(
            prompt_tokens=self._usage.prompt_tokens - self._usage.cached_tokens,
            completion_tokens=self._usage.completion_tokens,
            first_s=self._first_s / self._slowdown if self._first_s is not None and in_pieces else None,
            total_s=(now_s - self.started_s) / self._slowdown,
        )
