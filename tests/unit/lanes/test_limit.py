from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.config.lanes import Limit as Bounds
from rung.lanes.limit import GradientLimit, Usual


@given(
    st.lists(st.tuples(st.floats(0.001, 1000), st.integers(1, 64), st.booleans()), max_size=200),
    st.integers(1, 64),
)
def test_it_stays_within_its_bounds(samples, most):
    limit = GradientLimit(Bounds(start=16, least=2), most)
    for ratio, running, overloaded in samples:
        if overloaded:
            limit.overloaded()
        else:
            limit.seen(ratio, running)
        assert min(2, most) <= limit.limit <= most


def settle(knee, calls=3000):
    """Against a server that takes `knee` calls at its usual speed and is slower in proportion beyond."""
    rng, limit, usual, seen = Random(1), GradientLimit(Bounds(), 200), Usual(), []
    for _ in range(calls):
        running = limit.limit
        seconds = max(running / knee, 1.0) * rng.uniform(0.8, 1.2)
        limit.seen(usual.ratio(seconds, crowded=limit.crowded(running)), running)
        seen.append(running)
    return sum(seen[-500:]) / 500


def test_it_finds_about_what_a_server_takes():
    assert 20 <= settle(20) <= 60
    assert 50 <= settle(60) <= 180


def test_it_shrinks_when_the_server_slows_and_grows_again():
    limit, usual = GradientLimit(Bounds(), 64), Usual()
    for _ in range(200):
        limit.seen(usual.ratio(1.0, crowded=True), limit.limit)
    assert limit.limit == 64
    for _ in range(60):
        limit.seen(usual.ratio(5.0, crowded=True), limit.limit)
    assert limit.limit < 32
    for _ in range(200):
        limit.seen(usual.ratio(1.0, crowded=True), limit.limit)
    assert limit.limit == 64


def test_few_calls_say_nothing_of_a_higher_limit():
    limit = GradientLimit(Bounds(start=16), 64)
    for _ in range(100):
        limit.seen(1.0, running=2)
    assert limit.limit == 16


def test_a_refusal_halves_it_step_by_step():
    limit = GradientLimit(Bounds(start=16), 64)
    for _ in range(50):
        limit.overloaded()
    assert limit.limit == 1


def test_usual_believes_faster_sooner_than_slower():
    usual = Usual()
    for _ in range(400):
        usual.ratio(1.0, crowded=False)
    for _ in range(30):
        usual.ratio(2.0, crowded=True)
    assert usual.ratio(1.0, crowded=False) == pytest.approx(1.0, abs=0.02), "a crowd says nothing of what is usual"
    for _ in range(30):
        usual.ratio(2.0, crowded=False)
    assert usual.ratio(1.0, crowded=False) == pytest.approx(0.9, abs=0.03)
    for _ in range(30):
        usual.ratio(0.5, crowded=True)
    assert usual.ratio(0.5, crowded=False) < 0.8
