import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rung.config.lanes import Breaker as Bounds
from rung.lanes.breaker import Breaker

BOUNDS = Bounds(least_calls=3, first_pause_s=1.0, longest_pause_s=8.0, probes=2)


def calls(breaker, *failed, now_s=0.0, slow=False):
    for each in failed:
        breaker.ended(breaker.began(), now_s, failed=each, slow=slow)


def test_most_of_the_last_calls_failing_opens_it():
    breaker = Breaker(BOUNDS)
    calls(breaker, False, False, True)
    assert breaker.allows(0.0)
    calls(breaker, True)
    assert breaker.state(0.0) == "open"
    assert breaker.reopens_in_s(0.25) == 0.75
    assert breaker.why(0.0) == "does not answer"


def test_failures_in_a_row_open_it_whatever_came_before():
    """One that hangs fails only at its calls' deadlines, so that half a window takes many of them."""
    breaker = Breaker(Bounds(failed_run=5))
    calls(breaker, *[False] * 20, True, True, True, True, False, True, True, True, True)
    assert breaker.allows(0.0)
    calls(breaker, True)
    assert breaker.state(0.0) == "open"


def test_few_failures_among_many_calls_do_not():
    breaker = Breaker(BOUNDS)
    calls(breaker, *[False, False, False, True] * 20)
    assert breaker.state(0.0) == "closed"


def test_two_good_probes_one_after_the_other_close_it():
    breaker = Breaker(BOUNDS)
    calls(breaker, True, True, True)
    assert not breaker.allows(0.9)
    assert breaker.allows(1.0)
    age = breaker.began()
    assert not breaker.allows(1.0), "one probe at a time"
    breaker.ended(age, 1.1, failed=False)
    assert breaker.state(1.1) == "half_open"
    breaker.ended(breaker.began(), 1.2, failed=False)
    assert breaker.state(1.2) == "closed"


def test_the_pause_doubles_while_probes_fail_up_to_a_bound_and_starts_anew_after_that():
    breaker = Breaker(BOUNDS)
    calls(breaker, True, True, True)
    now, pauses = 0.0, []
    for _ in range(5):
        pauses.append(breaker.reopens_in_s(now))
        now += pauses[-1]
        calls(breaker, True, now_s=now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
    now += 8.0
    calls(breaker, False, False, True, True, True, now_s=now)
    assert breaker.reopens_in_s(now) == 1.0


def test_a_call_from_before_says_nothing_of_after():
    breaker = Breaker(BOUNDS)
    old = breaker.began()
    calls(breaker, True, True, True)
    probe = breaker.began()
    breaker.ended(old, 1.0, failed=False)
    breaker.left(old)
    assert breaker.probing
    breaker.ended(probe, 1.1, failed=True)
    assert breaker.state(1.1) == "open"


def test_a_probe_that_is_given_up_makes_room_for_another():
    breaker = Breaker(BOUNDS)
    calls(breaker, True, True, True)
    breaker.left(breaker.began())
    assert breaker.allows(1.0)


def test_slowness_opens_it_too():
    breaker = Breaker(BOUNDS)
    calls(breaker, False, False, False, False, slow=True)
    assert breaker.state(0.0) == "open"
    assert "slower than usual" in breaker.why(0.0)


def test_a_pause_that_is_asked_for_is_given_and_ends_by_itself():
    breaker = Breaker(BOUNDS)
    breaker.asked_for_pause(breaker.began(), 0.0, 20.0)
    breaker.asked_for_pause(0, 0.0, 5.0)
    assert breaker.reopens_in_s(0.0) == 20.0
    assert breaker.why(0.0) == "asked us to slow down"
    assert breaker.state(20.0) == "closed"


def test_pauses_without_a_time_double_until_a_call_goes_well():
    breaker = Breaker(BOUNDS)
    now, pauses = 0.0, []
    for _ in range(3):
        age = breaker.began()
        for _ in range(4):  # those that were under way do not lengthen it
            breaker.asked_for_pause(age, now, None)
        pauses.append(breaker.reopens_in_s(now))
        now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0]
    calls(breaker, False, now_s=now)
    breaker.asked_for_pause(breaker.began(), now, None)
    assert breaker.reopens_in_s(now) == 1.0


class Life(RuleBasedStateMachine):
    """Calls begin and end in any order. At most one probe runs, nothing is let through while it is open, it is open
    only so long, and calls that go well always close it in the end."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(BOUNDS)
        self.now = 0.0
        self.under_way = []

    @precondition(lambda self: self.breaker.allows(self.now))
    @rule()
    def begin(self):
        probe = self.breaker.state(self.now) == "half_open"
        assert not (probe and self.breaker.probing)
        self.under_way.append(self.breaker.began())
        assert self.breaker.probing == probe

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), how=st.sampled_from(["well", "failed", "slow", "left", "paused"]))
    def end(self, data, how):
        age = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if how == "left":
            self.breaker.left(age)
        elif how == "paused":
            self.breaker.asked_for_pause(age, self.now, data.draw(st.sampled_from([None, 0.0, 3.0])))
        else:
            self.breaker.ended(age, self.now, failed=how == "failed", slow=how == "slow")

    @rule()
    def fail_until_it_opens(self):
        while self.breaker.allows(self.now):
            self.begin()
            self.breaker.ended(self.under_way.pop(), self.now, failed=True)

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def bounds_hold(self):
        rounded_s = 1e-9  # what adding it to the time and taking that away again is off by
        assert 0 <= self.breaker.reopens_in_s(self.now) <= BOUNDS.longest_pause_s + rounded_s
        assert (self.breaker.state(self.now) == "open") == (self.breaker.reopens_in_s(self.now) > 0)

    def teardown(self):
        for age in self.under_way:
            self.breaker.left(age)
        self.now += BOUNDS.longest_pause_s
        for _ in range(BOUNDS.probes):
            assert self.breaker.allows(self.now)
            self.breaker.ended(self.breaker.began(), self.now, failed=False)
        assert self.breaker.state(self.now) == "closed"


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_is_of_the_window(share):
    breaker = Breaker(Bounds(failed_share=share, window=10, least_calls=10))
    calls(breaker, *[False] * 50)
    n = 0
    while breaker.allows(0.0):
        calls(breaker, True)
        n += 1
    assert n == round(share * 10)
