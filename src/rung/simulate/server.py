"""A server elsewhere: a first token after a while, then tokens at a pace that holds up to a number of calls at once."""

import asyncio
import heapq
from itertools import count
from math import exp, log
from random import Random

from msgspec import Struct

from rung.clock import Clock


class EndpointSpeed(Struct, frozen=True, kw_only=True):
    """`first_s` is the median time to the first token, `spread` the standard deviation of its logarithm; `tokens_per_s`
    the pace of each call. From `at_once` calls on all share what so many get. `fail_prob`: an error in place of the
    first token."""

    first_s: float = 0.8
    spread: float = 0.4
    tokens_per_s: float = 60.0
    at_once: int = 16
    fail_prob: float = 0.0

    def drawn_first_s(self, rng: Random) -> float:
        return exp(rng.gauss(log(self.first_s), self.spread))

    def alone_s(self, completion_tokens: int) -> float:
        """On average."""
        return self.first_s * exp(self.spread**2 / 2) + completion_tokens / self.tokens_per_s


class Server:
    """Shares its work among those that wait for it: `work(seconds)` returns once it has been given so many seconds of
    the pace that a call has alone. All get the same at any time, so one sum of what each got tells when who is done."""

    def __init__(self, at_once: int, clock: Clock) -> None:
        self.slowness = 1.0
        self.hung = False
        self._at_once = at_once
        self._now = clock.monotonic
        self._given_s = 0.0
        self._at_s = 0.0
        self._order = count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._n = 0
        self._timer: asyncio.TimerHandle | None = None

    async def work(self, seconds: float) -> None:
        self._advance()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._given_s + seconds, next(self._order), done))
        self._n += 1
        self._set_timer()
        try:
            await done
        finally:
            self._advance()
            self._n -= 1
            self._set_timer()

    def change(self, *, slowness: float | None = None, hung: bool | None = None) -> None:
        self._advance()
        self.slowness = self.slowness if slowness is None else slowness
        self.hung = self.hung if hung is None else hung
        self._set_timer()

    def fail(self, error: Exception) -> None:
        """All that is under way fails at once."""
        for _, _, done in self._waiting:
            if not done.done():
                done.set_exception(error)

    @property
    def _pace(self) -> float:
        """Seconds of work that each is given in a second."""
        return 0.0 if self.hung else min(1.0, self._at_once / max(self._n, 1)) / self.slowness

    def _advance(self) -> None:
        now_s = self._now()
        self._given_s += (now_s - self._at_s) * self._pace
        self._at_s = now_s

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        if self._waiting and self._pace > 0:
            after_s = max(self._waiting[0][0] - self._given_s, 0.0) / self._pace
            self._timer = asyncio.get_running_loop().call_later(after_s, self._ring)

    def _ring(self) -> None:
        self._advance()
        while self._waiting and self._waiting[0][0] <= self._given_s + 1e-9:
            _, _, done = heapq.heappop(self._waiting)
            if not done.done():
                done.set_result(None)
        self._set_timer()
