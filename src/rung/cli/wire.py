"""HTTP/1.1 for one ASGI app: httptools parses, asyncio's transports carry. Whatever else a server for any app does for
each request took a sixth of an exact hit."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from email.utils import formatdate
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from starlette.types import ASGIApp, Message, Scope

from rung.clock import Clock, rest_of

# Connections that wait to be taken in.
BACKLOG = 2048
# A connection on which nothing goes on in the midst of a request or of an answer's sending for so many ticks, of a
# second each, is closed.
_STUCK_TICKS = 5
# One on which nothing was asked for so many rests.
_LIVELY_TICKS = 5
_TICK_S = 1.0
# What is read of a body ahead of who takes it, what a request's head may take, and what is not kept from a transport:
# a client that does not read is noticed by what that holds.
_AHEAD_BYTES = 2**16
_HEAD_BYTES = 2**16
_MOST_BYTES = 2**14
# Requests sent ahead on a connection until it is no longer listened to, and its end no longer noticed.
_MOST_WAITING = 16
_NO_BODY = frozenset({204, 304})


class HttpServer:
    """Answers by `app` whatever is asked on the connections to one socket; between requests they are kept `idle_s`.
    `date` is the header that each response has, of the last tick."""

    def __init__(self, app: ASGIApp, clock: Clock, idle_s: Callable[[], float]) -> None:
        self.stopping = False
        self.ticks = 0
        self._clock = clock
        self._idle_s = idle_s
        self.date = self._date()
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._lively: set[Connection] = set()
        self._tasks: dict[Exchange, asyncio.Task[None]] = {}
        self._due: list[Connection] = []
        self._hurry = asyncio.Event()

    async def serve(self, listener: socket.socket, stop: asyncio.Event, grace_s: float) -> None:
        """Until `stop`. What is being answered then has `grace_s`, or until `hurry`; what is left then is cancelled."""
        listening = await self._loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG)
        ticking = asyncio.create_task(self._tick())
        try:
            await stop.wait()
        finally:
            self.stopping = True
            ticking.cancel()
            listening.close()
            for connection in list(self._connections):
                connection.finish()
        if self._tasks:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), grace_s)
        if tasks := list(self._tasks.values()):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def hurry(self) -> None:
        """There is nothing to wait for at the end, or nobody who would."""
        self._hurry.set()

    @property
    def alone(self) -> bool:
        """Whether no more than one client asks, so that a response has nothing to go out with: those that rest do not
        count, of which a balancer keeps many."""
        return len(self._lively) < 2

    def opened(self, connection: "Connection") -> None:
        self._connections.add(connection)
        self._lively.add(connection)

    def lost(self, connection: "Connection") -> None:
        self._connections.discard(connection)
        self._lively.discard(connection)

    def begin(self, exchange: "Exchange") -> None:
        """What can be answered without waiting is, at once: only what waits costs a task."""
        work: Coroutine[Any, None, None] = self._answer(exchange)
        try:
            wanted = work.send(None)
        except StopIteration:
            return
        # None: it only gives way, so that it is in a task.
        self._tasks[exchange] = self._loop.create_task(work if wanted is None else _go_on(work, wanted))

    def begin_soon(self, exchange: "Exchange") -> None:
        self._tasks[exchange] = self._loop.create_task(self._answer(exchange))

    async def _answer(self, exchange: "Exchange") -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        finally:
            self._tasks.pop(exchange, None)
            exchange.left()
            if self.stopping and not self._tasks:
                self.hurry()

    def write_soon(self, connection: "Connection") -> None:
        """What there is for all clients at the end of the loop's round leaves then, one after another: each write wakes
        a client and lets go of the interpreter's lock, and a response is one, not one for its head and its body each.
        """
        self._due.append(connection)
        if len(self._due) == 1:
            self._loop.call_soon(self._write_due)

    def _write_due(self) -> None:
        due, self._due = self._due, []
        for connection in due:
            connection.flush()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.ticks += 1
            self.date = self._date()
            idle_s = self._idle_s()
            for connection in list(self._connections):
                rested = self.ticks - connection.since
                if rested > (idle_s if connection.idle else _STUCK_TICKS):
                    connection.finish()
                if rested > _LIVELY_TICKS and connection.idle:
                    self._lively.discard(connection)
                else:
                    self._lively.add(connection)

    def _date(self) -> bytes:
        return f"date: {formatdate(self._clock.wall(), usegmt=True)}\r\n".encode()


async def _go_on(work: Coroutine[Any, None, None], wanted: object) -> None:
    await rest_of(work, wanted)


@cache
def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@lru_cache(maxsize=256)
def _target(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, as it is meant and as it came, and query. Raises HttpParserError."""
    parsed = parse_url(url)
    path: bytes = parsed.path or b"/"
    return unquote(path.decode("ascii")), path, parsed.query or b""


