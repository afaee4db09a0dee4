"""A runtime that does as it is told, and a client that speaks ASGI to the app without a socket."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from rung.api import KeepAlive, make_app
from rung.clock import RealClock
from rung.config.schema import Server
from rung.telemetry import Metrics
from rung.types import (
    Answer,
    Choice,
    Chunk,
    Commit,
    Decision,
    Feedback,
    LaneStats,
    Option,
    Readiness,
    ReasonerInfo,
    Reply,
    Request,
    Usage,
)
from tests.unit.conftest import FEATURES as PLAIN

KEEP_ALIVE = KeepAlive()
FEATURES = replace(PLAIN, task="chat", complexity=0.1, prompt_tokens=4, needs=frozenset({"tools"}))
USAGE = Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1, reasoning_tokens=1, usd=0.00125)
ANSWER = Answer(reasoner="fast", choices=(Choice(text="Hello there", finish="stop"),), usage=USAGE)
CHUNKS = (Chunk(text="Hello"), Chunk(text=" there"), Chunk(finish="stop"), Chunk(usage=USAGE))


def decision_of(request: Request, **changes: Any) -> Decision:
    told: dict[str, Any] = {
        "id": request.id,
        "model": request.model,
        "preset": "balanced",
        "features": FEATURES,
        "options": (Option(reasoner="fast", reserve=0.5), Option(reasoner="calc", excluded="not its own")),
        "first": "fast",
        "answered_by": "fast",
        "usage": USAGE,
    }
    return Decision(**told | changes)


class FakeRuntime:
    """Answers with `answer` and `chunks`. `steps` are awaited before the event of their place in the row."""

    def __init__(self) -> None:
        self.answer = ANSWER
        self.chunks: Iterable[Chunk] = CHUNKS
        self.commit = Commit(reasoner="fast", cache="miss", live=True)
        self.before: dict[str, Callable[[], Any]] = {}
        self.requests: list[Request] = []
        self.decided: dict[str, Any] = {}
        self.said: list[Feedback] = []
        self.state = Readiness(ready=True)
        self.closed = asyncio.Event()
        self.running = asyncio.Event()
        self.wrong: Exception | None = None

    async def _wait(self, place: str) -> None:
        if place in self.before:
            await self.before[place]()

    async def run(self, request: Request) -> AsyncGenerator[Commit | Chunk | Reply, None]:
        self.requests.append(request)
        self.running.set()
        try:
            await self._wait("commit")
            yield self.commit
            if request.stream:
                for at, chunk in enumerate(self.chunks):
                    await self._wait(f"chunk {at}")
                    yield chunk
            await self._wait("reply")
            yield Reply(answer=self.answer, decision=decision_of(request, **self.decided))
            await self._wait("end")
        finally:
            self.closed.set()

    async def whole(self, request: Request) -> tuple[Commit, Reply]:
        async with aclosing(self.run(request)) as events:
            commit, reply = [event async for event in events]
        assert isinstance(commit, Commit)
        assert isinstance(reply, Reply)
        return commit, reply

    async def explain(self, request: Request) -> Decision:
        self.requests.append(request)
        if self.wrong:
            raise self.wrong
        return decision_of(request, answered_by=None, usage=Usage())

    async def feedback(self, feedback: Feedback) -> None:
        if self.wrong:
            raise self.wrong
        self.said.append(feedback)

    def reasoners(self) -> tuple[ReasonerInfo, ...]:
        return (
            ReasonerInfo(name="calc", kind="symbolic", about="exact maths", auto=True, general=False, state="warm"),
            ReasonerInfo(name="fast", kind="local", about="a small model", auto=True, general=True, state="loading"),
        )

    def lanes(self) -> tuple[LaneStats, ...]:
        return (LaneStats(reasoner="fast", queued=3, running=1, limit=2, congestion=0.0, breakers={"fast": "closed"}),)

    def readiness(self) -> Readiness:
        return self.state


class Got:
    """What came back: as whole once `done` is set, or message by message."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.complete = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        assert set(self.json) == {"error"}
        assert set(self.json["error"]) == {"message", "type", "param", "code"}
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The data of an SSE stream's events, parsed but for the end's mark."""
        datas = [e.removeprefix("data: ") for e in self.body.decode().split("\n\n") if e.startswith("data: ")]
        return [data if data == "[DONE]" else json.loads(data) for data in datas]


class Call:
    """One request in flight; `brings()` is the rest of its body where none was given, `leave()` the client hanging
    up."""

    def __init__(self, method: str, path: str, body: bytes | tuple[bytes, ...], headers: Mapping[str, str]) -> None:
        pieces = (body,) if isinstance(body, bytes) else body
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for at, piece in enumerate(pieces):
            more = at < len(pieces) - 1
            self._incoming.put_nowait({"type": "http.request", "body": piece, "more_body": more})
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }
        self.got = Got()
        self.reading = asyncio.Event()
        self.reading.set()
        self.moved = asyncio.Event()
        self.sends = 0

    def brings(self, body: Any) -> None:
        self._incoming.put_nowait({"type": "http.request", "body": json.dumps(body).encode(), "more_body": False})

    def leave(self) -> None:
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> dict[str, Any]:
        return await self._incoming.get()

    async def send(self, message: dict[str, Any]) -> None:
        self.sends += 1
        await self.reading.wait()
        assert not self.got.complete
        if message["type"] == "http.response.start":
            assert not self.got.status
            self.got.status = message["status"]
            self.got.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
        else:
            assert self.got.status
            self.got.pieces.append(message.get("body", b""))
            self.got.complete = not message.get("more_body", False)
        self.moved.set()

    async def until(self, seen: Callable[[Got], bool]) -> None:
        while not seen(self.got):
            self.moved.clear()
            await asyncio.wait_for(self.moved.wait(), 10)


class Client:
    def __init__(self, app: Any) -> None:
        self.app = app

    def begin(
        self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] = {}
    ) -> tuple[Call, "asyncio.Task[None]"]:
        if not isinstance(body, bytes | tuple):
            body = json.dumps(body).encode()
        call = Call(method, path, body, headers)
        return call, asyncio.ensure_future(self.app(call.scope, call.receive, call.send))

    async def ask(self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] = {}) -> Got:
        call, task = self.begin(method, path, body, headers)
        await asyncio.wait_for(task, 10)
        assert call.got.complete
        return call.got

    async def chat(self, headers: Mapping[str, str] = {}, **body: Any) -> Got:
        return await self.ask("POST", "/v1/chat/completions", chat_body(**body), headers)


def chat_body(**changes: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]} | changes


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def served(runtime: FakeRuntime, server: Server) -> Any:
    """What serves, to the door; both may be set anew."""
    return SimpleNamespace(runtime=runtime, config=SimpleNamespace(server=server))


@pytest.fixture
def make_client(runtime: FakeRuntime, metrics: Metrics) -> Callable[..., Client]:
    def make(keep_alive: KeepAlive = KEEP_ALIVE, **server: Any) -> Client:
        config = Server(**server)
        return Client(make_app(served(runtime, config), metrics, RealClock(), keep_alive=keep_alive))

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()
