"""Shared fixtures.

`upstream`: a scripted server that speaks OpenAI's chat completions on a free port of the loopback, in the test's own
loop (so ask it with async clients or from another process). Unscripted, it says "Hello from upstream." to everything,
whole or as a stream, whichever is asked for. A script is a list of acts, played one a request; the last one repeats:

    upstream.play(upstream.refuses(429, headers={"Retry-After": "2"}), upstream.says("ok"))

    says("a", "b", usage=None, tool_calls=..., logprobs=..., extra=..., pause_s=0.01)   an answer in these pieces
    echoes()                             the last message's text, in words; heeds n, logprobs, tools, response_format
    hangs() / hangs("a", "b")            silent for ever: before any byte, or after these pieces of a stream
    resets() / resets("a")               breaks the connection: before any byte, or after these pieces of a stream
    refuses(503, message="...")          an error in OpenAI's shape; `raw=` for any other body
    sends(b"...", kind="text/event-stream")   exactly these bytes

What came is in `upstream.received`, oldest first: `.body`, `.headers`, and `.gone`, an asyncio.Event that is set when
the client went away before it had its answer. `await upstream.arrived(2)` waits until two requests have come.
`upstream.base_url` is what an endpoint's config or an OpenAI client takes.
"""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import structlog
from aiohttp import web

# Several threads of a small factorisation wait for each other by spinning: where others want the cores too, 100 times
# as long as one takes. Read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A loaded machine is slow, not wrong.
hypothesis.settings.register_profile("rung", deadline=None)
hypothesis.settings.load_profile("rung")
# A shell has what it runs in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _logs_as_if_new() -> None:
    """A command that an earlier test ran may have raised the least level that is logged."""
    structlog.reset_defaults()


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
WAIT_S = 10.0


@dataclass
class Received:
    body: dict[str, Any]
    headers: dict[str, str]
    request: web.Request
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Saying:
    """An answer. `extra` goes beside `choices`, `choice_extra` beside the message, `message_extra` into it; `done`:
    whether a stream ends in [DONE]; `pause_s`: between two pieces. Logprobs come with the finish."""

    pieces: tuple[str, ...]
    usage: dict[str, Any] | None = field(default_factory=USAGE.copy)
    finish: str | None = "stop"
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[dict[str, Any]] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    choice_extra: dict[str, Any] = field(default_factory=dict)
    message_extra: dict[str, Any] = field(default_factory=dict)
    done: bool = True
    pause_s: float = 0.0

    @property
    def wire_logprobs(self) -> dict[str, Any] | None:
        return {"content": self.logprobs, "refusal": None} if self.logprobs else None

    def deltas(self) -> list[dict[str, Any]]:
        first, *rest = self.pieces or ("",)
        deltas = [
            {"role": "assistant", "content": first, **self.message_extra},
            *({"content": piece} for piece in rest),
        ]
        if self.tool_calls:
            deltas.append({"tool_calls": [{"index": at, **call} for at, call in enumerate(self.tool_calls)]})
        return deltas


Act = Callable[[Received], Awaitable[web.StreamResponse]]


