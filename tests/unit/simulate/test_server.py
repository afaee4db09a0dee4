import asyncio

import pytest

from rung.clock import LoopClock
from rung.errors import Unavailable
from rung.simulate import Server, run


def worked(at_once, *starts_and_works, before=lambda server, loop: None):
    """When each was done, by virtual time."""

    async def main():
        server, loop = Server(at_once, LoopClock()), asyncio.get_running_loop()
        before(server, loop)

        async def one(after_s, work_s):
            await asyncio.sleep(after_s)
            await server.work(work_s)
            return loop.time()

        return await asyncio.gather(*(one(*each) for each in starts_and_works))

    return run(main())


def test_up_to_its_number_nobody_is_slowed():
    assert worked(2, (0, 5), (1, 3)) == pytest.approx([5, 4])


def test_beyond_it_all_share():
    assert worked(2, (0, 3), (0, 3), (0, 3), (0, 3)) == pytest.approx([6, 6, 6, 6])


def test_who_is_done_leaves_its_share_to_the_others():
    assert worked(1, (0, 1), (0, 3)) == pytest.approx([2, 4])


def test_slower_hung_and_revived():
    def before(server, loop):
        loop.call_later(1, lambda: server.change(slowness=4.0))
        loop.call_later(5, lambda: server.change(hung=True))
        loop.call_later(50, lambda: server.change(slowness=1.0, hung=False))

    assert worked(1, (0, 3), before=before) == pytest.approx([51])


def test_when_it_dies_all_under_way_fails():
    def before(server, loop):
        loop.call_later(1, lambda: server.fail(Unavailable("gone")))

    with pytest.raises(Unavailable, match="gone"):
        worked(1, (0, 3), before=before)
