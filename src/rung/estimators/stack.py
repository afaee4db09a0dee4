"""The estimators' stack: each is judged on questions it has not seen, and counts by what it told about them.

A prediction has two parts: how hard the question is for all (`shared`), and who is better at it than usual (`own`).
They are weighed apart, since a router lives by the second and a cascade by the first. Weights are fitted to predictions
made across folds (Breiman, Stacked Regressions, 1996: none negative), then shrunk by how sure they are. Where routing
by them would have lost against the best single reasoner, the second part is shrunk until it would not have.

Some estimators lean on the first one: they are fitted to what it leaves over, and see what it says, as further
dimensions of a place (`lean` takes it there), which is what it said of questions that it had not seen.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rung.estimators.bases import BASES, FIRST, LEANING, Base, Linear, lift, likeness, ridge
from rung.estimators.outcomes import Outcomes, folds, numbered
from rung.estimators.reading import Bools, Floats, Ints, read
from rung.estimators.space import Points, Reader, Space, sparse

_FOLDS = 5
# Standard errors that a part must clear to count at all; twice that and three quarters of it count.
_CLEAR = 2.0
# How much of the second part is left, from all of it down, where routing by it would have lost.
_LEFT = (1.0, 0.8, 0.6, 0.4, 0.2)
# What the first estimator says, shared and own, among the dimensions of a place, which add up to a variance of about 5.
_LEAN = (0.7, 1.0)
# A deviation beside which what the first estimator says is not made larger.
_SLIGHT = 0.01
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
    """What was learned. `mix` [bases * reasoners, reasoners] and `mean` [reasoners] take what the bases say, side by
    side, to a mixture; `calibration` [2, reasoners] is slope and offset in log-odds; `sample` are lifted places of past
    questions, `density` how many outcomes each of them stands for, `tokens` predicts ln(1 + tokens)."""

    space: Space
    bases: Mapping[str, Base]
    weights: Weights
    lean: Floats
    mix: Floats
    mean: Floats
    calibration: Floats
    sample: Floats
    density: Floats
    tokens: Linear | None

    def predict(self, points: Points) -> Floats:
        """The chance that each reasoner is right [questions, reasoners]."""
        said: list[Floats] = []
        leaning, first = points, self.mean * 0
        for name, base in self.bases.items():
            said.append(base.predict(leaning) + first if name in LEANING else base.predict(points))
            if name == FIRST:
                first = said[0]
                leaning = _leant(points, first, self.lean)
        if not said:
            said.append(np.zeros((len(points.places), 0), np.float32))
        return _calibrated(self.mean + np.concatenate(said, axis=1) @ self.mix, self.calibration)

    def deviation(self, points: Points, right: Floats) -> Floats:
        """Standard deviation of `right`, as if it were the share seen among the past questions that are alike."""
        alike = likeness(points.places, self.sample) @ self.density
        deviation: Floats = np.sqrt(right * (1 - right) / (1 + alike))
        return deviation


def fit(outcomes: Outcomes, rng: np.random.Generator, bases: Sequence[str] = tuple(BASES)) -> Model:
    """Needs at least two questions. Deterministic for the same `rng` state."""
    questions = read(outcomes.questions, outcomes.embedded)
    space = Space.fit(questions, rng)
    points = Reader(space).place(questions)
    known = ~np.isnan(outcomes.scores)
    scores = filled(outcomes.scores)
    mean = scores.mean(0)
    fold = folds(outcomes.questions, min(_FOLDS, len(scores)), rng)
    names = [name for name in BASES if name in bases]
    across, leaning, lean = _across(points, scores, fold, rng, names)
    parts = [across[name] - mean for name in names]
    weights = _weights(parts, np.where(known, scores - mean, 0), numbered(outcomes.questions))
    weights = _guarded(parts, weights, mean, scores)
    kept = _kept(names, weights)
    parts, names = [parts[i] for i in kept], [names[i] for i in kept]
    weights = Weights(weights.shared[kept], weights.own[kept])
    mix = _mix(weights, len(mean))
    at = rng.choice(len(scores), min(_SAMPLE, len(scores)), replace=False)
    return Model(
        space=space,
        bases={
            name: BASES[name][0](leaning, scores - across.get(FIRST, 0), rng)
            if name in LEANING
            else BASES[name][0](points, scores, rng)
            for name in names
        },
        weights=weights,
        lean=lean,
        mix=mix,
        mean=mean - np.tile(mean, len(names)) @ mix,
        calibration=_calibration(_mixed(parts, weights, mean), scores, known),
        sample=lift(points.places[at]),
        density=np.repeat(known.sum(0, keepdims=True) / len(at), len(at), axis=0).astype(np.float32),
        tokens=_fit_tokens(points, outcomes.tokens),
    )


def filled(scores: Floats) -> Floats:
    """Gaps filled with what the reasoner's mean and the question's other scores make likely."""
    known = ~np.isnan(scores)
    # One who has no score at all is taken for ordinary.
    mean = np.where(known.any(0), np.where(known, scores, 0).sum(0) / np.maximum(known.sum(0), 1), np.nanmean(scores))
    rest = scores - mean
    # One pseudo-outcome of an ordinary question, so that a single score does not decide.
    shift = np.where(known, rest, 0).sum(1) / (known.sum(1) + 1)
    return np.where(known, scores, np.clip(mean + shift[:, None], 0, 1)).astype(np.float32)


def _across(
    points: Points, scores: Floats, fold: Ints, rng: np.random.Generator, bases: Sequence[str]
) -> tuple[dict[str, Floats], Points, Floats]:
    """What each base says of questions it was not fitted to (the space has seen their words, not their scores); the
    points that leaning bases are fitted to, and the lean."""
    # The mean, where all is one question and nothing is left to be fitted to.
    out = {name: np.tile(scores.mean(0), (len(scores), 1)) for name in bases}
    leaning, lean = points, np.zeros((0, 0), np.float32)
    parts = [(np.flatnonzero(fold == f), np.flatnonzero(fold != f)) for f in np.unique(fold) if (fold != f).any()]
    for name in bases:
        at, before = points, np.zeros_like(scores)
        if name in LEANING and FIRST in out:
            at, before = leaning, out[FIRST]
        for here, there in parts:
            fitted = BASES[name][0](at.take(there), scores[there] - before[there], rng)
            out[name][here] = fitted.predict(at.take(here)) + before[here]
        if name == FIRST:
            shared, own = _split(out[name])
            lean = _lean(len(scores[0]), float(shared.std()), float(np.sqrt(own.var(0).sum())))
            leaning = _leant(points, out[name], lean)
    return out, leaning, lean


def _lean(reasoners: int, shared: float, own: float) -> Floats:
    """Takes what the first one says to dimensions [reasoners, 1 + reasoners], from the deviations of its two parts."""
    mean = np.full((reasoners, 1), 1 / reasoners)
    parts = [mean * (_LEAN[0] / (shared + _SLIGHT)), (np.eye(reasoners) - mean) * (_LEAN[1] / (own + _SLIGHT))]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _leant(points: Points, said: Floats, lean: Floats) -> Points:
    return points._replace(places=np.concatenate([points.places, said @ lean], axis=1))


def _kept(bases: Sequence[str], weights: Weights) -> list[int]:
    """Those that count, and the one that they lean on."""
    counts = [max(shared, own) >= _FAINT for shared, own in zip(weights.shared, weights.own, strict=True)]
    leans = any(counted and name in LEANING for name, counted in zip(bases, counts, strict=True))
    return [i for i, name in enumerate(bases) if counts[i] or (leans and name == FIRST)]


def _mix(weights: Weights, reasoners: int) -> Floats:
    """Takes what bases say, side by side, to the sum of their parts by their weights."""
    mean = np.full((reasoners, reasoners), 1 / reasoners)
    blocks = [own * (np.eye(reasoners) - mean) + shared * mean for shared, own in zip(*weights, strict=True)]
    return np.concatenate([np.zeros((0, reasoners)), *blocks]).astype(np.float32)


def _split(part: Floats) -> tuple[Floats, Floats]:
    shared = part.mean(1, keepdims=True)
    return shared, part - shared


def _mixed(parts: Sequence[Floats], weights: Weights, mean: Floats) -> Floats:
    return mean + np.concatenate(parts, axis=1) @ _mix(weights, len(mean)) if parts else mean[None, :]


def _weights(parts: Sequence[Floats], wanted: Floats, of: Ints) -> Weights:
    """`of` is the number of each row's question."""
    shared, own = _split(wanted)
    halves = [_split(part) for part in parts]
    return Weights(_not_negative([h[0] for h in halves], shared, of), _not_negative([h[1] for h in halves], own, of))


