"""The rule replayed on real outcomes with verdicts that are drawn: what looking at an answer would add.

A verdict on an answer is drawn as the score's own: z ~ N(d * score, 1), and its right_prob is what follows from the
estimate p, log-odds(p) + d z - d^2 / 2. d is set by the AUC that such a verifier has. The arithmetic is that of
`rung.routing` for all questions side by side; `check` holds it against the rule itself.
"""

import itertools
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rung.estimators import figures
from rung.estimators.figures import Place
from rung.odds import logit, sigmoid
from rung.reasoners.base import Abilities
from rung.routing.options import LOG_ODDS, SHARED_DIFFICULTY, Candidate, Seen, difficulty_shift, weigh
from rung.routing.prices import Prices
from rung.routing.reserve import verdict_points
from rung.routing.rule import Stop, next_action
from rung.types import Estimate

Array = NDArray[Any]
# What separates right from wrong answers' signals, in standard deviations, for a verifier of this AUC.
DISCRIMINATION = {0.7: 0.742, 0.8: 1.19, 0.9: 1.812}
PRICES = 120
_GRID = 1000
_CALLS = 12


class Replay(NamedTuple):
    """What a policy paid and scored at each of its settings [settings, questions]."""

    costs: Array
    scores: Array

    def places(self) -> tuple[Place, ...]:
        mean = zip(self.costs.mean(1).tolist(), self.scores.mean(1).tolist(), strict=True)
        return tuple(sorted(Place(*place) for place in mean))

    def on_hull(self) -> "Replay":
        """Only the settings that are on the frontier."""
        hull = set(figures.upper(self.places()))
        mean = zip(self.costs.mean(1).tolist(), self.scores.mean(1).tolist(), strict=True)
        at = [i for i, place in enumerate(mean) if Place(*place) in hull]
        return Replay(self.costs[at], self.scores[at])


