"""The hybrid benchmark's figures: shares right, speed, intervals, results file and frontier plot."""

import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from graded import Item, right
from results import write

from rung.answers import asked, extract, majority, options_of

Row = dict[str, Any]
Interval = tuple[float, float]
HERE = Path(__file__).parent
RESAMPLES = 10_000
SAMPLES = 3


class Side:
    """One way of answering the items: per item whether it was right, seconds, and tokens."""

    def __init__(self, name: str, items: Sequence[Item], rows: Mapping[str, Row], pace: float = 1.0) -> None:
        self.name = name
        self.rows = [rows[item.id] for item in items]
        self.right = [right(item, rows[item.id]["text"]) for item in items]
        self.seconds = [row["seconds"] * pace for row in self.rows]
        self.tokens = [row["prompt_tokens"] + row["completion_tokens"] for row in self.rows]

    @property
    def accuracy(self) -> float:
        return fmean(self.right)

    @property
    def answers_per_s(self) -> float:
        return len(self.seconds) / sum(self.seconds)

    def figures(self) -> dict[str, float]:
        ranked = quantiles(self.seconds, n=100, method="inclusive")
        return {
            f"accuracy.{self.name}": self.accuracy,
            f"answers_per_s.{self.name}": self.answers_per_s,
            f"p50_s.{self.name}": ranked[49],
            f"p95_s.{self.name}": ranked[94],
            f"tokens.{self.name}": fmean(self.tokens),
        }

    def intervals(self) -> dict[str, Interval]:
        n = len(self.right)
        return {
            f"accuracy.{self.name}": bootstrap(n, lambda at: fmean(self.right[i] for i in at)),
            f"answers_per_s.{self.name}": bootstrap(n, lambda at: n / sum(self.seconds[i] for i in at)),
        }


def bootstrap(n: int, figure: Callable[[Sequence[int]], float], resamples: int = RESAMPLES) -> Interval:
    """95% percentile interval of `figure` over resampled items."""
    random_ = random.Random(0)
    values = sorted(figure(random_.choices(range(n), k=n)) for _ in range(resamples))
    return values[int(0.025 * resamples)], values[int(0.975 * resamples) - 1]


def singles(items: Sequence[Item], recorded: Iterable[Row], pace: float = 1.0) -> list[Side]:
    """Every reasoner alone, as far as it was recorded for all items; `vote` from the samples of `fast`."""
    by_reasoner: dict[tuple[str, int], dict[str, Row]] = defaultdict(dict)
    for row in recorded:
        by_reasoner[row["reasoner"], row["sample"]][row["item"]] = row
    whole = {key: rows for key, rows in by_reasoner.items() if all(item.id in rows for item in items)}
    sides = [Side(name, items, rows, pace) for (name, sample), rows in whole.items() if sample == 0]
    if ("fast", 0) in whole:
        samples = {item.id: [by_reasoner["fast", k].get(item.id) for k in range(3)] for item in items}
        voted = {item.id: vote(item, [row for row in samples[item.id] if row]) for item in items}
        if all(voted.values()):
            sides.append(Side("vote", items, {key: row for key, row in voted.items() if row}, pace))
    return sides


def vote(item: Item, samples: Sequence[Row]) -> Row | None:
    """What `vote` would have answered: it stops once decided, takes the surest sample of the majority, and has spent
    the time and tokens of every sample it took (two streams on two cores are hardly faster than one after the other).
    None while more samples are needed.
    """
    short, options = asked(item.prompt), options_of(item.prompt)
    if not short:
        return samples[0]
    found = [extract(sample["text"], short, options) for sample in samples]
    taken = next((k for k in range(2, len(found) + 1) if majority(found[:k], SAMPLES - k).decided), None)
    if taken is None:
        return None
    result = majority(found[:taken])
    best = max((samples[i] for i in result.at or range(taken)), key=_sureness)
    spent = {key: sum(s[key] for s in samples[:taken]) for key in ("seconds", "prompt_tokens", "completion_tokens")}
    return best | spent | {"reasoner": "vote", "agreement": result.share if result.at else None, "samples": taken}


def signals_of(row: Row) -> dict[str, float]:
    verdict = row["steps"][-1]["verdict"] if row.get("steps") else None
    return dict(verdict["signals"]) if verdict else {}


def _sureness(row: Row) -> float:
    return signals_of(row).get("mean_logprob", -1e9)


