"""What the rule promises, on ladders of any shape."""

from functools import cache
from itertools import permutations

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rung.reasoners.base import Abilities
from rung.routing import (
    PRESETS,
    Candidate,
    Limits,
    Seen,
    Stop,
    Weighed,
    difficulty_shift,
    exclusion,
    next_action,
    weigh,
)
from rung.routing.commitment import best_of
from rung.routing.options import LOG_ODDS
from rung.routing.reserve import reserve, verdict_points
from rung.types import Estimate
from tests.unit.conftest import FEATURES as PLAIN

FEATURES = replace(PLAIN, task="choice", prompt_tokens=100, short="choice")
NOTHING = -1.0  # what having no answer is worth

shares = st.floats(0.05, 1.0)
verdicts = st.floats(0.0, 1.0)


@st.composite
def boxes(draw):
    """Points of any shape, the chance that there is an answer, and its cost."""
    values = sorted(draw(st.lists(verdicts, min_size=1, max_size=3, unique=True)), reverse=True)
    weights = [draw(shares) for _ in values]
    points = tuple((q, w / sum(weights)) for q, w in zip(values, weights, strict=True))
    return points, draw(shares), draw(st.floats(0.0, 0.5))


def weighed_of(ladder):
    return [
        Weighed(name=str(i), reserve=reserve(points, answers, cost), cost=cost, points=points)
        for i, (points, answers, cost) in enumerate(ladder)
    ]


def after(box, in_hand, then):
    """Expected value of calling it and going on by `then`."""
    points, answers, cost = box
    kept = NOTHING if in_hand is None else in_hand
    found = sum(w * then(max(q, kept)) for q, w in points)
    return answers * found + (1 - answers) * then(in_hand) - cost


def best_value(ladder):
    """By dynamic programming over everything that could be done; stopping with nothing is not among it."""

    @cache
    def value(left, in_hand):
        stop = [in_hand] if in_hand is not None else []
        tries = [after(ladder[i], in_hand, lambda kept, i=i: value(left - {i}, kept)) for i in left]
        return max(stop + tries, default=NOTHING)

    return value(frozenset(range(len(ladder))), None)


def value_by_the_rule(ladder):
    weighed = weighed_of(ladder)

    def value(left, in_hand):
        action = next_action([weighed[i] for i in left], in_hand, None)
        if isinstance(action, Stop):
            return NOTHING if in_hand is None else in_hand
        chosen = int(action.reasoner)
        return after(ladder[chosen], in_hand, lambda kept: value(left - {chosen}, kept))

    return value(frozenset(range(len(ladder))), None)


@settings(max_examples=300, deadline=None)
@given(st.lists(boxes(), min_size=1, max_size=4))
def test_no_policy_does_better_than_the_rule(ladder):
    assume(all(w.reserve >= NOTHING for w in weighed_of(ladder)))
    assert value_by_the_rule(ladder) == pytest.approx(best_value(ladder), abs=1e-9)


@given(
    st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.8]), st.sampled_from([0.1, 0.3])), min_size=2, max_size=4),
    st.none() | verdicts,
    st.none() | verdicts,
)
def test_the_order_in_which_options_are_listed_does_not_matter(options, in_hand, min_quality):
    weighed = [
        Weighed(name=str(i), reserve=z, cost=cost, points=((0.9, 0.5), (0.1, 0.5)))
        for i, (z, cost) in enumerate(options)
    ]
    assert len({repr(next_action(order, in_hand, min_quality)) for order in permutations(weighed)}) == 1


@given(st.floats(0.02, 0.97), st.floats(0.011, 0.5), st.floats(0, 3), shares, st.floats(0, 0.5))
def test_who_is_likelier_right_is_worth_calling_for_longer(right, more, discrimination, answers, cost):
    low = reserve(verdict_points(right, discrimination), answers, cost)
    high = reserve(verdict_points(min(right + more, 0.98), discrimination), answers, cost)
    assert high >= low - 1e-6


@given(st.floats(0.05, 0.95), st.floats(0, 2.5), shares, shares, st.floats(0, 0.5))
def test_who_answers_more_often_is_worth_calling_for_longer(right, discrimination, one, other, cost):
    points = verdict_points(right, discrimination)
    low, high = sorted((one, other))
    assert reserve(points, high, cost) >= reserve(points, low, cost)


