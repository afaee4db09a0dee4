"""One structured line an event on standard error. Texts of prompts and answers, and keys, are never logged:
whoever logs names ids, reasoners, statuses and times."""

import asyncio
import logging
import sys
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]

# Written before the choice of console or JSON, by our own loggers and by the standard library's alike.
_SHARED: tuple[Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(level: Level = "info", format: Format = "auto") -> None:  # noqa: A002  the config's own word
    """Sends Rung's and the standard library's logs (uvicorn's among them) to standard error.

    `auto` is for people on a terminal, and JSON elsewhere. May be called again: the last call holds.
    """
    stream = sys.stderr
    console = format == "console" or (format == "auto" and stream.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]
    render = _console(stream.isatty()) if console else _json()
    lines = _Lines(stream)
    structlog.configure(
        processors=[*_SHARED, *render],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    _join_standard_library(stream, least, render)


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
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def _console(colors: bool) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)
    ]


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, _dump]


def _dump(_: WrappedLogger, __: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _join_standard_library(stream: Any, least: int, render: list[Processor]) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=list(_SHARED),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    # Rung writes its own line a request, with what matters here.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
