"""What a reasoner does with several callers at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle, islice

from msgspec import Struct

from rung.clock import Clock
from rung.errors import RungError
from rung.trial.graded import rank

AT_ONCE = (1, 2, 4, 8)


class Level(Struct, frozen=True, kw_only=True):
    """`at_once` callers, each asking again as soon as it has its answer. Times are of the calls that were answered;
    `failed` counts the others by the kind of error."""

    at_once: int
    calls: int
    per_s: float
    p50_s: float | None
    p95_s: float | None
    failed: dict[str, int]


async def load(
    ask: Callable[[str], Awaitable[object]], questions: Sequence[str], calls: int, clock: Clock
) -> list[Level]:
    """One level after the other, a quarter of `calls` each, but one for every caller at least."""
    levels = []
    for at_once in AT_ONCE:
        wanted = max(calls // len(AT_ONCE), at_once)
        levels.append(await _level(ask, islice(cycle(questions), wanted), at_once, clock))
    return levels


async def _level(
    ask: Callable[[str], Awaitable[object]], questions: "islice[str]", at_once: int, clock: Clock
) -> Level:
    seconds: list[float] = []
    failed: dict[str, int] = {}

    async def caller() -> None:
        for question in questions:
            began_s = clock.monotonic()
            try:
                await ask(question)
            except RungError as error:
                kind = type(error).__name__
                failed[kind] = failed.get(kind, 0) + 1
            else:
                seconds.append(clock.monotonic() - began_s)

    began_s = clock.monotonic()
    async with asyncio.TaskGroup() as callers:
        for _ in range(at_once):
            callers.create_task(caller())
    took_s = clock.monotonic() - began_s
    return Level(
        at_once=at_once,
        calls=len(seconds) + sum(failed.values()),
        per_s=len(seconds) / took_s if took_s else 0.0,
        p50_s=rank(seconds, 0.5),
        p95_s=rank(seconds, 0.95),
        failed=failed,
    )