class Upstream:
    def __init__(self) -> None:
        self.received: list[Received] = []
        self._acts: list[Act] = [self.says("Hello", " from", " upstream.")]
        self._came = asyncio.Condition()
        self.base_url = ""

    def play(self, *acts: Act) -> None:
        self._acts = list(acts)

    async def arrived(self, count: int = 1) -> None:
        async with asyncio.timeout(WAIT_S), self._came:
            await self._came.wait_for(lambda: len(self.received) >= count)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        received = Received(await request.json(), dict(request.headers), request)
        async with self._came:
            self.received.append(received)
            self._came.notify_all()
        act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
        try:
            return await act(received)
        except (asyncio.CancelledError, ConnectionResetError):
            received.gone.set()
            raise

    @staticmethod
    def says(*pieces: str, **more: Any) -> Act:
        """An answer in these pieces; `more` are the fields of `Saying`."""
        saying = Saying(pieces=pieces, **more)

        async def act(received: Received) -> web.StreamResponse:
            if received.body.get("stream"):
                return await _say_in_pieces(saying, received)
            return web.json_response(_said_whole(saying, received))

        return act

    @classmethod
    def echoes(cls) -> Act:
        async def act(received: Received) -> web.StreamResponse:
            return await cls.says(*_echo(received.body), **_extras(received.body))(received)

        return act

    @staticmethod
    def hangs(*pieces: str) -> Act:
        async def act(received: Received) -> web.StreamResponse:
            if pieces:
                await _pieces(received, pieces)
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

        return act

    @staticmethod
    def resets(*pieces: str) -> Act:
        async def act(received: Received) -> web.StreamResponse:
            response = await _pieces(received, pieces) if pieces else web.StreamResponse()
            assert received.request.transport is not None
            received.request.transport.abort()
            return response

        return act

    @staticmethod
    def refuses(
        status: int,
        message: str = "no",
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        **error: Any,
    ) -> Act:
        async def act(received: Received) -> web.StreamResponse:
            said = {
                "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **error}
            }
            body = json.dumps(said).encode() if raw is None else raw
            return web.Response(status=status, body=body, headers=headers, content_type="application/json")

        return act

    @staticmethod
    def sends(*packets: bytes, kind: str = "application/json", status: int = 200) -> Act:
        """The packets are written one by one, each given time to leave on its own."""

        async def act(received: Received) -> web.StreamResponse:
            response = await _stream(received, kind, status)
            for packet in packets:
                await response.write(packet)
                await asyncio.sleep(0)
            return response

        return act


def _envelope(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": "upstream-model-2026"}


def _chunk(index: int, delta: dict[str, Any], finish: str | None = None, **choice: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish, **choice}
    return {**_envelope("chat.completion.chunk"), "choices": [choice]}


def _echo(body: dict[str, Any]) -> list[str]:
    """The last message's words, or an object of the schema that is asked for."""
    wanted = body.get("response_format") or {"type": "text"}
    if wanted["type"] == "json_schema":
        return [json.dumps(dict.fromkeys(wanted["json_schema"]["schema"]["properties"], "x"))]
    if wanted["type"] == "json_object":
        return ["{", "}"]
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return re.findall(r"\S*\s*", text)


def _extras(body: dict[str, Any]) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if body.get("logprobs"):
        extras["logprobs"] = [{"token": "x", "logprob": -0.25, "bytes": [120], "top_logprobs": []}]
    if body.get("tools"):
        function = {"name": body["tools"][0]["function"]["name"], "arguments": "{}"}
        extras["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        extras["finish"] = "tool_calls"
    return extras


def _said_whole(saying: Saying, received: Received) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(saying.pieces), **saying.message_extra}
    if saying.tool_calls:
        message["tool_calls"] = saying.tool_calls
    choice = {"message": message, "logprobs": saying.wire_logprobs, "finish_reason": saying.finish}
    choices = [{"index": at, **choice, **saying.choice_extra} for at in range(received.body.get("n") or 1)]
    usage = {"usage": saying.usage} if saying.usage else {}
    return {**_envelope("chat.completion"), "choices": choices, **usage, **saying.extra}


async def _say_in_pieces(saying: Saying, received: Received) -> web.StreamResponse:
    response = await _stream(received)
    choices = range(received.body.get("n") or 1)
    for delta in saying.deltas():
        for index in choices:
            await _event(response, {**_chunk(index, delta), **saying.extra})
        await asyncio.sleep(saying.pause_s)
    for index in choices:
        last = _chunk(index, {}, saying.finish, logprobs=saying.wire_logprobs, **saying.choice_extra)
        await _event(response, {**last, **saying.extra})
    if saying.usage and (received.body.get("stream_options") or {}).get("include_usage"):
        await _event(response, {**_envelope("chat.completion.chunk"), "choices": [], "usage": saying.usage})
    if saying.done:
        await response.write(b"data: [DONE]\n\n")
    return response


async def _stream(received: Received, kind: str = "text/event-stream", status: int = 200) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={"Content-Type": kind})
    await response.prepare(received.request)
    return response


async def _event(response: web.StreamResponse, data: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n")


async def _pieces(received: Received, pieces: tuple[str, ...]) -> web.StreamResponse:
    response = await _stream(received)
    for piece in pieces:
        await _event(response, _chunk(0, {"content": piece}))
    return response


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()
