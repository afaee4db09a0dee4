"""Has a reasoner changed? The outcomes before and after every moment are held against each other.

The generalised likelihood ratio test for a change in the mean of Bernoulli variables, with the threshold that Besson &
Kaufmann (2019, "The Generalized Likelihood Ratio Test meets klUCB") use: ln(n^1.5 / delta). It needs no guess of how
large a change is: from 0.9 to 0.4 shows after some twenty outcomes, from 0.8 to 0.7 only after hundreds.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

# Neither side of a change is judged by fewer outcomes.
LEAST = 5
FALSE_ALARM_PROB = 0.05
_SURE = 1e-4


def changed_at(expected: Sequence[float], scores: Sequence[float], false_alarm_prob: float = FALSE_ALARM_PROB) -> int:
    """How many outcomes came before the likeliest change; 0 where there is no evidence of one.

    `expected` are the chances of being right, oldest first, by estimates that were fitted to all these outcomes and
    know of no change; `scores` what came of them, in 0..1.
    """
    count = len(scores)
    if count < 2 * LEAST:
        return 0
    hoped, got = list(accumulate(expected)), list(accumulate(scores))
    best, at = 0.0, 0
    for before in range(LEAST, count - LEAST + 1):
        after = count - before
        p, y = hoped[before - 1], got[before - 1]
        ratio = before * _divergence(y / before, p / before)
        ratio += after * _divergence((got[-1] - y) / after, (hoped[-1] - p) / after)
        if ratio > best:
            best, at = ratio, before
    return at if best > math.log(count**1.5 / false_alarm_prob) else 0


def _divergence(share: float, prob: float) -> float:
    """Kullback-Leibler, of Bernoulli variables, in nats."""
    share, prob = min(max(share, _SURE), 1 - _SURE), min(max(prob, _SURE), 1 - _SURE)
    return share * math.log(share / prob) + (1 - share) * math.log((1 - share) / (1 - prob))
