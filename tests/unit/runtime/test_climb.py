import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace

from rung.clock import LoopClock
from rung.errors import (
    Abstained,
    AllFailed,
    Busy,
    DeadlineExceeded,
    NotReady,
    Overloaded,
    RateLimited,
    TimedOut,
    TooLong,
    Unavailable,
    UnknownModel,
    Unsupported,
    Upstream,
    UpstreamRefusedRequest,
)
from rung.reasoners.base import Abilities, closing
from rung.reasoners.composite import heard
from rung.routing import Profile
from rung.runtime.climb import Climb
from rung.runtime.ladder import Ladder, Rung
from rung.runtime.plan import make_plan
from rung.types import Chunk, Commit, Reply, Usage


@asynccontextmanager
async def crowded(world, name, **wishes):
    """A hundred others, each with as good a claim, ask the reasoner of that name."""
    wishes |= {"cache": "off"}
    named = [replace(world.request(model=name, name=f"o{i}", **wishes), tenant=f"o{i}") for i in range(100)]
    others = [asyncio.create_task(world.reply(one)) for one in named]
    yield
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_explain_and_the_real_decision_agree(world, scripted):
    for name, strength in (("small", 0.5), ("large", 0.9)):
        world.add(scripted(name, "yes"), strength=strength)
    explained = await world.runtime.explain(world.request())
    reply = await world.reply(world.request())
    assert reply.decision.steps[0].reasoner == explained.first
    assert [(o.reasoner, o.reserve) for o in reply.decision.options] == [
        (o.reasoner, pytest.approx(o.reserve)) for o in explained.options
    ]


async def test_a_good_verdict_stops_the_climb_and_a_bad_one_goes_on(world, scripted):
    cheap = world.add(scripted("cheap", "yes"), strength=0.6)
    dear = world.add(scripted("dear", "no"), strength=0.8, output_usd_per_token=2e-5)
    world.verdicts = {"cheap": 0.97}
    assert (await world.reply(world.request())).answer.text == "yes"
    assert not dear.calls
    world.verdicts = {"cheap": 0.05, "dear": 0.8}
    reply = await world.reply(world.request(cache="off"))
    assert reply.answer.text == "no"
    assert [s.reasoner for s in reply.decision.steps] == ["cheap", "dear"]
    assert reply.decision.usage.usd == pytest.approx(0.002)
    assert len(cheap.calls) == 2


async def test_after_one_was_silent_for_too_long_the_next_is_waited_for(world, scripted):
    """It may be the question that takes so long."""
    silent = world.add(scripted("silent", TimedOut("said nothing")), strength=0.9)
    slow = world.add(scripted("slow", "yes"), strength=0.8)
    spare = world.add(scripted("spare", "yes"), strength=0.7)
    assert (await world.reply(world.request())).decision.answered_by == "slow"
    assert [silent.calls[0].elsewhere, slow.calls[0].elsewhere] == [True, False]
    assert not spare.calls
    await world.reply(world.request(model="slow", cache="off"))
    assert not slow.calls[1].elsewhere


async def test_the_best_answer_wins_even_if_it_came_first(world, scripted):
    world.add(scripted("first", "yes"), strength=0.7)
    world.add(scripted("second", "no"), strength=0.6)
    world.verdicts = {"first": 0.4, "second": 0.2}
    reply = await world.reply(world.request(min_quality=0.9))
    assert reply.decision.answered_by == "first"
    assert len(reply.decision.steps) == 2
    assert not reply.decision.quality_reached


@pytest.mark.parametrize("error", [Unavailable("x"), Upstream("x"), RateLimited("x"), Abstained("x")])
async def test_failover_is_the_same_loop(world, scripted, error):
    world.add(scripted("broken", error), strength=0.9)
    world.add(scripted("sound", "yes"), strength=0.5)
    reply = await world.reply(world.request())
    assert reply.decision.answered_by == "sound"
    outcome = "abstained" if isinstance(error, Abstained) else "failed"
    assert [s.outcome for s in reply.decision.steps] == [outcome, "answered"]


async def test_who_abstains_or_fails_costs_what_it_cost(world, scripted):
    world.add(scripted("program", Abstained("x", usage=Usage(prompt_tokens=20, usd=0.5))), strength=0.9)
    world.add(scripted("sound", "yes"), strength=0.5)
    reply = await world.reply(world.request())
    assert [step.usage.prompt_tokens for step in reply.decision.steps] == [20, 5]
    assert reply.decision.usage.usd == pytest.approx(0.5 + reply.decision.steps[1].usage.usd)
    assert reply.answer.usage.usd == reply.decision.usage.usd


