"""Callers are driven one event at a time; the work waits at gates that the test opens."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from rung.cache import Flights
from rung.cache.flights import AHEAD
from rung.errors import Unavailable, Upstream

KEY = b"k"


class Work:
    """Yields 0, 1, 2, ... each when told to, and counts what became of it."""

    def __init__(self):
        self.started = self.closed = 0
        self._steps = asyncio.Queue()

    def step(self, *events):
        for event in events:
            self._steps.put_nowait(event)

    async def __call__(self):
        self.started += 1
        try:
            while (event := await self._steps.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            for _ in range(5):  # a clean-up that takes a moment
                await asyncio.sleep(0)
            self.closed += 1


@pytest.fixture
def work():
    return Work()


@pytest.fixture(autouse=True)
async def no_task_is_left():
    yield
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def all_of(events: AsyncIterator):
    async with aclosing(events):
        return [event async for event in events]


@pytest.fixture(params=["join", "all_of"])
def following(request):
    """A task that wants all events, one by one or at the end: the same work for both."""

    async def at_the_end(flights, work, key):
        return list(await flights.all_of(key, work))

    def follow(flights, work, key=KEY):
        return asyncio.create_task(
            all_of(flights.join(key, work)) if request.param == "join" else at_the_end(flights, work, key)
        )

    return follow


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_caller_gets_every_event(work):
    work.step(1, 2, 3, None)
    assert await all_of(Flights().join(KEY, work)) == [1, 2, 3]
    assert (work.started, work.closed) == (1, 1)


async def test_callers_share_one_work_and_all_get_all_of_it(work, following):
    flights = Flights()
    first = following(flights, work)
    work.step(1, 2)
    await settle()
    late = [following(flights, work) for _ in range(5)]
    await settle()
    work.step(3, None)
    assert await asyncio.gather(first, *late) == [[1, 2, 3]] * 6
    assert (work.started, work.closed, len(flights)) == (1, 1, 0)


async def test_the_work_runs_ahead_of_the_fastest_caller_by_so_much_and_no_more():
    made = 0

    async def endless():
        nonlocal made
        while True:
            made += 1
            yield made

    async def take(caller, count):
        return [await anext(caller) for _ in range(count)]

    async def idle():
        for _ in range(3 * AHEAD):
            await asyncio.sleep(0)
        return made

    flights = Flights()
    slow, fast = flights.join(KEY, endless), flights.join(KEY, endless)
    async with aclosing(slow), aclosing(fast):
        assert await take(slow, 5) == [1, 2, 3, 4, 5]
        assert await idle() == 5 + AHEAD
        assert await take(fast, 3 * AHEAD) == list(range(1, 3 * AHEAD + 1))
        assert await idle() == 4 * AHEAD
        assert await take(slow, 3 * AHEAD) == list(range(6, 3 * AHEAD + 6))
        assert await idle() == 4 * AHEAD + 5


async def test_other_keys_do_not_share(work, following):
    flights, other = Flights(), Work()
    tasks = [following(flights, work), following(flights, other, b"other")]
    work.step(1, None)
    other.step(2, None)
    assert await asyncio.gather(*tasks) == [[1], [2]]


async def test_events_come_as_they_are_made(work):
    async with aclosing(Flights().join(KEY, work)) as events:
        for i in range(3):
            work.step(i)
            assert await anext(events) == i


@pytest.mark.parametrize("leaver", [0, 1])
async def test_a_caller_that_is_cancelled_disturbs_nobody(work, leaver, following):
    flights = Flights()
    tasks = [following(flights, work) for _ in range(3)]
    work.step(1)
    await settle()
    tasks[leaver].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks.pop(leaver)
    work.step(2, None)
    assert await asyncio.gather(*tasks) == [[1, 2]] * 2
    assert (work.started, work.closed) == (1, 1)


async def test_a_caller_that_closes_disturbs_nobody(work, following):
    flights = Flights()
    leaving = flights.join(KEY, work)
    work.step(1)
    assert await anext(leaving) == 1
    staying = following(flights, work)
    await settle()
    await leaving.aclose()
    work.step(2, None)
    assert await staying == [1, 2]


async def test_when_the_last_one_closes_the_work_has_ended(work):
    flights = Flights()
    work.step(1)
    events = [flights.join(KEY, work) for _ in range(2)]
    for one in events:
        assert await anext(one) == 1
    await events[0].aclose()
    assert work.closed == 0
    await events[1].aclose()
    assert (work.closed, len(flights)) == (1, 0)


async def test_work_that_is_far_ahead_has_ended_too(work):
    flights = Flights()
    work.step(*range(AHEAD + 1))
    async with aclosing(flights.join(KEY, work)) as events:
        assert await anext(events) == 0
        for _ in range(3 * AHEAD):
            await asyncio.sleep(0)
    assert (work.closed, len(flights)) == (1, 0)


async def test_when_the_last_one_is_cancelled_the_work_has_ended(work, following):
    flights = Flights()
    task = following(flights, work)
    await settle()
    assert work.started == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (work.closed, len(flights)) == (1, 0)


async def test_a_caller_cancelled_before_its_work_began_leaves_nothing(work, following):
    task = following(Flights(), work)
    await asyncio.sleep(0)  # it has joined; the work's task has not had its turn
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.started == work.closed


async def test_an_error_reaches_every_caller_after_the_events_before_it(work):
    flights = Flights()

    async def follow():
        async with aclosing(flights.join(KEY, work)) as events:
            assert await anext(events) == 1
            await anext(events)

    tasks = [asyncio.create_task(follow()) for _ in range(3)]
    error = Upstream("broke")
    work.step(1, error)
    assert await asyncio.gather(*tasks, return_exceptions=True) == [error] * 3
    assert len(flights) == 0


async def test_an_errors_traceback_does_not_grow_with_its_callers(work):
    flights = Flights()

    async def depth():
        try:
            await all_of(flights.join(KEY, work))
        except Upstream as error:
            frames, at = 0, error.__traceback__
            while at:
                frames, at = frames + 1, at.tb_next
            return frames

    tasks = [asyncio.create_task(depth()) for _ in range(20)]
    work.step(Upstream("broke"))
    assert max(await asyncio.gather(*tasks)) < 10


async def test_an_error_that_nobody_waited_for_is_dropped(work, recwarn):
    flights = Flights()
    events = flights.join(KEY, work)
    work.step(1, Upstream("broke"))
    assert await anext(events) == 1
    await settle()
    await events.aclose()
    del events
    gc.collect()
    assert len(flights) == 0


async def test_who_comes_after_the_end_starts_anew(work):
    flights = Flights()
    work.step(1, None)
    slow = flights.join(KEY, work)
    assert await anext(slow) == 1
    await settle()
    work.step(2, None)
    assert await all_of(flights.join(KEY, work)) == [2]
    assert await all_of(slow) == []
    assert (work.started, len(flights)) == (2, 0)


async def test_who_comes_while_the_last_one_leaves_starts_anew(work, following):
    flights = Flights()
    leaver = following(flights, work)
    await settle()
    leaver.cancel()
    await asyncio.sleep(0)
    other = Work()
    other.step(7, None)
    assert await following(flights, other) == [7]
    with pytest.raises(asyncio.CancelledError):
        await leaver
    assert len(flights) == 0


async def test_work_that_was_stopped_by_another_tells_its_callers(work, following):
    flights = Flights()
    tasks = [following(flights, work) for _ in range(2)]
    work.step(asyncio.CancelledError())
    for task in tasks:
        with pytest.raises(Unavailable, match="ask again"):
            await task


class Crowd:
    """Callers that come, leave and are cancelled at random, for works that yield, fail and end at random."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.flights = Flights()
        self.alive = 0

    async def pause(self, most):
        for _ in range(self.draw.randrange(most)):
            await asyncio.sleep(0)

    async def work(self):
        self.alive += 1
        try:
            for i in range(self.draw.randrange(6)):
                await self.pause(3)
                yield i
            if self.draw.random() < 0.2:
                raise Upstream("broke")
            yield "end"
        finally:
            try:
                await self.pause(3)
            finally:
                self.alive -= 1

    async def caller(self):
        await self.pause(12)
        seen = []
        patience = self.draw.choice([1, 3, 100, 100])
        async with aclosing(self.flights.join(self.draw.choice([b"a", b"b"]), self.work)) as events:
            async for event in events:
                seen.append(event)
                await self.pause(2)
                if len(seen) == patience:
                    return seen, "left"
        return seen, "whole"


