from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rung.config.lanes import Queue as Bounds
from rung.errors import Overloaded
from rung.lanes.queue import Queue, Ticket


class Named(Ticket, kw_only=True):
    id: str


def ticket(name, *, priority=1, tenant="t", deadline_s=100.0, since_s=0.0, tokens=10.0, service_s=1.0):
    return Named(
        id=name, priority=priority, tenant=tenant, deadline_s=deadline_s, since_s=since_s, prompt_tokens=0,
        tokens=tokens, service_s=service_s,
    )  # fmt: skip


def served(queue, n, now_s=0.0):
    return [queue.pop(now_s).id for _ in range(n)]


def test_earliest_deadline_first_inside_a_class():
    queue = Queue(Bounds())
    for name, deadline in (("late", 30.0), ("soon", 10.0), ("middle", 20.0)):
        queue.push(ticket(name, deadline_s=deadline))
    assert served(queue, 3) == ["soon", "middle", "late"]
    assert queue.pop(0.0) is None


def test_higher_classes_first():
    queue = Queue(Bounds(reserved_interactive=0, reserved_other=0))
    for name, priority in (("batch", 2), ("interactive", 1), ("critical", 0)):
        queue.push(ticket(name, priority=priority))
    assert served(queue, 3) == ["critical", "interactive", "batch"]


def test_every_class_gets_its_reserved_share():
    queue = Queue(Bounds(ageing_s=1e9, max_requests=10_000))
    for i in range(400):
        queue.push(ticket(f"c{i}", priority=0))
        queue.push(ticket(f"b{i}", priority=2))
    first = served(queue, 300)
    assert sum(name.startswith("b") for name in first) == pytest.approx(15, abs=2)


def test_what_was_predicted_too_high_saves_up_nothing():
    """Eight are served while nobody else waits, and need a tenth of what was predicted. Then a critical one comes."""
    queue = Queue(Bounds(ageing_s=1e9))
    for i in range(20):
        queue.push(ticket(f"b{i}", priority=2, tokens=1000.0))
    for t in [queue.pop(0.0) for _ in range(8)]:
        queue.charge(t, -900.0)
    queue.push(ticket("critical", priority=0))
    assert served(queue, 1) == ["critical"]


def test_a_reserved_share_is_no_larger_for_requests_of_many_sizes():
    rng = Random(1)
    queue = Queue(Bounds(ageing_s=1e9, max_requests=10_000))
    for i in range(3000):
        queue.push(ticket(f"c{i}", priority=0, deadline_s=float(i), tokens=rng.expovariate(1 / 100)))
        queue.push(ticket(f"b{i}", priority=2, deadline_s=float(i), tokens=rng.expovariate(1 / 100)))
    got = {0: 0.0, 2: 0.0}
    for _ in range(2500):
        t = queue.pop(0.0)
        assert t is not None
        got[t.priority] += t.tokens / 3
        queue.charge(t, -2 * t.tokens / 3)  # three times as much was predicted
    assert got[2] == pytest.approx(0.05 * got[0], rel=0.2)


def test_waiting_lifts():
    queue = Queue(Bounds(reserved_interactive=0, reserved_other=0, ageing_s=10.0))
    queue.push(ticket("old", priority=2, since_s=0.0))
    queue.push(ticket("new", priority=1, since_s=25.0))
    assert queue.pop(25.0).id == "old"


def test_tenants_share_by_tokens_served():
    queue = Queue(Bounds(max_requests=10_000))
    for i in range(100):
        queue.push(ticket(f"h{i}", tenant="heavy", tokens=100.0))
        queue.push(ticket(f"l{i}", tenant="light", tokens=10.0))
    first = served(queue, 55)
    assert sum(name.startswith("h") for name in first) == pytest.approx(5, abs=1)


