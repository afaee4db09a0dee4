import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from rung.cli import wire
from rung.cli.wire import HttpServer
from rung.clock import RealClock, in_a_task

# What Java's client offers with each request.
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"
OK: list[tuple[bytes, bytes]] = [(b"content-type", b"text/plain")]


class Hands(RealClock):
    def __init__(self) -> None:
        self.wall_s = 784111777.0  # RFC 9110's example

    def wall(self) -> float:  # type: ignore[override]
        return self.wall_s


class Site:
    """A server on a free port, and an app that does what the path says. `scopes` are of all that was asked."""

    def __init__(self, idle_s: float = 5.0) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.clients: list[Client] = []
        self.scopes: list[Any] = []
        self.ended: list[str] = []
        self.go_on = asyncio.Event()
        self.stop = asyncio.Event()
        self.clock = Hands()
        self.server = HttpServer(self.app, self.clock, lambda: idle_s)
        self.serving = asyncio.create_task(self.server.serve(self.listener, self.stop, 0.3))

    async def app(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.scopes.append(scope)
        try:
            await getattr(self, scope["path"].strip("/").replace("-", "_"))(receive, send)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    @staticmethod
    async def whole(send: Callable[[Any], Awaitable[None]], body: bytes, headers: Any = OK, status: int = 200) -> None:
        sized = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": sized})
        await send({"type": "http.response.body", "body": body})

    async def echo(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("gone")
                return
            body, more = body + message["body"], message["more_body"]
        await self.whole(send, body)

    async def refuse(self, receive: Any, send: Any) -> None:
        await self.whole(send, b"no", status=413)

    async def pieces(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": OK})
        for piece in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def head_first(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": OK})
        await self.go_on.wait()
        await send({"type": "http.response.body", "body": b"late"})

    async def flood(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": OK})
        for number in range(400):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            self.ended.append(str(number))
        await send({"type": "http.response.body", "body": b""})

    async def large(self, receive: Any, send: Any) -> None:
        await self.whole(send, b"x" * 2**20)

    async def wait(self, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ended.append("gone")

    async def task(self, receive: Any, send: Any) -> None:
        before = asyncio.current_task()
        await in_a_task()
        now = asyncio.current_task()
        await self.whole(send, b"%s, then %s" % (b"a task" if before else b"none", b"a task" if now else b"none"))

    async def slow(self, receive: Any, send: Any) -> None:
        await self.go_on.wait()
        await self.whole(send, b"slow")

    async def empty(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def odd(self, receive: Any, send: Any) -> None:
        await self.whole(send, b"", status=599)

    async def silent(self, receive: Any, send: Any) -> None:
        pass

    async def two_lines(self, receive: Any, send: Any) -> None:
        try:
            await self.whole(send, b"", headers=[(b"x-one", b"a\r\nx-two: b")])
        except ValueError:
            self.ended.append("refused")

    async def open(self) -> "Client":
        client = Client(*await asyncio.open_connection(*self.address))
        self.clients.append(client)
        return client

    async def close(self) -> None:
        self.go_on.set()
        self.stop.set()
        await asyncio.wait_for(self.serving, 5)
        for client in self.clients:
            client.writer.transport.abort()
        await asyncio.sleep(0)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, text: bytes) -> None:
        self.writer.write(text)

    def ask(
        self, path: str, body: bytes = b"", *, method: str = "POST", more: bytes = b"", version: str = "1.1"
    ) -> None:
        size = b"content-length: %d\r\n" % len(body)
        self.say(f"{method} {path} HTTP/{version}\r\nHost: here\r\n".encode() + more + size + b"\r\n" + body)

    async def response(self, *, bodiless: bool = False) -> tuple[int, bytes, bytes]:
        """Status, head, body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = b""
        if fields.get(b"transfer-encoding") == b"chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
        elif b"content-length" in fields and not bodiless:
            body = await self.reader.readexactly(int(fields[b"content-length"]))
        return int(head.split()[1]), head, body

    async def closed(self) -> bytes:
        """What came until the server closed."""
        return await self.reader.read()


@pytest_asyncio.fixture
async def site() -> AsyncGenerator[Site, None]:
    it = Site()
    await asyncio.sleep(0)
    yield it
    await it.close()


async def test_requests_are_answered_on_one_connection(site: Site) -> None:
    client = await site.open()
    for body in (b"first", b"", b"third" * 10_000):
        client.ask("/echo", body)
        status, head, got = await client.response()
        assert (status, got) == (200, body)
        date = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        assert head.startswith(b"HTTP/1.1 200 OK\r\n" + date + b"content-type: text/plain\r\n")
        assert b"connection" not in head


async def test_only_what_waits_has_a_task(site: Site) -> None:
    client = await site.open()
    for _ in range(2):
        client.ask("/task")
        assert (await client.response())[2] == b"none, then a task"
    client.ask("/slow")
    client.ask("/task")
    await asyncio.sleep(0.02)
    site.go_on.set()
    assert (await client.response())[2] == b"slow"
    assert (await client.response())[2] == b"a task, then a task"


async def test_many_sent_ahead_are_answered_one_after_another(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /refuse HTTP/1.1\r\ncontent-length: 0\r\n\r\n" * 2000)
    for _ in range(2000):
        assert (await client.response())[0] == 413


async def test_the_app_is_told_what_asgi_says(site: Site) -> None:
    client = await site.open()
    client.ask("/ec%68o?a=1&b=%20", b"x", more=b"X-One: A\r\nx-one: b\r\n")
    await client.response()
    scope = site.scopes[0]
    assert scope["type"] == "http"
    assert (scope["method"], scope["http_version"], scope["scheme"], scope["root_path"]) == ("POST", "1.1", "http", "")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/echo", b"/ec%68o", b"a=1&b=%20")
    assert scope["headers"] == [
        (b"host", b"here"),
        (b"x-one", b"A"),
        (b"x-one", b"b"),
        (b"content-length", b"1"),
    ]
    assert scope["server"] == site.address
    assert scope["client"] == client.writer.get_extra_info("sockname")


async def test_a_body_may_come_in_pieces_and_chunks(site: Site) -> None:
    client = await site.open()
    text = b"POST /echo HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    for at in range(len(text)):
        client.say(text[at : at + 1])
        await asyncio.sleep(0)
    assert (await client.response())[2] == b"abcde"


async def test_what_follows_a_body_in_chunks_is_no_header_and_has_a_bound(site: Site) -> None:
    client = await site.open()
    begun = b"POST /echo HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
    client.say(begun + b"x-after: 1\r\n\r\n")
    assert (await client.response())[2] == b"ab"
    assert all(name != b"x-after" for name, _ in site.scopes[0]["headers"])
    client.say(begun + b"x-after: 1\r\n" * 20_000)
    with suppress(ConnectionResetError):
        assert await client.reader.read() == b""
    assert len(site.scopes[1]["headers"]) == 2


async def test_a_client_that_leaves_is_noticed_though_it_asked_ahead(site: Site) -> None:
    client = await site.open()
    client.ask("/wait")
    client.ask("/echo", b"next")
    await asyncio.sleep(0.02)
    client.writer.close()
    for _ in range(100):
        await asyncio.sleep(0.01)
        if site.ended:
            break
    assert site.ended == ["gone"]
    assert len(site.scopes) == 1


async def test_requests_sent_ahead_are_answered_in_order(site: Site) -> None:
    client = await site.open()
    client.ask("/slow")
    client.ask("/echo", b"second")
    client.ask("/echo", b"third")
    await asyncio.sleep(0.02)
    assert len(site.scopes) == 1
    site.go_on.set()
    assert [(await client.response())[2] for _ in range(3)] == [b"slow", b"second", b"third"]


async def test_the_body_of_one_sent_ahead_may_come_after_its_turn(site: Site) -> None:
    client = await site.open()
    client.ask("/slow")
    client.say(b"POST /echo HTTP/1.1\r\nhost: here\r\ncontent-length: 5\r\n\r\n")
    await asyncio.sleep(0.02)
    site.go_on.set()
    assert (await client.response())[2] == b"slow"
    client.say(b"later")
    assert (await client.response())[2] == b"later"


async def test_a_status_without_a_name_is_told(site: Site) -> None:
    client = await site.open()
    client.ask("/odd")
    status, head, _ = await client.response()
    assert status == 599
    assert head.startswith(b"HTTP/1.1 599 \r\n")


async def test_each_response_says_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_TICK_S", 0.01)
    site = Site()
    await asyncio.sleep(0)
    client = await site.open()
    for path in ("/echo", "/empty", "/pieces"):
        client.ask(path)
        head = (await client.response())[1]
        assert head.count(b"\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n") == 1
    site.clock.wall_s += 1
    await asyncio.sleep(0.05)
    client = await site.open()
    client.say(b"no http\r\n\r\n")
    assert b"\r\ndate: Sun, 06 Nov 1994 08:49:38 GMT\r\n" in await client.closed()
    await site.close()


async def test_what_has_no_length_comes_in_chunks(site: Site) -> None:
    client = await site.open()
    client.ask("/pieces")
    status, head, body = await client.response()
    assert (status, body) == (200, b"onetwo")
    assert b"transfer-encoding: chunked" in head
    client.ask("/echo", b"next")
    assert (await client.response())[2] == b"next"


async def test_to_an_old_client_the_end_is_told_by_closing(site: Site) -> None:
    client = await site.open()
    client.ask("/pieces", version="1.0")
    assert (await client.closed()).endswith(b"connection: close\r\n\r\nonetwo")


async def test_who_says_close_is_closed(site: Site) -> None:
    client = await site.open()
    client.ask("/echo", b"x", more=b"Connection: close\r\n")
    client.ask("/echo", b"never read")
    seen = await client.closed()
    assert seen.count(b"HTTP/1.1") == 1
    assert b"connection: close" in seen
    assert len(site.scopes) == 1


async def test_no_body_follows_head_or_a_204(site: Site) -> None:
    client = await site.open()
    client.ask("/echo", b"abc", method="HEAD")
    assert b"content-length: 3" in (await client.response(bodiless=True))[1]
    client.ask("/empty")
    status, head, _ = await client.response()
    assert status == 204
    assert b"transfer-encoding" not in head
    client.ask("/echo", b"x")
    assert (await client.response())[2] == b"x"


async def test_a_head_is_sent_though_its_body_is_late(site: Site) -> None:
    client = await site.open()
    client.ask("/head-first")
    assert b"200 OK" in await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 1)
    site.go_on.set()
    assert await client.reader.readuntil(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_one_that_waits_to_be_asked_for_its_body_is(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /echo HTTP/1.1\r\nhost: here\r\nExpect: 100-Continue\r\ncontent-length: 3\r\n\r\n")
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.say(b"abc")
    assert (await client.response())[2] == b"abc"


async def test_what_is_refused_early_is_read_to_its_end(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /refuse HTTP/1.1\r\nhost: here\r\ncontent-length: 3000000\r\n\r\n")
    assert (await client.response())[0] == 413
    client.say(b"x" * 3_000_000)
    client.ask("/echo", b"next")
    assert (await client.response())[2] == b"next"


@pytest.mark.parametrize("head", [b"HTTP/1.0\r\n", b"HTTP/1.1\r\nconnection: close\r\n"], ids=["old", "close"])
async def test_who_sends_on_after_a_refusal_is_closed_after_the_body(site: Site, head: bytes) -> None:
    client = await site.open()
    client.say(b"POST /refuse " + head + b"host: here\r\ncontent-length: 30000000\r\n\r\n")
    for _ in range(300):
        client.say(b"x" * 100_000)
        await client.writer.drain()
    assert (await client.closed()).endswith(b"\r\n\r\nno")


async def test_who_sends_too_long_after_a_refusal_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_TICK_S", 0.01)
    again = Site()
    client = await again.open()
    client.say(b"POST /refuse HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 30000000\r\n\r\n")
    assert (await client.closed()).endswith(b"\r\n\r\nno")

    async def send_on() -> None:
        for _ in range(100):
            client.say(b"x")
            await asyncio.sleep(0.01)
            await client.writer.drain()

    with pytest.raises(ConnectionError):
        await send_on()
    await again.close()


async def test_a_body_that_nobody_takes_is_not_read_ahead(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /slow HTTP/1.1\r\nhost: here\r\ncontent-length: 50000000\r\n\r\n")
    client.say(b"x" * 50_000_000)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.writer.drain(), 0.3)
    site.go_on.set()
    assert (await client.response())[2] == b"slow"


async def test_who_does_not_read_is_not_written_to(site: Site) -> None:
    client = await site.open()
    client.ask("/flood")
    await asyncio.sleep(0.3)
    assert len(site.ended) < 400
    assert len((await client.response())[2]) == 400 * 65536
    assert len(site.ended) == 400


async def test_who_asks_on_and_does_not_read_is_answered_no_further(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /large HTTP/1.1\r\ncontent-length: 0\r\n\r\n" * 100)
    await asyncio.sleep(0.3)
    begun = len(site.scopes)
    assert begun < 50
    await asyncio.sleep(0.1)
    assert len(site.scopes) == begun
    for _ in range(100):
        assert len((await client.response())[2]) == 2**20
    client.ask("/echo", b"after")
    assert (await client.response())[2] == b"after"


async def test_nor_is_who_asks_once_more_now_and_then(site: Site) -> None:
    client = await site.open()
    for _ in range(100):
        client.say(b"POST /large HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        await asyncio.sleep(0.005)
    assert len(site.scopes) < 50
    for _ in range(100):
        assert len((await client.response())[2]) == 2**20


async def test_who_does_not_read_may_leave_with_requests_unanswered(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /large HTTP/1.1\r\ncontent-length: 0\r\n\r\n" * 100)
    await asyncio.sleep(0.3)
    begun = len(site.scopes)
    client.writer.transport.abort()
    await asyncio.sleep(0.05)
    assert len(site.scopes) == begun
    assert not site.server._connections


async def test_once_closed_it_is_answered_no_more_though_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_TICK_S", 0.02)
    again = Site()
    client = await again.open()
    client.say(b"POST /large HTTP/1.1\r\ncontent-length: 0\r\n\r\n" * 100)
    await asyncio.sleep(0.5)
    begun = len(again.scopes)
    assert (await client.closed()).count(b"HTTP/1.1 200") == begun == len(again.scopes)
    await again.close()


async def test_an_app_hears_that_its_client_left(site: Site) -> None:
    for path in ("/wait", "/flood"):
        client = await site.open()
        client.ask(path)
        await asyncio.sleep(0.05)
        client.writer.transport.abort()
    for _ in range(100):
        await asyncio.sleep(0.01)
        if site.ended[-1:] == ["399"] and "gone" in site.ended:
            return
    raise AssertionError(site.ended)


@pytest.mark.parametrize(
    "text",
    [
        b"no http\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"CONNECT /echo HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused(site: Site, text: bytes) -> None:
    client = await site.open()
    client.say(text)
    assert (await client.closed()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert not site.scopes


@pytest.mark.parametrize("ahead", [0, 1, 2])
@pytest.mark.parametrize("rest", [b"}", b"no http\r\n\r\n", b"GET /echo HTTP/1.1\r\nbad header\r\n"])
async def test_what_was_asked_before_it_is_answered(site: Site, rest: bytes, ahead: int) -> None:
    client = await site.open()
    client.say(b"POST /slow HTTP/1.1\r\ncontent-length: 0\r\n\r\n" * ahead)
    client.ask("/echo", b"short by one")
    client.say(rest)
    await asyncio.sleep(0.02)
    site.go_on.set()
    assert [(await client.response())[2] for _ in range(ahead)] == [b"slow"] * ahead
    _, head, body = await client.response()
    assert body == b"short by one"
    assert b"connection: close\r\n" in head
    assert await client.closed() == b""


async def test_a_body_that_breaks_off_ends_the_request(site: Site) -> None:
    client = await site.open()
    client.say(
        b"POST /echo HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nab\r\n"
    )
    await asyncio.sleep(0.02)
    client.say(b"no size\r\n")
    assert await client.closed() == b""
    await asyncio.sleep(0.02)
    assert site.ended == ["gone"]


async def test_a_length_told_in_two_ways_is_refused(site: Site) -> None:
    client = await site.open()
    client.say(b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nabc")
    assert (await client.closed()).startswith(b"HTTP/1.1 400")


async def test_a_head_without_end_is_refused(site: Site) -> None:
    client = await site.open()
    client.say(b"GET /echo HTTP/1.1\r\n" + b"x-more: yes\r\n" * 4_900)
    await asyncio.sleep(0.05)
    client.say(b"x-more: yes\r\n" * 300)
    assert (await client.closed()).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize("offer", [b"Connection: Upgrade\r\nUpgrade: websocket\r\n", H2C], ids=["ws", "h2c"])
async def test_an_offer_to_speak_something_else_is_passed_over(site: Site, offer: bytes) -> None:
    client = await site.open()
    client.ask("/echo?a=b", b"before")
    client.ask("/echo?a=b", b"one", more=offer)
    client.ask("/echo", method="GET", more=offer)
    assert [(await client.response())[2] for _ in range(3)] == [b"before", b"one", b""]
    client.say(b"POST /echo HTTP/1.1\r\n%btransfer-encoding: chunked\r\n\r\n3\r\ntw" % offer)
    await asyncio.sleep(0.02)
    client.say(b"o\r\n0\r\n\r\n")
    assert (await client.response())[2] == b"two"
    assert [scope["query_string"] for scope in site.scopes] == [b"a=b", b"a=b", b"", b""]
    assert (b"content-length", b"3") in site.scopes[1]["headers"]


async def test_many_offers_at_once_are_passed_over(site: Site) -> None:
    client = await site.open()
    client.say(b"GET /echo HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" * 1_000)
    for _ in range(1_000):
        assert (await client.response())[0] == 200


async def test_an_app_that_says_nothing_ends_the_connection(site: Site) -> None:
    client = await site.open()
    client.ask("/silent")
    assert await client.closed() == b""


async def test_no_header_has_two_lines(site: Site) -> None:
    client = await site.open()
    client.ask("/two-lines")
    assert await client.closed() == b""
    assert site.ended == ["refused"]


async def test_who_asks_nothing_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_TICK_S", 0.01)
    again = Site()
    await asyncio.sleep(0)
    silent, slow, busy = [await again.open() for _ in range(3)]
    slow.say(b"POST /echo HTTP/1.1\r\nhost:")
    busy.ask("/slow")
    assert await asyncio.wait_for(silent.closed(), 1) == b""
    assert await asyncio.wait_for(slow.closed(), 1) == b""
    again.go_on.set()
    assert (await busy.response())[2] == b"slow"
    await again.close()


async def test_between_its_requests_a_connection_is_kept_as_long_as_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for a load balancer that may use it again; what is begun and not gone on with is not kept so long."""
    monkeypatch.setattr(wire, "_TICK_S", 0.01)
    again = Site(idle_s=60.0)
    await asyncio.sleep(0)
    idle, slow = await again.open(), await again.open()
    idle.ask("/empty")
    assert (await idle.response())[0] == 204
    slow.say(b"POST /echo HTTP/1.1\r\nhost:")
    assert await asyncio.wait_for(slow.closed(), 0.3) == b""
    idle.ask("/empty")
    assert (await idle.response())[0] == 204
    assert await asyncio.wait_for(idle.closed(), 2) == b""
    await again.close()


async def test_who_asks_beside_connections_that_rest_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is for one client alone does not wait for the end of the loop's round."""
    monkeypatch.setattr(wire, "_TICK_S", 0.01)
    again = Site(idle_s=1e6)
    await asyncio.sleep(0)
    first, second = await again.open(), await again.open()

    async def ask(*clients: Client) -> None:
        for client in clients:
            client.ask("/empty")
            assert (await client.response())[0] == 204

    await ask(first, second)
    assert not again.server.alone
    async with asyncio.timeout(5):
        while not again.server.alone:
            await ask(first)
        while again.server.alone:
            await ask(first, second)
    for client in (first, second):
        client.ask("/slow")
    await asyncio.sleep(0.2)
    assert not again.server.alone, "who waits long for an answer does not rest"
    again.go_on.set()
    for client in (first, second):
        assert (await client.response())[2] == b"slow"
    await again.close()


async def test_what_is_under_way_is_answered_before_the_end(site: Site) -> None:
    idle, busy = await site.open(), await site.open()
    busy.ask("/slow")
    await asyncio.sleep(0.02)
    site.stop.set()
    assert await idle.closed() == b""
    site.go_on.set()
    assert (await busy.response())[2] == b"slow"
    assert await busy.closed() == b""
    await asyncio.wait_for(site.serving, 0.2)
    with pytest.raises(ConnectionRefusedError):
        await site.open()


async def test_what_takes_too_long_at_the_end_is_cancelled(site: Site) -> None:
    client = await site.open()
    client.ask("/slow")
    await asyncio.sleep(0.02)
    site.stop.set()
    await asyncio.wait_for(site.serving, 1)
    assert site.ended == ["cancelled"]


async def test_at_the_end_nobody_is_waited_for_in_a_hurry(site: Site) -> None:
    client = await site.open()
    client.ask("/slow")
    await asyncio.sleep(0.02)
    site.stop.set()
    site.server.hurry()
    await asyncio.wait_for(site.serving, 0.2)
    assert site.ended == ["cancelled"]


async def test_responses_of_one_round_leave_together(site: Site) -> None:
    """Each in one piece, after all of them were made."""
    clients = [await site.open() for _ in range(4)]
    for client in clients:
        client.ask("/slow")
    await asyncio.sleep(0.05)
    assert not site.server.alone
    site.go_on.set()
    for client in clients:
        assert (await client.response())[2] == b"slow"
