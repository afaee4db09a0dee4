"""Does the verdict tell right answers from wrong ones?

    verifier.py record [--items dev|report] [--n 120] [--minutes 12]   every reasoner; picks up where it stopped
    verifier.py figures [--items dev|report]   from what this, hybrid.py and solvers.py recorded

Judges every answer as Rung would, alone and beside others', and prints the area under the ROC curve (AUC: the chance
that a right answer is scored above a wrong one; 0.5 sees nothing) of each signal and of the whole, and how far the
stated chance is from the share right (ECE, 10 bins; beside it the ECE that chances which are exactly true would have
with so few answers). Weights were set and fitted on `dev` items (fit_verifier.py); figures are for `report`.
"""

import argparse
import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from pathlib import Path
from statistics import fmean, quantiles

from graded import MIX, Part, sampled
from hybrid import RECORDED, SEED, WANTED, Recording, serving
from hybrid_figures import bootstrap
from judged import KINDS, MODEL, Asked, Judged, Scored, asked, auc, bins, calibration_error, discrimination, judge
from results import write

from rung.estimators.online import HALF_LIFE, Outcome, offsets
from rung.odds import logit, sigmoid
from rung.verdicts import trust as slopes
from rung.verdicts.signals import SIGNALS
from rung.verdicts.weights import WEIGHTS

HERE = Path(__file__).parent
# Who may be in hand together on the ladder.
PAIRS = (("program", "think"), ("brief", "fast"), ("brief", "think"), ("fast", "think"), ("brief", "program"))
RESAMPLES = 500
INK, QUIET, RULE, WHOLE = "#1f2933", "#7b8794", "#d9e2ec", "#0b7a75"


async def record(part: Part, n: int, minutes: float) -> None:
    """Item by item, so that one that is stopped has whole sets of answers; further samples of `fast` come last."""
    recording = Recording(RECORDED / f"hybrid-{part}.jsonl")
    items = sampled(part, n, SEED)
    first = [(item, name, sample) for item in items for name, sample in WANTED if sample == 0]
    again = [(item, name, sample) for item in items for name, sample in WANTED if sample]
    ends_s = time.monotonic() + 60 * minutes
    async with serving(None) as rung:
        for item, name, sample in first + again:
            if time.monotonic() > ends_s:
                break
            if not recording.has(item, name, sample):
                recording.add(await rung.ask(item, name, sample))


def scored(judged: Sequence[Judged]) -> list[tuple[float, bool]]:
    return [(one.verdict.right_prob, one.right) for one in judged]


def true_calibration_error(stated: Scored) -> float:
    """The mean ECE of the same stated chances, were each of them exactly true."""
    random_ = random.Random(0)
    draws = [[(p, random_.random() < p) for p, _ in stated] for _ in range(200)]
    return fmean(map(calibration_error, draws))


def print_signals(judged: Sequence[Judged]) -> None:
    print(f"\n{'signal':<20} {'weight':>7} {'n':>5} {'mean':>6} {'right':>6}   AUC (where it speaks)")
    for name in SIGNALS:
        said = [j for j in judged if name in j.verdict.signals]
        if not said:
            continue
        sign = -1 if WEIGHTS[name] < 0 else 1
        sees = auc([(sign * j.verdict.signals[name], j.right) for j in said])
        mean = fmean(j.verdict.signals[name] for j in said)
        share = fmean(j.right for j in said)
        print(f"{name:<20} {WEIGHTS[name]:>7.1f} {len(said):>5} {mean:>6.2f} {share:>6.2f}   {sees:.3f}")


