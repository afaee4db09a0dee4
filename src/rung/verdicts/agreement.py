"""What answers of different reasoners to one question say about each other."""

from collections.abc import Sequence
from math import log

from msgspec import Struct

from rung.answers import same
from rung.types import Short
from rung.verdicts.weights import independence

# How often two wrong answers are the same wrong answer: wrong numbers are many, there is one wrong pole. Answers
# without a short form are compared as they are marked, if they are.
COINCIDENCE: dict[Short, float] = {"number": 0.15, "choice": 0.4, "yesno": 1.0, "label": 0.35, "": 0.2}
# One witness, however sure, is heard as if it moved an answer by at most this many log-odds.
BOUND = 3.0


class Said(Struct, frozen=True):
    """An answer as a witness: its short form, if there is one, how likely it is right by itself, and its reasoner's
    kind."""

    final: str | None
    right_prob: float
    kind: str


def support(at: int, said: Sequence[Said], short: Short) -> float | None:
    """Log-odds by which the other answers move the one `at` a place; None if there is nothing to compare.

    Each witness counts as much as its kind is `independent` of the other's: rungs share weights, prompts and blind
    spots.
    """
    mine = said[at]
    if mine.final is None:
        return None
    moves = [
        independence(mine.kind, other.kind, short) * move(same(mine.final, other.final), other.right_prob, short)
        for i, other in enumerate(said)
        if i != at and other.final is not None
    ]
    return sum(moves) if moves else None


def move(agrees: bool, right_prob: float, short: Short) -> float:
    """Log-odds by which an independent witness moves an answer, within BOUND.

    With q the chance that the witness is right and c that two wrong answers coincide: agreement has the likelihood
    ratio q / ((1 - q) c), disagreement (1 - q) / (1 - (1 - q) c).
    """
    coincidence = COINCIDENCE[short]
    q = min(max(right_prob, 0.001), 0.999)
    ratio = q / ((1 - q) * coincidence) if agrees else (1 - q) / (1 - (1 - q) * coincidence)
    # a witness that is worse than chance is no evidence for the contrary
    moved = max(log(ratio), 0.0) if agrees else min(log(ratio), 0.0)
    return min(max(moved, -BOUND), BOUND)