def summary(items: Sequence[Item], recorded: Iterable[Row]) -> str:
    """A table of what is recorded so far: reasoner by family, over the items that it has answered."""
    recorded = list(recorded)
    by_id = {item.id: item for item in items}
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in recorded:
        family = by_id[row["item"]].family
        label = by_id[row["item"]].group if by_id[row["item"]].group == "symbolic" else family
        groups[row["reasoner"], label.split("-")[0]].append(row)
    lines = ["reasoner  family        n  right  tokens in  tokens out  seconds"]
    for (reasoner, family), rows in sorted(groups.items()):
        share = fmean(right(by_id[row["item"]], row["text"]) for row in rows)
        figures = [fmean(row[key] for row in rows) for key in ("prompt_tokens", "completion_tokens", "seconds")]
        lines.append(
            f"{reasoner:<9} {family:<10} {len(rows):>4} {share:>6.2f} {figures[0]:>10.0f} {figures[1]:>11.0f} "
            f"{figures[2]:>8.2f}"
        )
    return "\n".join(lines)


def _pace(live: Mapping[str, Row], recorded: Iterable[Row]) -> float:
    """By how much slower `think` was in the live run than when it was recorded, over the items that have both."""
    both = [(live[row["item"]], row) for row in recorded if row["reasoner"] == "think" and row["item"] in live]
    if not both:
        sys.exit("`think` was not recorded for any of these items: run `hybrid.py record` to its end.")
    return float(sum(now["seconds"] for now, _ in both) / sum(then["seconds"] for _, then in both))


def publish(items: Sequence[Item], recorded: list[Row], live: list[Row], *, part: str, seed: int) -> None:
    """Writes results and plot; says the headline."""
    by_model: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in live:
        by_model[row["reasoner"]][row["item"]] = row
    pace = _pace(by_model["think"], recorded)
    thought = {row["item"]: row | {"seconds": row["seconds"] * pace} for row in recorded if row["reasoner"] == "think"}
    by_model["think"] = thought | by_model["think"]
    items = [item for item in items if all(item.id in rows for rows in by_model.values())]
    think = Side("think", items, by_model["think"])
    autos = [Side(_short(name), items, rows) for name, rows in by_model.items() if name.startswith("auto")]
    alone = [*(side for side in singles(items, recorded, pace) if side.name != "think"), think]
    sides = [*alone, *autos]
    figures, intervals = _figures(alone, autos, think)
    figures = {name: round(value, 4) for name, value in figures.items()}
    intervals = {name: (round(low, 4), round(high, 4)) for name, (low, high) in intervals.items()}
    detail = {"items": part, "pace_of_recorded": round(pace, 4), **_detail(items, sides, autos)}
    name = "hybrid" if part == "report" else f"hybrid-{part}"
    write(name, figures, intervals, detail, seed, len(items))
    print(json.dumps(figures, indent=1))
    print(json.dumps({k: v for k, v in intervals.items() if "minus" in k or "over" in k}, indent=1))
    plot(sides, intervals, figures, name)


def _short(model: str) -> str:
    return "auto" if model == "auto:balanced" else model.replace(":", "_")


def _figures(alone: Sequence[Side], autos: Sequence[Side], think: Side) -> tuple[dict[str, float], dict[str, Interval]]:
    figures: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    for side in (*alone, *autos):
        figures |= side.figures()
        intervals |= side.intervals()
    figures["accuracy.oracle"] = fmean(any(each) for each in zip(*(side.right for side in alone), strict=True))
    n = len(think.right)
    for auto in autos:
        gain = [int(a) - int(t) for a, t in zip(auto.right, think.right, strict=True)]
        name = f"accuracy.{auto.name}_minus_think"
        figures[name] = fmean(gain)
        intervals[name] = bootstrap(n, lambda at, gain=gain: fmean(gain[i] for i in at))
        name = f"answers_per_s.{auto.name}_over_think"
        figures[name] = auto.answers_per_s / think.answers_per_s
        intervals[name] = bootstrap(
            n, lambda at, auto=auto: sum(think.seconds[i] for i in at) / sum(auto.seconds[i] for i in at)
        )
    return figures, intervals


