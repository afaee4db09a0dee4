"""Who asks what of one reasoner, after a recorded trace, and how each way of queueing serves them."""

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from shared import data_path

from rung.clock import LoopClock
from rung.config import Config, parse_config
from rung.errors import ReasonerError
from rung.reasoners.base import closing
from rung.simulate import (
    Arrival,
    Asked,
    Climbing,
    DrawnVerdicts,
    EndpointSpeed,
    LocalSpeed,
    Mix,
    ModelledLadder,
    Outcome,
    Replayed,
    Size,
    Speeds,
    Work,
    read_trace,
    replay,
    run,
    scaled,
    workload,
)
from rung.simulate.experiment import goodput
from rung.simulate.replay import Serve
from rung.simulate.report import by_class, row
from rung.types import Call

SIDES = ("fifo", "round robin", "rung")
CONTEXT = 4096
# Of a reasoner: how many it serves at once.
PLACES = {"local": 2, "endpoint": 16}
TRACES = {"azure": "azure2023_conv.csv", "mooncake": "mooncake_conversation.jsonl"}
# Times the class's base deadline.
PATIENCE = {"critical": 1.0, "interactive": 1.5, "batch": 4.0}
TENANTS = {"heavy": 0.75, "light": 0.25}


class Queueing:
    """A policy of our own in front of the same reasoner: `places` calls at once, the next by `turns`; a client leaves
    at its deadline. `call` serves one request that has its place; `spent` tells the tokens that went into it."""

    def __init__(
        self, call: Callable[[Asked], Awaitable[Outcome]], spent: Callable[[Asked], int], places: int, turns: str
    ) -> None:
        self._call = call
        self._spent = spent
        self._free = places
        self._round_robin = turns == "round robin"
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def __call__(self, asked: Asked) -> Outcome:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        outcome = Outcome(asked=asked, ending="late", total_s=0.0)
        try:
            async with asyncio.timeout(asked.deadline_s):
                await self._turn(asked.tenant if self._round_robin else "all")
                try:
                    outcome = await self._call(asked)
                finally:
                    self._next()
        except TimeoutError:
            pass
        return replace(outcome, total_s=loop.time() - began_s, spent=self._spent(asked))

    async def _turn(self, line: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(line, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()
            raise

    def _next(self) -> None:
        """The first of the line whose turn it is; a line that was served goes to the end."""
        for line in list(self._waiting):
            waiting = self._waiting.pop(line)
            while waiting and waiting[0].done():
                waiting.popleft()
            if waiting:
                waiting.popleft().set_result(None)
                self._waiting[line] = waiting
                return
        self._free += 1


class Window(Struct, frozen=True):
    """A part of a trace. Whatever in the lanes was set by looking at runs was set on the first half of each trace,
    `dev`; `report` is the second. Each is cut into `of` windows; the draws of a window are its own, and no seed of
    `report` is one of `dev`."""

    part: str
    number: int
    of: int
    most: int

    @property
    def seed(self) -> int:
        return self.number + (self.of if self.part == "report" else 0)

    def cut(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        half = len(arrivals) // 2
        length = half // self.of
        first = self.number * length + (half if self.part == "report" else 0)
        mine = arrivals[first : first + min(length, self.most)]
        return [replace(arrival, at_s=arrival.at_s - mine[0].at_s) for arrival in mine]


class Scene:
    """One reasoner, `local` or `endpoint`, asked as in one window of one trace. `faster` speeds the reasoner up."""

    def __init__(self, reasoner: str, trace: str, window: Window, faster: float = 1.0) -> None:
        self.reasoner = reasoner
        self.seed = window.seed
        self.places = PLACES[reasoner]
        self.config = _config(reasoner, faster)
        self.speeds = _speeds(faster)
        self.arrivals = window.cut(arrivals_of(reasoner, trace))

    def asked(self, load: float, patience: float = 1.0) -> tuple[list[Asked], list[float]]:
        """The requests, and the seconds of a full reasoner that each takes."""
        probe = ModelledLadder(self.config, self.speeds, Work(self.seed), LoopClock())
        sizes = [Size(a.prompt_tokens, a.completion_tokens) for a in self.arrivals]
        work_s = [probe.work_s(size) for size in sizes]
        # At full load each of the places works at this share of the speed that a request alone has.
        slowdown = self.places * sum(work_s) / sum(map(probe.alone_s, sizes))
        mean_s = slowdown * sum(map(probe.alone_s, sizes)) / len(sizes)
        mix = Mix(
            deadline_s=lambda priority, size: (
                patience * PATIENCE[str(priority)] * (3 * slowdown * probe.alone_s(size) + 3 * mean_s)
            ),
            tenants=TENANTS,
        )
        return workload(scaled(self.arrivals, work_s, load), mix, self.seed), work_s

    async def serving(self, side: str) -> tuple[Serve, Work]:
        """The side's way of serving, over a reasoner of its own, and what that does."""
        work = Work(self.seed)
        modelled = ModelledLadder(self.config, self.speeds, work, LoopClock())
        if side == "rung":
            for leaf in modelled.leaves.values():
                await leaf.start()
            return Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "balanced"), work
        return Queueing(_alone(modelled, work), lambda asked: _spent(work, asked), self.places, side), work

    async def played(self, side: str, asked: Sequence[Asked]) -> Replayed:
        serve, _ = await self.serving(side)
        return await replay(asked, serve)


def _config(reasoner: str, faster: float) -> Config:
    known = EndpointSpeed()
    entries: dict[str, dict[str, Any]] = {
        "local": {"kind": "local", "model": "qwen2.5-coder-1.5b-instruct", "context_tokens": CONTEXT},
        "endpoint": {
            "kind": "endpoint",
            "base_url": "http://there/v1",
            "model": "m",
            "concurrency": PLACES["endpoint"],
            "first_token_s": known.first_s / faster,
            "tokens_per_s": known.tokens_per_s * faster,
        },
    }
    return parse_config({"reasoners": {"only": entries[reasoner]}}, source=reasoner, env={})


def _speeds(faster: float) -> Speeds:
    local, there = LocalSpeed(), EndpointSpeed(at_once=PLACES["endpoint"])
    return Speeds(
        local=replace(
            local,
            read_token_s=local.read_token_s / faster,
            write_s=local.write_s / faster,
            write_token_s=local.write_token_s / faster,
            start_s=local.start_s / faster,
        ),
        endpoints={
            "only": replace(there, first_s=there.first_s / faster, tokens_per_s=there.tokens_per_s * faster),
        },
    )


@cache
def arrivals_of(reasoner: str, trace: str) -> list[Arrival]:
    """Those that the reasoner can take: a local model's context is small."""
    most = CONTEXT - 100 if reasoner == "local" else sys.maxsize
    return [a for a in read_trace(data_path("traces", TRACES[trace])) if a.prompt_tokens + a.completion_tokens < most]


def _alone(modelled: ModelledLadder, work: Work) -> Callable[[Asked], Awaitable[Outcome]]:
    """Calls the reasoner itself."""
    leaf = modelled.leaves["only"]

    async def serve(asked: Asked) -> Outcome:
        work.sizes[asked.id] = asked.size
        now_s = asyncio.get_running_loop().time()
        body = asked.request(now_s, stream=True).body
        call = Call(id=asked.id, body=body, deadline_s=now_s + asked.deadline_s, stream=True)
        try:
            async with closing(leaf.answer(call)) as chunks:
                async for _ in chunks:
                    pass
        except ReasonerError:
            return Outcome(asked=asked, ending="failed", total_s=0.0)
        tokens = asked.size.prompt_tokens + asked.size.completion_tokens
        return Outcome(asked=asked, ending="answered", total_s=0.0, by="only", tokens=tokens)

    return serve


def _spent(work: Work, asked: Asked) -> int:
    return sum(work.spent.get(asked.id, {}).values())


def figures_of(outcomes: Sequence[Outcome], work_s: Sequence[float]) -> dict[str, float]:
    """What one play came to. `goodput` is the work of answers in time against what the reasoner does in the same time
    when it is never idle; `wasted` the share of tokens that went into requests that met no deadline; seconds are those
    of the answers, from arrival. What nobody got is left out. `met_before_end`: met before the last arrival, as a share
    of all; what is done for those that wait when nobody comes any more tells of no lasting overload."""
    everyone = row("all", outcomes)
    last_s = max(o.asked.at_s for o in outcomes)
    figures = {
        "met": everyone.met / everyone.requests,
        "met_before_end": sum(o.met and o.asked.at_s + o.total_s <= last_s for o in outcomes) / everyone.requests,
        "goodput": goodput(outcomes, work_s),
        "lost": float(everyone.failed + everyone.unfit),
        "refused": everyone.refused / everyone.requests,
        "late": everyone.late / everyone.requests,
    }
    if everyone.tokens:
        figures["wasted"] = everyone.wasted_tokens / everyone.tokens
    for mine in by_class(outcomes):
        figures[f"met.{mine.name}"] = mine.met / mine.requests
        if mine.p50_s is not None and mine.p99_s is not None:
            figures |= {f"p50_s.{mine.name}": mine.p50_s, f"p99_s.{mine.name}": mine.p99_s}
    return figures


class Gap:
    """How far the tokens served to the two tenants move apart while both have requests waiting: the widest difference
    between two moments of one such time, of which Sheng et al. 2024 (Fairness in Serving Large Language Models)
    say that it is at most 2 max(w_p L_input, w_q M), with L_input the longest prompt and M the tokens that
    may run at once; both weights are 1 here."""

    def __init__(self, places: int) -> None:
        self.widest = 0.0
        self.moments = 0
        self._places = places
        self._served = dict.fromkeys(TENANTS, 0.0)
        self._open = dict.fromkeys(TENANTS, 0)
        self._seen: list[float] = []

    def came(self, tenant: str) -> None:
        self._open[tenant] += 1

    def left(self, tenant: str) -> None:
        self._open[tenant] -= 1
        # More open than can run: some wait.
        if min(self._open.values()) <= self._places:
            self._seen.clear()

    def served(self, tenant: str, tokens: int) -> None:
        self._served[tenant] += tokens
        if min(self._open.values()) > self._places:
            self._seen.append(self._served["heavy"] - self._served["light"])
            self.moments += 1
            self.widest = max(self.widest, max(self._seen) - min(self._seen))


def fairness(scene: Scene, side: str) -> dict[str, float]:
    """The gap and its bound. One class and three hundred times the patience, so that nothing but the queue decides;
    three times the capacity, of which the light tenant alone asks for more than its half."""
    asked = [replace(one, priority="interactive") for one in scene.asked(3.0, patience=300.0)[0]]
    gap = Gap(scene.places)
    tenant_of = {one.id: one.tenant for one in asked}

    async def play() -> Replayed:
        policy, work = await scene.serving(side)
        did = work.did

        def counted(body: Any, reasoner: str, tokens: int) -> None:
            did(body, reasoner, tokens)
            gap.served(tenant_of[body["user"]], tokens)

        work.did = counted  # type: ignore[method-assign]

        async def serve(one: Asked) -> Outcome:
            gap.came(one.tenant)
            try:
                return await policy(one)
            finally:
                gap.left(one.tenant)

        return await replay(asked, serve)

    outcomes = run(play()).outcomes
    most = max(one.size.prompt_tokens + one.size.completion_tokens for one in asked)
    longest = max(one.size.prompt_tokens for one in asked)
    return {
        "gap_tokens": gap.widest,
        "bound_tokens": 2.0 * max(longest, scene.places * most),
        "moments": float(gap.moments),
        "answered": float(sum(o.ending == "answered" for o in outcomes)),
    }
