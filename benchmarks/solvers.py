"""Do the solvers over a model beat the model alone? `program` on word problems, `code` on MBPP.

    solvers.py speed                                        the sandbox alone: no model
    solvers.py record [--items dev|report] [--words 80] [--tasks 40]   picks up where it stopped
    solvers.py figures [--items dev|report]                 from what was recorded

Word problems (half GSM8K, half MAWPS) are asked of `program`, `think` and `brief` one after the other, in an order
drawn for each item, so that they share the machine's moods. MBPP tasks show one of their tests and are marked by all of
them, in the jail; `fast` is the model alone, asked a second time where `code` made a second call. Prompts and figures
in the source are set on `dev` items, `report` items are for reporting. An abstention's tokens are not told by the API:
only its seconds count.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Any

from graded import FAMILIES, Item, Part, part_of, right
from hybrid import RECORDED, Recording, Rung, serving
from hybrid_figures import Row, bootstrap
from judged import MODEL, NO_WAIT, answer_of, auc
from results import write
from shared import data_path

from rung.answers import extract, same
from rung.reasoners.code.asking import code_in
from rung.routing import Profile, estimate, features_of
from rung.sandbox import Bounds, Jail, Programs
from rung.types import Answer, Estimate, Verdict
from rung.verdicts import Known, verify
from rung.verdicts.running import Running

HERE = Path(__file__).parent
SEED = 5
WORDS = ("program", "think", "brief")
KINDS = {"program": "program", "think": "think", "brief": "brief"}
CONFIG = """
reasoners:
  brief: {kind: brief, of: fast}
  program: {kind: program, of: fast}
  fast: {kind: local, model: qwen2.5-coder-1.5b-instruct}
  think: {kind: think, of: fast}
  code: {kind: code, of: fast}
