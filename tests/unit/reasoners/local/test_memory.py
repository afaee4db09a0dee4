import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rung.reasoners.local.memory import Memory, Share, to_unload

SHARES = st.lists(st.builds(Share, st.integers(1, 50), st.booleans(), st.floats(0, 100)), max_size=8)


@given(SHARES, st.integers(-10, 200))
def test_those_go_that_have_to_and_are_idle(shares: list[Share], short: int) -> None:
    going = to_unload(shares, short)
    idle = [at for at, one in enumerate(shares) if one.idle]
    if going is None:
        assert sum(shares[at].size_bytes for at in idle) < short
        return
    freed = sum(shares[at].size_bytes for at in going)
    assert set(going) <= set(idle)
    assert freed >= short
    assert all(freed - shares[at].size_bytes < short for at in going), "none need not go"


def test_the_least_recently_useful_go_first() -> None:
    shares = [Share(10, True, 3.0), Share(10, True, 1.0), Share(10, False, 0.0), Share(10, True, 2.0)]
    assert to_unload(shares, 10) == [1]
    assert to_unload(shares, 11) == [1, 3]
    assert to_unload(shares, 30) == [1, 3, 0]
    assert to_unload(shares, 31) is None
    assert to_unload([Share(1, True, 1.0), Share(10, True, 2.0)], 10) == [1], "the small one would not help"


