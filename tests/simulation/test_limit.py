"""What the adaptive limit makes of a server that is noisy, but not overloaded."""

import asyncio

import pytest

from rung.clock import LoopClock
from rung.config import parse_config
from rung.simulate import (
    Arrival,
    Climbing,
    DrawnVerdicts,
    EndpointSpeed,
    Mix,
    ModelledLadder,
    Speeds,
    Work,
    replay,
    run,
    workload,
)


@pytest.mark.parametrize("seed", range(4))
def test_noise_alone_does_not_lower_the_limit(seed):
    arrivals = [Arrival(at_s=at * 0.4, prompt_tokens=100, completion_tokens=100 + at % 11 * 40) for at in range(800)]
    asked = workload(arrivals, Mix(deadline_s=lambda priority, size: 300.0), seed)
    entry = {"kind": "endpoint", "base_url": "http://there/v1", "model": "m", "concurrency": 16}
    limits = []

    async def main():
        work = Work(seed)
        config = parse_config({"reasoners": {"only": entry}}, source="test", env={})
        speeds = Speeds(endpoints={"only": EndpointSpeed(spread=0.4, at_once=16)})
        modelled = ModelledLadder(config, speeds, work, LoopClock())
        lane = modelled.ladder["only"].lane

        async def look():
            while True:
                await asyncio.sleep(5.0)
                limits.append(lane.stats().limit)

        looking = asyncio.create_task(look())
        await replay(asked, Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "balanced"))
        looking.cancel()

    run(main())
    assert min(limits) >= 14
