"""What several commands share."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from rung.errors import BadRequest, ConfigError

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="A rung.yaml; ./rung.yaml or the built-in ladder if not given."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="`auto`, or a reasoner's name to ask it alone.")]
UrlOption = Annotated[
    str | None,
    typer.Option(
        help="A Rung that serves, its API key in RUNG_API_KEY; else the one at the config's address, if there is one."
    ),
]
EMBEDDING = (
    "Also learn from what questions mean, by a small sentence encoder (23 MB, fetched once): righter chances, and some "
    "milliseconds a decision."
)


def _in_a_folder(path: Path | None) -> Path | None:
    """Told before the work is done, not after."""
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    return path


def _drawable(path: Path | None) -> Path | None:
    if path is not None and path.suffix not in {".png", ".svg"}:
        raise typer.BadParameter(f"{path} ends neither in .png nor in .svg")
    return _in_a_folder(path)


def _no_folder(path: Path | None) -> Path | None:
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder")
    return _in_a_folder(path)


def artefact_option(about: str) -> Any:
    return typer.Option("--out", callback=_no_folder, help=f"Where to write {about}")


def picture_option(of: str) -> Any:
    return typer.Option("--plot", callback=_drawable, help=f"Where to draw {of} (.png, .svg); needs matplotlib.")


def draw(save: Callable[[Path], None], path: Path) -> None:
    """Raises ConfigError where the file cannot be written."""
    try:
        save(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


class PresetName(StrEnum):
    economy = "economy"
    balanced = "balanced"
    best = "best"


PresetOption = Annotated[
    PresetName | None, typer.Option("--preset", "-p", help="What quality is worth; the server's own if not given.")
]


def text(question: str) -> str:
    """The question, of which a terminal in another encoding than UTF-8 may have left halves of characters. Raises
    BadRequest."""
    try:
        question.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("the question is not in UTF-8: set your terminal, or the file, to it") from error
    return question


def api_key() -> str | None:
    """The key for a Rung that serves elsewhere: no option, which a process list would show."""
    return os.environ.get("RUNG_API_KEY")


def percent(prob: float) -> str:
    """Nothing is certain that is not 1."""
    return "over 99%" if 0.995 <= prob < 1 else f"{prob:.0%}"


def url_of(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def write_json(value: Any) -> None:
    """One line, complete and machine-readable, in UTF-8 whatever the terminal has; Structs become objects."""
    typer.echo(msgspec.json.encode(value))
