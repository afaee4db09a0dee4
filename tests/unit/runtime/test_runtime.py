import asyncio
import sqlite3
from contextlib import aclosing, closing

import pytest

from rung.errors import Abstained, DeadlineExceeded, Unable, Unavailable, UnknownDecision
from rung.reasoners.base import Status
from rung.runtime import Ladder, Policy, Runtime
from rung.types import Chunk, Commit, Feedback, Reply


async def test_the_same_request_is_answered_from_the_cache(world, scripted):
    a = world.add(scripted("a", "yes"))
    runtime = world.runtime
    await world.reply(world.request(), runtime)
    reply = await world.reply(world.request(name="r2"), runtime)
    assert reply.answer.text == "yes"
    assert (reply.decision.id, reply.decision.cache, reply.answer.usage.usd) == ("r2", "exact", 0.0)
    assert len(a.calls) == 1
    await world.reply(world.request(cache="off"), runtime)
    await world.reply(world.request(cache="refresh"), runtime)
    assert len(a.calls) == 3


async def test_a_cached_answers_decision_says_at_whose_prices(world, scripted):
    world.add(scripted("a", "yes"))
    runtime = world.runtime
    replies = [await world.reply(world.request(preset="best"), runtime) for _ in range(2)]
    assert [(reply.decision.cache, reply.decision.preset) for reply in replies] == [("miss", "best"), ("exact", "best")]


async def test_what_the_cache_did_is_counted(world, scripted):
    world.add(scripted("a", "yes"))
    runtime = world.runtime
    for use in ("off", "use", "use", "refresh", "off"):
        await world.reply(world.request(cache=use), runtime)
    figures = world.metrics.render([]).decode()
    for result, count in (("off", 2), ("miss", 2), ("exact", 1)):
        assert f'rung_cache_total{{result="{result}"}} {count}.0' in figures


@pytest.mark.parametrize("bound", [{"max_usd": 0.001}, {"deadline_ms": 4000.0}], ids=["money", "time"])
@pytest.mark.parametrize("sure", [False, True])
async def test_what_only_a_bound_made_do_with_is_not_served_to_others(world, scripted, bound, sure):
    weak = world.add(scripted("weak", "perhaps"), strength=0.3)
    best = world.add(scripted("best", "yes"), strength=0.95, output_usd_per_token=1e-5)
    world.verdicts = {"weak": 0.999 if sure else 0.3, "best": 0.95}
    runtime = world.runtime
    text = "Explain at length why the sky is blue."
    given = await world.reply(world.request(text, preset="best", **bound), runtime)
    assert given.answer.reasoner == "weak"
    again = await world.reply(world.request(text, name="r2", preset="best"), runtime)
    assert (again.answer.reasoner, again.decision.cache) == (("weak", "exact") if sure else ("best", "miss"))
    assert (len(weak.calls), len(best.calls)) == (1, not sure)


@pytest.mark.parametrize("how", ["fails", "down", "loading", "abstains", "cannot"])
@pytest.mark.parametrize("sure", [False, True])
async def test_what_only_an_outage_made_do_with_is_not_served_when_it_is_over(world, scripted, how, sure):
    world.add(scripted("weak", "perhaps"), strength=0.3)
    what = {"fails": Unavailable("no"), "abstains": Abstained("not mine"), "cannot": Unable("never here")}
    best = world.add(scripted("best", what.get(how, "yes")), strength=0.95)
    if how in {"down", "loading"}:
        best.status = Status(state=how, ready_in_s=1000.0)
    world.verdicts = {"weak": 0.999 if sure else 0.3, "best": 0.95}
    runtime = world.runtime
    text = "Explain at length why the sky is blue."
    given = await world.reply(world.request(text, preset="best"), runtime)
    assert given.answer.reasoner == "weak"
    best.script, best.status = ("yes",), Status(state="warm")
    again = await world.reply(world.request(text, name="r2", preset="best"), runtime)
    kept = sure or how in {"abstains", "cannot"}
    assert (again.answer.reasoner, again.decision.cache) == (("weak", "exact") if kept else ("best", "miss"))


@pytest.mark.parametrize("stream", [False, True])
async def test_who_shares_an_answer_that_fell_short_is_told_so(world, scripted, stream):
    gate = asyncio.Event()
    a = world.add(scripted("a", gate, "yes"))
    world.verdicts = {"a": 0.5}
    runtime = world.runtime

    def ask(name):
        return asyncio.create_task(world.reply(world.request(name=name, stream=stream, min_quality=0.9), runtime))

    asked = [ask("leader"), ask("follower")]
    while not a.calls:  # noqa: ASYNC110  the fake has nothing to wait on
        await asyncio.sleep(0)
    gate.set()
    given = [*await asyncio.gather(*asked), await ask("later")]
    assert [reply.decision.cache for reply in given] == ["miss", "exact", "exact"]
    assert not any(reply.decision.quality_reached for reply in given)


