from collections import Counter
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.routing import Try, Weighed, chances, explore, next_action
from rung.routing.explore import RATE, loss
from rung.routing.reserve import reserve, verdict_points


def option(name, right, cost, discrimination=1.0):
    points = verdict_points(right, discrimination)
    return Weighed(name=name, reserve=reserve(points, 1.0, cost), cost=cost, points=points)


def first_of(options):
    action = next_action(options, None, None)
    assert isinstance(action, Try)
    return action


def taken(options, most_loss, draw):
    first = first_of(options)
    return explore(options, first, chances(options, first, most_loss), draw)


def climb(options, first):
    """What a climb is worth that calls `first` and then goes on by the rule, as a share of a right answer's value."""
    order = [first, *sorted((o for o in options if o is not first), key=lambda o: -o.reserve)]
    worth = 0.0
    for drawn in product(*(o.points for o in order)):
        chance, best, paid = 1.0, 0.0, 0.0
        for _, share in drawn:
            chance *= share
        for at, (o, (quality, _)) in enumerate(zip(order, drawn, strict=True)):
            if at and best >= o.reserve:
                break
            best, paid = max(best, quality), paid + o.cost
        worth += chance * (best - paid)
    return worth


options_of = st.lists(
    st.tuples(st.floats(0.05, 0.95), st.floats(0.001, 0.5), st.floats(0, 2.5)), min_size=2, max_size=3
).map(lambda rows: [option(str(at), *row) for at, row in enumerate(rows)])


@given(options_of)
def test_what_a_trial_costs_is_never_more_than_was_said(options):
    """Enumerated over all verdicts, by the rule itself."""
    best = first_of(options)
    in_order = climb(options, next(o for o in options if o.name == best.reasoner))
    for o in options:
        assert in_order - climb(options, o) <= loss(o, best.reserve) + 1e-9


def test_the_first_by_the_rule_costs_nothing():
    a = option("a", 0.7, 0.1)
    assert loss(a, a.reserve) == 0


OPTIONS = [option("a", 0.8, 0.05), option("b", 0.79, 0.05), option("c", 0.78, 0.05), option("dear", 0.8, 0.4)]


def test_only_what_loses_little_is_tried_and_the_chances_are_as_they_are_logged():
    rng = Random(0)
    actions = [taken(OPTIONS, 0.03, rng.random()) for _ in range(20_000)]
    seen = Counter(action.reasoner for action in actions)
    assert set(seen) == {"a", "b", "c"}
    logged = {action.reasoner: action.propensity for action in actions}
    assert logged == {"a": 1 - RATE, "b": RATE / 2, "c": RATE / 2}
    for name, chance in logged.items():
        assert seen[name] / len(actions) == pytest.approx(chance, abs=0.006)


@pytest.mark.parametrize("draw", [0.0, RATE / 2, 0.999])
def test_nobody_is_tried_where_all_lose_too_much(draw):
    assert taken(OPTIONS, 0.001, draw) == first_of(OPTIONS)
    assert first_of(OPTIONS).propensity == 1


def test_nobody_is_tried_whose_answer_would_not_be_served():
    options = [option("a", 0.8, 0.05, 0.0), option("b", 0.7, 0.001, 0.0)]
    assert loss(options[1], options[0].reserve) < 0.05
    assert taken(options, 0.05, 0.999) == first_of(options)


@pytest.mark.parametrize("discrimination", [0.0, 1.0])
def test_the_answer_of_a_trial_is_held_if_another_may_follow_it(discrimination):
    options = [option("a", 0.8, 0.05, discrimination), option("b", 0.79, 0.05, discrimination)]
    trial = taken(options, 0.1, 0.999)
    assert trial.reasoner == "b"
    assert trial.live == (discrimination == 0)  # a verdict that sees nothing changes nothing


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 0.5))
def test_what_is_taken_is_an_option(draw, most_loss):
    action = taken(OPTIONS, most_loss, draw)
    assert action.reasoner in {o.name for o in OPTIONS}
    assert 0 < action.propensity <= 1