def test_weights_shift_the_shares():
    queue = Queue(Bounds(tenant_weights={"double": 2.0}))
    for i in range(60):
        queue.push(ticket(f"d{i}", tenant="double"))
        queue.push(ticket(f"s{i}", tenant="single"))
    assert sum(name.startswith("d") for name in served(queue, 30)) == pytest.approx(20, abs=1)


def test_who_comes_back_has_saved_up_nothing():
    queue = Queue(Bounds())
    for i in range(50):
        queue.push(ticket(f"a{i}", tenant="a"))
    served(queue, 40)
    for i in range(10):
        queue.push(ticket(f"b{i}", tenant="b"))
    assert sum(name.startswith("b") for name in served(queue, 10)) == pytest.approx(5, abs=1)


def test_a_flood_served_at_once_is_remembered():
    """Who was served much without ever waiting has no claim against a newcomer, nor the newcomer for ever on it."""
    queue = Queue(Bounds())
    for i in range(100):
        queue.passed(ticket(f"a{i}", tenant="a"))
    for i in range(10):
        queue.push(ticket(f"b{i}", tenant="b"))
        queue.push(ticket(f"x{i}", tenant="a"))
    assert sum(name.startswith("b") for name in served(queue, 10)) == pytest.approx(5, abs=1)


def test_who_comes_to_an_empty_queue_has_no_claim_against_who_was_served():
    queue = Queue(Bounds())
    for i in range(40):
        queue.push(ticket(f"a{i}", tenant="a"))
    served(queue, 40)
    for i in range(10):
        queue.push(ticket(f"b{i}", tenant="b"))
        queue.push(ticket(f"x{i}", tenant="a"))
    assert sum(name.startswith("b") for name in served(queue, 10)) == pytest.approx(5, abs=1)


def test_nor_because_one_that_waited_long_in_a_low_class_was_the_last_to_leave():
    queue = Queue(Bounds(ageing_s=1e9, reserved_other=0))
    queue.push(ticket("batch", tenant="patient", priority=2))
    for i in range(100):
        queue.push(ticket(f"c{i}", tenant="a", priority=0))
    assert served(queue, 101)[-1] == "batch"
    for i in range(10):
        queue.push(ticket(f"b{i}", tenant="b"))
        queue.push(ticket(f"x{i}", tenant="a"))
    assert sum(name.startswith("b") for name in served(queue, 10)) == pytest.approx(5, abs=1)


def test_age_never_lifts_above_who_is_critical():
    queue = Queue(Bounds(ageing_s=1.0, reserved_interactive=0, reserved_other=0))
    for i in range(5):
        queue.push(ticket(f"old{i}", priority=2, since_s=0.0))
    queue.push(ticket("critical", priority=0, since_s=1000.0))
    assert served(queue, 1, now_s=1000.0) == ["critical"]


def test_a_full_queue_refuses():
    queue = Queue(Bounds(max_requests=2, max_tokens=50.0))
    queue.push(ticket("a"))
    with pytest.raises(Overloaded):
        queue.push(ticket("long", tokens=60.0))
    queue.push(ticket("b"))
    with pytest.raises(Overloaded):
        queue.push(ticket("c"))
    assert len(queue) == 2


def test_a_full_queue_makes_room_for_a_higher_class_and_for_who_has_less():
    queue = Queue(Bounds(max_requests=3))
    for name, deadline in (("a", 10.0), ("b", 30.0), ("c", 20.0)):
        queue.push(ticket(name, tenant="heavy", deadline_s=deadline))
    assert [t.id for t in queue.push(ticket("light", tenant="light"))] == ["b"]
    assert [t.id for t in queue.push(ticket("critical", tenant="heavy", priority=0))] == ["c"]
    with pytest.raises(Overloaded):
        queue.push(ticket("light2", tenant="light"))
    with pytest.raises(Overloaded):
        queue.push(ticket("batch", tenant="new", priority=2))
    assert sorted(t.id for t in queue) == ["a", "critical", "light"]


