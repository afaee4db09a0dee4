import asyncio

import pytest

from rung.config.lanes import Breaker, Hedge, Lanes, Retry
from rung.errors import Disconnected, TimedOut, Upstream, UpstreamRefusedRequest


async def test_nothing_is_tried_again_that_could_not_be_done_in_time(bench, server):
    servers = [server([0.05, Upstream("broke", upstream_status=500)]) for _ in range(2)]
    lane = bench.lane(*servers, places=8, most=4, first_s=0.3)
    with pytest.raises(Upstream):
        await bench.ask(lane, within_s=0.32)
    assert lane.stats().retried == 0


async def test_retries_stay_within_their_budget(bench, server):
    bad, fine = server(Upstream("broke", upstream_status=500)), server("ok")
    lane = bench.lane(
        bad, fine, places=8, most=4, bounds=Lanes(retry=Retry(share=0.0), breaker=Breaker(failed_share=1.0))
    )
    done = await asyncio.gather(*(bench.ask(lane) for _ in range(4)), return_exceptions=True)
    assert lane.stats().retried == 0
    assert any(isinstance(e, Upstream) for e in done)


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ([["half", Upstream("broke", upstream_status=500)]], {}),
        ([UpstreamRefusedRequest("no", upstream_status=400)], {}),
        ([Upstream("broke", upstream_status=500)], {"store": True}),
        ([Upstream("no such model", upstream_status=404)], {}),
    ],
)
async def test_what_is_never_tried_again(bench, server, script, body):
    servers = [server(*script), server(*script)]
    lane = bench.lane(*servers, places=8, most=4)
    with pytest.raises(Upstream):
        await bench.ask(lane, body=body)
    assert sum(len(s.begun) for s in servers) == 1


async def test_a_call_that_met_a_closed_connection_is_made_anew_at_the_same_upstream(bench, server):
    up = server(Disconnected("closed"), "ok")
    lane = bench.lane(up, places=1, most=1)
    assert await bench.ask(lane) == "ok"
    assert up.begun == ["c", "c"]
    assert (lane.stats().retried, lane.stats().served) == (1, 1)
    up.script = [Disconnected("closed"), "ok"] * 8
    lane = bench.lane(up, places=8, most=8)
    answers = await asyncio.gather(*(bench.ask(lane, f"x{i}") for i in range(8)))
    assert answers == ["ok"] * 8, "a server that was started anew has closed all"
    assert lane.stats().retried == 8
    up.script = [Disconnected("closed")]
    for body in ({"store": True}, {}):
        with pytest.raises(Disconnected):
            await bench.ask(lane, body=body)
    assert lane.stats().retried == 9, "what is to be stored never, any other once"
    assert lane.stats().breakers == {"leaf": "closed"}, "it says nothing of the server"
    assert (lane.running, lane.pool.running) == (0, 0)


LOST = Lanes(hedge=Hedge(share=0.0, lost_factor=2.0, least_lost_s=0.05))


async def known(bench, *servers, **more):
    """A lane that has seen how long its calls are silent."""
    lane = bench.lane(*servers, places=8, most=8, twice=True, bounds=LOST, **more)
    for _ in range(30):
        await bench.ask(lane)
    return lane


async def test_a_call_that_hangs_is_lost_where_another_reasoner_can_be_asked(bench, server):
    up = server()
    lane = await known(bench, up)
    up.script = [asyncio.Event()]
    for _ in range(3):
        with pytest.raises(TimedOut, match="taken for lost"):
            await bench.ask(lane, elsewhere=True)
    assert lane.status.state == "warm"
    waiting = bench.start(lane, "nobody else", within_s=60.0)
    hanging = [bench.start(lane, f"h{i}", elsewhere=True) for i in range(2)]
    assert all(isinstance(e, TimedOut) for e in await asyncio.gather(*hanging, return_exceptions=True))
    assert lane.status.state == "down", "five in a row"
    assert not waiting.done(), "there was nobody else for it"
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (lane.running, lane.pool.running) == (0, 0)


async def test_what_is_silent_leaves_with_the_others_when_its_upstream_is_left_alone(bench, server):
    up = server()
    lane = await known(bench, up)
    up.script = [asyncio.Event()]
    late = asyncio.get_running_loop().time()
    calls = [bench.start(lane, f"h{i}", elsewhere=True, completion_tokens=40.0 * (i > 4)) for i in range(8)]
    await asyncio.gather(*calls, return_exceptions=True)
    assert asyncio.get_running_loop().time() - late < 1.0


