"""`rung models`: the model files that Rung knows by name, and getting them before they are needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from rung.cli.options import ConfigOption, JsonOption, write_json
from rung.clock import RealClock
from rung.config import Config, load_config
from rung.config.schema import LocalConfig
from rung.errors import ConfigError
from rung.reasoners.local import weights
from rung.reasoners.local.catalogue import ENCODERS, FILES, File
from rung.reasoners.local.progress import Progress, Watch, unwatched

app = typer.Typer(help="List the model files that Rung knows, or get them.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the model files that Rung knows by name, and which of them are here."""
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    folder = _folder(load_config(config))
    rows = [_row(file, folder) for file in FILES.values()]
    if as_json:
        write_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "MB", "licence", "here", "what"):
        table.add_column(title, justify="right" if title == "MB" else "left", no_wrap=title == "name")
    for row in rows:
        table.add_row(row["name"], str(row["size_mb"]), row["licence"], "yes" if row["path"] else "no", row["about"])
    console = Console()
    console.print(table)
    console.print(f"Kept in {folder}. Get one with `rung models get NAME`.", soft_wrap=True)


@app.command()
def get(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Which; those that the config uses if not given.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get model files now; a download that was broken off goes on where it was."""
    settings = load_config(config or context.obj)
    folder = _folder(settings)
    wanted = [file for name in names or _used(settings) for file in _files(name)]
    if not wanted and not as_json:
        Console().print("The config uses no model by name: there is nothing to get.", highlight=False)
    paths: list[dict[str, str]] = []
    for file in wanted:
        with bar(file) as watch:
            path = weights.obtain(file, folder, watch)
        paths.append({"name": file.name, "path": str(path)})
        if not as_json:
            Console().print(f"{file.name}: {path}", soft_wrap=True, highlight=False)
    if as_json:
        write_json(paths)


def _folder(config: Config) -> Path:
    assert config.models_dir is not None, "load_config fills it in"
    return config.models_dir


def _used(config: Config) -> list[str]:
    named = {r.model for r in config.reasoners.values() if isinstance(r, LocalConfig) and r.model}
    if config.estimates.artefact is not None:
        try:
            from rung.estimators.artefact import load  # noqa: PLC0415  numpy is heavy, and an extra
        except ImportError as error:
            raise ConfigError("estimates.artefact needs numpy: pip install 'rung[learn]'") from error
        named |= {load(config.estimates.artefact)[1].embedding} - {""}
    return sorted(named)


def _files(name: str) -> tuple[File, ...]:
    return ENCODERS[name].files if name in ENCODERS else (weights.named(name),)


def _row(model: File, folder: Path) -> dict[str, Any]:
    found = weights.find(model, folder, unwatched())
    return {
        "name": model.name,
        "about": model.about,
        "licence": model.licence,
        "size_bytes": model.size_bytes,
        "size_mb": model.size_mb,
        "sha256": model.sha256,
        "path": str(found) if found else None,
    }


@contextmanager
def bar(model: File) -> Iterator[Watch]:
    """Shows progress on standard error, so that standard output can be read by a program."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(f"looking for {model.name}", total=model.size_bytes)

        def show(progress: Progress) -> None:
            what = f"{progress.doing} {progress.model}" if progress.doing != "waiting" else str(progress).split(":")[0]
            bars.update(task, description=what, completed=progress.done_bytes, total=progress.total_bytes)

        yield Watch(RealClock(), show)
