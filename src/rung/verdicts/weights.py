"""How many log-odds a signal at 1 moves an answer.

`WEIGHTS` are first guesses, set by hand: small where the evidence is, large where an answer cannot be right. What
`benchmarks/fit_verifier.py` found on graded answers moves them (`fitted.json`): for all answers, and a little for those
of one kind of reasoner to one type of task, as far as there were any. `benchmarks/verifier.py` shows how well they tell
right from wrong.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

WEIGHTS: Mapping[str, float] = {
    "empty": -12.0,  # nothing is never right
    "cut_off": -2.0,  # the end is missing; the answer may have come before it
    "refusal": -3.0,  # sometimes a refusal is the right answer
    "unsure": -1.5,  # its own word against it
    "repetition": -3.0,  # loops seldom end in an answer
    "no_answer": -3.0,  # the reader will find none either
    "form": 6.0,  # what does not parse is of no use to a program; what parses earns little: see PRAISE
    "copied": 2.5,  # what is not printed there is made up; much is printed there
    "supported": 0.8,  # a value that stands in the text may still be the wrong one
    "vote": 1.0,  # two of two samples: about 0.8 right where one alone is at 0.6
    "judge": 1.0,  # already in log-odds, by what the config says that the judge tells
    "passed_tests": 2.5,  # what passes the tests that were given does what was asked, as far as they ask it
    "code_form": 5.0,  # what does not parse, or has another name, passes no test; what parses earns little: see PRAISE
    "left_out": -1.2,  # half of these are wrong, of the other programs one in ten
    "program_token": 0.6,  # beside mean_token: every token of a program is a decision
    "repaired": -0.7,  # the model saw what was wrong with the form of it, seldom with the thought
    "first_token": 0.9,  # small models are overconfident: far less than the probability itself says
    "mean_token": 0.4,  # mostly style
    "least_token": 0.0,  # left to what is fitted
    "wrong_arithmetic": -3.0,  # seen: 3 of 3 samples with a false step end wrong; one of many may not matter
    "checked_arithmetic": 0.3,  # steps that hold say little of whether they are the right steps
    "concludes": 0.4,  # an answer that was never computed is a slip
    "implausible": -1.5,  # no half people
    "unused": -1.0,  # seen: half of these are wrong, of the others one in seven; some numbers are there to mislead
}
# Signals that weigh less when they speak for an answer: what is expected of every answer is no merit.
PRAISE: Mapping[str, float] = {"form": 0.05, "copied": 0.05, "code_form": 0.05}
# What a witness is worth against an independent one.
INDEPENDENCE = 0.6


class Fitted(Struct, frozen=True, forbid_unknown_fields=True):
    """What is added to WEIGHTS: `common` for all answers, `cells` by "kind task" on top of it. A cell's `offset` counts
    where token probabilities are known: how sure they look differs by the way of asking. `witnesses` is added to
    INDEPENDENCE, by short answer's kind and by pair of reasoners' kinds. The rest says from what."""

    date: str
    answers: int
    items: int
    data_sha256: str
    common_penalty: float
    cell_penalty: float
    common: dict[str, float]
    cells: dict[str, dict[str, float]]
    witnesses: dict[str, float]


FITTED = msgspec.json.decode(files(__package__).joinpath("fitted.json").read_bytes(), type=Fitted)


class Weights(Struct, frozen=True):
    """`by_signal`: log-odds for a signal at -1 and below, and for one at 1."""

    by_signal: Mapping[str, tuple[float, float]]
    offset: float = 0.0


@cache
def weights_for(kind: str, task: str) -> Weights:
    """The weights of answers by a `kind` of reasoner to a type of task; the common ones where nothing more is known."""
    cell = FITTED.cells.get(f"{kind} {task}", {})
    moved = {name: weight + FITTED.common.get(name, 0.0) + cell.get(name, 0.0) for name, weight in WEIGHTS.items()}
    return Weights(
        {name: (weight, weight * PRAISE.get(name, 1.0)) for name, weight in moved.items()}, cell.get("offset", 0.0)
    )


@cache
def independence(kind: str, other: str, short: str) -> float:
    """What one kind of reasoner says of another's answer against what an independent witness would, at least 0."""
    moved = FITTED.witnesses
    return max(INDEPENDENCE + moved.get(short, 0.0) + moved.get(pair_of(kind, other), 0.0), 0.0)


def pair_of(kind: str, other: str) -> str:
    return f"{min(kind, other)} {max(kind, other)}"
