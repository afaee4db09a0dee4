"""Does the verdict tell right answers from wrong ones?

    verifier.py [--items dev|report]

Reads what `hybrid.py record` recorded, judges every answer as Rung would, alone and beside `think`'s or `fast`'s, and
prints the area under the ROC curve (AUC: the chance that a right answer is scored above a wrong one; 0.5 sees nothing)
of each signal and of the whole, and how far the stated chance is from the share right (ECE, 10 bins). Nothing is fitted
here. The weights were set by hand, looking at `dev`; figures are for `report`.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from graded import MIX, Item, Part, right, sampled
from hybrid import RECORDED, SEED, Recording
from hybrid_figures import bootstrap, signals_of, vote

from rung.routing import Profile, Speed, estimate, features_of
from rung.types import Answer, Choice, Estimate, Features, Verdict
from rung.verdicts import verify
from rung.verdicts.signals import SIGNALS
from rung.verdicts.weights import WEIGHTS

Row = dict[str, Any]
HERE = Path(__file__).parent
MODEL = "qwen2.5-coder-1.5b-instruct"
KINDS = {"brief": "brief", "fast": "local", "think": "think", "vote": "vote"}
# Who is in hand together on the ladder: the one that is judged, and the one that it is judged beside.
PAIRS = (
    ("brief", "fast"),
    ("fast", "brief"),
    ("fast", "think"),
    ("think", "fast"),
    ("vote", "brief"),
    ("brief", "vote"),
)
NO_WAIT = Speed(wait_s=0.0, first_s=0.1, prompt_s_per_token=0.01, completion_s_per_token=0.03)


class Judged(NamedTuple):
    item: Item
    reasoner: str
    right: bool
    prior: float
    verdict: Verdict


def auc(scored: Sequence[tuple[float, bool]]) -> float:
    """Ties count half; nan where all are right or all wrong."""
    good, bad = [s for s, r in scored if r], [s for s, r in scored if not r]
    if not good or not bad:
        return nan
    return fmean((g > b) + (g == b) / 2 for g in good for b in bad)


def calibration_error(scored: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Mean distance of the stated chance from the share right, over bins of equal width, weighted by their size."""
    binned: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for score, was_right in scored:
        binned[min(int(score * bins), bins - 1)].append((score, was_right))
    return sum(abs(fmean(s for s, _ in b) - fmean(r for _, r in b)) * len(b) for b in binned.values()) / len(scored)


def answer_of(row: Row) -> Answer:
    signals = {name: value for name, value in signals_of(row).items() if name not in SIGNALS and name != "others"}
    if row["reasoner"] == "vote":
        signals["samples"] = float(row["samples"])
        if row["agreement"] is not None:
            signals["agreement"] = row["agreement"]
    choice = Choice(text=row["text"] or "", reasoning=row["reasoning"] or "", finish=row["finish"])
    return Answer(reasoner=row["reasoner"], choices=(choice,), signals=signals)


def _estimates(features: Features) -> dict[str, Estimate]:
    profiles = (Profile(name=n, kind=k, leaf_kind="local", model=MODEL, samples=3) for n, k in KINDS.items())
    return {profile.name: estimate(profile, features, NO_WAIT) for profile in profiles}


async def _judge(item: Item, rows: Sequence[Row]) -> Judged:
    """The verdict on the first of `rows`, with all of them in hand."""
    body = {"messages": [{"role": "user", "content": item.prompt}]}
    features = features_of(body)
    estimates = _estimates(features)
    verdicts = await verify(features, estimates, [answer_of(row) for row in rows], body)
    first = rows[0]
    return Judged(
        item, first["reasoner"], right(item, first["text"]), estimates[first["reasoner"]].right_prob, verdicts[0]
    )


