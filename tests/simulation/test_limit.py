"""What the adaptive limit makes of a server that is noisy, but not overloaded."""

import asyncio
from random import Random

import pytest

from rung.clock import LoopClock
from rung.config import parse_config
from rung.config.lanes import Lanes
from rung.lanes import Lane, Pace, Pool, Setup
from rung.reasoners.base import closing
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
from rung.types import Call, Chunk, Usage

from .conftest import Machine


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


@pytest.mark.parametrize(("turn_s", "least", "most"), [(0.001, 64, 64), (0.1, 1, 8)])
@pytest.mark.parametrize("stream", [False, True])
def test_turns_of_our_own_loop_are_no_overload(stream, turn_s, least, most):
    """An upstream that takes nothing, behind a loop on which each call takes a turn: with a hundred clients a
    thousandth of a second each is our own doing, and a tenth is worth a lower limit."""
    turn = asyncio.Lock()

    class Behind(Machine):
        async def answer(self, call):
            async with turn:
                await asyncio.sleep(turn_s)
            yield Chunk(text="ok")
            yield Chunk(finish="stop", usage=Usage(prompt_tokens=10, completion_tokens=10))

    async def main():
        clock = LoopClock()
        pace = Pace(first_s=0.01, prompt_s_per_token=0.0, completion_s_per_token=0.0)
        setup = Setup(pool=Pool(1000, clock), pace=pace, bounds=Lanes(), most=64)
        lane = Lane(Behind(), setup, clock, Random(1))

        async def ask(n):
            call = Call(id=f"c{n}", body={}, deadline_s=clock.monotonic() + 1000.0, stream=stream)
            async with closing(lane.call(call)) as chunks:
                async for _ in chunks:
                    pass

        for n in range(40):  # one at a time: that is usual
            await ask(n)

        async def client(name):
            for n in range(40):
                await ask(f"{name}/{n}")

        await asyncio.gather(*(client(name) for name in range(100)))
        return lane.stats().limit

    assert least <= run(main()) <= most


class Whole(Machine):
    """Answers in one piece: 0.05 s, and 0.01 s a token, times as much as there are more than four at once."""

    async def answer(self, call):
        self.running += 1
        try:
            await asyncio.sleep((0.05 + 0.01 * call.body["tokens"]) * max(1.0, self.running / 4))
        finally:
            self.running -= 1
        yield Chunk(text="ok", finish="stop", usage=Usage(prompt_tokens=10, completion_tokens=call.body["tokens"]))


@pytest.mark.parametrize(
    ("lengths", "per_s", "least", "most"),
    [
        ([2] * 200 + [400] * 200 + [2] * 200, 0.5, 14, 16),
        ([400] * 200 + [2] * 200 + [400] * 200, 0.5, 14, 16),
        ([20] * 200 + [19, 20, 21] * 100, 0.5, 14, 16),
        ([2, 400] * 50 + [2, 400] * 500, 16.0, 2, 12),
    ],
)
def test_how_long_answers_are_does_not_move_it(lengths, per_s, least, most):
    """Whatever was guessed of the time to the first token, sixteen times too much here. A crowd does, the last."""

    async def main():
        clock, rng = LoopClock(), Random(3)
        pace = Pace(first_s=0.8, prompt_s_per_token=0.0, completion_s_per_token=1 / 60)
        lane = Lane(Whole(), Setup(pool=Pool(16, clock), pace=pace, most=16), clock, rng)
        limits = []

        async def ask(n, tokens):
            call = Call(id=f"c{n}", body={"tokens": tokens}, deadline_s=clock.monotonic() + 1000.0)
            async with closing(lane.call(call)) as chunks:
                async for _ in chunks:
                    pass
            limits.append(lane.stats().limit)

        async with asyncio.TaskGroup() as group:
            for n, tokens in enumerate(lengths):
                await asyncio.sleep(rng.expovariate(0.5 if n < 100 else per_s))
                group.create_task(ask(n, tokens))
        return limits

    limits = run(main())
    assert least <= min(limits) <= most


