"""HTTP/1.1 to one server: a request out, a response in, each on a connection of its own while it lasts, which is kept
for the next. httptools parses. What a client for the whole web does for each call (URLs, cookies, redirects, tracing)
took more time than all else about a call here.
"""

import asyncio
import socket
import ssl
import zlib
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import quote, unquote, urlsplit

from aiohappyeyeballs import start_connection
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from rung.clock import within

# A connection that was not used for so long is not used again: the server is likely to close it at any moment.
_KEPT_S = 15.0
# Where an address is slow to be reached the next one is tried beside it (RFC 8305).
_NEXT_ADDRESS_S = 0.25
# What is read ahead of who takes it.
_AHEAD_BYTES = 2**18
# What one packet of a packed body may come to.
_MOST_BYTES = 2**24
_SAFE = "/:;@!$&'()*+,=%~?"
# zlib finds out by itself whether it is gzip's form or its own.
_ANY_WINDOW = 47

Left = Callable[[], float]


class Late(Exception):
    """What was waited for did not come in the time that was left."""


class NoConnection(Exception):
    """The server was not reached within the time for that."""


class Broken(ConnectionError):
    """The connection ended before the response did."""


class Stale(Broken):
    """A connection that was kept ended before a word came: it may have been closed before the request was read."""


class NotHttp(ConnectionError):
    """What came is no HTTP."""


class Closed(ConnectionError):
    """The client was closed."""


