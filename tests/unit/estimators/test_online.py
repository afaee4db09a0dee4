import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.estimators.online import Outcome, forget, offsets

odds = st.floats(-12, 12)
outcomes_of = st.lists(
    st.builds(Outcome, task=st.sampled_from(["maths", "open"]), base=odds, evidence=odds, score=st.floats(0, 1)),
    max_size=30,
)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def outcome(score, *, base=0.0, evidence=0.0, task="open", source="prior"):
    return Outcome(task=task, base=base, evidence=evidence, score=score, source=source)


@given(outcomes_of)
def test_chances_stay_chances(outcomes):
    known = offsets(outcomes)
    for task in ("maths", "open", "never seen"):
        offset = known.on(task)
        assert 0 < sigmoid(offset.believed) < 1
        assert abs(offset.believed) <= abs(offset.value)
        assert offset.believed * offset.value >= 0
        assert 0 < offset.sd < 2


@given(outcomes_of, st.randoms(use_true_random=False))
def test_the_order_matters_for_how_recent_an_outcome_is_and_for_nothing_else(outcomes, rng):
    shuffled = list(outcomes)
    rng.shuffle(shuffled)
    one, other = offsets(outcomes, half_life=math.inf), offsets(shuffled, half_life=math.inf)
    for task in ("maths", "open"):
        assert one.on(task).value == pytest.approx(other.on(task).value, abs=1e-3)
        assert one.on(task).sd == pytest.approx(other.on(task).sd, rel=1e-3)


@given(outcomes_of)
def test_one_more_right_answer_never_lowers_what_is_expected(outcomes):
    before, after = (offsets(rows, half_life=math.inf) for rows in (outcomes, [*outcomes, outcome(1.0)]))
    assert after.common.value >= before.common.value - 1e-3


@given(outcomes_of.filter(bool), st.floats(0, 1))
def test_a_better_score_of_the_same_answer_never_lowers_what_is_expected(outcomes, score):
    *rest, last = outcomes
    low, high = sorted([last.score, score])
    worse, better = ([*rest, outcome(s, base=last.base, evidence=last.evidence, task=last.task)] for s in (low, high))
    assert offsets(better).common.value >= offsets(worse).common.value - 1e-3


def test_nothing_is_moved_by_nothing():
    assert offsets([]).on("open").believed == 0


def test_one_outcome_moves_a_little_and_many_agreeing_ones_nearly_all_the_way():
    one, many = offsets([outcome(0.0)]), offsets(([outcome(0.0)] * 9 + [outcome(1.0)]) * 30)
    assert 0.4 < sigmoid(one.on("open").believed) < 0.5
    assert 0.5 < sigmoid(offsets([outcome(1.0)]).on("open").believed) < 0.6
    assert sigmoid(many.on("open").value) == pytest.approx(0.1, abs=0.01)
    assert sigmoid(many.on("open").believed) == pytest.approx(0.1, abs=0.05)


def test_outcomes_as_expected_move_nothing():
    known = offsets([outcome(s, base=math.log(3)) for s in (1.0, 1.0, 0.0, 1.0)] * 20)
    assert known.on("open").value == pytest.approx(0, abs=0.01)


def test_what_the_verdict_saw_is_no_news():
    """Only answers with high verdicts are served: that nine in ten of those are right says nothing of the reasoner."""
    served = [outcome(s, base=0.0, evidence=math.log(9)) for s in [1.0] * 9 + [0.0]] * 20
    assert offsets(served).on("open").value == pytest.approx(0, abs=0.01)


def test_a_task_moves_apart_from_the_others():
    rows = [outcome(1.0, task="maths"), outcome(0.0, task="code")] * 40
    known = offsets(rows)
    assert known.on("maths").believed > 1
    assert known.on("code").believed < -1
    assert abs(known.on("open").value) < 0.1
    assert known.on("open").sd > known.on("maths").sd


def test_late_outcomes_count_more():
    rows = [outcome(0.0)] * 100 + [outcome(1.0)] * 100
    assert offsets(rows, half_life=20).on("open").value > 1
    assert offsets(rows, half_life=math.inf).on("open").value == pytest.approx(0, abs=0.01)


def test_an_artefact_is_believed_more_than_a_guess():
    guess, learned = ([outcome(0.0, source=source)] * 5 for source in ("prior", "learned"))
    assert offsets(guess).common.value < offsets(learned).common.value < 0


def test_outcomes_before_a_change_count_no_longer():
    rows = [outcome(1.0)] * 50 + [outcome(0.0)] * 20
    assert forget(rows) == 50
    assert offsets(rows, 50).on("open").value == offsets(rows[50:]).on("open").value
    assert offsets(rows, 50).outcomes == 20


def follow(rows):
    """The outcomes after which older ones were forgotten, all coming one after the other."""
    forgotten, alarms = 0, []
    for count in range(1, len(rows) + 1):
        now = forget(rows[:count], forgotten)
        if now > forgotten:
            alarms.append(count)
        forgotten = now
    return alarms


def simulated(seed, *parts):
    """Questions of many difficulties; `parts` are counts, and by how many log-odds the reasoner is better."""
    rng = Random(seed)
    rows = []
    for count, shift in parts:
        for _ in range(count):
            base = rng.gauss(1.0, 1.0)
            rows.append(outcome(float(rng.random() < sigmoid(base + shift)), base=base))
    return rows


def test_the_interval_about_what_is_believed_holds():
    """Of bad news a part is not believed: the interval reaches to where the reasoner is all the same."""
    held = 0
    for seed in range(40):
        offset = offsets(simulated(seed, (100, -1.0))).on("open")
        held += abs(-1.0 - offset.believed) <= 1.96 * offset.believed_sd
    assert held >= 37


def test_false_alarms_are_rare():
    assert sum(bool(follow(simulated(seed, (300, -0.7)))) for seed in range(20)) <= 1


def test_who_is_asked_more_of_what_it_is_bad_at_has_not_changed():
    for seed in range(10):
        rng = Random(seed)
        tasks = ["maths" if rng.random() < 0.8 else "choice" for _ in range(150)]
        tasks += ["maths" if rng.random() < 0.2 else "choice" for _ in range(150)]
        right = {"maths": 0.9, "choice": 0.4}
        assert not follow([outcome(float(rng.random() < right[task]), task=task) for task in tasks])


def test_a_swapped_reasoner_is_noticed_within_sixty_outcomes():
    delays = [follow(simulated(seed, (200, 0.0), (60, -2.5))) for seed in range(10)]
    assert all(delays)
    assert all(200 < alarms[0] <= 260 for alarms in delays)
