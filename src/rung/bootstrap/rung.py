"""The running system: what the server serves, and what a program embeds."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog
from msgspec import Struct

import rung
from rung.api.decode import Arrival, decode, request_of
from rung.api.shape import ChatBody
from rung.bootstrap.build import Artefact, Part, build_learned, build_leaves, build_rungs, policy_text, profile_of
from rung.cache import ExactCache, Flights
from rung.clock import Clock, RealClock
from rung.config import Config, load_config
from rung.config.schema import CodeConfig
from rung.errors import BadRequest, ConfigError, LedgerError, NotReady, did_you_mean
from rung.lanes import Lane
from rung.ledger import Ledger
from rung.reasoners.base import Reasoner
from rung.reasoners.code.reasoner import bounds_of
from rung.reasoners.local.memory import Memory
from rung.runtime import Bases, Heard, Judge, Ladder, Learning, Looked, Policy, Runtime, Stores
from rung.sandbox import Jail
from rung.telemetry import Metrics
from rung.types import Answer, Chunk, Decision, Event, Feedback, Json, Reply, Request, Wishes
from rung.verdicts import Known, Verify, verify
from rung.verdicts.running import Running

_log = structlog.get_logger(__name__)


class _Generation(Struct, frozen=True, eq=False):
    """What serves between two reloads, and afterwards whoever began in that time. Leaves may serve in the next one too;
    composites are made anew."""

    runtime: Runtime
    parts: Mapping[str, Part]
    composites: Sequence[Reasoner]
    bases: Bases

    @property
    def lives(self) -> list[Lane | Reasoner]:
        """All that is started and closed."""
        return [*(part.lane for part in self.parts.values()), *self.composites]


class Rung:
    """One endpoint in front of many reasoners, without the HTTP.

    Use it as `async with Rung.from_config() as rung:`, then `answer`, `reply`, `stream`, `explain` and `feedback`.
    `apply` swaps the config while it serves.
    """

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or RealClock()
        self._rng = Random()  # noqa: S311  chances, no secrets
        assert config.ledger.path is not None
        self._ledger = Ledger(config.ledger.path, self.clock)
        self.metrics = Metrics()
        self.metrics.ledger_problem.set_function(lambda: float(self._ledger.problem is not None))
        self._cache = _cache_of(config)
        self._flights: Flights[Event] = Flights()
        memory_mb = config.machine.memory_mb
        self._memory = Memory(None if memory_mb is None else memory_mb * 2**20)
        parts = build_leaves(config, self.clock, {}, memory=self._memory)
        self._learning = Learning(self._ledger, self.metrics)
        self._looked = Looked()
        self._serving = self._generation(config, parts, self._cache, build_learned(config))
        self._life = "not started"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._applying = asyncio.Lock()
        self._retired: dict[_Generation, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> Self:
        """From a `rung.yaml`; without one, from `./rung.yaml` or the built-in ladder. Raises ConfigError."""
        return cls(load_config(Path(path) if path is not None else None))

    @property
    def runtime(self) -> Runtime:
        """The one that serves now."""
        return self._serving.runtime

    @property
    def bases(self) -> Bases:
        """What is expected of the reasoners that serve now before any outcome moves it."""
        return self._serving.bases

    async def start(self) -> None:
        """Opens the ledger and sets every reasoner going; returns at once, while models load. Raises LedgerError, and
        NotReady the second time."""
        if self._life != "not started":
            raise NotReady(f"this Rung is {self._life}, and starts only once: make another with Rung.from_config()")
        self._life = "closed"  # as long as it may fail
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as on_failure:
            on_failure.push_async_callback(self._ledger.close)
            await self._ledger.start()
            await self.learn()
            await _start(self._serving.lives)
            on_failure.pop_all()
        self._life = "started"

    async def learn(self) -> None:
        """Takes in what was said of answers before; `start` does it. Until then estimates know nothing of it."""
        self._learning.serve(await self._heard_by(self.bases, self.config))

    async def _heard_by(self, bases: Bases, config: Config) -> Heard:
        return await self._learning.rebased(bases if config.estimates.online else Bases({}))

    async def close(self) -> None:
        self._life = "closed"
        waiting = list(self._retired.values())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, *self._closing, return_exceptions=True)
        while self._retired:
            old, _ = self._retired.popitem()
            await self._close_unshared(old)
        for one in self._serving.lives:
            await one.close()
        try:
            await self._ledger.close()
        except LedgerError as error:
            _log.error("ledger not written", problem=error.message)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def apply(self, config: Config) -> None:
        """Serves by `config` from the next request on; those under way end by the old one. Applied whole, or refused
        whole: raises ConfigError, or what a leaf raised that could not be started, and the old config stays. NotReady
        where nothing serves.
        """
        async with self._applying:
            _refuse_what_needs_a_restart(self.config, config)
            cache = self._cache if config.cache == self.config.cache else _cache_of(config)
            old = self._serving
            artefact = await asyncio.to_thread(build_learned, config)
            heard = await self._heard_by(_bases_of(config, artefact), config)
            self._serves()  # not before: it may be closed meanwhile
            parts = build_leaves(config, self.clock, old.parts, memory=self._memory)
            new = self._generation(config, parts, cache, artefact)
            await _start(one for one in new.lives if not any(one is known for known in old.lives))
            self.config, self._cache, self._serving = config, cache, new
            self._learning.serve(heard)
            # Before anything is awaited: who is cancelled now has left what served to be closed.
            self._retired[old] = asyncio.create_task(self._retire(old))
            if config.estimates.online:
                await self._learning.hear()  # what was said meanwhile

    async def _retire(self, old: _Generation) -> None:
        await old.runtime.unused.wait()
        task = self._retired.pop(old)
        self._closing.add(task)  # no longer to be cancelled
        task.add_done_callback(self._closing.discard)
        await self._close_unshared(old)

    async def _close_unshared(self, old: _Generation) -> None:
        """Closes what of `old` no other generation serves by."""
        others = (self._serving, *self._retired)
        held = {id(one) for generation in others for one in generation.lives}
        for one in old.lives:
            if id(one) not in held:
                await one.close()

    def _generation(
        self, config: Config, parts: Mapping[str, Part], cache: ExactCache, artefact: Artefact
    ) -> _Generation:
        rungs = build_rungs(config, parts)
        composites = [one.reasoner for one in rungs if one.reasoner is not one.lane.reasoner]
        learning = self._learning if config.estimates.online else None
        correct = learning.correct if learning else None
        ladder = Ladder(rungs, self.clock, artefact.learned, correct, self._looked)
        stores = Stores(
            cache=cache, flights=self._flights, ledger=self._ledger, metrics=self.metrics, learning=learning
        )
        epoch = hashlib.blake2b(policy_text(config, artefact.origins).encode(), digest_size=8).hexdigest()
        judge = config.judge
        policy = Policy(
            epoch=f"{rung.__version__}-{epoch}",
            preset=config.server.preset,
            keep_text=config.ledger.text,
            most_loss=config.estimates.explore,
            draw=self._rng.random,
            streaming=config.server.stream,
            judge=Judge(ladder, judge.reasoner, judge.tells) if judge.reasoner is not None else None,
        )
        kinds = {one.name: one.profile.kind for one in rungs}
        known = Known(kinds=kinds, trust=learning.trust if learning else None)
        runtime = Runtime(ladder, stores, policy, _verify_of(config, known), self.clock)
        return _Generation(runtime, parts, composites, _bases_of(config, artefact))

    # What a program that embeds Rung uses.

    async def answer(self, question: str | Sequence[Json], **options: Any) -> Answer:
        """The answer to a question, or to a list of messages. `options` are `model`, the wishes (`max_usd`,
        `deadline_ms`, `min_quality`, `preset`, `cache`, `priority`, `streaming`) and any parameter of a chat
        completion, checked as over HTTP. Raises RungError.
        """
        return (await self.reply(question, **options)).answer

    async def reply(self, question: str | Sequence[Json], **options: Any) -> Reply:
        """The answer and the decision that led to it."""
        async with aclosing(self._serves().run(self.request(question, **options))) as events:
            async for event in events:
                if isinstance(event, Reply):
                    return event
        raise AssertionError("a run ends with a Reply or an error")

    async def stream(self, question: str | Sequence[Json], **options: Any) -> AsyncGenerator[str, None]:
        """The answer's text as it is written."""
        async with aclosing(self._serves().run(self.request(question, **{**options, "stream": True}))) as events:
            async for event in events:
                if isinstance(event, Chunk) and event.text:
                    yield event.text

    async def explain(self, question: str | Sequence[Json], **options: Any) -> Decision:
        """The decision that would be taken now; nobody is called."""
        return await self.runtime.explain(self.request(question, **options))

    async def feedback(self, decision_id: str, score: float, comment: str = "") -> None:
        """What you found: 1 right, 0 wrong. Durable on return. Raises UnknownDecision and LedgerError."""
        await self._serves().feedback(Feedback(decision_id=decision_id, score=score, comment=comment))

    def _serves(self) -> Runtime:
        if self._life != "started":
            raise NotReady(f"this Rung is {self._life}: ask it within `async with Rung.from_config() as rung:`")
        if asyncio.get_running_loop() is not self._loop:
            raise NotReady(
                "this Rung was started in another event loop: ask it there (from other threads by "
                "asyncio.run_coroutine_threadsafe), or make one for this loop with Rung.from_config()"
            )
        return self.runtime

    def request(self, question: str | Sequence[Json], **options: Any) -> Request:
        """Raises BadRequest, and UnknownModel."""
        messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
        body = {"model": "auto", **options, "messages": messages}
        wishes = {name: body.pop(name) for name in Wishes.__struct_fields__ if name in body}
        if "streaming" in wishes:
            wishes["stream"] = wishes.pop("streaming")
        for name in body.keys() - set(ChatBody.__struct_fields__):
            if hint := did_you_mean(name, Wishes.__struct_fields__, cutoff=0.8):
                raise BadRequest(f"`{name}` is not known; {hint}", param=name)
        given = body.get("rung")
        checked = decode({**body, "rung": {**given, **wishes} if isinstance(given, dict) else given or wishes}, {})
        try:
            msgspec.json.encode(checked.body)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadRequest(f"this is no JSON, or half a character: {error}") from error
        arrival = Arrival(
            id=f"chatcmpl-{secrets.token_hex(12)}", tenant="local", at_s=self.clock.monotonic(), headers={}
        )
        return request_of(checked, arrival, self.config.reasoners, self.config.server.deadline_s)


