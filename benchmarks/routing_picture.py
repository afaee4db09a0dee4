"""Draws docs/img/routing.png of what the last whole run of routing.py wrote: frontiers, and what they take to learn.

routing_picture.py
"""

from pathlib import Path

import msgspec
import results
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

UNITS = {"mixed9": "billions of parameters", "mmlupro": "billions of parameters \u00d7 characters"}


def draw() -> None:
    detail = msgspec.json.decode((results.RESULTS / "routing.json").read_bytes())["detail"]
    if "frontiers" not in detail:
        raise SystemExit("Run routing.py whole first: results/routing.json has no frontiers.")
    figure = Figure(figsize=(13, 4), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, (name, (models, methods)) in zip(axes, detail["frontiers"].items(), strict=False):
        for label, places in methods.items():
            axis.plot(*zip(*places, strict=True), label=label)
        axis.plot(*zip(*models, strict=True), "k.", label="single models")
        axis.axhline(max(score for _, score in models), color="grey", linestyle=":")
        axis.set(xlabel=f"cost of a question, {UNITS[name]}", ylabel="score", title=name)
        axis.locator_params(axis="x", nbins=5)
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.legend(fontsize=7)
    for name, steps in detail["curves"].items():
        sizes, gains = zip(*((outcomes, gain) for outcomes, gain, *_ in steps), strict=True)
        mean, low, high = zip(*gains, strict=True)
        axes[2].plot(sizes, mean, marker="o", label=name)
        axes[2].fill_between(sizes, low, high, alpha=0.2)
    axes[2].axhline(0, color="grey", linestyle=":")
    axes[2].set(xscale="log", xlabel="outcomes", ylabel="gain over the best single model", title="learning")
    axes[2].legend(fontsize=7)
    figure.savefig(Path(__file__).parent.parent / "docs" / "img" / "routing.png", dpi=110)


if __name__ == "__main__":
    draw()
