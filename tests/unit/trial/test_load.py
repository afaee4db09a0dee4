import asyncio

from rung.clock import RealClock
from rung.errors import Busy
from rung.trial import load


async def test_each_level_has_its_callers_and_counts_who_failed() -> None:
    running, most = 0, [0]
    asked: list[str] = []

    async def ask(question: str) -> None:
        nonlocal running
        running += 1
        most[-1] = max(most[-1], running)
        asked.append(question)
        await asyncio.sleep(0)
        running -= 1
        if question == "busy":
            raise Busy("full")

    levels = await load(ask, ["one", "busy"], 32, RealClock())
    assert [level.at_once for level in levels] == [1, 2, 4, 8]
    assert [level.calls for level in levels] == [8, 8, 8, 8]
    assert all(level.failed == {"Busy": 4} for level in levels)
    assert all(level.per_s > 0 for level in levels)
    assert most == [8]
    assert asked.count("one") == 16


async def test_every_caller_asks_at_least_once() -> None:
    async def ask(question: str) -> None:
        await asyncio.sleep(0)

    levels = await load(ask, ["one"], 4, RealClock())
    assert [level.calls for level in levels] == [1, 2, 4, 8]
