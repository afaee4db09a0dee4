"""Lanes on virtual time, so that minutes take milliseconds."""

import asyncio
from random import Random

import pytest

from rung.clock import LoopClock
from rung.config.lanes import Lanes
from rung.errors import ReasonerError
from rung.lanes import Lane, Pace, Pool, Setup
from rung.reasoners.base import Abilities, Status, closing
from rung.simulate import run
from rung.types import Call, Chunk, Usage


class Machine:
    """A leaf that takes `service_s` of virtual time for each call, as its body says. `most` is the most it had at once,
    `ran` how often it was called for each id; it breaks where the body says so."""

    def __init__(self, name="machine"):
        self.name, self.abilities, self.status = name, Abilities(), Status(state="warm")
        self.running = self.most = 0
        self.ran = {}
        self.busy_s = 0.0

    async def start(self): ...

    async def close(self): ...

    async def answer(self, call):
        self.running += 1
        self.most = max(self.most, self.running)
        self.ran[call.id] = self.ran.get(call.id, 0) + 1
        began_s = asyncio.get_running_loop().time()
        try:
            await asyncio.sleep(call.body["service_s"])
            if error := call.body.get("error"):
                raise error
            yield Chunk(text="ok", finish="stop", usage=Usage(prompt_tokens=0, completion_tokens=call.body["tokens"]))
        finally:
            self.running -= 1
            self.busy_s += asyncio.get_running_loop().time() - began_s


class World:
    """Lanes over machines that write a token in `token_s`, and what became of each call."""

    token_s = 0.01

    def __init__(self, seed=1):
        self.clock = LoopClock()
        self.rng = Random(seed)
        self.ended = {}

    def lane(self, machine, *, places=4, pool=None, bounds=None, **more):
        pace = Pace(first_s=0.0, prompt_s_per_token=0.0, completion_s_per_token=self.token_s)
        setup = Setup(pool=pool or Pool(places, self.clock), pace=pace, bounds=bounds or Lanes(), **more)
        return Lane(machine, setup, self.clock, self.rng)

    async def ask(self, lane, name, *, tokens, within_s, leaves_s=None, error=None, predicted=None, **more):
        """One caller, to the end; what became of it is in `ended`: met, late, left, or the error's name."""
        now_s = self.clock.monotonic()
        call = Call(
            id=name,
            body={"tokens": tokens, "service_s": tokens * self.token_s, "error": error},
            deadline_s=now_s + within_s,
            completion_tokens=tokens if predicted is None else predicted,
            **more,
        )
        outcome = "lost"
        leaves_s = within_s if leaves_s is None else min(leaves_s, within_s)
        try:
            async with asyncio.timeout(leaves_s), closing(lane.call(call)) as chunks:
                async for _ in chunks:
                    outcome = "met"
        except TimeoutError:
            outcome = "left" if leaves_s < within_s else "late"
        except ReasonerError as failure:
            outcome = type(failure).__name__
        assert name not in self.ended
        self.ended[name] = outcome
        return outcome


@pytest.fixture
def simulate():
    """Runs an async function of a World on virtual time."""
    return lambda scene, *args: run(scene(World(), *args))


@pytest.fixture
def machine():
    return Machine
