"""The lanes benchmark's figures over its windows: means, intervals, table and picture."""

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from lanes_scene import PATIENCE, SIDES

Interval = tuple[float, float]
IMAGE = Path(__file__).parent.parent / "docs" / "img" / "lanes.png"
# Student's t for a two-sided 95% interval, by degrees of freedom.
_T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
MOST_WINDOWS = max(_T95) + 1
_SHARES = ("met", "wasted", "refused", "late")


def mean_of(name: str, values: Sequence[float]) -> dict[str, float]:
    """Mean over windows, and Student's 95% interval of it; a share's stays between 0 and 1."""
    mean = fmean(values)
    off = _T95[len(values) - 1] * stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0
    low, high = mean - off, mean + off
    if name.startswith(_SHARES):
        low, high = max(low, 0.0), min(high, 1.0)
    return {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}


def over_windows(plays: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """What a window has no figure for (nobody of a class was answered, say) is not counted as one."""
    names = dict.fromkeys(name for play in plays for name in play)
    return {name: mean_of(name, [play[name] for play in plays if name in play]) for name in names}


def line_of(scene: str, load: float, side: str, summary: Mapping[str, Mapping[str, float]]) -> str:
    def shown(name: str, digits: int = 0, times: float = 100.0) -> str:
        found = summary.get(name)
        return f"{times * found['mean']:.{digits}f}" if found else "-"

    met = " ".join(f"{shown(f'met.{name}', 1):>5}" for name in PATIENCE)
    seconds = " ".join(f"{shown(f'p50_s.{name}', 1, 1.0):>6}/{shown(f'p99_s.{name}', 1, 1.0):<6}" for name in PATIENCE)
    return (
        f"{scene:18} {load:3g}x {side:12} {met} {shown('met', 1):>5} {shown('goodput', 1):>6} {shown('wasted', 1):>6} "
        f"{seconds} {shown('lost', 1, 1.0):>4}"
    )


HEAD = (
    f"{'scene':18} load side         crit% int%  bat%  all%  good%  waste% "
    f"{'p50/p99 s: critical':13} {'interactive':13} {'batch':13} lost"
)


INK, QUIET, RULE, WHOLE = "#1f2933", "#7b8794", "#d9e2ec", "#0b7a75"
_LOOK = {"fifo": (QUIET, (0, (1, 2))), "round robin": (QUIET, (0, (5, 2))), "rung": (WHOLE, "solid")}
_CALLED = {"fifo": "in order of arrival", "rung": "Rung"}
_SHOWN = {
    "met.critical": "critical: deadlines met, %",
    "met": "all: deadlines met, %",
    "goodput": "goodput, % of capacity",
    "wasted": "wasted work, %",
}


def picture(detail: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Scene by scene what each side got, by load; the bands are the intervals."""
    import matplotlib as mpl  # noqa: PLC0415  heavy, and only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(
        len(detail), len(_SHOWN), figsize=(11, 2.5 * len(detail)), dpi=130, sharex=True, sharey=True, squeeze=False
    )
    for line, (scene, sides) in zip(axes, detail.items(), strict=True):
        for axis, (name, title) in zip(line, _SHOWN.items(), strict=True):
            for side in SIDES:
                _curve(axis, side, name, sides[side])
            if axis in axes[0]:
                axis.set_title(title, loc="left", color=INK, fontsize=10)
            _quiet(axis)
        line[0].set_ylabel(scene.replace("/", ", "), color=INK, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("load, times capacity", color=INK, fontsize=9)
    axes[0][-1].legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left")
    figure.tight_layout()
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE)
    plt.close(figure)


def _curve(axis: Any, side: str, name: str, by_load: Mapping[str, Mapping[str, Any]]) -> None:
    colour, dashes = _LOOK[side]
    found = {float(load): summary[name] for load, summary in by_load.items() if name in summary}
    axis.plot(
        list(found),
        [100 * each["mean"] for each in found.values()],
        color=colour,
        linestyle=dashes,
        linewidth=2.2 if side == "rung" else 1.5,
        label=_CALLED.get(side, side),
    )
    low, high = ([100 * each[end] for each in found.values()] for end in ("low", "high"))
    axis.fill_between(list(found), low, high, color=colour, alpha=0.12, linewidth=0)


def _quiet(axis: Any) -> None:
    axis.set_ylim(0, 104)
    axis.grid(visible=True, which="major", color=RULE, linewidth=0.8)
    axis.tick_params(colors=INK, which="both", length=0, labelsize=9)
    for spine in axis.spines.values():
        spine.set_visible(False)
