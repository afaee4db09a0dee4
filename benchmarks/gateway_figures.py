"""The gateway benchmark's figures: what Rung is against the others, tables, results file and picture."""

from collections.abc import Callable, Mapping
from operator import sub, truediv
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import results

SEED = 0  # nothing is drawn
CONNECTIONS = (1, 16, 64, 256)
SIDES = ("nginx", "bare", "rung", "portkey", "litellm")
OWN = ("nginx", "bare", "rung")
BOTH = ("rung", "bare")
IMAGE = Path(__file__).parent.parent / "docs" / "img" / "gateway.png"

# What was seen round by round; None where a measure gave nothing.
Series = dict[str, list[float | None]]
Known = dict[str, list[float]]


def compared(seen: Mapping[str, list[float | None]]) -> Known:
    """Round by round, Rung against the others. What no round tells is left out."""
    found: Known = {}
    for c in CONNECTIONS:
        for other in SIDES:
            if other != "rung":
                found[f"rps_vs_{other}_c{c}"] = _each(truediv, seen, f"rung_rps_c{c}", f"{other}_rps_c{c}")
                streams = [f"{side}_streams_ps_c{c}" for side in ("rung", other)]
                found[f"streams_vs_{other}_c{c}"] = _each(truediv, seen, *streams)
        found[f"p50_added_ms_c{c}"] = _each(sub, seen, f"rung_p50_ms_c{c}", f"bare_p50_ms_c{c}")
        found[f"p99_added_ms_c{c}"] = _each(sub, seen, f"rung_p99_ms_c{c}", f"bare_p99_ms_c{c}")
        found[f"cpu_vs_bare_c{c}"] = _each(truediv, seen, f"rung_cpu_us_c{c}", f"bare_cpu_us_c{c}")
        tails = {f"{side}_tail": _each(truediv, seen, f"{side}_p99_ms_c{c}", f"{side}_p50_ms_c{c}") for side in BOTH}
        found[f"p99_over_p50_c{c}_vs_bare"] = _each(truediv, tails, "rung_tail", "bare_tail")
    found["exact_hit_vs_bare"] = _each(truediv, seen, "rung_hit_rps", "bare_hit_rps")
    found["stream_first_chunk_added_ms"] = _each(sub, seen, "rung_first_chunk_ms", "bare_first_chunk_ms")
    found["stream_chunk_added_us"] = _each(sub, seen, "rung_chunk_us", "bare_chunk_us")
    return {name: values for name, values in found.items() if values}


def _each(combine: Callable[[float, float], float], seen: Mapping[str, Any], ours: str, theirs: str) -> list[float]:
    pairs = zip(seen.get(ours, ()), seen.get(theirs, ()), strict=False)
    return [combine(a, b) for a, b in pairs if a is not None and b is not None]


def headline(seen: Series) -> str:
    found = compared(seen)
    shown = ("rps_vs_bare_c1", "rps_vs_bare_c16", "rps_vs_bare_c64", "rps_vs_litellm_c16", "rps_vs_portkey_c16")
    names = (*shown, "p50_added_ms_c1", "exact_hit_vs_bare", "stream_first_chunk_added_ms")
    return ", ".join(f"{name} {median(found[name]):.3g}" for name in names if name in found)