def _not_negative(parts: Sequence[Floats], wanted: Floats, of: Ints) -> Floats:
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
    off = np.bincount(of, ((wanted - slope * told) * told).sum(1))
    error = float(np.sqrt((off**2).sum())) / size
    shrunk = max(0.0, 1 - (_CLEAR * error / slope) ** 2) if slope > 0 else 0.0
    return (weights * shrunk).astype(np.float32)


def _guarded(parts: Sequence[Floats], weights: Weights, mean: Floats, scores: Floats) -> Weights:
    """The second part shrunk, down to nothing, until routing by it would have been no worse than the best single."""
    best = scores[:, int(mean.argmax())].mean()
    for left in _LEFT:
        tried = Weights(weights.shared, weights.own * np.float32(left))
        chosen = _mixed(parts, tried, mean).argmax(1)
        if scores[np.arange(len(scores)), chosen].mean() >= best:
            return tried
    return Weights(weights.shared, np.zeros_like(weights.own))


def _log_odds(raw: Floats) -> Floats:
    p = np.minimum(np.maximum(raw, _SURE), 1 - _SURE)
    odds: Floats = np.log(p / (1 - p))
    return odds


def _calibrated(raw: Floats, calibration: Floats) -> Floats:
    right: Floats = 1 / (1 + np.exp(-calibration[0] * _log_odds(raw) - calibration[1]))
    return right


