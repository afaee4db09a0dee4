from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rung.clock import RealClock
from rung.config.lanes import Lanes
from rung.config.lanes import Limit as Bounds
from rung.errors import RateLimited
from rung.lanes import Pace, Pool
from rung.lanes.limit import GradientLimit, Usual
from rung.lanes.queue import Ticket
from rung.lanes.target import Permit, Target, Watch
from rung.types import Call, Chunk, Usage


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


MOST = 24
LEAST = 2


class Places(RuleBasedStateMachine):
    """Calls of one upstream begin and end in any order: well, slowly, refused, too late, or left by their callers. None
    begins beyond the limit, which stays within its bounds; whoever ends frees its place; and once calls go well again
    the limit is what it was allowed to be."""

    def __init__(self):
        super().__init__()
        bounds = Lanes(limit=Bounds(start=8, least=LEAST))
        pace = Pace(first_s=1.0, prompt_s_per_token=0.0, completion_s_per_token=0.01)
        self.pool = Pool(1000, RealClock())
        self.target = Target("u", None, pace, bounds, MOST)
        self.now = 0.0
        self.under_way = []

    @precondition(lambda self: self.target.open(self.now))
    @rule(tokens=st.integers(1, 500))
    def begin(self, tokens):
        ticket = Ticket(
            priority=1, tenant="t", deadline_s=1e9, since_s=self.now, prompt_tokens=100, tokens=tokens, service_s=1.0
        )
        permit = Permit(self.pool, self.target, ticket)
        watch = Watch(self.now, slowdown=1.0, beside=self.target.running, call=Call(id="c", body={}, deadline_s=1e9))
        self.under_way.append((permit, watch))
        assert self.target.running <= self.target.limit

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), how=st.sampled_from(["well", "slow", "refused", "late", "left", "unused"]))
    def end(self, data, how):
        permit, watch = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if how in {"well", "slow"}:
            self.answered(permit, watch, 1.0 if how == "well" else 30.0)
        elif how == "refused":
            self.target.failed(RateLimited("429", retry_after_s=1.0), permit.age, self.now, watch.started_s)
        elif how == "late":
            self.target.timed_out(permit.age, self.now, hopeless=False)
        elif how == "left":
            self.target.breaker.left(permit.age)
        else:
            permit.unused()
        permit.release()
        permit.release()  # a second time does nothing

    def answered(self, permit, watch, took_s):
        self.now = max(self.now, watch.started_s + took_s)
        watch.see(Chunk(text="fine", usage=Usage(prompt_tokens=100, completion_tokens=50)), self.now)
        self.target.answered(watch, permit.age, self.now)

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def bounds_hold(self):
        assert LEAST <= self.target.limit <= MOST
        assert self.target.running == self.pool.running == len(self.under_way)
        outstanding = sum(permit.ticket.tokens for permit, _ in self.under_way)
        assert self.target.outstanding_tokens == pytest.approx(outstanding)

    def teardown(self):
        for permit, _ in self.under_way:
            permit.unused()
        self.under_way.clear()
        assert self.target.running == self.pool.running == self.target.outstanding_tokens == 0
        for _ in range(400):
            self.now += 30.0
            while self.target.open(self.now):
                self.begin(50)
            while self.under_way:
                permit, watch = self.under_way.pop()
                self.answered(permit, watch, 1.0)
                permit.release()
        assert self.target.limit == MOST


TestPlaces = Places.TestCase
TestPlaces.settings = settings(max_examples=30, stateful_step_count=30)
