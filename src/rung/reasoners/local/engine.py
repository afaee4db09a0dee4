"""A set of weights under llama.cpp, kept running: fetched, loaded, warmed, and started again when it dies."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from rung.clock import Clock
from rung.config.schema import LocalConfig, Timeouts
from rung.errors import Malformed, ReasonerError, Unavailable, WeightsError
from rung.reasoners.base import State, Status, closing
from rung.reasoners.local import weights
from rung.reasoners.local.child import Settings
from rung.reasoners.local.process import PROGRAM, Process
from rung.reasoners.local.progress import Progress, Watch
from rung.reasoners.openai import ChatClient, Server
from rung.types import Chunk, Json

_LOAD_S = 600.0
_SHORTEST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_HEALTHY_S = 60.0
_WEIGHTS_WAIT_S = 60.0
# Who calls enforces the deadline; these only end what hangs.
_TIMEOUTS = Timeouts(connect_s=5.0, first_token_s=1200.0, between_chunks_s=300.0, total_s=7200.0)
_WARM_UP: Json = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}


class EngineSpec(Struct, frozen=True, kw_only=True):
    """What makes one engine differ from another; reasoners with equal specs can share one. Either `model`, a name of
    the catalogue, or `path` is set; `folder` is where model files are kept; `context_tokens` is each slot's."""

    model: str | None
    path: Path | None
    folder: Path
    context_tokens: int
    slots: int
    threads: int | None = None

    @classmethod
    def of(cls, config: LocalConfig, folder: Path) -> "EngineSpec":
        context_tokens = config.context_tokens
        if config.path is None and config.model is not None:
            context_tokens = min(context_tokens, weights.named(config.model).trained_tokens)
        return cls(
            model=None if config.path else config.model,
            path=config.path,
            folder=folder,
            context_tokens=context_tokens,
            slots=config.slots,
            threads=config.threads,
        )

    @property
    def label(self) -> str:
        return self.model or (self.path.name if self.path else "")


class Engine:
    """`start` and `close` are counted: the first start begins, the last close ends. Everything between goes on in a
    task of its own, and `status` tells how it stands."""

    def __init__(self, spec: EngineSpec, clock: Clock, *, program: Sequence[str] = PROGRAM) -> None:
        self.spec = spec
        self._clock = clock
        self._program = program
        self._users = 0
        self._task: asyncio.Task[None] | None = None
        self._state: State = "cold"
        self._note = "not started"
        self._ready_at_s: float | None = None
        self._progress: Progress | None = None  # set from the download's thread; whole messages only
        self._process: Process | None = None
        self._client: ChatClient | None = None

    @property
    def status(self) -> Status:
        if self._progress is not None:
            return Status(state="loading", note=str(self._progress), ready_in_s=self._progress.left_s)
        left_s = None if self._ready_at_s is None else max(0.0, self._ready_at_s - self._clock.monotonic())
        note = self._note if left_s is None else f"restarting in {left_s:.0f} s because {self._note}"
        return Status(state=self._state, note=note, ready_in_s=left_s)

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        self._users += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"engine {self.spec.label}")

    async def close(self) -> None:
        self._users -= 1
        if self._users > 0 or self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._tell("cold", "closed")

    async def answer(self, body: Json) -> AsyncIterator[Chunk]:
        """llama.cpp's own chunks. Raises Unavailable while it is not warm, and when it dies in mid-answer."""
        client, process = self._client, self._process
        if client is None or process is None or self._state != "warm":
            status = self.status
            raise Unavailable(f"{self.spec.label}: {status.note}", retry_after_s=status.ready_in_s)
        try:
            async with closing(client.answer(body, stream=True)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except (Unavailable, Malformed) as error:
            await self._explain(process, error)

    async def _explain(self, process: Process, error: ReasonerError) -> NoReturn:
        """A connection breaks, or an answer is cut off, a moment before its process is known to be dead."""
        with contextlib.suppress(TimeoutError):
            reason = await asyncio.wait_for(process.ended(), 1.0)
            raise Unavailable(f"{self.spec.label}: {reason}; it is being started again") from error
        raise error

    def _tell(self, state: State, note: str, *, wait_s: float | None = None) -> None:
        self._progress = None
        self._state = state
        self._note = note
        self._ready_at_s = None if wait_s is None else self._clock.monotonic() + wait_s

    async def _run(self) -> None:
        path = await self._weights()
        wait_s = _SHORTEST_WAIT_S
        while True:
            began_s = self._clock.monotonic()
            reason = await self._live(path)
            if self._clock.monotonic() - began_s > _HEALTHY_S:
                wait_s = _SHORTEST_WAIT_S
            self._tell("down", reason, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _weights(self) -> Path:
        wait_s = _WEIGHTS_WAIT_S
        while True:
            self._tell("loading", f"looking for {self.spec.label}")
            try:
                return await self._obtained()
            except WeightsError as error:
                self._tell("down", error.message, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, 10 * _WEIGHTS_WAIT_S)

    async def _obtained(self) -> Path:
        watch = Watch(self._clock, self._told)
        work = asyncio.ensure_future(asyncio.to_thread(self._obtain, watch))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            watch.stop.set()
            await asyncio.wait([work])
            raise

    def _obtain(self, watch: Watch) -> Path:
        if self.spec.path is not None:
            return weights.own_file(self.spec.path)
        return weights.obtain(weights.named(self.spec.label), self.spec.folder, watch)

    def _told(self, progress: Progress) -> None:
        self._progress = progress

    async def _live(self, path: Path) -> str:
        """One life of the child; says why it ended."""
        self._tell("loading", f"loading {self.spec.label}")
        key = secrets.token_urlsafe(24)
        try:
            process = self._process = await Process.start(self._settings(path, key), self._program)
        except OSError as error:
            return f"llama.cpp could not be started: {error.strerror}"
        try:
            reason = await self._serve(process, key)
            self._tell("down", reason)
            return reason
        finally:
            await self._end(process)

    async def _serve(self, process: Process, key: str) -> str:
        """From loading to the end; says why it ended."""
        try:
            async with asyncio.timeout(_LOAD_S):
                client = self._client = self._client_of(await process.address(), key)
                await client.open()
                await self._warm_up(client)
        except TimeoutError:
            return f"{self.spec.label} was not loaded within {_LOAD_S:.0f} s"
        except ReasonerError as error:
            return error.message
        self._tell("warm", "")
        return await process.ended()

    async def _end(self, process: Process) -> None:
        self._process = None
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        await process.stop()

    def _settings(self, path: Path, key: str) -> Settings:
        return Settings(
            path=str(path),
            name=self.spec.label,
            key=key,
            context_tokens=self.spec.context_tokens,
            slots=self.spec.slots,
            threads=self.spec.threads or _cores(),
        )

    def _client_of(self, address: str, key: str) -> ChatClient:
        # A connection that was kept alive fails after a stream, so each request has its own.
        headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
        server = Server(
            name=self.spec.label,
            base_url=f"{address}/v1",
            model=self.spec.label,
            headers=headers,
            timeouts=_TIMEOUTS,
            concurrency=0,
        )
        return ChatClient(server, self._clock)

    async def _warm_up(self, client: ChatClient) -> None:
        """Reads every weight once, so that no request pays for it."""
        self._tell("loading", f"warming {self.spec.label}")
        async for _ in client.answer(_WARM_UP, stream=True):
            pass


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
