"""Worker processes kept warm. One that overruns its time is killed and replaced, so its late result reaches nobody."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine
from contextlib import suppress
from math import ceil

import msgspec

from rung.errors import TimedOut, Unavailable
from rung.sandbox.frames import HEADER_BYTES, Job, Result, body_bytes, pack

# Failed starts in a row before the pool says that it is down; a later job tries again.
MAX_FAILED_STARTS = 3


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a job (`wall_s`) and of a worker. Memory is bounded where the system enforces RLIMIT_AS: Linux does,
    macOS does not. Starting includes the target's imports."""

    wall_s: float = 1.0
    memory_mb: int = 1024
    start_s: float = 60.0


class _Worker:
    """One process and the pipe to it. Used by one job at a time."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.jobs = 0

    @classmethod
    async def started(cls, target: str, limits: Limits) -> "_Worker":
        """A warm worker. Raises Unavailable if it does not come up."""
        command = ("-P", "-m", "rung.sandbox.worker", target, str(limits.memory_mb), str(ceil(limits.wall_s) + 1))
        making = asyncio.ensure_future(
            asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE, start_new_session=True)
        )
        try:
            worker = cls(await asyncio.shield(making))
        except asyncio.CancelledError:
            await cls(await making).end()  # half made, it would have no owner
            raise
        try:
            async with asyncio.timeout(limits.start_s):
                await worker._result()
        except (TimeoutError, EOFError, ValueError):
            await worker.end()
            raise Unavailable("a worker process of the sandbox did not start; its standard error says why") from None
        except BaseException:
            await worker.end()
            raise
        return worker

    async def _result(self) -> Result:
        if self.process.stdout is None:
            raise EOFError
        header = await self.process.stdout.readexactly(HEADER_BYTES)
        return msgspec.msgpack.decode(await self.process.stdout.readexactly(body_bytes(header)), type=Result)

    async def run(self, payload: bytes) -> Result:
        """Raises EOFError or OSError if the process died; ValueError if what it wrote cannot be read."""
        if self.process.stdin is None:
            raise EOFError
        self.jobs += 1
        self.process.stdin.write(pack(Job(id=self.jobs, payload=payload)))
        await self.process.stdin.drain()
        result = await self._result()
        if result.id != self.jobs:
            raise ValueError(f"the worker answered job {result.id} when asked {self.jobs}")
        return result

    async def end(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.process.stdout is not None and self.process.stdout.at_eof():
            # it is ending by itself; killing would race with asyncio for its exit status
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.process.wait()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Pool:
    """`size` workers that run `target`, a dotted path `package.module:factory` to a `Callable[[], Answerer]`.

    `start` returns at once; workers warm up in the background and are replaced there. `close` ends all of them.
    """

    def __init__(self, target: str, *, size: int = 1, limits: Limits | None = None) -> None:
        self._target = target
        self._size = size
        self._limits = limits or Limits()
        self._warm: set[_Worker] = set()
        self._ending: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted = 0
        self._failed = 0
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def warm(self) -> int:
        """Workers that take jobs now, busy ones included."""
        return len(self._warm)

    @property
    def started(self) -> bool:
        return self._wanted > 0

    @property
    def down(self) -> bool:
        """Whether starting was given up until somebody asks again."""
        return not self._warm and self._failed >= MAX_FAILED_STARTS

    def start(self) -> None:
        for _ in range(self._size - self._wanted):
            self._wanted += 1
            self._background(self._add())

    async def run(self, payload: bytes) -> bytes:
        """The target's answer, from the next free worker.

        Raises TimedOut if it takes longer than `wall_s` of work or more memory than allowed, Unavailable if no worker
        can be had or it died. When cancelled, the worker that was busy is killed: a late result has no reader.
        """
        if self.down:
            self._failed = 0
        if not self._closed:
            self.start()
        worker = await self._free()
        try:
            async with asyncio.timeout(self._limits.wall_s):
                result = await worker.run(payload)
        except TimeoutError:
            self._replace(worker)
            raise TimedOut(f"it takes more than {self._limits.wall_s:g} s to compute") from None
        except (EOFError, OSError, ValueError):
            self._replace(worker)
            raise Unavailable("the worker process ended while it computed") from None
        except BaseException:
            self._replace(worker)
            raise
        if result.error == "memory":
            self._replace(worker)
            raise TimedOut(f"it takes more than {self._limits.memory_mb} MB to compute")
        self._give(worker)
        if result.error:
            raise Unavailable(f"the worker failed with {result.error}")
        return result.payload

    async def close(self) -> None:
        self._closed = True
        self._changed.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._warm | self._ending))
        self._warm.clear()
        self._idle.clear()

    async def _free(self) -> _Worker:
        """The next idle worker that lives. Raises Unavailable if the pool closes or starting was given up."""
        while True:
            if self._closed or self.down:
                raise Unavailable("the sandbox has no worker process; its standard error says why")
            while self._idle:
                worker = self._idle.pop()
                if worker.process.returncode is None:
                    return worker
                self._replace(worker)
            self._changed.clear()
            await self._changed.wait()

    def _give(self, worker: _Worker) -> None:
        self._idle.append(worker)
        self._changed.set()

    def _replace(self, worker: _Worker) -> None:
        if not self._closed:  # close ends every worker itself
            self._warm.discard(worker)
            self._ending.add(worker)
            self._background(self._renew(worker))

    async def _renew(self, worker: _Worker) -> None:
        await worker.end()
        self._ending.discard(worker)
        await self._add()

    async def _add(self) -> None:
        while self._failed < MAX_FAILED_STARTS:
            try:
                worker = await _Worker.started(self._target, self._limits)
            except (Unavailable, OSError):
                self._failed += 1
            else:
                self._failed = 0
                self._warm.add(worker)
                self._give(worker)
                return
        self._wanted -= 1
        self._changed.set()

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