def _recorded(items: Iterable[Item], part: str) -> dict[str, dict[str, Row]]:
    """Rows by item and reasoner, the first sample of each, and `vote` where all three samples of `fast` are there."""
    items = list(items)
    rows: dict[str, dict[str, Row]] = defaultdict(dict)
    samples: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in Recording(RECORDED / f"hybrid-{part}.jsonl").of(items):
        if row["sample"] == 0 and row["reasoner"] in KINDS:
            rows[row["item"]][row["reasoner"]] = row
        if row["reasoner"] == "fast":
            samples[row["item"]][row["sample"]] = row
    for item in items:
        if len(samples[item.id]) == 3:
            voted = vote(item, [samples[item.id][i] for i in range(3)])
            if "agreement" in voted:
                rows[item.id]["vote"] = voted
    return rows


def _print_signals(judged: Sequence[Judged]) -> None:
    print(f"\n{'signal':<20} {'weight':>7} {'n':>5} {'mean':>6} {'right':>6}   AUC (where it speaks)")
    for name in SIGNALS:
        said = [j for j in judged if name in j.verdict.signals]
        if not said:
            continue
        sign = 1 if WEIGHTS[name] > 0 else -1
        scored = [(sign * j.verdict.signals[name], j.right) for j in said]
        mean = fmean(j.verdict.signals[name] for j in said)
        share = fmean(j.right for j in said)
        print(f"{name:<20} {WEIGHTS[name]:>7.1f} {len(said):>5} {mean:>6.2f} {share:>6.2f}   {auc(scored):.3f}")


def _figures(label: str, judged: Sequence[Judged], figures: dict[str, float], intervals: dict[str, Any]) -> None:
    if not judged:
        return
    scored = [(j.verdict.right_prob, j.right) for j in judged]
    prior = auc([(j.prior, j.right) for j in judged])
    figures[f"auc.{label}"], figures[f"ece.{label}"] = auc(scored), calibration_error(scored)
    figures[f"right.{label}"] = fmean(j.right for j in judged)
    intervals[f"auc.{label}"] = bootstrap(len(scored), lambda at: auc([scored[i] for i in at]), 500)
    low, high = intervals[f"auc.{label}"]
    print(
        f"{label:<18} {len(judged):>5} {figures[f'right.{label}']:>6.2f} {prior:>10.3f} {figures[f'auc.{label}']:>7.3f}"
        f" ({low:.3f} to {high:.3f}) {figures[f'ece.{label}']:>7.3f}"
    )


def _publish(part: str, n: int, figures: Mapping[str, float], intervals: Mapping[str, Any]) -> None:
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=HERE)
    result = {
        "benchmark": "verifier",
        "commit": git.stdout.strip(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "seed": SEED,
        "n": n,
        "figures": figures,
        "intervals": intervals,
        "detail": {"items": part, "model": MODEL},
    }
    path = HERE / "results" / "verifier.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{path}")


async def measure(part: Part, n: int) -> None:
    sample = sampled(part, n, SEED)
    rows = _recorded(sample, part)
    items = {item.id: item for item in sample if rows[item.id]}
    if not items:
        sys.exit(f"Nothing is recorded for {part}: run `hybrid.py record --items {part}` first.")
    alone = [await _judge(items[i], [row]) for i in items for row in rows[i].values()]
    _print_signals(alone)
    figures: dict[str, float] = {}
    intervals: dict[str, Any] = {}
    print(f"\n{'answers':<18} {'n':>5} {'right':>6} {'prior AUC':>10} {'AUC':>7} {'95% interval':>18} {'ECE':>7}")
    _figures("all", alone, figures, intervals)
    for name in KINDS:
        _figures(name, [j for j in alone if j.reasoner == name], figures, intervals)
    for group in MIX:
        _figures(group, [j for j in alone if j.item.group == group], figures, intervals)
    for one, other in PAIRS:
        pairs = [
            await _judge(items[i], [rows[i][one], rows[i][other]]) for i in items if {one, other} <= rows[i].keys()
        ]
        _figures(f"{one} with {other}", pairs, figures, intervals)
    _publish(part, len(items), figures, intervals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", choices=["dev", "report"], default="report")
    parser.add_argument("--n", type=int, default=120)
    args = parser.parse_args()
    os.environ.setdefault("RUNG_DATA", str(HERE.parent.parent / "shared" / "data"))
    asyncio.run(measure(args.items, args.n))


if __name__ == "__main__":
    main()
