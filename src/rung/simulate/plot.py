"""A picture of a replay."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rung.errors import ConfigError
from rung.simulate.replay import Outcome

_BARS = 60
_COLOURS = {
    "met": "#2a9d8f",
    "after the deadline": "#e9c46a",
    "late": "#f4a261",
    "refused": "#8d99ae",
    "failed": "#e63946",
}


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    """For each class, over time, how requests ended, and which lanes answered those in time. Raises ConfigError where
    matplotlib is missing."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  heavy, and only wanted for pictures
    except ImportError as error:
        raise ConfigError("--plot needs matplotlib: pip install matplotlib") from error
    classes = sorted({str(o.asked.priority) for o in outcomes}, key=lambda name: _ORDER.get(name, name))
    last_s = max(o.asked.at_s for o in outcomes) or 1.0
    figure = Figure(figsize=(9, 3 + 2 * len(classes)), layout="constrained")
    *axes, last = figure.subplots(len(classes) + 1, 1, sharex=True)
    for axis, name in zip(axes, classes, strict=True):
        mine = [o for o in outcomes if str(o.asked.priority) == name]
        kinds = {kind: [o.asked.at_s for o in mine if _kind(o) == kind] for kind in _COLOURS}
        axis.hist(
            list(kinds.values()),
            bins=_BARS,
            range=(0, last_s),
            stacked=True,
            color=list(_COLOURS.values()),
            label=list(kinds),
        )
        met = len(kinds["met"])
        axis.set_title(f"{name}: {met} of {len(mine)} met their deadline", loc="left", fontsize=10)
        axis.set_ylabel("requests")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, ncols=len(_COLOURS), loc="outside upper right")
    _lanes(last, [o for o in outcomes if o.met], last_s)
    last.set_xlabel("arrival, seconds")
    figure.savefig(path, dpi=130)


def _lanes(axis: Any, met: Sequence[Outcome], last_s: float) -> None:
    lanes = sorted({o.lane for o in met})
    times = [[o.asked.at_s for o in met if o.lane == lane] for lane in lanes]
    told = [f"{lane}: {len(times_s)}" for lane, times_s in zip(lanes, times, strict=True)]
    axis.set_title("which lane answered those in time", loc="left", fontsize=10)
    axis.set_ylabel("requests")
    if met:
        axis.hist(times, bins=_BARS, range=(0, last_s), stacked=True, label=told)
        axis.legend(fontsize=8, loc="upper right")


_ORDER = {"critical": "0", "interactive": "1", "batch": "2"}


def _kind(outcome: Outcome) -> str:
    if outcome.ending == "answered":
        return "met" if outcome.met else "after the deadline"
    return "refused" if outcome.ending in {"refused", "unfit"} else outcome.ending
