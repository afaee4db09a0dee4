"""Streams that are held, on virtual time: what is sent, when, and what is dropped unseen."""

import asyncio
from contextlib import aclosing
from functools import partial
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung.clock import LoopClock
from rung.errors import RungError, Unavailable
from rung.lanes import Lane, Pace, Pool, Setup
from rung.reasoners.base import Abilities, Status
from rung.routing import OPEN_SHARE, Candidate, Prices, Profile, features_of, options
from rung.routing.reserve import verdict_points
from rung.runtime import Ladder, Rung, plan
from rung.runtime.climb import Climb
from rung.runtime.hold import LOOKS, can_hold
from rung.runtime.plan import make_plan
from rung.simulate import run
from rung.types import Chunk, Commit, Decision, Estimate, Reply, Request, Usage, Verdict, Wishes

TOKEN_S = 0.02
QUESTION = "A farmer has 12 cows and sells 5 of them. How many cows are left?"


class Writer:
    """Writes `words` one at a time, after `thought`; `mean_logprob` is told of every one, `error` raised after the last
    of them."""

    abilities = Abilities()
    status = Status(state="warm")

    def __init__(self, name, words, *, thought=(), mean_logprob=None, error=None, token_s=TOKEN_S):
        self.name, self.words, self.thought, self.error, self.token_s = name, words, thought, error, token_s
        self.signals = {} if mean_logprob is None else {"mean_logprob": mean_logprob}
        self.written = self.running = 0

    async def start(self): ...

    async def close(self): ...

    async def answer(self, call):
        self.running += 1
        try:
            for word in self.thought:
                await asyncio.sleep(self.token_s)
                yield Chunk(reasoning=word)
            for word in self.words:
                await asyncio.sleep(self.token_s)
                self.written += 1
                yield Chunk(text=word, signals=self.signals)
            if self.error:
                raise self.error
            yield Chunk(finish="stop", usage=Usage(prompt_tokens=20, completion_tokens=len(self.words), usd=0.001))
        finally:
            self.running -= 1


def words(count, text="word "):
    return [f"{text}{i} " for i in range(count)]


def ladder(*rungs):
    """Of (writer, strength, USD a token); all verdicts tell as much as the estimates guess."""
    made = []
    for writer, strength, usd in rungs:
        pace = Pace(first_s=0.1, prompt_s_per_token=0, completion_s_per_token=writer.token_s)
        lane = Lane(writer, Setup(pool=Pool(4, LoopClock()), pace=pace), LoopClock(), Random(1))
        profile = Profile(name=writer.name, kind="endpoint", strength=strength, output_usd_per_token=usd)
        made.append(Rung(reasoner=writer, profile=profile, lane=lane, call=lane.call, auto=True, about="writes"))
    return Ladder(made, LoopClock())


class Told(NamedTuple):
    """Events with the seconds after which they came, and what the climb said of itself in the end."""

    events: list
    decision: Decision
    settled: bool

    @property
    def first(self):
        return self.events[0][1]

    @property
    def first_s(self):
        return self.events[0][0]

    @property
    def text(self):
        return "".join(e.text for _, e in self.events if isinstance(e, Chunk))

    @property
    def steps(self):
        return [(step.reasoner, step.outcome) for step in self.decision.steps]


def climbed(rungs, verdicts=None, *, stream=True, leaves_after=None, **wishes):
    """By fixed verdicts, or by what they make of an estimate; without one, a reasoner gets what was expected of it.
    `rungs` are as in `ladder`."""

    async def verify(features, estimates, answers, body):
        return tuple(Verdict(right_prob=found(a.reasoner, estimates[a.reasoner])) for a in answers)

    def found(name, estimate):
        verdict = (verdicts or {}).get(name, estimate.right_prob)
        return verdict(estimate) if callable(verdict) else verdict

    async def main():
        clock = LoopClock()
        on, now_s = ladder(*rungs), clock.monotonic()
        body = {"messages": [{"role": "user", "content": QUESTION}], "stream": stream}
        request = Request(
            id="r", model="auto", body=body, arrived_s=now_s, deadline_s=now_s + 600, wishes=Wishes(**wishes)
        )
        climb = Climb(request, make_plan(request, on, clock, "balanced"), on, verify, clock)
        events = []
        async with aclosing(climb.events()) as chunks:
            async for event in chunks:
                events.append((clock.monotonic() - now_s, event))
                if len(events) == leaves_after:
                    break
        return Told(events, climb.decision(), climb.settled)

    return run(main())


