import asyncio
from typing import Any

import pytest

from rung.api.line import DisconnectTimer, Line, kept_open, until_gone
from rung.errors import Busy


class Wire:
    """An ASGI `send` whose reader can stop, and a `receive` that is fed."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.under_way = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.moved = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        assert not self.under_way, "two sends at once"
        self.under_way += 1
        self.moved.set()
        try:
            await self.reading.wait()
            self.sent.append(message)
        finally:
            self.under_way -= 1
        self.moved.set()

    async def receive(self) -> dict[str, Any]:
        return await self.incoming.get()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.sent) < count:
                self.moved.clear()
                await self.moved.wait()


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def test_a_block_that_ends_is_left_alone(wire: Wire) -> None:
    with until_gone(wire.receive, 10, DisconnectTimer()) as client:
        pass
    assert client.ended == ""
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_other_messages_are_no_hanging_up(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DisconnectTimer, "AFTER_S", 0.0)
    for kind in ("http.request", "http.request", "http.disconnect"):
        wire.incoming.put_nowait({"type": kind})
    with until_gone(wire.receive, 10, DisconnectTimer()) as client:
        await asyncio.Event().wait()
    assert client.ended == "gone"
    assert wire.incoming.empty()


async def test_time_runs_out(wire: Wire) -> None:
    with until_gone(wire.receive, 0.0, DisconnectTimer()) as client:
        await asyncio.Event().wait()
    assert client.ended == "too late"


async def test_errors_of_the_block_pass(wire: Wire) -> None:
    with pytest.raises(Busy), until_gone(wire.receive, 10, DisconnectTimer()):
        raise Busy("x")


async def test_a_cancellation_from_elsewhere_passes_even_when_the_client_is_gone(wire: Wire) -> None:
    async def work() -> None:
        with until_gone(wire.receive, 0.0, DisconnectTimer()) as client:
            try:
                await asyncio.Event().wait()
            finally:
                assert client.ended
                inside.set()
                await asyncio.Event().wait()

    inside = asyncio.Event()
    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_around_still_is_a_timeout(wire: Wire) -> None:
    async def work() -> None:
        with until_gone(wire.receive, 10, DisconnectTimer()):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await work()


async def test_a_comment_under_way_is_finished_before_the_answer(wire: Wire) -> None:
    line = Line(wire.send)
    wire.reading.clear()
    async with kept_open(line, [], 0.0, 0.0):
        await wire.moved.wait()  # the headers are on their way to a reader that does not read
        asyncio.get_running_loop().call_later(0.01, wire.reading.set)
    await line.end(b"answer")
    kinds = [message.get("body", "start") for message in wire.sent]
    assert kinds[0] == "start"
    assert kinds[-1] == b"answer"
    before = len(wire.sent)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(wire.sent) == before


async def test_hanging_up_while_a_comment_is_under_way(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DisconnectTimer, "AFTER_S", 0.0)
    line = Line(wire.send)
    wire.reading.clear()
    with until_gone(wire.receive, 10, DisconnectTimer()) as client:
        async with kept_open(line, [], 0.0, 0.0):
            await wire.moved.wait()
            wire.incoming.put_nowait({"type": "http.disconnect"})
    assert client.ended == "gone"
    for _ in range(5):
        await asyncio.sleep(0)
    assert (wire.under_way, wire.sent) == (0, [])


async def test_a_line_that_breaks_while_held_is_told(wire: Wire) -> None:
    async def broken(_: Any) -> None:
        tried.set()
        raise ConnectionResetError

    async def hold() -> None:
        async with kept_open(Line(broken), [], 0.0, 0.0):
            await tried.wait()
            await asyncio.sleep(0)

    tried = asyncio.Event()
    with pytest.raises(ConnectionResetError):
        await hold()


async def test_comments_come_at_their_pace(wire: Wire) -> None:
    line = Line(wire.send)
    async with kept_open(line, [(b"x", b"y")], 0.0, 0.001):
        await wire.until(4)
    assert (b"x", b"y") in wire.sent[0]["headers"]
    assert {message["body"] for message in wire.sent[1:]} == {b": waiting\n\n"}