class Reading(Machine):
    """Streams after 0.2 s, and 0.0001 s for each token of the prompt."""

    async def answer(self, call):
        await asyncio.sleep(0.2 + 1e-4 * call.prompt_tokens)
        yield Chunk(text="o")
        await asyncio.sleep(0.2)
        yield Chunk(text="k", finish="stop", usage=Usage(prompt_tokens=call.prompt_tokens, completion_tokens=10))


@pytest.mark.parametrize("lengths", [[100] * 200 + [50_000] * 200, [20_000] * 200 + [100] * 200 + [20_000] * 200])
def test_a_long_prompt_is_neither_slow_nor_late_nor_lost(lengths):
    async def main():
        clock, rng = LoopClock(), Random(3)
        pace = Pace(first_s=0.8, prompt_s_per_token=0.0, completion_s_per_token=1 / 60)
        lane = Lane(Reading(), Setup(pool=Pool(16, clock), pace=pace, most=16, twice=True), clock, rng)

        async def ask(n, tokens):
            deadline_s = clock.monotonic() + 60.0
            call = Call(id=f"c{n}", body={}, deadline_s=deadline_s, stream=True, prompt_tokens=tokens, elsewhere=True)
            async with closing(lane.call(call)) as chunks:
                async for _ in chunks:
                    pass
            assert lane.stats().limit >= 14

        async with asyncio.TaskGroup() as group:
            for n, tokens in enumerate(lengths):
                await asyncio.sleep(rng.expovariate(0.4))
                group.create_task(ask(n, tokens))
        return lane.stats()

    stats = run(main())
    assert stats.served == len(lengths)
    assert stats.hedged <= 0.02 * len(lengths)


class Reads(Machine):
    """Takes `read_s` for a token of the prompt, and all of it `slower` times as long."""

    def __init__(self, read_s):
        super().__init__()
        self.slower = 1.0
        self._read_s = read_s
        self._rng = Random(2)

    async def answer(self, call):
        takes_s = 0.3 * self._rng.lognormvariate(0, 0.3) + call.prompt_tokens * self._read_s
        await asyncio.sleep(self.slower * takes_s)
        yield Chunk(text="ok")
        yield Chunk(finish="stop", usage=Usage(prompt_tokens=int(call.prompt_tokens), completion_tokens=1))


def predicted_after(machine, asked):
    """Its lane's pace after calls in turn; `asked` are of each whether it streams and how much slower it all is."""

    async def main():
        clock, rng = LoopClock(), Random(1)
        pace = Pace(first_s=0.8, prompt_s_per_token=0.0, completion_s_per_token=0.01)
        lane = Lane(machine, Setup(pool=Pool(8, clock), pace=pace, bounds=Lanes(), most=8), clock, Random(1))
        for n, (stream, slower) in enumerate(asked):
            machine.slower = slower
            tokens, deadline_s = min(rng.lognormvariate(6.5, 1.0), 20_000), clock.monotonic() + 200
            call = Call(id=f"c{n}", body={}, deadline_s=deadline_s, stream=stream, prompt_tokens=tokens)
            async with closing(lane.call(call)) as chunks:
                async for _ in chunks:
                    pass
        return lane.standing(1, "").pace

    return run(main())


@pytest.mark.parametrize("read_s", [1 / 3000, 0.0])
def test_what_an_endpoint_takes_to_read_a_prompt_is_predicted(read_s):
    """Once streams have told it: a prompt of 20,000 tokens was expected to be read as soon as any."""
    pace = predicted_after(Reads(read_s), [(True, 1.0)] * 100)
    for tokens in (100, 1000, 20_000):
        assert pace.seconds(tokens, 0) == pytest.approx(0.32 + tokens * read_s, rel=0.25)


def test_what_whole_answers_tell_goes_for_the_reading_of_prompts_too():
    """Streams had told that apart, and what came whole no longer changed it: half of what it took was predicted."""
    pace = predicted_after(Reads(1 / 3000), [(True, 1.0)] * 50 + [(False, 5.0)] * 100)
    assert pace.seconds(1000, 1) == pytest.approx(5 * (0.32 + 1000 / 3000), rel=0.25)