def spread(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    deciles = quantiles(values, n=10, method="inclusive")
    return deciles[0], deciles[-1]


def report(seen: Series, alone: dict[str, float], detail: dict[str, Any]) -> None:
    """Says everything, writes results and picture. `ready_s`, `memory_mb` are Rung's."""
    by_round = compared(seen)
    rounds = max(len(values) for values in seen.values())
    absolute = {name: known for name, values in seen.items() if (known := [v for v in values if v is not None])}
    figures = {name: median(values) for name, values in by_round.items()} | alone
    figures |= {key: figures[f"{key}.rung"] for key in ("ready_s", "memory_ready_mb", "memory_mb")}
    intervals = {name: spread(values) for name, values in by_round.items()}
    for name, value in figures.items():
        low, high = intervals.get(name, (value, value))
        print(f"{name:32} {value:10.3f}   {low:.3f} .. {high:.3f}")
    print(table(absolute, alone))
    for left_out in detail["left_out"]:
        print(f"left out: {left_out}")
    said = {
        "intervals": "10th to 90th percentile of the rounds",
        "medians": {name: round(median(values), 3) for name, values in absolute.items()},
        "rounds": {name: [v and round(v, 3) for v in values] for name, values in seen.items()},
        **detail,
    }
    results.write("gateway", figures, intervals=intervals, detail=said, seed=SEED, n=rounds)
    picture(absolute)


_COLUMNS = {"rps": "requests/s", "streams_ps": "streams/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "cpu_us": "cpu us"}


def table(absolute: Known, alone: Mapping[str, float]) -> str:
    """What each side did, by connections; what was not measured is a dash."""
    lines = []
    for key, title in _COLUMNS.items():
        lines.append(f"\n{title:12}" + "".join(f"{f'c={c}':>12}" for c in CONNECTIONS))
        for side in _present(absolute):
            values = (absolute.get(f"{side}_{key}_c{c}") for c in CONNECTIONS)
            lines.append(f"{side:12}" + "".join(f"{median(v):12,.1f}" if v else f"{'-':>12}" for v in values))
    rest = {"first_chunk_ms": "first chunk ms", "chunk_us": "chunk us"}
    kept = {"ready_s": "ready s", "memory_ready_mb": "MB when ready", "memory_mb": "MB after"}
    lines.append(f"\n{'':12}" + "".join(f"{title:>16}" for title in (*rest.values(), *kept.values())))
    for side in _present(absolute):
        values = [absolute.get(f"{side}_{key}") for key in rest]
        shown = [f"{median(v):16.2f}" if v else f"{'-':>16}" for v in values]
        lines.append(f"{side:12}" + "".join((*shown, *(f"{alone[f'{key}.{side}']:16.1f}" for key in kept))))
    return "\n".join(lines)


def _present(absolute: Known) -> list[str]:
    return [side for side in SIDES if any(name.startswith(f"{side}_") for name in absolute)]


INK, QUIET, RULE, WHOLE = "#1f2933", "#7b8794", "#d9e2ec", "#0b7a75"
_NAMES = {"nginx": "nginx", "bare": "bare Python proxy", "rung": "Rung", "portkey": "Portkey", "litellm": "LiteLLM"}


def picture(absolute: Known) -> None:
    """Requests a second of each side, by connections; the bars are the spread over rounds."""
    import matplotlib as mpl  # noqa: PLC0415  heavy, and only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, 2, figsize=(9.4, 4.2), dpi=160, sharey=True)
    for axes, key, title in zip(panels, ("rps", "streams_ps"), ("whole answers", "streams"), strict=True):
        for side in _present(absolute):
            _curve(axes, side, {c: absolute[name] for c in CONNECTIONS if (name := f"{side}_{key}_c{c}") in absolute})
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.set_xticks(range(len(CONNECTIONS)), [str(c) for c in CONNECTIONS])
        axes.set_xlim(-0.3, len(CONNECTIONS) + 0.6)
        axes.set_title(title, loc="left", color=INK, fontsize=12)
        axes.set_xlabel("connections", color=INK)
        axes.grid(visible=True, which="major", axis="y", color=RULE, linewidth=0.8)
        axes.tick_params(colors=INK, which="both", length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    panels[0].set_ylabel("answers a second (log)", color=INK)
    figure.tight_layout()
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGE)
    plt.close(figure)


def _curve(axes: Any, side: str, by_connections: Mapping[int, list[float]]) -> None:
    if not by_connections:
        return
    ours = side == "rung"
    at = [CONNECTIONS.index(c) for c in by_connections]
    middle = [median(values) for values in by_connections.values()]
    ends = [spread(values) for values in by_connections.values()]
    axes.errorbar(
        at,
        middle,
        yerr=[
            [m - low for m, (low, _) in zip(middle, ends, strict=True)],
            [high - m for m, (_, high) in zip(middle, ends, strict=True)],
        ],
        color=WHOLE if ours else QUIET,
        marker="D" if ours else "o",
        markersize=6 if ours else 5,
        linewidth=2.2 if ours else 1.3,
        elinewidth=1.0,
        zorder=3 if ours else 2,
    )
    axes.annotate(
        _NAMES[side],
        (at[-1], middle[-1]),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        color=WHOLE if ours else INK,
        fontsize=10,
        fontweight="bold" if ours else "normal",
    )
