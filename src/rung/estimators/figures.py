"""Pure: how good estimates are, from what was predicted and what came of it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rung.estimators.reading import Floats, Ints

_PRICES = 60


class Place(NamedTuple):
    """A policy's mean cost and mean score."""

    cost: float
    score: float


def apgr(gain: Floats, weak: Floats, strong: Floats) -> float:
    """Average performance gap recovered (Ong et al., RouteLLM, 2024): over all shares of questions sent to the strong
    model, those of the greatest `gain` first, the mean share of the gap that closes. By chance 0.5."""
    order = np.argsort(-gain, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((strong - weak)[order], dtype=np.float64)]) / len(gain)
    return float(gained.mean() / (strong.mean(dtype=np.float64) - weak.mean(dtype=np.float64)))


def routed(right: Floats, scores: Floats) -> Floats:
    """Each question's score by the reasoner that is likeliest right [questions]."""
    chosen: Floats = scores[np.arange(len(scores)), right.argmax(1)]
    return chosen


def gap_closed(right: Floats, scores: Floats) -> float:
    """The share of the gap between the best single reasoner and an oracle that routing closes."""
    best, oracle = float(scores.mean(0).max()), float(scores.max(1).mean())
    return (float(routed(right, scores).mean()) - best) / (oracle - best) if oracle > best else 0.0


def calibration_error(right: Floats, scores: Floats, bins: int = 15) -> float:
    """Expected calibration error: the mean distance between what was predicted and what came of it, over bins of equal
    width. NaN scores are left out."""
    known = ~np.isnan(scores)
    p, y = right[known].astype(np.float64), scores[known].astype(np.float64)
    bin_of = _bin_of(p, bins)
    off = np.abs(np.bincount(bin_of, p, bins) - np.bincount(bin_of, y, bins))
    return float(off.sum() / len(p))


def chance_error(right: Floats, scores: Floats, bins: int = 15) -> float:
    """The calibration error that is to be expected of so many scores where every prediction is just right: the mean of
    the size of a normal deviation, in each bin."""
    p = right[~np.isnan(scores)].astype(np.float64)
    variance = np.bincount(_bin_of(p, bins), p * (1 - p), bins)
    return float(np.sqrt(2 / np.pi * variance).sum() / len(p))


def _bin_of(p: NDArray[np.float64], bins: int) -> Ints:
    found: Ints = np.minimum((p * bins).astype(np.int64), bins - 1)
    return found


def frontier(right: Floats, scores: Floats, costs: Floats, expected: Floats) -> tuple[Place, ...]:
    """Where a router ends up at each price of cost, cheapest first: it takes the highest `right` - price * `expected`,
    and pays `costs`. All are [questions, reasoners]; `expected` may be one row."""
    at = np.arange(len(scores))
    places = []
    span = float(expected.max() - expected.min()) or 1.0
    for price in [0.0, *np.geomspace(0.003, 30, _PRICES) / span]:
        chosen = (right - price * expected).argmax(1)
        places.append(Place(float(costs[at, chosen].mean()), float(scores[at, chosen].mean())))
    return tuple(sorted(places))


def singles(scores: Floats, costs: Floats) -> tuple[Place, ...]:
    """The best that a choice without looking can do: the upper hull of single reasoners, cheapest first."""
    return upper([Place(*place) for place in zip(costs.mean(0).tolist(), scores.mean(0).tolist(), strict=True)])


def _slope(a: Place, b: Place) -> float:
    return (b.score - a.score) / max(b.cost - a.cost, 1e-12)


def score_at(places: Sequence[Place], cost: float) -> float:
    """The best score that is reached for at most `cost`, mixing neighbours on the frontier by chance."""
    best = upper(places)
    return float(np.interp(cost, [p.cost for p in best], [p.score for p in best]))


def cost_at(places: Sequence[Place], score: float) -> float:
    """The least cost for which `score` is reached; infinite where it is not."""
    best = upper(places)
    if score > best[-1].score + 1e-12:
        return float("inf")
    return float(np.interp(score, [p.score for p in best], [p.cost for p in best]))


def upper(places: Sequence[Place]) -> tuple[Place, ...]:
    """The upper hull of places, cheapest first."""
    hull: list[Place] = []
    for new in sorted(places):
        if hull and new.score <= hull[-1].score:
            continue
        if hull and new.cost == hull[-1].cost:
            hull.pop()
        while len(hull) > 1 and _slope(hull[-2], new) >= _slope(hull[-2], hull[-1]):
            hull.pop()
        hull.append(new)
    return tuple(hull)


def interval(
    of: Callable[[Ints], float], count: int, rng: np.random.Generator, draws: int = 1000
) -> tuple[float, float]:
    """95%, by the bootstrap over `count` questions: `of` is told which were drawn. Paired if `of` is a difference."""
    drawn = [of(rng.integers(0, count, count)) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