def test_a_sure_beginning_is_sent_as_it_goes_on():
    sure = Writer("sure", words(250), mean_logprob=-0.001)
    told = climbed([(sure, 0.9, 0.0), (Writer("other", words(250)), 0.86, 0.0)])
    assert told.first == Commit(reasoner="sure", cache="miss", live=True)
    assert told.first_s < 25 * TOKEN_S + 0.2
    assert told.text == "".join(sure.words)
    assert told.decision.streamed_live
    assert told.settled


def test_without_token_probabilities_it_is_held_whole():
    mute, other = (Writer(name, words(250), token_s=TOKEN_S * 0.8) for name in ("mute", "other"))
    told = climbed([(mute, 0.9, 0.0), (other, 0.86, 0.0)])
    assert not told.first.live
    assert told.first_s == pytest.approx(250 * TOKEN_S * 0.8)


@pytest.mark.parametrize("streaming", ["whole", "eager"])
def test_how_it_is_sent_can_be_wished(streaming):
    rungs = [(Writer(n, words(50), mean_logprob=-0.001), p, 0.0) for n, p in (("a", 0.9), ("b", 0.86))]
    told = climbed(rungs, streaming=streaming)
    assert told.first.live == (streaming == "eager")
    assert (told.first_s < 2 * TOKEN_S) == (streaming == "eager")


def test_a_refusal_is_dropped_and_the_client_sees_no_seam():
    refuses = Writer("refuses", ["I'm sorry, ", "but I can't ", "help with that. ", *words(250)], mean_logprob=-0.1)
    better = Writer("better", words(60, "fine "))
    told = climbed([(refuses, 0.85, 0.0), (better, 0.84, 1e-6)], {"better": 0.9})
    assert told.text == "".join(better.words)
    assert sum(isinstance(e, Commit) for _, e in told.events) == 1
    assert told.first.reasoner == "better"
    assert refuses.written == min(LOOKS)
    assert refuses.running == 0
    assert told.steps == [("refuses", "dropped"), ("better", "answered")]
    dropped = told.decision.steps[0]
    assert dropped.usage.completion_tokens >= min(LOOKS)
    assert dropped.verdict.source == "early"
    assert dropped.verdict.right_prob < 0.5


REFUSALS = (["I'm ", "sorry, ", "but I can't ", "help with that. "], ["I can\u2019t", " help you."], ["Sorry."], [])


@pytest.mark.parametrize("said", REFUSALS)
def test_where_no_verdict_was_thought_to_matter_a_refusal_is_dropped_all_the_same(said):
    refuses, better = Writer("refuses", said), Writer("better", words(60))
    told = climbed([(refuses, 0.9, 0.0), (better, 0.6, 1e-6)], {"refuses": 0.01, "better": 0.9})
    assert told.text == "".join(better.words)
    assert [name for name, _ in told.steps] == ["refuses", "better"]
    assert sum(isinstance(e, Commit) for _, e in told.events) == 1


@pytest.mark.parametrize(
    ("said", "sent_after"),
    [(["It ", "is ", "7."], 1), (["I ", "see ", "7."], 2), (["I can't ", "see ", "more ", *words(30)], 12)],
)
def test_where_no_verdict_was_thought_to_matter_an_answer_is_sent_once_it_is_seen_to_be_no_refusal(said, sent_after):
    plain = Writer("plain", said)
    told = climbed([(plain, 0.97, 0.0), (Writer("other", words(60)), 0.6, 1e-6)])
    assert told.first == Commit(reasoner="plain", cache="miss", live=True)
    assert told.first_s == pytest.approx(sent_after * TOKEN_S, abs=TOKEN_S / 2)
    assert told.text == "".join(said)


def test_where_no_verdict_was_thought_to_matter_thoughts_are_sent_at_once():
    thinks = Writer("thinks", words(20), thought=words(10))
    told = climbed([(thinks, 0.97, 0.0), (Writer("other", words(60)), 0.6, 1e-6)])
    assert told.first_s == pytest.approx(TOKEN_S)


def test_a_stream_that_is_to_come_whole_is_looked_at_also_where_nothing_was_thought_to_come_of_it():
    """So that the answer is the one without `stream`, whatever is found."""
    rungs = [(Writer("a", words(20)), 0.9, 0.0), (Writer("b", words(20)), 0.6, 1e-6)]
    found = {"a": 0.05, "b": 0.8}
    whole, unstreamed = (climbed(rungs, found, stream=stream, streaming="whole") for stream in (True, False))
    assert whole.decision.answered_by == unstreamed.decision.answered_by == "b"
    assert not whole.first.live


