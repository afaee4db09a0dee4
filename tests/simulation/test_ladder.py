"""The real lanes, rule and climb over modelled reasoners under load, in virtual time."""

import asyncio
from collections import Counter
from struct import pack

import pytest

from rung.clock import LoopClock
from rung.config import parse_config
from rung.errors import Abstained, ReasonerError
from rung.simulate import (
    Arrival,
    Asked,
    Climbing,
    DrawnVerdicts,
    EndpointSpeed,
    Mix,
    ModelledLadder,
    Size,
    Speeds,
    Work,
    replay,
    run,
    workload,
)
from rung.types import Call

NEAR = {"kind": "endpoint", "base_url": "http://near/v1", "model": "small", "concurrency": 4, "strength": 0.75}
FAR = {
    "kind": "endpoint",
    "base_url": "http://far/v1",
    "model": "large",
    "concurrency": 16,
    "strength": 0.9,
    "price": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 8.0},
}
LOCAL = {"kind": "local", "model": "qwen2.5-coder-1.5b-instruct"}
SPEEDS = Speeds(
    endpoints={
        "near": EndpointSpeed(first_s=0.3, tokens_per_s=100.0, at_once=4),
        "far": EndpointSpeed(first_s=0.8, tokens_per_s=60.0, at_once=16),
    }
)


def played(reasoners, asked, *, seed=0, events=(), stream=False):
    """What became of `asked`; `events` are (at_s, function of the modelled leaves)."""

    async def main():
        work = Work(seed)
        config = parse_config({"reasoners": reasoners}, source="test", env={})
        modelled = ModelledLadder(config, SPEEDS, work, LoopClock())
        for at_s, change in events:
            asyncio.get_running_loop().call_later(at_s, change, modelled.leaves)
        serve = Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "balanced", stream=stream)
        outcomes = (await replay(asked, serve)).outcomes
        lanes = {rung.lane for rung in modelled.ladder.rungs.values()}
        assert all(lane.running == lane.waiting == lane.pool.running == 0 for lane in lanes)
        return outcomes

    return run(main())


def traffic(n, every_s, *, deadline_s=60.0, seed=0):
    arrivals = [
        Arrival(at_s=at * every_s, prompt_tokens=60 + at % 9 * 20, completion_tokens=40 + at % 7 * 40)
        for at in range(n)
    ]
    return workload(arrivals, Mix(deadline_s=lambda priority, size: deadline_s), seed)


def one(name, at_s, *, kind="yesno", deadline_s=60.0, tokens=80):
    return Asked(
        id=name,
        at_s=at_s,
        kind=kind,
        priority="interactive",
        tenant="local",
        deadline_s=deadline_s,
        size=Size(60, tokens),
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_lost_at_three_times_what_can_be_done(seed, stream):
    asked = traffic(300, 0.5, seed=seed, deadline_s=90.0)  # a local model takes some 10 s for each
    outcomes = played({"only": LOCAL}, asked, seed=seed, stream=stream)
    assert [o.asked.id for o in outcomes] == [a.id for a in asked]
    endings = Counter(o.ending for o in outcomes)
    assert set(endings) <= {"answered", "refused", "late"}
    assert endings["refused"] > 0
    assert all(o.total_s <= o.asked.deadline_s + 0.1 for o in outcomes)


def test_the_same_seed_gives_the_same_end():
    asked = traffic(150, 0.3)
    first, second = (played({"near": NEAR, "far": FAR}, asked, seed=5) for _ in range(2))
    assert first == second


def test_no_class_starves():
    asked = traffic(600, 2.0, deadline_s=240.0)
    outcomes = played({"only": LOCAL}, asked)
    for priority in ("critical", "interactive", "batch"):
        mine = [o for o in outcomes if o.asked.priority == priority]
        met = sum(o.met for o in mine)
        assert met >= len(mine) * {"critical": 0.99, "interactive": 0.1, "batch": 0.01}[priority], priority
    served = [o.asked.at_s + o.total_s for o in outcomes if o.asked.priority == "batch" and o.met]
    assert len(served) >= 3


def test_critical_requests_are_in_time_beside_a_crowd_at_another_model_of_the_machine():
    """Two models, each asked for by what it is better at, at about twice what the machine can do."""
    models = {
        name: {"kind": "local", "path": f"/{name}.gguf", "strength": strength}
        for name, strength in (("small", 0.6), ("large", 0.7))
    }
    outcomes = played(models, traffic(300, 3.0, deadline_s=40.0))
    critical = [o for o in outcomes if o.asked.priority == "critical"]
    assert sum(o.met for o in critical) >= 0.95 * len(critical)
    assert {o.by for o in outcomes} >= {"small", "large"}


def test_easy_work_leaves_a_deep_lane_under_load_first_and_comes_back():
    """Quiet, a crowd, quiet again: what share of the easy and of the hard questions does the deep one answer? Both are
    predicted to take it as long, so that only what it adds to them differs."""
    deep = {**FAR, "concurrency": 8, "price": {}, "first_token_s": 0.8, "strength": 0.93}
    shallow = {**NEAR, "concurrency": 64, "strength": 0.72, "tokens_per_s": 60.0, "first_token_s": 0.8}
    speeds = {"near": EndpointSpeed(first_s=0.8, at_once=64), "far": EndpointSpeed(first_s=0.8, at_once=8)}
    asked = []
    for phase, (start_s, every_s, n) in enumerate([(0, 4.0, 40), (200, 0.25, 400), (600, 4.0, 40)]):
        for at in range(n):
            kind = "open" if at % 2 else "hard"
            asked.append(one(f"{phase}-{at}", start_s + at * every_s, kind=kind, tokens=200))

    async def main():
        work = Work(0)
        config = parse_config({"reasoners": {"near": shallow, "far": deep}}, source="test", env={})
        modelled = ModelledLadder(config, Speeds(endpoints=speeds), work, LoopClock())
        serve = Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "balanced", stream=False)
        return (await replay(asked, serve)).outcomes

    outcomes = run(main())

    def deep_share(phase, kind):
        # Once the crowd has come, and has gone.
        mine = [o for o in outcomes if o.asked.id.startswith(f"{phase}-") and o.asked.kind == kind][5:]
        return sum(o.by == "far" for o in mine) / len(mine)

    assert all(o.ending == "answered" for o in outcomes)
    assert deep_share(1, "open") < deep_share(0, "open") - 0.2
    assert deep_share(1, "open") < deep_share(1, "hard")
    assert deep_share(2, "open") == pytest.approx(deep_share(0, "open"), abs=0.15)


