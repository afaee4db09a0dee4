"""When a stream that is held may be sent, and when it is not worth writing on.

The rule compares the answer that is being written with all that could still be called. Q is what the verdict on the
whole answer will be, B the best that is to be had without it: the answer in hand, or what climbing the others would
bring. By Weitzman's theorem the latter is worth E[max min(Q_j, z_j)], each other rung's verdict capped at its reserve
(Kleinberg, Waggoner and Weyl, Descending Price Optimally Coordinates Search, EC 2016). With c the USD that the rest of
the answer costs and w the price of waiting for it, what can be done is worth

    send it on   v * E[Q] - c                a reader does not wait for what is being read
    hold it on   v * E[max(Q, B)] - c - w    the whole answer is looked at, and may be replaced
    drop it      v * E[B]

So it is sent once v * E[(B - Q)+], what looking may gain, is at most w; and dropped once v * E[(Q - B)+], what it may
add to the others, is less than c + w, unless sending it is worth more still.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from rung.routing.options import Weighed
from rung.routing.prices import Prices
from rung.routing.reserve import Points

Commitment = Literal["release", "hold", "drop"]

# Of what a verdict will tell (d' squared) that much is taken to be open at the beginning of the answer.
OPEN_SHARE = 0.8
# What having no answer is worth.
_NOTHING = -1.0


class Written(Struct, frozen=True, kw_only=True):
    """An answer while it is written. `points` are what the verdict on the whole may be, as far as it goes. Until it is
    whole a reader would wait `rest_s`, and it would cost `rest_usd` besides. `told`: its tokens' probabilities are
    known, so that something speaks for it."""

    points: Points
    rest_s: float
    rest_usd: float
    told: bool


def commitment(
    written: Written, others: Sequence[Weighed], in_hand: float | None, prices: Prices, min_quality: float | None
) -> Commitment:
    """What to do with a stream, given the options left and `in_hand`, how likely the best answer so far is right.

    An answer that nothing speaks for is sent only if no verdict could make a difference. `min_quality` is a bound: as
    long as another option is left, an answer is sent early only if every verdict would reach it, and as long as nothing
    in hand does, none is dropped that may."""
    points = written.points
    best_else = best_of(others, in_hand)
    adds = sum(w * p * (q - b) for q, w in points for b, p in best_else if q > b)
    gain = sum(w * p * (b - q) for q, w in points for b, p in best_else if b > q)
    rest, wait = written.rest_usd / prices.value_usd, prices.second_usd * written.rest_s / prices.value_usd
    sure = not others or points[-1][0] >= (min_quality or 0.0)
    if sure and (gain <= 0 or (written.told and gain <= wait)) and adds - gain >= rest:
        return "release"
    needed = min_quality is not None and (in_hand or 0.0) < min_quality <= points[0][0]
    return "drop" if adds < rest + wait and not needed else "hold"


def best_of(others: Sequence[Weighed], in_hand: float | None) -> Points:
    """The distribution of B: the largest of `in_hand` and every other's capped verdict, taken to be independent."""
    floor = _NOTHING if in_hand is None else in_hand
    capped = [[(min(q, o.reserve), w * o.answer_prob) for q, w in o.points] for o in others]
    values = sorted({floor, *(value for one in capped for value, _ in one if value > floor)})
    points, below = [], 0.0
    for value in values:
        at_most = 1.0
        for one in capped:
            at_most *= 1 - sum(w for q, w in one if q > value)
        points.append((value, at_most - below))
        below = at_most
    return tuple(points)