def test_an_answer_that_was_sent_and_found_poor_is_not_settled():
    rungs = [(Writer("a", words(20)), 0.9, 0.0), (Writer("b", words(20)), 0.6, 1e-6)]
    for found, settled in ((0.9, True), (0.95, True), (0.05, False)):
        told = climbed(rungs, {"a": found})
        assert told.first.live
        assert told.settled == settled, found


def test_who_alone_can_answer_is_not_held_for_a_refusal():
    told = climbed([(Writer("refuses", REFUSALS[0]), 0.97, 0.0)])
    assert told.first_s == pytest.approx(TOKEN_S)
    assert told.text == "".join(REFUSALS[0])


def test_who_was_dropped_is_asked_again_if_nobody_else_answers():
    refuses = Writer("refuses", ["I'm sorry, ", "but I can't ", *words(60)])
    broken = Writer("broken", [], error=Unavailable("gone"))
    told = climbed([(refuses, 0.85, 0.0), (broken, 0.84, 0.0)], {"refuses": 0.2})
    assert told.steps == [("refuses", "dropped"), ("broken", "failed"), ("refuses", "answered")]
    assert told.text == "".join(refuses.words)


def test_what_dropped_answers_cost_counts_against_the_budget():
    refuses = Writer("refuses", ["I'm sorry, ", "but I can't ", *words(250)])
    rungs = [(refuses, 0.85, 1e-5), (Writer("near", words(60)), 0.84, 1e-5), (Writer("far", words(60)), 0.8, 1e-5)]
    told = climbed(rungs, {"near": 0.3}, min_quality=0.99, max_usd=0.0035)
    assert told.steps == [("refuses", "dropped"), ("near", "answered")]
    assert told.decision.usage.usd == pytest.approx(sum(step.usage.usd for step in told.decision.steps))
    dropped = told.decision.steps[0].usage
    assert dropped.usd == pytest.approx(1e-5 * dropped.completion_tokens)
    assert not told.decision.quality_reached


def test_after_a_low_verdict_the_last_rung_is_sent_once_it_is_likely_better():
    low, last = Writer("low", words(60)), Writer("last", words(250), mean_logprob=-0.001)
    told = climbed([(low, 0.8, 0.0), (last, 0.82, 1e-6)], {"low": 0.05, "last": 0.9})
    assert told.steps == [("low", "answered"), ("last", "answered")]
    assert told.first == Commit(reasoner="last", cache="miss", live=True)
    assert told.first_s < 100 * TOKEN_S
    assert told.text == "".join(last.words)


def test_the_one_that_was_sent_is_named_even_if_another_turns_out_likelier():
    low, last = Writer("low", words(60)), Writer("last", words(250), mean_logprob=-0.001)
    told = climbed([(low, 0.8, 0.0), (last, 0.82, 1e-6)], {"low": 0.3, "last": 0.1})
    assert told.first == Commit(reasoner="last", cache="miss", live=True)
    assert (told.decision.answered_by, told.decision.right_prob) == ("last", 0.1)


def test_after_the_first_byte_nothing_moves():
    breaks = Writer("breaks", words(100), mean_logprob=-0.001, error=Unavailable("gone"))
    other = Writer("other", words(50))
    with pytest.raises(Unavailable):
        climbed([(breaks, 0.9, 0.0), (other, 0.86, 0.0)])
    assert other.written == 0


def test_a_client_that_leaves_ends_the_call_and_its_cost_is_told():
    sure = Writer("sure", words(250), mean_logprob=-0.001)
    told = climbed([(sure, 0.9, 1e-6), (Writer("other", words(250)), 0.86, 1e-6)], leaves_after=3)
    assert sure.running == 0
    (step,) = told.decision.steps
    assert step.outcome == "cancelled"
    assert step.usage.usd == pytest.approx(1e-6 * step.usage.completion_tokens) != 0


def test_eager_chooses_as_one_who_will_not_look():
    """A cheap rung that is mostly wrong is worth a try only for who can tell."""
    for streaming, first in (("whole", "gamble"), ("eager", "solid")):
        quick = Writer("gamble", words(30), token_s=TOKEN_S / 20)
        rungs = [(quick, 0.45, 0.0), (Writer("solid", words(30), token_s=TOKEN_S * 0.8), 0.8, 1e-5)]
        told = climbed(rungs, {"gamble": 0.97}, streaming=streaming)
        assert told.decision.steps[0].reasoner == first, streaming


