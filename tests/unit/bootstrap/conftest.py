"""Rungs over a scripted server on the loopback, and answers that wait until a test lets them go."""

import asyncio

import pytest

from rung.bootstrap import Rung
from rung.config import parse_config
from rung.errors import NotReady
from rung.reasoners.endpoint import Endpoint


class Gate:
    """An act of the upstream that answers once `open` is set."""

    def __init__(self, upstream):
        self.open = asyncio.Event()
        self._says = upstream.says("let through")

    async def act(self, received):
        await self.open.wait()
        return await self._says(received)


@pytest.fixture
def config_of(upstream, tmp_path):
    """A config whose reasoners are endpoints at `upstream`, each with the fields given, unless these name a kind."""

    def make(reasoners, **rest):
        entry = {"kind": "endpoint", "base_url": upstream.base_url, "model": "m"}
        entries = {name: fields if "kind" in fields else {**entry, **fields} for name, fields in reasoners.items()}
        ledger = {"path": str(tmp_path / "ledger.sqlite")}
        return parse_config({"reasoners": entries, "ledger": ledger, **rest}, source="test", env={})

    return make


@pytest.fixture
def gate(upstream):
    return Gate(upstream)


@pytest.fixture
async def rung_of(config_of):
    made = []

    async def start(reasoners, **rest):
        made.append(Rung(config_of(reasoners, **rest)))
        await made[-1].start()
        return made[-1]

    yield start
    for rung in made:
        await rung.close()


@pytest.fixture
def closed(monkeypatch):
    """The names of the leaves that were closed, in order."""
    names, whole = [], Endpoint.close

    async def close(self):
        names.append(self.name)
        await whole(self)

    monkeypatch.setattr(Endpoint, "close", close)
    return names


@pytest.fixture
def broken(monkeypatch):
    """Endpoints named `broken` cannot be started."""
    whole = Endpoint.start

    async def start(self):
        await whole(self)
        if self.name == "broken":
            raise NotReady("no socket is left")

    monkeypatch.setattr(Endpoint, "start", start)
