"""`rung simulate`: what a ladder would make of recorded arrivals."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from rung.cli.options import ConfigOption, JsonOption, draw, picture_option, write_json
from rung.config import load_config
from rung.simulate.experiment import Experiment, Result, experiment
from rung.simulate.plot import plot
from rung.simulate.report import Row


def simulate(
    trace: Annotated[
        Path,
        typer.Option(help="Csv with arrival_s,prompt_tokens,completion_tokens, or Azure's csv, or Mooncake's jsonl."),
    ],
    config: ConfigOption = None,
    load: Annotated[float, typer.Option(min=0.01, max=1000, help="Times what the ladder can do.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    as_json: JsonOption = False,
    picture: Annotated[Path | None, picture_option("what each class and lane got")] = None,
) -> None:
    """Replay recorded arrivals through the real lanes and the real rule, with modelled reasoners, in virtual time.

    Nothing is called. Arrivals keep their rhythm, and are stretched or squeezed to the load that is asked for.
    """
    result = experiment(load_config(config), Experiment(trace=trace, load=load, seed=seed))
    if picture is not None:
        draw(lambda path: plot(result.outcomes, path), picture)
    if as_json:
        write_json(_json(result))
    else:
        _show(result, _console())


def _json(result: Result) -> dict[str, Any]:
    return {
        "load": result.load,
        "requests": len(result.outcomes),
        "virtual_s": result.virtual_s,
        "real_s": result.real_s,
        "speedup": result.speedup,
        "goodput": result.goodput,
        "tables": {name: [msgspec.to_builtins(row) for row in rows] for name, rows in result.tables.items()},
    }


def _console() -> Console:
    """Wide enough for the tables: a terminal that is not wraps their lines, and no column loses its end."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _WIDTH)
    return console


def _show(result: Result, console: Console) -> None:
    for name, rows in result.tables.items():
        console.print(_table(name, rows))
        console.print()
    count = len(result.outcomes)
    asked = "1 request" if count == 1 else f"{count} requests"
    if result.goodput is None:
        console.print(f"{asked}, all at the same moment: no load can be made of these.")
    else:
        console.print(
            f"{asked} at {result.load:g} times what the ladder can do; until the last had come, "
            f"{result.goodput:.0%} of that went into answers that were there and met their deadlines."
        )
    console.print(
        f"{result.virtual_s:.0f} s were replayed in {result.real_s:.1f} s: {result.speedup:.0f} times real time."
    )


_WIDTH = 120
_COUNTS = ("requests", "answered", "met", "refused", "unfit", "late", "failed", "right")


def _table(name: str, rows: list[Row]) -> Table:
    table = Table(name, *_COUNTS, "p50 s", "p99 s", "tokens", "wasted", box=None, padding=(0, 1, 0, 0))
    for column in table.columns:
        column.justify = "left" if column.header == name else "right"
        column.no_wrap, column.overflow = True, "ignore"
    for row in rows:
        table.add_row(
            row.name,
            *(str(getattr(row, count)) for count in _COUNTS),
            "" if row.p50_s is None else f"{row.p50_s:.1f}",
            "" if row.p99_s is None else f"{row.p99_s:.1f}",
            str(row.tokens),
            str(row.wasted_tokens),
        )
    return table
