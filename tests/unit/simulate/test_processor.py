import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.clock import LoopClock
from rung.config import parse_config
from rung.simulate import LocalSpeed, ModelledLadder, Processor, Speeds, VirtualLoop, Work, run
from rung.simulate.processor import Job

SPEED = LocalSpeed()


async def timed(processor, prompt, completion, *, after_s=0.0, leaves_s=None):
    """Seconds to the first and the last token; None for what did not come."""
    await asyncio.sleep(after_s)
    loop = asyncio.get_running_loop()
    began_s, first_s = loop.time(), None
    job = Job(prompt, completion, loop)
    processor.enter(job)
    try:
        async with asyncio.timeout(leaves_s):
            await job.first
            first_s = loop.time() - began_s
            await job.done
            return first_s, loop.time() - began_s
    except TimeoutError:
        return first_s, None
    finally:
        processor.leave(job)


def together(*calls, slots=2, speed=SPEED):
    async def main():
        processor = Processor(speed, slots, LoopClock())
        times = await asyncio.gather(*(timed(processor, *size, **more) for size, more in calls))
        return times, processor

    return run(main())


def test_alone_it_reads_and_writes_at_its_speed():
    ((first_s, total_s),), processor = together(((700, 31), {}))
    assert first_s == pytest.approx(10.0)
    assert total_s == pytest.approx(10.0 + 30 * (SPEED.write_s + SPEED.write_token_s))
    assert total_s + SPEED.start_s == pytest.approx(SPEED.alone_s(700, 31))
    assert (processor.read, processor.written) == (700, 31)


def test_a_short_request_behind_a_long_prompt_waits_until_it_is_read():
    """Measured: 14 s to the first token beside a prompt of 846 tokens."""
    (long, short), _ = together(((846, 50), {}), ((20, 10), {"after_s": 0.1}))
    assert long[0] == pytest.approx(846 / 70, rel=0.05)
    assert 11.5 < short[0] < 14.5


def test_in_an_earlier_slot_the_short_one_goes_first():
    (short, long), _ = together(((20, 10), {}), ((846, 50), {}))
    assert short[0] < 1.0
    assert long[0] > 12.0


def test_who_writes_beside_a_prompt_gets_a_token_for_each_piece_read():
    (writer, reader), _ = together(((1, 20), {}), ((640, 2), {"after_s": 0.05}))
    pieces = 640 / (SPEED.step_tokens - 1)
    assert writer[1] == pytest.approx(20 * 9.2 / pieces, rel=0.15)
    assert reader[0] > 640 / 70


@pytest.mark.parametrize(("step_tokens", "pieces"), [(16, 43), (32, 21), (256, 3)])
def test_a_step_holds_what_the_entry_says(step_tokens, pieces):
    """A prompt of 640 tokens is read in pieces that leave room for the token which its neighbour writes beside each."""
    entry = {"kind": "local", "model": "qwen2.5-coder-1.5b-instruct", "slots": 2, "step_tokens": step_tokens}

    async def main():
        config = parse_config({"reasoners": {"only": entry}}, source="test", env={})
        processor = ModelledLadder(config, Speeds(), Work(0), LoopClock()).leaves["only"].processor
        writing = asyncio.create_task(timed(processor, 1, 500))
        await asyncio.sleep(0)
        await timed(processor, 640, 1)
        writing.cancel()
        return processor.written

    assert run(main()) == pieces + 2, (
        "the neighbour's first token came in a step of its own, and the reader has one too"
    )


def test_slots_buy_little_throughput():
    calls = [((1, 330), {})] * 4
    times, processor = together(*calls, slots=4)
    assert max(total_s for _, total_s in times) == pytest.approx(4 * 330 / 33, rel=0.05)
    assert processor.busy_s == pytest.approx(max(total_s for _, total_s in times))


def test_models_beside_each_other_share_the_machine_and_one_alone_has_all_of_it():
    """Two write 300 tokens each, 10 s alone; the second comes after 5 s, when the first has 5 s of its own to go."""

    async def main():
        one = Processor(SPEED, 2, LoopClock())
        two = Processor(SPEED, 2, LoopClock(), beside=[one])
        calls = timed(one, 1, 301), timed(two, 1, 301, after_s=5.0), timed(one, 1, 31, after_s=40.0)
        return [total_s for _, total_s in await asyncio.gather(*calls)]

    assert run(main()) == pytest.approx([15.0, 15.0, 1.0], abs=0.3)


def test_who_leaves_frees_the_slot_for_who_waits():
    (gone, waits), processor = together(((70, 10_000), {"leaves_s": 5.0}), ((70, 1), {"after_s": 1.0}), slots=1)
    assert gone == (pytest.approx(1.0), None)
    assert waits[1] == pytest.approx(4.0 + 1.0, abs=0.05)
    assert processor.written < 200


@given(
    calls=st.lists(
        st.tuples(st.integers(1, 300), st.integers(1, 60), st.floats(0, 20), st.none() | st.floats(0.01, 20)),
        min_size=1,
        max_size=8,
    ),
    slots=st.integers(1, 4),
)
def test_work_is_never_lost_or_made_up(calls, slots):
    wanted = [((prompt, tokens), {"after_s": at, "leaves_s": leaves}) for prompt, tokens, at, leaves in calls]
    times, processor = together(*wanted, slots=slots)
    stayed = [
        (size, total_s) for (size, more), (_, total_s) in zip(wanted, times, strict=True) if more["leaves_s"] is None
    ]
    assert all(total_s is not None for _, total_s in stayed)
    assert processor.read >= sum(size[0] for size, _ in stayed)
    assert processor.written >= sum(size[1] for size, _ in stayed)
    for (prompt, tokens), total_s in stayed:
        assert total_s >= SPEED.alone_s(prompt, tokens) - SPEED.start_s - 1e-6


def test_timers_that_ring_late_do_not_add_up():
    """On a real clock each rings up to a millisecond late."""

    class Late(VirtualLoop):
        def call_later(self, delay, callback, *args, context=None):
            return super().call_later(delay + 0.001, callback, *args, context=context)

    async def main():
        return await timed(Processor(SPEED, 1, LoopClock()), 3200, 31)

    with asyncio.Runner(loop_factory=Late) as runner:
        first_s, total_s = runner.run(main())
    assert first_s == pytest.approx(3200 / 70, abs=0.002)
    assert total_s + SPEED.start_s == pytest.approx(SPEED.alone_s(3200, 31), abs=0.002)
