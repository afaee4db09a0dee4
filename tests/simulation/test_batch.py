"""Batches on virtual time: when they go, and what each caller gets."""

import asyncio

import pytest

from rung.clock import LoopClock
from rung.errors import Abstained, ReasonerError, Upstream
from rung.lanes import Batcher
from rung.lanes.batch import BatchPace
from rung.reasoners.base import closing
from rung.types import Answer, Call, Choice

from .conftest import run


class Embedder:
    """Takes a second for a batch and a tenth for each in it; notes the sizes."""

    def __init__(self):
        self.sizes, self.stopped = [], 0

    async def answer_batch(self, calls):
        self.sizes.append(len(calls))
        try:
            await asyncio.sleep(1.0 + 0.1 * len(calls))
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return [c.body.get("error") or Answer(reasoner="e", choices=(Choice(text=c.id, finish="stop"),)) for c in calls]


async def ask(batcher, name, within_s=1000.0, error=None, begin_within_s=None):
    now_s = asyncio.get_running_loop().time()
    begin_by_s = None if begin_within_s is None else now_s + begin_within_s
    call = Call(id=name, body={"error": error}, deadline_s=now_s + within_s, begin_by_s=begin_by_s)
    async with closing(batcher.answer(call)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


def scene(work, most=8):
    embedder = Embedder()

    async def play():
        return await work(Batcher(embedder.answer_batch, most, LoopClock()))

    return run(play()), embedder


def test_an_idle_one_answers_at_once():
    async def work(batcher):
        await ask(batcher, "a")
        return asyncio.get_running_loop().time()

    at_s, embedder = scene(work)
    assert at_s == pytest.approx(1.1)
    assert embedder.sizes == [1]


def test_nobody_waits_for_a_next_one_that_would_come_too_late_to_be_worth_it():
    async def work(batcher):
        loop, took = asyncio.get_running_loop(), []
        for n in range(6):
            began_s = loop.time()
            await ask(batcher, f"c{n}")
            took.append(loop.time() - began_s)
            await asyncio.sleep(0.5)
        return took

    took, _ = scene(work)
    assert took == pytest.approx([1.1] * 6)


def test_those_that_come_together_go_together_up_to_the_bound():
    async def work(batcher):
        return await asyncio.gather(*(ask(batcher, f"c{i}") for i in range(20)))

    answers, embedder = scene(work)
    assert answers == [f"c{i}" for i in range(20)], "each gets its own"
    assert embedder.sizes == [8, 8, 4]


def test_batches_grow_under_load():
    async def work(batcher):
        async with asyncio.TaskGroup() as group:
            for i in range(300):
                group.create_task(ask(batcher, f"c{i}"))
                await asyncio.sleep(0.2)

    _, embedder = scene(work)
    assert sum(embedder.sizes) == 300
    assert sum(embedder.sizes[-10:-1]) / 9 >= 6


@pytest.mark.parametrize("hurry", [{"within_s": 1.25}, {"begin_within_s": 1.25}])
def test_waiting_never_breaks_a_deadline(hurry):
    """Nor holds a call until another reasoner is asked in its place."""

    async def work(batcher):
        for n in (1, 4, 2, 5):  # what a batch takes is learned, and calls are expected every tenth of a second
            await asyncio.gather(*(ask(batcher, f"w{n}{i}") for i in range(n)))
        async with asyncio.TaskGroup() as group:
            for i in range(3):
                group.create_task(ask(batcher, f"c{i}"))
                await asyncio.sleep(0.1)
        began_s = asyncio.get_running_loop().time()
        await ask(batcher, "hurry", **hurry)
        return asyncio.get_running_loop().time() - began_s

    took_s, _ = scene(work)
    assert took_s <= 1.25


def test_who_fails_fails_alone_and_who_leaves_leaves_alone():
    async def work(batcher):
        tasks = [
            asyncio.create_task(ask(batcher, name, error=error))
            for name, error in (("a", None), ("b", Abstained("not mine")), ("c", None))
        ]
        await asyncio.sleep(0.5)
        tasks[2].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    (first, second, third), embedder = scene(work)
    assert first == "a"
    assert isinstance(second, Abstained)
    assert isinstance(third, asyncio.CancelledError)
    assert embedder.stopped == 0


def test_a_batch_that_nobody_waits_for_is_stopped():
    async def work(batcher):
        tasks = [asyncio.create_task(ask(batcher, name)) for name in "ab"]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await ask(batcher, "next")

    answer, embedder = scene(work)
    assert (answer, embedder.stopped) == ("next", 1)


def test_an_error_of_the_whole_batch_is_everyones():
    async def broken(calls):
        raise Upstream("broke")

    async def play():
        batcher = Batcher(broken, 4, LoopClock())
        return await asyncio.gather(ask(batcher, "a"), ask(batcher, "b"), return_exceptions=True)

    assert all(isinstance(e, ReasonerError) for e in run(play()))


def test_what_a_batch_takes_is_learned():
    pace = BatchPace()
    assert pace.seconds(5) == 0.0
    pace.seen(3, 1.3)
    assert pace.seconds(3) == pytest.approx(1.3)
    for n in (1, 5, 2, 8):
        pace.seen(n, 1.0 + 0.1 * n)
    assert (pace.fixed_s, pace.each_s) == (pytest.approx(1.0), pytest.approx(0.1))