def _address(transport: asyncio.BaseTransport, which: str) -> tuple[str, int] | None:
    """Host and port; None of a client that has left already."""
    found: tuple[str, int] | None = transport.get_extra_info(which)
    return found and found[:2]


class Connection(asyncio.Protocol):
    """One client's. Its requests are answered one after another. `since` is the tick of when it last began to ask or
    had its answer."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self.closed = False
        self._common: dict[str, Any] = {}
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._after_bytes = 0
        self._reading: Exchange | None = None  # its body is still to come
        self._answering: Exchange | None = None
        self._asked: Exchange | None = None  # to be answered once all that came with it is read
        self._waiting: deque[Exchange] = deque()  # asked before the one before was answered
        self._last = False  # nothing more is taken after what is being read
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._deaf = False
        self._parting = False  # all is said; what is still being sent is dropped
        self.drained: asyncio.Future[None] | None = None
        self.since = server.ticks

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        self._common = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": _address(transport, "sockname"),
            "client": _address(transport, "peername"),
            "scheme": "http",
            "root_path": "",
        }
        self.server.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._last and self._reading is None:
            return
        self._head_bytes += len(data)
        while data:
            rest = b""
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as e:
                rest = self._declined(data[e.args[0] :])
            except HttpParserError:
                if self._reading is not None or not self._last:
                    self._refuse(400)
            else:
                if self._head_bytes > _HEAD_BYTES and self._reading is None:
                    self._refuse(431)
            data = rest
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self.server.begin(asked)

    def _declined(self, rest: bytes) -> bytes:
        """An offer to speak something else, as some clients make of HTTP/2 with each request, is passed over. The
        parser takes what follows it for that: another is to read the head again, without the offer, and the `rest`."""
        parser, self._parser = self._parser, HttpRequestParser(self)
        fields = [b"%b: %b\r\n" % header for header in self._headers if header[0] != b"upgrade"]
        version = parser.get_http_version().encode()
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (parser.get_method(), self._url, version, b"".join(fields))
        return head + rest

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.closed = True
        self.server.lost(self)
        self._out.clear()
        self._waiting.clear()
        self.resume_writing()
        if self._answering is not None:
            self._answering.tell()

    def pause_writing(self) -> None:
        self.drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        drained, self.drained = self.drained, None
        if drained is not None:
            if not drained.done():
                drained.set_result(None)
            if self._answering is None:
                self._next()

    # What the parser tells.

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._after_bytes = 0
        self.since = self.server.ticks

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reading is not None:  # after a body in chunks; nothing asks for it
            self._after_bytes += len(name) + len(value)
            if self._after_bytes > _HEAD_BYTES:
                raise ValueError("too much follows a body")
            return
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser, version = self._parser, self._parser.get_http_version()
        if parser.should_upgrade():
            if parser.get_method() == b"CONNECT":
                raise ValueError("no tunnel begins here")
            return  # it is read again, without the offer
        path, raw_path, query = _target(self._url)
        scope = {
            **self._common,
            "method": parser.get_method().decode("ascii"),
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
        }
        if version != "1.1":
            scope["http_version"] = version
        keep = version == "1.1" and parser.should_keep_alive()
        exchange = self._reading = Exchange(self, scope, keep=keep)
        self._last = not keep
        if self._answering is None and self.drained is None:
            self._answering = self._asked = exchange
        else:
            self._waiting.append(exchange)
            if len(self._waiting) >= _MOST_WAITING:
                self.hear_no_more()

    def on_body(self, data: bytes) -> None:
        if self._reading is not None:
            self._reading.feed(data)

    def on_message_complete(self) -> None:
        reading, self._reading = self._reading, None
        self._head_bytes = 0
        if reading is not None:
            reading.feed_end()
        if self._parting:
            self._close()

    # What an exchange asks for.

    def write(self, data: bytes, *, soon: bool = False) -> None:
        """At the end of the loop's round; at once where there is nothing to go out with, unless more comes `soon`."""
        if not self._out:
            self.server.write_soon(self)
        self._out.append(data)
        self._out_bytes += len(data)
        if self._out_bytes > _MOST_BYTES or (not soon and self.server.alone):
            self.flush()

    def flush(self) -> None:
        if self._out:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out.clear()
            self._out_bytes = 0
            if self._transport is not None:
                self._transport.write(data)

    def hear_no_more(self) -> None:
        if self._transport is not None and not self._deaf:
            self._deaf = True
            self._transport.pause_reading()

    def hear_on(self) -> None:
        if self._transport is not None and self._deaf:
            self._deaf = False
            self._transport.resume_reading()

    def answered(self, *, keep: bool) -> None:
        self._answering = None
        self.since = self.server.ticks
        if not keep or self.server.stopping:
            self._part()
        elif self.drained is None:  # who does not read what it asked for has no more of it kept here
            self._next()

    def _next(self) -> None:
        if self._waiting:
            self._answering = self._waiting.popleft()
            self.server.begin_soon(self._answering)
        if len(self._waiting) < _MOST_WAITING:
            self.hear_on()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @property
    def idle(self) -> bool:
        """Whether it is between requests."""
        return not (self._answering or self._head_bytes or self._parting or self.drained)

    def finish(self) -> None:
        """Closes it unless a request is being answered."""
        if self._answering is None:
            self._close()

    def _refuse(self, status: int) -> None:
        """What comes is no request. Those that were whole before it are answered: a length that counts letters instead
        of bytes leaves some over. To who waits for an answer in the midst of a body nothing can be said."""
        asked = self._waiting[-1] if self._waiting else self._answering
        if asked is not None and self._reading is None:
            self._last, asked.keep = True, False
            return
        if self._answering is None and not self._parting:
            self.write(b"%b%bcontent-length: 0\r\nconnection: close\r\n\r\n" % (_status_line(status), self.server.date))
        self._close()

    def _part(self) -> None:
        """Closes it, but reads on while the request is still being sent, for some seconds: a client that is cut off
        does not read why."""
        if self._reading is None or self._transport is None or self.server.stopping:
            self._close()
            return
        self._last = self._parting = True
        self.flush()
        self._transport.write_eof()
        self.hear_on()

    def _close(self) -> None:
        self._last, self._reading = True, None
        self._waiting.clear()
        self.flush()
        if self._transport is not None:
            self._transport.close()