class Told:
    """Figures as they are found, printed as rows of a table."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        columns = f"{'n':>5} {'right':>6} {'prior AUC':>10} {'AUC':>7} {'95% interval':>18} {'ECE':>7} if true"
        print(f"\n{'answers':<24} {columns}")

    def add(self, label: str, judged: Sequence[Judged]) -> None:
        if not judged:
            return
        stated = scored(judged)
        measured: dict[str, Callable[[Scored], float]] = {"auc": auc, "ece": calibration_error}
        found = {f"{name}.{label}": figure(stated) for name, figure in measured.items()}
        found[f"auc_prior.{label}"] = auc([(j.prior, j.right) for j in judged])
        found[f"right.{label}"] = fmean(j.right for j in judged)
        found[f"ece_if_true.{label}"] = true_calibration_error(stated)
        found[f"n.{label}"] = len(judged)
        low, high = _interval(judged)
        self.figures |= {name: round(value, 4) for name, value in found.items()}
        self.intervals[f"auc.{label}"] = (round(low, 4), round(high, 4))
        print(
            f"{label:<24} {len(judged):>5} {found[f'right.{label}']:>6.2f} {found[f'auc_prior.{label}']:>10.3f}"
            f" {found[f'auc.{label}']:>7.3f} ({low:.3f} to {high:.3f}) {found[f'ece.{label}']:>7.3f}"
            f"   {found[f'ece_if_true.{label}']:.3f}"
        )


def _interval(judged: Sequence[Judged]) -> tuple[float, float]:
    """Of the AUC, over resampled questions: answers to one stand or fall together."""
    questions: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for one in judged:
        questions[one.item.id].append((one.verdict.right_prob, one.right))
    groups = list(questions.values())
    return bootstrap(len(groups), lambda at: auc([answer for i in at for answer in groups[i]]), RESAMPLES)


async def pairs(answered: Sequence[Asked], told: Told) -> None:
    """Each of two answers with the other in hand, and the likelier of both."""
    for names in PAIRS:
        both = [one for one in answered if set(names) <= one.rows.keys()]
        found = [await judge(one.item, [one.rows[name] for name in names]) for one in both]
        for at, name in enumerate(names):
            told.add(f"{name} beside {names[1 - at]}", [pair[at] for pair in found])
        told.add(f"best of {names[0]}, {names[1]}", [max(p, key=lambda j: j.verdict.right_prob) for p in found])


def with_feedback(judged: Sequence[Judged]) -> list[tuple[float, bool]]:
    """What would have been said of each answer, had each before it been scored once it was judged: questions in a drawn
    order, with estimates and trust moved as they are while serving."""
    questions: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        questions[one.item.id].append(one)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    said: list[tuple[float, bool]] = []
    for answers in random.Random(SEED).sample(list(questions.values()), len(questions)):
        for one in answers:
            heard, task = outcomes[one.reasoner], one.features.task
            base, evidence = logit(one.prior), logit(one.verdict.right_prob) - logit(one.prior)
            scored_before = [slopes.Scored(task=o.task, base=o.base, evidence=o.evidence, score=o.score) for o in heard]
            offset = offsets(heard).on(task).believed
            believed = slopes.trust(scored_before, HALF_LIFE).on(task)
            said.append((sigmoid(base + offset + believed * evidence), one.right))
        for one in answers:
            base, evidence = logit(one.prior), logit(one.verdict.right_prob) - logit(one.prior)
            found = Outcome(task=one.features.task, base=base, evidence=evidence, score=float(one.right))
            outcomes[one.reasoner].append(found)
    return said


async def measure(part: Part) -> None:
    answered = [one for one in asked(part) if one.rows]
    alone = [judged for one in answered for row in one.rows.values() for judged in await judge(one.item, [row])]
    print_signals(alone)
    told = Told()
    told.add("all", alone)
    for name in KINDS:
        told.add(name, [j for j in alone if j.reasoner == name])
    for group in MIX:
        told.add(group, [j for j in alone if j.item.group == group])
    cells: dict[str, list[Judged]] = defaultdict(list)
    for one in alone:
        cells[f"{one.reasoner} {one.features.task}"].append(one)
    for cell in sorted(cells):
        told.add(cell, cells[cell])
    together = [j for one in answered for j in await judge(one.item, list(one.rows.values()))]
    told.add("all in hand", together)
    told.add("all in hand, word", [j for j in together if j.item.group == "word"])
    await pairs(answered, told)
    for label, judged in (("all", alone), ("all in hand", together)):
        learned = with_feedback(judged)
        told.figures |= {
            f"auc_with_feedback.{label}": round(auc(learned), 4),
            f"ece_with_feedback.{label}": round(calibration_error(learned), 4),
        }
        print(f"{label}, with feedback: AUC {auc(learned):.3f}, ECE {calibration_error(learned):.3f}")
    told.figures |= {f"dprime.{cell}": round(discrimination(scored(found)), 3) for cell, found in cells.items()}
    figures = {name: value for name, value in told.figures.items() if not isnan(value)}
    name = "verifier" if part == "report" else f"verifier-{part}"
    curves = {"alone": scored(alone), "all in hand": scored(together)}
    write(name, figures, told.intervals, {"items": part, "model": MODEL}, SEED, len(answered))
    if part == "report":
        plot(curves, name)


def plot(curves: Mapping[str, Scored], name: str) -> None:
    """Reliability: share right against the chance stated, with a bar for each bin's 95% interval."""
    import matplotlib as mpl  # noqa: PLC0415  heavy, and only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(5.6, 5.0), dpi=160)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (4, 4)))
    for (label, stated), colour, shift in zip(curves.items(), (QUIET, WHOLE), (-0.006, 0.006), strict=True):
        points = [_point(found) for found in bins(stated)]
        x = [point[0] + shift for point in points]
        y = [point[1] for point in points]
        spans = [[point[1] - point[2] for point in points], [point[3] - point[1] for point in points]]
        sizes = [8 + 2.2 * point[4] ** 0.8 for point in points]
        axes.errorbar(x, y, yerr=spans, fmt="none", color=colour, elinewidth=1.0, alpha=0.6)
        seen = f"{label}: AUC {auc(stated):.2f}, ECE {calibration_error(stated):.3f}, {len(stated)} answers"
        axes.scatter(x, y, s=sizes, color=colour, label=seen, zorder=3)
    axes.set_xlabel("chance to be right, as the verdict says", color=INK)
    axes.set_ylabel("share that is right", color=INK)
    axes.set_title("Verdicts: stated and observed", loc="left", color=INK, fontsize=12)
    axes.grid(visible=True, color=RULE, linewidth=0.8)
    axes.tick_params(colors=INK, which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left", labelcolor=INK)
    figure.tight_layout()
    figure.savefig(HERE.parent / "docs" / "img" / f"{name}.png")
    plt.close(figure)


def _point(found: Scored) -> tuple[float, float, float, float, int]:
    """Mean chance stated, share right, its interval, and of how many."""
    rights = [float(was_right) for _, was_right in found]
    random_ = random.Random(0)
    shares = [fmean(random_.choices(rights, k=len(rights))) for _ in range(RESAMPLES)]
    ranked = quantiles(shares, n=40, method="inclusive")
    share = fmean(rights)
    return fmean(s for s, _ in found), share, min(ranked[0], share), max(ranked[-1], share), len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["record", "figures"])
    parser.add_argument("--items", choices=["dev", "report"], default="report")
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--minutes", type=float, default=12.0)
    args = parser.parse_args()
    asyncio.run(record(args.items, args.n, args.minutes) if args.mode == "record" else measure(args.items))


if __name__ == "__main__":
    main()
