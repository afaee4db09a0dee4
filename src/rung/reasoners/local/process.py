"""One llama.cpp process, from its start to its end."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec

import msgspec

from rung.errors import Unavailable
from rung.reasoners.local.child import Settings

# -P: a file in the working folder must not pass for a library.
PROGRAM = (sys.executable, "-P", "-m", "rung.reasoners.local.child")
_TAIL_BYTES = 4096
_TERM_S = 1.0
# How long a thread that waits for the others spins before it sleeps, in OpenMP's turns. Its own default lasts
# milliseconds: on a machine that does anything else beside, two threads then wait for each other's time slices, and an
# answer takes ten to thirty times as long. A thousand turns cost nothing where the machine is idle.
_SPIN = {"GOMP_SPINCOUNT": "1000"}
_STAMP = re.compile(r"^[\d.]+ [A-Z] +(\w+ +)*(\w+: +)?")  # llama.cpp's time, level and place
INSTALL = "pip install 'rung[local]'"


def is_installed() -> bool:
    return find_spec("xllamacpp") is not None


class Process:
    """Made by `start`; `stop` must follow."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._tail = b""
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, settings: Settings, program: Sequence[str] = PROGRAM) -> "Process":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *program,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={**_SPIN, **os.environ},
            start_new_session=True,  # Ctrl-C is ours to handle: the child ends after the last answer
        )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(settings) + b"\n")  # not by argv, which any user can read
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def address(self) -> str:
        """Where it listens, once the model is loaded. Raises Unavailable if it ended instead."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise Unavailable(await self.ended())
        return line.decode().strip()

    async def ended(self) -> str:
        """Waits for its end and says why, in a few words."""
        code = await self._process.wait()
        await asyncio.wait([self._listening], timeout=_TERM_S)
        if code < 0:
            killed = " (out of memory, perhaps)" if -code == signal.SIGKILL else ""
            return f"llama.cpp was ended by {_name_of(-code)}{killed}"
        return f"llama.cpp ended: {self._last_words()}"

    async def stop(self) -> None:
        """Ends it: asked first, then made to."""
        for how in (self._process.terminate, self._process.kill):
            with contextlib.suppress(ProcessLookupError):
                how()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _TERM_S)
                break
        await self._listening

    async def _listen(self) -> None:
        """Keeps the end of what it says, and its pipe empty."""
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(_TAIL_BYTES):
            self._tail = (self._tail + said)[-_TAIL_BYTES:]

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower() or "fail" in line.lower()]
        telling = [line for line in errors if "error loading model" in line]
        chosen = (telling or errors or lines or ["it said nothing"])[-1]
        return _STAMP.sub("", chosen)[:300]


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names but the first and the last
        return f"signal {number}"
