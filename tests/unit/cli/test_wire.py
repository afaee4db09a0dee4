import asyncio
from contextlib import closing
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from rung.api.line import WHOLE, Line
from rung.cli.wire import Joined, Wire

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Sink:
    """What a transport was asked for, in order."""

    def __init__(self) -> None:
        self.seen: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.seen.append(data)

    def close(self) -> None:
        self.seen.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.seen

    def pause_reading(self) -> None:
        self.seen.append("paused")


def joined(sink: Sink, *, alone: bool = False) -> Joined:
    return Joined(cast(asyncio.Transport, sink), lambda: alone)


async def test_writes_of_one_round_are_one() -> None:
    sink = Sink()
    line = joined(sink)
    line.write(HEAD)
    line.write(b"body")
    assert sink.seen == []
    await asyncio.sleep(0)
    assert sink.seen == [HEAD + b"body"]
    line.write(b"next")
    await asyncio.sleep(0)
    assert sink.seen == [HEAD + b"body", b"next"]


async def test_alone_a_head_waits_for_its_body_and_nothing_else_waits() -> None:
    sink = Sink()
    line = joined(sink, alone=True)
    line.write(HEAD)
    assert sink.seen == []
    line.write(b"body")
    line.write(b" and more")
    assert sink.seen == [HEAD + b"body", b" and more"]
    await asyncio.sleep(0)
    assert len(sink.seen) == 2


async def test_alone_a_head_without_a_body_leaves_at_the_end_of_the_round() -> None:
    sink = Sink()
    joined(sink, alone=True).write(HEAD)
    await asyncio.sleep(0)
    assert sink.seen == [HEAD]


async def test_much_is_not_kept_from_the_transport() -> None:
    sink = Sink()
    line = joined(sink)
    line.write(b"a")
    line.write(b"b" * 20_000)
    assert sink.seen == [b"a" + b"b" * 20_000]
    await asyncio.sleep(0)
    assert len(sink.seen) == 1


async def test_what_waits_is_sent_before_the_line_is_closed() -> None:
    sink = Sink()
    line = joined(sink)
    line.write(b"all")
    line.close()
    assert line.is_closing()
    await asyncio.sleep(0)
    assert sink.seen == [b"all", "closed"]


async def test_all_else_is_the_transports_own() -> None:
    sink = Sink()
    joined(sink).pause_reading()
    assert sink.seen == ["paused"]


async def responses(request: bytes, headers: list[tuple[bytes, bytes]], *, offered: bool) -> tuple[bytes, list[bool]]:
    """What a client reads of two responses on one connection, and whether each was taken in one piece."""
    taken: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        whole = scope["extensions"].pop(WHOLE)

        def once(*response: Any) -> bool:
            taken.append(whole(*response))
            return taken[-1]

        await Line(send, once if offered else None).whole(200, b"body", headers)

    config = uvicorn.Config(app, lifespan="off", log_config=None, server_header=False, date_header=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Wire(config=config, server_state=state, app_state={}, _loop=loop), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        with closing(writer):
            writer.write(request)
            got = await reader.readuntil(b"\r\n\r\n")
            writer.write(request.replace(b"host", b"connection: close\r\nhost"))
            got += await reader.read()
        await asyncio.sleep(0)
    return got, taken


PLAIN = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize(("method", "in_one"), [(b"POST", True), (b"HEAD", False)])
async def test_a_response_in_one_piece_is_the_same_to_the_byte(method: bytes, in_one: bool) -> None:
    request, headers = PLAIN.replace(b"POST", method), [(b"x-rung-cache", b"exact")]
    got, taken = await responses(request, headers, offered=True)
    assert (got, []) == await responses(request, headers, offered=False)
    assert got.count(b"x-rung-cache: exact\r\n") == 2
    assert taken == [in_one, False]  # the second ends the connection, and says so in its head


async def test_a_header_of_two_lines_is_refused_either_way(caplog: pytest.LogCaptureFixture) -> None:
    headers = [(b"x-rung-reasoner", b"a\r\nset-cookie: b")]
    for offered in (True, False):
        with pytest.raises(asyncio.IncompleteReadError) as cut:
            await responses(PLAIN, headers, offered=offered)
        assert cut.value.partial == b""
        assert "Invalid HTTP header value" in caplog.text
        caplog.clear()
