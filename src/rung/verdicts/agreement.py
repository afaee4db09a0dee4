"""What answers of different reasoners to one question say about each other."""

from collections.abc import Sequence
from math import log

from rung.answers import same
from rung.types import Short

# How often two wrong answers are the same wrong answer: wrong numbers are many, there is one wrong pole. Answers
# without a short form are compared as they are marked, if they are.
COINCIDENCE: dict[Short, float] = {"number": 0.15, "choice": 0.4, "yesno": 1.0, "label": 0.35, "": 0.2}
# Rungs share weights, prompts and blind spots: what one says is worth less than an independent witness.
INDEPENDENCE = 0.6
# One witness, however sure, moves an answer by at most this many log-odds.
BOUND = 3.0


def support(at: int, finals: Sequence[str | None], right_probs: Sequence[float], short: Short) -> float | None:
    """Log-odds by which the other answers move the one `at` a place; None if there is nothing to compare.

    With q the chance that the other is right and c that two wrong answers coincide: agreement has the likelihood ratio
    q / ((1 - q) c), disagreement (1 - q) / (1 - (1 - q) c). Two of one reasoner's kind are tempered by INDEPENDENCE.
    """
    mine = finals[at]
    if mine is None:
        return None
    coincidence = COINCIDENCE[short]
    moves = [
        _move(same(mine, other), right_probs[i], coincidence)
        for i, other in enumerate(finals)
        if i != at and other is not None
    ]
    return sum(moves) if moves else None


def _move(agrees: bool, right_prob: float, coincidence: float) -> float:
    q = min(max(right_prob, 0.001), 0.999)
    ratio = q / ((1 - q) * coincidence) if agrees else (1 - q) / (1 - (1 - q) * coincidence)
    # a witness that is worse than chance is no evidence for the contrary
    move = max(log(ratio), 0.0) if agrees else min(log(ratio), 0.0)
    return INDEPENDENCE * min(max(move, -BOUND), BOUND)
