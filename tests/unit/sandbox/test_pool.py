import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from rung.errors import TimedOut, Unavailable
from rung.sandbox import Limits, Pool
from rung.sandbox.forkserver import ForkServer, Worker
from rung.sandbox.frames import FORK, HEADER_BYTES, LOADED, ORDER_BYTES, Job, body_bytes, pack

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


async def test_a_worker_that_could_not_be_replaced_is_wanted_again(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while another one lives, with which the pool is not down."""

    async def refused(_: ForkServer) -> Worker:
        raise Unavailable("no more processes")

    async with pool_of(target("make"), size=2) as pool:
        while pool.warm < 2:  # noqa: ASYNC110 - how many are warm can only be looked at
            await asyncio.sleep(0.01)
        with monkeypatch.context() as patched:
            patched.setattr(ForkServer, "worker", refused)
            with pytest.raises(Unavailable):
                await pool.run(b"exit")
            await asyncio.sleep(0)
            assert pool.warm == 1
        async with asyncio.timeout(20):
            while pool.warm < 2:
                assert await pool.run(b"after") == b"after"
                await asyncio.sleep(0.01)


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


async def test_replacements_are_forked_by_one_process_which_is_started_again_if_it_dies(target: Target) -> None:
    async with pool_of(target("make")) as pool:
        parent = await pool.run(b"parent")
        with pytest.raises(Unavailable):
            await pool.run(b"exit")
        assert await pool.run(b"parent") == parent
        os.kill(int(parent), signal.SIGKILL)
        with pytest.raises(Unavailable):
            await pool.run(b"exit")
        assert await pool.run(b"parent") != parent


@contextmanager
def forking(name: str, job_s: int) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket, socket.socket]]:
    """The process that forks, its control, and the socket of a worker that has been greeted."""
    control, theirs = socket.socketpair()
    command = [sys.executable, "-m", "rung.sandbox.worker", name, "1024", str(job_s)]
    with theirs:
        process = subprocess.Popen(command, stdin=theirs)
    jobs, theirs = socket.socketpair()
    with control, jobs:
        assert control.recv(1) == LOADED
        with theirs:
            socket.send_fds(control, [FORK.ljust(ORDER_BYTES)], [theirs.fileno()])
        jobs.recv(body_bytes(jobs.recv(HEADER_BYTES)))
        yield process, control, jobs
    process.wait(timeout=60)


def ended(jobs: socket.socket) -> bool:
    """Waits until the other side is gone; a reset says so where a job was never read."""
    jobs.settimeout(60)
    with suppress(ConnectionResetError):
        return jobs.recv(1) == b""
    return True


def test_what_forks_and_its_workers_end_with_their_input(target: Target) -> None:
    with forking(target("make"), 30) as (process, control, jobs):
        jobs.sendall(pack(Job(id=1, payload=b"sleep")))
        control.close()
        assert process.wait(timeout=60) == 0
        assert ended(jobs)


@pytest.mark.parametrize("work", [b"loop", b"sleep"])
def test_a_worker_left_alone_with_an_endless_job_is_ended_by_the_system(target: Target, work: bytes) -> None:
    with forking(target("make"), 1) as (process, _, jobs):
        process.kill()
        jobs.sendall(pack(Job(id=1, payload=work)))
        assert ended(jobs)
