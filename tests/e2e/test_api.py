"""The real server in a process of its own, asked by real clients, with a scripted endpoint behind it."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
import yaml
from aiohttp import web
from openai import AsyncOpenAI

KEY = "key-of-ann"
QUESTION: Any = [{"role": "user", "content": "Which birds are in my secret garden?"}]
WAIT_S = 60


class Served:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[str] = []
        self.address = ""

    async def listening(self) -> None:
        """Reads the log until it says where; goes on reading it behind."""
        assert self.process.stderr is not None
        async with asyncio.timeout(WAIT_S):
            while line := (await self.process.stderr.readline()).decode():
                self.log.append(line)
                if found := re.search(r"serves on (http://\S+?);", line):
                    self.address = found[1]
                    break
        if not self.address:
            await self.process.wait()
            pytest.fail("".join(self.log))
        self._reading = asyncio.create_task(self._read_on(self.process.stderr))

    async def _read_on(self, stderr: asyncio.StreamReader) -> None:
        while line := (await stderr.readline()).decode():
            self.log.append(line)

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(WAIT_S):
            await self._reading
            return await self.process.wait()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log if line.startswith("{")]


@pytest.fixture
async def served(upstream: Any, tmp_path: Path) -> AsyncIterator[Served]:
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
    config = {
        "reasoners": {
            "calc": {"kind": "symbolic"},
            "cloud": {"kind": "endpoint", "model": "m", "base_url": upstream.base_url, "price": price},
        },
        "server": {"api_keys": {"ann": KEY}, "max_body_mb": 0.1},
        "ledger": {"path": str(tmp_path / "ledger.sqlite")},
        "models_dir": str(tmp_path / "models"),
    }
    path = tmp_path / "rung.yaml"
    path.write_text(yaml.safe_dump(config))
    served = Served(
        await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("rung"),
            *("serve", "--config", str(path), "--port", "0"),
            stderr=asyncio.subprocess.PIPE,
        )
    )
    await served.listening()
    yield served
    assert await served.stop() == 0


@pytest.fixture
async def ai(served: Served) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{served.address}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
async def http(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(served.address, headers=headers) as session:
        yield session


async def test_answers_and_what_is_said_about_them(
    ai: AsyncOpenAI, http: aiohttp.ClientSession, served: Served, upstream: Any
) -> None:
    exact = await ai.chat.completions.create(model="auto", messages=[{"role": "user", "content": "What is 15% of 80?"}])
    assert (exact.model, exact.choices[0].message.content) == ("calc", "12")

    raw = await ai.chat.completions.with_raw_response.create(
        model="auto", messages=QUESTION, extra_headers={"x-rung-debug": "true"}
    )
    told: Any = raw.parse()
    assert (told.model, told.choices[0].message.content) == ("cloud", "Hello from upstream.")
    assert (raw.headers["x-rung-reasoner"], raw.headers["x-rung-cache"]) == ("cloud", "miss")
    assert raw.headers["x-rung-decision-id"] == told.id
    assert float(raw.headers["x-rung-usd"]) == pytest.approx(11e-6 + 14e-6)
    assert float(raw.headers["x-rung-overhead-ms"]) > 0

    again = await ai.chat.completions.with_raw_response.create(model="auto", messages=QUESTION)
    assert again.headers["x-rung-cache"] == "exact"
    assert len(upstream.received) == 1

    async with http.post("/v1/explain", json={"model": "auto", "messages": QUESTION}) as response:
        explained = await response.json()
    assert explained["first"] == told.rung["first"]
    assert [o["reasoner"] for o in explained["options"]] == [o["reasoner"] for o in told.rung["options"]]

    said = {"decision_id": told.id, "correct": True}
    async with http.post("/v1/feedback", json=said) as response:
        assert (response.status, (await response.json())["score"]) == (200, 1.0)
    async with http.post("/v1/feedback", json=said | {"decision_id": "chatcmpl-none"}) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (404, "decision_not_found")

    async with http.get("/metrics") as response:
        figures = await response.text()
    assert 'rung_decisions_total{outcome="answered",reasoner="cloud"}' in figures
    assert 'rung_cache_total{result="exact"} 1.0' in figures
    assert await served.stop() == 0
    assert [line["reasoner"] for line in served.lines() if line["event"] == "chat"] == ["calc", "cloud", "cloud"]
    for text in (figures, *served.log):
        assert "secret" not in text
        assert KEY not in text


async def test_streams(ai: AsyncOpenAI, upstream: Any) -> None:
    upstream.play(upstream.says("One", " two", " three"))
    stream = await ai.chat.completions.create(
        model="cloud", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "One two three"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 18
    kept = await ai.chat.completions.create(model="cloud", messages=QUESTION, stream=True)
    assert "".join([c.choices[0].delta.content or "" async for c in kept if c.choices]) == "One two three"
    assert len(upstream.received) == 1


async def test_tools_and_unknown_fields_go_through(ai: AsyncOpenAI, upstream: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}
    upstream.play(upstream.says("", tool_calls=[call], finish="tool_calls", extra={"system_fingerprint": "fp"}))
    tools: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    told = await ai.chat.completions.create(
        model="auto", messages=QUESTION, tools=tools, user="u", extra_body={"mirostat": 2, "rung": {"cache": "off"}}
    )
    calls = told.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].to_dict() == call
    assert told.system_fingerprint == "fp"
    sent = upstream.received[0].body
    assert (sent["mirostat"], sent["user"], sent["tools"], "rung" in sent) == (2, "u", tools, False)


@pytest.mark.parametrize("stream", [True, False])
async def test_hanging_up_frees_the_endpoint(ai: AsyncOpenAI, upstream: Any, served: Served, stream: bool) -> None:
    upstream.play(upstream.hangs("One") if stream else upstream.hangs())

    async def ask() -> None:
        told = await ai.chat.completions.create(model="cloud", messages=QUESTION, stream=stream)
        if stream:
            _ = [chunk async for chunk in told]

    asked = asyncio.create_task(ask())
    await upstream.arrived()
    asked.cancel()
    await asyncio.wait_for(upstream.received[0].gone.wait(), 10)
    assert await served.stop() == 0
    lines = served.lines()
    assert [line["error"] for line in lines if line["event"] == "chat"] == ["gone"]
    assert {line["level"] for line in lines} == {"info"}


def memory_mb(process: asyncio.subprocess.Process) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="tells memory by /proc")
async def test_a_reader_that_stops_reading_costs_no_memory(ai: AsyncOpenAI, upstream: Any, served: Served) -> None:
    """What the sockets on the way hold is all that comes; the answer is many times that."""
    piece, pieces, written = "x" * 8192, 30_000, 0

    async def floods(received: Any) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(received.request)
        event = {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for _ in range(pieces):
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
            written += len(piece)
        return response

    upstream.play(floods, upstream.says("ok"))
    before_mb = memory_mb(served.process)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)  # else the system takes tens of MB for the reader
    line.connect(("127.0.0.1", int(served.address.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=line, limit=2**14)
    body = json.dumps({"model": "cloud", "messages": QUESTION, "stream": True}).encode()
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    seen = -1
    while written != seen:
        seen = written
        await asyncio.sleep(0.5)
    assert 0 < written < pieces * len(piece) / 4
    assert memory_mb(served.process) - before_mb < 30
    told = await ai.chat.completions.create(model="cloud", messages=[{"role": "user", "content": "And I?"}])
    assert told.choices[0].message.content == "ok"
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(upstream.received[0].gone.wait(), 10)


async def test_errors(ai: AsyncOpenAI, http: aiohttp.ClientSession, served: Served, upstream: Any) -> None:
    create = ai.chat.completions.create
    with pytest.raises(openai.NotFoundError, match="calc, cloud"):
        await create(model="gpt-9", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match=r"messages\[0\]\.role"):
        await create(model="auto", messages=[{"role": "x", "content": "y"}])  # type: ignore[misc, list-item]
    with pytest.raises(openai.AuthenticationError):
        await ai.with_options(api_key="no").chat.completions.create(model="auto", messages=QUESTION)
    with pytest.raises(openai.BadRequestError):
        await create(
            model="cloud",
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}],
        )
    with pytest.raises(openai.APIStatusError) as large:
        await create(model="auto", messages=[{"role": "user", "content": "x" * 100_000}])
    assert large.value.status_code == 413
    upstream.play(upstream.resets())
    with pytest.raises(openai.InternalServerError):
        await create(model="cloud", messages=QUESTION)
    upstream.play(upstream.resets("One"))
    with pytest.raises(openai.APIError):
        _ = [chunk async for chunk in await create(model="cloud", messages=QUESTION, stream=True)]
    for method, path, status in (("PUT", "/v1/explain", 405), ("GET", "/v2", 404), ("GET", "/health/live", 200)):
        async with http.request(method, path) as response:
            assert response.status == status
    assert await served.stop() == 0
    assert not any("unexpected" in line for line in served.log)


async def test_ctrl_c_waits_a_while_and_then_tells_who_is_still_asking(
    ai: AsyncOpenAI, upstream: Any, served: Served
) -> None:
    upstream.play(upstream.hangs())
    asked = asyncio.create_task(ai.chat.completions.create(model="cloud", messages=QUESTION))
    await upstream.arrived()
    assert await served.stop() == 0
    with pytest.raises(openai.InternalServerError, match="stopping"):
        await asked
    assert upstream.received[0].gone.is_set()
    assert not any("Traceback" in line for line in served.log)
