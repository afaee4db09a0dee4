"""Now and then another rung is called first than the one that seems best, where that can cost little: for only who is
asked can be learned about."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from msgspec.structs import replace

from rung.routing.options import Weighed
from rung.routing.rule import Try

# Of requests on which another rung may be tried, the share on which one is.
RATE = 0.05


def loss(weighed: Weighed, best_reserve: float) -> float:
    """What calling an option first costs at most, against calling the one of the highest reserve, as a share of a right
    answer's value.

    With z the option's reserve and M the best that the others would bring by the rule, each capped at its own reserve,
    a climb in order is worth E[max(min(Q, z), M)] (Kleinberg, Waggoner & Weyl, 2016), one that begins with the option
    E[max(Q, M)] - cost. Since cost = E[(Q - z)+] the difference is E[(min(Q, M) - z)+], and M is at most the highest
    reserve.
    """
    return sum(chance * max(min(q, best_reserve) - weighed.reserve, 0.0) for q, chance in weighed.points)


def chances(weighed: Sequence[Weighed], first: Try, most_loss: float) -> dict[str, float]:
    """The chance of each option to be called first; those that lose more than `most_loss` have none, and are not in it,
    nor those whose answer would never be served, since nothing is learned of it then. All that may be tried are as
    likely as each other."""
    others = [
        w.name
        for w in weighed
        if w.name != first.reasoner and _teaches(w, first) and loss(w, first.reserve) <= most_loss
    ]
    if not others:
        return {first.reasoner: 1.0}
    return {first.reasoner: 1 - RATE, **dict.fromkeys(sorted(others), RATE / len(others))}


def _teaches(weighed: Weighed, first: Try) -> bool:
    """Whether the best of its verdicts would end the climb."""
    return weighed.points[0][0] >= first.reserve


def explore(weighed: Sequence[Weighed], first: Try, of: Mapping[str, float], draw: float) -> Try:
    """What to call first by `chances`, as `draw`, evenly in 0..1, has it. The answer of a trial is looked at before it
    is served, unless no other option is worth calling whatever the verdict."""
    names, edges = list(of), list(accumulate(of.values()))
    name = names[min(bisect_right(edges, draw), len(names) - 1)]
    if name == first.reasoner:
        return replace(first, propensity=of[name])
    tried = next(w for w in weighed if w.name == name)
    return Try(reasoner=name, reserve=tried.reserve, live=tried.points[-1][0] >= first.reserve, propensity=of[name])
