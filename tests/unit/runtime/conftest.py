"""A ladder of scripted reasoners under the real runtime, with a clock that stands still unless it is moved."""

import asyncio
from contextlib import aclosing
from random import Random

import pytest

from rung.cache import ExactCache, Flights
from rung.clock import LoopClock
from rung.errors import RungError
from rung.lanes import Lane, Pace, Pool, Setup
from rung.ledger import Ledger
from rung.ledger.writer import LocalWriter
from rung.reasoners.base import Abilities, Status
from rung.routing import Profile
from rung.runtime import Ladder, Policy, Rung, Runtime, Stores
from rung.telemetry import Metrics
from rung.types import Chunk, Commit, Reply, Request, Usage, Verdict, Wishes


class Scripted:
    """Answers with what it was given: texts are chunks, an exception is raised, an Event is waited for."""

    def __init__(self, name, *script, abilities=None, state="warm"):
        self.name, self.script, self.calls, self.closed = name, script, [], 0
        self.abilities = abilities or Abilities(tools=True)
        self.status = Status(state=state, note="")
        self.running = 0

    async def start(self): ...

    async def close(self): ...

    async def answer(self, call):
        self.calls.append(call)
        self.running += 1
        try:
            for part in self.script:
                if isinstance(part, RungError):
                    raise part
                if isinstance(part, asyncio.Event):
                    await part.wait()
                else:
                    yield Chunk(text=part)
            yield Chunk(finish="stop", usage=Usage(prompt_tokens=5, completion_tokens=2, usd=0.001))
        finally:
            self.running -= 1
            self.closed += 1


class World:
    def __init__(self, ledger, clock):
        self.clock, self.ledger = clock, ledger
        self.metrics = Metrics()
        self.stores = Stores(cache=ExactCache(10**6), flights=Flights(), ledger=ledger, metrics=self.metrics)
        self.verdicts = {}
        self.rungs = []
        self.keep_text = False

    def add(self, reasoner, *, strength=0.6, **profile):
        pace = Pace(first_s=0.1, prompt_s_per_token=0, completion_s_per_token=0.01)
        lane = Lane(reasoner, Setup(pool=Pool(4, self.clock), pace=pace), self.clock, Random(1))
        known = Profile(name=reasoner.name, kind="endpoint", strength=strength, **profile)
        self.rungs.append(
            Rung(reasoner=reasoner, profile=known, lane=lane, call=lane.call, auto=True, about="scripted")
        )
        return reasoner

    async def verify(self, features, estimates, answers, body):
        return tuple(
            Verdict(right_prob=self.verdicts.get(a.reasoner, estimates[a.reasoner].right_prob)) for a in answers
        )

    @property
    def runtime(self):
        return Runtime(
            Ladder(self.rungs, self.clock),
            self.stores,
            Policy(epoch="1", preset="balanced", keep_text=self.keep_text),
            self.verify,
            self.clock,
        )

    def request(
        self, text="Is water wet? Answer yes or no.", *, model="auto", name="r1", stream=False, body=None, **wishes
    ):
        now = self.clock.monotonic()
        given = {"messages": [{"role": "user", "content": text}], **(body or {})}
        if stream:
            given["stream"] = True
        deadline_s = wishes.get("deadline_ms", 60_000) / 1000
        return Request(
            id=name, model=model, body=given, arrived_s=now, deadline_s=now + deadline_s, wishes=Wishes(**wishes)
        )

    async def events(self, request, runtime=None):
        async with aclosing((runtime or self.runtime).run(request)) as events:
            return [event async for event in events]

    async def reply(self, request, runtime=None):
        if not request.stream:
            commit, reply = await (runtime or self.runtime).whole(request)
            assert isinstance(commit, Commit)
            assert isinstance(reply, Reply)
            return reply
        events = await self.events(request, runtime)
        assert isinstance(events[0], Commit)
        assert isinstance(events[-1], Reply)
        return events[-1]


@pytest.fixture
async def world(tmp_path):
    clock = LoopClock()
    ledger = Ledger(tmp_path / "ledger.db", clock, writer=LocalWriter)
    await ledger.start()
    yield World(ledger, clock)
    await ledger.close()


@pytest.fixture
def scripted():
    return Scripted
