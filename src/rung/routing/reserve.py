"""The reserve of a reasoner: how sure the answer in hand must be so that calling it stops being worth its cost.

Weitzman, Optimal Search for the Best Alternative, Econometrica 1979: with v the value of a right answer, Q the verdict
that the call will bring and kappa its cost, the reserve z solves v * E[(Q - z)+] = kappa.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

from rung.odds import logit, sigmoid

# Midpoints of eight equally likely slices of N(0, 1).
_SLICES = (-1.534, -0.887, -0.489, -0.157, 0.157, 0.489, 0.887, 1.534)
# Newton's steps to where the mean is as it should be, none longer than a log-odds: five at most were needed for chances
# from 0.002 on and d' to 4, more where verdicts were seen to be all but certain.
_ROUNDS = 40
_NEAR = 1e-7

Points = tuple[tuple[float, float], ...]


class Verdicted(Struct, frozen=True, order=True):
    """A verdict that was given: the chance to be right that was expected before the look, and that was found."""

    expected_prob: float
    found_prob: float


# Where verdicts go: (log-odds, chance on a right answer, chance on a wrong one), best first.
Moves = tuple[tuple[float, float, float], ...]
# Groups of equally many verdicts that are told apart.
_GROUPS = 8


@lru_cache(maxsize=4096)  # to round takes longer than to look up
def verdict_points(right_prob: float, discrimination: float) -> Points:
    """What the verdict on an answer may turn out to be: (right_prob, chance) pairs, best first, chances adding up to 1.

    A right answer scores N(d, 1) and a wrong one N(0, 1), so that the posterior is
    sigmoid(logit(p) + d * score - d^2 / 2); d = 0 is a verifier that sees nothing.
    """
    return _points(round(right_prob, 3), round(discrimination, 2))


@lru_cache(maxsize=65536)
def _points(p: float, d: float) -> Points:
    if d <= 0 or p <= 0 or p >= 1:
        return ((p, 1.0),)
    share = 1 / len(_SLICES)
    right = [(d * (d / 2 + z), p * share) for z in _SLICES]
    wrong = [(d * (z - d / 2), (1 - p) * share) for z in _SLICES]
    return _centred(p, sorted(right + wrong, reverse=True))


def _centred(p: float, moves: Sequence[tuple[float, float]]) -> Points:
    """Points that lie `moves` (log-odds, chance; best first) away from where their mean is p.

    Slices cannot hold the tails, so their mean is not quite p of itself. It is put back in log-odds, not by adding to
    probabilities: so who is likelier right never has the lower reserve."""
    at = logit(p)
    for _ in range(_ROUNDS):
        points = tuple((sigmoid(at + move), w) for move, w in moves)
        off = sum(q * w for q, w in points) - p
        if abs(off) < _NEAR:
            break
        slope = sum(q * (1 - q) * w for q, w in points)
        at -= min(max(off / max(slope, 1e-9), -1.0), 1.0)
    return points


def moves_of(verdicts: Iterable[Verdicted]) -> Moves:
    """The distribution of verdicts as it was seen, in groups of equally many.

    Whether the answers were right is not known, and need not be: a verdict is that chance. One that moved an answer
    from p to v would be seen v / p times as often were all answers right, (1 - v) / (1 - p) times were all wrong."""
    seen = sorted(((logit(v.found_prob) - logit(v.expected_prob), v) for v in verdicts), reverse=True)
    size = -(-len(seen) // _GROUPS)
    groups = [seen[at : at + size] for at in range(0, len(seen), size)]
    found = [
        (
            sum(move for move, _ in group) / len(group),
            sum(_ratio(v.found_prob, v.expected_prob) for _, v in group),
            sum(_ratio(1 - v.found_prob, 1 - v.expected_prob) for _, v in group),
        )
        for group in groups
    ]
    right, wrong = sum(r for _, r, _ in found), sum(w for _, _, w in found)
    return tuple((round(move, 3), round(r / right, 4), round(w / wrong, 4)) for move, r, w in found)


def _ratio(found: float, expected: float) -> float:
    return max(found, 1e-3) / max(expected, 1e-3)


def measured_points(right_prob: float, moves: Moves, share: float = 1.0) -> Points:
    """As `verdict_points`, where verdicts were seen. `share` is how much of what they tell (d' squared) is to come."""
    return _measured(round(right_prob, 3), moves, share)


@lru_cache(maxsize=16384)
def _measured(p: float, moves: Moves, share: float) -> Points:
    if p <= 0 or p >= 1:
        return ((p, 1.0),)
    spread = math.sqrt(share)
    return _centred(p, [(spread * move, p * right + (1 - p) * wrong) for move, right, wrong in moves])


def reserve(points: Points, answer_prob: float, cost: float) -> float:
    """z with answer_prob * E[(Q - z)+] = cost, where cost is kappa / v and Q is given by `points`, best first.

    The left side is piecewise linear in z and falls, so one walk from the best point down finds the piece. Below the
    worst point it is a line, so that z may be negative: having no answer counts -1.
    """
    if answer_prob <= 0:
        return -math.inf
    need = cost / answer_prob
    weight = mass = 0.0
    for q, w in points:
        if weight and (z := (mass - need) / weight) >= q:
            return z
        mass += q * w
        weight += w
    return (mass - need) / weight  # the last piece has no lower end
