"""When a second call is made: where it helps, and not because a twentieth of all calls is slower than the rest."""

import asyncio

import pytest

from rung.config.lanes import Hedge, Lanes
from rung.lanes import Lane, Pace, Pool, Setup
from rung.types import Chunk, Usage

from .conftest import Machine

CALLS = 2000


class Varied(Machine):
    """Speaks after what `draw` gives for each call, first or second; `took` is that of those that ended."""

    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    async def answer(self, call):
        await asyncio.sleep(self.draw())
        yield Chunk(text="ok", finish="stop", usage=Usage(prompt_tokens=0, completion_tokens=10))


async def times(world, draw, hedge):
    """Seconds that each of many calls took, one after the other, sorted; and how many were made twice."""
    machine = Varied(draw)
    pace = Pace(first_s=0.01, prompt_s_per_token=0.0, completion_s_per_token=0.0)
    bounds = Lanes(hedge=hedge)
    setup = Setup(pool=Pool(8, world.clock), pace=pace, bounds=bounds, most=8, twice=True)
    lane = Lane(machine, setup, world.clock, world.rng)
    took = []
    for n in range(CALLS):
        began_s = world.clock.monotonic()
        assert await world.ask(lane, f"c{n}", tokens=1, within_s=60.0) == "met"
        took.append(world.clock.monotonic() - began_s)
    return sorted(took), lane.stats().hedged


@pytest.mark.parametrize("usual_s", [0.003, 2.0])
def test_noise_is_not_hedged(simulate, usual_s):
    async def scene(world):
        return await times(world, lambda: usual_s * world.rng.lognormvariate(0.0, 0.2), Hedge())

    _, hedged = simulate(scene)
    assert hedged <= CALLS * 0.001


@pytest.mark.parametrize("usual_s", [0.003, 1.0])
def test_what_hangs_now_and_then_is_hedged(simulate, usual_s):
    async def scene(world, hedge):
        def draw():
            return 30.0 if world.rng.random() < 0.01 else usual_s * world.rng.lognormvariate(0.0, 0.2)

        return await times(world, draw, hedge)

    alone, none = simulate(scene, Hedge(share=0.0))
    took, hedged = simulate(scene, Hedge())
    worst = CALLS * 998 // 1000
    assert none == 0
    assert alone[worst] == pytest.approx(30.0)
    assert took[worst] < 4 * usual_s + 0.2
    assert hedged <= CALLS * 0.02


def test_a_long_tail_is_cut(simulate):
    async def scene(world, hedge):
        return await times(world, lambda: 0.2 * world.rng.lognormvariate(0.0, 1.0), hedge)

    alone, _ = simulate(scene, Hedge(share=0.0))
    took, hedged = simulate(scene, Hedge(share=0.1))
    p99 = CALLS * 99 // 100
    assert took[p99] < 0.8 * alone[p99]
    assert 0.03 * CALLS < hedged < 0.07 * CALLS, "those over the quantile"