def _detail(items: Sequence[Item], sides: Sequence[Side], autos: Sequence[Side]) -> dict[str, Any]:
    groups = sorted({item.group for item in items})
    detail: dict[str, Any] = {
        "accuracy_by_group": {
            side.name: {
                group: round(fmean(r for item, r in zip(items, side.right, strict=True) if item.group == group), 4)
                for group in groups
            }
            for side in sides
        }
    }
    for auto in autos:
        calls = Counter(f"{step['reasoner']} {step['outcome']}" for row in auto.rows for step in row["steps"])
        answered = Counter(row["answered_by"] for row in auto.rows)
        detail[auto.name] = {"calls": dict(calls.most_common()), "answered_by": dict(answered.most_common())}
    return detail


INK, QUIET, RULE, WHOLE = "#1f2933", "#7b8794", "#d9e2ec", "#0b7a75"


def plot(sides: Sequence[Side], intervals: Mapping[str, Interval], figures: Mapping[str, float], name: str) -> None:
    """Share right against answers a second: each reasoner alone, and `auto`."""
    import matplotlib as mpl  # noqa: PLC0415  heavy, and only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7.2, 4.4), dpi=160)
    for side in sides:
        is_auto = side.name.startswith("auto")
        x, y = side.answers_per_s, 100 * side.accuracy
        (left, r), (low, high) = intervals[f"answers_per_s.{side.name}"], intervals[f"accuracy.{side.name}"]
        colour = WHOLE if is_auto else QUIET
        axes.errorbar(
            x,
            y,
            xerr=[[x - left], [r - x]],
            yerr=[[y - 100 * low], [100 * high - y]],
            fmt="D" if is_auto else "o",
            markersize=9 if is_auto else 7,
            color=colour,
            elinewidth=1.0,
            alpha=0.95,
            zorder=3 if is_auto else 2,
        )
    if oracle := figures.get("accuracy.oracle"):
        axes.axhline(100 * oracle, color=QUIET, linewidth=0.9, linestyle=(0, (4, 4)))
        axes.annotate(
            "any of them right",
            (0.995, 100 * oracle),
            xycoords=("axes fraction", "data"),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            color=QUIET,
            fontsize=9,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(0, 100)
    axes.set_xlabel("answers a second, one client (log)", color=INK)
    axes.set_ylabel("share right, %", color=INK)
    axes.set_title(
        f"{len(sides[0].right)} graded questions, two cores, Qwen2.5-Coder-1.5B", loc="left", color=INK, fontsize=12
    )
    axes.grid(visible=True, which="major", color=RULE, linewidth=0.8)
    axes.tick_params(colors=INK, which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.tight_layout()
    _label(axes, sides, intervals)
    folder = HERE.parent / "docs" / "img"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.png")
    plt.close(figure)


def _label(axes: Any, sides: Sequence[Side], intervals: Mapping[str, Interval]) -> None:
    """Names every point, each at the first place around it where it covers no other name, no point and no interval."""
    points = [axes.transData.transform(at) for side in sides for at in _crossed(side, intervals)]
    taken: list[Any] = []
    for side in sorted(sides, key=lambda side: not side.name.startswith("auto")):
        is_auto = side.name.startswith("auto")
        for x, y, align in (
            (9, 8, "left"),
            (9, -17, "left"),
            (-9, 8, "right"),
            (-9, -17, "right"),
            (-9, -30, "right"),
            (9, 24, "left"),
        ):
            name = axes.annotate(
                side.name.replace("_", " "),
                (side.answers_per_s, 100 * side.accuracy),
                xytext=(x, y),
                textcoords="offset points",
                ha=align,
                color=WHOLE if is_auto else INK,
                fontsize=11,
                fontweight="bold" if is_auto else "normal",
            )
            box = name.get_window_extent().expanded(1.1, 1.1)
            if not any(box.overlaps(other) for other in taken) and not any(box.contains(*point) for point in points):
                break
            name.remove()
        else:
            axes.add_artist(name)
        taken.append(box)


def _crossed(side: Side, intervals: Mapping[str, Interval]) -> Iterable[tuple[float, float]]:
    """Places on the side's two intervals, close enough for a name to cover one if it covers any."""
    (left, right_), (low, high) = intervals[f"answers_per_s.{side.name}"], intervals[f"accuracy.{side.name}"]
    for step in range(21):
        yield left * (right_ / left) ** (step / 20), 100 * side.accuracy
        yield side.answers_per_s, 100 * (low + (high - low) * step / 20)
