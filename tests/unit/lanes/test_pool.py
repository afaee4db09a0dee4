import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rung.clock import RealClock
from rung.lanes.pool import Pool


class Hands(RealClock):
    def monotonic(self):
        return 0.0


class Line:
    """A member whose calls each take one place; `held` says that its upstream takes none now."""

    def __init__(self, pool, weight=1.0, service_s=1.0):
        self.pool, self.waiting, self.running, self.held, self.started = pool, [], 0, False, 0.0
        self.service_s = service_s
        pool.join(self, weight)

    def rank(self, now_s):
        return min(self.waiting) if self.waiting and not self.held else None

    def start_next(self, now_s):
        self.waiting.remove(min(self.waiting))
        self.pool.take()
        self.running += 1
        self.started += 1
        return self.service_s

    def end(self):
        self.running -= 1
        self.pool.give_back()


def test_the_higher_class_first_then_turns_by_weight():
    pool = Pool(1, Hands())
    one, two = Line(pool, weight=3.0), Line(pool)
    one.waiting, two.waiting = [1] * 100, [1] * 99 + [0]
    pool.pump()
    assert (one.running, two.running) == (0, 1)
    for _ in range(79):
        (one if one.running else two).end()
    assert one.started == pytest.approx(60, abs=1)


def test_turns_are_by_time_not_by_calls():
    pool = Pool(1, Hands())
    one, two, three = Line(pool, service_s=3.0), Line(pool), Line(pool, weight=3.0)
    for line in (one, two, three):
        line.waiting = [1] * 100
    pool.pump()
    for _ in range(129):
        next(line for line in (one, two, three) if line.running).end()
    assert [line.started for line in (one, two, three)] == pytest.approx([10, 30, 90], abs=1)


def test_who_had_nothing_to_do_has_saved_up_nothing():
    pool = Pool(1, Hands())
    one, two = Line(pool), Line(pool)
    one.waiting = [1] * 100
    pool.pump()
    for _ in range(49):
        one.end()
    two.waiting = [1] * 100
    for _ in range(20):
        (one if one.running else two).end()
    assert two.started == pytest.approx(10, abs=1)


def test_one_that_cannot_start_after_all_holds_nobody_up():
    class Changed(Line):
        def start_next(self, now_s):
            self.waiting.clear()

    pool = Pool(1, Hands())
    one, two = Changed(pool), Line(pool)
    one.waiting, two.waiting = [0], [1]
    pool.pump()
    assert two.running == 1


class Sharing(RuleBasedStateMachine):
    """Never more than there are places; and whenever one is free, nobody waits who could start."""

    @initialize(capacity=st.integers(1, 4), lanes=st.integers(1, 3))
    def open(self, capacity, lanes):
        self.pool = Pool(capacity, Hands())
        self.lanes = [Line(self.pool) for _ in range(lanes)]
        self.came = 0

    @rule(lane=st.integers(0, 2), priority=st.integers(0, 2))
    def arrive(self, lane, priority):
        self.lanes[lane % len(self.lanes)].waiting.append(priority)
        self.came += 1
        self.pool.pump()

    @rule(lane=st.integers(0, 2))
    def end(self, lane):
        line = self.lanes[lane % len(self.lanes)]
        if line.running:
            line.end()

    @rule(lane=st.integers(0, 2), held=st.booleans())
    def hold(self, lane, held):
        self.lanes[lane % len(self.lanes)].held = held
        self.pool.pump()

    @rule(lane=st.integers(0, 2))
    def leave_the_queue(self, lane):
        line = self.lanes[lane % len(self.lanes)]
        if line.waiting:
            line.waiting.pop()
            self.came -= 1

    @invariant()
    def bounds_hold(self):
        if not hasattr(self, "pool"):
            return
        running = sum(line.running for line in self.lanes)
        assert self.pool.running == running <= self.pool.capacity
        assert not self.pool.room or all(line.held or not line.waiting for line in self.lanes)
        assert self.came == sum(line.started + len(line.waiting) for line in self.lanes)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=40, stateful_step_count=30)


def test_a_place_is_given_back_once():
    pool = Pool(1, Hands())
    pool.take()
    with pytest.raises(AssertionError):
        pool.take()
    pool.give_back()
    with pytest.raises(AssertionError):
        pool.give_back()
