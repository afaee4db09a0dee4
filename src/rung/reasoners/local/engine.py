"""A set of weights under llama.cpp, kept running: fetched, loaded, warmed, and started again when it dies or hangs."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol
from weakref import WeakSet

from msgspec import Struct

from rung.clock import Clock
from rung.config.schema import LocalConfig, Timeouts
from rung.errors import Malformed, ReasonerError, Unavailable, WeightsError
from rung.reasoners.base import Status, closing
from rung.reasoners.local import weights
from rung.reasoners.local.child import Settings
from rung.reasoners.local.memory import Memory, needed_bytes
from rung.reasoners.local.process import INSTALL, PROGRAM, Process, is_installed
from rung.reasoners.local.progress import Progress, Watch
from rung.reasoners.local.pulse import Pulse
from rung.reasoners.openai import ChatClient, Server
from rung.types import Chunk, Json, ReasonerState

_LOAD_S = 600.0
_SHORTEST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_HEALTHY_S = 60.0
# So long it gives way after it was last told to: those who are loaded in its place say so several times in it.
_MOMENT_S = 0.5
_WEIGHTS_WAIT_S = 60.0
# Who calls enforces the deadline; these only end what hangs.
_TIMEOUTS = Timeouts(connect_s=5.0, first_token_s=1200.0, between_chunks_s=300.0, total_s=7200.0)
_WARM_UP: Json = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}


class EngineSpec(Struct, frozen=True, kw_only=True):
    """What makes one engine differ from another; reasoners with equal specs can share one. Either `model`, a name of
    the catalogue, or `path` is set; `folder` is where model files are kept; `context_tokens` is each slot's;
    `step_tokens` bounds one step of all slots together."""

    model: str | None
    path: Path | None
    folder: Path
    context_tokens: int
    slots: int
    step_tokens: int = 32
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
            step_tokens=config.step_tokens,
            threads=config.threads,
        )

    @property
    def label(self) -> str:
        return self.model or (self.path.name if self.path else "")


class Found(Struct, frozen=True):
    """The model's file, and what it takes in memory if that is bounded."""

    path: Path
    needed_bytes: int


class Asker(Protocol):
    """What its calls come through."""

    @property
    def in_use(self) -> bool:
        """Whether a call runs or waits there."""

    @property
    def running(self) -> int: ...

    @property
    def urgent(self) -> bool:
        """Whether a critical call waits there."""