def _calibration(raw: Floats, scores: Floats, known: Bools) -> Floats:
    """One slope and each reasoner's offset in log-odds (Platt 1999), by Newton's method, held to 1 and 0. A slope for
    each would make differences between reasoners out of chance."""
    odds = np.broadcast_to(_log_odds(raw), scores.shape).astype(np.float64)
    slope, offsets, hold = 1.0, np.zeros(scores.shape[1]), _HOLD / 4
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(slope * odds + offsets, -30, 30)))
        error, weight = np.where(known, p - scores, 0), np.where(known, p * (1 - p), 0)
        own, both = weight.sum(0) + hold, (weight * odds).sum(0)
        rest = error.sum(0) + hold * offsets
        step = (error * odds).sum() + hold * (slope - 1) - (both * rest / own).sum()
        step /= (weight * odds * odds).sum() + hold - (both * both / own).sum()
        slope -= step
        offsets -= (rest - both * step) / own
    return np.stack([np.full_like(offsets, slope), offsets]).astype(np.float32)


def _fit_tokens(points: Points, tokens: Floats | None) -> Linear | None:
    if tokens is None:
        return None
    logs = np.log1p(tokens)
    mean = np.nanmean(logs, axis=0).astype(np.float32)
    rest = np.where(np.isnan(logs), 0, logs - mean).astype(np.float32)
    return Linear(ridge(sparse(points.words, points.width), rest, _TOKENS_PENALTY), mean)
