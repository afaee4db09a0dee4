"""Reasoners that answer nothing, but take as long over it as those they stand for."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random

from msgspec import Struct

from rung.errors import Abstained, ReasonerError, Unavailable, Upstream
from rung.reasoners.base import Abilities, Status
from rung.reasoners.local.engine import Engine
from rung.reasoners.wording import max_tokens_of
from rung.routing import Profile, Speed, estimate, features_of
from rung.simulate.processor import Job, Processor
from rung.simulate.server import EndpointSpeed, Server
from rung.types import Answer, Call, Choice, Chunk, Json, Usage

# What a modelled answer says: short enough for any question that asks for a short one.
_TEXT = "yes"
_LOOK_S = 0.05
_NO_SPEED = Speed(wait_s=0.0, first_s=0.0, prompt_s_per_token=0.0, completion_s_per_token=0.0)


class Size(Struct, frozen=True):
    """What a request really takes, whatever is predicted of it."""

    prompt_tokens: int
    completion_tokens: int


class Work:
    """What the reasoners of a simulation are told, and what they did. `sizes` are by request: composites pass a
    request's body on, so its `user` says whose call it is. `spent` are tokens read and written, by request and
    then by reasoner."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sizes: dict[str, Size] = {}
        self.spent: dict[str, dict[str, int]] = {}

    def size(self, body: Json) -> Size:
        """An answer ends at the request's bound at the latest."""
        size = self.sizes[body["user"]]
        most = max_tokens_of(body) or size.completion_tokens
        return Size(size.prompt_tokens, min(size.completion_tokens, most))

    def drawn(self, *what: str) -> Random:
        """The same for the same things, in whatever order they are asked."""
        return Random(f"{self.seed}/{'/'.join(what)}")  # noqa: S311  no secret

    def did(self, body: Json, reasoner: str, tokens: int) -> None:
        by = self.spent.setdefault(body["user"], {})
        by[reasoner] = by.get(reasoner, 0) + tokens


class Modelled:
    """What they have in common: warm from the start, and able to what the real one is able to."""

    def __init__(self, name: str, abilities: Abilities, work: Work) -> None:
        self._name = name
        self._abilities = abilities
        self._status = Status(state="warm")
        self.work = work

    @property
    def name(self) -> str:
        return self._name

    @property
    def abilities(self) -> Abilities:
        return self._abilities

    @property
    def status(self) -> Status:
        return self._status

    @property
    def places(self) -> int:
        """Calls at once that it takes at full pace; 0 where that is not what bounds it."""
        return 0

    def per_s(self, size: Size) -> float:
        """Requests of that size that it could answer in a second, one after the other on all that it has."""
        return 0.0

    def alone_s(self, size: Size) -> float:
        """What it takes for a request of that size with nothing else to do, on average."""
        return 0.0

    async def start(self) -> None:
        """Nothing loads."""

    async def close(self) -> None:
        self._status = Status(state="down", note="closed")


class ModelledLocal(Modelled):
    """A local model: its slots share `processor`, also with other reasoners over the same one. Where memory is bounded
    `engine` tells whether it is loaded."""

    def __init__(
        self, name: str, abilities: Abilities, work: Work, processor: Processor, engine: Engine | None = None
    ) -> None:
        super().__init__(name, abilities, work)
        self.processor = processor
        self.engine = engine

    @property
    def status(self) -> Status:
        return self._status if self.engine is None or self._status.state == "down" else self.engine.status

    async def start(self) -> None:
        """Returns once it is loaded, or known not to be."""
        if self.engine is not None:
            await self.engine.start()
            while self.engine.status.state == "loading":  # noqa: ASYNC110  what is waited for has no event
                await asyncio.sleep(_LOOK_S)

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        status = self.status
        if status.state == "down" or not (self.engine is None or self.engine.loaded):
            raise Unavailable(f"{self._name} is {status.state}", retry_after_s=status.ready_in_s)
        size = self.work.size(call.body)
        job = Job(size.prompt_tokens, size.completion_tokens, asyncio.get_running_loop())
        began_s = asyncio.get_running_loop().time()
        try:
            await asyncio.sleep(self.processor.speed.start_s)
            self.processor.enter(job)
            await job.first
            yield Chunk(text=_TEXT)
            await job.done
            busy_s = asyncio.get_running_loop().time() - began_s
            yield Chunk(finish="stop")
            yield Chunk(usage=_usage(size, busy_s=busy_s))
        finally:
            self.processor.leave(job)
            if self.engine is not None:
                self.engine.used_s = asyncio.get_running_loop().time()
            left = job.to_read + max(job.to_write, 0)
            self.work.did(call.body, self._name, size.prompt_tokens + size.completion_tokens - left)

    def alone_s(self, size: Size) -> float:
        return self.processor.speed.alone_s(size.prompt_tokens, size.completion_tokens)

    def per_s(self, size: Size) -> float:
        p = self.processor
        return 1 / p.speed.busy_s(max(size.prompt_tokens, 1), max(size.completion_tokens, 1), p.slots)

    def kill(self) -> None:
        """Its process dies: all calls fail, and so do those that come."""
        self._status = Status(state="down", note="killed")
        self.processor.clear(Unavailable(f"{self._name} was killed"))

    def revive(self) -> None:
        self._status = Status(state="warm")


