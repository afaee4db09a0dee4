"""Puts the commands together, and turns what goes wrong into a message and an exit code."""

import sys

import typer

from rung.cli import models
from rung.cli.serve import serve
from rung.errors import RungError

app = typer.Typer(
    name="rung",
    help="One endpoint in front of many reasoners: each request is answered on the lowest rung that gets it right.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.add_typer(models.app, name="models")


def main() -> None:
    """Exit codes: 0 fine, 1 the thing asked about is not so, 2 wrong usage."""
    try:
        app()
    except RungError as error:
        print(f"rung: {error.message}", file=sys.stderr)  # noqa: T201  the command line speaks to people
        sys.exit(1)