class Response:
    """`status` is 0 until the head is there; the names of `fields`, its headers, are in lower case. `left_s` tells how
    long to wait at most, in seconds from now, and is asked at each wait."""

    def __init__(self, connection: "_Connection", left_s: Left) -> None:
        self.status = 0
        self.fields: dict[bytes, bytes] = {}
        self.ended = False
        self._connection = connection
        self._left_s = left_s
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._packed: zlib._Decompress | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.fields.items()}

    async def begun(self) -> "Response":
        """Itself once the head is there, closed if nobody is given it: who asked may leave in the moment it comes."""
        given = False
        try:
            while not self.status:
                await self._news()
            given = True
        finally:
            if not given:
                self.close()
        return self

    async def body(self, most: int) -> bytes:
        """All that is to come, or, of more than `most` bytes, as much as was there then. Raises what `piece` raises."""
        pieces: list[bytes] = []
        size = 0
        while size <= most and (self._pieces or not self.ended or self._error is not None):
            if piece := await self.piece():
                pieces.append(piece)
                size += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def piece(self) -> bytes:
        """What came next of the body; empty at its end. Raises Late, Broken, NotHttp, Closed, OSError."""
        while not self._pieces:
            if self.ended and self._error is None:
                return b""
            await self._news()
        piece = self._pieces.popleft()
        self._held_bytes -= len(piece)
        if self._held_bytes < _AHEAD_BYTES and not self.ended:
            self._connection.read_on()
        return piece

    def close(self) -> None:
        """Ends the connection if the response has not ended. A second time does nothing."""
        if not self.ended:
            self.fail(Broken())
            self._connection.abort()

    async def _news(self) -> None:
        if self._error is not None:
            raise self._error
        within_s = self._left_s()
        if within_s <= 0:
            raise Late
        loop = self._connection.loop
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(within_s, _too_late, waiter)
        try:
            await waiter
        finally:
            timer.cancel()

    # What the connection tells.

    def begin(self, status: int) -> None:
        self.status = status
        if self.fields.get(b"content-encoding", b"").lower() in {b"gzip", b"x-gzip", b"deflate"}:  # nobody asked for it
            self._packed = zlib.decompressobj(_ANY_WINDOW)
        self._tell()

    def feed(self, data: bytes) -> None:
        piece = data
        if self._packed is not None:
            piece = self._packed.decompress(data, _MOST_BYTES)
            if self._packed.unconsumed_tail:
                raise ValueError("a packet that holds more than any answer")
        if piece:
            self._pieces.append(piece)
            self._held_bytes += len(piece)
            if self._held_bytes >= _AHEAD_BYTES:
                self._connection.read_no_more()
            if self._waiter is not None:
                self._tell()

    def end(self) -> None:
        self.ended = True
        if self._waiter is not None:
            self._tell()

    def fail(self, error: Exception) -> None:
        self.ended, self._error = True, error
        self._tell()

    def _tell(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _too_late(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(Late())


class _Connection(asyncio.Protocol):
    """One connection, busy from `send` until the response has ended."""

    def __init__(self, owner: "Http", loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._owner = owner
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._response: Response | None = None
        self._until_closed = False
        self._deaf = False
        self.idle_since_s = 0.0

    def send(self, request: bytes, left_s: Left) -> Response:
        response = self._response = Response(self, left_s)
        self._until_closed = False
        if self._transport is None:
            response.fail(Broken())
        else:
            self._transport.write(request)
        return response

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._owner.lost(self)  # at once: nobody may be given it any more

    def read_no_more(self) -> None:
        if self._transport is not None and not self._deaf:
            self._deaf = True
            self._transport.pause_reading()

    def read_on(self) -> None:
        if self._transport is not None and self._deaf:
            self._deaf = False
            self._transport.resume_reading()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if self._response is not None:
                self._response.fail(NotHttp())
            self.abort()

    def eof_received(self) -> None:
        if self._until_closed and self._response is not None and not self._response.ended:
            self._end(self._response, keep=False)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._owner.lost(self)
        if self._response is not None:
            self._response.fail(Broken())
            self._response = None
            self._owner.freed(self, keep=False)

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        response = self._response
        if response is not None and not response.status:  # what follows the body is not looked at
            response.fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        response, status = self._busy(), self._parser.get_status_code()
        if status < 200:  # the answer follows
            response.fields.clear()
            return
        self._until_closed = b"content-length" not in response.fields and b"transfer-encoding" not in response.fields
        response.begin(status)

    def on_body(self, data: bytes) -> None:
        self._busy().feed(data)

    def on_message_complete(self) -> None:
        response = self._busy()
        if response.status:
            self._end(response, keep=self._parser.should_keep_alive())

    def _busy(self) -> Response:
        if self._response is None:  # caught by the parser, which then fails
            raise NotHttp
        return self._response

    def _end(self, response: Response, *, keep: bool) -> None:
        self._response = None
        response.end()
        if self._deaf:  # what is held may be taken late; the next request must hear its answer
            self.read_on()
        self._owner.freed(self, keep=keep)


class Http:
    """The way to `url`, which is posted to. `headers` go with every request; `most` bounds the connections that are in
    use at once: who comes then waits."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connect_s: float, most: int) -> None:
        address = urlsplit(url)
        self._host = address.hostname or ""
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._port = address.port or (443 if self._tls else 80)
        self._head = _head(url, headers)
        self._connect_s = connect_s
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self.closed = False

    async def post(self, payload: bytes, left_s: Left) -> Response:
        """The response once its head is there. It must be closed. Raises what `Response.piece` raises, and NoConnection
        and Stale; after the last, the next request has a connection of its own."""
        request = b"%b%d\r\n\r\n%b" % (self._head, len(payload), payload)
        await self._make_room(left_s)
        kept = self._kept()
        if kept is None:
            return await (await self._connected(left_s)).send(request, left_s).begun()
        response = kept.send(request, left_s)
        try:
            return await response.begun()
        except Broken:
            if response.fields or self.closed:
                raise
            while self._idle:  # closed at the other end too, most likely
                self._idle.pop().abort()
            raise Stale from None

    def close(self) -> None:
        """Breaks off what is still being read."""
        self.closed = True
        for connection in list(self._open):
            connection.abort()

    async def _make_room(self, left_s: Left) -> None:
        if self.closed:
            raise Closed
        if self._free:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            with within(left_s()):
                await place
        except TimeoutError:
            self._gave_up(place)
            raise Late from None
        except asyncio.CancelledError:
            self._gave_up(place)
            raise

    def _gave_up(self, place: "asyncio.Future[None]") -> None:
        """A place may have come in the moment in which nobody waited for it any longer."""
        if not place.cancelled():
            self._give_back()

    def _give_back(self) -> None:
        """A place, to who has waited longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _kept(self) -> _Connection | None:
        while self._idle and self._idle[0].loop.time() - self._idle[0].idle_since_s > _KEPT_S:
            self._idle.pop(0).abort()
        return self._idle.pop() if self._idle else None

    async def _connected(self, left_s: Left) -> _Connection:
        """A new connection; the place that it takes is given back if there is none."""
        within_s = left_s()
        timer = asyncio.timeout(min(within_s, self._connect_s))
        connection: _Connection | None = None
        try:
            async with timer:
                connection = await self._connect()
        except TimeoutError:
            if not timer.expired():  # the network's own
                raise
            raise (NoConnection() if self._connect_s <= within_s else Late()) from None
        finally:
            if connection is None:
                self._give_back()
        return connection

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        line = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, interleave=1)
        _, connection = await loop.create_connection(
            lambda: _Connection(self, loop), sock=line, ssl=self._tls, server_hostname=self._host if self._tls else None
        )
        self._open.add(connection)
        if self.closed:
            connection.abort()
        return connection

    # What a connection tells.

    def freed(self, connection: _Connection, *, keep: bool) -> None:
        self._give_back()
        if keep and not self.closed:
            connection.idle_since_s = connection.loop.time()
            self._idle.append(connection)
        else:
            connection.abort()

    def lost(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def _head(url: str, headers: Mapping[str, str]) -> bytes:
    """All of a request before its body but for the length, which comes last."""
    address = urlsplit(url)
    lines = {
        "Host": _host(address.hostname or "") + (f":{address.port}" if address.port else ""),
        "User-Agent": "rung",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    if address.username is not None:
        pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
        lines["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    given = {name.lower() for name in headers}
    lines = {name: value for name, value in lines.items() if name.lower() not in given} | dict(headers)
    path = quote(address.path or "/", safe=_SAFE) + (f"?{quote(address.query, safe=_SAFE)}" if address.query else "")
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{told}Content-Length: ".encode()


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name.encode("idna").decode()