def test_who_is_in_a_hurry_is_not_refused_for_those_that_it_would_pass():
    """Six with time wait for one place; the next, of the same class, has the earliest deadline, and so goes first."""
    asked = [one(f"calm{at}", 0.1 * at, deadline_s=600.0) for at in range(7)]
    asked.append(one("hurried", 1.0, deadline_s=8.0))
    outcomes = {o.asked.id: o for o in played({"near": {**NEAR, "concurrency": 1}}, asked)}
    assert all(o.met for o in outcomes.values()), outcomes["hurried"].why
    assert outcomes["hurried"].total_s < outcomes["calm6"].total_s


@pytest.mark.parametrize("kind", ["brief", "think", "vote"])
def test_only_leaves_hold_places(kind):
    """A composite that held one while it waited for its own calls would wait for itself: here there is one place."""
    reasoners = {"near": {**NEAR, "concurrency": 1}, "over": {"kind": kind, "of": "near"}}

    async def main():
        work = Work(0)
        config = parse_config({"reasoners": reasoners}, source="test", env={})
        modelled = ModelledLadder(config, SPEEDS, work, LoopClock())
        over, near = modelled.ladder["over"], modelled.ladder["near"]
        assert over.lane is near.lane

        async def ask(name):
            asked = one(name, 0.0, deadline_s=600.0, tokens=8)
            work.sizes[name] = asked.size
            request = asked.request(asyncio.get_running_loop().time(), stream=False)
            try:
                async for _ in over.call(Call(id=name, body=request.body, deadline_s=request.deadline_s)):
                    pass
            except Abstained:  # with what a modelled answer says, some do; the calls were made all the same
                pass

        await asyncio.gather(*(ask(f"r{n}") for n in range(6)))
        return near.lane.stats().served, near.lane.pool.running

    served, running = run(main())
    assert served >= 6
    assert running == 0


