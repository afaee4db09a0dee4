"""Which of an endpoint's upstreams is called."""

import asyncio
from collections import Counter
from random import Random

import pytest

from rung.clock import LoopClock
from rung.config import parse_config
from rung.config.lanes import Hedge, Lanes
from rung.lanes import Lane, Pace, Pool, Setup
from rung.reasoners.base import closing
from rung.simulate import EndpointSpeed, ModelledLadder, Size, Speeds, Work, run
from rung.types import Call

from .conftest import Machine


def lane_over(world, machines, *, most=64, seed=1):
    setup = Setup(
        pool=Pool(10_000, world.clock),
        pace=Pace(first_s=0.0, prompt_s_per_token=0.0, completion_s_per_token=world.token_s),
        bounds=Lanes(hedge=Hedge(share=0.0)),
        upstreams={m.name: m.answer for m in machines},
        most=most,
    )
    return Lane(machines[0], setup, world.clock, Random(seed))


async def traffic(world, lane, n, every_s, tokens=100):
    async def one(at):
        await asyncio.sleep(at * every_s)
        return await world.ask(lane, f"c{at}", tokens=tokens, within_s=600.0)

    assert set(await asyncio.gather(*map(one, range(n)))) == {"met"}


class Slower(Machine):
    """Takes `times` as long as the others."""

    def __init__(self, name, times):
        super().__init__(name)
        self.times = times

    async def answer(self, call):
        async for chunk in super().answer(
            type(call)(
                id=call.id,
                body={**call.body, "service_s": call.body["service_s"] * self.times},
                deadline_s=call.deadline_s,
            )
        ):
            yield chunk


def test_upstreams_that_are_alike_get_alike(simulate, machine):
    async def scene(world):
        machines = [machine(f"u{i}") for i in range(4)]
        await traffic(world, lane_over(world, machines), 1200, 0.1)
        return [len(m.ran) for m in machines], [m.most for m in machines]

    shares, most = simulate(scene)
    assert sum(shares) == 1200
    assert min(shares) > 240
    assert max(most) <= 5, "of some ten at once: by pure chance it would be eight or more"


def test_the_slower_one_gets_less(simulate, machine):
    """By tokens outstanding and its own pace. Of two drawn from three, the slowest is never called while the other one
    drawn would be done first."""

    async def scene(world):
        machines = [machine("quick"), machine("quick too"), Slower("slow", 4.0)]
        await traffic(world, lane_over(world, machines), 1500, 0.15)
        return {m.name: len(m.ran) for m in machines}

    ran = simulate(scene)
    assert ran["slow"] < 0.12 * 1500
    assert ran["quick"] == pytest.approx(ran["quick too"], rel=0.15)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "local", "slots": 1, "model": "qwen2.5-coder-1.5b-instruct"},
        {"kind": "local", "slots": 1, "path": "NAME.gguf"},
        {"kind": "endpoint", "pool": "quota", "model": "m", "base_url": "http://there/v1"},
    ],
)
def test_entries_of_one_pool_share_it_by_their_weights(entry):
    """While all have calls waiting; then who is left has all of it."""
    entries = {
        name: {key: value.replace("NAME", name) if key == "path" else value for key, value in entry.items()}
        | {"weight": weight}
        for name, weight in (("one", 1.0), ("two", 2.0), ("four", 4.0))
    }

    async def main():
        clock, work = LoopClock(), Work(1)
        config = parse_config({"reasoners": entries, "lanes": {"pools": {"quota": 1}}}, source="test", env={})
        modelled = ModelledLadder(
            config, Speeds(endpoints=dict.fromkeys(entries, EndpointSpeed(spread=0.0))), work, clock
        )
        ended = []

        async def ask(name, n):
            work.sizes[f"{name}/{n}"] = Size(10, 10)
            call = Call(id=f"{name}/{n}", body={"user": f"{name}/{n}"}, deadline_s=1e6, completion_tokens=10)
            async with closing(modelled.ladder[name].lane.call(call)) as chunks:
                async for _ in chunks:
                    pass
            ended.append(name)

        await asyncio.gather(*(ask(name, n) for name in entries for n in range(100)))
        return Counter(ended[:140]), len(ended)

    first, n = run(main())
    assert n == 300
    assert [first[name] for name in entries] == pytest.approx([20, 40, 80], abs=3)
