import asyncio
from typing import cast

from rung.cli.wire import Joined


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


def joined(sink: Sink) -> Joined:
    return Joined(cast(asyncio.Transport, sink))


async def test_writes_of_one_round_are_one() -> None:
    sink = Sink()
    line = joined(sink)
    line.write(b"head ")
    line.write(b"body")
    assert sink.seen == []
    await asyncio.sleep(0)
    assert sink.seen == [b"head body"]
    line.write(b"next")
    await asyncio.sleep(0)
    assert sink.seen == [b"head body", b"next"]


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
