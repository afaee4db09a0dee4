import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from rung.telemetry import configure_logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Disk(io.StringIO):
    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError
        return super().write(text)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What configuring changes for the whole process is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_json_elsewhere_than_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "auto")
    structlog.get_logger("rung").info("chat", id="chatcmpl-1", ms=1.5)
    (line,) = lines(capsys)
    assert line.items() >= {"event": "chat", "level": "info", "id": "chatcmpl-1", "ms": 1.5}.items()
    assert line["timestamp"].endswith("Z")


def test_a_line_ends_in_its_event_its_level_and_the_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    before = datetime.now(UTC)
    structlog.get_logger("rung").warning("slow", status=200, at={1.5: object})
    (line,) = lines(capsys)
    assert list(line) == ["status", "at", "event", "level", "timestamp"]
    assert line["level"] == "warning"
    assert line["timestamp"].endswith("Z")
    assert before <= datetime.fromisoformat(line["timestamp"]) <= datetime.now(UTC)


def test_our_own_tracebacks_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    try:
        int("boom")
    except ValueError:
        structlog.get_logger("rung").exception("failed")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], "exc_info" in line) == ("failed", "error", False)
    assert "ValueError: invalid literal" in line["exception"]


def test_plain_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs("info", "auto")
    structlog.get_logger("rung").info("chat", status=200)
    assert "chat" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", "json")
    structlog.get_logger("rung").info("chat")
    logging.getLogger("asyncio").info("Started")
    structlog.get_logger("rung").warning("slow")
    assert [line["event"] for line in lines(capsys)] == ["slow"]


def test_the_standard_librarys_logs_join(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    logging.getLogger("asyncio").info("Started on %s", "port", extra={"color_message": "x"})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], set(line)) == ("Started on port", "info", {"event", "level", "timestamp"})


def test_the_last_call_holds(capsys: pytest.CaptureFixture[str]) -> None:
    logger = structlog.get_logger("rung")
    configure_logs("error", "json")
    logger.info("no")
    configure_logs("debug", "json")
    logger.debug("yes")
    logging.getLogger("other").warning("once")
    assert [line["event"] for line in lines(capsys)] == ["yes", "once"]


def test_tracebacks_of_others_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    logging.getLogger("other").error("failed", exc_info=ValueError("boom"))
    (line,) = lines(capsys)
    assert "ValueError: boom" in line["exception"]


class Counted(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Counted:
    stream = Counted()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs("info", "json")
    return stream


def events(stream: Counted) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


async def test_lines_of_one_round_of_the_loop_are_one_write(stream: Counted) -> None:
    for name in ("one", "two", "three"):
        structlog.get_logger("rung").info(name)
    assert events(stream) == []
    await asyncio.sleep(0)
    assert (events(stream), stream.writes) == (["one", "two", "three"], 1)


async def test_a_warning_waits_for_nothing_and_keeps_its_place(stream: Counted) -> None:
    structlog.get_logger("rung").info("before")
    structlog.get_logger("rung").warning("now")
    assert events(stream) == ["before", "now"]
    await asyncio.sleep(0)
    assert events(stream) == ["before", "now"]


def test_a_log_that_cannot_be_written_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr("sys.stderr", disk)
    configure_logs(format="json")
    structlog.get_logger().warning("lost")
    disk.full = False
    structlog.get_logger().warning("said")
    assert json.loads(disk.getvalue())["event"] == "said"


def test_the_last_line_of_a_loop_is_written(stream: Counted) -> None:
    async def main() -> None:
        structlog.get_logger("rung").info("stopped")

    asyncio.run(main())
    assert events(stream) == ["stopped"]
