import asyncio
import json
import os
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from rung.cli import checks
from rung.config import Config, parse_config
from rung.config.schema import EndpointConfig, LocalConfig
from rung.sandbox import Isolation, Jail


def config_of(**rest: object) -> Config:
    return parse_config({"reasoners": {"calc": {"kind": "symbolic"}}, **rest}, source="f")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def listing(aiohttp_reply: web.Response) -> AsyncIterator[str]:
    app = web.Application()

    async def models(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer right":
            return web.Response(status=401)
        return aiohttp_reply

    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("key", "model", "body", "level", "found"),
    [
        ("right", "m", {"data": [{"id": "m"}]}, "ok", "has m"),
        ("right", "g", {"data": [{"id": "models/g"}]}, "ok", "has g"),
        ("right", "other", {"data": [{"id": "m"}]}, "warn", "does not list other"),
        ("right", "m", {"models": []}, "warn", "not as OpenAI's API does"),
        ("wrong", "m", {}, "fail", "refuses the key (401)"),
    ],
)
async def test_an_endpoint_that_answers(
    session: aiohttp.ClientSession, key: str, model: str, body: dict[str, object], level: str, found: str
) -> None:
    async for url in listing(web.json_response(body)):
        entry = EndpointConfig.model_validate({"kind": "endpoint", "base_url": url, "model": model, "api_key": key})
        (check,) = [await one for one in checks.endpoint("cloud", entry, session)]
    assert check.level == level
    assert found in check.found


async def test_an_endpoint_that_lists_no_models_may_be_asked_a_question(session: aiohttp.ClientSession) -> None:
    async for url in listing(web.Response(status=404)):
        entry = EndpointConfig.model_validate(
            {"kind": "endpoint", "base_url": url, "model": "m", "api_keys": ["right", "wrong"]}
        )
        first, second = [await one for one in checks.endpoint("cloud", entry, session)]
    assert (first.level, second.level) == ("warn", "fail")
    assert first.todo == "ask it something: `rung chat -m cloud`"


async def test_an_endpoint_that_is_not_there(session: aiohttp.ClientSession) -> None:
    entry = EndpointConfig(kind="endpoint", base_url="http://me:hidden@127.0.0.1:1/v1?key=hidden", model="m")
    (check,) = [await one for one in checks.endpoint("cloud", entry, session)]
    assert check.level == "fail"
    assert "hidden" not in check.found
    assert check.todo


