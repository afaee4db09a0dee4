"""Puts the commands together; each is registered by its own file."""

import typer

from rung.cli import models

app = typer.Typer(
    name="rung",
    help="One endpoint in front of many reasoners: each request is answered on the lowest rung that gets it right.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app, name="models")


def main() -> None:
    app()