def candidate(**estimate):
    return Candidate(name="a", abilities=Abilities(), estimate=Estimate(**{"right_prob": 0.6, **estimate}))


def test_each_way_to_end_has_its_own_cost():
    prices = PRESETS["balanced"]

    def usd(**estimate):
        return (
            weigh(candidate(usd=0.004, abstain_usd=0.003, fail_usd=0.001, **estimate), prices).cost * prices.value_usd
        )

    assert usd() == pytest.approx(0.004)
    assert usd(abstain_prob=0.25) == pytest.approx(0.75 * 0.004 + 0.25 * 0.003)
    assert usd(fail_prob=0.5) == pytest.approx(0.5 * 0.004 + 0.5 * 0.001)
    assert usd(abstain_prob=0.5, fail_prob=0.5) == pytest.approx(0.25 * 0.004 + 0.25 * 0.001 + 0.5 * 0.003)


@given(
    st.lists(st.tuples(st.floats(0, 0.01), st.floats(0, 3)), min_size=1, max_size=6),
    st.floats(0, 0.02),
    st.floats(0.1, 10),
)
def test_what_was_predicted_never_goes_over_a_bound(calls, max_usd, deadline_s):
    """However many steps the climb takes: here no answer is ever good enough."""
    left = {str(i): candidate(usd=usd, service_s=s, p90_s=s) for i, (usd, s) in enumerate(calls)}
    spent_usd = spent_s = 0.0
    while True:
        limits = Limits(left_s=deadline_s - spent_s, left_usd=max_usd - spent_usd)
        fit = [name for name, one in left.items() if not exclusion(one, FEATURES, limits)]
        weighed = [Weighed(name=n, reserve=0.5, cost=0.0, points=((0.5, 1.0),)) for n in fit]
        action = next_action(weighed, 0.1, 0.99)
        if isinstance(action, Stop):
            break
        estimate = left.pop(action.reasoner).estimate
        spent_usd += estimate.usd
        spent_s += estimate.service_s
    assert not action.quality_reached
    assert spent_usd <= max_usd + 1e-12
    assert spent_s <= deadline_s + 1e-12


def test_what_costs_nothing_is_an_option_after_the_budget_was_overrun():
    over = Limits(left_s=10.0, left_usd=-0.001)
    assert exclusion(candidate(), FEATURES, over) == ""
    assert "0.000000 left" in exclusion(candidate(usd=0.001), FEATURES, over)


minds = st.sampled_from(["a", "b", "c"])
seen = st.lists(st.builds(Seen, minds, st.floats(0.05, 0.95), st.floats(0.05, 0.95)), max_size=5)


@given(minds, seen, st.randoms())
def test_the_order_of_the_verdicts_does_not_matter(mind, verdicts, random):
    shuffled = random.sample(verdicts, len(verdicts))
    assert difficulty_shift(mind, verdicts) == pytest.approx(difficulty_shift(mind, shuffled), abs=1e-9)


@given(minds, minds, st.integers(1, 6), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_verdicts_that_say_the_same_never_move_another_by_more_than_they_moved(mine, other, count, expected, found):
    once = difficulty_shift(mine, [Seen(other, expected, found)])
    often = difficulty_shift(mine, [Seen(other, expected, found)] * count)
    assert abs(once) - 1e-9 <= abs(often) <= LOG_ODDS * abs(found - expected) + 1e-9


@settings(max_examples=200, deadline=None)
@given(st.lists(boxes(), min_size=1, max_size=4))
def test_what_the_others_are_worth_is_what_climbing_them_brings(ladder):
    """The value of the optimal policy is that of the best of all verdicts, each capped at its reserve."""
    assume(all(w.reserve >= NOTHING for w in weighed_of(ladder)))
    weighed = [
        msgspec.structs.replace(w, answer_prob=box[1]) for w, box in zip(weighed_of(ladder), ladder, strict=True)
    ]
    assert sum(b * p for b, p in best_of(weighed, None)) == pytest.approx(best_value(ladder), abs=1e-9)
