import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from rung.clock import in_a_task, rest_of, soon_within, within


async def test_what_is_done_in_time_is_let_be() -> None:
    with within(5):
        await asyncio.sleep(0)


async def test_what_is_late_is_ended() -> None:
    with pytest.raises(TimeoutError), within(0.01):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_the_inner_of_two_is_told_apart_from_the_outer() -> None:
    with within(5):
        with pytest.raises(TimeoutError), within(0):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), within(0.01), within(5):
        await asyncio.Event().wait()


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def work() -> None:
        with within(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_more_time_is_given() -> None:
    with within(0.01) as timer:
        timer.from_now(5)
        await asyncio.sleep(0.03)
    timer = within(5)
    with pytest.raises(TimeoutError), timer:
        await _at_most(timer, 0)


async def test_more_time_that_was_given_ends_too_and_may_be_taken_back() -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    timer = within(0.01)
    with pytest.raises(TimeoutError), timer:
        await _at_most(timer, 0.04)
    assert 0.03 <= loop.time() - began_s < 2
    timer = within(0.01)
    with pytest.raises(TimeoutError), timer:
        await _at_most(timer, 60, 0)
    assert loop.time() - began_s < 4


async def _at_most(timer: within, *seconds: float) -> None:
    for each in seconds:
        timer.from_now(each)
    await asyncio.Event().wait()


async def _after(steps: int, *, fail: bool = False) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    if fail:
        raise ValueError("said so")
    return steps


@pytest.mark.parametrize("steps", [0, 1, 3])
async def test_what_is_soon_there_is_given(steps: int) -> None:
    assert await soon_within(0.0 if steps == 0 else 5.0, _after(steps)) == steps
    with pytest.raises(ValueError, match="said so"):
        await soon_within(5.0, _after(steps, fail=True))


async def test_what_is_not_there_soon_is_ended_and_may_clean_up() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    with pytest.raises(TimeoutError):
        await soon_within(0.01, work())
    assert ended == [True]


async def test_a_cancellation_reaches_what_is_waited_for_and_stays_one() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(True)
            raise

    task = asyncio.create_task(_given(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_what_is_waited_for_may_fail_and_be_made_good() -> None:
    """A task throws into its coroutine what a future failed with."""
    waited: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            return await waited
        except OSError:
            await asyncio.sleep(0)  # cleaning up takes a while
            return "made good"

    asyncio.get_running_loop().call_soon(waited.set_exception, OSError("gone"))
    assert await soon_within(5, work()) == "made good"

    async def fails() -> None:
        try:
            await failed
        finally:
            await asyncio.sleep(0)

    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(failed.set_exception, OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        await soon_within(5, fails())


async def _given(work: Coroutine[Any, None, None]) -> None:
    await soon_within(5.0, work)


def _begun(work: Coroutine[Any, None, str]) -> list[object]:
    """What `work` waits for first, begun outside of a task."""
    found: list[object] = []
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: found.append(work.send(None)))
    return found


async def test_what_was_begun_outside_of_a_task_gives_way_before_it_is_guarded() -> None:
    event = asyncio.Event()

    async def waits() -> str:
        await event.wait()
        return "there"

    async def work() -> str:
        return await soon_within(5, waits())

    begun = work()
    found = _begun(begun)
    await asyncio.sleep(0)
    assert found == [None]
    task = asyncio.create_task(begun)
    await asyncio.sleep(0)
    event.set()
    assert await task == "there"


async def test_what_gave_way_may_be_cancelled_and_clean_up() -> None:
    cleaned = []

    async def waits() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)
        return ""

    async def work() -> str:
        return await soon_within(5, waits())

    begun = work()
    _begun(begun)
    await asyncio.sleep(0)
    task = asyncio.create_task(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned


async def test_in_a_task_nothing_gives_way() -> None:
    work = in_a_task()
    with pytest.raises(StopIteration):
        work.send(None)


async def test_the_rest_of_what_was_begun_is_done_in_a_task() -> None:
    event = asyncio.Event()

    async def work() -> str:
        await event.wait()
        return "there"

    begun = work()
    found = _begun(begun)
    await asyncio.sleep(0)

    async def rest() -> str:
        return await rest_of(begun, found[0])

    task = asyncio.create_task(rest())
    await asyncio.sleep(0)
    event.set()
    assert await task == "there"
