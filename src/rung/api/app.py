"""The HTTP door: one ASGI app. What asks is met first, without a router; every other path is a route."""

import asyncio
import difflib
import traceback
from collections.abc import Mapping
from secrets import token_hex

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from rung.api import infer
from rung.api.ask import Ask
from rung.api.base import Serves
from rung.api.body import Gone
from rung.api.chat import Chats
from rung.api.encode import Headers
from rung.api.exchange import KeepAlive
from rung.api.front import Front
from rung.api.line import Line
from rung.api.openapi import OPERATIONS
from rung.api.routes import make_router
from rung.clock import Clock, in_a_task
from rung.errors import NotReady, RungError, UnknownPath, WrongMethod
from rung.telemetry import Metrics

CHAT, INFER = "/v1/chat/completions", "/v1/infer"
KEEP_ALIVE = KeepAlive()
_PATHS = [operation.path for operation in OPERATIONS]
_NEAR = 0.75  # a base URL without /v1, or with it twice, is nearer
# What clients ask of other APIs unless told, and what to do: docs/decisions/0029-what-was-planned-and-is-not-there.md.
_SPEAK_CHAT = f"have the client speak chat completions, {CHAT}."
_ELSEWHERE = {
    "/responses": _SPEAK_CHAT,
    "/messages": _SPEAK_CHAT,
    "/embeddings": "Rung gives no embeddings: have the client ask a server of an embedding model.",
}
# Of an id: the milliseconds it was made at (48 bits) and chance (80 bits), as UUIDs of version 7 have them.
_CHANCE_DIGITS, _IDS = 20, 256


class Ids:
    """Ids of answers, which are their decisions' too: not to be guessed, and rising with time, so that the ledger's
    index grows at its end. The system is asked for chance in large pieces, since asking costs more than all else about
    an id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._drawn = ""
        self._at = 0

    def __call__(self) -> str:
        if self._at == len(self._drawn):
            self._drawn, self._at = token_hex(_IDS * _CHANCE_DIGITS // 2), 0
        start = self._at
        self._at += _CHANCE_DIGITS
        return f"chatcmpl-{int(self._clock.wall() * 1000):012x}{self._drawn[start : self._at]}"


def make_app(serves: Serves, metrics: Metrics, clock: Clock, *, keep_alive: KeepAlive = KEEP_ALIVE) -> ASGIApp:
    """The app in front of what `serves`, whose config names the address that is listened on."""
    front = Front(serves, clock, Ids(clock))
    asks = {
        CHAT: Ask("chat", Chats().read, front, metrics, clock, keep_alive),
        INFER: Ask("infer", infer.read, front, metrics, clock, keep_alive),
    }
    return App(asks, make_router(front, metrics, clock.wall()))


class App:
    def __init__(self, asks: Mapping[str, Ask], router: ASGIApp) -> None:
        self._asks = asks
        self._router = router
        self._log = structlog.get_logger("rung.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _not_http(scope, receive, send)
            return
        line = Line(send)
        try:
            ask = self._asks.get(scope["path"])
            if ask is not None and scope["method"] == "POST":
                await ask(scope, receive, line)
            else:
                await in_a_task()
                await self._route(scope, receive, line)
        except asyncio.CancelledError:
            # Only a server that stops and waits no longer does this. The request's work is stopped; the client is told.
            await line.fail(NotReady("Rung is stopping; ask again in a moment."), [])
        except Exception as e:  # noqa: BLE001  the server's boundary: whatever is wrong in us, the client is told
            await self._fail_unexpectedly(e, line)

    async def _route(self, scope: Scope, receive: Receive, line: Line) -> None:
        if scope["path"] in self._asks:
            await line.fail(_wrong_method(scope), [(b"allow", b"POST")])
            return
        try:
            # With an `app` in the scope Starlette raises what it would otherwise answer in its own words.
            await self._router({**scope, "app": self}, receive, line.send)
        except Gone:
            return
        except RungError as e:
            await line.fail(e, [])
        except HTTPException as e:
            await line.fail(*_routed(e, scope))

    async def _fail_unexpectedly(self, error: Exception, line: Line) -> None:
        error_id = "err-" + token_hex(6)
        self._log.error("unexpected", id=error_id, kinds=_kinds(error), at=_frames(error))
        told = RungError(f"Something went wrong in Rung itself; the log says more under {error_id}.")
        await line.fail(told, [])


def _wrong_method(scope: Scope) -> WrongMethod:
    return WrongMethod(f"{scope['method']} is not for {scope['path'][:200]}.")


def _routed(error: HTTPException, scope: Scope) -> tuple[RungError, Headers]:
    if error.status_code == WrongMethod.status:
        allow = (error.headers or {}).get("Allow", "")
        return _wrong_method(scope), [(b"allow", allow.encode())]
    return _unknown_path(scope["path"][:200]), []


def _unknown_path(path: str) -> UnknownPath:
    if hint := _ELSEWHERE.get(path[path.rfind("/") :]):
        return UnknownPath(f"There is nothing at {path}; {hint}")
    hint = "GET / lists what there is."
    if near := difflib.get_close_matches(path, _PATHS, n=1, cutoff=_NEAR):
        hint = f"did you mean {near[0]}?"
    return UnknownPath(f"There is nothing at {path}; {hint}")


def _kinds(error: BaseException) -> list[str]:
    """The exception's type and those of its causes. Their messages stay out: they may quote a prompt."""
    kinds = []
    link: BaseException | None = error
    while link is not None:
        kinds.append(type(link).__qualname__)
        link = link.__cause__ or link.__context__
    return kinds


def _frames(error: BaseException) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


async def _not_http(scope: Scope, receive: Receive, send: Send) -> None:
    """Web sockets are refused; the server's start and end need nothing: whoever builds the runtime starts it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
