"""How far to go by what is seen of a reasoner's answers: the slope of a Platt scaling, learned from outcomes.

    logit p = base + offset + trust * evidence

`base` is the estimate's log-odds and `evidence` what looking at the answer added to it. The offset is left to the
estimates, which learn it from the same outcomes; here it is fitted beside the trust, so that a base that is off is not
taken for evidence that misleads, and dropped. Trust is the likeliest under normal priors around 1 for a reasoner, and
around the reasoner's for each of its tasks: a few outcomes change little. Platt, Probabilistic outputs for support
vector machines, 1999.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from rung.odds import sigmoid

# Standard deviations of a reasoner's trust, of a task's beside that, and of the offsets.
_COMMON_SD = 0.4
_TASK_SD = 0.25
_OFFSET_SD = 1.0
# Evidence is never turned around nor dropped, so that it can be told what it was; nor is it believed more than this.
_LEAST, _MOST = 0.1, 2.0
_STEPS = 12
_NEAR = 1e-5


class Scored(Struct, frozen=True, kw_only=True):
    """An answer that somebody scored. `base` and `evidence` are log-odds, the evidence as it was before any trust;
    `score` is in 0..1."""

    task: str
    base: float
    evidence: float
    score: float


class Trust(Struct, frozen=True, kw_only=True):
    """In one reasoner's evidence: 1 as it stands, 0.5 half of it."""

    common: float = 1.0
    tasks: Mapping[str, float] = {}
    outcomes: int = 0

    def on(self, task: str) -> float:
        return self.tasks.get(task, self.common)


def trust(scored: Sequence[Scored], half_life: float) -> Trust:
    """Of one reasoner's outcomes, oldest first, each of which weighs half of one that came `half_life` later. Answers
    about which nothing was seen say nothing."""
    seen = [one for one in scored if one.evidence]
    last = len(seen) - 1
    rows = [(one, 2.0 ** ((at - last) / half_life)) for at, one in enumerate(seen)]
    offset, common = _likeliest(((one.base, one, weight) for one, weight in rows), 1.0, _COMMON_SD)
    tasks = {}
    for task in sorted({one.task for one in seen}):
        of_task = ((one.base + offset, one, weight) for one, weight in rows if one.task == task)
        tasks[task] = _bounded(_likeliest(of_task, common, _TASK_SD)[1])
    return Trust(common=_bounded(common), tasks=tasks, outcomes=len(seen))


def _likeliest(rows: Iterable[tuple[float, Scored, float]], mean: float, sd: float) -> tuple[float, float]:
    """Offset and slope by Newton's method with clipped steps; rows are of base, outcome and weight."""
    rows, offset, slope = list(rows), 0.0, mean
    at_offset, at_slope = _OFFSET_SD**-2, sd**-2
    for _ in range(_STEPS):
        g0, g1 = -at_offset * offset, -at_slope * (slope - mean)
        h00, h01, h11 = at_offset, 0.0, at_slope
        for base, one, weight in rows:
            p = sigmoid(base + offset + slope * one.evidence)
            off, curve = weight * (one.score - p), weight * p * (1 - p)
            g0 += off
            g1 += off * one.evidence
            h00 += curve
            h01 += curve * one.evidence
            h11 += curve * one.evidence * one.evidence
        determinant = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        offset += min(max(step0, -1.0), 1.0)
        slope += min(max(step1, -1.0), 1.0)
        if abs(step0) + abs(step1) < _NEAR:
            break
    return offset, slope


def _bounded(slope: float) -> float:
    return min(max(slope, _LEAST), _MOST)
