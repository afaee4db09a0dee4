from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.estimators import figures
from rung.estimators.figures import Place

WEAK = np.array([1, 0, 1, 0, 0], np.float32)
STRONG = np.array([1, 1, 0, 1, 1], np.float32)


def test_apgr_by_hand():
    # Gains 1, 1, 1, 0, -1 in that order: 0, 1, 2, 3, 3, 2 of a gap of 2.
    assert figures.apgr(STRONG - WEAK, WEAK, STRONG) == pytest.approx((0 + 1 + 2 + 3 + 3 + 2) / 6 / 2)


def test_apgr_of_chance_is_one_half():
    rng = np.random.default_rng(0)
    weak, strong = (rng.random(4000) < 0.6).astype(np.float32), (rng.random(4000) < 0.8).astype(np.float32)
    drawn = [figures.apgr(rng.random(4000).astype(np.float32), weak, strong) for _ in range(50)]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.02)


def test_gap_closed_from_best_single_to_oracle():
    scores = np.stack([WEAK, STRONG], axis=1)
    assert figures.gap_closed(scores, scores) == 1
    always_strong = np.tile(np.array([0.0, 1.0], np.float32), (5, 1))
    assert figures.gap_closed(always_strong, scores) == 0


def test_calibration_error_by_hand():
    right = np.array([[0.1], [0.1], [0.9], [0.9]], np.float32)
    scores = np.array([[0], [1], [1], [np.nan]], np.float32)
    assert figures.calibration_error(right, scores, bins=2) == pytest.approx((abs(0.1 - 0.5) * 2 + 0.1) / 3, abs=1e-6)


def test_a_calibration_error_of_few_scores_is_chance():
    """Of predictions that are just right."""
    rng = np.random.default_rng(0)
    found, expected = [], []
    for _ in range(100):
        p = rng.beta(3, 2, (200, 1)).astype(np.float32)
        y = (rng.random(p.shape) < p).astype(np.float32)
        found.append(figures.calibration_error(p, y))
        expected.append(figures.chance_error(p, y))
    assert np.mean(expected) == pytest.approx(np.mean(found), rel=0.05)
    assert np.mean(found) > 0.07


def test_a_frontier_goes_from_the_cheapest_to_the_likeliest():
    scores = np.stack([WEAK, STRONG], axis=1)
    costs = np.tile(np.array([1.0, 3.0], np.float32), (5, 1))
    places = figures.frontier(scores, scores, costs, costs[:1])
    assert places[0].cost == 1
    assert max(p.score for p in places) == 1
    assert figures.singles(scores, costs) == (Place(1.0, pytest.approx(0.4)), Place(3.0, pytest.approx(0.8)))
    assert figures.cost_at(places, 0.8) < 3
    assert figures.cost_at(places, 1.01) == np.inf


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_an_upper_hull_is_above_all_and_bends_down(places):
    hull = figures.upper([Place(float(c), float(s)) for c, s in places])
    assert all(figures.score_at(hull, cost) >= score - 1e-9 for cost, score in places)
    assert list(hull) == sorted(hull)
    slopes = [(b.score - a.score) / (b.cost - a.cost) for a, b in pairwise(hull)]
    assert slopes == sorted(slopes, reverse=True)
    assert all(slope > 0 for slope in slopes)


def test_an_interval_holds_the_mean_and_narrows():
    values = np.random.default_rng(0).random(400)
    rng = np.random.default_rng(1)
    low, high = figures.interval(lambda at: float(values[at].mean()), 400, rng)
    assert low < values.mean() < high
    few = figures.interval(lambda at: float(values[at].mean()), 40, rng)
    assert few[1] - few[0] > high - low
