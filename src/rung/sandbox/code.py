"""Runs real code with its tests, each time in a fresh process that is closed in: see `jail.py`."""

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from math import ceil
from pathlib import Path
from typing import Final, Literal

import msgspec

from rung.errors import Unavailable

JAIL: Final = Path(__file__).with_name("jail.py")
MOST_CODE_BYTES: Final = 200_000
MOST_TOLD_BYTES: Final = 64_000
_CHUNK_BYTES: Final = 16_384
# Beyond its own time limit, for what must end without anyone who ends it.
_LEFT_ALONE_S: Final = 2.0
_GRACE_S: Final = 1.0
# To find out what the system allows: it is asked once, perhaps while models are loaded.
_PROBE_S: Final = 30.0

Ended = Literal["", "time", "output", "died"]


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """Why each of the two means could not be used; empty where it was."""

    namespaces: str = ""
    seccomp: str = ""

    @property
    def whole(self) -> bool:
        return not self.namespaces and not self.seccomp

    def __str__(self) -> str:
        means = {"namespaces": self.namespaces, "seccomp": self.seccomp}
        return "; ".join(f"{name}: {why or 'in use'}" for name, why in means.items())


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run, its tests included. Memory is bounded where the system enforces RLIMIT_AS: Linux does, macOS does
    not. `unisolated` runs code even where the system cannot close it in."""

    wall_s: float = 5.0
    memory_mb: int = 512
    unisolated: bool = False


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of code: `wrong` is what it raised when it was loaded; `tests` hold for each test nothing if it passed,
    what went wrong, or None if it did not come to its end. `ended` says what ended the run before its time. `isolation`
    is None if the process was ended before it could say.

    The code runs in the same process as its tests: this is evidence about code that means well, no proof against one
    that would forge it.
    """

    isolation: Isolation | None = None
    wrong: str = ""
    tests: tuple[str | None, ...] = ()
    ended: Ended = ""

    @property
    def whole(self) -> bool:
        """Whether it was loaded, and every test passed."""
        return not self.wrong and self.passed == len(self.tests)

    @property
    def passed(self) -> int:
        return sum(one == "" for one in self.tests)


class _Told(msgspec.Struct):
    """One line of the jail's."""

    gaps: Isolation | None = None
    loaded: str | None = None
    test: int | None = None
    wrong: str = ""


class Jail:
    """`at_once` runs side by side; others wait."""

    def __init__(self, bounds: Bounds | None = None, *, at_once: int = 2) -> None:
        self._bounds = bounds or Bounds()
        self._places = asyncio.Semaphore(at_once)

    async def isolation(self) -> Isolation:
        """What this system allows, found by trying."""
        wall_s = max(self._bounds.wall_s, _PROBE_S)
        probe = Jail(msgspec.structs.replace(self._bounds, unisolated=True, wall_s=wall_s))
        try:
            found = (await probe.run("", ())).isolation
        except Unavailable as none:
            return Isolation(namespaces=none.message, seccomp=none.message)
        return found or Isolation(namespaces="not known: it took too long", seccomp="not known: it took too long")

    async def run(self, code: str, tests: Sequence[str]) -> Tried:
        """Raises Unavailable if the code cannot be closed in and may not run otherwise, or no process can be had."""
        order = msgspec.json.encode(
            {
                "code": code,
                "tests": list(tests),
                "unisolated": self._bounds.unisolated,
                "cpu_s": ceil(self._bounds.wall_s),
                "memory_bytes": self._bounds.memory_mb * 1024 * 1024,
                "wall_s": self._bounds.wall_s + _LEFT_ALONE_S,
            }
        )
        if len(order) > MOST_CODE_BYTES:
            return Tried(wrong=f"more than {MOST_CODE_BYTES} bytes of code", tests=(None,) * len(tests))
        async with self._places:
            with _scratch() as folder:
                async with _started(folder) as process:
                    told, ended = await self._told(process, order)
        tried = _read(told, len(tests), ended)
        if tried.isolation and not tried.isolation.whole and not self._bounds.unisolated:
            raise Unavailable(
                f"this system cannot isolate code ({tried.isolation}); "
                "set `allow_unisolated: true` to run it all the same"
            )
        return tried

    async def _told(self, process: Process, order: bytes) -> tuple[bytes, Ended]:
        """All that the process wrote, and what ended it if it did not end by itself."""
        assert process.stdin is not None
        assert process.stdout is not None
        told = bytearray()
        try:
            async with asyncio.timeout(self._bounds.wall_s):
                with suppress(OSError):
                    process.stdin.write(order)
                    process.stdin.close()
                while chunk := await process.stdout.read(_CHUNK_BYTES):
                    told += chunk
                    if len(told) > MOST_TOLD_BYTES:
                        return bytes(told), "output"
        except TimeoutError:
            return bytes(told), "time"
        return bytes(told), ""


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Raises Unavailable: a disk may be full, or all of it read-only."""
    try:
        return tempfile.TemporaryDirectory(prefix="rung-")
    except OSError as refused:
        raise Unavailable(f"no folder can be had to run code in: {refused.strerror}") from None


@asynccontextmanager
async def _started(folder: str) -> AsyncIterator[Process]:
    """A process that ends, with all its kind, when this is left. Raises Unavailable."""
    command = (sys.executable, "-I", "-S", "-B", str(JAIL))
    making = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd=folder, start_new_session=True
        )
    )
    try:
        process = await asyncio.shield(making)
    except asyncio.CancelledError:
        await _end(await making)  # half made, it would have no owner
        raise
    except OSError as refused:
        raise Unavailable(f"no process can be had to run code in: {refused.strerror}") from None
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    """Asked to, the process ends what it has in its namespaces first, and leaves no zombie. Code that is in none may
    not heed that."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await _ended(process)
            return


async def _ended(process: Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(_CHUNK_BYTES):
        pass  # what it had still written; until that is read, its pipe stays open
    await process.wait()


def _read(told: bytes, tests: int, ended: Ended) -> Tried:
    """The jail's lines in their order; the first that is none of them ends it, since the code can write there too."""
    lines = iter(told.split(b"\n"))
    isolation = _line(lines).gaps
    wrong = _line(lines).loaded
    if wrong is None:
        wrong = {"time": "it takes too long", "output": "it writes too much"}.get(ended, "it ends the process")
        return Tried(isolation=isolation, wrong=wrong, tests=(None,) * tests, ended=ended or "died")
    results: list[str | None] = []
    while len(results) < tests and (one := _line(lines)).test == len(results):
        results.append(one.wrong)
    if len(results) < tests and not wrong and not ended:
        ended = "died"
    return Tried(isolation=isolation, wrong=wrong, tests=(*results, *[None] * (tests - len(results))), ended=ended)


def _line(lines: Iterator[bytes]) -> _Told:
    try:
        return msgspec.json.decode(next(lines, b""), type=_Told)
    except msgspec.DecodeError:
        return _Told()
