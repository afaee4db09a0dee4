import asyncio

import pytest

from rung.config.lanes import Breaker, Congestion, Lanes, Queue
from rung.errors import Overloaded, RateLimited, TimedOut, Unavailable, Upstream, UpstreamRefusedRequest
from rung.lanes import Batcher
from rung.reasoners.base import Status, closing

from .conftest import WAIT_S


async def test_no_more_calls_at_once_than_places(bench, server):
    up = server()
    up.script = [[0.001, "ok"]]
    lane = bench.lane(up, places=3)
    answers = await asyncio.gather(*(bench.ask(lane, f"c{i}") for i in range(20)))
    assert answers == ["ok"] * 20
    assert up.most == 3
    assert (lane.running, lane.waiting, lane.pool.running) == (0, 0, 0)
    assert lane.stats().served == 20


async def test_the_higher_class_goes_first(bench, server):
    gate = asyncio.Event()
    up = server([gate, "ok"])
    lane = bench.lane(up, places=1)
    first = bench.start(lane, "first")
    await bench.until(lambda: up.running)
    tasks = []
    for name, priority in (("batch", 2), ("interactive", 1), ("critical", 0)):
        tasks.append(bench.start(lane, name, priority=priority))
        await bench.until(lambda: lane.waiting == len(tasks))
    gate.set()
    await asyncio.gather(first, *tasks)
    assert up.begun == ["first", "critical", "interactive", "batch"]


async def test_who_leaves_the_queue_frees_the_place(bench, server):
    gate = asyncio.Event()
    up = server([gate, "ok"])
    lane = bench.lane(up, places=1, bounds=Lanes(queue=Queue(max_requests=1)))
    first, second = bench.start(lane, "first"), bench.start(lane, "second")
    await bench.until(lambda: lane.waiting)
    with pytest.raises(Overloaded) as caught:
        await bench.ask(lane, "third")
    assert caught.value.retry_after_s >= 1.0
    second.cancel()
    await bench.until(lambda: not lane.waiting)
    fourth = bench.start(lane, "fourth")
    gate.set()
    assert await asyncio.gather(first, fourth) == ["ok", "ok"]
    assert up.begun == ["first", "fourth"]


async def test_who_leaves_as_its_turn_comes_gives_it_on(bench, server):
    gate = asyncio.Event()
    up = server([gate, "ok"])
    lane = bench.lane(up, places=1)
    first, second, third = (bench.start(lane, name) for name in ("first", "second", "third"))
    await bench.until(lambda: lane.waiting == 2)
    first.add_done_callback(lambda _: second.cancel())  # its turn has come, it does not know yet
    gate.set()
    assert await third == "ok"
    assert up.begun in (["first", "third"], ["first", "second", "third"])
    assert lane.pool.running == 0


async def test_a_deadline_that_passes_in_the_queue(bench, server):
    gate = asyncio.Event()
    lane = bench.lane(server([gate, "ok"]), places=1)
    first = bench.start(lane, "first")
    await bench.until(lambda: lane.running)
    with pytest.raises(TimedOut, match="busy until too late"):
        await bench.ask(lane, "second", within_s=0.05)
    assert lane.waiting == 0
    gate.set()
    await first
    assert lane.stats().expired == 1


async def test_one_that_another_rung_is_asked_for_leaves_the_queue_by_then(bench, server):
    lane = bench.lane(server(asyncio.Event()), places=1)
    first = bench.start(lane, "first")
    await bench.until(lambda: lane.running)
    second = bench.start(lane, "second", begin_by_s=bench.clock.monotonic() + 0.05)
    await asyncio.wait([second], timeout=1.0)
    assert isinstance(second.exception(), TimedOut)
    assert lane.waiting == 0
    first.cancel()
    await asyncio.wait([first])