def test_a_class_has_its_reserved_share_of_a_full_queue():
    queue = Queue(Bounds(max_requests=100))
    for i in range(10):
        queue.push(ticket(f"b{i}", priority=2))
    for i in range(100):
        try:
            queue.push(ticket(f"c{i}", priority=0))
        except Overloaded:
            break
    assert Counter(t.priority for t in queue) == {0: 95, 2: 5}
    for i in range(40):
        try:
            queue.push(ticket(f"i{i}", priority=1))
        except Overloaded:
            break
    assert Counter(t.priority for t in queue) == {0: 80, 1: 15, 2: 5}


def test_no_more_of_the_classes_above_is_ahead_than_the_reserved_share_lets_by():
    queue = Queue(Bounds())
    for i in range(500):
        queue.push(ticket(f"c{i}", priority=0))
    assert queue.ahead_s(ticket("x", priority=1, service_s=3.0))[0] == pytest.approx(3 / 0.15)
    queue.push(ticket("b", priority=2))
    assert queue.ahead_s(ticket("x", priority=2))[0] == pytest.approx(1 + 2 / 0.05)
    assert queue.ahead_s(ticket("x", priority=0))[0] == 500.0


def test_who_is_ahead():
    queue = Queue(Bounds())
    for i in range(10):
        queue.push(ticket(f"h{i}", tenant="heavy"))
    queue.push(ticket("critical", priority=0))
    queue.push(ticket("batch", priority=2))
    assert queue.ahead_s(ticket("x", tenant="heavy"))[0] == 11.0
    assert queue.ahead_s(ticket("x", tenant="light"))[0] == 2.0, "the heavy one takes turns with it"
    assert queue.ahead_s(ticket("x", tenant="heavy", deadline_s=5.0))[0] == 1.0
    assert queue.ahead_s(ticket("x", tenant="heavy", priority=3))[0] == 12.0


def test_who_has_twice_the_weight_is_ahead_with_twice_as_many():
    queue = Queue(Bounds(tenant_weights={"double": 2.0, "half": 0.5}))
    for i in range(10):
        queue.push(ticket(f"d{i}", tenant="double"))
    assert queue.ahead_s(ticket("x", tenant="single"))[0] == 2.0
    assert queue.ahead_s(ticket("x", tenant="half"))[0] == 4.0


def test_fairness_is_within_the_bound_of_the_paper():
    """Both always wait; the gap of tokens served stays within twice the largest request (VTC, theorem 4.4)."""
    queue = Queue(Bounds(max_requests=10_000))
    got = {"a": 0.0, "b": 0.0}
    sizes = [7.0, 90.0, 31.0, 55.0]
    for i in range(400):
        queue.push(ticket(f"a{i}", tenant="a", tokens=sizes[i % 4]))
        queue.push(ticket(f"b{i}", tenant="b", tokens=5.0))
    while all(any(t.tenant == name for t in queue) for name in got):
        t = queue.pop(0.0)
        got[t.tenant] += t.tokens
        assert abs(got["a"] - got["b"]) <= 2 * 90.0


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    priority=st.integers(1, 9),
    tokens=st.floats(1, 100),
    before=st.integers(0, 60),
    tenants=st.integers(1, 3),
    classes=st.sets(st.integers(0, 9), min_size=1),
)
def test_nobody_starves(seed, priority, tokens, before, tenants, classes):
    """One waits whose deadline is the last of all; for each that is served another comes, of any class and tenant. By
    its class's reserved share and its tenant's it is its turn before long, without ageing."""
    rng, queue = Random(seed), Queue(Bounds(ageing_s=1e9))

    def come():
        queue.push(
            ticket(
                "other",
                priority=rng.choice(sorted(classes)),
                tenant=rng.choice("abc"[:tenants]),
                deadline_s=rng.uniform(0, 1e6),
                tokens=rng.uniform(1, 100),
            )
        )

    for _ in range(before):
        come()
    queue.push(ticket("patient", priority=priority, tenant="quiet", deadline_s=1e9, tokens=tokens))
    served_tokens = 0.0
    share = 0.15 if priority == 1 else 0.05
    while True:
        come()
        t = queue.pop(0.0)
        if t.id == "patient":
            break
        served_tokens += t.tokens
        # Its own hundred, and one of each other tenant's before it.
        assert served_tokens <= 100 * (1 + tenants) / share


