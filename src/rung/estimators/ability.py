"""Where a reasoner stands, from what it made of questions whose difficulty is known: item response, by domain.

One of ability t answers right with chance floor + (1 - floor) * sigma(discrimination * t - difficulty) (Birnbaum 1968).
Its ability in each domain is normal about its general one, which is normal about a guess; all of it is worked out on a
grid, so that intervals are what the model says and no approximation to it. Pure, without numpy.
"""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from rung.odds import sigmoid

# How far, in log-odds, reasoners lie from what is guessed of them, and their domains from that: about as far as the
# recorded ones of `benchmarks/coldstart.py make` lie apart.
GENERAL_SD = 1.2
OWN_SD = 0.6
# What is made of n questions of one kind counts as n / (1 + (n - 1) ALIKE) (Kish 1965), since it hangs together: who
# takes the change for the total does so on every receipt.
ALIKE = 0.1
_STEP = 0.2
GRID = tuple(round(-5 + _STEP * i, 6) for i in range(int(10 / _STEP) + 1))
_NORMAL_95 = 1.96


class Item(Struct, frozen=True, kw_only=True):
    """A question: `domain` counts from 0; the rest as above."""

    domain: int
    difficulty: float
    discrimination: float = 1.0
    floor: float = 0.0

    def right_prob(self, ability: float) -> float:
        return self.floor + (1 - self.floor) * sigmoid(self.discrimination * ability - self.difficulty)

    def information(self, ability: float) -> float:
        """Fisher's, on the ability (Lord 1980)."""
        right = self.right_prob(ability)
        above = (right - self.floor) / (1 - self.floor)
        return self.discrimination**2 * above**2 * (1 - right) / right


class Placement(Struct, frozen=True, kw_only=True):
    """`abilities` and their standard deviations `sds`, by domain, in log-odds of an ordinary question's being answered
    right; `right_share` of ordinary questions, all domains alike, is expected right, with its 95% interval."""

    abilities: tuple[float, ...]
    sds: tuple[float, ...]
    right_share: float
    interval: tuple[float, float]

    @property
    def half_width(self) -> float:
        return (self.interval[1] - self.interval[0]) / 2


class _Kind(Struct):
    """What was made of questions of one kind: log-likelihoods of all abilities."""

    alike: float
    count: int = 0
    told: list[float] = field(default_factory=lambda: [0.0] * len(GRID))

    @property
    def weight(self) -> float:
        return 1 / (1 + (self.count - 1) * self.alike)


class Ability:
    """What is known of a reasoner that is guessed to be of general ability `guess`; `observe` adds to it."""

    def __init__(self, domains: int, guess: float) -> None:
        self._told: list[dict[str, _Kind]] = [{} for _ in range(domains)]
        self._before = _normalised([_bell((g - guess) / GENERAL_SD) for g in GRID])

    def observe(self, item: Item, score: float, kind: str = "") -> None:
        """`score` is 1 where its answer was right, 0 where it was wrong; between them it counts as so much of each.
        Questions of no `kind` have nothing in common."""
        of = self._told[item.domain].setdefault(kind, _Kind(alike=ALIKE if kind else 0.0))
        of.count += 1
        for i, ability in enumerate(GRID):
            right = item.right_prob(ability)
            of.told[i] += score * math.log(right) + (1 - score) * math.log1p(-right)

    def placement(self) -> Placement:
        general, by_domain = self._posterior()
        marginals = [_mixed(general, of) for of in by_domain]
        means = [_mean(of, GRID) for of in marginals]
        sds = [math.sqrt(_mean(of, [(t - m) ** 2 for t in GRID])) for of, m in zip(marginals, means, strict=True)]
        share, sd = _share(general, by_domain)
        low, high = share - _NORMAL_95 * sd, share + _NORMAL_95 * sd
        return Placement(
            abilities=tuple(means), sds=tuple(sds), right_share=share, interval=(max(low, 0.0), min(high, 1.0))
        )

    def worth(self, items: Iterable[Item]) -> list[float]:
        """How much of the variance of the share right each is expected to take away: the more, the better to ask."""
        general, by_domain = self._posterior()
        marginals = [_mixed(general, of) for of in by_domain]
        open_ = []
        for of in marginals:
            mean = _mean(of, GRID)
            variance = _mean(of, [(t - mean) ** 2 for t in GRID])
            open_.append((variance, _mean(of, _SLOPES)))
        worths = []
        for item in items:
            variance, slope = open_[item.domain]
            told = variance * _mean(marginals[item.domain], [item.information(t) for t in GRID])
            worths.append(slope**2 * variance * told / (1 + told))
        return worths

    def _posterior(self) -> tuple[list[float], list[list[list[float]]]]:
        """The general ability's chances, and by domain, for each general ability, those of the ability there."""
        general = list(self._before)
        by_domain = []
        for kinds in self._told:
            told = [0.0] * len(GRID)
            for of in kinds.values():
                told = [a + of.weight * b for a, b in zip(told, of.told, strict=True)]
            most = max(told)
            likely = [math.exp(one - most) for one in told]
            joint = [[a * b for a, b in zip(row, likely, strict=True)] for row in _OWN]
            sums = [sum(row) for row in joint]
            general = [a * b for a, b in zip(general, sums, strict=True)]
            by_domain.append([[one / total for one in row] for row, total in zip(joint, sums, strict=True)])
        return _normalised(general), by_domain


def _share(general: Sequence[float], by_domain: Sequence[Sequence[Sequence[float]]]) -> tuple[float, float]:
    """Mean and standard deviation of the share right over domains: what varies within a general ability, where domains
    do not hang together, and what varies with it."""
    k = len(by_domain)
    means, within = [0.0] * len(GRID), [0.0] * len(GRID)
    for rows in by_domain:
        for i, row in enumerate(rows):
            mean = _mean(row, _SHARES)
            means[i] += mean / k
            within[i] += (_mean(row, _SQUARES) - mean * mean) / k**2
    share = _mean(general, means)
    variance = _mean(general, within) + _mean(general, [(m - share) ** 2 for m in means])
    return share, math.sqrt(max(variance, 0.0))


def _mixed(general: Sequence[float], rows: Sequence[Sequence[float]]) -> list[float]:
    out = [0.0] * len(GRID)
    for weight, row in zip(general, rows, strict=True):
        if weight > _NOTHING:
            out = [a + weight * b for a, b in zip(out, row, strict=True)]
    return out


_NOTHING = 1e-9


def _mean(chances: Sequence[float], of: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(chances, of, strict=True))


def _normalised(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def _bell(z: float) -> float:
    return math.exp(-z * z / 2)


_OWN = [_normalised([_bell((t - g) / OWN_SD) for t in GRID]) for g in GRID]
_SHARES = [sigmoid(t) for t in GRID]
_SQUARES = [p * p for p in _SHARES]
_SLOPES = [p * (1 - p) for p in _SHARES]
