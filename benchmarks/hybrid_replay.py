"""What would `auto` have given at each preset? The real rule and verdicts over answers that were recorded.

    hybrid_replay.py [--items dev|report] [--n 120]

Every reasoner's answers are those that `hybrid.py record` took, with the seconds that they took, on virtual time;
`vote` is derived from the samples of `fast`. Times are those of calls that nobody ran beside.
"""

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from itertools import combinations
from math import log
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
from graded import Item, sampled
from hybrid import CONFIG, MAX_TOKENS, RECORDED, SEED, Recording
from hybrid_figures import Interval, Row, Side, bootstrap, vote
from judged import answer_of
from msgspec.structs import replace
from results import write

from rung.bootstrap.build import build_leaves, build_rungs
from rung.clock import LoopClock
from rung.config import load_config
from rung.errors import Abstained
from rung.lanes import Lane, Pace, Pool, Setup
from rung.reasoners.base import Reasoner, Status, spell
from rung.runtime import Ladder
from rung.runtime.climb import Climb
from rung.runtime.plan import make_plan
from rung.simulate.loop import run
from rung.types import Call, Chunk, Preset, Reply, Request, Usage, Wishes
from rung.verdicts import Known, verify

PRESETS: tuple[Preset, ...] = ("economy", "balanced", "best")
DEADLINE_S = 120.0
NAMES = [line.partition(":")[0].strip() for line in CONFIG.splitlines() if line.startswith("  ")]
Rows = Mapping[tuple[str, str], Row]


class Warm:
    """A leaf that stands in for the real one: it is warm, and never called itself."""

    status = Status(state="warm", note="")

    def __init__(self, real: Reasoner) -> None:
        self.name = real.name
        self.abilities = real.abilities

    async def start(self) -> None:
        """Nothing is to be started."""

    async def close(self) -> None:
        """Nothing is to be closed."""

    def answer(self, call: Call) -> AsyncIterator[Chunk]:
        raise NotImplementedError(f"{self.name} was recorded: {call.id} must be answered by its row")


class Recorded:
    """The way to call one reasoner: its row of that item, after the seconds that it took."""

    def __init__(self, name: str, rows: Rows) -> None:
        self._name = name
        self._rows = rows

    async def __call__(self, call: Call) -> AsyncIterator[Chunk]:
        row = self._rows[self._name, call.id]
        await asyncio.sleep(row["seconds"])
        usage = Usage(
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            busy_s=0.0 if self._name == "calc" else row["seconds"],
        )
        if row["finish"] == "abstained":
            raise Abstained(f"{self._name}: so it was recorded", usage=usage)
        answer = answer_of(row)
        for chunk in spell(answer):
            yield chunk
        yield Chunk(usage=usage)


def recorded_rows(items: Sequence[Item], rows: Iterable[Row]) -> Rows:
    """By reasoner and item, the first sample of each, and `vote`."""
    found: dict[tuple[str, str], Row] = {}
    samples: dict[str, dict[int, Row]] = {item.id: {} for item in items}
    for row in rows:
        if row["sample"] == 0:
            found[row["reasoner"], row["item"]] = row
        if row["reasoner"] == "fast":
            samples[row["item"]][row["sample"]] = row
    for item in items:
        voted = vote(item, [samples[item.id][k] for k in sorted(samples[item.id])])
        if voted is not None:
            found["vote", item.id] = voted
    return found


def ladder(folder: Path, rows: Rows) -> Ladder:
    """The benchmark's own, each rung answering by its rows; its lanes know the pace at which these were written."""
    path = folder / "rung.yaml"
    path.write_text(CONFIG)
    config = load_config(path)
    clock = LoopClock()
    local, solver = _pace(rows), Pace(first_s=0.005, prompt_s_per_token=0.0, completion_s_per_token=0.0)
    parts = {}
    for name, part in build_leaves(config, clock, {}).items():
        setup = Setup(pool=Pool(1, clock), pace=solver if part.engine is None else local)
        lane = Lane(Warm(part.lane.reasoner), setup, clock, Random(0))
        parts[name] = replace(part, lane=lane)
    return Ladder([replace(rung, call=Recorded(rung.name, rows)) for rung in build_rungs(config, parts)], clock)


def _pace(rows: Rows) -> Pace:
    """Seconds by tokens, least squares over what the model wrote as it was asked."""
    written = [row for (name, _), row in rows.items() if name in {"fast", "think", "brief"}]
    sizes = [(1.0, row["prompt_tokens"], row["completion_tokens"]) for row in written]
    found, *_ = np.linalg.lstsq(np.array(sizes), np.array([row["seconds"] for row in written]), rcond=None)
    first_s, prompt_s, completion_s = (max(float(value), 1e-4) for value in found)
    return Pace(first_s=first_s, prompt_s_per_token=prompt_s, completion_s_per_token=completion_s)


