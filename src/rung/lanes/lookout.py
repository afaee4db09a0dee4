"""Looks after those that wait in a lane for what no call's end tells: that a model is warm, that a pause is over."""

import asyncio
from collections.abc import Callable
from math import inf

from rung.errors import ReasonerError, Unavailable
from rung.lanes.queue import Queue
from rung.reasoners.base import Reasoner

# How often a model that is not warm is looked at.
_LOOK_S = 0.05


class Lookout:
    """`pump` starts those in the `queue` that can be; `turn_away` sends them elsewhere; `wake` tells a model that is
    cold that calls wait for it."""

    def __init__(
        self,
        reasoner: Reasoner,
        queue: Queue,
        pump: Callable[[], None],
        turn_away: Callable[[ReasonerError], None],
        wake: Callable[[], None] | None,
    ) -> None:
        self._reasoner = reasoner
        self._queue = queue
        self._pump = pump
        self._turn_away = turn_away
        self._wake = wake
        self._looking: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None

    def until_over(self, pause_s: float) -> None:
        """Starts them after `pause_s`, if they are not to be sooner."""
        loop = asyncio.get_running_loop()
        if pause_s == inf or (self._pause is not None and self._pause.when() <= loop.time() + pause_s + _LOOK_S):
            return
        if self._pause is not None:
            self._pause.cancel()
        self._pause = loop.call_later(pause_s, self._over)

    def _over(self) -> None:
        self._pause = None
        self._pump()

    def until_warm(self) -> None:
        """Starts them once their model is warm, or turns them away if it is down."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name=f"lane {self._reasoner.name}")

    async def _look(self) -> None:
        try:
            while self._queue and (status := self._reasoner.status).state != "warm":
                if status.state == "down":
                    message = f"{self._reasoner.name} is down: {status.note or 'no reason known'}"
                    self._turn_away(Unavailable(message, retry_after_s=status.ready_in_s))
                    return
                if status.state == "cold" and self._wake is not None:
                    self._wake()
                await asyncio.sleep(_LOOK_S)
            self._pump()
        finally:
            self._looking = None

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        if self._pause is not None:
            self._pause.cancel()
