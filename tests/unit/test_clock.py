import asyncio

import pytest

from rung.clock import within


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


async def _at_most(timer: within, seconds: float) -> None:
    timer.from_now(seconds)
    await asyncio.Event().wait()
