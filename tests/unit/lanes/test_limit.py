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
            limit.seen(ratio, 60.0 * ratio, running)
        assert min(2, most) <= limit.limit <= most


def drive(speed, calls, limit=None, usual=None, seed=1):
    """Calls, as many at once as the limit lets, of a server that takes `speed(running)` seconds, more or less."""
    rng, limit, usual = Random(seed), limit or GradientLimit(Bounds(), 200), usual or Usual()
    for _ in range(calls):
        running = limit.limit
        ratio = usual.ratio(speed(running) * rng.uniform(0.8, 1.2), running, crowded=limit.crowded(running))
        if usual.known:
            limit.seen(ratio, 60.0 * ratio, running)
    return limit, usual


def knee(at):
    """Takes so many calls at its usual speed and is slower in proportion beyond."""
    return lambda running: max(running / at, 1.0)


def test_it_finds_about_what_a_server_takes():
    for takes in (20, 60):
        for calls in (3000, 20_000):
            limit, _ = drive(knee(takes), calls)
            assert takes <= limit.limit <= 2 * takes, "and does not creep up"


def test_it_shrinks_when_the_server_slows_and_grows_again():
    limit, usual = drive(lambda running: 1.0, 1000)
    assert limit.limit == 200
    drive(lambda running: 5.0, 60, limit, usual)
    assert limit.limit < 32
    drive(lambda running: 1.0, 1000, limit, usual)
    assert limit.limit == 200


def test_a_server_that_is_slower_for_good_is_not_starved():
    limit, usual = drive(lambda running: 1.0, 1000)
    drive(lambda running: 3.0, 100, limit, usual)
    assert limit.limit < 8
    drive(lambda running: 3.0, 1000, limit, usual)
    assert limit.limit > 12, "few of its calls ran beside others: that is its own speed"


def test_a_server_that_takes_fewer_than_before_is_not_crowded():
    limit, usual = drive(knee(40), 2000)
    drive(knee(8), 20_000, limit, usual)
    assert 8 <= limit.limit <= 18


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("sigma", [0.2, 0.4, 0.8])
def test_noise_does_not_move_what_is_usual(crowded, sigma):
    for seed in range(3):
        rng, usual = Random(seed), Usual()
        ratios = [usual.ratio(rng.lognormvariate(0.0, sigma), 10, crowded=crowded) for _ in range(8000)]
        assert sum(ratios[-4000:]) / 4000 == pytest.approx(1.0, abs=0.35 * sigma + 0.01)


@pytest.mark.parametrize(("usual_s", "shrinks"), [(0.01, False), (1.0, True)])
def test_milliseconds_are_no_overload(usual_s, shrinks):
    limit = GradientLimit(Bounds(start=16), 64)
    for _ in range(100):
        limit.seen(5.0, 5.0 * usual_s, running=16)
    assert (limit.limit < 16) == shrinks


def test_few_calls_say_nothing_of_a_higher_limit():
    limit = GradientLimit(Bounds(start=16), 64)
    for _ in range(100):
        limit.seen(1.0, 1.0, running=2)
    assert limit.limit == 16


def test_a_refusal_halves_it_step_by_step():
    limit = GradientLimit(Bounds(start=16), 64)
    for _ in range(50):
        limit.overloaded()
    assert limit.limit == 1


def test_what_a_crowd_says_of_the_usual():
    usual = Usual()
    for _ in range(100):
        usual.ratio(1.0, 10, crowded=False)
    for _ in range(300):
        usual.ratio(2.0, 10, crowded=True)
    assert usual.ratio(1.0, 10, crowded=True) == pytest.approx(1.0), "slower in a crowd says nothing"
    for _ in range(30):
        usual.ratio(2.0, 10, crowded=False)
    assert usual.ratio(1.0, 10, crowded=True) == pytest.approx(0.91, abs=0.01), "slower without one does"
    for _ in range(30):
        usual.ratio(2.0, 5, crowded=True)
    assert usual.ratio(1.0, 10, crowded=True) == pytest.approx(0.84, abs=0.01), "five beside are few where ten were"
    for _ in range(200):
        usual.ratio(0.5, 10, crowded=True)
    assert usual.ratio(0.5, 10, crowded=True) == pytest.approx(1.0, abs=0.02), "faster is believed of a crowd"


@pytest.mark.parametrize(("sigma", "least", "most"), [(0.1, 10, 10), (0.4, 15, 60), (1.0, 80, 100)])
def test_it_is_learned_from_more_calls_where_they_vary(sigma, least, most):
    rng, usual, calls = Random(1), Usual(), 0
    while not usual.known:
        usual.ratio(rng.lognormvariate(0.0, sigma), 1, crowded=False)
        calls += 1
    assert least <= calls <= most


def test_one_that_hangs_hardly_moves_it():
    usual = Usual()
    for n in range(200):
        usual.ratio(600.0 if n % 50 == 20 else 1.0, 1, crowded=False)
    assert usual.ratio(1.0, 1, crowded=False) == pytest.approx(1.0, abs=0.12)
