"""Recorded arrivals, and at what pace they are played."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

import msgspec
from msgspec import Struct

from rung.errors import BadRequest, why_unread
from rung.types import PRIORITIES


class Arrival(Struct, frozen=True, kw_only=True):
    """One request of a trace. `at_s` counts from the first; `priority` and `deadline_s` where the trace tells them."""

    at_s: float
    prompt_tokens: int
    completion_tokens: int
    priority: int | None = None
    deadline_s: float | None = None


# Beyond any context that there is: what takes as long would be waited for to the end of days.
_MOST_TOKENS = 100_000_000
_LOWEST = 9
_AZURE = frozenset(["TIMESTAMP", "ContextTokens", "GeneratedTokens"])
_PLAIN = frozenset(["arrival_s", "prompt_tokens", "completion_tokens"])


def read_trace(path: Path, most: int | None = None) -> list[Arrival]:
    """The first `most` arrivals, in order of time. Knows three formats by their first line: Azure's csv (TIMESTAMP,
    ContextTokens, GeneratedTokens), Mooncake's jsonl (timestamp in ms, input_length, output_length), and csv with
    arrival_s, prompt_tokens, completion_tokens and, if wanted, priority and deadline_ms. Raises BadRequest.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            arrivals = sorted(_read(file, path, most), key=lambda arrival: arrival.at_s)
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{path}: cannot be read: {why_unread(error)}") from error
    if not arrivals:
        raise BadRequest(f"{path}: holds no arrivals")
    first_s = arrivals[0].at_s
    return [msgspec.structs.replace(arrival, at_s=arrival.at_s - first_s) for arrival in arrivals]


def _read(lines: Iterable[str], path: Path, most: int | None) -> Iterator[Arrival]:
    rows = iter(lines)
    first = next(rows, "")
    jsonl = first.lstrip().startswith("{")
    read = _jsonl if jsonl else _csv(next(csv.reader([first]), []), path)
    rows = chain([first], rows) if jsonl else rows
    told = ((number, line) for number, line in enumerate(rows, 1) if line.strip())
    for number, line in islice(told, most):
        try:
            yield _sound(read(line))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise BadRequest(f"{path}: row {number} cannot be read: {line.strip()[:80]}") from error


def _sound(arrival: Arrival) -> Arrival:
    """Raises ValueError for what cannot have arrived."""
    fewest, most = sorted((arrival.prompt_tokens, arrival.completion_tokens))
    if not math.isfinite(arrival.at_s) or fewest < 0 or most > _MOST_TOKENS:
        raise ValueError("no time, fewer than no tokens, or more than any model takes")
    if arrival.priority is not None and not 0 <= arrival.priority <= _LOWEST:
        raise ValueError("no priority")
    if arrival.deadline_s is not None and not 0 < arrival.deadline_s < math.inf:
        raise ValueError("no deadline")
    return arrival


def _jsonl(line: str) -> Arrival:
    row = json.loads(line)
    return Arrival(
        at_s=row["timestamp"] / 1000, prompt_tokens=row["input_length"], completion_tokens=row["output_length"]
    )


def _csv(names: Sequence[str], path: Path) -> Callable[[str], Arrival]:
    read = next((read for needed, read in ((_AZURE, _azure), (_PLAIN, _plain)) if needed <= set(names)), None)
    if read is None:
        raise BadRequest(f"{path}: is no trace; its first line should be arrival_s,prompt_tokens,completion_tokens")
    return lambda line: read(dict(zip(names, next(csv.reader([line])), strict=True)))


def _azure(row: Mapping[str, str]) -> Arrival:
    # Seven decimals of a second are one more than can be read.
    at = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC)
    return Arrival(
        at_s=at.timestamp(),
        prompt_tokens=int(row["ContextTokens"]),
        completion_tokens=int(row["GeneratedTokens"]),
    )


def _plain(row: Mapping[str, str]) -> Arrival:
    priority, deadline_ms = row.get("priority"), row.get("deadline_ms")
    return Arrival(
        at_s=float(row["arrival_s"]),
        prompt_tokens=int(row["prompt_tokens"]),
        completion_tokens=int(row["completion_tokens"]),
        priority=(int(priority) if priority.isdecimal() else PRIORITIES[priority]) if priority else None,
        deadline_s=float(deadline_ms) / 1000 if deadline_ms else None,
    )


def scaled(arrivals: Sequence[Arrival], work_s: Sequence[float], load: float) -> list[Arrival]:
    """The arrivals with all gaps stretched alike, so that they bring `load` times the work that can be done. `work_s`
    is the share of the whole capacity that each takes, in seconds."""
    span_s = arrivals[-1].at_s
    if span_s <= 0:
        return list(arrivals)
    stretch = sum(work_s) / load / span_s
    return [msgspec.structs.replace(arrival, at_s=arrival.at_s * stretch) for arrival in arrivals]
