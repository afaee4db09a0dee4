"""The app behind a real server, asked by the client that people use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import uvicorn
from openai import AsyncOpenAI

from rung.api import KeepAlive, make_app
from rung.clock import RealClock
from rung.config.schema import Server
from rung.errors import AllFailed, Busy, TimedOut
from rung.telemetry import Metrics
from rung.types import Answer, Choice, Chunk
from tests.unit.api.conftest import FakeRuntime, served

HI: Any = [{"role": "user", "content": "Hi"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}


class Served(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()


@pytest.fixture
async def port(runtime: FakeRuntime) -> AsyncIterator[int]:
    settings = Server(api_keys={"ann": "k"})  # type: ignore[dict-item]
    app = make_app(served(runtime, settings), Metrics(), RealClock(), keep_alive=KeepAlive(first_s=0.01, every_s=0.01))
    server = Served(uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve())
    await asyncio.wait_for(server.up.wait(), 10)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture
async def ai(port: int) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k", max_retries=0) as client:
        yield client


async def test_whole(ai: AsyncOpenAI) -> None:
    raw = await ai.chat.completions.with_raw_response.create(model="auto", messages=HI)
    told = raw.parse()
    assert told.choices[0].message.content == "Hello there"
    assert told.usage is not None
    assert told.usage.total_tokens == 5
    assert raw.headers["x-rung-decision-id"] == told.id
    assert told._request_id == told.id


async def test_stream(ai: AsyncOpenAI) -> None:
    stream = await ai.chat.completions.create(
        model="auto", messages=HI, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 3


async def test_a_held_stream_with_comments(ai: AsyncOpenAI, runtime: FakeRuntime) -> None:
    async def hold() -> None:
        await asyncio.sleep(0.05)

    runtime.before["commit"] = hold
    async with ai.chat.completions.with_streaming_response.create(model="auto", messages=HI, stream=True) as held:
        lines = [line async for line in held.iter_lines()]
    assert lines[0] == ": waiting"
    assert lines[-2:] == ["data: [DONE]", ""] or lines[-1] == "data: [DONE]"
    stream = await ai.chat.completions.create(model="auto", messages=HI, stream=True)
    assert len([chunk async for chunk in stream]) == 3


async def test_tool_calls(ai: AsyncOpenAI, runtime: FakeRuntime) -> None:
    runtime.answer = Answer(reasoner="fast", choices=(Choice(tool_calls=(CALL,), finish="tool_calls"),))
    runtime.chunks = [
        Chunk(tool_calls=({"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}},)),
        Chunk(tool_calls=({"index": 0, "function": {"arguments": '{"x": 1}'}},)),
        Chunk(finish="tool_calls"),
    ]
    tools: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    told = await ai.chat.completions.create(model="auto", messages=HI, tools=tools, tool_choice="auto")
    calls = told.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].to_dict() == CALL
    async with ai.chat.completions.stream(model="auto", messages=HI, tools=tools) as stream:
        final = await stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.arguments == '{"x": 1}'  # type: ignore[union-attr]


async def test_rungs_own_wishes(ai: AsyncOpenAI, runtime: FakeRuntime) -> None:
    await ai.chat.completions.create(
        model="auto:best", messages=HI, extra_body={"rung": {"max_usd": 0.5}}, extra_headers={"x-rung-cache": "off"}
    )
    wishes = runtime.requests[0].wishes
    assert (wishes.max_usd, wishes.preset, wishes.cache) == (0.5, "best", "off")
    assert runtime.requests[0].tenant == "ann"


async def test_models(ai: AsyncOpenAI) -> None:
    assert [m.id async for m in ai.models.list()][-2:] == ["calc", "fast"]
    assert (await ai.models.retrieve("auto:best")).owned_by == "rung"


async def test_errors_are_the_clients_own(ai: AsyncOpenAI, runtime: FakeRuntime, port: int) -> None:
    create = ai.chat.completions.create
    with pytest.raises(openai.BadRequestError) as bad:
        await create(model="auto", messages=[])
    assert bad.value.param == "messages"
    with pytest.raises(openai.NotFoundError) as unknown:
        await create(model="gpt-9", messages=HI)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError):
        await ai.with_options(api_key="wrong").chat.completions.create(model="auto", messages=HI)
    with pytest.raises(openai.NotFoundError):
        await ai.embeddings.create(model="auto", input="x")

    async def busy() -> None:
        raise Busy("Full.", retry_after_s=1.5)

    runtime.before["commit"] = busy
    with pytest.raises(openai.RateLimitError) as full:
        await create(model="auto", messages=HI)
    assert full.value.response.headers["retry-after"] == "2"

    async def failed() -> None:
        raise AllFailed("None.")

    runtime.before["commit"] = failed
    with pytest.raises(openai.InternalServerError):
        await create(model="auto", messages=HI)


async def test_a_stream_that_breaks_raises_in_the_client(ai: AsyncOpenAI, runtime: FakeRuntime) -> None:
    async def late() -> None:
        raise TimedOut("It stopped half-way.")

    runtime.before["chunk 1"] = late
    stream = await ai.chat.completions.create(model="auto", messages=HI, stream=True)
    with pytest.raises(openai.APIError, match="half-way"):
        _ = [chunk async for chunk in stream]


@pytest.mark.parametrize("stream", [True, False])
async def test_hanging_up_stops_the_work(ai: AsyncOpenAI, runtime: FakeRuntime, stream: bool) -> None:
    runtime.before["commit" if not stream else "chunk 1"] = asyncio.Event().wait
    asked = asyncio.create_task(_read(ai, stream))
    await asyncio.wait_for(runtime.running.wait(), 5)
    asked.cancel()
    await asyncio.wait_for(runtime.closed.wait(), 5)


async def _read(ai: AsyncOpenAI, stream: bool) -> None:
    told = await ai.chat.completions.create(model="auto", messages=HI, stream=stream)
    if stream:
        async for _ in told:
            pass


async def test_an_oversize_body(ai: AsyncOpenAI, runtime: FakeRuntime) -> None:
    """Larger than the socket's buffers: a server that closed at once would cut the client off while it sends."""
    with pytest.raises(openai.APIStatusError) as e:
        await ai.chat.completions.create(model="auto", messages=[{"role": "user", "content": "x" * 24_000_000}])
    assert e.value.status_code == 413
    assert not runtime.requests


async def test_an_oversize_body_that_is_only_announced(port: int, runtime: FakeRuntime) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer k\r\n"
    writer.write(f"{head}content-length: 99999999999\r\n\r\n".encode())
    told = await asyncio.wait_for(reader.readuntil(b'"code":"body_too_large"}}'), 5)
    assert told.startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()
    assert not runtime.requests
