"""The open line to one client: what has been sent on it, and whether the client is still there."""

import asyncio
from types import TracebackType
from typing import Literal, Self

from starlette.types import Message, Receive, Send

from rung.api import encode
from rung.api.encode import Headers
from rung.errors import RungError

_JSON = (b"content-type", b"application/json")
_STREAM: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]

# A timer may ring that much early.
_EARLY_S = 0.002


class Line:
    """Sends one response. Every send waits while the client does not read, so nothing piles up here."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.state: Literal["new", "streaming", "closed"] = "new"

    async def send(self, message: Message) -> None:
        """The ASGI callable for code that writes its own messages."""
        self.state = "closed"
        await self._send(message)

    async def whole(self, status: int, body: bytes, headers: Headers) -> None:
        headers = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
        self.state = "closed"
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def start_stream(self, headers: Headers) -> None:
        self.state = "streaming"
        # A proxy that buffers would hold the pieces back.
        headers = [*_STREAM, (b"x-accel-buffering", b"no"), *headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes) -> None:
        self.state = "closed"
        await self._send({"type": "http.response.body", "body": data})

    async def fail(self, error: RungError, headers: Headers) -> None:
        """Tells the error in the way that is still open: as the response, or as a stream's last event. To a client that
        has its answer nothing more is said."""
        if self.state == "new":
            await self.whole(error.status, encode.error_body(error), [*encode.error_headers(error), *headers])
        elif self.state == "streaming":
            await self.end(encode.error_event(error))


class DisconnectTimer:
    """Has the clients looked for whose responses take longer than AFTER_S: most are sent by then, and need neither a
    watching task nor a timer of their own. One timer serves all."""

    AFTER_S = 0.05

    def __init__(self) -> None:
        self._since_s: dict[until_gone, float] = {}  # in the order in which they came
        self._timer: asyncio.TimerHandle | None = None

    def add(self, client: "until_gone", loop: asyncio.AbstractEventLoop) -> None:
        self._since_s[client] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.AFTER_S, self._look)

    def discard(self, client: "until_gone") -> None:
        self._since_s.pop(client, None)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now_s = loop.time() + _EARLY_S
        for client, since_s in list(self._since_s.items()):
            if now_s - since_s < self.AFTER_S:
                self._timer = loop.call_at(since_s + self.AFTER_S, self._look)
                return
            del self._since_s[client]
            client.begin_watch()


class until_gone:  # noqa: N801  reads as a verb, like contextlib's
    """Stops the block at once when the client goes away or `within_s` have passed; `ended` then says which. A client is
    first looked for when the timer says so.

    Like asyncio.timeout, it cancels the task that it is in and takes the cancellation back where the block ends.
    """

    def __init__(self, receive: Receive, within_s: float, timer: DisconnectTimer) -> None:
        self._receive = receive
        self._within_s = within_s
        self._disconnects = timer
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self.ended = ""

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if self._within_s <= self._disconnects.AFTER_S:
            self._timer = task.get_loop().call_later(self._within_s, self._end, "too late")
        else:
            self._disconnects.add(self, task.get_loop())
        return self

    def begin_watch(self) -> None:
        left_s = self._within_s - self._disconnects.AFTER_S
        self._timer = asyncio.get_running_loop().call_later(left_s, self._end, "too late")
        self._watch = asyncio.create_task(self._watch_client())

    async def _watch_client(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end("gone")

    def _end(self, why: str) -> None:
        if not self.ended:
            self.ended = why
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> bool:
        self._disconnects.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if not self.ended:
            return False
        return self._task.uncancel() == 0 and kind is asyncio.CancelledError


class kept_open:  # noqa: N801  reads as a verb, like contextlib's
    """While the block waits, keeps a stream's line open: after `first_s` the headers are sent, then a comment at once
    and every `every_s`. Sends are never cancelled half-way: leaving the block waits for one under way."""

    def __init__(self, line: Line, headers: Headers, first_s: float, every_s: float) -> None:
        self._line = line
        self._headers = headers
        self._first_s = first_s
        self._every_s = every_s
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._first_s, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._comment())

    async def _comment(self) -> None:
        async with self._sending:
            await self._line.start_stream(self._headers)
        while True:
            async with self._sending:
                await self._line.piece(encode.WAITING)
            await asyncio.sleep(self._every_s)

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._task is None:
            return
        try:
            async with self._sending:
                pass
        finally:
            self._task.cancel()
        if self._task.done() and not self._task.cancelled() and (failure := self._task.exception()):
            raise failure
