"""`rung serve` as a user meets it: started, asked, edited, stopped; and the commands that ask it."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

WAIT_S = 60.0
RUNG = (sys.executable, "-c", "from rung.cli import main; main()")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Without keys, proxies and places of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNG_", "XDG_"))}
    return {**kept, "HOME": str(tmp_path), "RUNG_STATE": str(tmp_path / "state"), "COLUMNS": "120"}


async def spawn(*args: str, env: dict[str, str], cwd: Path, stdin: int | None = None) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *RUNG, *args, env=env, cwd=cwd, stdin=stdin or asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )


async def ran(*args: str, env: dict[str, str], cwd: Path, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command that ends by itself."""
    process = await spawn(*args, env=env, cwd=cwd, stdin=asyncio.subprocess.PIPE if stdin is not None else None)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate(stdin.encode() if stdin is not None else None)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class Served:
    """A server that runs, and what it says on standard error, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.url = ""
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            async with self._more:
                self.lines.append(line.decode().rstrip())
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()

    async def says(self, pattern: str, after: int = 0) -> str:
        """The first line from number `after` on that has it, once it is there."""
        found: list[str] = []

        def seen() -> bool:
            found[:] = [line for line in self.lines[after:] if re.search(pattern, line)]
            return bool(found) or self._reading.done()

        async with asyncio.timeout(WAIT_S), self._more:
            await self._more.wait_for(seen)
        assert found, f"ended without saying {pattern}: {self.lines}"
        return found[0]

    async def ended(self) -> int:
        async with asyncio.timeout(WAIT_S):
            code = await self.process.wait()
            await self._reading
        return code

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return await self.ended()


@asynccontextmanager
async def serving(config: Path, env: dict[str, str], *args: str) -> AsyncIterator[Served]:
    process = await spawn("serve", "--config", str(config), "--port", "0", *args, env=env, cwd=config.parent)
    served = Served(process)
    try:
        served.url = re.findall(r"http://\S+:\d+", await served.says("Rung serves on"))[0]
        yield served
    finally:
        if process.returncode is None:
            process.kill()
        await served.ended()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WAIT_S)) as session:
        yield session


@pytest.fixture
def write(tmp_path: Path, upstream: Any) -> Callable[..., Path]:
    """Writes rung.yaml at once, as editors do: `names` are the names of reasoners, all in front of `upstream`."""

    def put(*names: str, **rest: Any) -> Path:
        cloud = {"kind": "endpoint", "base_url": upstream.base_url, "model": "m"}
        reasoners = {name: {"kind": "symbolic"} if name == "calc" else cloud for name in names}
        whole, new = tmp_path / "rung.yaml", tmp_path / "rung.yaml.new"
        new.write_text(yaml.safe_dump({"reasoners": reasoners, **rest}, sort_keys=False))
        return new.replace(whole)

    return put


async def ask(client: aiohttp.ClientSession, url: str, question: str = "Hi", **body: Any) -> tuple[int, Any]:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}], "rung": {"cache": "off"}, **body}
    async with client.post(f"{url}/v1/chat/completions", json=body) as response:
        return response.status, await response.json()


def waits_for(gate: asyncio.Event, then: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def act(received: Any) -> Any:
        await gate.wait()
        return await then(received)

    return act


async def children(pid: int) -> list[int]:
    ps = await asyncio.create_subprocess_exec("ps", "-A", "-o", "pid=,ppid=", stdout=asyncio.subprocess.PIPE)
    out, _ = await ps.communicate()
    pairs = [line.split() for line in out.decode().splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid and int(child) != ps.pid]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_serves_says_what_to_try_and_ends_clean(write, env, client) -> None:
    async with serving(write("calc", "cloud"), env) as served:
        await served.says("All is warm")
        await served.says(f"curl -s {served.url}/v1/chat/completions")
        await served.says(f"rung chat --url {served.url}$")
        status, said = await ask(client, served.url, "What is 15% of 80?")
        assert (status, said["model"]) == (200, "calc")
        assert said["choices"][0]["message"]["content"] == "12"
        status, said = await ask(client, served.url, "Tell me a story.")
        assert (status, said["model"]) == (200, "cloud")
        workers = await children(served.process.pid)
        assert workers
        assert await served.stop() == 0
        assert not [pid for pid in workers if alive(pid)]
        assert "Traceback" not in "\n".join(served.lines)


async def test_sigterm_ends_it_clean_too(write, env) -> None:
    async with serving(write("cloud"), env) as served:
        served.process.terminate()
        assert await served.ended() == 0


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
async def test_it_may_be_started_with_its_standard_streams_closed(closed, write, env, client, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    args = (*RUNG, "serve", "--config", str(write("calc")), "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {closed}', "sh", *args, env=env, cwd=tmp_path
    )
    url = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                status, said = await ask(client, url, "What is 15% of 80?")
            except aiohttp.ClientConnectionError:
                assert process.returncode is None
                await asyncio.sleep(0.1)
            else:
                break
        assert (status, said["model"]) == (200, "calc")
        feedback = {"decision_id": said["id"], "correct": True}
        async with client.post(f"{url}/v1/feedback", json=feedback) as response:
            assert response.status == 200
        process.terminate()
        assert await process.wait() == 0


async def test_a_request_in_flight_is_answered_before_the_end(write, env, client, upstream) -> None:
    gate = asyncio.Event()
    upstream.play(waits_for(gate, upstream.says("late, but whole")))
    async with serving(write("cloud"), env) as served:
        asking = asyncio.create_task(ask(client, served.url))
        await upstream.arrived()
        served.process.send_signal(signal.SIGINT)
        await served.says('"event":"stopping"')
        gate.set()
        status, said = await asking
        assert (status, said["choices"][0]["message"]["content"]) == (200, "late, but whole")
        assert await served.ended() == 0


async def test_a_wrong_config_ends_with_every_problem(tmp_path: Path, env) -> None:
    (tmp_path / "rung.yaml").write_text("reasoners: {calc: {kind: symbolic, worker: 2}}\nserver: {prot: 1}")
    code, out, err = await ran("serve", env=env, cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "rung: rung.yaml: reasoners.calc.worker: unknown key; did you mean `workers`?",
        "rung.yaml: server.prot: unknown key; did you mean `port`?",
    ]


async def test_a_port_that_is_taken(write, env) -> None:
    config = write("cloud")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, _, err = await ran("serve", "--port", port, env=env, cwd=config.parent)
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err
    assert "--port" in err


async def test_other_addresses_need_keys_or_the_word(write, env, client) -> None:
    config = write("cloud")
    code, _, err = await ran("serve", "--host", "0.0.0.0", "--port", "0", env=env, cwd=config.parent)
    assert code == 1
    assert "without API keys" in err
    async with serving(config, env, "--host", "0.0.0.0", "--open") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert (await ask(client, url))[0] == 200
    config = write("cloud", server={"api_keys": {"anna": "${ANNAS_KEY}"}})
    async with serving(config, {**env, "ANNAS_KEY": "a-long-secret"}, "--host", "0.0.0.0") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert (await ask(client, url))[0] == 401
        async with client.get(f"{url}/v1/models", headers={"Authorization": "Bearer a-long-secret"}) as response:
            assert response.status == 200
        assert "a-long-secret" not in "\n".join(served.lines)


@pytest.mark.parametrize("how", ["SIGHUP", "change"])
async def test_an_edit_is_applied_whole_while_requests_are_in_flight(how: str, write, env, client, upstream) -> None:
    gate = asyncio.Event()
    upstream.play(waits_for(gate, upstream.says("from before")), upstream.says("from after"))
    async with serving(write("before"), env) as served:
        asking = asyncio.create_task(ask(client, served.url))
        await upstream.arrived()
        write("after")
        if how == "SIGHUP":
            served.process.send_signal(signal.SIGHUP)
        await served.says("config applied")
        status, said = await ask(client, served.url)
        assert (status, said["model"]) == (200, "after")
        assert (await ask(client, served.url, model="before"))[0] == 404
        assert not asking.done()
        gate.set()
        status, said = await asking
        assert (status, said["model"], said["choices"][0]["message"]["content"]) == (200, "before", "from before")
        assert await served.stop() == 0


async def test_a_wrong_edit_is_refused_whole(write, env, client) -> None:
    config = write("cloud")
    async with serving(config, env) as served:
        for text, problem in (
            ("reasoners: {other: {kind: symbolic}, cloud: {kind: endpint}}", "reasoners.cloud: `kind` must be one of"),
            ("reasoners: [", "is not YAML"),
            ("reasoners: &a {x: *a}", "nests without end"),
            (config.read_text().replace("http://", "http://a..b/"), "is no web address"),
            (config.read_text() + "\nlog: {level: error}", "log cannot change while Rung serves"),
            (config.read_text() + "\nledger: {path: elsewhere.db}", "ledger.path cannot change while Rung serves"),
        ):
            seen = len(served.lines)
            config.write_text(text)
            served.process.send_signal(signal.SIGHUP)
            assert problem in json.loads(await served.says("config not applied", after=seen))["problem"]
            async with client.get(f"{served.url}/v1/models") as response:
                names = [model["id"] for model in (await response.json())["data"]]
            assert [name for name in names if not name.startswith("auto")] == ["cloud"]
            assert (await ask(client, served.url))[0] == 200
        assert await served.stop() == 0


async def test_no_request_is_lost_over_many_edits(write, env, client, upstream) -> None:
    upstream.play(upstream.says("a", "b", "c", pause_s=0.01))
    async with serving(write("r0", "same"), env) as served:
        over = asyncio.Event()

        async def keep_asking(stream: bool) -> int:
            count = 0
            while not over.is_set():
                body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
                async with client.post(
                    f"{served.url}/v1/chat/completions", json=body, headers={"x-rung-cache": "off"}
                ) as response:
                    text = await response.text()
                    assert response.status == 200, text
                    assert not stream or text.endswith("data: [DONE]\n\n"), text
                count += 1
            return count

        askers = [asyncio.create_task(keep_asking(stream)) for stream in (True, False, True, False)]
        for edit in range(1, 6):
            seen = len(served.lines)
            write(f"r{edit}", "same")
            served.process.send_signal(signal.SIGHUP)
            await served.says("config applied", after=seen)
        over.set()
        assert all(await asyncio.gather(*askers))
        assert await served.stop() == 0


async def test_chat_and_explain_ask_the_server(write, env, upstream, tmp_path: Path) -> None:
    upstream.play(upstream.says("Once", " upon", " a time."))
    async with serving(write("cloud"), env) as served:
        code, out, err = await ran("chat", "Tell me a story.", "--url", served.url, env=env, cwd=tmp_path)
        assert (code, out) == (0, "Once upon a time.\n")
        assert err.startswith("cloud · ")
        code, out, err = await ran("chat", "--url", f"{served.url}/v1", env=env, cwd=tmp_path, stdin="one\ntwo\n")
        assert (code, out) == (0, "Once upon a time.\n" * 2)
        assert [m["content"] for m in upstream.received[-1].body["messages"]] == ["one", "Once upon a time.", "two"]
        code, out, err = await ran("explain", "Why?", "--json", "--url", served.url, env=env, cwd=tmp_path)
        assert (code, json.loads(out)["first"]) == (0, "cloud")
        code, out, err = await ran("chat", "x", "--model", "nope", "--url", served.url, env=env, cwd=tmp_path)
        assert (code, out) == (1, "")
        assert "`nope` does not exist" in err


async def test_the_server_at_the_configs_address_is_found_with_its_key(write, env, tmp_path: Path, upstream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**env, "ANNAS_KEY": "a-long-secret"}
    config = write("cloud", server={"port": port, "api_keys": {"anna": "${ANNAS_KEY}"}})
    async with serving(config, env, "--port", str(port)):
        code, out, _ = await ran("explain", "Why?", env=env, cwd=tmp_path)
        assert code == 0
        assert f"Asking the Rung at http://127.0.0.1:{port}." in out
        code, _, err = await ran("chat", "Why?", "--url", f"http://127.0.0.1:{port}", env=env, cwd=tmp_path)
        assert code == 1
        assert "put one into RUNG_API_KEY" in err
        env = {**env, "RUNG_API_KEY": "a-long-secret"}
        code, out, _ = await ran("chat", "Why?", "--url", f"http://127.0.0.1:{port}", env=env, cwd=tmp_path)
        assert (code, out) == (0, "Hello from upstream.\n")


async def test_no_server_where_one_was_named(env, tmp_path: Path) -> None:
    code, _, err = await ran("chat", "Why?", "--url", "http://127.0.0.1:1", env=env, cwd=tmp_path)
    assert code == 1
    assert "start one with `rung serve`" in err


async def test_ctrl_c_ends_a_question(write, env, upstream) -> None:
    upstream.play(upstream.hangs("Once"))
    config = write("cloud")
    process = await spawn("chat", "Tell me a story.", "-c", "rung.yaml", env=env, cwd=config.parent)
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        await upstream.arrived()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
        await upstream.received[0].gone.wait()
    assert process.returncode == 130
    assert b"Traceback" not in out + err
