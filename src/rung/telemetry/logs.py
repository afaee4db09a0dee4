"""One structured line an event on standard error. Texts of prompts and answers, and keys, are never logged:
whoever logs names ids, reasoners, statuses and times."""

import asyncio
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]

_ENCODER = msgspec.json.Encoder(enc_hook=repr)


def configure_logs(level: Level = "info", format: Format = "auto") -> None:  # noqa: A002  the config's own word
    """Sends Rung's and the standard library's logs to standard error.

    `auto` is for people on a terminal, and JSON elsewhere. May be called again: the last call holds.
    """
    stream = sys.stderr
    console = format == "console" or (format == "auto" and stream.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]
    processors: list[Processor] = _console(stream.isatty()) if console else [_json]
    lines = _Lines(stream)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    _join_standard_library(stream, least, processors)


class _Lines:
    """What an event loop has to say in one of its rounds is written at the round's end in one piece: a write lets go of
    the interpreter's lock, which may take longer to get back than all else about a line. Warnings and errors, and what
    is said where no loop runs, are written at once. Lines keep their order within a thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gathered: list[str] = []

    def info(self, line: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.error(line)
            return
        self._gathered.append(line)
        if len(self._gathered) == 1:
            loop.call_soon(self._write)

    debug = info

    def error(self, line: str) -> None:
        self._gathered.append(line)
        self._write()

    warning = critical = error

    def _write(self) -> None:
        lines, self._gathered = self._gathered, []
        if lines:
            with suppress(OSError):  # a full disk, or a reader that has ended: no reason to fail what is logged of
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()


def _console(colors: bool) -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback),
    ]


def _json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """All that the console's processors do, in one: each request pays for a line, and a stamp that the encoder writes
    itself costs a fifth of one that is made first."""
    event["level"] = method
    event["timestamp"] = datetime.now(UTC)
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, method, event)
    return _ENCODER.encode(event).decode()


def _join_standard_library(stream: Any, least: int, processors: list[Processor]) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.INFO))
