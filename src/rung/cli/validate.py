"""`rung validate`: every problem of a config at once."""

import os.path
from pathlib import Path

import typer

from rung.cli.options import JsonOption, write_json
from rung.config import Config, load_config
from rung.config.schema import FunctionConfig, LocalConfig
from rung.errors import ConfigError, WeightsError
from rung.reasoners.local.weights import named


def validate(
    file: Path | None = typer.Argument(None, help="The file; ./rung.yaml if not given.", show_default=False),
    as_json: JsonOption = False,
) -> None:
    """Check a rung.yaml, and name every problem in it.

    Exit code 1 if there is one.
    """
    source = file or Path("rung.yaml")
    built_in = file is None and not source.exists()
    problems: list[str] = []
    config: Config | None = None
    try:
        config = load_config(file)
        problems = [*weights_problems(config, str(source)), *file_problems(config, str(source))]
    except ConfigError as error:
        problems = error.message.splitlines()
    if as_json:
        write_json({"ok": not problems, "file": None if built_in else str(source), "problems": problems})
    else:
        _tell(source, built_in, config, problems)
    raise typer.Exit(1 if problems else 0)


def weights_problems(config: Config, source: str) -> list[str]:
    """Names of local models that Rung does not know: the config room cannot know them either."""
    problems = []
    for name, entry in config.reasoners.items():
        if isinstance(entry, LocalConfig) and entry.model is not None:
            try:
                named(entry.model)
            except WeightsError as error:
                problems.append(f"{source}: reasoners.{name}.model: {error.message}")
    return problems


def file_problems(config: Config, source: str) -> list[str]:
    """Code and weights of one's own, or an artefact, that are not there. None is opened here; `rung doctor` loads
    them."""
    files = {}
    for name, entry in config.reasoners.items():
        if isinstance(entry, FunctionConfig) and ".py:" in entry.call:
            files[f"reasoners.{name}.call"] = entry.call.rpartition(":")[0]
        if isinstance(entry, LocalConfig) and entry.path is not None:
            files[f"reasoners.{name}.path"] = str(entry.path)
    if config.estimates.artefact is not None:
        files["estimates.artefact"] = str(config.estimates.artefact)
    return [f"{source}: {where}: there is no file {f}" for where, f in files.items() if not os.path.isfile(f)]


def _tell(source: Path, built_in: bool, config: Config | None, problems: list[str]) -> None:
    for problem in problems:
        typer.echo(problem, err=True)
    if problems or config is None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        typer.echo(f"{count} in {source}; docs/reference/config.md says what may stand where.", err=True)
        return
    ladder = ", ".join(config.reasoners)
    if built_in:
        typer.echo(f"There is no rung.yaml here, so the built-in ladder serves: {ladder}.")
        typer.echo("`rung init` writes a file to start from.")
    else:
        typer.echo(f"{source} is fine. The ladder: {ladder}.")