async def test_an_endpoint_that_speaks_no_http(session: aiohttp.ClientSession) -> None:
    async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(gibberish, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1?key=hidden"
        entry = EndpointConfig(kind="endpoint", base_url=url, model="m")
        (check,) = [await one for one in checks.endpoint("cloud", entry, session)]
    assert check.level == "fail"
    assert "Bad status line" in check.found
    assert "hidden" not in check.found


async def test_each_address_and_key_is_asked(session: aiohttp.ClientSession) -> None:
    async for url in listing(web.json_response({"data": [{"id": "m"}]})):
        entry = EndpointConfig.model_validate(
            {"kind": "endpoint", "base_urls": [url, "http://127.0.0.1:1/v1"], "model": "m", "api_keys": ["right", "no"]}
        )
        found = [await one for one in checks.endpoint("cloud", entry, session)]
    assert [(check.what, check.level) for check in found] == [
        ("cloud, key 1", "ok"),
        ("cloud, key 2", "fail"),
        ("cloud, key 1", "fail"),
        ("cloud, key 2", "fail"),
    ]


async def test_an_endpoint_that_is_silent(session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_ENDPOINT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        entry = EndpointConfig(kind="endpoint", base_url=url, model="m")
        (check,) = [await one for one in checks.endpoint("cloud", entry, session)]
    assert check.level == "fail"
    assert "did not answer" in check.found


async def test_a_port_that_is_taken_by_another(session: aiohttp.ClientSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        other.close()
        check = await checks.port(config_of(server={"port": taken}), session)
        assert check.level == "ok"
    async for url in listing(web.Response()):
        number = int(url.split(":")[2].split("/")[0])
        check = await checks.port(config_of(server={"port": number}), session)
    assert check.level == "fail"
    assert "--port" in check.todo


def test_a_door_that_would_stay_shut() -> None:
    assert checks.door(config_of(server={"host": "0.0.0.0"})).level == "fail"
    assert checks.door(config_of(server={"host": "0.0.0.0", "open": True})).level == "ok"
    assert checks.door(config_of()).level == "ok"


def test_the_ledgers_place(place: Path) -> None:
    fresh = place / "a" / "b" / "ledger.db"
    check = checks.ledger(config_of(ledger={"path": str(fresh)}))
    assert check.level == "ok"
    assert not fresh.parent.exists()


def test_a_ledger_that_is_none(place: Path) -> None:
    path = place / "x.db"
    path.write_bytes(b"no database at all, but long enough to be looked at " * 20)
    assert checks.ledger(config_of(ledger={"path": str(path)})).level == "fail"
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE other (a)")
    check = checks.ledger(config_of(ledger={"path": str(path)}))
    assert check.level == "fail"
    assert "another program's" in check.found


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(place: Path) -> None:
    shut = place / "shut"
    shut.mkdir(mode=0o500)
    assert checks.ledger(config_of(ledger={"path": str(shut / "ledger.db")})).level == "fail"


def model_check(place: Path, entry: LocalConfig) -> checks.Check:
    config = config_of(models_dir=str(place / "models")).model_copy(update={"reasoners": {"fast": entry}})
    ((check, _, _),) = checks.models(config)
    return check


def test_what_estimates_are_learned_from(place: Path, outcomes: Path, run) -> None:
    assert checks.estimates(config_of()) is None
    assert run("eval", "--outcomes", str(outcomes), "--out", "learned.rung", "--no-curve").exit_code == 0
    learned = config_of(
        reasoners={name: {"kind": "symbolic"} for name in ("small", "all")},
        estimates={"artefact": str(place / "learned.rung")},
    )
    check = checks.estimates(learned)
    assert check is not None
    assert check.level == "ok"
    assert "small (" in check.found
    (place / "learned.rung").write_text("hello")
    check = checks.estimates(learned)
    assert check is not None
    assert check.level == "fail"
    assert "is no artefact" in check.found


def test_a_model_that_is_not_here_yet(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = LocalConfig(kind="local", model="smollm2-135m-instruct")
    check = model_check(place, entry)
    assert check.level == "warn"
    assert "rung models get smollm2-135m-instruct" in check.todo
    monkeypatch.setattr(checks, "_SPARE_BYTES", 10**18)
    assert model_check(place, entry).level == "fail"


def test_a_file_of_ones_own(place: Path) -> None:
    path = place / "own.gguf"
    assert model_check(place, LocalConfig(kind="local", path=path)).level == "fail"
    path.write_bytes(b"GGUF....")
    assert model_check(place, LocalConfig(kind="local", path=path)).level == "ok"
    assert checks.memory(path).level in {"ok", "warn"}


async def test_llama_cpp_says_why_it_cannot_load(place: Path) -> None:
    path = place / "own.gguf"
    path.write_bytes(b"GGUF....")
    check = await checks.llama_cpp(LocalConfig(kind="local", path=path), path)
    assert check.level == "fail"
    assert check.todo


def test_code_of_ones_own_is_loaded(place: Path, run) -> None:
    (place / "mine.py").write_text("async def answer(messages): ...")
    (place / "rung.yaml").write_text("reasoners: {mine: {kind: function, call: 'mine.py:answer'}}\nserver: {port: 0}")
    assert "ok   mine:" in run("doctor").output
    (place / "rung.yaml").write_text("reasoners: {mine: {kind: function, call: 'mine.py:other'}}\nserver: {port: 0}")
    result = run("doctor")
    assert result.exit_code == 1
    assert "has no `other`" in result.output


def test_a_ledger_in_a_folder_of_somebody_elses(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    config = config_of(ledger={"path": str(place / "theirs" / "l.db")})
    monkeypatch.setattr(Path, "stat", forbidden)
    check = checks.ledger(config)
    assert check.level == "fail"
    assert "Permission denied" in check.found


def test_llama_cpp_that_is_not_installed(place: Path, monkeypatch: pytest.MonkeyPatch, run) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    (place / "own.gguf").write_bytes(b"GGUF....")
    (place / "rung.yaml").write_text("reasoners: {own: {kind: local, path: own.gguf}}\nserver: {port: 0}")
    result = run("doctor")
    assert result.exit_code == 1
    assert "fail llama.cpp: is not installed" in result.output
    assert "pip install 'rung[local]'" in result.output


def test_the_whole_with_a_wrong_config(place: Path, run) -> None:
    (place / "rung.yaml").write_text("reasoners: {calc: {kind: symbolic}}\nserver: {prot: 1}")
    result = run("doctor")
    assert result.exit_code == 1
    assert "fail config: rung.yaml: server.prot: unknown key; did you mean `port`?" in result.output


def test_the_whole_with_a_right_one(place: Path, run) -> None:
    (place / "rung.yaml").write_text("reasoners: {calc: {kind: symbolic}}\nserver: {port: 0}")
    result = run("doctor", "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 0
    assert said["ok"]
    assert [c["what"] for c in said["checks"]] == ["Python", "config", "door", "ledger", "port"]


@pytest.mark.parametrize(
    ("isolation", "allowed", "level", "found"),
    [
        (Isolation(), False, "ok", "isolated"),
        (Isolation(seccomp="not built in"), False, "warn", "seccomp: not built in"),
        (Isolation(seccomp="not built in"), True, "warn", "cannot be isolated"),
    ],
)
async def test_whether_code_can_be_isolated(
    monkeypatch: pytest.MonkeyPatch, isolation: Isolation, allowed: bool, level: str, found: str
) -> None:
    async def seen(self: Jail) -> Isolation:
        return isolation

    monkeypatch.setattr(Jail, "isolation", seen)
    local = {"kind": "local", "model": "smollm2-135m-instruct"}
    coder = {"kind": "code", "of": "small", "allow_unisolated": allowed}
    (check,) = await checks.sandbox(parse_config({"reasoners": {"small": local, "coder": coder}}, source="f"))
    assert check.level == level
    assert found in check.found
    assert ("allow_unisolated" in check.todo) == (level == "warn")
    assert await checks.sandbox(config_of()) == []
