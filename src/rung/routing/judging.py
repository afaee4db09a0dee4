"""Whether the best answer in hand is worth a judge's word.

The word is yes or no. It is taken to be yes of a right answer and no of a wrong one with one chance, `tells`, which is
then the area under its ROC curve: half of how often it is right of either kind. So a yes multiplies the odds of the
answer by tells / (1 - tells), a no divides them by it, and on average the chance stays where it was.

With p in hand, what can still be had by the rule is worth W(p) = E[max(p, max min(Q_i, z_i))], each option's verdict
capped at its reserve (Weitzman 1979; Kleinberg, Waggoner and Weyl 2016). W is convex, so that a word never costs more
than its price: it is worth E[W(p')] - W(p), p' being p after the word. A word that leaves what is done next as it is,
whichever it be, may as well be asked for later, when it may matter, or need not be at all.
"""

from collections.abc import Sequence

from msgspec import Struct

from rung.odds import logit
from rung.routing.commitment import best_of
from rung.routing.options import Weighed
from rung.routing.reserve import Points
from rung.routing.rule import Try, next_action


class Doubt(Struct, frozen=True, kw_only=True):
    """`right_prob` is how sure the best answer in hand is and `next_prob` the next best, None if there is none; `tells`
    is the judge's. `options` are those left now, the others those that will be left after the judge was asked, as they
    will be weighed after a yes and after a no: a word on one answer tells of the question, too."""

    right_prob: float
    tells: float
    options: Sequence[Weighed]
    if_yes: Sequence[Weighed]
    if_no: Sequence[Weighed]
    next_prob: float | None = None
    min_quality: float | None = None


def evidence(yes: float, tells: float) -> float:
    """The log-odds by which a word moves an answer that is a yes with chance `yes`, 0..1: as sure as it is of itself,
    and no surer than the bare word, which is worth those of `tells` either way."""
    most = logit(tells)
    return min(max(logit(yes), -most), most)


def words(right_prob: float, tells: float) -> Points:
    """How sure the answer is after a yes and after a no, each with its chance."""
    yes = right_prob * tells + (1 - right_prob) * (1 - tells)
    return (right_prob * tells / yes, yes), (right_prob * (1 - tells) / (1 - yes), 1 - yes)


def gain(doubt: Doubt) -> float:
    """What the judge's word is worth, as a share of a right answer's value; its cost is not taken off. Below 0 only
    where asking takes options away, or where a word moves the others otherwise than it is expected to."""
    later = (doubt.if_yes, doubt.if_no)
    after = zip(words(doubt.right_prob, doubt.tells), later, strict=True)
    told = sum(w * _worth(p, options, doubt) for (p, w), options in after)
    return told - _worth(doubt.right_prob, doubt.options, doubt)


def matters(doubt: Doubt) -> bool:
    """Whether what is done next depends on the word."""
    (after_yes, _), (after_no, _) = words(doubt.right_prob, doubt.tells)
    return _next(after_yes, doubt.if_yes, doubt) != _next(after_no, doubt.if_no, doubt)


def _worth(right_prob: float, options: Sequence[Weighed], doubt: Doubt) -> float:
    return sum(w * max(right_prob, b) for b, w in best_of(options, doubt.next_prob))


def _next(right_prob: float, options: Sequence[Weighed], doubt: Doubt) -> tuple[str, bool]:
    """Who is called, or else whether the answer that was judged is served."""
    other = -1.0 if doubt.next_prob is None else doubt.next_prob
    action = next_action(options, max(right_prob, other), doubt.min_quality)
    return (action.reasoner, False) if isinstance(action, Try) else ("", right_prob >= other)
