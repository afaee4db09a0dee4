"""What the lanes promise, over minutes of traffic."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung.config.lanes import Congestion, Lanes
from rung.errors import Overloaded, Upstream
from rung.lanes import Pool
from rung.reasoners.base import Abilities
from rung.routing import PRESETS, Candidate, next_action, weigh
from rung.types import CRITICAL, Call, Estimate

from .conftest import Machine, World, run

CLASSES = {"critical": (0, 0.1, 5.0), "interactive": (1, 0.6, 10.0), "batch": (2, 0.3, 60.0)}
SECONDS = 100
PLACES = 4
MEAN_TOKENS = 50


async def traffic(world, lane, load):
    """Poisson arrivals at `load` times what the lane can do; gives (class, met) counts."""
    met, offered = Counter(), Counter()

    async def one(name, kind):
        priority, _, within_s = CLASSES[kind]
        tokens = 1 + int(world.rng.expovariate(1 / MEAN_TOKENS))
        offered[kind] += 1
        if await world.ask(lane, name, tokens=tokens, within_s=within_s, priority=priority) == "met":
            met[kind] += 1
            met["tokens"] += tokens

    rate = load * PLACES / (MEAN_TOKENS * world.token_s)
    async with asyncio.TaskGroup() as group:
        n = 0
        while world.clock.monotonic() < SECONDS:
            await asyncio.sleep(world.rng.expovariate(rate))
            n += 1
            kind = world.rng.choices(list(CLASSES), [share for _, share, _ in CLASSES.values()])[0]
            group.create_task(one(f"c{n}", kind))
    return met, offered


@pytest.mark.parametrize("load", [0.5, 2.0])
def test_who_gets_through(simulate, machine, load):
    async def scene(world):
        m = machine()
        lane = world.lane(m, places=PLACES)
        met, offered = await traffic(world, lane, load)
        assert m.most <= PLACES
        assert (lane.running, lane.waiting, lane.pool.running) == (0, 0, 0)
        assert sum(offered.values()) == len(world.ended)
        return met, offered, m

    met, offered, m = simulate(scene)
    share = {kind: met[kind] / offered[kind] for kind in CLASSES}
    assert share["critical"] >= 0.99
    if load < 1:
        assert min(share.values()) >= 0.99
    else:
        assert met["tokens"] * World.token_s >= 0.9 * PLACES * SECONDS
        assert min(share.values()) > 0.02, "nobody starves"
        assert met["tokens"] * World.token_s >= 0.95 * m.busy_s, "little is begun in vain"


@pytest.mark.parametrize(("takes", "left", "ends"), [(1.0, 1.2, "met"), (3.0, 2.5, "Overloaded"), (3.0, 3.5, "met")])
def test_with_others_waiting_nothing_is_begun_that_will_hardly_be_done_in_time(simulate, machine, takes, left, ends):
    """Calls that take `takes` times the second that is predicted teach the lane what is in time. Then one comes to its
    turn with `left` seconds left, while another waits."""

    async def scene(world):
        lane = world.lane(machine(), places=1)
        lengths = {"tokens": round(100 * takes), "predicted": 100}
        await asyncio.gather(*(world.ask(lane, f"c{n}", within_s=1000.0, **lengths) for n in range(30)))
        first = asyncio.create_task(world.ask(lane, "first", within_s=1000.0, **lengths))
        await asyncio.sleep(0)
        late = asyncio.create_task(world.ask(lane, "late", within_s=lane.standing().wait_s + left, **lengths))
        other = asyncio.create_task(world.ask(lane, "other", within_s=1000.0, **lengths))
        return await asyncio.gather(first, late, other)

    assert simulate(scene) == ["met", ends, "met"]


@pytest.mark.parametrize(
    ("quickest", "calls", "beside", "ends"),
    [(1.0, 20, 1, "TimedOut"), (1.0, 19, 1, "late"), (0.1, 20, 1, "late"), (1.0, 20, 0, "late")],
)
def test_whose_prompt_alone_takes_longer_than_it_has_is_refused_at_once(
    simulate, machine, quickest, calls, beside, ends
):
    """Asked for by name it slowed others down until its deadline. What is kept is read at once: one call that was quick
    tells that others may be, and where nobody is slowed down it is tried."""

    async def scene(world):
        lane = world.lane(machine(), shared=True)
        for n in range(calls):
            await world.ask(lane, f"c{n}", tokens=1.0 if n else quickest, predicted=1, within_s=1.0)
        others = [asyncio.create_task(world.ask(lane, "other", tokens=2.0, within_s=1.0)) for _ in range(beside)]
        await asyncio.sleep(0)
        began_s = world.clock.monotonic()
        ended = await world.ask(lane, "late", tokens=1.0, within_s=0.005)
        took_s = world.clock.monotonic() - began_s
        await asyncio.gather(*others)
        return ended, took_s, lane.stats().refused, await world.ask(lane, "in time", tokens=1.0, within_s=0.05)

    ended, took_s, refused, other = simulate(scene)
    assert (ended, other) == (ends, "met")
    assert (took_s == 0.0, refused == 1) == (ends == "TimedOut", ends == "TimedOut")


def test_a_crowd_of_critical_requests_is_served_as_far_as_it_goes(simulate, machine):
    """At twice what the lane can do, all critical, and twice as long as predicted: none is begun in vain."""

    async def scene(world):
        lane = world.lane(machine(), places=4)
        async with asyncio.TaskGroup() as group:
            n = 0
            while world.clock.monotonic() < SECONDS:
                await asyncio.sleep(world.rng.expovariate(8.0))
                n += 1
                length = 1 + int(world.rng.expovariate(1 / 100))
                asked = world.ask(lane, f"c{n}", tokens=length, predicted=1 + length // 2, within_s=10.0, priority=0)
                group.create_task(asked)
        return Counter(world.ended.values())

    ended = simulate(scene)
    assert ended["Unavailable"] == 0
    assert ended["late"] < 0.02 * ended.total()


@pytest.mark.parametrize("ahead", [6, 20, 60])
def test_who_comes_back_when_told_gets_through(simulate, machine, ahead):
    """A Retry-After is neither too early nor much too late, as long as nobody else comes."""

    async def scene(world):
        lane = world.lane(machine(), places=2)
        asked = {"tokens": 100, "within_s": 1000.0}
        crowd = asyncio.gather(*(world.ask(lane, f"c{n}", **asked) for n in range(ahead)))
        await asyncio.sleep(0.5)
        call = Call(id="refused", body={}, deadline_s=world.clock.monotonic() + 2.0, completion_tokens=100)
        with pytest.raises(Overloaded) as refused:
            await anext(lane.call(call))
        await asyncio.sleep(refused.value.retry_after_s)
        again = await world.ask(lane, "again", tokens=100, within_s=2.0)
        return refused.value.retry_after_s, again, await crowd

    told_s, again, crowd = simulate(scene)
    assert (again, set(crowd)) == ("met", {"met"})
    assert told_s < ahead / 2, "when all of them will be done"


@pytest.mark.parametrize("ahead", [6, 20, 60])
def test_who_is_refused_for_those_above_is_told_when_they_are_through(simulate, machine, ahead):
    """Its class has a reserved share while one of it waits: who is sent away saves up none of that."""

    async def scene(world):
        lane = world.lane(machine(), places=2)
        asked = {"tokens": 100, "within_s": 1000.0, "priority": CRITICAL}
        await world.ask(lane, "before", **asked)
        crowd = asyncio.gather(*(world.ask(lane, f"c{n}", **asked) for n in range(ahead)))
        await asyncio.sleep(0.5)
        call = Call(id="refused", body={}, deadline_s=world.clock.monotonic() + 2.0, completion_tokens=100)
        with pytest.raises(Overloaded) as refused:
            await anext(lane.call(call))
        await asyncio.sleep(refused.value.retry_after_s + 0.01)
        again = await world.ask(lane, "again", tokens=100, within_s=2.0)
        return refused.value.retry_after_s, again, await crowd

    told_s, again, crowd = simulate(scene)
    assert (again, set(crowd)) == ("met", {"met"})
    assert told_s < ahead / 2, "when all of them will be done"


def test_a_heavy_tenant_takes_nothing_from_a_light_one(simulate, machine):
    async def scene(world):
        lane = world.lane(machine(), places=1)

        async def client(tenant, gap_s, tokens):
            async with asyncio.TaskGroup() as group:
                n = 0
                while world.clock.monotonic() < 100:
                    await asyncio.sleep(gap_s)
                    n += 1
                    group.create_task(world.ask(lane, f"{tenant}{n}", tokens=tokens, within_s=20.0, tenant=tenant))

        await asyncio.gather(client("heavy", 0.05, 100), client("light", 1.0, 20))
        return Counter((name[:5], how) for name, how in world.ended.items())

    ended = simulate(scene)
    assert ended["light", "met"] == sum(n for (who, _), n in ended.items() if who == "light")
    assert ended["heavy", "met"] * 1.0 + ended["light", "met"] * 0.2 >= 95, "and the heavy one gets all the rest"


@pytest.mark.parametrize(("priority", "share"), [(1, 0.15), (2, 0.05)])
def test_a_class_has_its_share_of_a_pool_whichever_lanes_it_waits_in(simulate, machine, priority, share):
    """Critical requests flood one lane of a pool, those of another class wait in two."""

    async def scene(world):
        pool = Pool(2, world.clock)
        critical, *lower = (world.lane(machine(name), pool=pool) for name in "abc")
        got = Counter()

        async def ask(lane, name, tokens, priority):
            within_s = 20.0 if priority == 0 else 1000.0
            if await world.ask(lane, name, tokens=tokens, within_s=within_s, priority=priority) == "met":
                got[lane] += tokens * (world.clock.monotonic() < 300)

        async with asyncio.TaskGroup() as group:
            n = 0
            while world.clock.monotonic() < 300:
                n += 1
                await asyncio.sleep(world.rng.expovariate(4.0))
                group.create_task(ask(critical, f"c{n}", 1 + int(world.rng.expovariate(1 / 100)), 0))
                group.create_task(ask(lower[n % 2], f"l{n}", 100, priority))
        return got[critical], [got[lane] for lane in lower]

    critical, lower = simulate(scene)
    assert sum(lower) == pytest.approx(share * critical, rel=0.25)
    assert lower[0] == pytest.approx(lower[1], rel=0.5)


def test_the_door_knows_who_goes_first_in_a_pools_other_lanes(simulate, machine):
    async def scene(world):
        pool = Pool(1, world.clock)
        one, other = (world.lane(machine(name), pool=pool) for name in "ab")
        ahead = [
            asyncio.create_task(world.ask(one, f"c{n}", tokens=100, within_s=100.0, priority=0)) for n in range(20)
        ]
        await asyncio.sleep(0.5)
        refused = await world.ask(other, "batch", tokens=100, within_s=10.0, priority=2)
        return refused, world.clock.monotonic(), await asyncio.gather(*ahead)

    refused, at_s, ahead = simulate(scene)
    assert (refused, at_s) == ("Overloaded", 0.5)
    assert set(ahead) == {"met"}


def test_tenants_share_by_what_was_really_served(simulate, machine):
    """One's calls take a tenth of what is predicted: it has ten times as many."""

    async def scene(world):
        lane, got = world.lane(machine(), places=1), Counter()

        async def ask(tenant, n, tokens):
            asked = {"tokens": tokens, "predicted": 100, "within_s": 1e5, "tenant": tenant}
            await world.ask(lane, f"{tenant}{n}", **asked)
            got[tenant] += tokens * (world.clock.monotonic() < 50)

        await asyncio.gather(*(ask(*who) for n in range(400) for who in (("short", n, 10), ("long", n, 100))))
        return got

    got = simulate(scene)
    assert got["short"] == pytest.approx(got["long"], rel=0.1)


