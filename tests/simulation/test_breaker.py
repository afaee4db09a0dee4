"""When an upstream is left alone for slowness: not because a crowd makes milliseconds of it."""

import asyncio

import pytest

from rung.lanes import Lane, Pace, Pool, Setup
from rung.types import Chunk, Usage

from .conftest import Machine

CROWD = 64


class OneByOne(Machine):
    """Answers one call after the other, in `each_s`: so the first words of each in a crowd wait for the others."""

    def __init__(self, each_s):
        super().__init__()
        self.each_s = each_s
        self.turn = asyncio.Lock()

    async def answer(self, call):
        async with self.turn:
            await asyncio.sleep(self.each_s)
        yield Chunk(text="ok", finish="stop", usage=Usage(prompt_tokens=0, completion_tokens=10))


@pytest.mark.parametrize("stream", [True, False])
def test_a_crowd_at_a_fast_upstream_is_served(simulate, stream):
    async def scene(world):
        machine = OneByOne(0.002)
        pace = Pace(first_s=0.001, prompt_s_per_token=0.0, completion_s_per_token=0.0)
        lane = Lane(machine, Setup(pool=Pool(256, world.clock), pace=pace, most=256), world.clock, world.rng)
        for n in range(100):
            await world.ask(lane, f"alone{n}", tokens=10, within_s=60.0, stream=stream)
        for n in range(20):
            asked = (world.ask(lane, f"{n}/{k}", tokens=10, within_s=60.0, stream=stream) for k in range(CROWD))
            await asyncio.gather(*asked)
        return world.ended

    assert set(simulate(scene).values()) == {"met"}


def test_one_that_became_slow_is_left_alone(simulate):
    async def scene(world):
        machine = OneByOne(0.1)
        pace = Pace(first_s=0.1, prompt_s_per_token=0.0, completion_s_per_token=0.0)
        lane = Lane(machine, Setup(pool=Pool(4, world.clock), pace=pace, most=4), world.clock, world.rng)
        for n in range(50):
            await world.ask(lane, f"usual{n}", tokens=10, within_s=60.0, stream=True)
        machine.each_s = 3.0
        for n in range(20):
            await world.ask(lane, f"slow{n}", tokens=10, within_s=60.0, stream=True)
            if lane.status.state == "down":
                return lane.status.note
        return "never"

    assert "slower than usual" in simulate(scene)
