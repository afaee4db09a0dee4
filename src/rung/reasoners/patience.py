"""How long a server is waited for."""

import asyncio
from collections.abc import Awaitable
from math import inf
from typing import TypeVar

from rung.clock import Clock
from rung.config.schema import Timeouts
from rung.errors import TimedOut

T = TypeVar("T")


class Patience:
    """Bounds each wait within one call: until the first chunk, then between chunks, always by the call's total time.
    An answer that comes whole has neither: only the total bounds it.

    Only waiting is bounded, never the time that whoever reads the answer takes between two waits.
    """

    def __init__(self, name: str, timeouts: Timeouts, clock: Clock) -> None:
        self._name = name
        self._timeouts = timeouts
        self._now = clock.monotonic
        started_s = self._now()
        self._total_at_s = started_s + timeouts.total_s
        self._next_at_s = started_s + timeouts.first_token_s
        self._first = True

    def comes_whole(self) -> None:
        self._next_at_s = inf

    def chunk_came(self) -> None:
        self._first = False
        self._next_at_s = self._now() + self._timeouts.between_chunks_s

    async def hold(self, work: Awaitable[T]) -> T:
        """The result of `work`, or TimedOut, which says what took too long."""
        timer = asyncio.timeout(min(self._next_at_s, self._total_at_s) - self._now())
        try:
            async with timer:
                return await work
        except TimeoutError:
            if not timer.expired():  # the network's own
                raise
            raise TimedOut(self._spent()) from None

    def _spent(self) -> str:
        given = self._timeouts
        if self._total_at_s <= self._next_at_s:
            return f"{self._name}: not done within {given.total_s:g} s (timeouts.total_s)"
        if self._first:
            return f"{self._name}: nothing came within {given.first_token_s:g} s (timeouts.first_token_s)"
        return f"{self._name}: fell silent for {given.between_chunks_s:g} s (timeouts.between_chunks_s)"
