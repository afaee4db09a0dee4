import asyncio
import time

import pytest

from rung.clock import LoopClock
from rung.simulate import Deadlock, run


def test_time_jumps_to_the_next_event() -> None:
    async def main() -> list[tuple[str, float]]:
        clock, seen = LoopClock(), []

        async def wake(name: str, after_s: float) -> None:
            await asyncio.sleep(after_s)
            seen.append((name, clock.monotonic()))

        await asyncio.gather(wake("late", 86_400.0 * 30), wake("soon", 0.25), wake("then", 3600.0))
        return seen

    began_s = time.monotonic()
    seen = run(main())
    assert [name for name, _ in seen] == ["soon", "then", "late"]
    assert [at_s for _, at_s in seen] == pytest.approx([0.25, 3600.0, 86_400.0 * 30])
    assert time.monotonic() - began_s < 60


def test_timeouts_ring_at_their_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(12.5):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(12.5)


def test_waiting_for_what_never_happens_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="nothing is scheduled"):
        run(main())


def test_an_error_comes_out() -> None:
    async def main() -> None:
        await asyncio.sleep(5)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(main())