MOST, MOST_TOKENS = 7, 200.0


class Waiting(RuleBasedStateMachine):
    """Against a plain list: nothing is lost, nothing comes out twice, sums are right, and no more wait than may."""

    def __init__(self):
        super().__init__()
        self.queue = Queue(Bounds(max_requests=MOST, max_tokens=MOST_TOKENS, ageing_s=5.0))
        self.model = {}
        self.now_s = 0.0
        self.n = 0

    @rule(
        priority=st.integers(0, 3),
        tenant=st.sampled_from("abc"),
        within=st.floats(0.1, 100),
        tokens=st.floats(1, 100),
    )
    def push(self, priority, tenant, within, tokens):
        self.n += 1
        t = ticket(
            f"r{self.n}", priority=priority, tenant=tenant, deadline_s=self.now_s + within, since_s=self.now_s,
            tokens=tokens,
        )  # fmt: skip
        waiting_tokens = sum(x.tokens for x in self.model.values())
        full = len(self.model) >= MOST or (self.model and waiting_tokens + tokens > MOST_TOKENS)
        try:
            displaced = self.queue.push(t)
        except Overloaded:
            assert full
        else:
            assert full or not displaced
            share = {0: 0.0, 1: 0.15}.get(priority, 0.05)
            mine = [x.tokens for x in self.model.values() if x.priority == priority]
            entitled = len(mine) + 1 <= share * MOST and sum(mine) + tokens <= share * MOST_TOKENS
            for other in displaced:
                assert self.model.pop(other.id).priority >= priority or entitled
            self.model[t.id] = t

    @rule(priority=st.integers(0, 3), tenant=st.sampled_from("abc"), tokens=st.sampled_from([1.0, 50.0]))
    def crowd(self, priority, tenant, tokens):
        for _ in range(MOST):
            self.push(priority, tenant, 50.0, tokens)

    @rule()
    def pop(self):
        t = self.queue.pop(self.now_s)
        assert (t is None) == (not self.model)
        if t is not None:
            assert self.model.pop(t.id) is t
            same = [x for x in self.model.values() if (x.priority, x.tenant) == (t.priority, t.tenant)]
            assert all(t.deadline_s <= x.deadline_s for x in same)

    @rule(after=st.sampled_from("abc"))
    def pop_some(self, after):
        """Only those of one tenant may go now."""
        may = [x for x in self.model.values() if x.tenant == after]
        t = self.queue.pop(self.now_s, lambda line: next((x for x in line if x.tenant == after), None))
        assert (t is None) == (not may)
        if t is not None:
            assert self.model.pop(t.id) is t

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def give_up(self, data):
        t = self.model.pop(data.draw(st.sampled_from(sorted(self.model))))
        assert self.queue.remove(t)
        assert not self.queue.remove(t)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds):
        self.now_s += seconds

    @invariant()
    def sums_hold(self):
        assert len(self.queue) == len(self.model)
        assert {t.id for t in self.queue} == set(self.model)
        assert min(self.queue.ahead_s(ticket("x", priority=9))) >= 0
        assert abs(self.queue.tokens - sum(t.tokens for t in self.model.values())) < 1e-6

    @invariant()
    def bounds_hold(self):
        assert len(self.model) <= MOST
        assert len(self.model) == 1 or sum(t.tokens for t in self.model.values()) <= MOST_TOKENS + 1e-6

    def teardown(self):
        for _ in range(len(self.model)):
            self.pop()
        assert self.queue.pop(self.now_s) is None


TestWaiting = Waiting.TestCase
TestWaiting.settings = settings(max_examples=40, stateful_step_count=30)