def test_easy_questions_leave_a_full_lane_first_and_come_back(simulate, machine):
    """Two rungs; the deep one is offered twice what it can do for a while."""

    def candidates(deep, cheap, easy):
        right = {"deep": 0.97, "cheap": 0.93} if easy else {"deep": 0.9, "cheap": 0.3}
        for name, lane in (("deep", deep), ("cheap", cheap)):
            e = Estimate(
                right_prob=right[name], discrimination=0.0, service_s=1.0, busy_s=1.0, wait_s=lane.standing().wait_s
            )
            yield Candidate(name=name, abilities=Abilities(), estimate=e, congestion=lane.congestion)

    async def scene(world):
        deep, cheap = world.lane(machine("deep"), places=2), world.lane(machine("cheap"), places=50)
        went = []

        async def one(n, easy):
            now_s = world.clock.monotonic()
            weighed = [weigh(c, PRESETS["balanced"]) for c in candidates(deep, cheap, easy)]
            chosen = next_action(weighed, None, None).reasoner
            outcome = await world.ask({"deep": deep, "cheap": cheap}[chosen], f"q{n}", tokens=100, within_s=60.0)
            went.append((now_s, easy, chosen, outcome))

        async with asyncio.TaskGroup() as group:
            for n in range(10_000):
                now_s = world.clock.monotonic()
                if now_s > 180:
                    break
                rate = 4.0 if 30 < now_s < 90 else 0.5
                await asyncio.sleep(1 / rate)
                group.create_task(one(n, n % 2 == 0))
        return went, deep.congestion

    went, price_at_the_end = simulate(scene)

    def deep_share(easy, since_s, until_s):
        chosen = [who for at, e, who, _ in went if e == easy and since_s <= at < until_s]
        return sum(who == "deep" for who in chosen) / len(chosen)

    assert all(outcome == "met" for *_, outcome in went), "nobody is refused"
    assert deep_share(True, 0, 30) == deep_share(False, 0, 30) == 1.0
    assert deep_share(True, 50, 90) < 0.2
    assert deep_share(False, 50, 90) > 0.8
    assert deep_share(True, 130, 180) == 1.0
    assert price_at_the_end == 0.0