async def test_a_rung_that_filled_while_a_specialist_abstained_is_busy(world, scripted):
    looked, never = asyncio.Event(), asyncio.Event()
    calc = world.add(scripted("calc", looked, Abstained("not me"), abilities=Abilities(general=False)), strength=0.9)
    world.add(scripted("sound", never))
    asked = asyncio.create_task(world.reply(world.request(deadline_ms=3000)))
    while not calc.calls:  # noqa: ASYNC110
        await asyncio.sleep(0)
    async with crowded(world, "sound"):
        await asyncio.sleep(0.2)
        looked.set()
        with pytest.raises(Busy, match="free in time") as e:
            await asked
    assert e.value.retry_after_s >= 1


async def test_a_rung_that_filled_while_another_was_waited_for_is_busy(world, scripted):
    never = asyncio.Event()
    silent = world.add(scripted("silent", never), strength=0.9)
    world.add(scripted("sound", never), strength=0.5)
    asked = asyncio.create_task(world.reply(world.request(deadline_ms=3000)))
    while not silent.calls:  # noqa: ASYNC110
        await asyncio.sleep(0)
    async with crowded(world, "sound"):
        with pytest.raises(Busy, match="free in time") as e:
            await asked
    assert e.value.retry_after_s >= 1


async def test_who_finds_no_rung_free_is_told_when_one_will_be_as_who_asks_for_it_by_name_is(world, scripted):
    world.add(scripted("sound", asyncio.Event()))
    async with crowded(world, "sound", priority="critical"):
        await asyncio.sleep(0.1)
        told_s = []
        for model in ("auto", "sound"):
            with pytest.raises((Busy, Overloaded)) as e:
                await world.reply(world.request(model=model, deadline_ms=850, cache="off"))
            told_s.append(e.value.retry_after_s)
    assert told_s[0] == pytest.approx(told_s[1], abs=1.0)


async def test_all_failed_names_every_reason(world, scripted):
    world.add(scripted("a", Upstream("a: went wrong")))
    world.add(scripted("b", RateLimited("slow down", retry_after_s=7)))
    with pytest.raises(AllFailed, match=r"\(a: went wrong; b: slow down\)|\(b: slow down; a: went wrong\)") as e:
        await world.reply(world.request())
    assert e.value.retry_after_s == 7


async def test_a_request_that_everyone_refuses_is_the_callers_to_mend(world, scripted):
    world.add(scripted("a", UpstreamRefusedRequest("bad seed", upstream_status=400)))
    world.add(scripted("calc", Abstained("not me")))
    with pytest.raises(UpstreamRefusedRequest, match="bad seed"):
        await world.reply(world.request())


async def test_a_named_model_bypasses_the_rule_and_tells_its_own_error(world, scripted):
    world.add(scripted("good", "yes"), strength=0.99)
    world.add(scripted("named", Abstained("not mine")), strength=0.1)
    with pytest.raises(Abstained, match="not mine"):
        await world.reply(world.request(model="named"))
    with pytest.raises(UnknownModel, match="good, named"):
        await world.reply(world.request(model="nobody"))


async def test_a_named_model_may_be_called_like_auto(world, scripted):
    short = Abilities(short_only=True)
    world.add(scripted("autopilot", "yes", abilities=short), strength=0.1)
    assert (await world.reply(world.request("Write a poem.", model="autopilot"))).answer.text == "yes"
    world.add(scripted("automat", Abstained("not mine")), strength=0.1)
    with pytest.raises(Abstained, match="not mine"):
        await world.reply(world.request(model="automat"))


async def test_what_nobody_can_do_is_a_clear_400(world, scripted):
    world.add(scripted("a", "yes", abilities=Abilities(context_tokens=300)))
    with pytest.raises(Unsupported, match="cannot take tools"):
        await world.reply(world.request(body={"tools": [{}]}))
    with pytest.raises(TooLong, match="more than any reasoner holds"):
        await world.reply(world.request("word " * 2000))


async def test_what_none_holds_for_sure_is_asked_of_one_that_may(world, scripted):
    world.add(scripted("small", "no", abilities=Abilities(context_tokens=300)))
    world.add(scripted("large", "yes", abilities=Abilities(context_tokens=800)))
    assert (await world.reply(world.request("word " * 700))).answer.text == "yes"