async def test_a_full_queue_tells_how_long_it_takes_to_be_empty(bench, server):
    lane = bench.lane(server(asyncio.Event()), places=1, first_s=10.0, bounds=Lanes(queue=Queue(max_requests=2)))
    tasks = [bench.start(lane, f"c{i}", within_s=1000.0) for i in range(3)]
    await bench.until(lambda: lane.waiting == 2)
    with pytest.raises(Overloaded) as caught:
        await bench.ask(lane, "fourth", within_s=1000.0)
    assert caught.value.retry_after_s == pytest.approx(30.0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_who_cannot_be_served_in_time_is_refused_at_the_door(bench, server):
    gate = asyncio.Event()
    lane = bench.lane(server([gate, "ok"]), places=1, first_s=10.0)
    running = bench.start(lane, "first")
    await bench.until(lambda: lane.running)
    waiting = [bench.start(lane, f"w{i}") for i in range(3)]
    await bench.until(lambda: lane.waiting == 3)
    assert lane.standing(1, "local").wait_s == pytest.approx(40.0)
    assert lane.standing(1, "another").wait_s == pytest.approx(20.0)
    assert lane.standing(0, "local").wait_s == pytest.approx(10.0)
    with pytest.raises(Overloaded) as caught:
        await bench.ask(lane, "late", within_s=15.0)
    assert caught.value.retry_after_s == pytest.approx(5.0, abs=0.2)
    urgent = bench.start(lane, "urgent", within_s=25.0, priority=0)
    await bench.until(lambda: lane.waiting == 4)
    gate.set()
    await asyncio.gather(running, urgent, *waiting)


async def test_a_failing_upstream_is_left_alone_and_its_queue_told(bench, server):
    gate = asyncio.Event()
    up = server([gate, Upstream("broke")])
    lane = bench.lane(up, places=3)
    tasks = [bench.start(lane, f"c{i}") for i in range(6)]
    await bench.until(lambda: lane.waiting == 3)
    gate.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(type(e) is Upstream for e in done) >= 3
    assert all(isinstance(e, Upstream | Unavailable) for e in done)
    status = lane.status
    assert (status.state, status.note) == ("down", "does not answer; asked again in 1 s")
    with pytest.raises(Unavailable, match="does not answer") as caught:
        await bench.ask(lane)
    assert 0 < caught.value.retry_after_s <= 1.0


async def test_who_waits_for_one_that_is_left_alone_is_told_when_to_come_back(bench, server):
    gate = asyncio.Event()
    up = server([gate, Upstream("broke")])
    lane = bench.lane(up, places=1, bounds=Lanes(breaker=Breaker(least_calls=1)))
    first, second = bench.start(lane, "first"), bench.start(lane, "second")
    await bench.until(lambda: lane.waiting)
    gate.set()
    await asyncio.wait([first, second], timeout=1.0)
    assert isinstance(first.exception(), Upstream)
    error = second.exception()
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == pytest.approx(1.0, abs=0.1)
    assert up.begun == ["first"]


async def test_it_comes_back_by_probes(bench, server):
    up = server(Upstream("a"), Upstream("b"), Upstream("c"), "ok")
    lane = bench.lane(up, bounds=Lanes(breaker=Breaker(first_pause_s=0.05)))
    for _ in range(3):
        with pytest.raises(Upstream):
            await bench.ask(lane)
    await asyncio.sleep(0.06)
    assert lane.status.state == "warm"
    assert [await bench.ask(lane), await bench.ask(lane)] == ["ok", "ok"]
    assert lane.stats().breakers == {"leaf": "closed"}


async def test_a_probe_whose_caller_leaves_as_its_turn_comes_is_left_to_the_next(bench, server):
    up = server(Upstream("a"), Upstream("b"), Upstream("c"), "ok")
    lane = bench.lane(up, places=1, bounds=Lanes(breaker=Breaker(first_pause_s=0.05)))
    for _ in range(3):
        with pytest.raises(Upstream):
            await bench.ask(lane)
    await asyncio.sleep(0.06)
    probe = bench.call("probe")
    async with closing(lane.call(probe)) as chunks:
        await anext(chunks)
        leaves = bench.start(lane, "leaves")
        await bench.until(lambda: lane.waiting)
        asyncio.get_running_loop().call_soon(leaves.cancel)  # between its turn, which comes now, and its next step
        assert [chunk.finish async for chunk in chunks] == ["stop"]
    await asyncio.wait([leaves])
    assert leaves.cancelled()
    assert up.begun[3:] == ["probe"]
    assert await bench.ask(lane, "next", within_s=1.0) == "ok"
    assert lane.stats().breakers == {"leaf": "closed"}


async def test_a_request_at_fault_and_a_caller_that_leaves_are_no_failures(bench, server):
    up = server(UpstreamRefusedRequest("your fault"))
    lane = bench.lane(up)
    for _ in range(5):
        with pytest.raises(UpstreamRefusedRequest):
            await bench.ask(lane)
    up.script = [["a", asyncio.Event()]]
    for _ in range(5):
        async with closing(lane.call(bench.call())) as chunks:
            await anext(chunks)
    assert up.left == 5
    assert lane.status.state == "warm"
    assert lane.pool.running == 0


async def test_a_hung_upstream_is_found_out_by_deadlines(bench, server):
    lane = bench.lane(server(asyncio.Event()), most=8, first_s=0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await bench.ask(lane, within_s=0.05)
    assert lane.status.state == "down"


async def test_a_prompt_that_takes_long_to_read_is_no_failure_at_its_deadline(bench, server):
    lane = bench.lane(server(*[[0.005, "ok"]] * 20, asyncio.Event()), most=16, places=16, first_s=0.005)
    for _ in range(20):
        await bench.ask(lane)

    async def late():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.03):
                await bench.ask(lane, within_s=0.03, prompt_tokens=400_000)

    await asyncio.gather(*(late() for _ in range(6)))
    assert lane.status.state == "warm"


async def test_a_machine_of_ours_is_not_left_alone_for_answers_longer_than_predicted(bench, server):
    lane = bench.lane(server([1.0, "ok"]), places=20, first_s=0.04)

    async def late():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await bench.ask(lane, within_s=0.05)

    await asyncio.gather(*(late() for _ in range(20)))
    assert lane.status.state == "warm"


async def test_429_cools_down_its_own_upstream_only(bench, server):
    limited, fine = server(RateLimited("slow down", retry_after_s=30.0)), server("ok")
    lane = bench.lane(limited, fine, places=8, most=4)
    answers = [await bench.ask(lane) for _ in range(20)]
    assert answers == ["ok"] * 20
    assert len(limited.begun) == 1
    assert lane.stats().breakers == {"u0": "open", "u1": "closed"}
    assert lane.stats().retried == 1
    assert lane.status.state == "warm"


async def test_who_is_let_in_but_never_served_is_turned_away_before_long(bench, server):
    lane = bench.lane(server(asyncio.Event()), places=1, first_s=0.001)
    first = bench.start(lane, "first")
    await bench.until(lambda: lane.running)
    for _ in range(2):
        asked = (bench.ask(lane, f"c{i}", within_s=0.1) for i in range(40))
        await asyncio.gather(*asked, return_exceptions=True)
    assert lane.stats().expired >= 40
    assert lane.stats().shed > 0, "of what is offered none is served"
    first.cancel()
    await asyncio.wait([first])


async def test_who_waits_beside_an_upstream_that_paused_is_served_by_it_once_it_may_be(bench, server):
    gate = asyncio.Event()
    paused, busy = server(RateLimited("slow down", retry_after_s=0.1), "ok"), server([gate, "ok"])
    lane = bench.lane(paused, busy, places=8, most=1)
    tasks = [bench.start(lane, f"c{i}") for i in range(3)]
    await bench.until(lambda: sum(task.done() for task in tasks) == 2)
    gate.set()
    await asyncio.gather(*tasks)
    assert lane.stats().breakers == {"u0": "closed", "u1": "closed"}


async def test_of_two_upstreams_that_paused_the_first_to_be_back_serves_who_waits(bench, server):
    gate = asyncio.Event()
    long = server(RateLimited("slow down", retry_after_s=30.0))
    short = server([0.02, RateLimited("slow down", retry_after_s=0.1)], "ok")
    lane = bench.lane(long, short, server([gate, "ok"]), places=8, most=1)
    tasks = [bench.start(lane, f"c{i}") for i in range(5)]
    await bench.until(lambda: sum(task.done() for task in tasks) == 4)
    gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers.count("ok") == 4, "but for the one that met the first pause"
    await lane.close()


async def test_a_batch_that_fails_has_failed_once(bench, server):
    async def answer_batch(_):
        raise Upstream("boom")

    up = server()
    up.answer = Batcher(answer_batch, 16, bench.clock).answer
    lane = bench.lane(up, places=32, most=32)
    for left in (True, True, False):
        done = await asyncio.gather(*(bench.ask(lane, f"c{i}") for i in range(16)), return_exceptions=True)
        assert all(isinstance(one, Upstream) for one in done)
        assert (lane.status.state == "warm") is left, "three are three batches"
    assert lane.pool.running == 0


async def test_lanes_of_one_pool_share_its_places(bench, server):
    pool = bench.pool(2)
    one, two = server([0.001, "a"]), server([0.001, "b"])
    lanes = [bench.lane(one, pool=pool), bench.lane(two, pool=pool)]
    running = []

    async def ask(lane):
        answer = await bench.ask(lane)
        running.append(pool.running)
        return answer

    await asyncio.gather(*(ask(lane) for lane in lanes for _ in range(10)))
    assert one.most <= 2
    assert two.most <= 2
    assert max(running) <= 2
    assert pool.running == 0
    assert await bench.ask(lanes[0]) == "a", "what the other does not need is free"


async def test_a_model_takes_no_more_than_its_slots_through_all_its_lanes(bench, server):
    """And what it cannot take of the pool another has."""
    pool, model, other = bench.pool(4), server([0.005, "ok"]), server([0.005, "ok"])
    calm, wild = (bench.lane(model, pool=pool, slots=2, wake=model.answer) for _ in range(2))
    beside = bench.lane(other, pool=pool, slots=4, wake=other.answer)
    await asyncio.gather(*(bench.ask(lane) for lane in (calm, wild, *[beside] * 6) for _ in range(10)))
    assert (model.most, other.most) == (2, 4)
    assert (calm.stats().limit, beside.stats().limit) == (2, 4)
    assert await bench.ask(calm) == "ok"


async def test_the_wait_counts_what_lanes_of_more_weight_are_given_meanwhile(bench, server):
    pool, gate = bench.pool(1), asyncio.Event()
    light, heavy = (bench.lane(server([gate, "ok"]), pool=pool, first_s=1.0, weight=w) for w in (1.0, 3.0))
    tasks = [bench.start(light)]
    await bench.until(lambda: light.running)
    tasks += [bench.start(heavy, within_s=900.0) for _ in range(9)]
    await bench.until(lambda: heavy.waiting == 9)
    assert light.standing(tenant="local").wait_s == pytest.approx(1 + 3), "the one that runs, and three for its own"
    assert heavy.standing(tenant="local").wait_s == pytest.approx(1 + 9)
    tasks.append(bench.start(light, within_s=900.0))
    await bench.until(lambda: light.waiting)
    assert light.standing(tenant="local").wait_s == pytest.approx(1 + 1 + 6)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_those_who_wait_for_another_model_to_load_are_ahead_of_nobody_and_crowd_nobody(bench, server):
    pool, bounds = bench.pool(1), Lanes(congestion=Congestion(step_usd=1.0, most_usd=1.0, smooth_s=0.001))
    warm, cold = (bench.lane(server([0.1, "ok"]), pool=pool, first_s=1.0, bounds=bounds) for _ in range(2))
    cold.reasoner.status = Status(state="loading")
    tasks = [bench.start(cold, priority=0) for _ in range(9)]
    await bench.until(lambda: cold.waiting == 9)
    for _ in range(2):
        assert warm.congestion == 0
        await asyncio.sleep(0.1)
    tasks.append(bench.start(warm))
    await bench.until(lambda: warm.running)
    assert warm.standing().wait_s == 1.0, "the one that runs"
    cold.reasoner.status = Status(state="warm")
    assert warm.standing().wait_s > 2.0
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_who_waits_for_a_model_to_load_saves_up_no_share_of_what_others_are_served_meanwhile(bench, server):
    pool, first, third = bench.pool(1), asyncio.Event(), asyncio.Event()
    there = server([first, "ok"], "ok", [third, "ok"], "ok")
    warm, cold = (bench.lane(there, pool=pool) for _ in range(2))
    cold.reasoner.status = Status(state="loading")
    tasks = [bench.start(cold, "patient", prompt_tokens=1.0)]
    await bench.until(lambda: cold.waiting)
    tasks += [bench.start(warm, n, priority=0, prompt_tokens=20.0) for n in ("c0", "c1", "c2", "critical")]
    await bench.until(lambda: warm.waiting == 3)
    first.set()
    await bench.until(lambda: len(there.begun) == 3)
    cold.reasoner.status = Status(state="warm")
    third.set()
    await asyncio.gather(*tasks)
    assert there.begun[-2:] == ["critical", "patient"]


async def test_waits_for_a_model_that_loads(bench, server):
    lane = bench.lane(server())
    lane.reasoner.status = Status(state="loading", note="reading weights")
    task = bench.start(lane)
    await bench.until(lambda: lane.waiting)
    lane.reasoner.status = Status(state="warm")
    assert await task == "ok"
    lane.reasoner.status = Status(state="loading", note="reading weights")
    with pytest.raises(TimedOut, match="not ready: reading weights"):
        await bench.ask(lane, within_s=0.02)
    task = bench.start(lane)
    await bench.until(lambda: lane.waiting)
    lane.reasoner.status = Status(state="down", note="no weights")
    with pytest.raises(Unavailable, match="no weights"):
        await task


@pytest.mark.parametrize(("then", "ends"), [("warm", "ok"), ("down", Unavailable)])
async def test_who_waits_while_a_model_starts_anew_is_told_how_that_ends(bench, server, then, ends):
    gate = asyncio.Event()
    lane = bench.lane(server([gate, Upstream("its process ended")], "ok"), places=1)
    first, second = bench.start(lane, "first"), bench.start(lane, "second", within_s=WAIT_S)
    await bench.until(lambda: lane.waiting)
    lane.reasoner.status = Status(state="loading", note="started anew")
    gate.set()
    with pytest.raises(Upstream):
        await first
    lane.reasoner.status = Status(state=then)
    done, _ = await asyncio.wait([second], timeout=1.0)
    assert done
    assert isinstance(second.exception(), ends) if then == "down" else second.result() == ends


async def test_a_cold_model_is_woken_for_those_that_wait(bench, server):
    woken = []
    up = server()
    lane = bench.lane(up, wake=lambda: woken.append(lane.waiting))
    lane.reasoner.status = Status(state="cold", ready_in_s=2.0)
    with pytest.raises(Overloaded, match="after the deadline"):
        await bench.ask(lane, within_s=1.0)
    assert not woken
    task = bench.start(lane)
    await bench.until(lambda: woken)
    lane.reasoner.status = Status(state="warm")
    assert await task == "ok"
    assert set(woken) == {1}
    assert not lane.in_use


async def test_a_model_that_is_warm_again_between_two_looks_is_not_waited_for(bench, server):
    """One that gives way does so for a moment: nobody looked after it where that ended while its lane was asked."""
    gate = asyncio.Event()
    lane = bench.lane(server([gate, "ok"], "ok"), places=1)
    first, second = bench.start(lane), bench.start(lane)
    await bench.until(lambda: lane.waiting)
    statuses = [Status(state="cold")]

    class Flickers(type(lane.reasoner)):
        status = property(lambda self: statuses.pop() if statuses else Status(state="warm"), lambda self, status: None)

    lane.reasoner.__class__ = Flickers
    gate.set()
    done, _ = await asyncio.wait([first, second], timeout=1.0)
    assert len(done) == 2


async def test_a_lane_is_in_use_while_calls_run_or_wait(bench, server):
    gate = asyncio.Event()
    lane = bench.lane(server([gate, "ok"]), places=1)
    tasks = [bench.start(lane, f"c{i}") for i in range(2)]
    await bench.until(lambda: lane.waiting)
    assert lane.in_use
    tasks[0].cancel()
    await bench.until(lambda: not lane.waiting)
    assert lane.in_use
    gate.set()
    await asyncio.wait(tasks)
    assert not lane.in_use


async def test_one_long_prompt_is_read_at_a_time_and_short_ones_first(bench, server):
    gate = asyncio.Event()
    up = server([gate, "ok"])
    lane = bench.lane(up, places=2, shared=True, bounds=Lanes(long_prompt_tokens=100))
    tasks = [bench.start(lane, "long1", prompt_tokens=1000), bench.start(lane, "long2", prompt_tokens=900)]
    await bench.until(lambda: lane.waiting == 1)
    assert up.begun == ["long1"]
    tasks.append(bench.start(lane, "short", prompt_tokens=10))
    await bench.until(lambda: lane.running == 2)
    gate.set()
    await asyncio.gather(*tasks)
    assert up.begun == ["long1", "short", "long2"]
    assert lane.pool.reading_long == 0


async def test_closing_turns_away_who_waits(bench, server):
    lane = bench.lane(server(asyncio.Event()), places=1)
    first, second = bench.start(lane), bench.start(lane)
    await bench.until(lambda: lane.waiting)
    await lane.close()
    with pytest.raises(Unavailable):
        await second
    assert lane.reasoner.closed
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