def test_who_waits_in_a_pools_other_lanes_counts_in_the_price(simulate, machine):
    async def scene(world):
        pool = Pool(1, world.clock)
        crowded, quiet = (world.lane(machine(name), pool=pool) for name in "ab")
        async with asyncio.TaskGroup() as group:
            for n in range(20):
                group.create_task(world.ask(crowded, f"c{n}", tokens=100, within_s=1000.0))
            for _ in range(100):
                await asyncio.sleep(0.1)
                prices = crowded.congestion, quiet.congestion  # asked again and again, as the rule does
            return prices

    crowded, quiet = simulate(scene)
    assert quiet == pytest.approx(crowded, rel=0.1)
    assert quiet > 0


def test_the_price_is_bounded_and_falls_to_nothing(simulate, machine):
    async def scene(world):
        bounds = Lanes(congestion=Congestion(most_usd=0.001))
        lane = world.lane(machine(), places=1, bounds=bounds)
        seen = []
        async with asyncio.TaskGroup() as group:
            for n in range(50):
                group.create_task(world.ask(lane, f"c{n}", tokens=100, within_s=1000.0))
            while world.clock.monotonic() < 100:
                await asyncio.sleep(1.0)
                seen.append(lane.congestion)
        return seen

    seen = simulate(scene)
    assert max(seen) == pytest.approx(0.001)
    assert seen[:5] == sorted(seen[:5])
    assert seen[-1] == 0.0