async def test_what_a_specialist_might_just_hold_is_too_long_all_the_same(world, scripted):
    world.add(scripted("calc", "no", abilities=Abilities(general=False, context_tokens=600)))
    with pytest.raises(TooLong, match="calc: holds 600 tokens"):
        await world.reply(world.request("word " * 700))
    world.add(scripted("small", "no", abilities=Abilities(context_tokens=300)))
    with pytest.raises(TooLong, match="small: holds 300 tokens"):
        await world.reply(world.request("word " * 700))


async def test_a_specialist_asked_for_by_name_that_may_hold_it_is_not_ready_rather_than_too_small(world, scripted):
    world.add(scripted("extract", "{}", state="loading", abilities=Abilities(general=False, context_tokens=600)))
    with pytest.raises(NotReady, match="loading"):
        await world.reply(world.request("word " * 700, model="extract", deadline_ms=100))


async def test_what_is_down_or_loading_is_told(world, scripted):
    down = world.add(scripted("a", "yes", state="down"))
    with pytest.raises(NotReady, match="down") as e:
        await world.reply(world.request())
    assert e.value.retry_after_s == 5.0
    down.status = type(down.status)(state="down", note="slow down", ready_in_s=17.0)
    with pytest.raises(NotReady, match="slow down") as e:
        await world.reply(world.request())
    assert e.value.retry_after_s == 17.0, "when it is asked again"
    with pytest.raises(NotReady, match="slow down"):
        await world.reply(world.request("word " * 7000, model="a"))
    down.status = type(down.status)(state="loading", note="downloading", ready_in_s=100.0)
    with pytest.raises(NotReady, match="downloading") as e:
        await world.reply(world.request(deadline_ms=2000))
    assert e.value.retry_after_s == 100.0


@pytest.mark.parametrize("state", ["down", "loading"])
async def test_one_that_is_not_up_is_waited_for_only_where_it_would_do(world, scripted, state):
    """A request beyond everybody's means was told to come back: clients did, again and again."""
    world.add(scripted("up", "yes"))
    world.add(scripted("away", "yes", state=state))
    with pytest.raises(DeadlineExceeded, match="may need"):
        await world.reply(world.request(deadline_ms=1))
    with pytest.raises(NotReady):
        await world.reply(world.request(model="away", deadline_ms=1))


async def test_the_deadline_ends_a_call_and_serves_what_is_in_hand(world, scripted):
    never = asyncio.Event()
    world.add(scripted("quick", "yes"), strength=0.6)
    slow = world.add(scripted("slow", never), strength=0.5)
    world.verdicts = {"quick": 0.1}
    reply = await world.reply(world.request(deadline_ms=2_000, min_quality=0.9))
    assert reply.answer.text == "yes"
    assert slow.running == 0
    with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.04 s; tried: slow"):
        await world.reply(world.request(model="slow", deadline_ms=40))


async def test_looking_at_an_answer_ends_with_the_deadline_too(world, scripted):
    """Running an answer's code may take seconds: what was expected of it stands for what would have been seen."""
    world.add(scripted("a", "yes"), strength=0.6)
    looked = []

    async def never(features, estimates, answers, body):
        looked.append(answers)
        await asyncio.Event().wait()

    world.verify = never
    async with asyncio.timeout(10.0):
        reply = await world.reply(world.request(deadline_ms=1500))
    assert reply.answer.text == "yes"
    assert len(looked) == 1
    (step,) = reply.decision.steps
    assert (step.verdict.source, step.verdict.signals) == ("prior", {})


@pytest.mark.parametrize("stream", [True, False])
async def test_who_leaves_while_the_answer_is_looked_at_is_told_of_in_the_decision(world, scripted, stream):
    world.add(scripted("a", "yes"), strength=0.6)
    world.add(scripted("b", "no"), strength=0.5)
    looking = asyncio.Event()

    async def never(features, estimates, answers, body):
        looking.set()
        await asyncio.Event().wait()

    request = world.request(stream=stream)
    ladder = Ladder(world.rungs, world.clock)
    climb = Climb(request, make_plan(request, ladder, world.clock, "balanced"), ladder, never, world.clock)

    async def read():
        async for _ in climb.events():
            pass

    reading = asyncio.create_task(read())
    async with asyncio.timeout(10.0):
        await looking.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    decision = climb.decision(error="the client went away")
    assert [(s.reasoner, s.outcome, s.usage.usd) for s in decision.steps] == [("a", "cancelled", 0.001)]
    assert (decision.answered_by, decision.usage.usd) == (None, 0.001)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_timer_that_rings_a_little_early_is_the_deadline_all_the_same(world, scripted, stream):
    """As uvloop's may."""

    class Behind(LoopClock):
        def monotonic(self):
            return super().monotonic() * 0.97

    world.clock = Behind()
    world.add(scripted("slow", asyncio.Event()))
    with pytest.raises(DeadlineExceeded, match="slow"):
        await world.events(world.request(model="slow", stream=stream, deadline_ms=200))