FAULTS = {
    "killed": lambda leaves: leaves["far"].kill(),
    "hung": lambda leaves: leaves["far"].change(hung=True),
    "slowed": lambda leaves: leaves["far"].change(slowness=30.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_under_load_loses_nothing_that_another_could_answer(fault):
    near = {**NEAR, "concurrency": 32, "strength": 0.6}
    asked = [one(f"r{at}", at * 0.5, kind="open" if at % 2 else "yesno", deadline_s=60.0) for at in range(240)]
    events = [(40.0, FAULTS[fault]), (90.0, lambda leaves: leaves["far"].revive())]
    outcomes = played({"near": near, "far": {**FAR, "price": {}}}, asked, events=events)
    assert Counter(o.ending for o in outcomes) == {"answered": len(asked)}
    assert all(o.met for o in outcomes)
    assert any(o.by == "far" for o in outcomes if o.asked.at_s < 30.0), "the one at fault was used before"
    assert max(o.total_s for o in outcomes) < 30.0, "nobody waits for it until the deadline"


def test_a_local_model_killed_under_load_loses_nothing_that_another_could_answer():
    asked = [one(f"r{at}", at * 3.0, kind="open" if at % 2 else "yesno", deadline_s=120.0) for at in range(60)]
    events = [(40.0, lambda leaves: leaves["home"].kill()), (100.0, lambda leaves: leaves["home"].revive())]
    outcomes = played({"home": {**LOCAL, "strength": 0.9}, "far": FAR}, asked, events=events)
    assert all(o.met for o in outcomes), Counter((o.ending, o.why) for o in outcomes)


@pytest.mark.parametrize(
    ("entry", "last_s"), [({"concurrency": 2}, 10.0), ({"concurrency": 16}, 2.1), ({"batch": 8}, 2.7)]
)
def test_a_function_takes_its_time_and_batches_as_it_would(tmp_path, entry, last_s):
    """A hundred calls a second for two seconds, of a tenth of a second each."""
    (tmp_path / "own.py").write_text("async def answer(calls): ...")
    function = {"kind": "function", "call": f"{tmp_path / 'own.py'}:answer", "general": True, **entry}
    outcomes = played({"mine": function}, [one(f"r{n}", n * 0.01) for n in range(200)])
    assert {o.ending for o in outcomes} == {"answered"}
    assert max(o.asked.at_s + o.total_s for o in outcomes) == pytest.approx(last_s, abs=0.1)


@pytest.mark.parametrize(
    ("memory_mb", "at_first", "at_last"), [(1000, "warm warm", "warm warm"), (400, "warm cold", "cold warm")]
)
def test_models_are_loaded_and_unloaded_within_the_memory_that_is_allowed(tmp_path, memory_mb, at_first, at_last):
    """Some 320 MB each. The better one is worth waiting for until it is loaded, in place of the other."""
    reasoners = {}
    for name, strength in (("small", 0.5), ("large", 0.9)):
        (tmp_path / name).write_bytes(b"GGUF" + pack("<IQQ", 3, 0, 0))
        reasoners[name] = {"kind": "local", "path": str(tmp_path / name), "strength": strength}
    config = parse_config({"reasoners": reasoners, "machine": {"memory_mb": memory_mb}}, source="test", env={})

    async def main():
        work = Work(0)
        modelled = ModelledLadder(config, SPEEDS, work, LoopClock())
        await modelled.start()
        states = [" ".join(leaf.status.state for leaf in modelled.leaves.values())]
        serve = Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "best")
        outcomes = (await replay([one(f"r{n}", n * 10.0, kind="open") for n in range(10)], serve)).outcomes
        states.append(" ".join(leaf.status.state for leaf in modelled.leaves.values()))
        return states, outcomes

    states, outcomes = run(main())
    assert states == [at_first, at_last]
    assert all(o.met for o in outcomes)
    assert "large" in {o.by for o in outcomes}


async def _asked_within_memory(tmp_path, size_bytes, asks):
    """How each of `asks` (model, when, class, seconds until its deadline, size) ended at "crowded" or "other", of which
    one fits into memory."""
    for name in ("crowded", "other"):
        with (tmp_path / name).open("wb") as file:
            file.write(b"GGUF" + pack("<IQQ", 3, 0, 0))
            file.truncate(size_bytes)
    reasoners = {name: {"kind": "local", "path": str(tmp_path / name)} for name in ("crowded", "other")}
    machine = {"memory_mb": 400 + size_bytes // 2**20}
    config = parse_config({"reasoners": reasoners, "machine": machine}, source="test", env={})
    work, clock, ended = Work(0), LoopClock(), Counter()
    modelled = ModelledLadder(config, SPEEDS, work, clock)
    await modelled.start()

    async def ask(name, at_s, priority, within_s, size):
        await asyncio.sleep(at_s)
        asked = f"{name}{at_s}"
        work.sizes[asked] = size
        sizes = {"prompt_tokens": size.prompt_tokens, "completion_tokens": size.completion_tokens}
        deadline_s = clock.monotonic() + within_s
        call = Call(id=asked, body={"user": asked}, deadline_s=deadline_s, priority=priority, **sizes)
        try:
            async with asyncio.timeout(within_s):
                async for _ in modelled.ladder[name].lane.call(call):
                    pass
            ended[name, priority, "met"] += 1
        except (ReasonerError, TimeoutError):
            ended[name, priority, "lost"] += 1

    async with asyncio.TaskGroup() as group:
        for one in asks:
            group.create_task(ask(*one))
    return ended


def test_a_critical_request_at_a_model_that_is_not_loaded_is_let_past_a_crowd_at_the_one_that_is(tmp_path):
    """More than the loaded one can do asks for it: it was never idle, and no critical request at the other in time."""
    crowd = [("crowded", n * 3.0, 2, 300.0, Size(100, 100)) for n in range(100)]
    critical = [("other", 20.0 + n * 60.0, 0, 20.0, Size(60, 20)) for n in range(5)]
    ended = run(_asked_within_memory(tmp_path, 100, [*crowd, *critical]))
    assert ended["other", 0, "met"] == 5
    assert ended["crowded", 2, "met"] >= 75


def test_a_critical_request_at_the_model_that_gives_way_is_served_too(tmp_path):
    """It was refused, as if it had to wait until that model is loaded, which takes longer than it has."""
    crowd = [("crowded", n * 3.0, 2, 300.0, Size(100, 100)) for n in range(20)]
    critical = [("other", 20.0, 0, 40.0, Size(60, 20)), ("crowded", 21.0, 0, 6.0, Size(10, 5))]
    ended = run(_asked_within_memory(tmp_path, 10**9, [*crowd, *critical]))
    assert (ended["other", 0, "met"], ended["crowded", 0, "met"]) == (1, 1)
