import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.routing import OPEN_SHARE, Prices, Weighed, Written, commitment
from rung.routing.commitment import best_of
from rung.routing.reserve import reserve, verdict_points

PRICES = Prices(value_usd=0.01, second_usd=0.00015)
probs = st.floats(0.02, 0.98)


def written(right_prob, *, discrimination=1.0, rest_s=4.0, rest_usd=0.0, told=True):
    points = verdict_points(right_prob, discrimination * OPEN_SHARE**0.5)
    return Written(points=points, rest_s=rest_s, rest_usd=rest_usd, told=told)


def other(right_prob, *, discrimination=0.6, cost=0.1, answer_prob=1.0, name="o"):
    points = verdict_points(right_prob, discrimination)
    z = reserve(points, answer_prob, cost)
    return Weighed(name=name, reserve=z, cost=cost, points=points, answer_prob=answer_prob)


def test_a_sure_beginning_is_sent_and_an_unsure_one_is_held():
    others = [other(0.8)]
    assert commitment(written(0.93, discrimination=0.6), others, None, PRICES, None) == "release"
    assert commitment(written(0.6, discrimination=2.0), others, None, PRICES, None) == "hold"


def test_what_is_hardly_ever_the_best_is_dropped():
    assert commitment(written(0.1), [other(0.9)], None, PRICES, None) == "drop"


def test_what_all_others_may_fail_to_answer_is_not_dropped():
    assert commitment(written(0.1), [other(0.9, answer_prob=0.5)], None, PRICES, None) == "hold"


def test_the_last_option_is_sent_at_once_unless_something_better_is_in_hand():
    assert commitment(written(0.2, told=False), [], None, PRICES, 0.9) == "release"
    assert commitment(written(0.2), [], 0.9, PRICES, None) == "drop"


def test_nothing_is_sent_on_the_expectation_alone():
    for told, move in ((True, "release"), (False, "hold")):
        assert commitment(written(0.8, told=told), [other(0.75)], None, PRICES, None) == move


def test_a_bound_on_quality_is_kept_by_every_verdict_that_is_thought_possible():
    one, others = written(0.93, discrimination=0.6), [other(0.8)]
    worst = one.points[-1][0]
    assert commitment(one, others, None, PRICES, worst - 0.01) == "release"
    assert commitment(one, others, None, PRICES, worst + 0.01) == "hold"


@pytest.mark.parametrize(
    ("in_hand", "over", "move"), [(0.9, -0.01, "hold"), (0.9, 0.01, "drop"), (0.99, -0.01, "drop")]
)
def test_what_may_still_reach_the_quality_that_was_asked_for_is_not_dropped_as_too_dear(in_hand, over, move):
    one = written(0.93, discrimination=0.6, rest_usd=0.003)
    assert commitment(one, [], in_hand, PRICES, None) == "drop"
    assert commitment(one, [], in_hand, PRICES, one.points[0][0] + over) == move


@given(probs, probs, st.floats(0, 2), st.floats(0, 0.5))
def test_where_waiting_costs_nothing_it_decides_as_one_who_waits(right, their_right, discrimination, cost):
    """Sent early: no verdict on the whole answer would have let the climb go on. Dropped: every verdict would have."""
    free = Prices(value_usd=0.01, second_usd=0.0)
    one, rival = written(right, discrimination=discrimination), other(their_right, cost=cost)
    move = commitment(one, [rival], None, free, None)
    if move == "release":
        assert one.points[-1][0] >= min(rival.reserve, rival.points[0][0])
    assert move != "drop"


def test_what_takes_long_to_end_but_looks_well_is_sent_and_not_dropped():
    """Waiting for its end costs more than it may add; reading it as it comes costs nothing."""
    assert commitment(written(0.9, rest_s=60.0), [other(0.92, cost=0.3)], None, PRICES, None) == "release"


@given(
    probs, st.floats(0, 2), st.lists(st.tuples(probs, st.floats(0, 0.5), st.floats(0.1, 1)), max_size=4),
    st.none() | probs, st.floats(0, 60), st.floats(0, 0.003),
)  # fmt: skip
def test_no_move_is_worth_more(right, discrimination, rivals, in_hand, rest_s, rest_usd):
    others = [other(p, cost=c, answer_prob=a, name=str(i)) for i, (p, c, a) in enumerate(rivals)]
    one = written(right, discrimination=discrimination, rest_s=rest_s, rest_usd=rest_usd)
    best, rest, wait = best_of(others, in_hand), rest_usd / PRICES.value_usd, rest_s * PRICES.second_usd / 0.01
    worth = {
        "release": sum(w * q for q, w in one.points) - rest,
        "hold": sum(w * p * max(q, b) for q, w in one.points for b, p in best) - rest - wait,
        "drop": sum(p * b for b, p in best),
    }
    assert worth[commitment(one, others, in_hand, PRICES, None)] == pytest.approx(max(worth.values()), abs=1e-6)


@given(probs, st.lists(st.tuples(probs, st.floats(0, 0.5), st.floats(0.1, 1)), max_size=4), st.none() | probs)
def test_a_longer_wait_never_turns_a_release_into_a_hold(right, rivals, in_hand):
    others = [other(p, cost=c, answer_prob=a, name=str(i)) for i, (p, c, a) in enumerate(rivals)]
    moves = [commitment(written(right, rest_s=s), others, in_hand, PRICES, None) for s in (0.0, 1.0, 10.0, 100.0)]
    later = moves[moves.index("release") :] if "release" in moves else []
    assert set(later) <= {"release"}


@given(st.lists(st.tuples(probs, st.floats(0, 0.5), st.floats(0.1, 1)), max_size=4), st.none() | probs)
def test_the_best_of_the_others_is_a_distribution(rivals, in_hand):
    others = [other(p, cost=c, answer_prob=a, name=str(i)) for i, (p, c, a) in enumerate(rivals)]
    best = best_of(others, in_hand)
    assert sum(p for _, p in best) == pytest.approx(1)
    assert all(p >= -1e-12 and b >= (-1.0 if in_hand is None else in_hand) for b, p in best)
