"""What `rung eval` and `rung replay --out` learn from outcomes, what it is worth, and the artefact of it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

import rung
from rung.cli.options import draw, write_json
from rung.errors import ConfigError

# Read when numpy is first imported. Threads of factorisations so small wait for each other by spinning: beside a model
# that answers, all took three times as long as by one thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
try:
    import numpy as np
    import scipy.sparse  # noqa: F401  asked for here, so that nothing is found missing half way
except ImportError as error:
    raise ConfigError("learning from outcomes needs numpy and scipy: pip install 'rung[learn]'") from error

from rung.cli.embedded import ENCODER, embedded
from rung.estimators.artefact import FORMAT, About, save
from rung.estimators.evaluate import Frontier, Report, across, learning_curve, report
from rung.estimators.figures import calibration_error, score_at
from rung.estimators.outcomes import LEAST, Outcomes, different, read_outcomes
from rung.estimators.stack import Model, fit

# Of columns that were not used: an embedding may be a thousand of them.
_NAMED = 20


def evaluate(
    outcomes: Path, *, out: Path | None, picture: Path | None, curve: bool, embedding: bool, as_json: bool
) -> None:
    """Raises ConfigError."""
    known = read_outcomes(outcomes)
    if (whole := _whole(known)) < LEAST:
        raise ConfigError(
            f"{outcomes}: {whole} questions are scored for every reasoner; at least {LEAST} are needed to say what "
            "routing between them is worth"
        )
    if embedding:
        known = embedded(known, None)
    rng = np.random.default_rng(0)
    right = across(known, rng)
    model = fit(known, rng)
    result = report(known, model, right, learning_curve(known, rng) if curve else (), rng)
    if picture is not None:
        draw(lambda path: _plot(result, path), picture)
    if out is not None:
        save(out, model, _about(known, model, _metrics(result)))
    if as_json:
        write_json(result)
    else:
        _show(result, known, Console(highlight=False, soft_wrap=True), out)


def learn(known: Outcomes, out: Path, console: Console) -> None:
    """The same for outcomes with gaps, as a ladder leaves them. What routing is worth is told by questions that every
    reasoner answered, if there are enough."""
    rng = np.random.default_rng(0)
    right, model = across(known, rng), fit(known, rng)
    if _whole(known) >= LEAST:
        result = report(known, model, right, learning_curve(known, rng), rng)
        save(out, model, _about(known, model, _metrics(result)))
        console.print("A ladder asks all of its rungs what it is not sure of: such questions are harder than most.")
        _show(result, known, console, out)
        return
    error = calibration_error(right, known.scores)
    save(out, model, _about(known, model, {"calibration_error": error}))
    console.print(f"{len(known.questions):,} questions, {len(known.reasoners)} reasoners, each judged unseen:")
    console.print(f"  calibration error {error:.3f}")
    console.print("What routing by these estimates is worth is not known: too few questions were answered by all.")
    _show_written(out, console)


def _whole(known: Outcomes) -> int:
    """How many different questions every reasoner was asked."""
    asked = np.flatnonzero(~np.isnan(known.scores).any(1))
    return different([known.questions[at] for at in asked])


def _about(outcomes: Outcomes, model: Model, metrics: dict[str, float]) -> About:
    return About(
        format=FORMAT,
        rung=rung.__version__,
        made=datetime.now(UTC).date().isoformat(),
        data=outcomes.digest(),
        outcomes=len(outcomes.questions),
        reasoners=outcomes.reasoners,
        bases=tuple(model.bases),
        metrics=metrics,
        embedding="" if outcomes.embedded is None else ENCODER,
    )


def _metrics(result: Report) -> dict[str, float]:
    return {
        "best_score": result.best_score,
        "routed_score": result.routed_score,
        "gain_low": result.gain[1],
        "gain_high": result.gain[2],
        "gap_closed": result.gap_closed,
        "calibration_error": result.calibration_error,
    }


def _show(result: Report, outcomes: Outcomes, console: Console, out: Path | None) -> None:
    if outcomes.ignored:
        more = f" and {len(outcomes.ignored) - _NAMED:,} more" if len(outcomes.ignored) > _NAMED else ""
        named = ", ".join(outcomes.ignored[:_NAMED])
        console.print(f"Columns that were not used: {named}{more}.\n", markup=False)
    gain, low, high = result.gain
    console.print(
        f"{result.questions:,} questions, {len(result.reasoners)} reasoners, each judged unseen (95% intervals):"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_row(f"best single reasoner, {result.best}", f"{result.best_score:.3f}")
    table.add_row("the likeliest right, by these estimates", f"{result.routed_score:.3f}")
    table.add_row("an oracle", f"{result.oracle_score:.3f}")
    table.add_row("gain over the best single", f"{gain:+.3f} ({low:+.3f} to {high:+.3f})")
    error, chance = result.calibration_error, result.chance_error
    table.add_row("calibration error, and by chance alone", f"{error:.3f} ({chance:.3f})")
    console.print(table)
    if result.whole < result.questions:
        console.print(f"Scores are over the {result.whole:,} questions that all were asked.")
    told = ", ".join(f"{name} {shared:.2f} and {own:.2f}" for name, (shared, own) in result.weights.items())
    console.print(f"\nHow much each estimator counts, for how hard and for who: {told or 'none tells anything yet'}.")
    if not any(own for _, own in result.weights.values()):
        console.print("No evidence yet that routing beats the best single reasoner: it is kept for every question.")
    for frontier in result.frontiers:
        _show_frontier(frontier, console)
    _show_curve(result, console)
    if out is not None:
        _show_written(out, console)


def _show_written(out: Path, console: Console) -> None:
    console.print(f"\nWritten: {out}. To serve by it, add to rung.yaml:\n\nestimates:\n  artefact: {out}", markup=False)
    console.print(
        "\nA Rung that serves by it takes a new one up when its config is next applied: save it, or send SIGHUP."
    )


def _unit(frontier: Frontier) -> str:
    return "USD" if frontier.unit == "usd" else str(frontier.unit)


def _show_frontier(frontier: Frontier, console: Console) -> None:
    console.print(f"\nWhat routing reaches for its cost, in {_unit(frontier)} a question:")
    table = Table("cost", "score", "single reasoners, mixed", box=None, padding=(0, 2, 0, 0))
    for place in frontier.routed[:: max(1, len(frontier.routed) // 8)]:
        single = score_at(frontier.singles, place.cost)
        table.add_row(f"{place.cost:.6g}", f"{place.score:.3f}", f"{single:.3f}")
    console.print(table)
    if frontier.cost_at_best is not None:
        best = frontier.singles[-1].cost
        share = f", {frontier.cost_at_best / best:.0%} of its cost" if best else ""
        console.print(f"The score of the best single reasoner is reached for {frontier.cost_at_best:.6g}{share}.")


def _show_curve(result: Report, console: Console) -> None:
    if not result.curve:
        return
    console.print("\nGain over the best single reasoner by outcomes learned from (± over three draws):")
    for point in result.curve:
        console.print(f"  {point.outcomes:>6,}  {point.gain:+.3f} ± {point.deviation:.3f}")
    if result.doubled is not None:
        console.print(f"Twice as many outcomes would add about {result.doubled:.3f}.")


def _plot(result: Report, path: Path) -> None:
    """Raises ConfigError where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  heavy, and only wanted for pictures
    except ImportError as error:
        raise ConfigError("--plot needs matplotlib: pip install 'rung[learn]'") from error
    bars = 0 if result.frontiers else len(result.reasoners)
    panels = max(len(result.frontiers), 1) + bool(result.curve)
    figure = Figure(figsize=(5 * panels, min(max(4, bars / 5), 100)), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    left = axes[0]
    if not result.frontiers:
        left.barh(result.reasoners, result.scores, color="lightgrey")  # lying, so that long names can be read
        left.invert_yaxis()
        left.axvline(result.routed_score, label="learned")
        left.axvline(result.oracle_score, color="grey", linestyle=":", label="oracle")
        left.set_xlabel("score")
    for frontier, axis in zip(result.frontiers, axes, strict=False):
        axis.plot(*zip(*frontier.routed, strict=True), marker=".", label="learned")
        axis.plot(*zip(*frontier.singles, strict=True), marker="o", linestyle="--", label="single reasoners, mixed")
        axis.axhline(result.oracle_score, color="grey", linestyle=":", label="oracle")
        axis.set_xlabel(f"{_unit(frontier)} a question")
        axis.set_ylabel("score")
        axis.locator_params(axis="x", nbins=5)  # costs are long numbers
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize=9)
    if result.curve:
        _plot_curve(result, axes[-1])
    figure.savefig(path, dpi=130)


def _plot_curve(result: Report, axis: Any) -> None:
    sizes, gains, deviations = zip(*(msgspec.structs.astuple(p) for p in result.curve), strict=True)
    axis.errorbar(sizes, gains, deviations, marker="o", capsize=3)
    axis.set_xscale("log")
    apart = [size for size in sizes if size == sizes[-1] or 1.3 * size < sizes[-1]]
    axis.set_xticks(apart, [f"{size:,}" for size in apart])
    axis.minorticks_off()
    axis.axhline(0, color="grey", linestyle=":")
    axis.set_xlabel("outcomes learned from")
    axis.set_ylabel("gain over the best single reasoner")
