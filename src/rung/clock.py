"""The only source of time, handed in everywhere so that the whole system can run on virtual time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType, coroutine
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that never go back; deadlines are absolute on this scale."""

    def wall(self) -> float:
        """Seconds since the epoch, for records that people read."""


class RealClock:
    # The functions themselves: they are called thirty times a request.
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class LoopClock:
    """The running event loop's own time: real under asyncio, virtual under a loop whose time jumps."""

    def __init__(self, epoch_s: float = 0.0) -> None:
        self._epoch_s = epoch_s

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self._epoch_s + self.monotonic()


class within:  # noqa: N801  reads as a preposition, like contextlib's
    """Ends the block with a TimeoutError once so many seconds have passed, unless it is done by then. What
    `asyncio.timeout` does, at a third of its cost, which every request pays."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late = False
        self._until_s: float | None = None

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "only a task can be interrupted"
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = task.get_loop()
        self._timer = self._loop.call_later(self._seconds, self._ring)
        return self

    def from_now(self, seconds: float) -> None:
        """Gives the block so many seconds from now on instead. Where that is longer, the timer is only set anew once it
        rings: most blocks are done by then."""
        until_s = self._loop.time() + seconds
        self._until_s = until_s if until_s >= self._timer.when() else None
        if self._until_s is None and not self._late:
            self._timer.cancel()
            self._timer = self._loop.call_at(until_s, self._ring)

    def _ring(self) -> None:
        if self._until_s is not None:
            self._timer = self._loop.call_at(self._until_s, self._ring)
            self._until_s = None
            return
        self._late = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        if self._late and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error


def soon_within(seconds: float, work: Coroutine[Any, None, T]) -> Awaitable[T]:
    """What `work` gives, which is usually there at once: `within` for so many seconds, but only what has to wait costs
    a timer. Raises TimeoutError."""
    given: Any = guarded(work, partial(within, seconds))
    return given  # type: ignore[no-any-return]  # never None: who is late raises


@coroutine
def in_a_task() -> Generator[None, None, None]:
    """Returns in a task. Work that was begun outside of one, since it may be done at once, gives way here, and whoever
    began it makes a task of the rest."""
    if asyncio.current_task() is None:
        yield


@coroutine
def rest_of(work: Coroutine[Any, None, T], wanted: object) -> Generator[Any, None, T]:
    """What `work` gives, which was begun, and waits for `wanted`."""
    try:
        while True:
            try:
                yield wanted
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  a task throws in what a future failed with: it is for `work`
                wanted = work.throw(error)
            else:
                wanted = work.send(None)
    except StopIteration as done:
        given: T = done.value
        return given
    finally:
        work.close()


@coroutine
def guarded(
    work: Coroutine[Any, None, T], guard: Callable[[], AbstractContextManager[object]]
) -> Generator[Any, None, T | None]:
    """What `work` gives, inside of a `guard` from where it has to wait: what is there at once pays for none. None where
    the guard ended it without an error."""
    try:
        wanted: object = work.send(None)
        try:
            yield from in_a_task()
        except asyncio.CancelledError as error:
            wanted = work.throw(error)
    except StopIteration as done:
        at_once: T = done.value
        return at_once
    given: T | None = None
    with guard():
        given = yield from rest_of(work, wanted)
    return given