class Twice:
    """A composite that asks twice, and has no answer even then."""

    name = "twice"

    def __init__(self, below, of):
        self.below, self.abilities, self.status = below, of.abilities, of.status

    async def answer(self, call):
        for _ in range(2):
            async with closing(self.below(call)) as chunks:
                async for _ in chunks:
                    pass
        raise Abstained("twice: neither would do")
        yield


def composite(world, leaf, **profile):
    below = world.rungs[-1]
    twice = Twice(heard(below.call), leaf)
    known = Profile(name="twice", kind="vote", strength=0.9, **profile)
    rung = Rung(reasoner=twice, profile=known, lane=below.lane, call=twice.answer, auto=True, about="two calls")
    world.rungs[-1:] = [rung]


@pytest.mark.parametrize("deadline_ms", [300, 30_000])
async def test_what_a_composite_spent_counts_when_it_is_ended(world, scripted, deadline_ms):
    """By the deadline, or by a client that leaves."""
    again = asyncio.Event()

    class Hangs(scripted):
        async def answer(self, call):
            first = not self.calls
            async for chunk in super().answer(call):
                yield chunk
                if not first:
                    again.set()
                    await asyncio.Event().wait()

    composite(world, world.add(Hangs("leaf", "yes")), output_usd_per_token=0.01, usd_per_busy_s=0.0)
    request = world.request(model="twice", deadline_ms=deadline_ms)
    ladder = Ladder(world.rungs, world.clock)
    climb = Climb(request, make_plan(request, ladder, world.clock, "balanced"), ladder, world.verify, world.clock)
    asked = asyncio.create_task(anext(climb.events()))
    async with asyncio.timeout(10.0):
        await again.wait()
    if deadline_ms > 1000:
        asked.cancel()
    with pytest.raises((asyncio.CancelledError, DeadlineExceeded)):
        await asked
    (step,) = climb.decision().steps
    assert step.outcome == ("failed" if deadline_ms < 1000 else "cancelled")
    assert step.usage.usd == pytest.approx(0.001 + 0.01), "the whole answer, and one piece of the next"
    assert climb.decision().usage == step.usage


async def test_what_the_error_of_a_composites_call_tells_is_not_all_that_it_spent(world, scripted):
    class Breaks(scripted):
        async def answer(self, call):
            if self.calls:
                raise Unavailable("gone", usage=Usage(usd=0.25))
            async for chunk in super().answer(call):
                yield chunk

    composite(world, world.add(Breaks("leaf", "yes")))
    with pytest.raises(Unavailable) as raised:
        await world.reply(world.request(model="twice"))
    assert raised.value.usage.usd == pytest.approx(0.001 + 0.25)


async def test_an_error_that_befell_several_requests_tells_each_what_it_spent_itself(world, scripted):
    """As one of a batch does, which the lane knows again by being the same."""

    class Detailed(Unavailable):
        def __init__(self, code, why):
            super().__init__(f"{why} ({code})")

    batch = Detailed(7, "gone")
    batch.__cause__ = ValueError()

    class Breaks(scripted):
        async def answer(self, call):
            if any(call.id == other.id for other in self.calls):
                raise batch
            async for chunk in super().answer(call):
                yield chunk

    composite(world, world.add(Breaks("leaf", "yes")))
    for name in "ab":
        with pytest.raises(Detailed, match=r"gone \(7\)") as raised:
            await world.reply(world.request(model="twice", name=name))
        assert raised.value.usage.usd == pytest.approx(0.001)
        assert raised.value.__cause__ is batch.__cause__