class Engine:
    """`start` and `close` are counted: the first start begins, the last close ends. Everything between goes on in a
    task of its own, and `status` tells how it stands.

    It loads at once if it fits into `memory` beside what is loaded. Else, and when it was unloaded to make room, it is
    cold: `wake` says that somebody waits for it.
    """

    def __init__(
        self,
        spec: EngineSpec,
        clock: Clock,
        memory: Memory | None = None,
        *,
        program: Sequence[str] = PROGRAM,
        pulse: Pulse | None = None,
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._memory = memory or Memory()
        self._program = program
        self._pulse = pulse or Pulse()
        # Lanes, those that a reload leaves behind too: while a call runs or waits in one, it is not unloaded.
        self.askers: WeakSet[Asker] = WeakSet()
        self._wanted = asyncio.Event()
        self._leaving = asyncio.Event()
        self._answering = 0
        self._heard_s = 0.0
        self._gives_way_until_s = 0.0
        self.used_s = 0.0
        self._loading_since_s = 0.0
        self._load_s: float | None = None  # as last measured
        self._failed_to_load = False
        self._users = 0
        self._task: asyncio.Task[None] | None = None
        self._state: ReasonerState = "cold"
        self._note = "not started"
        self._ready_at_s: float | None = None
        self._progress: Progress | None = None  # set from the download's thread; whole messages only
        self._process: Process | None = None
        self._client: ChatClient | None = None

    @property
    def status(self) -> Status:
        if self._progress is not None:
            return Status(state="loading", note=str(self._progress), ready_in_s=self._progress.left_s)
        if self._gives_way_until_s and self._gives_way:  # every request comes by here
            # A critical one that comes now waits no longer than this: as if it were to be loaded it would be refused.
            rest_s = self._gives_way_until_s - self._clock.monotonic()
            return Status(state="cold", note="gives way to a critical request at another model", ready_in_s=rest_s)
        if self._load_s is not None and self._state in {"cold", "loading"} and self._task is not None:
            since_s = self._clock.monotonic() - self._loading_since_s if self._state == "loading" else 0.0
            return Status(state=self._state, note=self._note, ready_in_s=max(self._load_s - since_s, 0.0))
        left_s = None if self._ready_at_s is None else max(0.0, self._ready_at_s - self._clock.monotonic())
        note = self._note if left_s is None else f"restarting in {left_s:.0f} s because {self._note}"
        return Status(state=self._state, note=note, ready_in_s=left_s)

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return self._process.pid if self._process else None

    @property
    def loaded(self) -> bool:
        """Who was let through before it began to give way is still answered."""
        return self._state == "warm"

    @property
    def idle(self) -> bool:
        return self.loaded and not self._answering and not self.awaited

    @property
    def awaited(self) -> bool:
        if self._gives_way:
            return any(asker.running for asker in self.askers)
        return any(asker.in_use for asker in self.askers)

    @property
    def urgent(self) -> bool:
        """Others that work give way to nothing that could not be loaded."""
        return not self._failed_to_load and any(asker.urgent for asker in self.askers)

    @property
    def _gives_way(self) -> bool:
        until_s = self._gives_way_until_s
        return until_s > 0 and self.loaded and self._clock.monotonic() < until_s

    def give_way(self) -> None:
        self._gives_way_until_s = self._clock.monotonic() + _MOMENT_S

    def wake(self) -> None:
        """Somebody waits for it. To be said again for as long as it is cold and they do."""
        if self._state == "cold":
            self._wanted.set()

    def unload(self) -> None:
        self._gives_way_until_s = 0.0
        self._tell("cold", self._displaced)
        self._leaving.set()

    async def start(self) -> None:
        self._users += 1
        if self._task is None:
            self._tell("loading", f"looking for {self.spec.label}")
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
        if client is None or process is None or not self.loaded:
            self.wake()
            status = self.status
            raise Unavailable(f"{self.spec.label}: {status.note}", retry_after_s=status.ready_in_s)
        if not self._answering:
            self._heard_s = self._clock.monotonic()
        self._answering += 1
        try:
            async with closing(client.answer(body, stream=True)) as chunks:
                async for chunk in chunks:
                    self._heard_s = self._clock.monotonic()
                    yield chunk
        except (Unavailable, Malformed) as error:
            await self._explain(process, error)
        finally:
            self._answering -= 1
            self.used_s = self._clock.monotonic()

    async def _explain(self, process: Process, error: ReasonerError) -> NoReturn:
        """A connection breaks, or an answer is cut off, a moment before its process is known to be dead."""
        with contextlib.suppress(TimeoutError):
            reason = await asyncio.wait_for(process.ended(), 1.0)
            raise Unavailable(f"{self.spec.label}: {reason}; it is being started again") from error
        raise error

    def _silent_s(self) -> float:
        """For how long those who are being answered have heard nothing, how far a prompt is read included."""
        return self._clock.monotonic() - self._heard_s if self._answering else 0.0

    def _tell(self, state: ReasonerState, note: str, *, wait_s: float | None = None) -> None:
        self._progress = None
        self._state = state
        self._note = note
        self._ready_at_s = None if wait_s is None else self._clock.monotonic() + wait_s

    async def _run(self) -> None:
        found = await self._weights()
        wait_s = _SHORTEST_WAIT_S
        self._leaving.clear()
        while True:
            await self._room(found.needed_bytes, made_room=self._leaving.is_set())
            self._leaving.clear()
            began_s = self._clock.monotonic()
            try:
                reason = await self._live(found)
            finally:
                self._memory.give_back(self)
            if self._leaving.is_set():
                continue
            self._failed_to_load = self.used_s < began_s
            if self._clock.monotonic() - began_s > _HEALTHY_S:
                wait_s = _SHORTEST_WAIT_S
            self._tell("down", reason, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _room(self, size_bytes: int, *, made_room: bool) -> None:
        """Returns once the memory is its own. What it `made_room` of is another's, until it is itself asked for."""
        if not made_room and self._memory.take(self, size_bytes, for_somebody=False):
            return
        self._tell("cold", self._displaced)
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._memory.take(self, size_bytes, for_somebody=True):
                return

    @property
    def _displaced(self) -> str:
        return "not loaded: fits into memory only in place of another model, once it is asked for"

    async def _weights(self) -> Found:
        wait_s = _WEIGHTS_WAIT_S
        while True:
            self._tell("loading", f"looking for {self.spec.label}")
            try:
                return await self._obtained()
            except WeightsError as error:
                self._tell("down", error.message, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, 10 * _WEIGHTS_WAIT_S)

    async def _obtained(self) -> Found:
        watch = Watch(self._clock, self._told)
        work = asyncio.ensure_future(asyncio.to_thread(self._obtain, watch))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            watch.stop.set()
            await asyncio.wait([work])
            raise

    def _obtain(self, watch: Watch) -> Found:
        spec = self.spec
        if not is_installed():
            raise WeightsError(f"llama.cpp is not installed: {INSTALL}")
        if spec.path is not None:
            path = weights.own_file(spec.path)
        else:
            path = weights.obtain(weights.named(spec.label), spec.folder, watch)
        if self._memory.bound_bytes is None:
            return Found(path, 0)
        return self._fitting(path, needed_bytes(path, spec.context_tokens * spec.slots))

    def _fitting(self, path: Path, size_bytes: int) -> Found:
        """Raises WeightsError for a model that alone is too large."""
        bound_bytes = self._memory.bound_bytes
        if bound_bytes is not None and size_bytes > bound_bytes:
            raise WeightsError(
                f"{self.spec.label} takes about {size_bytes // 2**20} MB, machine.memory_mb allows "
                f"{bound_bytes // 2**20}: raise it, or lower `context_tokens` or `slots`"
            )
        return Found(path, size_bytes)

    def _told(self, progress: Progress) -> None:
        self._progress = progress

    async def _live(self, found: Found) -> str:
        """One life of the child; says why it ended."""
        self._loads()
        key = secrets.token_urlsafe(24)
        try:
            process = self._process = await Process.start(self._settings(found.path, key), self._program)
        except OSError as error:
            return f"llama.cpp could not be started: {error.strerror}"
        try:
            reason = await self._serve(process, key)
            if not self._leaving.is_set():
                self._tell("down", reason)
            return reason
        finally:
            await self._end(process)

    def _loads(self) -> None:
        self._loading_since_s = self._clock.monotonic()
        self._tell("loading", f"loading {self.spec.label}")

    def _is_loaded(self) -> None:
        self.used_s = self._clock.monotonic()
        self._load_s = self.used_s - self._loading_since_s
        self._failed_to_load = False
        self._tell("warm", "")

    async def _serve(self, process: Process, key: str) -> str:
        """From loading to the end; says why it ended."""
        try:
            async with asyncio.timeout(_LOAD_S):
                address = await process.address()
                client = self._client = self._client_of(address, key)
                await client.open()
                await self._warm_up(client)
        except TimeoutError:
            return f"{self.spec.label} was not loaded within {_LOAD_S:.0f} s"
        except ReasonerError as error:
            return error.message
        self._is_loaded()
        return await self._over(process, self._pulse.stops(address, _headers(key), self._silent_s))

    async def _over(self, process: Process, hangs: Coroutine[Any, Any, str]) -> str:
        """Waits until it ended, hangs or is left, and says which."""
        ended = asyncio.ensure_future(process.ended())
        hanging = asyncio.ensure_future(hangs)
        leaving = asyncio.ensure_future(self._leaving.wait())
        try:
            await asyncio.wait((ended, hanging, leaving), return_when=asyncio.FIRST_COMPLETED)
            return next((known.result() for known in (ended, hanging) if known.done()), "unloaded")
        finally:
            for waiting in (ended, hanging, leaving):
                waiting.cancel()

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
            step_tokens=self.spec.step_tokens,
            threads=self.spec.threads or _cores(),
        )

    def _client_of(self, address: str, key: str) -> ChatClient:
        server = Server(
            name=self.spec.label,
            base_url=f"{address}/v1",
            model=self.spec.label,
            headers=_headers(key),
            timeouts=_TIMEOUTS,
            concurrency=self.spec.slots,
        )
        return ChatClient(server, self._clock)

    async def _warm_up(self, client: ChatClient) -> None:
        """Reads every weight once, so that no request pays for it."""
        self._tell("loading", f"warming {self.spec.label}")
        async for _ in client.answer(_WARM_UP, stream=True):
            pass


def _headers(key: str) -> dict[str, str]:
    # A connection that was kept alive fails after a stream, so each request has its own.
    return {"Authorization": f"Bearer {key}", "Connection": "close"}


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