async def test_what_was_answered_without_a_rung_that_is_down_is_kept_until_that_is_up(world, scripted):
    weak, best = world.add(scripted("weak", "No."), strength=0.5), world.add(scripted("best", "Yes."), strength=0.9)
    world.verdicts = {"weak": 0.5, "best": 0.95}
    best.status = Status(state="down", note="no route")
    runtime = world.runtime
    given = [await world.reply(world.request(name=name), runtime) for name in ("r1", "r2", "r3")]
    assert [reply.decision.cache for reply in given] == ["miss", "exact", "exact"]
    assert len(weak.calls) == 1
    best.status = Status(state="warm")
    for name in ("r4", "r5"):
        reply = await world.reply(world.request(name=name), runtime)
        assert reply.answer.reasoner == "best"
    best.status = Status(state="down", note="no route")
    assert (await world.reply(world.request(name="r6"), runtime)).answer.reasoner == "best"


async def test_it_is_kept_only_until_one_of_several_is_up_and_not_at_all_where_another_loads(world, scripted):
    weak = world.add(scripted("weak", "No."), strength=0.5)
    good, best = (world.add(scripted(name, "Yes."), strength=p) for name, p in (("good", 0.8), ("best", 0.9)))
    world.verdicts = {"weak": 0.5, "good": 0.9, "best": 0.95}
    runtime = world.runtime
    given = []
    for name, of_good, of_best in (("r1", "loading", "down"), ("r2", "down", "down"), ("r3", "warm", "down")):
        good.status, best.status = (Status(state=s, note="n", ready_in_s=1000.0) for s in (of_good, of_best))
        given.append((await world.reply(world.request(name=name), runtime)).answer.reasoner)
    assert given == ["weak", "weak", "good"]
    assert len(weak.calls) == 2


async def test_what_is_asked_anew_while_a_rung_is_down_does_not_displace_what_that_had_a_hand_in(world, scripted):
    world.add(scripted("weak", "No."), strength=0.5)
    best = world.add(scripted("best", "Yes."), strength=0.9)
    world.verdicts = {"weak": 0.5, "best": 0.95}
    runtime = world.runtime
    given = []
    for name, state, cache in (("r1", "warm", "use"), ("r2", "down", "refresh"), ("r3", "down", "use")):
        best.status = Status(state=state, note="no route")
        given.append((await world.reply(world.request(name=name, cache=cache), runtime)).answer.reasoner)
    assert given == ["best", "weak", "best"]


async def test_a_cached_answer_streams_well_formed(world, scripted):
    world.add(scripted("a", "yes"))
    runtime = world.runtime
    await world.reply(world.request(), runtime)
    events = await world.events(world.request(stream=True), runtime)
    assert events[0] == Commit(reasoner="a", cache="exact", live=False)
    assert [(e.text, e.finish) for e in events if isinstance(e, Chunk)] == [("yes", "stop")]


@pytest.mark.parametrize(("use", "caches"), [("use", ("miss", "exact")), ("off", ("miss", "miss"))])
async def test_run_and_whole_say_the_same_of_a_request_that_does_not_stream(world, scripted, use, caches):
    world.add(scripted("a", "yes"))
    runtime = world.runtime
    for way in (runtime.whole, lambda request: world.events(request, runtime)):
        question = f"Is it so, {way}?"
        for cache in caches:
            commit, reply = await way(world.request(question, cache=use))
            assert commit == Commit(reasoner="a", cache=cache, live=False)
            assert isinstance(reply, Reply)
            assert (reply.answer.text, reply.decision.answered_by) == ("yes", "a")


async def test_identical_requests_in_flight_share_one_call_and_survive_the_leader(world, scripted):
    gate = asyncio.Event()
    a = world.add(scripted("a", gate, "yes"))
    runtime = world.runtime
    leader = asyncio.create_task(world.reply(world.request(name="r1"), runtime))
    followers = [asyncio.create_task(world.reply(world.request(name=f"f{i}"), runtime)) for i in range(3)]
    while not a.calls:  # noqa: ASYNC110  the fake has nothing to wait on
        await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    gate.set()
    replies = await asyncio.gather(*followers)
    assert {r.answer.text for r in replies} == {"yes"}
    assert {r.decision.id for r in replies} == {"f0", "f1", "f2"}
    assert len(a.calls) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_follower_waited_is_the_reasoners_time(world, scripted, stream):
    gate = asyncio.Event()
    world.add(scripted("a", gate, "yes"))
    runtime = world.runtime
    leader = asyncio.create_task(world.reply(world.request(name="r1", stream=stream), runtime))
    await asyncio.sleep(0.2)
    follower = asyncio.create_task(world.reply(world.request(name="r2", stream=stream), runtime))
    await asyncio.sleep(0.2)
    gate.set()
    for waited_s, reply in zip((0.4, 0.2), await asyncio.gather(leader, follower), strict=True):
        assert waited_s - 0.02 < reply.decision.reasoner_s < waited_s + 0.15
        assert reply.decision.total_s - reply.decision.reasoner_s < 0.1
    again = await world.reply(world.request(name="r3", stream=stream), runtime)
    assert again.decision.reasoner_s == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fails", [False, True])