def log_odds(p: Array) -> Array:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def odds_to_p(odds: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def draw(scores: Array, d: float, seed: int) -> Array:
    """What verdicts on all answers would tell, in log-odds [questions, models]."""
    z = np.random.default_rng(seed).standard_normal(scores.shape) + d * scores
    return d * z - d * d / 2


def prices(costs: Array) -> Array:
    return np.concatenate([[0.0], np.geomspace(0.002, 30, PRICES)]) / float(costs.mean(0).max())


def reserves(kappa: Array, d: float) -> Array:
    """`routing.reserve.reserve` by model and estimate in thousandths [models, 1001]."""
    points = [verdict_points(i / _GRID, d) for i in range(_GRID + 1)]
    width = max(len(p) for p in points)
    # Where there is only one point, as for p = 0 and 1, it is repeated without weight.
    filled = [[*p, *[(p[-1][0], 0.0)] * (width - len(p))] for p in points]
    q, w = np.array(filled).transpose(2, 0, 1)
    mass, weight = np.cumsum(q * w, axis=1), np.cumsum(w, axis=1)
    below = np.concatenate([q[:, 1:], np.full((len(q), 1), -np.inf)], axis=1)
    z = (mass[None] - kappa[:, None, None]) / weight[None]
    first = (z >= below[None]).argmax(2)
    return np.take_along_axis(z, first[..., None], axis=2)[..., 0]


def climb(right: Array, told: Array, scores: Array, costs: Array, price: float, d: float) -> tuple[Array, Array]:
    """The rule at one price: what each question cost and scored. `costs` [models] are known beforehand."""
    n, m = right.shape
    table, at, models = reserves(price * costs, d), np.arange(n), np.arange(m)
    prior, moved, cheapest_first = log_odds(right), np.zeros(n), np.argsort(costs, kind="stable")
    left, hand, served = np.ones((n, m), bool), np.full(n, -np.inf), np.zeros(n, int)
    paid, going = np.zeros(n), np.ones(n, bool)
    for calls in range(min(m, _CALLS)):
        # `routing.difficulty_shift` where all are of different minds.
        shift = moved * (SHARED_DIFFICULTY / (1 + max(0, calls - 1) * SHARED_DIFFICULTY))
        now = np.clip(np.round(odds_to_p(prior[going] + shift[going, None]) * _GRID), 0, _GRID).astype(int)
        worth = np.where(left[going], table[models, now], -np.inf)
        best = cheapest_first[worth[:, cheapest_first].argmax(1)]
        goes = hand[going] < worth[np.arange(len(best)), best]
        going[at[going]] = goes
        i, j = at[going], best[goes]
        if not len(i):
            break
        paid[i] += costs[j]
        left[i, j] = False
        verdict = odds_to_p(prior[i, j] + told[i, j])
        moved[i] += LOG_ODDS * (verdict - right[i, j])
        better = verdict > hand[i]
        served[i[better]], hand[i[better]] = j[better], verdict[better]
    return paid, scores[at, served]


def rule(right: Array, told: Array, scores: Array, costs: Array, d: float) -> Replay:
    """At every price. `costs` [models]."""
    done = [climb(right, told, scores, costs, float(price), d) for price in prices(costs[None, :])]
    return Replay(np.stack([paid for paid, _ in done]), np.stack([score for _, score in done]))


def route(right: Array, scores: Array, costs: Array) -> Replay:
    """Without a look at answers, at every price, whatever scale `right` is on."""
    at, span = np.arange(len(scores)), float(right.max() - right.min())
    chosen = [(right - span * price * costs).argmax(1) for price in prices(costs[None, :])]
    return Replay(np.stack([costs[c] for c in chosen]), np.stack([scores[at, c] for c in chosen]))


def thresholds(told: Array, scores: Array, costs: Array, chains: Sequence[Sequence[int]]) -> Replay:
    """Cascades with one threshold, over each chain of models, cheapest first: the first answer of which the verdict is
    sure enough, or else the surest. A verdict starts from the model's own mean score. `costs` [models]."""
    mean, n = scores.mean(0), len(scores)
    verdicts = odds_to_p(log_odds(mean)[None, :] + told)
    paid, got = [], []
    for chain, sure in itertools.product(chains, np.linspace(0.02, 0.98, 25)):
        order = list(chain)
        enough = verdicts[:, order] >= sure
        stop = np.where(enough.any(1), enough.argmax(1), len(order) - 1)
        surest = np.where(enough.any(1), stop, verdicts[:, order].argmax(1))
        paid.append(np.cumsum(costs[order])[stop])
        got.append(scores[np.arange(n), np.array(order)[surest]])
    return Replay(np.stack(paid), np.stack(got))


def check(right: Array, told: Array, costs: Array, price: float, d: float) -> None:
    """Ends the benchmark unless the rule itself calls the same models in the same order, for a few questions."""
    names = [str(j) for j in range(len(costs))]
    for p, heard in zip(right, told, strict=True):
        paid = climb(p[None], heard[None], np.zeros((1, len(costs))), costs, price, d)[0][0]
        asked = [
            Candidate(
                name=name,
                abilities=Abilities(),
                estimate=Estimate(right_prob=float(x), discrimination=d, usd=float(cost)),
            )
            for name, x, cost in zip(names, p, costs, strict=True)
        ]
        seen, left, hand, total = [], dict(zip(names, asked, strict=True)), None, 0.0
        while left and len(seen) < _CALLS:
            at = Prices(value_usd=1 / price, second_usd=0.0)
            action = next_action([weigh(c, at, difficulty_shift("", seen)) for c in left.values()], hand, None)
            if isinstance(action, Stop):
                break
            j = int(action.reasoner)
            found = sigmoid(logit(float(p[j])) + float(heard[j]))
            seen.append(Seen(action.reasoner, float(p[j]), found))
            hand, total = max(hand or 0.0, found), total + float(costs[j])
            del left[action.reasoner]
        if not np.isclose(total, paid):
            sys.exit(f"benchmarks/replay.py and the rule part: {paid} and {total} were paid")


class Lead(NamedTuple):
    """By how much one frontier lies above another, over costs: the mean with its 95% interval over questions, and the
    least."""

    mean: float
    low: float
    high: float
    least: float


def lead(ours: Replay, theirs: Replay, span: Array, rng: np.random.Generator, draws: int = 200) -> Lead:
    """At each cost of `span`, what is reached for at most that cost. Settings on the frontiers are chosen once; which
    questions there are is drawn again."""
    ours, theirs, n = ours.on_hull(), theirs.on_hull(), ours.costs.shape[1]

    def above(share: Array) -> Array:
        sides = [
            [Place(*place) for place in zip(side.costs @ share, side.scores @ share, strict=True)]
            for side in (ours, theirs)
        ]
        return np.array([figures.score_at(sides[0], c) - figures.score_at(sides[1], c) for c in span])

    found = above(np.full(n, 1 / n))
    drawn = [float(above(rng.multinomial(n, np.full(n, 1 / n)) / n).mean()) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Lead(float(found.mean()), float(low), float(high), float(found.min()))
