"""`rung init`: a rung.yaml with what is found on this machine."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from rung.bootstrap import Rung
from rung.cli.offers import OLLAMA, VARIABLES, Offer, from_ollama, hosted, ollama_models
from rung.cli.options import JsonOption, write_json
from rung.cli.written import config_text
from rung.clock import RealClock
from rung.config import Config, parse_config
from rung.errors import ConfigError
from rung.types import Option

_TYPICAL = "Explain in a few sentences why the sky is blue."


def init(
    path: Annotated[Path, typer.Option(help="Where to write it.")] = Path("rung.yaml"),
    force: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a rung.yaml with what is found here: API keys, a local Ollama.

    Keys are named in it, never written: they stay in the environment.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name the file in it, as in --path {path / 'rung.yaml'}")
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; say --force to replace it, or --path to write elsewhere")
    offers = [*hosted(os.environ), *from_ollama(ollama_models(*OLLAMA))]
    text = config_text(offers, datetime.fromtimestamp(RealClock().wall(), UTC).date().isoformat())
    config = parse_config(yaml.safe_load(text), source=str(path))
    _write(path, text)
    options = typical_costs(config)
    if as_json:
        costs = {option.reasoner: option.estimate.usd for option in options if option.estimate}
        write_json({"file": str(path), "found": offers, "typical_question": _TYPICAL, "typical_usd": costs})
    else:
        _tell(path, offers, options)


def typical_costs(config: Config) -> list[Option]:
    """What the rule expects of each rung on an ordinary question, in the ladder's order."""
    shown = {option.reasoner: option for option in asyncio.run(Rung(config).explain(_TYPICAL)).options}
    return [shown[name] for name in config.reasoners if name in shown]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; name another place with --path") from error


def _tell(path: Path, offers: list[Offer], options: list[Option]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Wrote {path}.")
    if offers:
        found = {offer.provider: f" ({offer.variable})" if offer.variable else "" for offer in offers}
        console.print("Found: " + ", ".join(f"{name}{where}" for name, where in found.items()) + ".")
    else:
        console.print(f"Found no API key (looked for {', '.join(VARIABLES)}) and no Ollama on port {OLLAMA[1]}.")
    table = Table("rung", "USD for 1000 questions", "seconds each", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for option in options:
        if (e := option.estimate) is not None:
            table.add_row(option.reasoner, f"{e.usd * 1000:.2f}", f"{e.service_s:.1f}")
    console.print(f'\nWhat is expected of each rung on a question like "{_TYPICAL}":')
    console.print(table)
    if any(offer.noted for offer in offers):
        console.print("\nPrices are written down with the month they were read in: check them in the file.")
    console.print("\nNext: `rung serve`, or `rung explain` with a question of yours.")
