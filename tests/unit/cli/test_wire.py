import asyncio
from typing import cast

from rung.cli.wire import Joined

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
