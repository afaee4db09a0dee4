"""The estimators' stack: each is judged on questions it has not seen, and counts by what it told about them.

A prediction has two parts: how hard the question is for all (`shared`), and who is better at it than usual (`own`).
They are weighed apart, since a router lives by the second and a cascade by the first. Weights are fitted to predictions
made across folds (Breiman, Stacked Regressions, 1996: none negative), then shrunk by how sure they are. Where routing
by them would have lost against the best single reasoner, the second part is shrunk until it would not have.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rung.estimators.bases import BASES, Base, Linear, lift, likeness, ridge
from rung.estimators.outcomes import Outcomes, folds
from rung.estimators.reading import Bools, Floats, Ints, read
from rung.estimators.space import Points, Reader, Space, sparse

_FOLDS = 5
# Standard errors that a part must clear to count at all; twice that and three quarters of it count.
_CLEAR = 2.0
# How much of the second part is left, from all of it down, where routing by it would have lost.
_LEFT = (1.0, 0.8, 0.6, 0.4, 0.2)
# A base whose weights are all below this is not kept.
_FAINT = 0.03
# Pseudo-outcomes that hold the calibration to what it would be without any.
_HOLD = 10.0
_SURE = 0.005
_SAMPLE = 256
_TOKENS_PENALTY = 10.0


class Weights(NamedTuple):
    """Of each base, for the two parts."""

    shared: Floats
    own: Floats


class Model(NamedTuple):
    """What was learned. `mean` [reasoners]; `calibration` [2, reasoners] is slope and offset in log-odds; `sample` are
    lifted places of past questions, `density` how many outcomes each of them stands for, `tokens` predicts
    ln(1 + tokens)."""

    space: Space
    bases: Mapping[str, Base]
    weights: Weights
    mean: Floats
    calibration: Floats
    sample: Floats
    density: Floats
    tokens: Linear | None

    def predict(self, points: Points) -> Floats:
        """The chance that each reasoner is right [questions, reasoners]."""
        parts = [base.predict(points) - self.mean for base in self.bases.values()]
        raw = _mixed(parts, self.weights, len(points.places)) + self.mean
        return _calibrated(raw, self.calibration)

    def deviation(self, points: Points, right: Floats) -> Floats:
        """Standard deviation of `right`, as if it were the share seen among the past questions that are alike."""
        alike = likeness(points.places, self.sample) @ self.density
        deviation: Floats = np.sqrt(right * (1 - right) / (1 + alike))
        return deviation


def fit(outcomes: Outcomes, rng: np.random.Generator, bases: Sequence[str] = tuple(BASES)) -> Model:
    """Needs at least two questions. Deterministic for the same `rng` state."""
    questions = read(outcomes.questions)
    space = Space.fit(questions, rng)
    points = Reader(space).place(questions)
    known = ~np.isnan(outcomes.scores)
    scores = filled(outcomes.scores)
    mean = scores.mean(0)
    fold = folds(outcomes.questions, min(_FOLDS, len(scores)), rng)
    across = _across(points, scores, fold, rng, bases)
    parts = [across[name] - mean for name in bases]
    weights = _weights(parts, scores - mean, known)
    weights = _guarded(parts, weights, mean, scores)
    kept = [i for i in range(len(bases)) if max(weights.shared[i], weights.own[i]) >= _FAINT]
    weights = Weights(weights.shared[kept], weights.own[kept])
    raw = _mixed([parts[i] for i in kept], weights, len(scores)) + mean
    calibration = _calibration(raw, scores, known)
    at = rng.choice(len(scores), min(_SAMPLE, len(scores)), replace=False)
    return Model(
        space=space,
        bases={bases[i]: BASES[bases[i]][0](points, scores, rng) for i in kept},
        weights=weights,
        mean=mean,
        calibration=calibration,
        sample=lift(points.places[at]),
        density=np.repeat(known.sum(0, keepdims=True) / len(at), len(at), axis=0).astype(np.float32),
        tokens=_fit_tokens(points, outcomes.tokens),
    )


def filled(scores: Floats) -> Floats:
    """Gaps filled with what the reasoner's mean and the question's other scores make likely."""
    mean = np.nanmean(scores, axis=0)
    rest = scores - mean
    known = ~np.isnan(rest)
    # One pseudo-outcome of an ordinary question, so that a single score does not decide.
    shift = np.where(known, rest, 0).sum(1) / (known.sum(1) + 1)
    return np.where(known, scores, np.clip(mean + shift[:, None], 0, 1)).astype(np.float32)


def _across(
    points: Points, scores: Floats, fold: Ints, rng: np.random.Generator, bases: Sequence[str]
) -> dict[str, Floats]:
    """What each base says of questions it was not fitted to. The space has seen their words, not their scores."""
    out = {name: np.empty_like(scores) for name in bases}
    for f in np.unique(fold):
        here, there = np.flatnonzero(fold == f), np.flatnonzero(fold != f)
        seen, unseen = points.take(there), points.take(here)
        for name in bases:
            out[name][here] = BASES[name][0](seen, scores[there], rng).predict(unseen)
    return out


def _split(part: Floats) -> tuple[Floats, Floats]:
    shared = part.mean(1, keepdims=True)
    return shared, part - shared


def _mixed(parts: Sequence[Floats], weights: Weights, questions: int) -> Floats:
    if not parts:
        return np.zeros((questions, 1), np.float32)
    told = np.stack(parts)
    shared = (weights.shared - weights.own) @ told.mean(2)
    mixed: Floats = (weights.own @ told.reshape(len(parts), -1)).reshape(told.shape[1:]) + shared[:, None]
    return mixed


def _weights(parts: Sequence[Floats], wanted: Floats, known: Bools) -> Weights:
    shared, own = _split(np.where(known, wanted, 0))
    halves = [_split(part) for part in parts]
    return Weights(_not_negative([h[0] for h in halves], shared), _not_negative([h[1] for h in halves], own))


def _not_negative(parts: Sequence[Floats], wanted: Floats) -> Floats:
    """Weights >= 0 of least squares, by coordinate descent, shrunk by (1 - (c * se / slope)^2)+ : nothing is left of
    what lies within c standard errors of nothing. Errors are taken to go together within a question."""
    flat = np.stack([p.ravel() for p in parts]).astype(np.float64)
    gram, aim = flat @ flat.T, flat @ wanted.ravel().astype(np.float64)
    gram.flat[:: len(gram) + 1] *= 1.01
    weights = np.zeros(len(parts))
    for _ in range(200):
        for k in range(len(parts)):
            if gram[k, k] > 0:
                weights[k] = max(0.0, weights[k] + (aim[k] - gram[k] @ weights) / gram[k, k])
    told = np.tensordot(weights, np.stack(parts), 1)
    size = float((told * told).sum())
    if size <= 0:
        return np.zeros(len(parts), np.float32)
    slope = float((told * wanted).sum()) / size
    error = float(np.sqrt((((wanted - slope * told) * told).sum(1) ** 2).sum())) / size
    shrunk = max(0.0, 1 - (_CLEAR * error / slope) ** 2) if slope > 0 else 0.0
    return (weights * shrunk).astype(np.float32)


def _guarded(parts: Sequence[Floats], weights: Weights, mean: Floats, scores: Floats) -> Weights:
    """The second part shrunk, down to nothing, until routing by it would have been no worse than the best single."""
    best = scores[:, int(mean.argmax())].mean()
    for left in _LEFT:
        tried = Weights(weights.shared, weights.own * np.float32(left))
        chosen = (_mixed(parts, tried, len(scores)) + mean).argmax(1)
        if scores[np.arange(len(scores)), chosen].mean() >= best:
            return tried
    return Weights(weights.shared, np.zeros_like(weights.own))


def _log_odds(raw: Floats) -> Floats:
    p = np.minimum(np.maximum(raw, _SURE), 1 - _SURE)
    odds: Floats = np.log(p / (1 - p))
    return odds


def _calibrated(raw: Floats, calibration: Floats) -> Floats:
    right: Floats = 1 / (1 + np.exp(-(calibration[0] * _log_odds(raw) + calibration[1])))
    return right


def _calibration(raw: Floats, scores: Floats, known: Bools) -> Floats:
    """Slope and offset in log-odds for each reasoner (Platt 1999), by Newton's method, held to 1 and 0."""
    out = np.zeros((2, scores.shape[1]), np.float32)
    odds = np.broadcast_to(_log_odds(raw), scores.shape).astype(np.float64)
    for j in range(scores.shape[1]):
        x = np.stack([odds[known[:, j], j], np.ones(int(known[:, j].sum()))], axis=1)
        y, line = scores[known[:, j], j].astype(np.float64), np.array([1.0, 0.0])
        for _ in range(30):
            p = 1 / (1 + np.exp(-np.clip(x @ line, -30, 30)))
            slope = x.T @ (p - y) + _HOLD / 4 * (line - [1.0, 0.0])
            curve = (x * (p * (1 - p))[:, None]).T @ x + _HOLD / 4 * np.eye(2)
            line = line - np.linalg.solve(curve, slope)
        out[:, j] = line
    return out


def _fit_tokens(points: Points, tokens: Floats | None) -> Linear | None:
    if tokens is None:
        return None
    logs = np.log1p(tokens)
    mean = np.nanmean(logs, axis=0).astype(np.float32)
    rest = np.where(np.isnan(logs), 0, logs - mean).astype(np.float32)
    return Linear(ridge(sparse(points.words, points.width), rest, _TOKENS_PENALTY), mean)
