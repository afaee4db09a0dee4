"""How right and quick `auto` is along the price of a second, on the items that prices may be set on.

    presets.py [--factors 1 1.25 1.5 2 3 5 8]

Replays what `hybrid.py record --items dev` took, as hybrid_replay.py does, with each preset's price of a second times
each factor. An item counts if `calc`, `brief`, `program` and `think` were asked; a rung that was not asked it is left
out of its ladder. Needs RUNG_DATA.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from graded import Item, every
from hybrid import RECORDED, SEED, Recording
from hybrid_figures import Row, Side
from hybrid_replay import NAMES, Rows, ladder, replayed
from msgspec.structs import replace

from rung.clock import LoopClock
from rung.routing import PRESETS
from rung.runtime import Ladder, plan
from rung.simulate.loop import run
from rung.types import Preset

NEEDED = frozenset({"calc", "brief", "program", "think"})
# Those that dev items were drawn with.
SEEDS = (SEED, 2, 1, 3)
TRIED: tuple[Preset, ...] = ("balanced", "economy")


def recorded() -> tuple[list[Item], Rows]:
    known = {item.id: item for seed in SEEDS for item in every("dev", seed)}
    recording = Recording(RECORDED / "hybrid-dev.jsonl")
    asked = [known[name] for name in dict.fromkeys(row["item"] for row in recording.rows) if name in known]
    rows = {(row["reasoner"], row["item"]): row for row in recording.taken(asked) if row["sample"] == 0}
    return [item for item in asked if all((name, item.id) in rows for name in NEEDED)], rows


async def answers(items: Sequence[Item], rows: Rows, preset: Preset, folder: Path) -> dict[str, Row]:
    whole = ladder(folder, rows)
    alike: defaultdict[frozenset[str], list[Item]] = defaultdict(list)
    for item in items:
        alike[frozenset(name for name in NAMES if (name, item.id) in rows)].append(item)
    found: dict[str, Row] = {}
    for names, some in alike.items():
        on = Ladder([rung for name, rung in whole.rungs.items() if name in names], LoopClock())
        found |= await replayed(some, on, preset)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factors", type=float, nargs="+", default=[1, 1.25, 1.5, 2, 3, 5, 8])
    args = parser.parse_args()
    items, rows = recorded()
    think = Side("think", items, {item.id: rows["think", item.id] for item in items})
    print(f"{len(items)} items; think alone: {sum(think.right)} right, {think.answers_per_s:.3f} answers/s")
    for preset in TRIED:
        base = PRESETS[preset]
        for factor in args.factors:
            prices = replace(base, second_usd=base.second_usd * factor)
            with patch.object(plan, "PRESETS", {**PRESETS, preset: prices}), tempfile.TemporaryDirectory() as folder:
                auto = Side(preset, items, run(answers(items, rows, preset, Path(folder))))
            times = auto.answers_per_s / think.answers_per_s
            print(f"{preset} {prices.second_usd:.6f} USD a second: {sum(auto.right)} right, {times:.2f} times think")


if __name__ == "__main__":
    main()
