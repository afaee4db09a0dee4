"""Worker processes kept warm. One that overruns its time is killed and replaced, so its late result reaches nobody.

The target is loaded once, by a process that forks the workers: a replacement is warm within milliseconds."""

import asyncio
from collections.abc import Coroutine

from rung.errors import TimedOut, Unavailable
from rung.sandbox.forkserver import ForkServer, Limits, Worker

# Failed starts in a row before a worker is given up, and without any the pool says that it is down; a later job tries
# again.
MAX_FAILED_STARTS = 3


class Pool:
    """`size` workers that run `target`, a dotted path `package.module:factory` to a `Callable[[], Answerer]`.

    `start` returns at once; workers warm up in the background and are replaced there. `close` ends all of them.
    The target must start no threads while it loads: it is loaded once and then forked.
    """

    def __init__(self, target: str, *, size: int = 1, limits: Limits | None = None) -> None:
        self._target = target
        self._size = size
        self._limits = limits or Limits()
        self._warm: set[Worker] = set()
        self._forkserver: ForkServer | None = None
        self._loading = asyncio.Lock()
        self._idle: list[Worker] = []
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
        if self._wanted < self._size:
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
        for worker in self._warm:
            worker.close()
        if self._forkserver is not None:
            await self._forkserver.end()
        self._warm.clear()
        self._idle.clear()

    async def _free(self) -> Worker:
        """The next idle worker that lives. Raises Unavailable if the pool closes or starting was given up."""
        while True:
            if self._closed or self.down:
                raise Unavailable("the sandbox has no worker process; its standard error says why")
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                self._replace(worker)
            self._changed.clear()
            await self._changed.wait()

    def _give(self, worker: Worker) -> None:
        self._idle.append(worker)
        self._changed.set()

    def _replace(self, worker: Worker) -> None:
        if not self._closed:  # close ends every worker itself
            self._warm.discard(worker)
            if self._forkserver is not None:
                self._forkserver.end_worker(worker)
            self._background(self._add())

    async def _add(self) -> None:
        while self._failed < MAX_FAILED_STARTS:
            try:
                worker = await (await self._loaded()).worker()
            except (Unavailable, OSError):
                self._failed += 1
            else:
                self._failed = 0
                self._warm.add(worker)
                self._give(worker)
                return
        self._wanted -= 1
        self._changed.set()

    async def _loaded(self) -> ForkServer:
        """The process that forks workers, started again if it has ended. Raises Unavailable if it does not come up."""
        async with self._loading:
            if self._forkserver is None or not self._forkserver.alive:
                old, self._forkserver = self._forkserver, None
                if old is not None:
                    await old.end()
                self._forkserver = await ForkServer.started(self._target, self._limits)
            return self._forkserver

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
