"""Draws the pictures of docs/rule.md with the functions that decide: docs/img/rule-*.png. Needs matplotlib.

usage: rule_pictures.py
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl

from rung.routing import OPEN_SHARE, PRESETS, Stop, Weighed, Written, commitment, next_action
from rung.routing.reserve import Points, reserve, verdict_points

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

IMG = Path(__file__).parent.parent / "docs" / "img"
INK, DIM, GREY, BLUE, GREEN, AMBER = "#1f2328", "#656d76", "#d0d7de", "#0969da", "#1a7f37", "#bf8700"
# The ladder of the page: chance to be right, d' of the verdict, cost as a share of a right answer's value.
SMALL, MIDDLE, LARGE = (0.55, 1.6, 0.02), (0.75, 1.6, 0.09), (0.92, 1.6, 0.30)
LADDER = {"small": SMALL, "middle": MIDDLE, "large": LARGE}
PRICES = PRESETS["balanced"]


def weighed(name: str, right: float, sees: float, cost: float) -> Weighed:
    points = verdict_points(right, sees)
    return Weighed(name=name, reserve=reserve(points, 1.0, cost), cost=cost, points=points)


def plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=DIM)


def gain(points: Points, z: float) -> float:
    return sum(w * max(q - z, 0.0) for q, w in points)


def reserves() -> None:
    """What a call may still gain over an answer in hand, and where that no longer pays."""
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
    right, cost = 0.6, 0.1
    kinds = {
        "nobody looks": verdict_points(right, 0.0),
        "a verdict of d' = 1.6": verdict_points(right, 1.6),
        "a verdict that is never wrong": ((1.0, right), (0.0, 1 - right)),
    }
    for axes, (title, points) in zip(panels, kinds.items(), strict=True):
        z = reserve(points, 1.0, cost)
        xs = [i / 200 for i in range(201)]
        axes.bar([q for q, _ in points], [w * 0.6 for _, w in points], width=0.018, color=GREY)
        axes.plot(xs, [gain(points, x) for x in xs], color=BLUE)
        axes.axhline(cost, color=AMBER, linewidth=1)
        axes.plot([z, z], [0, cost], color=GREEN, linestyle=":")
        axes.annotate(f"z = {z:.2f}", (z, cost), (z - 0.04, cost + 0.12), color=GREEN, arrowprops={"arrowstyle": "-"})
        axes.set_title(title, fontsize=10, color=INK)
        axes.set_xlabel("how sure the answer in hand is")
        axes.set_ylim(0, 0.65)
        plain(axes)
    panels[0].set_ylabel("gain of the call (blue), its cost (amber)")
    figure.savefig(IMG / "rule-reserve.png", dpi=120)
    plt.close(figure)


def value_of(rungs: Sequence[Weighed], true: Sequence[Points]) -> float:
    """What the rule brings if it takes `rungs` for what they are, and their verdicts fall as in `true`."""

    @cache
    def value(left: frozenset[int], in_hand: float | None) -> float:
        action = next_action([rungs[i] for i in sorted(left)], in_hand, None)
        if isinstance(action, Stop):
            return in_hand if in_hand is not None else -1.0
        at = next(i for i in left if rungs[i].name == action.reasoner)
        kept = -1.0 if in_hand is None else in_hand
        return sum(w * value(left - {at}, max(q, kept)) for q, w in true[at]) - rungs[at].cost

    return value(frozenset(range(len(rungs))), None)


def threshold_value(rungs: Sequence[Weighed], enough: float) -> float:
    """Cheapest first, until an answer is at least so sure."""
    total, going = 0.0, {-1.0: 1.0}
    for rung in rungs:
        left: dict[float, float] = {}
        for kept, chance in going.items():
            if kept >= enough:
                total += chance * kept
                continue
            total -= chance * rung.cost
            for q, w in rung.points:
                left[max(q, kept)] = left.get(max(q, kept), 0.0) + chance * w
        going = left
    return total + sum(kept * chance for kept, chance in going.items())


def looking() -> None:
    """What a verdict is worth: the rule against routing and against cascades with one threshold."""
    figure, axes = plt.subplots(figsize=(6.8, 3.8), layout="constrained")
    sees = [i / 10 for i in range(31)]
    rule, fixed = [], {0.6: [], 0.8: [], 0.95: []}
    for d in sees:
        rungs = [weighed(name, right, d, cost) for name, (right, _, cost) in LADDER.items()]
        rule.append(value_of(rungs, [r.points for r in rungs]))
        for enough, values in fixed.items():
            values.append(threshold_value(rungs, enough))
    beside = {0.6: (0.03, 0.621), 0.8: (0.54, 0.568), 0.95: (0.4, 0.518)}  # where no line runs
    for (enough, values), dashes in zip(fixed.items(), ("dotted", "dashed", "solid"), strict=True):
        axes.plot(sees, values, color=DIM, linewidth=1.1, linestyle=dashes)
        axes.annotate(f"threshold {enough:g}", beside[enough], color=DIM, fontsize=8)
    axes.axhline(max(right - cost for right, _, cost in LADDER.values()), color=AMBER, linewidth=1)
    axes.annotate("best single rung", (1.9, max(r - c for r, _, c in LADDER.values()) - 0.011), color=AMBER, fontsize=8)
    axes.plot(sees, rule, color=BLUE, linewidth=2)
    axes.annotate("the rule", (0.9, rule[12] + 0.01), color=BLUE)
    axes.set_xlabel("d': how far apart the verdict puts right and wrong answers")
    axes.set_ylabel("value, less costs")
    axes.set_xlim(0, 3.05)
    plain(axes)
    figure.savefig(IMG / "rule-looking.png", dpi=120)
    plt.close(figure)


def climbs() -> None:
    """The reserves of the page's ladder, and two questions on it."""
    figure, axes = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
    rungs = sorted((weighed(n, *of) for n, of in LADDER.items()), key=lambda r: r.reserve)
    for at, rung in enumerate(rungs):
        axes.barh(at, rung.reserve, color=GREY, height=0.5)
        axes.annotate(f"z = {rung.reserve:.2f}", (rung.reserve + 0.005, at + 0.3), color=DIM, fontsize=9)
    axes.set_yticks(range(len(rungs)), [rung.name for rung in rungs])
    first = len(rungs) - 1
    axes.scatter([0.93], [first], color=GREEN, zorder=3)
    told = "one question: 0.93 sure,\nno reserve left is higher: stop"
    axes.annotate(told, (0.96, first - 0.14), color=GREEN, fontsize=8)
    axes.plot([0.30, 0.80], [first, first - 1], color=BLUE, marker="o")
    axes.annotate("another: 0.30 sure,\nclimb on", (0.28, first - 0.14), color=BLUE, fontsize=8, ha="right")
    axes.annotate("0.80 sure: stop", (0.82, first - 1.12), color=BLUE, fontsize=8)
    axes.set_xlim(0, 1.3)  # room for the words; nothing is surer than 1
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.spines["bottom"].set_bounds(0, 1)
    axes.set_xlabel("how sure an answer is, and until where each rung is worth its call")
    plain(axes)
    figure.savefig(IMG / "rule-climb.png", dpi=120)
    plt.close(figure)