async def replayed(items: Sequence[Item], on: Ladder, preset: Preset) -> dict[str, Row]:
    """What a client would have got, one item after the other, as `hybrid.py run` has it."""
    clock, rows = LoopClock(), {}
    judged = partial(verify, known=Known(kinds={rung.name: rung.profile.kind for rung in on.rungs.values()}))
    for item in items:
        now_s = clock.monotonic()
        body = {"messages": [{"role": "user", "content": item.prompt}], "max_tokens": MAX_TOKENS}
        request = Request(
            id=item.id,
            model=f"auto:{preset}",
            body=body,
            arrived_s=now_s,
            deadline_s=now_s + DEADLINE_S,
            wishes=Wishes(preset=preset, cache="off"),
        )
        climb = Climb(request, make_plan(request, on, clock, preset), on, judged, clock)
        async with aclosing(climb.events()) as events:
            (reply,) = [event async for event in events if isinstance(event, Reply)]
        steps = reply.decision.steps
        rows[item.id] = {
            "text": reply.answer.text,
            "seconds": reply.decision.total_s,
            "prompt_tokens": sum(step.usage.prompt_tokens for step in steps),
            "completion_tokens": sum(step.usage.completion_tokens for step in steps),
            "answered_by": reply.decision.answered_by,
            "steps": [{"reasoner": step.reasoner, "outcome": step.outcome} for step in steps],
        }
    return rows


def compared(auto: Side, best: Side) -> tuple[dict[str, float], dict[str, Interval]]:
    """Item by item: how much more is right, and at how many times the answers a second."""
    n = len(auto.right)
    gain = [int(a) - int(b) for a, b in zip(auto.right, best.right, strict=True)]
    figures = {
        f"accuracy.{auto.name}_minus_{best.name}": fmean(gain),
        f"answers_per_s.{auto.name}_over_{best.name}": auto.answers_per_s / best.answers_per_s,
    }
    bounds = {
        f"accuracy.{auto.name}_minus_{best.name}": bootstrap(n, lambda at: fmean(gain[i] for i in at)),
        f"answers_per_s.{auto.name}_over_{best.name}": bootstrap(
            n, lambda at: sum(best.seconds[i] for i in at) / sum(auto.seconds[i] for i in at)
        ),
    }
    return figures, bounds


def measure(part: str, n: int) -> None:
    items = sampled("report" if part == "report" else "dev", n, SEED)
    recorded = Recording(RECORDED / f"hybrid-{part}.jsonl").taken(items)
    rows = recorded_rows(items, recorded)
    names = [name for name in NAMES if all((name, item.id) in rows for item in items)]
    if missing := sorted(set(NAMES) - set(names)):
        raise SystemExit(f"Not recorded for all {len(items)} items: {', '.join(missing)}; run hybrid.py record first.")
    alone = [Side(name, items, {item.id: rows[name, item.id] for item in items}) for name in names]
    best = max(alone, key=lambda side: (side.accuracy, side.answers_per_s))
    figures: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    autos = []
    with tempfile.TemporaryDirectory() as folder:
        for preset in PRESETS:
            auto_rows = run(_replay(items, Path(folder), rows, preset))
            autos.append(Side(f"auto_{preset}", items, auto_rows))
    for side in (*alone, *autos):
        figures |= side.figures()
        intervals |= side.intervals()
    figures |= together([side for side in alone if side.name in {"fast", "think", "brief"}])
    for auto in autos:
        more, bounds = compared(auto, best)
        figures |= more
        intervals |= bounds
    _told(items, alone, autos, best, (figures, intervals), part)


def together(alone: Sequence[Side]) -> dict[str, float]:
    """How far two reasoners are right on the same items: a quarter of the log of the odds ratio, which is what
    `rung.routing.options` takes for the correlation (half an item is added to each of the four counts)."""
    found = {}
    for one, other in combinations(alone, 2):
        n = Counter(zip(one.right, other.right, strict=True))
        ratio = (n[True, True] + 0.5) * (n[False, False] + 0.5) / (n[True, False] + 0.5) / (n[False, True] + 0.5)
        found[f"together.{one.name}.{other.name}"] = log(ratio) / 4
    return found


async def _replay(items: Sequence[Item], folder: Path, rows: Rows, preset: Preset) -> dict[str, Row]:
    return await replayed(items, ladder(folder, rows), preset)


def _told(
    items: Sequence[Item],
    alone: Sequence[Side],
    autos: Sequence[Side],
    best: Side,
    measured: tuple[dict[str, float], dict[str, Interval]],
    part: str,
) -> None:
    figures = {name: round(value, 4) for name, value in measured[0].items()}
    intervals = {name: (round(low, 4), round(high, 4)) for name, (low, high) in measured[1].items()}
    detail: dict[str, Any] = {"items": part, "best_single": best.name}
    for auto in autos:
        calls = Counter(f"{step['reasoner']} {step['outcome']}" for row in auto.rows for step in row["steps"])
        groups: dict[str, list[bool]] = {}
        for item, was_right in zip(items, auto.right, strict=True):
            groups.setdefault(item.group, []).append(was_right)
        shares = {group: round(fmean(marks), 4) for group, marks in groups.items()}
        detail[auto.name] = {"calls": dict(calls.most_common()), "right_by_group": shares}
    name = "hybrid-replay" if part == "report" else f"hybrid-replay-{part}"
    write(name, figures, intervals, detail, SEED, len(items))
    for side in (*alone, *autos):
        print(f"{side.name:<14} right {side.accuracy:.3f}  answers/s {side.answers_per_s:.3f}")
    shown = ("_minus_", "_over_", "together")
    print(json.dumps({k: (v, intervals.get(k)) for k, v in figures.items() if any(s in k for s in shown)}, indent=1))
    print(json.dumps(detail, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", choices=["dev", "report"], default="report")
    parser.add_argument("--n", type=int, default=120)
    args = parser.parse_args()
    measure(args.items, args.n)


if __name__ == "__main__":
    main()
