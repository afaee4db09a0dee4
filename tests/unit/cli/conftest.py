"""A place of one's own for each test, and a ladder that answers at once: a function of the user's."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from typer.testing import CliRunner, Result

from rung.cli.app import app
from rung.cli.offers import VARIABLES
from tests.unit.estimators.conftest import made

OWN_CODE = """\
async def echo(messages):
    said = [m["content"] for m in messages if m["role"] == "user"]
    if "break" in said[-1]:
        raise ValueError
    for word in f"{len(said)}: {said[-1]}".split():
        yield word + " "
"""
OWN_CONFIG = "reasoners: {echo: {kind: function, call: 'own_code:echo', general: true}}\nserver: {port: 0}\n"

Run = Callable[..., Result]


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """`rung serve` runs on uvloop: what is built on the loop's transports is tested on both."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    return factories | {"uvloop": uvloop.new_event_loop} if item.path.name == "test_wire.py" else factories


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, which is also home, and no key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [*VARIABLES, *(name for name in os.environ if name.startswith(("RUNG_", "XDG_")))]:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def own(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rung.yaml whose one reasoner says how many questions there were, and repeats the last."""
    (place / "own_code.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(place)
    path = place / "own.yaml"
    path.write_text(OWN_CONFIG)
    return path


@pytest.fixture
def run() -> Run:
    """Runs a command; what it raises on purpose, RungErrors, is in `exception`: `main` makes messages of them."""

    def invoke(*args: str, stdin: str | bytes = "", **more: Any) -> Result:
        return CliRunner().invoke(app, list(args), input=stdin, **more)

    return invoke


@pytest.fixture
def outcomes(place: Path) -> Path:
    """Of `made` reasoners, as a file."""
    known = made(160)
    rows = [
        f"{question},{small:g},{everything:g},{sums:g},0.1,1,0.5"
        for question, (small, everything, sums) in zip(known.questions, known.scores.tolist(), strict=True)
    ]
    head = "question,score|small,score|all,score|sums,usd|small,usd|all,usd|sums"
    path = place / "outcomes.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path
