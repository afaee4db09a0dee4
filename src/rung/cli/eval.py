"""`rung eval`: what is learned from outcomes, and what it is worth."""

from pathlib import Path
from typing import Annotated

import typer

from rung.cli.options import EMBEDDING, JsonOption, artefact_option, picture_option


def evaluate(
    outcomes: Annotated[
        Path,
        typer.Option(
            help="Parquet or csv: `question`, and `score|NAME` for each reasoner; `usd|NAME` and so on may follow."
        ),
    ],
    out: Annotated[Path | None, artefact_option("the artefact that `serve` uses.")] = None,
    picture: Annotated[Path | None, picture_option("frontier and learning curve")] = None,
    curve: Annotated[
        bool, typer.Option("--curve/--no-curve", help="Whether to say what more outcomes would bring.")
    ] = True,
    embedding: Annotated[bool, typer.Option("--embedding", help=EMBEDDING)] = False,
    as_json: JsonOption = False,
) -> None:
    """Learn from outcomes how likely each reasoner is right, say what that is worth, and write it for `serve`.

    Every question is judged by a model that has not seen it. Nothing is called.
    """
    from rung.cli import learn  # noqa: PLC0415  needs numpy, which the help does not

    learn.evaluate(outcomes, out=out, picture=picture, curve=curve, embedding=embedding, as_json=as_json)
