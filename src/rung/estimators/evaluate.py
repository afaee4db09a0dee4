"""What estimates learned from these outcomes are worth: each question is judged by a model that has not seen it."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from rung.estimators import figures
from rung.estimators.figures import Place
from rung.estimators.outcomes import Outcomes, folds, numbered
from rung.estimators.reading import Bools, Floats, Ints, read
from rung.estimators.space import Reader
from rung.estimators.stack import Model, fit

FOLDS = 5
_SIZES = (50, 200, 1000, 3000, 10000)
# Of a learning curve: draws at each size, each judged on one fold's questions.
_DRAWS = 3

Fit = Callable[[Outcomes, np.random.Generator], Model]


class Learned(Struct, frozen=True, kw_only=True):
    """A point of the learning curve: the mean score of routing by that many outcomes, less the best single reasoner's,
    and its standard deviation over draws."""

    outcomes: int
    gain: float
    deviation: float


class Frontier(Struct, frozen=True, kw_only=True):
    """What routing scores for its mean cost in `unit`, and what a choice of a single reasoner without a look at the
    question does, mixed by chance, cheapest first. `cost_at_best` is that for which routing scores what the best single
    one does; None where it never does."""

    unit: str
    routed: tuple[Place, ...]
    singles: tuple[Place, ...]
    cost_at_best: float | None


class Report(Struct, frozen=True, kw_only=True):
    """Scores and shares are in 0..1; intervals are 95%, over questions. What reasoners score
    is over the `whole` questions that were asked of all. `chance_error` is the calibration error that so many scores
    have where all chances are just right. `doubled` is by how much twice the outcomes would raise the score, as the
    curve goes on; None where it is too short to tell."""

    questions: int
    whole: int
    reasoners: tuple[str, ...]
    scores: tuple[float, ...]
    best: str
    best_score: float
    oracle_score: float
    routed_score: float
    gain: tuple[float, float, float]
    gap_closed: float
    calibration_error: float
    chance_error: float
    weights: dict[str, tuple[float, float]]
    curve: tuple[Learned, ...]
    doubled: float | None
    frontiers: tuple[Frontier, ...] = ()


def across(outcomes: Outcomes, rng: np.random.Generator, fit: Fit = fit, count: int = FOLDS) -> Floats:
    """The chance to be right [questions, reasoners] of each question, by a model fitted to the other folds."""
    right = np.empty(outcomes.scores.shape, np.float32)
    fold = folds(outcomes.questions, count, rng)
    for f in range(count):
        here, there = np.flatnonzero(fold == f), np.flatnonzero(fold != f)
        unseen = outcomes.take(here)
        right[here] = predict(fit(outcomes.take(there), rng), unseen.questions, unseen.embedded)
    return right


def predict(model: Model, questions: Sequence[str], embedded: Floats | None = None) -> Floats:
    """The chance to be right [questions, reasoners]; `embedded` where the model is fitted to embeddings."""
    return model.predict(Reader(model.space).place(read(questions, embedded)))


def report(
    outcomes: Outcomes, model: Model, right: Floats, curve: Sequence[Learned], rng: np.random.Generator
) -> Report:
    """`right` are predictions across folds; `model` was fitted to all. Scores are over questions without gaps."""
    whole = ~np.isnan(outcomes.scores).any(1)
    scores, p = outcomes.scores[whole], right[whole]
    best = int(scores.mean(0).argmax())
    difference = figures.routed(p, scores) - scores[:, best]
    low, high = _over_questions(difference, numbered([outcomes.questions[at] for at in np.flatnonzero(whole)]), rng)
    return Report(
        questions=len(right),
        whole=len(p),
        reasoners=outcomes.reasoners,
        scores=tuple(scores.mean(0).tolist()),
        best=outcomes.reasoners[best],
        best_score=float(scores[:, best].mean()),
        oracle_score=float(scores.max(1).mean()),
        routed_score=float(figures.routed(p, scores).mean()),
        gain=(float(difference.mean()), low, high),
        gap_closed=figures.gap_closed(p, scores),
        calibration_error=figures.calibration_error(right, outcomes.scores),
        chance_error=figures.chance_error(right, outcomes.scores),
        weights={
            name: (float(shared), float(own))
            for name, shared, own in zip(model.bases, model.weights.shared, model.weights.own, strict=True)
        },
        curve=tuple(curve),
        doubled=_doubled(curve),
        frontiers=tuple(_frontier(unit, p, scores, costs[whole]) for unit, costs in outcomes.costs().items()),
    )


def _over_questions(values: Floats, of: Ints, rng: np.random.Generator) -> tuple[float, float]:
    """The interval of their mean, where those of one question, by its number, are drawn together: asked often, it tells
    no more of others."""
    sums, sizes = np.bincount(of, values), np.bincount(of)
    return figures.interval(lambda at: float(sums[at].sum() / sizes[at].sum()), len(sizes), rng)


def _frontier(unit: str, right: Floats, scores: Floats, costs: Floats) -> Frontier:
    reached = figures.frontier(right, scores, costs, costs.mean(0, keepdims=True))
    at_best = figures.cost_at(reached, float(scores.mean(0).max()))
    return Frontier(
        unit=unit,
        routed=figures.upper(reached),
        singles=figures.singles(scores, costs),
        cost_at_best=at_best if np.isfinite(at_best) else None,
    )


def learning_curve(outcomes: Outcomes, rng: np.random.Generator, fit: Fit = fit) -> tuple[Learned, ...]:
    """From 0 outcomes, where the best single of all is taken, to four fifths of them."""
    whole = outcomes.take(np.flatnonzero(~np.isnan(outcomes.scores).any(1)))
    fold = folds(whole.questions, FOLDS, rng)
    most = int((fold != 0).sum())
    points = []
    for size in [*(s for s in _SIZES if s < most), most]:
        gains = [_gain(whole, fold == draw % FOLDS, size, rng, fit) for draw in range(_DRAWS)]
        points.append(Learned(outcomes=size, gain=float(np.mean(gains)), deviation=float(np.std(gains))))
    return tuple(points)


def _gain(outcomes: Outcomes, held: Bools, size: int, rng: np.random.Generator, fit: Fit) -> float:
    here, there = np.flatnonzero(held), rng.permutation(np.flatnonzero(~held))[:size]
    unseen = outcomes.take(here)
    right = predict(fit(outcomes.take(there), rng), unseen.questions, unseen.embedded)
    scores = unseen.scores
    best = int(outcomes.scores.mean(0).argmax())
    return float(figures.routed(right, scores).mean() - scores[:, best].mean())


def _doubled(curve: Sequence[Learned]) -> float | None:
    """The gain is taken to come nearer to its limit with the square root of the outcomes: a line over 1 / sqrt(n)."""
    if len(curve) < 3:
        return None
    x = np.array([point.outcomes**-0.5 for point in curve[-3:]])
    slope, offset = np.polyfit(x, [point.gain for point in curve[-3:]], 1)
    return max(0.0, float(slope * (x[-1] / 2**0.5) + offset - (slope * x[-1] + offset)))
