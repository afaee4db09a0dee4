"""Now and then another rung is called first than the one that seems best, where that can cost little: for only who is
asked can be learned about."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from rung.routing.options import Weighed
from rung.routing.rule import Try

# Of requests on which another rung may be tried, the share on which one is.
RATE = 0.05


class Exploration(Struct, frozen=True):
    """Rungs may be tried on which a request loses `most_loss` at most, as a share of a right answer's value. `draw`
    gives a number in 0..1, evenly."""

    most_loss: float
    draw: float


def loss(weighed: Weighed, best_reserve: float) -> float:
    """What calling an option first costs at most, against calling the one of the highest reserve, as a share of a right
    answer's value.

    With z the option's reserve and M the best that the others would bring by the rule, each capped at its own reserve,
    a climb in order is worth E[max(min(Q, z), M)] (Kleinberg, Waggoner & Weyl, 2016), one that begins with the option
    E[max(Q, M)] - cost. Since cost = E[(Q - z)+] the difference is E[(min(Q, M) - z)+], and M is at most the highest
    reserve.
    """
    return sum(chance * max(min(q, best_reserve) - weighed.reserve, 0.0) for q, chance in weighed.points)


def explore(weighed: Sequence[Weighed], first: Try, wanted: Exploration, min_quality: float | None) -> Try:
    """What to call first: `first`, or with a chance of RATE another option that may be tried, each as likely as the
    next. The answer of a trial is looked at before it is served, unless nothing could follow it."""
    others = sorted(w.name for w in weighed if w.name != first.reasoner and loss(w, first.reserve) <= wanted.most_loss)
    if not others:
        return first
    if wanted.draw >= RATE:
        return replace(first, propensity=1 - RATE)
    tried = others[min(int(wanted.draw / RATE * len(others)), len(others) - 1)]
    option = next(w for w in weighed if w.name == tried)
    worst = option.points[-1][0]
    return Try(
        reasoner=tried,
        reserve=option.reserve,
        live=worst >= first.reserve and worst >= (min_quality or 0.0),
        propensity=RATE / len(others),
    )
