"""An event loop whose time jumps: what takes hours on the clock takes as long as its computing.

With `rung.clock.LoopClock` everything that takes its time from its clock and its loop runs on it unchanged, and, given
the same seeds, the same way each time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Nothing is ready and nothing is scheduled: everyone waits for something that will never happen."""


class _Jump(selectors.SelectSelector):
    """Waits for nothing: where the loop would sleep, its time moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock(
                "nothing is ready and nothing is scheduled: what is awaited never happens (threads, sockets and "
                "processes do not exist in virtual time)"
            )
        if timeout > 0:
            self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time starts at 0. Raises Deadlock, out of `run`, when nothing can ever happen again."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` to its end in virtual time. Raises Deadlock, and whatever `main` raises."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