CALLER = st.fixed_dictionaries(
    {
        "lane": st.integers(0, 1),
        "after_s": st.floats(0, 2),
        "tokens": st.integers(1, 300),
        "within_s": st.floats(0.01, 10),
        "leaves_s": st.none() | st.floats(0, 5),
        "error": st.sampled_from([None, None, None, Upstream("broke", upstream_status=400)]),
        "priority": st.integers(0, 3),
        "tenant": st.sampled_from("abc"),
        "predicted": st.sampled_from([0, 1, 100]),
    }
)


@settings(max_examples=60)
@given(callers=st.lists(CALLER, max_size=40), places=st.integers(1, 3))
def test_nothing_is_lost_or_run_twice(callers, places):
    """Callers of all kinds at two lanes of one pool: each ends exactly once and runs at most once, there are never more
    at once than places, and all places are free in the end."""

    async def scene():
        world, machines = World(), [Machine("a"), Machine("b")]
        pool = Pool(places, world.clock)
        lanes = [world.lane(m, pool=pool) for m in machines]

        async def one(n, caller):
            await asyncio.sleep(caller["after_s"])
            await world.ask(
                lanes[caller["lane"]], f"c{n}", **{k: caller[k] for k in caller if k not in {"lane", "after_s"}}
            )
            assert sum(m.running for m in machines) <= places

        await asyncio.gather(*(one(n, caller) for n, caller in enumerate(callers)))
        return world, machines, lanes

    world, machines, lanes = run(scene())
    assert len(world.ended) == len(callers)
    assert "lost" not in world.ended.values()
    assert all(n == 1 for m in machines for n in m.ran.values())
    met = {name for name, how in world.ended.items() if how == "met"}
    assert met <= {name for m in machines for name in m.ran}
    pool = lanes[0].pool
    assert (pool.running, sum(lane.waiting for lane in lanes), sum(lane.running for lane in lanes)) == (0, 0, 0)
