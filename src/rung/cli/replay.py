"""`rung replay`: what the scored decisions of the ledger say of today's estimates."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rung.bootstrap import Rung
from rung.cli.options import EMBEDDING, ConfigOption, JsonOption, artefact_option, write_json
from rung.config import load_config
from rung.errors import ConfigError
from rung.ledger import Graded, read_graded
from rung.runtime.replay import Calibration, Mean, Replay, Value, replay


def run(
    config: ConfigOption = None,
    ledger: Annotated[Path | None, typer.Option(help="Another ledger than the config's.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what was said from that day on, UTC.")
    ] = None,
    out: Annotated[
        Path | None,
        artefact_option("an artefact that is learned from them; texts must have been kept."),
    ] = None,
    embedding: Annotated[bool, typer.Option("--embedding", help=f"With --out. {EMBEDDING}")] = False,
    as_json: JsonOption = False,
) -> None:
    """Judge today's estimates by scored decisions: how right they are, and what they would have done.

    Nothing is called. Exit code 1 if there is nothing to judge by.
    """
    wanted = load_config(config)
    path = ledger or wanted.ledger.path
    assert path is not None
    if not path.exists():
        raise ConfigError(f"there is no ledger {path}: Rung makes it when it first serves; name another with --ledger")
    graded = read_graded(path, since_s=since.replace(tzinfo=UTC).timestamp() if since else 0.0)
    found = replay(graded, Rung(wanted).bases)
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    if as_json:
        write_json(found)
    elif found is None:
        console.print(_nothing(graded, path, since), markup=False)
    else:
        _show(found, console)
    if out is not None:
        _learn(graded, out, console, config, embedding=embedding)
    raise typer.Exit(0 if found is not None else 1)


def _nothing(graded: list[Graded], path: Path, since: datetime | None) -> str:
    if not graded and since is not None:
        return f"No decision in {path} was scored from {since:%Y-%m-%d} on, UTC; an earlier --since may find some."
    if not graded:
        return f"No decision in {path} was scored yet: send `decision_id` and `correct` to /v1/feedback."
    return (
        f"{len(graded):,} decisions in {path} were scored, none by a reasoner and an artefact that serve now and that "
        "outcomes move: they move no solver."
    )


def _show(found: Replay, console: Console) -> None:
    left = f" ({found.unknown:,} more say nothing of what serves now)" if found.unknown else ""
    scored = "1 scored decision" if found.decisions == 1 else f"{found.decisions:,} scored decisions"
    console.print(f"{scored}{left}. How right answers were, and how right they were said to be:")
    table = Table(
        "rung", "scored", "right", "as served", "no outcomes", "outcomes before", box=None, padding=(0, 2, 0, 0)
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for share in found.shares:
        chances = (share.score, share.served, share.before, share.online)
        table.add_row(share.reasoner, f"{share.scored:,}", *(f"{chance:.0%}" for chance in chances))
    console.print(table)
    console.print("\nCalibration error, and mean square error, of the verdicts:")
    console.print(f"  as they were served              {_calibration(found.served)}")
    console.print(f"  by today's, without outcomes     {_calibration(found.before)}")
    console.print(f"  moved by the outcomes before     {_calibration(found.online)}")
    console.print(f"Outcomes lower the mean square error by {_mean(found.better, 4)}.")
    _show_choices(found, console)


def _show_choices(found: Replay, console: Console) -> None:
    others = sum(count for *_, count in found.other)
    if not others and found.same is None:
        console.print(
            "\nWhat today's estimates would begin with is known of none: a rung was asked for by name, or "
            "another artefact serves now."
        )
        return
    console.print(f"\nToday's estimates would begin otherwise on {others:,} of these.")
    for began, would, count in found.other[:8]:
        console.print(f"  {count:,} with `{would}` in place of `{began}`", markup=False)
    if found.same is not None:
        console.print(f"On the {found.same.decisions:,} that they would begin alike: {_value(found.same)}.")
    if found.then is not None and found.now is not None and found.gain is not None:
        console.print(f"\nWhere chance had a say, on {found.now.decisions:,} decisions (doubly robust):")
        console.print(f"  as it was          {_value(found.then)}")
        console.print(f"  by today's         {_value(found.now)}")
        console.print(f"  gain in score      {_mean(found.gain, 3, signed=True)}")
    elif others:
        console.print(
            "What would have come of the others is not known, since nothing was left to chance: `estimates.explore` is "
            "what that may cost."
        )


def _calibration(of: Calibration) -> str:
    return f"{of.error:.3f}   {of.brier:.4f}"


def _value(of: Value) -> str:
    return f"score {_mean(of.score, 3)}, {_mean(of.usd, 6)} USD, {_mean(of.seconds, 2)} s"


def _mean(of: Mean, digits: int, *, signed: bool = False) -> str:
    return f"{of.value:{'+' if signed else ''}.{digits}f} ± {of.within:.{digits}f}"


def _learn(graded: list[Graded], out: Path, console: Console, config: Path | None, *, embedding: bool) -> None:
    from rung.cli.embedded import embedded  # noqa: PLC0415  needs numpy, which judging does not
    from rung.cli.learn import learn  # noqa: PLC0415
    from rung.estimators.scored import outcomes_of  # noqa: PLC0415

    console.print()
    known = outcomes_of(graded)
    learn(embedded(known, config) if embedding else known, out, console)