class Exchange:
    """One request and its response, as ASGI has them. `keep`: the connection stays for the next."""

    def __init__(self, connection: Connection, scope: Scope, *, keep: bool) -> None:
        self.scope = scope
        self.keep = keep
        self._connection = connection
        self._pieces: list[bytes] = []
        self._held_bytes = 0
        self._whole = False  # the request is all here,
        self._taken = False  # and was given
        self._news: asyncio.Future[None] | None = None
        self._begun = False
        self._ended = False
        self._chunked = False
        self._bodiless = False

    def feed(self, data: bytes) -> None:
        if self._ended:  # refused before it was all read
            return
        self._pieces.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _AHEAD_BYTES:
            self._connection.hear_no_more()
        self.tell()

    def feed_end(self) -> None:
        self._whole = True
        self.tell()

    def tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def left(self) -> None:
        """Whoever answers it does so no longer."""
        if not self._ended:
            self._connection.abort()

    async def receive(self) -> Message:
        while not (self._ended or self._connection.closed):
            if self._pieces or (self._whole and not self._taken):
                body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces.clear()
                self._held_bytes = 0
                self._taken = self._whole
                if not self._whole:
                    self._connection.hear_on()
                return {"type": "http.request", "body": body, "more_body": not self._whole}
            if not (self._whole or self._begun or self._news) and _expects_a_word(self.scope):
                self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._ended or self._connection.closed:  # nobody is there to be told
            self._ended = True
        elif not self._begun:
            self._begun = True
            self._connection.write(self._head(message["status"], message.get("headers", ())), soon=True)
        else:
            await self._send_body(message.get("body", b""), more=message.get("more_body", False))

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        if self._bodiless:
            body = b""
        elif self._chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        self._connection.write(body)
        if not more:
            self._ended = True
            self._connection.answered(keep=self.keep)
        elif self._connection.drained is not None:
            await self._connection.drained

    def _head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        parts: list[bytes] = []
        sized = False
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
            sized = sized or name == b"content-length"
        fields, count = b"".join(parts), len(parts) // 4
        if fields.count(b"\n") != count or fields.count(b"\r") != count:
            raise ValueError("a header has one line")
        self._bodiless = status in _NO_BODY or self.scope["method"] == "HEAD"
        if not self._bodiless and not sized:
            if self.scope["http_version"] == "1.1":
                self._chunked = True
                fields += b"transfer-encoding: chunked\r\n"
            else:  # its end is told by the connection's
                self.keep = False
        if not self.keep:
            fields += b"connection: close\r\n"
        return b"%b%b%b\r\n" % (_status_line(status), self._connection.server.date, fields)


def _expects_a_word(scope: Scope) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])
