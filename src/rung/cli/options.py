"""What several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="A rung.yaml; ./rung.yaml or the built-in ladder if not given."),
]