class Model:
    """As an engine behaves; whoever drives it says what happens next."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.state = "cold"
        self.serving = self.awaited = self.critical = 0
        self.used_s = 0.0
        self.moments = 0  # that it still gives way

    @property
    def idle(self) -> bool:
        return self.state == "warm" and not self.serving and (not self.awaited or self.moments > 0)

    @property
    def urgent(self) -> bool:
        return self.critical > 0

    def give_way(self) -> None:
        assert not self.critical
        self.moments = 2

    def unload(self) -> None:
        assert self.state == "warm"
        assert not self.serving, "nothing that serves is unloaded"
        assert not self.awaited or self.moments, "nor what somebody waits for, unless it gives way"
        self.state, self.moments = "leaving", 0


BOUND = 100
MODELS = st.integers(0, 4)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(BOUND)
        self.models = [Model(size) for size in (20, 40, 60, 80, 100)]
        self.now_s = 0.0

    @rule(at=MODELS, critical=st.booleans())
    def somebody_comes(self, at: int, critical: bool) -> None:
        self.models[at].awaited += 1
        self.models[at].critical += critical

    @rule(at=MODELS)
    def who_waits_leaves(self, at: int) -> None:
        model = self.models[at]
        model.critical -= bool(model.critical)
        model.awaited -= bool(model.awaited)

    @rule()
    def a_moment_passes(self) -> None:
        for model in self.models:
            model.moments = max(model.moments - 1, 0)

    @rule(at=MODELS, for_somebody=st.booleans())
    def asks(self, at: int, for_somebody: bool) -> None:
        model = self.models[at]
        if model.state == "cold" and self.memory.take(model, model.size, for_somebody=for_somebody):
            model.state = "loading"

    @rule(at=MODELS, goes_well=st.booleans())
    def loads(self, at: int, goes_well: bool) -> None:
        model = self.models[at]
        if model.state == "loading":
            model.state = "warm" if goes_well else "cold"
            if not goes_well:
                self.memory.give_back(model)

    @rule(at=MODELS)
    def begins_to_serve(self, at: int) -> None:
        model = self.models[at]
        if model.state == "warm" and model.awaited and not model.moments:
            self.who_waits_leaves(at)
            model.serving += 1

    @rule(at=MODELS)
    def has_served(self, at: int) -> None:
        model = self.models[at]
        if model.serving:
            model.serving -= 1
            self.now_s += 1.0
            model.used_s = self.now_s

    @rule(at=MODELS)
    def dies(self, at: int) -> None:
        model = self.models[at]
        if model.state == "warm":
            model.state, model.serving = "cold", 0
            self.memory.give_back(model)

    @rule(at=MODELS)
    def is_gone(self, at: int) -> None:
        model = self.models[at]
        if model.state == "leaving":
            model.state = "cold"
            self.memory.give_back(model)

    @precondition(lambda self: any(m.awaited for m in self.models))
    @rule()
    def everyone_who_waits_is_served_in_the_end(self) -> None:
        """Whatever happened before: calls end, loads end, who waits asks again, and none of it needs an order."""
        for _ in range(50):
            self.a_moment_passes()
            for at, model in enumerate(self.models):
                while model.serving:
                    self.has_served(at)
                self.is_gone(at)
                self.loads(at, goes_well=True)
                while model.state == "warm" and model.awaited and not model.moments:
                    self.begins_to_serve(at)
                if model.awaited:
                    self.asks(at, for_somebody=True)
        assert not any(model.awaited for model in self.models)

    @invariant()
    def the_bound_holds_and_who_is_loaded_holds_its_share(self) -> None:
        held = [model for model in self.models if model.state != "cold"]
        assert self.memory.held_bytes == sum(model.size for model in held) <= BOUND


TestMachine = Machine.TestCase


def test_without_a_bound_everything_fits() -> None:
    memory = Memory()
    assert all(memory.take(Model(10**12), 10**12, for_somebody=False) for _ in range(3))


def test_what_is_on_its_way_out_is_counted_once() -> None:
    memory, models = Memory(BOUND), [Model(50) for _ in range(3)]
    for model in models[:2]:
        assert memory.take(model, 50, for_somebody=False)
        model.state = "warm"
    for _ in range(3):
        assert not memory.take(models[2], 50, for_somebody=True)
    assert [model.state for model in models] == ["leaving", "warm", "cold"]
    memory.give_back(models[0])
    assert memory.take(models[2], 50, for_somebody=True)


def test_who_does_not_wait_displaces_nobody() -> None:
    memory, first, second = Memory(BOUND), Model(60), Model(60)
    assert memory.take(first, 60, for_somebody=False)
    first.state = "warm"
    assert not memory.take(second, 60, for_somebody=False)
    assert first.state == "warm"
    with pytest.raises(AssertionError, match="loaded once"):
        memory.take(first, 60, for_somebody=False)


def test_what_gave_way_is_for_the_critical_one_alone() -> None:
    """Who waits at the one that went would have loaded it again at once."""
    memory, crowded, wanted = Memory(BOUND), Model(60), Model(60)
    assert memory.take(crowded, 60, for_somebody=False)
    crowded.state, crowded.awaited, crowded.serving = "warm", 5, 1
    wanted.awaited = 1
    assert not memory.take(wanted, 60, for_somebody=True)
    assert not crowded.moments, "nobody is in a hurry"
    wanted.critical = 1
    assert not memory.take(wanted, 60, for_somebody=True)
    assert (crowded.state, crowded.moments) == ("warm", 2), "it ends what it serves"
    crowded.serving = 0
    assert not memory.take(wanted, 60, for_somebody=True)
    assert crowded.state == "leaving"
    memory.give_back(crowded)
    assert not memory.take(crowded, 60, for_somebody=True)
    assert memory.take(wanted, 60, for_somebody=True)


def test_who_gives_way_goes_on_doing_so_when_it_has_ended_something() -> None:
    """It was useful last then, and another was told in its place, and so on: none of them was ever idle."""
    memory, wanted = Memory(BOUND), Model(50)
    busy = [Model(50), Model(50)]
    for at, model in enumerate(busy):
        assert memory.take(model, 50, for_somebody=False)
        model.state, model.awaited, model.serving, model.used_s = "warm", 5, 2, float(at)
    wanted.awaited = wanted.critical = 1
    for now_s in (10.0, 11.0):
        assert not memory.take(wanted, 50, for_somebody=True)
        assert [model.moments for model in busy] == [2, 0]
        busy[0].serving, busy[0].used_s = busy[0].serving - 1, now_s
    assert not memory.take(wanted, 50, for_somebody=True)
    assert busy[0].state == "leaving"


def test_what_is_free_is_kept_for_the_critical_one_only_while_another_gives_way() -> None:
    memory, crowded, wanted, small = Memory(BOUND), Model(60), Model(60), Model(20)
    assert memory.take(crowded, 60, for_somebody=False)
    crowded.state, crowded.awaited, crowded.serving = "warm", 5, 1
    wanted.awaited = wanted.critical = 1
    assert not memory.take(wanted, 60, for_somebody=True)
    assert not memory.take(small, 20, for_somebody=True)
    crowded.critical = 1
    assert not memory.take(wanted, 60, for_somebody=True)
    assert memory.take(small, 20, for_somebody=True)