async def test_what_goes_on_without_its_leader_is_kept_and_counted(world, scripted, tmp_path, stream, fails):
    gate = asyncio.Event()
    a = world.add(scripted("a", "yes", gate, *([Unavailable("no")] if fails else [])))
    runtime = world.runtime
    leader, follower = (
        asyncio.create_task(world.reply(world.request(name=name, stream=stream), runtime)) for name in ("r1", "r2")
    )
    while not a.calls:  # noqa: ASYNC110  the fake has nothing to wait on
        await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    gate.set()
    await asyncio.gather(follower, return_exceptions=True)
    figures = world.metrics.render([]).decode()
    if not fails:
        assert 'rung_spend_usd_total{reasoner="a"} 0.001' in figures
        again = await world.reply(world.request(name="r3", stream=stream), runtime)
        assert again.decision.cache == "exact"
    outcome = "failed" if fails else "answered"
    calls = 'gen_ai_client_operation_duration_seconds_count{gen_ai_response_model="a",outcome="%s"} 1.0'
    assert calls % outcome in figures
    await world.ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        rows = dict(db.execute("SELECT id, error FROM decisions").fetchall())
    assert rows["r1"] == "the client went away"
    assert len(rows) == (2 if fails else 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_came_later_asks_anew_where_the_leaders_deadline_passed(world, scripted, stream):
    gate = asyncio.Event()
    a = world.add(scripted("a", gate, "yes"))
    runtime = world.runtime
    asked = {"model": "a", "stream": stream, "deadline_ms": 300}
    leader = asyncio.create_task(world.reply(world.request(name="r1", **asked), runtime))
    await asyncio.sleep(0.2)
    followers = [asyncio.create_task(world.reply(world.request(name=name, **asked), runtime)) for name in ("r2", "r3")]
    with pytest.raises(DeadlineExceeded):
        await leader
    gate.set()
    assert [reply.answer.text for reply in await asyncio.gather(*followers)] == ["yes", "yes"]
    assert len(a.calls) == 2


async def test_leaving_stops_the_work(world, scripted):
    a = world.add(scripted("a", "The ", asyncio.Event()))
    runtime = world.runtime
    async with aclosing(runtime.run(world.request("Tell me about the sky.", stream=True))) as events:
        async for event in events:
            if isinstance(event, Chunk):
                break
    assert (a.running, a.closed) == (0, 1)
    assert runtime.unused.is_set()


async def test_every_request_leaves_one_row_and_one_count(world, scripted, tmp_path):
    world.add(scripted("a", "yes"))
    broken = world.add(scripted("b", Unavailable("no")))
    await world.reply(world.request(name="r1"))
    with pytest.raises(Unavailable):
        await world.reply(world.request(name="r2", model="b"))
    assert broken.calls
    await world.runtime.feedback(Feedback(decision_id="r1", score=1.0))
    with pytest.raises(UnknownDecision):
        await world.runtime.feedback(Feedback(decision_id="nope", score=1.0))
    await world.ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        rows = ledger.execute("select id, error from decisions order by id").fetchall()
    assert [r[0] for r in rows] == ["r1", "r2"]
    assert not rows[0][1]
    assert rows[1][1]
    assert b'rung_decisions_total{outcome="answered",reasoner="a"} 1.0' in world.metrics.render([])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("told_of", ["f0", "f1", "f2"])  # who had it written, who shared it, who was served it later
async def test_an_answer_that_was_wrong_is_not_served_again(world, scripted, told_of, stream):
    go = asyncio.Event()
    a = world.add(scripted("a", "It ", go, "is 5."))
    runtime = world.runtime
    first = [world.request("Same?", name=f"f{i}", stream=stream) for i in range(2)]
    asyncio.get_running_loop().call_later(0.01, go.set)
    await asyncio.gather(*(world.reply(r, runtime) for r in first))
    await world.reply(world.request("Same?", name="f2"), runtime)
    assert len(a.calls) == 1
    await runtime.feedback(Feedback(decision_id=told_of, score=0.0))
    reply = await world.reply(world.request("Same?", name="f3"), runtime)
    assert (reply.decision.cache, len(a.calls)) == ("miss", 2)
    assert (await world.reply(world.request("Same?", name="f4"), runtime)).decision.cache == "exact"


async def test_feedback_that_is_good_or_nobodys_takes_nothing_out_of_the_cache(world, scripted):
    world.add(scripted("a", "It is 4."))
    await world.reply(world.request("Same?", name="f0"))
    await world.runtime.feedback(Feedback(decision_id="f0", score=0.5))
    with pytest.raises(UnknownDecision):
        await world.runtime.feedback(Feedback(decision_id="f0", score=0.0, tenant="another"))
    assert (await world.reply(world.request("Same?", name="f1"))).decision.cache == "exact"


async def test_readiness_needs_a_general_rung_and_a_ledger_that_writes(world, scripted):
    a = world.add(scripted("a", "yes", state="loading"))
    readiness = world.runtime.readiness()
    assert not readiness.ready
    assert "a: loading" in readiness.loading
    a.status = type(a.status)(state="warm")
    assert world.runtime.readiness().ready


async def test_a_ladder_without_a_general_rung_says_what_it_lacks(world):
    (problem,) = world.runtime.readiness().problems
    assert "say `general: true`" in problem


async def test_a_rung_that_is_loaded_when_it_is_asked_is_ready(world, scripted):
    world.add(scripted("a", "yes", state="cold"))
    readiness = world.runtime.readiness()
    assert readiness.ready
    assert not readiness.loading


@pytest.mark.parametrize("keep", [True, False])
async def test_texts_are_kept_only_where_the_config_says_so(world, scripted, tmp_path, keep):
    world.add(scripted("a", "my answer"))
    world.keep_text = keep
    await world.reply(world.request("my question"))
    await world.ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        kept = ledger.execute("select question, answer from decisions").fetchone()
    assert ("my question" in str(kept)) == keep
    assert ("my answer" in str(kept)) == keep


async def test_another_rung_is_tried_where_that_costs_little_and_the_chance_is_logged(world, scripted):
    world.add(scripted("a", "yes"), strength=0.62)
    world.add(scripted("b", "yes"), strength=0.61)
    draws = iter([0.5, 0.99])
    policy = Policy(epoch="1", preset="balanced", keep_text=False, most_loss=0.05, draw=lambda: next(draws))
    runtime = Runtime(Ladder(world.rungs, world.clock), world.stores, policy, world.verify, world.clock)
    usual, trial = [
        (await world.reply(world.request(name=name, cache="off"), runtime)).decision for name in ("r1", "r2")
    ]
    assert (usual.first, usual.steps[0].reasoner, usual.steps[0].propensity) == ("a", "a", 0.95)
    assert (trial.first, trial.steps[0].reasoner, trial.steps[0].propensity) == ("a", "b", 0.05)
    assert {o.reasoner: o.propensity for o in trial.options} == {"a": 0.95, "b": 0.05}
    assert (await runtime.explain(world.request())).first == "a"


@pytest.mark.parametrize("wishes", [{"max_usd": 0.00007}, {"deadline_ms": 2000}])
async def test_nobody_is_tried_who_leaves_too_little_for_the_one_that_seems_best(world, scripted, wishes):
    """One call is within the bounds, two are not: a trial would end with whatever it answers."""
    world.add(scripted("a", "yes"), strength=0.62, output_usd_per_token=1e-6)
    world.add(scripted("b", "no"), strength=0.61, output_usd_per_token=1e-6)
    policy = Policy(epoch="1", preset="balanced", keep_text=False, most_loss=0.05, draw=lambda: 0.99)
    runtime = Runtime(Ladder(world.rungs, world.clock), world.stores, policy, world.verify, world.clock)
    bound = (await world.reply(world.request(cache="off", **wishes), runtime)).decision
    assert [(o.reasoner, o.propensity) for o in bound.options if not o.excluded] == [("a", None), ("b", None)]
    assert (bound.steps[0].reasoner, bound.steps[0].propensity) == ("a", 1.0)
    free = (await world.reply(world.request(name="r2", cache="off"), runtime)).decision
    assert free.steps[0].reasoner == "b"


async def test_nobody_is_tried_unless_asked_for(world, scripted):
    world.add(scripted("a", "yes"), strength=0.61)
    world.add(scripted("b", "yes"), strength=0.6)
    reply = await world.reply(world.request())
    assert {step.propensity for step in reply.decision.steps} == {1.0}
