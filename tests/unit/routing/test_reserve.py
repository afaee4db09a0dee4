import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.odds import logit, sigmoid
from rung.routing.reserve import Verdicted, measured_points, moves_of, reserve, verdict_points

probs = st.floats(0.01, 0.99)


def test_a_verifier_that_sees_nothing_is_plain_routing():
    assert reserve(verdict_points(0.7, 0.0), 1.0, 0.2) == pytest.approx(0.5)


def test_a_perfect_verifier_is_a_cascade():
    right, cost = 0.4, 0.1
    assert reserve(((1.0, right), (0.0, 1 - right)), 1.0, cost) == pytest.approx(1 - cost / right)


def test_a_free_call_is_worth_it_until_its_best_verdict():
    points = verdict_points(0.6, 1.2)
    assert reserve(points, 1.0, 0.0) == pytest.approx(points[0][0])


def test_what_never_answers_is_never_worth_calling():
    assert reserve(verdict_points(0.9, 1.0), 0.0, 0.01) == -math.inf


@given(probs, st.floats(0, 3))
def test_points_are_a_distribution_around_the_estimate(right, discrimination):
    points = verdict_points(right, discrimination)
    assert sum(w for _, w in points) == pytest.approx(1)
    assert sum(q * w for q, w in points) == pytest.approx(right, abs=0.001)
    assert list(points) == sorted(points, reverse=True)
    assert all(0 <= q <= 1 for q, _ in points)


@given(probs, st.floats(0, 3), st.floats(0.05, 1), st.floats(0, 2))
def test_the_reserve_solves_its_equation(right, discrimination, answers, cost):
    points = verdict_points(right, discrimination)
    z = reserve(points, answers, cost)
    assert answers * sum(w * max(q - z, 0) for q, w in points) == pytest.approx(cost, abs=1e-9)


@given(probs, st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_dearer_is_never_worth_more(right, discrimination, one, other):
    points = verdict_points(right, discrimination)
    low, high = sorted((one, other))
    assert reserve(points, 1.0, low) >= reserve(points, 1.0, high)


def test_climbing_by_reserve_beats_every_fixed_order():
    """Weitzman's theorem on boxes whose prizes follow our own points: no order with the same stopping does better."""
    rng = random.Random(7)
    boxes = [(verdict_points(0.5, 1.0), 0.02), (verdict_points(0.7, 1.5), 0.1), (verdict_points(0.8, 0.5), 0.25)]
    reserves = [reserve(points, 1.0, cost) for points, cost in boxes]

    def play(order, draws):
        best, spent = -1.0, 0.0
        for i in order:
            if best >= reserves[i]:
                continue
            spent += boxes[i][1]
            best = max(best, draws[i])
        return best - spent

    draws = [[rng.choices([q for q, _ in p], [w for _, w in p])[0] for p, _ in boxes] for _ in range(4000)]
    by_reserve = sorted(range(3), key=lambda i: -reserves[i])
    value = sum(play(by_reserve, d) for d in draws)
    for order in ([0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 1, 2]):
        assert value >= sum(play(order, d) for d in draws) - 0.005 * len(draws)


def _verdicts(rng, right_prob, discrimination, count):
    """Such as two normal distributions give."""
    for _ in range(count):
        right = rng.random() < right_prob
        score = rng.gauss(discrimination if right else 0.0, 1.0)
        found = sigmoid(logit(right_prob) + discrimination * score - discrimination**2 / 2)
        yield Verdicted(right_prob, found)


@pytest.mark.parametrize(("seen_at", "asked_at"), [(0.6, 0.6), (0.6, 0.85), (0.7, 0.4)])
def test_what_was_seen_of_verdicts_gives_the_reserves_of_their_distribution(seen_at, asked_at):
    """Also for questions that are easier or harder than those that were seen, without knowing who was right."""
    moves = moves_of(_verdicts(random.Random(3), seen_at, 1.5, 4000))
    for cost in (0.02, 0.1, 0.3):
        guessed = reserve(verdict_points(asked_at, 1.5), 1.0, cost)
        assert reserve(measured_points(asked_at, moves), 1.0, cost) == pytest.approx(guessed, abs=0.04)


def test_a_verifier_that_finds_one_fault_in_ten_is_seen_as_that():
    """Nothing in two normal distributions is like it: nearly all verdicts are what was expected, some are certain."""
    verdicts = [Verdicted(0.8, 0.88)] * 90 + [Verdicted(0.8, 0.08)] * 10
    points = measured_points(0.8, moves_of(verdicts))
    assert points[-1][0] < 0.2
    assert points[-2][0] > 0.8
    assert reserve(points, 1.0, 0.01) > 0.8


@given(st.lists(st.builds(Verdicted, probs, probs), min_size=1, max_size=60), probs, st.floats(0.1, 1))
def test_points_that_were_measured_are_a_distribution_around_the_estimate(verdicts, right, share):
    points = measured_points(right, moves_of(verdicts), share)
    assert sum(w for _, w in points) == pytest.approx(1, abs=1e-3)
    assert sum(q * w for q, w in points) == pytest.approx(right, abs=2e-3)
    best_first = [q for q, _ in points]
    assert best_first == sorted(best_first, reverse=True)
