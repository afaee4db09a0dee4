"""Is what `rung calibrate` says of a real model true of graded questions that are none of its probes?

    anchor.py CALIBRATION [--n 120]   a calibration.json, of reasoners that `hybrid.py record` has recorded

Each recorded item's chance as the calibration tells it, against what the reasoner's answer was marked. Nothing is
fitted, so that both halves of the items count. Reads RUNG_DATA and `benchmarks/recorded`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import results
from graded import Item, right, sampled
from hybrid import RECORDED, SEED, Recording
from hybrid_figures import bootstrap

from rung.estimators.calibrated import Calibrated, read_file
from rung.estimators.prior import shipped
from rung.routing import Profile, Speed, estimate, features_of
from rung.types import Expected

AT_ONCE = Speed(wait_s=0.0, first_s=0.0, prompt_s_per_token=0.0, completion_s_per_token=0.0)


def graded(name: str, n: int) -> list[tuple[Item, bool]]:
    """The reasoner's first answer to each item that it was recorded on, marked."""
    found = []
    for part in ("dev", "report"):
        items = {item.id: item for item in sampled(part, n, SEED)}
        rows = Recording(RECORDED / f"hybrid-{part}.jsonl").of(items.values())
        found += [
            (items[row["item"]], right(items[row["item"]], row["text"] or ""))
            for row in rows
            if row["reasoner"] == name and row["sample"] == 0
        ]
    return found


def chance(name: str, prompt: str, expected: Expected) -> float:
    """That it is right, as the rule is told."""
    features = features_of({"messages": [{"role": "user", "content": prompt}]})
    return estimate(Profile(name=name, kind=name, leaf_kind="local"), features, AT_ONCE, expected).right_prob


def compare(name: str, told: Sequence[float], marked: Sequence[bool], groups: Sequence[str]) -> dict[str, float]:
    """Prints shares right as told and as marked, in all and by group."""
    out = {}
    for group in ("all", *sorted(set(groups))):
        at = [i for i, g in enumerate(groups) if group in ("all", g)]
        out[f"{name}.{group}.told"] = fmean(told[i] for i in at)
        out[f"{name}.{group}.right"] = fmean(marked[i] for i in at)
        print(f"{name:8} {group:10} {len(at):4}  told {fmean(told[i] for i in at):.2f}", end="")
        print(f"  right {fmean(marked[i] for i in at):.2f}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("--n", type=int, default=120, help="items of each half")
    args = parser.parse_args()
    calibrations = read_file(args.calibration).reasoners
    expected = Calibrated(shipped(), calibrations)
    figures: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    probes: dict[str, int] = {}
    for name, calibration in calibrations.items():
        answers = graded(name, args.n)
        if not answers:
            raise SystemExit(f"{name} was not recorded; run hybrid.py record first.")
        told = [chance(name, item.prompt, expected(item.prompt)[name]) for item, _ in answers]
        marked = [is_right for _, is_right in answers]
        figures |= compare(name, told, marked, [item.group for item, _ in answers])
        figures[f"{name}.off"] = fmean(told) - fmean(marked)
        bounds[f"{name}.off"] = bootstrap(
            len(told), lambda at, told=told, marked=marked: fmean(told[i] - marked[i] for i in at)
        )
        low, high = bounds[f"{name}.off"]
        print(f"{name:8} off by {figures[f'{name}.off']:+.3f} ({low:+.3f} to {high:+.3f})")
        probes[name] = len(calibration.answered)
    print(results.write("anchor", figures, bounds, {"probes": probes}, SEED, len(answers)))


if __name__ == "__main__":
    main()
