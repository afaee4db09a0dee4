"""What outcomes say at once, on top of what was expected before: offsets in log-odds, shrunk towards none.

An outcome is one answer's score. What was expected of that is the sum of `base`, the log-odds that its reasoner is
right on the question as prior or artefact has it, and of `evidence`, what looking at the answer added before it was
served. Answers are served because their verdicts are high, so served ones are right more often than all; but given all
that was seen, being right no longer depends on having been served, and an offset of the base is the same offset of the
sum. The offsets are the likeliest ones (Newton's method on a logistic likelihood with normal priors), and an outcome
weighs half of one that came HALF_LIFE outcomes of its reasoner later. So they follow from the outcomes and their order
alone, not from when they came to be known.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from rung.estimators.drift import changed_at
from rung.odds import sigmoid

HALF_LIFE = 500.0
# Outcomes of a reasoner that are looked at; the oldest of them weighs a quarter of the newest.
KEPT = 1000
# Standard deviations, in log-odds, of how far a base is off: for a reasoner, by what the base is made from, ...
_BASE_SD = {"learned": 0.5, "calibrated": 0.5}
_GUESSED_SD = 1.0
# ... and for one of its tasks beside that.
_TASK_SD = 0.5
_DOUBT = 1.5
# What is believed of bad news at once, so that every outcome shows.
_HINT = 0.1
_MOST = 6.0
_STEPS = 12
_NEAR = 1e-4
# A change is looked for after every so many outcomes.
_LOOK_EVERY = 5


class Outcome(Struct, frozen=True, kw_only=True):
    """A scored answer of one reasoner. `base` and `evidence` are log-odds, the evidence as it was trusted then, by a
    factor; `score` is in 0..1; `source` is what the base is made from."""

    task: str
    base: float
    evidence: float
    score: float
    trust: float = 1.0
    source: str = "prior"


class Offset(Struct, frozen=True):
    """Log-odds by which a base is off, and the standard deviation of that."""

    value: float
    sd: float

    @property
    def believed(self) -> float:
        """By how much the base is moved: less than it seems to be off, where that may be chance.

        Who looks bad by chance is asked no more, and so stays looking bad: of bad news nearly only what lies beyond
        _DOUBT standard deviations is believed. Who looks good by chance is asked, and found out: good news is believed
        by the share v^2 / (v^2 + sd^2).
        """
        v, sd = self.value, self.sd
        if v < 0:
            return _HINT * v + (1 - _HINT) * min(v + _DOUBT * sd, 0.0)
        return v * v * v / (v * v + sd * sd) if v else 0.0

    @property
    def believed_sd(self) -> float:
        """How far what is believed may lie from what is: it lies aside of the likeliest, and that is not sure."""
        return math.hypot(self.sd, self.value - self.believed)


class Offsets(Struct, frozen=True, kw_only=True):
    """One reasoner's: on all questions, and on a task beside that, from so many outcomes. Of a task without any the
    offset is 0."""

    common: Offset
    tasks: Mapping[str, Offset] = {}
    outcomes: int = 0
    forgotten: int = 0

    def on(self, task: str) -> Offset:
        """The whole offset on a task."""
        own = self.tasks.get(task, _NO_TASK)
        return Offset(self.common.value + own.value, math.hypot(self.common.sd, own.sd))


_NO_TASK = Offset(0.0, _TASK_SD)


def offsets(outcomes: Sequence[Outcome], forgotten: int = 0, half_life: float = HALF_LIFE) -> Offsets:
    """Of one reasoner's outcomes, oldest first; the first `forgotten` of them do not count, since it has changed."""
    counted = outcomes[forgotten:]
    if not counted:
        return Offsets(common=Offset(0.0, _GUESSED_SD), forgotten=forgotten)
    weights = [2.0 ** ((at + 1 - len(counted)) / half_life) for at in range(len(counted))]
    # What a base was made from knows nothing of a reasoner that has changed since.
    sd = _GUESSED_SD if forgotten else _BASE_SD.get(counted[-1].source, _GUESSED_SD)
    rows = [(one.base + one.evidence, one.score, weight) for one, weight in zip(counted, weights, strict=True)]
    common = _likeliest(rows, sd)
    by_task: dict[str, list[tuple[float, float, float]]] = {}
    for one, (odds, score, weight) in zip(counted, rows, strict=True):
        by_task.setdefault(one.task, []).append((odds + common.value, score, weight))
    tasks = {task: _likeliest(of_task, _TASK_SD) for task, of_task in by_task.items()}
    return Offsets(common=common, tasks=tasks, outcomes=len(counted), forgotten=forgotten)


def forget(outcomes: Sequence[Outcome], forgotten: int = 0) -> int:
    """How many of the oldest outcomes count no longer, the newest being new: more than before where the reasoner seems
    to have changed."""
    counted = outcomes[forgotten:]
    return forgotten if len(counted) % _LOOK_EVERY else forgotten + _changed(counted)


def forgotten_now(outcomes: Sequence[Outcome]) -> int:
    """The same where scores of long ago are others now: a change may never have been."""
    forgotten = 0
    while changed := _changed(outcomes[forgotten:]):
        forgotten += changed
    return forgotten


def _changed(counted: Sequence[Outcome]) -> int:
    # Who is better at one task than at another has not changed where more of the other is asked.
    by_task: dict[str, list[tuple[float, float, float]]] = {}
    for one in counted:
        by_task.setdefault(one.task, []).append((one.base + one.evidence, one.score, 1.0))
    off = {task: _likeliest(rows, _MOST).value for task, rows in by_task.items()}
    expected = [sigmoid(one.base + one.evidence + off[one.task]) for one in counted]
    return changed_at(expected, [one.score for one in counted])


def _likeliest(rows: Iterable[tuple[float, float, float]], sd: float) -> Offset:
    """Of rows of log-odds, score and weight. The posterior is concave, so that clipped steps arrive."""
    rows, precision, value = list(rows), sd**-2, 0.0
    for _ in range(_STEPS):
        slope, curvature = -precision * value, precision
        for odds, score, weight in rows:
            p = sigmoid(odds + value)
            slope += weight * (score - p)
            curvature += weight * p * (1 - p)
        step = min(max(slope / curvature, -1.0), 1.0)
        value = min(max(value + step, -_MOST), _MOST)
        if abs(step) < _NEAR:
            break
    return Offset(value, curvature**-0.5)
