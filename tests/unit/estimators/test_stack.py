from functools import partial

import numpy as np
import pytest
from msgspec import structs

from rung.estimators import figures
from rung.estimators.evaluate import across, learning_curve, predict, report
from rung.estimators.outcomes import Outcomes
from rung.estimators.reading import read
from rung.estimators.space import Reader
from rung.estimators.stack import Weights, _guarded, _not_negative, filled, fit
from tests.unit.estimators.conftest import made

# For what is said of any estimates, whatever they are made of.
QUICK = partial(fit, bases=("linear",))


def test_what_tells_nothing_counts_for_nothing(rng):
    """Twenty sets in which scores are drawn without a look at the question: the best single reasoner is kept."""
    for seed in range(20):
        drawn = np.random.default_rng(seed)
        scores = (drawn.random((60, 3)) < [0.5, 0.6, 0.4]).astype(np.float32)
        questions = tuple(f"{['king', 'war', 'sum', 'add'][drawn.integers(4)]} {i}" for i in range(60))
        known = Outcomes(questions=questions, reasoners=("a", "b", "c"), scores=scores)
        right = predict(fit(known, rng), ["king 70", "war add 71", "sum"])
        best = int(scores.mean(0).argmax())
        assert (right.argmax(1) == best).all()


def test_a_gap_does_not_make_a_reasoner_bad(outcomes, unseen, rng):
    scores = outcomes.scores.copy()
    scores[rng.random(scores.shape) < 0.3] = np.nan
    scores[:, 1][::2] = np.nan
    known = Outcomes(questions=outcomes.questions, reasoners=outcomes.reasoners, scores=scores)
    right = predict(fit(known, rng), unseen.questions)
    assert figures.gap_closed(right, unseen.scores) > 0.3


def test_gaps_are_filled_by_reasoner_and_question():
    scores = np.array([[1, 1, np.nan], [0, 0, np.nan], [1, 0, 1], [0, 1, 0]], np.float32)
    full = filled(scores)
    assert (full[~np.isnan(scores)] == scores[~np.isnan(scores)]).all()
    assert full[0, 2] > full[1, 2]
    assert ((full >= 0) & (full <= 1)).all()


def test_a_reasoner_with_one_score_is_no_gap_in_the_others(outcomes, rng):
    few = outcomes.take(np.arange(60))
    few.scores[1:, 2] = np.nan
    right = across(few, rng)
    assert np.isfinite(right).all()
    assert figures.calibration_error(right, few.scores) < 0.5


def test_tokens_follow_the_question(outcomes, unseen, rng):
    sums = np.array(["add" in q or "total" in q or "price" in q for q in outcomes.questions])
    tokens = np.where(sums, 200.0, 20.0).astype(np.float32)[:, None] * np.ones((1, 3), np.float32)
    model = fit(Outcomes(**{f: getattr(outcomes, f) for f in ("questions", "reasoners", "scores")}, tokens=tokens), rng)
    assert model.tokens is not None
    points = Reader(model.space).place(read(["add the total price", "king of the empire"]))
    many, few = np.expm1(model.tokens.predict(points))[:, 0]
    assert many > 2 * few


def test_a_report_says_what_unseen_questions_say(outcomes, rng):
    costs = np.tile(np.array([0.1, 1.0, 0.5], np.float32), (400, 1))
    known = structs.replace(outcomes, usd=costs, seconds=10 * costs)
    curve = learning_curve(known, rng, QUICK)
    said = report(known, QUICK(known, rng), across(known, rng, QUICK), curve, rng)
    assert said.best == "all"
    assert said.routed_score == pytest.approx(said.best_score + said.gain[0])
    assert said.gain[1] > 0
    usd, seconds = said.frontiers
    assert (usd.unit, seconds.unit) == ("usd", "seconds")
    assert usd.cost_at_best < usd.singles[-1].cost == 1.0
    assert seconds.cost_at_best == pytest.approx(10 * usd.cost_at_best)
    assert [p.outcomes for p in curve] == [50, 200, 320]
    assert curve[-1].gain > 0.03
    assert said.doubled is not None


def test_the_learning_curve_of_nothing_is_flat(rng):
    known = made(200, told=False)
    known = Outcomes(questions=known.questions, reasoners=known.reasoners, scores=rng.permutation(known.scores))
    assert all(abs(point.gain) < 0.1 for point in learning_curve(known, rng, QUICK))


def often(questions, scores, times):
    """Each question asked so many times, to the same end."""
    reasoners = tuple("abcdefgh"[: scores.shape[1]])
    return Outcomes(questions=tuple(questions) * times, reasoners=reasoners, scores=np.tile(scores, (times, 1)))


def test_a_weight_is_no_surer_by_asking_the_same_again(rng):
    """What it says goes with what came of it by a hair: by chance, as far as forty questions can tell."""
    wanted = rng.normal(size=(40, 2)).astype(np.float32)
    part = (rng.normal(size=(40, 2)) + 0.3 * wanted).astype(np.float32)
    once = _not_negative([part], wanted, np.arange(40))
    often_asked = _not_negative([np.tile(part, (9, 1))], np.tile(wanted, (9, 1)), np.tile(np.arange(40), 9))
    assert often_asked == pytest.approx(once, rel=1e-4)


def test_an_interval_does_not_narrow_by_asking_the_same_again():
    scores = (np.random.default_rng(1).random((40, 2)) < [0.5, 0.6]).astype(np.float32)
    questions = [f"What is {i}?" for i in range(40)]
    widths = []
    for times in (1, 25):
        known, drawn = often(questions, scores, times), np.random.default_rng(0)
        right = np.tile(np.array([1.0, 0.0], np.float32), (len(known.questions), 1))
        _, low, high = report(known, fit(known.take(np.arange(40)), drawn), right, (), drawn).gain
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=0.2)


@pytest.mark.filterwarnings("error")
def test_one_question_asked_often_is_learned_from_as_a_mean(rng):
    model = fit(often(["What is 1 + 1?"], np.array([[1, 0]], np.float32), 50), rng)
    right = predict(model, ["What is 1 + 1?", "And now?"])
    assert (right[:, 0] > 0.8).all()
    assert (right[:, 1] < 0.2).all()


def test_what_would_have_lost_is_shrunk_but_what_it_tells_is_kept():
    """Two reasoners far apart: the weaker is better on few questions, and a wrong hint of that is too strong."""
    scores = np.zeros((100, 2), np.float32)
    scores[:90, 0] = 1.0
    scores[90:, 1] = 1.0
    mean = scores.mean(0)
    hint = np.zeros((100, 2), np.float32)
    hint[85:, 1] = 1.0  # right of ten, wrong of five
    hint[:20, 1] = 0.85  # wrong of all
    one = np.ones(1, np.float32)
    kept = _guarded([hint - hint.mean(1, keepdims=True)], Weights(one, one), mean, scores)
    assert 0 < kept.own[0] < 1
    assert kept.shared[0] == 1
    none = _guarded([2 * (scores.mean(1, keepdims=True) - scores)], Weights(one, one * 9), mean, scores)
    assert none.own[0] == 0
