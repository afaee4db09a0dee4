"""One piece of work for all who ask for the same at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

from rung.errors import Unavailable

T = TypeVar("T")
# By how many events the work may be ahead of the caller that was given most: enough for nearly every answer, so that a
# slow reader holds up no lane, and a bound to what one that stops reading costs.
AHEAD = 1024


class _Flight(Generic[T]):
    """The work, its events so far, and how many follow it."""

    def __init__(self, start: Callable[[], AsyncGenerator[T, None]]) -> None:
        self.events: list[T] = []
        self.callers = 0
        self._given = 0
        self._room: asyncio.Future[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self.task = asyncio.get_running_loop().create_task(self._work(start))
        self.task.add_done_callback(self._tell)

    async def news(self) -> None:
        """Returns at the next event, or when the work has ended."""
        waiting: asyncio.Future[None] = self.task.get_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def end(self) -> None:
        """Once the work has ended: raises what it raised."""
        if self.task.cancelled():
            raise Unavailable("The work that this request shared was stopped; ask again")
        self.task.result()

    def gave(self, count: int) -> None:
        """A caller has been given so many events."""
        if count > self._given:
            self._given = count
            if self._room is not None and not self._room.done():
                self._room.set_result(None)

    async def _work(self, start: Callable[[], AsyncGenerator[T, None]]) -> None:
        async with aclosing(start()) as events:  # left while it waits for room, it would end once it is collected
            async for event in events:
                self.events.append(event)
                if self._waiting:
                    self._tell()
                while len(self.events) >= self._given + AHEAD:
                    self._room = self.task.get_loop().create_future()
                    await self._room

    def _tell(self, _: object = None) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class Flights(Generic[T]):
    """Single flight: who joins a key that is in the air shares its work, from its first event on.

    The work runs in a task of its own, so no caller's leaving (aclose or cancel) disturbs the others; when the last
    leaves, the work is cancelled, and has ended before that caller's aclose returns. What the work raises, every
    caller gets. Who comes after the work has ended starts it anew. The work runs ahead of slow callers, of the fastest
    by AHEAD events, and its events are kept until the last caller is through.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Keys that someone follows."""
        return len(self._flights)

    async def join(self, key: Hashable, start: Callable[[], AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
        """`start` is called, in the work's task, only if nobody is at it already. Close the iterator when leaving."""
        flight = self._board(key, start)
        at = 0
        try:
            while True:
                while at < len(flight.events):
                    at += 1
                    flight.gave(at)
                    yield flight.events[at - 1]
                if flight.task.done():
                    break
                await flight.news()
            flight.end()
        finally:
            if self._leave(key, flight):
                await self._stop(flight.task)

    async def all_of(self, key: Hashable, start: Callable[[], AsyncGenerator[T, None]]) -> Sequence[T]:
        """All events of the work at its end, for who has no use for some of them. Else like `join`."""
        flight = self._board(key, start)
        try:
            while not flight.task.done():
                await flight.news()
                flight.gave(len(flight.events))
            flight.end()
            return flight.events
        finally:
            if self._leave(key, flight):
                await self._stop(flight.task)

    def when_ended(self, key: Hashable, tell: Callable[[Sequence[T]], None]) -> bool:
        """Has `tell` given all events of the work on `key` once it has ended; False if none is under way."""
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            return False
        flight.task.add_done_callback(lambda _: tell(flight.events))
        return True

    def _board(self, key: Hashable, start: Callable[[], AsyncGenerator[T, None]]) -> _Flight[T]:
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            flight = self._flights[key] = _Flight(start)
        flight.callers += 1
        return flight

    def _leave(self, key: Hashable, flight: _Flight[T]) -> bool:
        """Whether the work is to be stopped now, since nobody waits for it any longer."""
        flight.callers -= 1
        if flight.callers:
            return False
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.task.done():
            return True
        if not flight.task.cancelled():
            flight.task.exception()  # nobody is left to be told: asyncio need not warn of it
        return False

    async def _stop(self, task: asyncio.Task[None]) -> None:
        # Kept in sight: a caller that is cancelled once more does not wait for the end.
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        task.cancel()
        await asyncio.wait({task})