async def test_what_may_be_made_once_is_never_taken_for_lost(bench, server):
    up = server()
    lane = await known(bench, up)
    gate = asyncio.Event()
    up.script = [gate, "ok"]
    stored = bench.start(lane, body={"store": True}, elsewhere=True)
    await asyncio.sleep(0.2)
    assert not stored.done()
    gate.set()
    await asyncio.wait([stored])
    assert up.begun.count("c") == 31


async def test_what_takes_long_everywhere_is_waited_for_in_the_end(bench, server):
    first, second, alone = server(), server(), server()
    lane, lane_alone = await known(bench, first, second), await known(bench, alone)
    first.script = second.script = alone.script = [[0.3, "at last"]]
    assert await bench.ask(lane, "slow") == "at last"
    assert (first.begun + second.begun).count("slow") == 2
    assert await bench.ask(lane_alone, "alone") == "at last"
    assert alone.begun.count("alone") == 1


async def test_a_call_that_hangs_is_made_at_another_upstream(bench, server):
    first, second = server(), server()
    lane = await known(bench, first, second)
    first.script = second.script = [asyncio.Event(), "ok"]  # whichever is called first hangs, the other answers
    assert await bench.ask(lane, "last") == "ok"
    assert (first.begun + second.begun).count("last") == 2
    assert lane.stats().retried == 1


async def test_a_slow_call_is_hedged_and_the_loser_stopped(bench, server):
    slow, fast = server("ok"), server("ok")
    lane = bench.lane(slow, fast, places=8, most=4, twice=True, bounds=Lanes(hedge=Hedge(share=0.5)))
    for _ in range(60):
        await bench.ask(lane)
    slow.script = fast.script = [asyncio.Event(), "ok"]
    shared = slow.script  # whichever is called first hangs, the other answers
    assert shared is fast.script
    slow.begun.clear()
    fast.begun.clear()
    assert await bench.ask(lane, "last") == "ok"
    assert slow.begun == fast.begun == ["last"]
    assert slow.left + fast.left == 1
    assert lane.stats().hedged == 1
    assert (lane.running, lane.pool.running) == (0, 0)


async def test_a_hedge_that_is_outrun_is_stopped_before_the_answers_end(bench, server):
    spoke, ended = asyncio.Event(), asyncio.Event()
    one, two = server("ok"), server("ok")
    lane = bench.lane(one, two, places=8, most=4, twice=True, bounds=Lanes(hedge=Hedge(share=0.5)))
    for _ in range(60):
        await bench.ask(lane)
    one.script = two.script = [[spoke, "first", ended, "last"], asyncio.Event()]
    task = bench.start(lane, "last")
    await bench.until(lambda: lane.stats().hedged == 1 and lane.running == 2)
    spoke.set()
    await bench.until(lambda: lane.running == lane.pool.running == 1)
    assert one.left + two.left == 1
    ended.set()
    assert await task == "firstlast"


async def test_a_hedge_that_fails_loses(bench, server):
    gate = asyncio.Event()
    one, two = server("ok"), server("ok")
    lane = bench.lane(one, two, places=8, most=4, twice=True, bounds=Lanes(hedge=Hedge(share=0.5)))
    for _ in range(60):
        await bench.ask(lane)
    one.script = two.script = [[gate, "first"], Upstream("broke", upstream_status=500)]
    task = bench.start(lane, "last")
    await bench.until(lambda: (lane.stats().hedged == 1 and lane.running == 1) or len(one.script) == 1)
    gate.set()
    assert await task == "first"
    assert lane.pool.running == 0


async def test_a_client_that_leaves_a_race_stops_both(bench, server):
    one, two = server("ok"), server("ok")
    lane = bench.lane(one, two, places=8, most=4, twice=True, bounds=Lanes(hedge=Hedge(share=0.5)))
    for _ in range(60):
        await bench.ask(lane)
    one.script = two.script = [asyncio.Event()]
    task = bench.start(lane, "last")
    await bench.until(lambda: lane.running == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert one.left == two.left == 1
    assert lane.pool.running == 0
