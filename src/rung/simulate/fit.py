"""A local model's speed, fitted to calls that were timed.

Rows are JSON objects, one a line: prompt_tokens (those that were really read), completion_tokens, first_s (to the first
token) and total_s; `pair`, equal in two rows, says that both were sent at the same moment. Rows without `first_s` (a
recording of `benchmarks/hybrid.py`, say, with `seconds`) are fitted by their total alone.
"""

import asyncio
from collections.abc import Sequence
from itertools import product
from math import log
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from rung.clock import LoopClock
from rung.errors import BadRequest, why_unread
from rung.simulate.loop import run
from rung.simulate.processor import Job, LocalSpeed, Processor
from rung.simulate.reasoners import Size
from rung.trial.graded import rank

# By what factor each figure is moved, up or down, as long as that helps.
_FACTORS = (1.6, 1.2, 1.06, 1.02, 1.005)
# A figure that no row says anything about stays as it is.
_GAIN = 1e-6

Times = tuple[float, float]
Seconds = Annotated[float, Meta(gt=0)]


class Timed(Struct, frozen=True, kw_only=True):
    prompt_tokens: int
    completion_tokens: int
    total_s: Seconds
    first_s: Seconds | None = None
    pair: str | int | None = None

    @property
    def size(self) -> Size:
        return Size(self.prompt_tokens, self.completion_tokens)


class Error(Struct, frozen=True, kw_only=True):
    """How far the model is off, as a share of what was measured."""

    what: str
    calls: int
    median: float
    p90: float


class Fitted(Struct, frozen=True, kw_only=True):
    speed: LocalSpeed
    errors: tuple[Error, ...]


def read_rows(path: Path) -> list[Timed]:
    """Raises BadRequest."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{path}: cannot be read: {why_unread(error)}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            raw = msgspec.json.decode(line, type=dict[str, Any])
            raw.setdefault("total_s", raw.get("seconds"))
            row = msgspec.convert(raw, Timed)
        except msgspec.DecodeError as error:
            raise BadRequest(f"{path}: row {number} is no timed call: {error}") from error
        if row.completion_tokens > 0 and row.prompt_tokens > 0:
            rows.append(row)
    return rows


class _Figures(NamedTuple):
    """What is moved, each apart from the others: a token read, a token written alone, the share of that which several
    slots pay once, and the start."""

    read_s: float
    write_s: float
    shared: float
    start_s: float

    def speed(self, known: LocalSpeed) -> LocalSpeed:
        return known.at(**self._asdict(), source=known.source)


# Below these a figure makes no difference, and by factors does not come back once others have moved.
_LEAST = _Figures(read_s=0.0, write_s=0.0, shared=0.01, start_s=0.001)


def fit(rows: Sequence[Timed], source: str, start: LocalSpeed | None = None) -> Fitted:
    """The speed with the least mean error, in logarithms, over first tokens and totals: found by moving one figure at
    a time from `start` on. Raises BadRequest if there are no rows."""
    if not rows:
        raise BadRequest(f"{source}: holds no timed calls")
    groups = _groups(rows)
    known = start or LocalSpeed()
    best = _Figures(known.read_token_s, known.step_s(1, 0), known.shared, known.start_s)
    least = _loss(best.speed(known), groups)
    for factor in _FACTORS:
        moved = True
        while moved:
            moved = False
            for at, by in product(range(len(best)), (factor, 1 / factor)):
                tried = _Figures(*(value * by if i == at else value for i, value in enumerate(best)))
                if by < 1 and tried[at] < _LEAST[at]:
                    continue
                if tried.shared <= 1 and (loss := _loss(tried.speed(known), groups)) < least - _GAIN:
                    best, least, moved = tried, loss, True
    speed = msgspec.structs.replace(best.speed(known), source=f"fitted to {len(rows)} calls of {source}")
    return Fitted(speed=speed, errors=errors_of(speed, rows))


def errors_of(speed: LocalSpeed, rows: Sequence[Timed]) -> tuple[Error, ...]:
    """How far a speed is off on rows, which had better be others than those it was fitted to."""
    groups = _groups(rows)
    off: dict[str, list[float]] = {}
    for group, times in zip(groups, predicted(speed, groups), strict=True):
        how = "alone" if len(group) == 1 else "in pairs"
        for row, (first_s, total_s) in zip(group, times, strict=True):
            if row.first_s is not None:
                off.setdefault(f"first token, {how}", []).append(abs(first_s / row.first_s - 1))
            off.setdefault(f"total, {how}", []).append(abs(total_s / row.total_s - 1))
    return tuple(_error(what, shares) for what, shares in sorted(off.items()))


def _error(what: str, shares: list[float]) -> Error:
    return Error(what=what, calls=len(shares), median=rank(shares, 0.5) or 0.0, p90=rank(shares, 0.9) or 0.0)


def _groups(rows: Sequence[Timed]) -> list[list[Timed]]:
    """Calls that ran side by side."""
    groups: dict[object, list[Timed]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(("alone", at) if row.pair is None else ("pair", row.pair), []).append(row)
    return list(groups.values())


def _loss(speed: LocalSpeed, groups: Sequence[Sequence[Timed]]) -> float:
    total, n = 0.0, 0
    for group, times in zip(groups, predicted(speed, groups), strict=True):
        for row, (first_s, total_s) in zip(group, times, strict=True):
            if row.first_s is not None:
                total += abs(log(first_s / row.first_s))
                n += 1
            total += abs(log(total_s / row.total_s))
            n += 1
    return total / n


def predicted(speed: LocalSpeed, groups: Sequence[Sequence[Timed]]) -> list[list[Times]]:
    """Seconds to the first token and in all, of each call of each group, when the group's calls start together."""
    together = [group for group in groups if len(group) > 1]
    simulated = iter(run(_together(speed, together)) if together else [])
    return [next(simulated) if len(group) > 1 else [_alone(speed, group[0].size)] for group in groups]


def _alone(speed: LocalSpeed, size: Size) -> Times:
    return speed.alone_s(size.prompt_tokens, 1), speed.alone_s(size.prompt_tokens, size.completion_tokens)


async def _together(speed: LocalSpeed, groups: Sequence[Sequence[Timed]]) -> list[list[Times]]:
    return [await _timed(speed, [row.size for row in group]) for group in groups]


async def _timed(speed: LocalSpeed, sizes: Sequence[Size]) -> list[Times]:
    loop = asyncio.get_running_loop()
    processor = Processor(speed, len(sizes), LoopClock())
    began_s = loop.time()

    async def one(size: Size) -> Times:
        job = Job(size.prompt_tokens, size.completion_tokens, loop)
        processor.enter(job)
        await job.first
        first_s = loop.time() - began_s
        await job.done
        return speed.start_s + first_s, speed.start_s + loop.time() - began_s

    return list(await asyncio.gather(*map(one, sizes)))