def _bases_of(config: Config, artefact: Artefact) -> Bases:
    return Bases({name: profile_of(name, config) for name in config.reasoners}, artefact.origins)


def _cache_of(config: Config) -> ExactCache:
    return ExactCache(int(config.cache.exact.max_mb * 1_000_000))


def _verify_of(config: Config, known: Known) -> Verify:
    """Where the ladder runs code, within its bounds, that of other rungs is run too with the tests that are given."""
    code = next((entry for entry in config.reasoners.values() if isinstance(entry, CodeConfig)), None)
    judged = partial(verify, known=known)
    return judged if code is None else Running(judged, Jail(bounds_of(code))).verify


def _refuse_what_needs_a_restart(old: Config, new: Config) -> None:
    fixed = {
        "server.host": (old.server.host, new.server.host),
        "server.port": (old.server.port, new.server.port),
        "ledger.path": (old.ledger.path, new.ledger.path),
        "log": (old.log, new.log),
        "machine.memory_mb": (old.machine.memory_mb, new.machine.memory_mb),
    }
    changed = [name for name, (before, after) in fixed.items() if before != after]
    if changed:
        raise ConfigError(f"{' and '.join(changed)} cannot change while Rung serves: restart it")


async def _start(lives: Iterable[Lane | Reasoner]) -> None:
    """All of them, or none: if one raises, those that it has begun with are closed, and no lane stays in its pool."""
    lives = list(lives)
    async with AsyncExitStack() as on_failure:
        for one in lives:
            if isinstance(one, Lane):  # it joined when it was made
                on_failure.callback(one.pool.leave, one)
        for one in lives:
            on_failure.push_async_callback(one.close)
            await one.start()
        on_failure.pop_all()
