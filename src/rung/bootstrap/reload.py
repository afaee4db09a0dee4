"""Edits of rung.yaml take effect without a restart: on change, or on SIGHUP."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog
from msgspec import Struct

from rung.bootstrap.rung import Rung
from rung.config import Config
from rung.errors import RungError

_log = structlog.get_logger(__name__)
_LOOK_S = 1.0


class Source(Struct, frozen=True):
    """The file that is watched, and how it is read. `read` raises ConfigError."""

    path: Path
    read: Callable[[], Config]


async def watch_config(rung: Rung, source: Source, asked: asyncio.Event) -> None:
    """Applies the file whenever it changes or `asked` is set, until cancelled. What is wrong, or cannot be
    started, is logged, not applied."""
    seen = _stamp(source.path)
    while True:
        try:
            await asyncio.wait_for(asked.wait(), _LOOK_S)
        except TimeoutError:
            if _stamp(source.path) == seen:
                continue
        asked.clear()
        seen = _stamp(source.path)
        try:
            await rung.apply(source.read())
        except (RungError, OSError) as error:
            _log.error("config not applied, the old one stays", problem=str(error))
        else:
            _log.info("config applied", path=str(source.path))


def _stamp(path: Path) -> tuple[int, int]:
    """What tells that a file has changed; (0, 0) while there is none."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
