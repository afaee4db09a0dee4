"""The client side of OpenAI's chat completions over HTTP: one request out, chunks in."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from socket import gaierror
from ssl import SSLCertVerificationError
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from rung.clock import Clock
from rung.config.schema import Price, Timeouts, under
from rung.errors import Disconnected, Malformed, TimedOut, Unavailable, UpstreamRefusedRequest
from rung.reasoners.completions import Reading, whole
from rung.reasoners.http import Broken, Http, Late, NoConnection, Response, Stale
from rung.reasoners.patience import Patience
from rung.reasoners.refusals import Words, refusal, reported
from rung.reasoners.sse import Events
from rung.types import Chunk, Json

_ENDING_S = 0.1  # after the last event, for the connection to end in order and be used again
_SHORTEST_SECRET = 8
_DONE = b"[DONE]"
_THOUGHTS = "reasoning_content"


class Server(Struct, frozen=True, kw_only=True):
    """Where chat completions are asked for, and within which bounds. `name` is the reasoner's, for messages; `base_url`
    is up to and without `/chat/completions`; `concurrency` bounds the connections, `max_bytes` an answer."""

    name: str
    base_url: str
    model: str
    headers: Mapping[str, str] = MappingProxyType({})
    price: Price = Price()
    timeouts: Timeouts = Timeouts()
    concurrency: int = 64
    max_bytes: int = 64 * 2**20


class ChatClient:
    """Asks one server. Between `open` and `close`, any number of answers may be read at once, each from its own
    connection; leaving an answer early closes its connection, which is how the server learns of it."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._http: Http | None = None
        self._asks_usage = True
        self._takes_thoughts = True
        self._url = under(server.base_url, "/chat/completions")
        queried = [pair.partition("=")[2] for pair in urlsplit(server.base_url).query.split("&")]
        words = [word for value in (*server.headers.values(), *queried) for word in value.split()]
        self._secrets = [word for word in words if len(word) >= _SHORTEST_SECRET]

    async def open(self) -> None:
        server = self._server
        self._http = Http(self._url, server.headers, connect_s=server.timeouts.connect_s, most=server.concurrency)

    async def close(self) -> None:
        """Breaks off what is still being read. A second time does nothing."""
        if self._http is not None:
            self._http.close()

    async def answer(self, body: Json, *, stream: bool) -> AsyncIterator[Chunk]:
        """The chunks of an answer to `body` (a chat completion's, its `model` and `stream` replaced).

        `stream`: chunks as the server writes them; else the server is asked for the answer whole, which costs less.
        What comes back is told by its content type, since some servers do as they like. Raises ReasonerErrors only.
        """
        name = self._server.name
        exchange = _Exchange(self._server, self._clock, self._secrets, body)
        try:
            await self._begin(exchange, body, stream)
            if exchange.streams:
                async with aclosing(exchange.stream()) as chunks:
                    async for chunk in chunks:
                        yield chunk
            else:
                for chunk in exchange.whole():
                    yield chunk
        except Late:
            raise TimedOut(exchange.spent()) from None
        except NoConnection:
            connect_s = self._server.timeouts.connect_s
            raise TimedOut(f"{name}: no connection within {connect_s:g} s (timeouts.connect_s)") from None
        except Stale:
            raise Disconnected(f"{name}: closed a connection that was kept") from None
        except OSError as error:
            raise Unavailable(f"{name}: {exchange.broke(error)}") from None
        finally:
            exchange.close()

    async def _begin(self, exchange: "_Exchange", body: Json, stream: bool) -> None:
        """Some servers refuse what others pass over: to tell the usage of a stream (Mistral's, Databricks' and
        Fireworks' were seen to), or messages with what was thought (Groq's), as other reasoners tell it. They are asked
        again without, and from then on always without."""
        try:
            await exchange.begin(self._running(), self._payload(body, stream), stream)
        except UpstreamRefusedRequest:
            further = (body.get("stream_options") or {}).keys() - {"include_usage"}
            if stream and self._asks_usage and exchange.blames(b"stream_options") and not further:
                self._asks_usage = False
                await self._begin(exchange, body, stream)
            elif self._takes_thoughts and exchange.blames(_THOUGHTS.encode()) and _tells_thoughts(body):
                await self._begin(exchange, _without_thoughts(body), stream)
                self._takes_thoughts = False  # only now: there are servers that miss some, and name them too
            else:
                raise

    def _payload(self, body: Json, stream: bool) -> bytes:
        told = body if self._takes_thoughts else _without_thoughts(body)
        asked = {**told, "model": self._server.model, "stream": stream}
        asked.pop("stream_options", None)
        if stream and self._asks_usage:
            asked["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        try:
            return msgspec.json.encode(asked)
        except UnicodeEncodeError:  # the cause would quote the prompt
            raise UpstreamRefusedRequest(f"{self._server.name}: the request's text is no valid Unicode") from None

    def _running(self) -> Http:
        if self._http is None or self._http.closed:
            raise Unavailable(f"{self._server.name}: is not running")
        return self._http


def _tells_thoughts(body: Json) -> bool:
    return any(_THOUGHTS in message for message in body.get("messages", ()))


def _without_thoughts(body: Json) -> Json:
    if not _tells_thoughts(body):
        return body
    messages = [{key: value for key, value in message.items() if key != _THOUGHTS} for message in body["messages"]]
    return {**body, "messages": messages}


class _Exchange:
    """One request and what comes back."""

    def __init__(self, server: Server, clock: Clock, secrets: Sequence[str], body: Json) -> None:
        self._name = server.name
        self._max_bytes = server.max_bytes
        self._patience = Patience(server.name, server.timeouts, clock)
        self._clock = clock
        self._secrets = secrets
        self._body = body
        self._reading = Reading(server.name, body, server.price)
        self._response: Response | None = None
        self._raw = b""
        self.streams = False
        self.spent = self._patience.spent

    @property
    def _received(self) -> Response:
        assert self._response is not None, "begin() comes first"
        return self._response

    async def begin(self, http: Http, payload: bytes, stream: bool) -> None:
        """Returns once the server has begun to stream, or has answered whole."""
        if not stream:
            self._patience.comes_whole()
        response = self._response = await http.post(payload, self._patience.left_s)
        if response.status != 200:
            raw = self._raw = await self._read(response)
            wall_s = self._clock.wall()
            raise refusal(self._name, response.status, response.headers, raw, words=self._words(), wall_s=wall_s)
        kind = response.fields.get(b"content-type", b"")
        self.streams = b"event-stream" in kind or (stream and b"json" not in kind)
        if not self.streams:
            if stream:
                self._patience.comes_whole()
            self._raw = await self._read(response)

    def blames(self, field: bytes) -> bool:
        """Whether the server's refusal names a field of the request."""
        return field in self._raw

    def whole(self) -> list[Chunk]:
        return whole(self._reading, self._decoded(self._raw))

    async def stream(self) -> AsyncGenerator[Chunk, None]:
        done = False
        async with aclosing(self._events()) as events:
            async for data in events:
                done = data.strip() == _DONE
                if done:
                    break
                for chunk in self._reading.read(self._decoded(data)):
                    yield chunk
                self._patience.chunk_came()
        for chunk in self._reading.end(said_so=done):
            yield chunk
        await self._ended()

    async def _events(self) -> AsyncGenerator[bytes, None]:
        events, size, packet = Events(), 0, b"begin"
        while packet:
            try:
                packet = await self._received.piece()
            except Late:
                if not self._reading.finished:
                    raise
                return  # the answer is whole; only the server's goodbye is missing
            size = self._bounded(size + len(packet))
            for data in events.feed(packet) if packet else events.end():
                yield data

    async def _ended(self) -> None:
        """Lets the connection end in order, so that it can be used again; one that lingers is closed."""
        if not self._received.ended:
            with suppress(TimeoutError, Late, OSError):
                async with asyncio.timeout(_ENDING_S):
                    while await self._received.piece():
                        pass

    async def _read(self, response: Response) -> bytes:
        raw = await response.body(self._max_bytes)
        self._bounded(len(raw))
        return raw

    def _words(self) -> Words:
        return Words(self._body, self._secrets)

    def _bounded(self, size: int) -> int:
        if size > self._max_bytes:
            raise Malformed(f"{self._name}: sent more than {self._max_bytes} bytes")
        return size

    def _decoded(self, data: bytes) -> Any:
        try:
            wire = msgspec.json.decode(data)
        except (ValueError, RecursionError):  # the cause would quote the answer
            raise Malformed(f"{self._name}: sent what is no JSON") from None
        if isinstance(wire, dict) and wire.get("error"):
            raise reported(self._name, wire["error"], self._words())
        return wire

    def broke(self, error: Exception) -> str:
        """What happened, without the error's own words, which may quote the answer."""
        if self._response is not None:
            return f"the connection broke in mid-answer ({type(error).__name__})"
        if isinstance(error, Broken):
            return "closed the connection without an answer"
        if isinstance(error, SSLCertVerificationError):  # it tells of the certificate only
            why = error.verify_message
            return f"has a certificate that is not trusted ({why}); SSL_CERT_FILE names who may vouch for it"
        if isinstance(error, gaierror):
            return (
                "cannot be reached: the name in its base_url is not found; look at it, and whether there is a network"
            )
        return f"cannot be reached ({type(error).__name__}); look at base_url, and whether the server runs"

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
