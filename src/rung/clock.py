"""The only source of time, handed in everywhere so that the whole system can run on virtual time."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that never go back; deadlines are absolute on this scale."""

    def wall(self) -> float:
        """Seconds since the epoch, for records that people read."""


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class LoopClock:
    """The running event loop's own time: real under asyncio, virtual under a loop whose time jumps."""

    def __init__(self, epoch_s: float = 0.0) -> None:
        self._epoch_s = epoch_s

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self._epoch_s + self.monotonic()