class ModelledEndpoint(Modelled):
    """An endpoint with its upstreams, each a server of its own."""

    def __init__(
        self, name: str, abilities: Abilities, work: Work, speed: EndpointSpeed, servers: Mapping[str, Server]
    ) -> None:
        super().__init__(name, abilities, work)
        self.speed = speed
        self.servers = servers
        self._calls = 0
        self._killed = False
        self.upstreams = {at: _Upstream(self, at, server).answer for at, server in servers.items()}

    def answer(self, call: Call) -> AsyncIterator[Chunk]:
        return next(iter(self.upstreams.values()))(call)

    def alone_s(self, size: Size) -> float:
        return self.speed.alone_s(size.completion_tokens)

    @property
    def places(self) -> int:
        return self.speed.at_once * len(self.servers)

    def per_s(self, size: Size) -> float:
        return self.places / self.speed.alone_s(size.completion_tokens)

    def kill(self) -> None:
        """All that is under way breaks off, and what comes is refused, until it is revived."""
        self._killed = True
        for server in self.servers.values():
            server.fail(Unavailable(f"{self._name} cannot be reached"))

    def change(self, *, slowness: float | None = None, hung: bool | None = None) -> None:
        for server in self.servers.values():
            server.change(slowness=slowness, hung=hung)

    def revive(self) -> None:
        self._killed = False
        self.change(slowness=1.0, hung=False)

    def check(self) -> None:
        if self._killed:
            raise Unavailable(f"{self._name} cannot be reached")

    def drawn(self, call: Call) -> Random:
        self._calls += 1
        return self.work.drawn(self._name, call.id, str(self._calls))


class _Upstream:
    def __init__(self, of: ModelledEndpoint, name: str, server: Server) -> None:
        self._of = of
        self._name = name
        self._server = server

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        of, size = self._of, self._of.work.size(call.body)
        rng = of.drawn(call)
        tokens = 0
        of.check()
        try:
            await self._server.work(of.speed.drawn_first_s(rng))
            tokens = size.prompt_tokens
            if rng.random() < of.speed.fail_prob:
                raise Upstream(f"{self._name} answered 503", upstream_status=503)
            if call.stream:
                yield Chunk(text=_TEXT)
            await self._server.work(size.completion_tokens / of.speed.tokens_per_s)
            tokens += size.completion_tokens
            yield Chunk(text="" if call.stream else _TEXT, finish="stop")
            yield Chunk(usage=_usage(size))
        finally:
            of.work.did(call.body, of.name, tokens)


class ModelledSpecialist(Modelled):
    """A solver or a function of the user's own: answers what it is expected to answer, and abstains from the rest; from
    all where it is a function that does not take any question, since none of those made up is its own. `speed` is a
    function's: what solvers take is known of them."""

    def __init__(self, name: str, abilities: Abilities, work: Work, profile: Profile, speed: Speed = _NO_SPEED) -> None:
        super().__init__(name, abilities, work)
        self._profile = profile
        self._speed = speed
        self._always_abstains = profile.kind == "function" and not abilities.general

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        abstains, takes_s = self._drawn(call)
        await asyncio.sleep(takes_s)
        if abstains:
            raise self._abstained
        yield Chunk(text=_TEXT, finish="stop", usage=Usage())

    async def answer_batch(self, calls: Sequence[Call]) -> list[Answer | ReasonerError]:
        """In the time that the longest of them takes alone: that is what batches are for."""
        drawn = [self._drawn(call) for call in calls]
        await asyncio.sleep(max(takes_s for _, takes_s in drawn))
        answer = Answer(reasoner=self._name, choices=(Choice(text=_TEXT, finish="stop"),))
        return [self._abstained if abstains else answer for abstains, _ in drawn]

    @property
    def _abstained(self) -> Abstained:
        return Abstained(f"{self._name} abstains")

    def _drawn(self, call: Call) -> tuple[bool, float]:
        """Whether it abstains, and the seconds until then."""
        e = estimate(self._profile, features_of(call.body), self._speed)
        abstains = self._always_abstains or self.work.drawn(self._name, call.id).random() < e.abstain_prob
        return abstains, e.abstain_s if abstains else e.service_s


def _usage(size: Size, busy_s: float = 0.0) -> Usage:
    return Usage(prompt_tokens=size.prompt_tokens, completion_tokens=size.completion_tokens, busy_s=busy_s)