def streams() -> None:
    """What is done with a stream, by how sure its beginning looks and how long the rest of it will take."""
    figure, axes = plt.subplots(figsize=(6.8, 3.6), layout="constrained")
    others = [weighed("large", *LARGE)]
    colors = {"drop": AMBER, "hold": GREY, "release": GREEN}
    for step in range(3, 98, 1):
        for half in range(1, 41):
            points = verdict_points(step / 100, MIDDLE[1] * OPEN_SHARE**0.5)
            rest_s = half / 2
            written = Written(points=points, rest_s=rest_s, rest_usd=0.00002 * rest_s, told=True)
            move = commitment(written, others, None, PRICES, None)
            axes.add_patch(plt.Rectangle((step / 100 - 0.005, rest_s - 0.25), 0.0101, 0.501, color=colors[move], lw=0))
    axes.text(0.08, 14, "dropped", color=INK)
    axes.text(0.46, 2, "held on", color=INK)
    axes.text(0.82, 10, "sent", color="white")
    axes.set_xlim(0.025, 0.975)
    axes.set_ylim(0.25, 20)
    axes.set_xlabel("how likely it is right, by what stands so far")
    axes.set_ylabel("seconds until it is whole")
    plain(axes)
    figure.savefig(IMG / "rule-stream.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    IMG.mkdir(exist_ok=True)
    reserves()
    climbs()
    looking()
    streams()
    for name, (right, sees, cost) in LADDER.items():
        print(f"{name}: right {right:.2f}, cost {cost:.2f}, reserve {weighed(name, right, sees, cost).reserve:.3f}")