def test_an_answer_that_a_whole_request_would_not_have_ended_with_is_not_settled():
    for found, settled in ((0.95, True), (0.1, False)):
        rungs = [(Writer("a", words(30)), 0.8, 0.0), (Writer("b", words(30)), 0.75, 0.0)]
        assert climbed(rungs, {"a": found}, streaming="eager").settled == settled


@pytest.mark.parametrize("need", ["", "tools", "json_schema", "n"])
def test_what_is_of_use_only_whole_is_held_whole(need):
    features = features_of({"messages": [{"role": "user", "content": QUESTION}]})
    features = msgspec.structs.replace(features, needs=frozenset({need} - {""}))
    estimate = Estimate(right_prob=0.8, completion_tokens=100)
    assert can_hold(Candidate(name="a", abilities=Abilities(), estimate=estimate), features) == (not need)
    assert not can_hold(Candidate(name="a", abilities=Abilities(streaming=False), estimate=estimate), features)


shapes = st.lists(
    st.tuples(st.floats(0.2, 0.95), st.floats(0, 2e-5), st.integers(0, 15), st.booleans(), st.integers(1, 40)),
    min_size=1,
    max_size=4,
    unique_by=lambda shape: round(shape[0], 2),  # of two that are as sure, either may be sent
)


def _one_of(at, estimate):
    """A verdict that is thought possible."""
    points = verdict_points(estimate.right_prob, estimate.discrimination * OPEN_SHARE**0.5)
    return points[min(at, len(points) - 1)][0]


def ended(shape, stream, streaming, *, mean_logprob=None, **wishes):
    """What became of it, or the error's type; of a stream, also that nothing was spliced."""
    rungs = []
    for i, (p, usd, _, breaks, count) in enumerate(shape):
        said = [] if breaks else words(count, f"{i}:")
        writer = Writer(str(i), said, error=Unavailable("x") if breaks else None, mean_logprob=mean_logprob)
        rungs.append((writer, p, usd))
    verdicts = {str(i): partial(_one_of, at) for i, (_, _, at, _, _) in enumerate(shape)}
    try:
        told = climbed(rungs, verdicts, stream=stream, streaming=streaming, **wishes)
    except RungError as error:
        return type(error)
    reply = told.events[-1][1]
    assert isinstance(reply, Reply)
    if stream:
        assert [isinstance(e, Commit) for _, e in told.events] == [True] + [False] * (len(told.events) - 1)
        assert told.text == reply.answer.text
        assert told.first.reasoner == reply.answer.reasoner == told.decision.answered_by
    return reply.answer.text, told.steps, told.decision.quality_reached, told.decision.answered_by


bounds = st.fixed_dictionaries(
    {"min_quality": st.sampled_from([None, 0.5, 0.9]), "max_usd": st.sampled_from([None, 0.002, 0.01])}
)


@settings(max_examples=80, deadline=None)
@given(shapes, bounds)
def test_a_stream_that_is_sent_whole_is_decided_as_a_whole_answer(shape, wishes):
    """The same rungs in the same order, the same answer, the same bounds kept, also where it is sent live since no
    verdict could make a difference."""
    assert ended(shape, True, "whole", **wishes) == ended(shape, False, None, **wishes)


@settings(max_examples=120, deadline=None)
@given(shapes, bounds)
def test_where_waiting_costs_nothing_a_held_stream_is_decided_as_a_whole_answer(shape, wishes):
    """And where verdicts are those that are thought possible: what is sent early is what would have been sent late.
    (Who is dropped cannot bring its answer, so that those climbs have other steps.)"""
    patient = {"balanced": Prices(value_usd=0.01, second_usd=0.0)}
    with patch.object(plan, "PRESETS", patient), patch.object(options, "SHARED_DIFFICULTY", 0.0):
        held = ended(shape, True, "held", mean_logprob=-0.15, **wishes)
        whole = ended(shape, False, None, **wishes)
    dropped = isinstance(held, tuple) and any(outcome == "dropped" for _, outcome in held[1])
    assert dropped or held == whole


@settings(max_examples=80, deadline=None)
@given(shapes, bounds, st.sampled_from([-0.5, -0.1, -0.001]))
def test_whatever_is_held_or_dropped_nothing_is_spliced_and_bounds_are_kept(shape, wishes, mean_logprob):
    found = ended(shape, True, "held", mean_logprob=mean_logprob, **wishes)
    if isinstance(found, tuple):
        _, steps, reached, by = found
        assert steps[-1][1] == "answered" or by in {name for name, outcome in steps if outcome == "answered"}
        assert reached or wishes["min_quality"] is not None
