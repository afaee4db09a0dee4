"""THE RULE: climb in order of reserve; stop when the answer in hand is at least every remaining reserve."""

from collections.abc import Sequence

from msgspec import Struct

from rung.routing.options import Weighed


class Try(Struct, frozen=True, kw_only=True):
    """Call this reasoner next. `live`: no later rung would be tried whatever its verdict, so its answer may be sent as
    it is written. `propensity` is the chance with which it was chosen, below 1 only where another may be tried."""

    reasoner: str
    reserve: float
    live: bool
    propensity: float = 1.0


class Stop(Struct, frozen=True, kw_only=True):
    """Answer with what is in hand, if anything is."""

    quality_reached: bool


Action = Try | Stop


def next_action(weighed: Sequence[Weighed], in_hand: float | None, min_quality: float | None) -> Action:
    """What to do with `in_hand`, the chance that the best answer so far is right (None: there is none).

    Having no answer is worth -v, so an option is always called then, whatever its reserve. `min_quality` acts on
    stopping: below it the climb goes on while any option is left. Ties go to the cheaper, and then by name, so that the
    order in which they are listed does not matter.
    """
    best: Weighed | None = None
    rest = -1.0  # the highest reserve but the best one's
    for w in weighed:
        if best is None or w.reserve > best.reserve or (w.reserve == best.reserve and _before(w, best)):
            if best is not None and best.reserve > rest:
                rest = best.reserve
            best = w
        elif w.reserve > rest:
            rest = w.reserve
    wanted = min_quality or 0.0
    enough = in_hand is not None and in_hand >= wanted
    if best is None or (in_hand is not None and enough and in_hand >= best.reserve):
        return Stop(quality_reached=enough)
    worst = best.points[-1][0]
    live = len(weighed) == 1 or (worst >= wanted and worst >= rest)
    return Try(reasoner=best.name, reserve=best.reserve, live=live and in_hand is None)


def _before(one: Weighed, other: Weighed) -> bool:
    return (one.cost, one.name) < (other.cost, other.name)
