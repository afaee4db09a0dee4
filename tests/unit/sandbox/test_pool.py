import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from rung.errors import TimedOut, Unavailable
from rung.sandbox import Limits, Pool
from rung.sandbox.frames import HEADER_BYTES, Job, pack

Target = Callable[[str], str]


@asynccontextmanager
async def pool_of(name: str, *, size: int = 1, wall_s: float = 30.0) -> AsyncIterator[Pool]:
    pool = Pool(name, size=size, limits=Limits(wall_s=wall_s, memory_mb=1024))
    pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def test_jobs_come_back_each_to_its_own(target: Target) -> None:
    async with pool_of(target("make"), size=2) as pool:
        answers = await asyncio.gather(*(pool.run(b"echo %d" % at) for at in range(40)))
        assert answers == [b"echo %d" % at for at in range(40)]
        assert pool.warm <= 2


async def test_what_a_target_prints_does_not_reach_the_protocol(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        assert await pool.run(b"print") == b"print"
        assert await pool.run(b"after") == b"after"


async def test_a_worker_is_kept_between_jobs(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        assert await pool.run(b"pid") == await pool.run(b"pid")


@pytest.mark.parametrize("work", [b"loop", b"sleep"])
async def test_an_overrun_is_told_and_the_worker_replaced(target: Target, work: bytes) -> None:
    async with pool_of(target("make"), wall_s=0.5) as pool:
        first = int(await pool.run(b"pid"))
        with pytest.raises(TimedOut, match=r"0\.5 s"):
            await pool.run(work)
        assert int(await pool.run(b"pid")) != first
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce RLIMIT_AS")
async def test_too_much_memory_is_told(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        with pytest.raises(TimedOut, match="1024 MB"):
            await pool.run(b"memory")
        assert await pool.run(b"after") == b"after"


async def test_a_worker_that_dies_is_replaced(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        with pytest.raises(Unavailable):
            await pool.run(b"exit")
        assert await pool.run(b"after") == b"after"


async def test_a_worker_killed_while_idle_is_replaced(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        os.kill(int(await pool.run(b"pid")), signal.SIGKILL)
        with pytest.raises(Unavailable):  # unless its end was noticed before the job was sent
            await pool.run(b"exit")
        assert await pool.run(b"after") == b"after"


async def test_an_exception_is_named_and_quotes_nothing(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        with pytest.raises(Unavailable, match="KeyError") as raised:
            await pool.run(b"raise a secret of the question")
        assert "secret" not in str(raised.value)
        assert await pool.run(b"after") == b"after"


async def test_a_cancelled_job_never_answers_another(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        await pool.run(b"warm")
        for at in range(3):
            job = asyncio.ensure_future(pool.run(b"sleep"))
            await asyncio.sleep(0)
            job.cancel()
            with pytest.raises(asyncio.CancelledError):
                await job
            assert await pool.run(b"echo %d" % at) == b"echo %d" % at


async def test_a_target_that_does_not_load_is_told_and_not_tried_for_ever(target: Target) -> None:
    async with pool_of(target("broken")) as pool:
        with pytest.raises(Unavailable):
            await pool.run(b"x")
        assert pool.down


async def test_a_large_answer_comes_whole(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        assert len(await pool.run(b"big 3000000")) == 3_000_000


async def test_closing_ends_the_busy_worker_and_refuses_more(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        pid = int(await pool.run(b"pid"))
        busy = asyncio.ensure_future(pool.run(b"sleep"))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(Unavailable):
            await busy
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(Unavailable):
            await pool.run(b"x")


def test_a_worker_ends_with_its_input(target: Target) -> None:
    command = [sys.executable, "-m", "rung.sandbox.worker", target("make"), "1024", "2"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdin is not None
    worker.stdout.read(HEADER_BYTES)  # warm
    worker.stdin.close()
    assert worker.wait(timeout=30) == 0
    worker.stdout.close()


def test_a_worker_left_alone_with_an_endless_job_is_ended_by_the_system(target: Target) -> None:
    command = [sys.executable, "-m", "rung.sandbox.worker", target("make"), "1024", "1"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdin is not None
    worker.stdin.write(pack(Job(id=1, payload=b"loop")))
    worker.stdin.close()
    assert worker.wait(timeout=60) == -signal.SIGXCPU
    worker.stdout.close()
