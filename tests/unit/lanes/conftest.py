"""A lane over scripted upstreams, on the loop's own clock."""

import asyncio
from random import Random

import pytest

from rung.clock import LoopClock
from rung.config.lanes import Lanes
from rung.errors import ReasonerError
from rung.lanes import Lane, Pace, Pool, Setup
from rung.reasoners.base import Abilities, Status, closing
from rung.types import Call, Chunk, Usage

WAIT_S = 5.0


class Server:
    """What an upstream does: each call takes the next of `script` (the last repeats): text, an error, an Event to wait
    for, or a list of those."""

    def __init__(self, *script):
        self.script = list(script) or ["ok"]
        self.begun, self.running, self.most, self.left = [], 0, 0, 0

    async def answer(self, call):
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.begun.append(call.id)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for part in act if isinstance(act, list) else [act]:
                if isinstance(part, ReasonerError):
                    raise part
                if isinstance(part, asyncio.Event):
                    await part.wait()
                elif isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    yield Chunk(text=part)
            yield Chunk(finish="stop", usage=Usage(prompt_tokens=10, completion_tokens=10))
        except (GeneratorExit, asyncio.CancelledError):
            self.left += 1
            raise
        finally:
            self.running -= 1


class Leaf:
    def __init__(self, server):
        self.name, self.abilities = "leaf", Abilities()
        self.status = Status(state="warm")
        self.answer = server.answer
        self.closed = False

    async def start(self): ...

    async def close(self):
        self.closed = True


class Bench:
    """`lane(...)` makes one; `ask` calls it and gives the text."""

    def __init__(self):
        self.clock = LoopClock()

    def pool(self, capacity=2):
        return Pool(capacity, self.clock)

    def lane(self, *servers, pool=None, places=2, first_s=0.01, bounds=None, **setup):
        upstreams = {f"u{i}": s.answer for i, s in enumerate(servers)} if len(servers) > 1 else {}
        made = Setup(
            pool=pool or self.pool(places),
            pace=Pace(first_s=first_s, prompt_s_per_token=0.0, completion_s_per_token=0.0),
            bounds=bounds or Lanes(),
            upstreams=upstreams,
            **setup,
        )
        return Lane(Leaf(servers[0]), made, self.clock, Random(1))

    def call(self, name="c", *, within_s=60.0, body=None, **more):
        return Call(id=name, body=body or {}, deadline_s=self.clock.monotonic() + within_s, **more)

    async def ask(self, lane, name="c", **more):
        async with closing(lane.call(self.call(name, **more))) as chunks:
            return "".join([chunk.text async for chunk in chunks])

    def start(self, lane, name="c", **more):
        return asyncio.create_task(self.ask(lane, name, **more))

    async def until(self, condition):
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110  what is waited for has no event
                await asyncio.sleep(0)


@pytest.fixture
async def bench():
    return Bench()


@pytest.fixture
def server():
    return Server