async def test_what_a_composite_spent_in_vain_counts_against_the_bound(world, scripted):
    composite(world, world.add(scripted("leaf", "yes")))
    world.add(scripted("dear", "yes"), strength=0.8, output_usd_per_token=0.0001)
    with pytest.raises(AllFailed) as raised:
        await world.reply(world.request(max_usd=0.0021))
    assert "dear" in raised.value.message
    assert raised.value.usage.usd == pytest.approx(0.002)
    with pytest.raises(Abstained) as abstained:
        await world.reply(world.request(model="twice"))
    assert abstained.value.usage.usd == pytest.approx(0.002)
    reply = await world.reply(world.request(name="r2", max_usd=0.5))
    assert reply.answer.reasoner == "dear"
    assert reply.answer.usage.usd == pytest.approx(0.003)


async def test_open_questions_stream_live(world, scripted):
    world.add(scripted("a", "The ", "sky"), strength=0.9)
    world.add(scripted("b", "no"), strength=0.5)
    events = await world.events(world.request("Tell me about the sky.", stream=True))
    assert events[0] == Commit(reasoner="a", cache="miss", live=True)
    assert [e.text for e in events[1:-1]] == ["The ", "sky", ""]
    assert events[-1].decision.streamed_live
    assert events[-1].answer.text == "The sky"


async def test_checkable_answers_are_held_and_released_whole(world, scripted):
    world.add(scripted("a", "y", "es"), strength=0.7)
    world.add(scripted("b", "no"), strength=0.68)
    world.verdicts = {"a": 0.05, "b": 0.9}
    events = await world.events(world.request(stream=True))
    assert events[0] == Commit(reasoner="b", cache="miss", live=False)
    assert "".join(e.text for e in events if isinstance(e, Chunk)) == "no"


async def test_before_the_first_content_a_live_stream_may_move_on(world, scripted):
    world.add(scripted("a", "", Unavailable("died")), strength=0.9)
    world.add(scripted("b", "here"), strength=0.5)
    events = await world.events(world.request("Tell me about the sky.", stream=True))
    assert events[0].reasoner == "b"
    assert [e.text for e in events if isinstance(e, Chunk)] == ["here", ""]


async def test_after_the_first_content_nothing_moves(world, scripted):
    world.add(scripted("a", "The ", Unavailable("died")), strength=0.9)
    other = world.add(scripted("b", "here"), strength=0.5)
    events = []

    async def read():
        async for event in world.runtime.run(world.request("Tell me about the sky.", stream=True)):
            events.append(event)  # noqa: PERF401  what came before the error counts

    with pytest.raises(Unavailable):
        await read()
    assert [e.text for e in events if isinstance(e, Chunk)] == ["The "]
    assert not any(isinstance(e, Reply) for e in events)
    assert not other.calls


async def test_max_usd_bounds_the_options(world, scripted):
    world.add(scripted("dear", "no"), strength=0.99, output_usd_per_token=1.0)
    world.add(scripted("cheap", "yes"), strength=0.3)
    reply = await world.reply(world.request(max_usd=0.01, preset="best"))
    assert reply.decision.answered_by == "cheap"
    assert "would cost" in next(o.excluded for o in reply.decision.options if o.reasoner == "dear")


async def test_who_has_neither_money_nor_time_left_is_told_the_time(world, scripted):
    """What each rung lacked is told in brackets: time, which no `max_usd` mends."""
    world.add(scripted("dear", "no"), output_usd_per_token=1.0)
    with pytest.raises(Unsupported, match=r"nothing fits max_usd \(dear: would cost"):
        await world.reply(world.request(max_usd=0.01))
    with pytest.raises(DeadlineExceeded, match="dear: no time is left"):
        await world.reply(world.request(max_usd=0.01, deadline_ms=1e-6))


async def test_an_answer_as_sure_as_expected_ends_the_climb_where_the_rule_would(world, scripted, monkeypatch):
    rng, told, ends = Random(4), Climb._as_expected, []
    for at in range(60):
        world.rungs.clear()
        for name in "abc":
            strength = rng.choice([0.6, 0.8, 0.9, 0.97])
            world.add(scripted(name, "yes"), strength=strength, output_usd_per_token=rng.choice([0, 1e-6, 1e-4]))
        world.verdicts = {"b": 0.3} if at % 3 == 0 else {}
        request = world.request(cache="off", min_quality=rng.choice([None, 0.85]))
        seen = []
        for shorter in (lambda climb: ends.append(told(climb)) or ends[-1], lambda _: False):
            monkeypatch.setattr(Climb, "_as_expected", shorter)
            decision = (await world.reply(request)).decision
            seen.append(([step.reasoner for step in decision.steps], decision.answered_by, decision.quality_reached))
        assert seen[0] == seen[1]
    assert 10 < sum(ends) < len(ends)