cache: {exact: {max_mb: 0}}
"""
# As a 1.5B model writes them.
PROGRAM = "eggs = 16\neaten = 3\nbaked = 4\nsold = eggs - eaten - baked\nprice = 2.50\nanswer = sold * price\n"
SUCCESSOR = "def successor(x):\n    return x + 1"


def words(part: Part, n: int) -> list[Item]:
    folder, items = data_path(), []
    for at, family in enumerate(FAMILIES["word"]):
        random_ = random.Random(f"{SEED} word {at}")
        of_part = [item for item in family(folder, random_) if part_of(item.id) == part]
        items += random_.sample(of_part, n // 2)
    random.Random(SEED).shuffle(items)
    return items


def tasks(part: Part, n: int) -> list[Item]:
    """`choices` hold the tests, of which the prompt shows the first."""
    rows = [json.loads(line) for line in data_path("mbpp.jsonl").read_text().splitlines()]
    items = [
        Item(
            id=f"mbpp-{row['task_id']}",
            group="code",
            family="mbpp",
            prompt=f"{row['text']}\n\nYour code should pass this test:\n\n{row['test_list'][0]}",
            gold=row["test_setup_code"],
            grader="tests",
            choices=row["test_list"],
        )
        for row in rows
    ]
    return random.Random(SEED).sample([item for item in items if part_of(item.id) == part], n)


async def record(args: argparse.Namespace) -> None:
    recording = Recording(RECORDED / f"solvers-{args.items}.jsonl")
    random_ = random.Random(SEED)
    async with serving(args.url, CONFIG) as rung:
        await rung.ask(words(args.items, 2)[0], "think")  # nothing is timed cold
        for at, item in enumerate(words(args.items, args.words)):
            for name in random_.sample(WORDS, len(WORDS)):
                await _asked(rung, recording, item, name)
            print(f"\rword problems: {at + 1}/{args.words}", end="", flush=True)
        print()
        for at, item in enumerate(tasks(args.items, args.tasks)):
            await _asked(rung, recording, item, "code")
            await _asked(rung, recording, item, "fast")
            if calls(_row(recording, item, "code")) > 1:
                await _asked(rung, recording, item, "fast", 1)
            print(f"\rtasks: {at + 1}/{args.tasks}", end="", flush=True)
    print()
    await figures(args)


async def _asked(rung: Rung, recording: Recording, item: Item, name: str, sample: int = 0) -> None:
    if not recording.has(item, name, sample):
        recording.add(await rung.ask(item, name, sample))


def _row(recording: Recording, item: Item, name: str, sample: int = 0) -> Row:
    return next(row for row in recording.of([item]) if row["reasoner"] == name and row["sample"] == sample)


def abstained(row: Row) -> bool:
    return bool(row["finish"] == "abstained")


def calls(row: Row) -> int:
    """Calls of the model: a second one mends, and what abstains was mended in vain."""
    return 2 if abstained(row) or row["steps"][-1]["verdict"]["signals"]["mended"] else 1


class Side:
    """One way of answering a list of items."""

    def __init__(self, name: str, rows: Sequence[Row], marks: Sequence[bool]) -> None:
        self.name = name
        self.rows = rows
        self.marks = marks

    def figures(self) -> dict[str, float]:
        n = len(self.rows)
        silent = sum(map(abstained, self.rows))
        return {
            f"right.{self.name}": sum(self.marks) / n,
            f"abstained.{self.name}": silent / n,
            f"wrong.{self.name}": (n - silent - sum(self.marks)) / n,
            f"mean_s.{self.name}": fmean(row["seconds"] for row in self.rows),
            f"p50_s.{self.name}": median(row["seconds"] for row in self.rows),
            f"tokens_in.{self.name}": fmean(row["prompt_tokens"] for row in self.rows),
            f"tokens_out.{self.name}": fmean(row["completion_tokens"] for row in self.rows),
        }


def _word_sides(items: Sequence[Item], recording: Recording, label: str) -> list[Side]:
    sides = []
    for name in WORDS:
        rows = [_row(recording, item, name) for item in items]
        marks = [right(item, row["text"]) for item, row in zip(items, rows, strict=True)]
        sides.append(Side(f"{name}.{label}", rows, marks))
    return sides


def _compared(sides: Sequence[Side]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """`program` against `think`, item by item."""
    program, think = sides[0], sides[1]
    label = program.name.partition(".")[2]
    seconds = [(p["seconds"], t["seconds"]) for p, t in zip(program.rows, think.rows, strict=True)]
    gains = [int(p) - int(t) for p, t in zip(program.marks, think.marks, strict=True)]
    measured: dict[str, Callable[[Sequence[int]], float]] = {
        f"right.program_minus_think.{label}": lambda at: fmean(gains[i] for i in at),
        f"time.program_over_think.{label}": lambda at: sum(seconds[i][0] for i in at) / sum(seconds[i][1] for i in at),
    }
    every = range(len(gains))
    return (
        {name: figure(every) for name, figure in measured.items()},
        {name: bootstrap(len(gains), figure) for name, figure in measured.items()},
    )


async def _verdicts(item: Item, rows: Sequence[Row]) -> tuple[Verdict, ...]:
    body = {"messages": [{"role": "user", "content": item.prompt}]}
    features = features_of(body)
    profiles = (Profile(name=n, kind=k, leaf_kind="local", model=MODEL) for n, k in KINDS.items())
    estimates = {profile.name: estimate(profile, features, NO_WAIT) for profile in profiles}
    answers: list[Answer] = [answer_of(row) for row in rows]
    return await verify(features, estimates, answers, body, Known(kinds=KINDS))


async def _together(items: Sequence[Item], recording: Recording) -> dict[str, float]:
    """AUC of what is known of an answer alone, of the bare agreement with the other, and of both in hand."""
    known: dict[str, list[tuple[float, bool]]] = {}
    for item in items:
        pair = [_row(recording, item, name) for name in ("program", "think")]
        marks = [right(item, row["text"]) for row in pair]
        said = [None if abstained(row) else extract(row["text"], "number") for row in pair]
        agree = float(None not in said and same(str(said[0]), str(said[1])))
        spoke = [row for row in pair if not abstained(row)]
        both = dict(zip([row["reasoner"] for row in spoke], await _verdicts(item, spoke), strict=True))
        for row, mark in zip(pair, marks, strict=True):
            name = row["reasoner"]
            if abstained(row):
                continue
            (alone,) = await _verdicts(item, [row])
            known.setdefault(f"auc.{name}.alone", []).append((alone.right_prob, mark))
            known.setdefault(f"auc.{name}.agreement", []).append((agree, mark))
            known.setdefault(f"auc.{name}.both", []).append((both[name].right_prob, mark))
        best = max(zip(both.values(), spoke, strict=True), key=lambda one: one[0].right_prob)
        mark = right(item, best[1]["text"])
        known.setdefault("auc.best_of_both", []).append((best[0].right_prob, mark))
        if agree:
            known.setdefault("agreed", []).append((1.0, mark))
    told = {name: auc(scored) for name, scored in known.items() if name.startswith("auc")}
    told["right.best_of_both"] = fmean(mark for _, mark in known["auc.best_of_both"])
    told["agreed.share"] = len(known["agreed"]) / len(items)
    told["agreed.right"] = fmean(mark for _, mark in known["agreed"])
    return told


async def _marked(items: Iterable[Item], rows: Sequence[Row]) -> list[bool]:
    """Whether an answer's code passes every test of its task, in the jail."""
    jail = Jail(Bounds(wall_s=10.0))
    marks = []
    for item, row in zip(items, rows, strict=True):
        code = code_in(row["text"] or "")
        tried = await jail.run(f"{item.gold}\n{code}", item.choices or ()) if code else None
        marks.append(bool(tried and tried.tests and tried.passed == len(tried.tests)))
    return marks