@pytest.mark.parametrize("seed", range(150))
async def test_whatever_the_order_everyone_gets_a_whole_work_or_leaves_cleanly(seed):
    crowd = Crowd(seed)
    tasks = [asyncio.create_task(crowd.caller()) for _ in range(crowd.draw.randrange(1, 8))]
    cancelled = set()
    for _ in range(crowd.draw.randrange(15)):
        await asyncio.sleep(0)
        if crowd.draw.random() < 0.2:
            cancelled.add(crowd.draw.choice(tasks))
            for task in cancelled:
                task.cancel()  # the more often the worse
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, tuple):
            seen, how = result
            whole = [*range(len(seen) - 1), "end"]
            assert seen == whole or (how == "left" and seen == list(range(len(seen))))
        else:
            assert isinstance(result, Upstream | asyncio.CancelledError)
    await settle()
    assert (crowd.alive, len(crowd.flights), crowd.flights._ending) == (0, 0, set())


async def test_callers_of_both_kinds_share_one_work(work):
    flights = Flights()
    one_by_one = asyncio.create_task(all_of(flights.join(KEY, work)))
    at_the_end = asyncio.create_task(flights.all_of(KEY, work))
    work.step(1)
    await settle()
    assert not at_the_end.done()
    work.step(2, None)
    assert (await one_by_one, list(await at_the_end)) == ([1, 2], [1, 2])
    assert (work.started, work.closed) == (1, 1)


async def test_who_waits_for_the_end_does_not_hold_the_work_up(work):
    flights = Flights()
    count = 3 * AHEAD
    work.step(*range(1, count + 1), None)
    assert len(await flights.all_of(KEY, work)) == count
