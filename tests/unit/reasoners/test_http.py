"""The HTTP client against servers that write bytes as they like."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from rung.reasoners.http import Broken, Http, Late, NotHttp, Response, Stale

OK = b"HTTP/1.1 200 OK\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def soon() -> float:
    return 5.0


class Answers:
    """A server that writes these bytes for each request, and keeps what it was sent."""

    def __init__(self, *packets: bytes, close: bool = False) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.written = 0
        self.silent = False
        self._packets = packets
        self._close = close

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                if self.silent:
                    break
                for packet in self._packets:
                    writer.write(packet)
                    await writer.drain()
                    self.written += len(packet)
                    await asyncio.sleep(0)
                if self._close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def asking(serve: Serve, path: str = "/v1", who: str = "", **headers: str) -> AsyncIterator[Http]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        http = Http(f"http://{who}127.0.0.1:{port}{path}", headers, connect_s=5, most=2)
        yield http
        http.close()
        await asyncio.sleep(0.01)


async def whole(http: Http) -> bytes:
    response = await http.post(b"{}", soon)
    pieces = []
    while piece := await response.piece():
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    "packets",
    [
        (OK + b"Content-Length: 5\r\n\r\nhello",),
        (OK + b"Content-Length: 5\r\n\r\n", b"he", b"llo"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",),
        (*[bytes([byte]) for byte in OK + b"Content-Length: 5\r\n\r\nhello"],),
    ],
)
async def test_a_body_comes_whole_and_the_connection_is_kept(packets: tuple[bytes, ...]) -> None:
    server = Answers(*packets)
    async with asking(server) as http:
        assert [await whole(http) for _ in range(5)] == [b"hello"] * 5
        assert server.connections == 1


@pytest.mark.parametrize("head", [OK, OK + b"Connection: close\r\nContent-Length: 5\r\n", b"HTTP/1.0 200 OK\r\n"])
async def test_a_connection_that_ends_is_not_used_again(head: bytes) -> None:
    server = Answers(head + b"\r\nhello", close=True)
    async with asking(server) as http:
        assert [await whole(http) for _ in range(3)] == [b"hello"] * 3
        assert server.connections == 3


async def test_what_nobody_asked_to_be_packed_is_unpacked() -> None:
    packed = gzip.compress(b"hello" * 100)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with asking(Answers(head + packed[:20], packed[20:])) as http:
        assert await whole(http) == b"hello" * 100


@pytest.mark.parametrize("form", [b"GZIP", b"x-gzip"])
async def test_other_names_of_packed_bodies(form: bytes) -> None:
    packed = gzip.compress(b"hello")
    head = OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (form, len(packed))
    async with asking(Answers(head + packed)) as http:
        assert await whole(http) == b"hello"


async def test_a_packet_that_unpacks_to_more_than_any_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b" " * 2**26)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with asking(Answers(head + packed)) as http:
        with pytest.raises(NotHttp):
            await whole(http)


@pytest.mark.parametrize(
    ("packets", "error"),
    [
        ((OK + b"Content-Length: 50\r\n\r\nhello",), Broken),
        ((OK + b"Content-Le",), Broken),
        ((b"",), Broken),
        ((b"SSH-2.0\r\n\r\n",), NotHttp),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n"), NotHttp),
        ((OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",), NotHttp),
    ],
)
async def test_what_is_no_whole_response(packets: tuple[bytes, ...], error: type[Exception]) -> None:
    async with asking(Answers(*packets, close=True)) as http:
        with pytest.raises(error):
            await whole(http)


async def test_what_follows_an_answer_spoils_the_connection() -> None:
    server = Answers(OK + b"Content-Length: 5\r\n\r\nhello" * 2)
    async with asking(server) as http:
        assert [await whole(http) for _ in range(3)] == [b"hello"] * 3
        assert server.connections == 3


async def test_a_kept_connection_that_ends_without_a_word_is_told_apart() -> None:
    """The server may have read the request: whether it may be sent again is not for this client to say."""
    server = Answers(OK + b"Content-Length: 5\r\n\r\nhello")
    async with asking(server) as http:
        assert await asyncio.gather(whole(http), whole(http)) == [b"hello"] * 2
        server.silent = True
        with pytest.raises(Stale):
            await http.post(b"{}", soon)
        with pytest.raises(Broken) as broken:  # on a new one, though another had been kept
            await http.post(b"{}", soon)
    assert not isinstance(broken.value, Stale)
    assert (server.connections, len(server.bodies)) == (3, 4)


async def test_the_head_of_a_request() -> None:
    server = Answers(OK + b"Content-Length: 0\r\n\r\n")
    async with asking(server, "/a b/ü?x=1", "me:p%40ss@", accept="a/b") as http:
        await whole(http)
        await http.post(b"more", soon)
    lines = server.heads[0].decode().lower().split("\r\n")
    assert lines[0] == "post /a%20b/%c3%bc?x=1 http/1.1"
    assert "authorization: basic bwu6cebzcw==" in lines
    assert [line for line in lines if line.startswith("accept:")] == ["accept: a/b"]
    assert server.bodies == [b"{}", b"more"]


async def test_a_reader_that_stops_reading_stops_the_server() -> None:
    server = Answers(OK + b"Content-Length: 100000000\r\n\r\n", *[b"x" * 100_000] * 1000)
    async with asking(server) as http:
        response = await http.post(b"{}", soon)
        await asyncio.sleep(0.2)
        assert server.written < 50_000_000
        size = 0
        while piece := await response.piece():
            size += len(piece)
        assert size == 100_000_000


async def test_a_connection_that_was_too_far_ahead_hears_the_next_answer() -> None:
    sizes = [1000, 2**18, 1000, 270_000, 1000]
    asked = iter(sizes)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(2**16):
            size = next(asked)
            writer.write(OK + b"content-length: %d\r\n\r\n" % size + b"x" * size)
        writer.close()

    async with asking(serve) as http:
        for size in sizes:
            response = await http.post(b"{}", lambda: 1.0)
            await asyncio.sleep(0.05)  # all of it is there before any is taken
            assert len(await response.body(2**20)) == size


async def test_who_comes_when_all_connections_are_in_use_waits() -> None:
    server = Answers(OK + b"Content-Length: 5\r\n\r\n", b"he")
    async with asking(server) as http:
        first, second = await http.post(b"{}", soon), await http.post(b"{}", soon)
        with pytest.raises(Late):
            await http.post(b"{}", lambda: 0.01)
        second.close()
        third = await http.post(b"{}", soon)
        assert (await first.piece(), await third.piece()) == (b"he", b"he")
        assert second.ended


def test_on_the_servers_own_loop() -> None:
    """uvloop's transports differ from asyncio's."""

    async def main() -> None:
        async with asking(Answers(OK + b"Content-Length: 5\r\n\r\nhello")) as http:
            assert [await whole(http) for _ in range(3)] == [b"hello"] * 3

    uvloop.run(main())


@pytest.mark.parametrize("kept", [False, True])
async def test_who_leaves_in_the_moment_the_head_comes_leaves_no_connection_behind(
    monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    gone = asyncio.Event()
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.read(2**16):
            asked += 1
            whole = kept and asked == 1
            writer.write(OK + b"content-length: 2\r\n\r\n" + (b"ok" if whole else b"o"))
        gone.set()
        writer.close()

    begin = Response.begin

    def leaves(response: Response, status: int) -> None:
        begin(response, status)
        task.cancel()

    async with asking(serve) as http:
        if kept:
            assert await (await http.post(b"", soon)).piece() == b"ok"
        task = asyncio.create_task(http.post(b"", soon))
        monkeypatch.setattr(Response, "begin", leaves)
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await gone.wait()