async def _code_figures(items: Sequence[Item], recording: Recording) -> tuple[dict[str, float], dict[str, Any]]:
    code = [_row(recording, item, "code") for item in items]
    alone = [_row(recording, item, "fast") for item in items]
    passed, first = await _marked(items, code), await _marked(items, alone)
    figures = Side("code", code, passed).figures() | Side("fast", alone, first).figures()
    again = [item for item, row in zip(items, code, strict=True) if calls(row) > 1]
    second = dict(
        zip([i.id for i in again], await _marked(again, [_row(recording, i, "fast", 1) for i in again]), strict=True)
    )
    spread = [fmean([mark, second.get(item.id, mark)]) for item, mark in zip(items, first, strict=True)]
    either = [mark or second.get(item.id, False) for item, mark in zip(items, first, strict=True)]
    gains = [int(a) - b for a, b in zip(passed, spread, strict=True)]
    figures |= {
        "calls.code": fmean(map(calls, code)),
        "right.fast_equal_calls": fmean(spread),
        "right.fast_equal_calls_best": fmean(either),
        "right.code_minus_fast_equal_calls": fmean(gains),
        "precision.code": sum(passed) / max(1, sum(not abstained(row) for row in code)),
    }
    figures |= await _seen(items, alone, first)
    intervals = {"right.code_minus_fast_equal_calls": bootstrap(len(gains), lambda at: fmean(gains[i] for i in at))}
    return figures, intervals


async def _seen(items: Sequence[Item], rows: Sequence[Row], marks: Sequence[bool]) -> dict[str, float]:
    """AUC of the verdict on the model's own code as it came, and where it was run with the one test that is shown."""
    running = Running(verify, Jail(Bounds(wall_s=10.0)))
    found: dict[str, list[tuple[float, bool]]] = {"auc.fast.unrun": [], "auc.fast.run": []}
    for item, row, mark in zip(items, rows, marks, strict=True):
        body = {"messages": [{"role": "user", "content": item.prompt}]}
        for name, judge in (("auc.fast.unrun", verify), ("auc.fast.run", running.verify)):
            estimates = {"fast": Estimate(right_prob=0.65)}
            (verdict,) = await judge(features_of(body), estimates, [answer_of(row)], body)
            found[name].append((verdict.right_prob, mark))
    return {name: auc(scored) for name, scored in found.items()}


async def figures(args: argparse.Namespace) -> None:
    recording = Recording(RECORDED / f"solvers-{args.items}.jsonl")

    def whole(items: list[Item], names: Sequence[str]) -> list[Item]:
        return [item for item in items if {*names} <= {row["reasoner"] for row in recording.of([item])}]

    word_items, code_items = words(args.items, args.words), tasks(args.items, args.tasks)
    recording.taken([*word_items, *code_items])
    asked, coded = whole(word_items, WORDS), whole(code_items, ("code", "fast"))
    told: dict[str, float] = {}
    intervals: dict[str, Any] = {}
    for label in ("all", "gsm8k", "mawps"):
        items = [item for item in asked if label == "all" or item.family.startswith(label)]
        if items:
            sides = _word_sides(items, recording, label)
            compared, bounds = _compared(sides)
            told |= {key: value for side in sides for key, value in side.figures().items()} | compared
            intervals |= bounds
    if asked:
        told |= await _together(asked, recording)
    if coded:
        code, bounds = await _code_figures(coded, recording)
        told, intervals = told | code, intervals | bounds
    told = {key: round(value, 4) for key, value in told.items()}
    name = "solvers" if args.items == "report" else f"solvers-{args.items}"
    detail = {"items": args.items, "model": MODEL, "words": len(asked), "tasks": len(coded)}
    path = write(name, told, intervals, detail, SEED, len(asked) + len(coded))
    print(json.dumps(told, indent=1))
    print(json.dumps(intervals, indent=1))
    print(path)


async def speed(args: argparse.Namespace) -> None:
    """Calls one after the other, warm: what the sandbox adds to a model's own time."""
    programs, jail = Programs(), Jail()
    for _ in range(20):
        await programs.run(PROGRAM)
    taken = {"program": [], "code": []}  # type: dict[str, list[float]]
    for _ in range(args.rounds):
        began_s = time.perf_counter()
        assert (await programs.run(PROGRAM)).answer == "45/2"
        taken["program"].append(1000 * (time.perf_counter() - began_s))
    await programs.close()
    for _ in range(args.rounds // 20):
        began_s = time.perf_counter()
        assert (await jail.run(SUCCESSOR, ["assert successor(1) == 2"])).passed == 1
        taken["code"].append(1000 * (time.perf_counter() - began_s))
    told = {}
    for name, values in taken.items():
        ranked = quantiles(values, n=100, method="inclusive")
        told |= {f"p50_ms.{name}": round(ranked[49], 3), f"p95_ms.{name}": round(ranked[94], 3)}
    print(json.dumps(told, indent=1))
    print(write("sandbox", told, {}, {"isolation": str(await jail.isolation())}, 0, args.rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["speed", "record", "figures"])
    parser.add_argument("--items", choices=["dev", "report"], default="report")
    parser.add_argument("--words", type=int, default=80)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--url", help="a running Rung, in place of one of the benchmark's own")
    args = parser.parse_args()
    asyncio.run({"speed": speed, "record": record, "figures": figures}[args.mode](args))


if __name__ == "__main__":
    main()
