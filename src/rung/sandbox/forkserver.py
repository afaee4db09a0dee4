"""The parent's side of `worker`: the process that forks workers, and the workers."""

import asyncio
import socket
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from math import ceil

import msgspec

from rung.errors import Unavailable
from rung.sandbox.frames import END, FORK, HEADER_BYTES, ORDER_BYTES, Job, Result, body_bytes, pack


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a job (`wall_s`) and of a worker. Memory is bounded where the system enforces RLIMIT_AS: Linux does,
    macOS does not. Starting includes the target's imports."""

    wall_s: float = 1.0
    memory_mb: int = 1024
    start_s: float = 60.0


class Worker:
    """One forked process and the socket to it. Used by one job at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._jobs = 0
        self.pid = 0

    @property
    def alive(self) -> bool:
        return not self._reader.at_eof()

    async def hello(self) -> None:
        """Waits until it is ready. Raises EOFError if it ended, ValueError if what it wrote cannot be read."""
        self.pid = int((await self._result()).payload)

    async def run(self, payload: bytes) -> Result:
        """Raises EOFError or OSError if the process died; ValueError if what it wrote cannot be read."""
        self._jobs += 1
        self._writer.write(pack(Job(id=self._jobs, payload=payload)))
        await self._writer.drain()
        result = await self._result()
        if result.id != self._jobs:
            raise ValueError(f"the worker answered job {result.id} when asked {self._jobs}")
        return result

    async def _result(self) -> Result:
        header = await self._reader.readexactly(HEADER_BYTES)
        return msgspec.msgpack.decode(await self._reader.readexactly(body_bytes(header)), type=Result)

    def close(self) -> None:
        self._writer.close()


class ForkServer:
    """The process that has the target loaded, and forks a worker whenever one is wanted."""

    def __init__(self, process: Process, control: socket.socket, limits: Limits) -> None:
        self._process = process
        self._control = control
        self._limits = limits
        self._loaded = False

    @property
    def alive(self) -> bool:
        return self._loaded and self._process.returncode is None

    @classmethod
    async def started(cls, target: str, limits: Limits) -> "ForkServer":
        """One that has loaded the target. Raises Unavailable if it does not come up."""
        command = ("-P", "-m", "rung.sandbox.worker", target, str(limits.memory_mb), str(ceil(limits.wall_s) + 1))
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            making = asyncio.ensure_future(
                asyncio.create_subprocess_exec(sys.executable, *command, stdin=theirs.fileno(), start_new_session=True)
            )
            try:
                forkserver = cls(await asyncio.shield(making), ours, limits)
            except asyncio.CancelledError:
                await cls(await making, ours, limits).end()  # half made, it would have no owner
                raise
            except OSError:
                ours.close()
                raise
        try:
            async with asyncio.timeout(limits.start_s):
                loaded = await asyncio.get_running_loop().sock_recv(ours, 1)
        except (TimeoutError, OSError):
            loaded = b""
        except BaseException:
            await forkserver.end()
            raise
        if not loaded:
            await forkserver.end()
            raise Unavailable("a worker process of the sandbox did not start; its standard error says why")
        forkserver._loaded = True
        return forkserver

    async def worker(self) -> Worker:
        """A new worker, ready. Raises Unavailable if none comes."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [FORK.ljust(ORDER_BYTES)], [theirs.fileno()])
            except OSError:
                self._loaded = False  # known before asyncio has seen it end
                ours.close()
                raise Unavailable("the process that forks the sandbox's workers has ended") from None
        worker = Worker(*await asyncio.open_connection(sock=ours))
        try:
            async with asyncio.timeout(self._limits.start_s):
                await worker.hello()
        except (TimeoutError, EOFError, OSError, ValueError):
            worker.close()
            raise Unavailable("a worker process of the sandbox did not start") from None
        except BaseException:
            self.end_worker(worker)
            raise
        return worker

    def end_worker(self, worker: Worker) -> None:
        """Kills it, whatever it is doing; if the forking process is gone, the worker's own time limit does."""
        worker.close()
        with suppress(OSError):
            self._control.send(END + worker.pid.to_bytes(ORDER_BYTES - 1, "big"))

    async def end(self) -> None:
        """Ends the process, which ends every worker first."""
        self._control.close()
        if self._loaded:
            with suppress(TimeoutError):
                async with asyncio.timeout(5.0):
                    await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
