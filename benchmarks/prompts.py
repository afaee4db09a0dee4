"""How should a local model be asked? Named ways to put a question, on graded items: right, tokens written, seconds.

    prompts.py record [--items dev|report] [--group word] [--n 24] [--variants brief,think,program]   picks up where it
                      stopped, then prints the figures
    prompts.py figures [...]    from what was recorded, on the items that every variant was asked

A variant is a line at the end of the question, or messages around it (`program`, of which one program is run and none
mended). The model is asked at temperature 0, without the rung that a variant is named after; on each item the variants
come in an order drawn for it. Shares have Wilson's intervals, means of tokens and seconds bootstrapped ones, all 95%.
A variant that begins as another does (`program`, `program.two`) makes the server forget what it kept of that one's
beginning: for fair seconds record such variants one after the other, each by a call of its own.
To try another way, give it a name here. What is kept is set on `dev` items.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import msgspec
from graded import MIX, Item, every, right
from hybrid import MAX_TOKENS, RECORDED, Recording, Rung, prompt_key, serving
from hybrid_figures import Row, bootstrap
from judged import MODEL
from results import write

from rung.answers import asked
from rung.errors import TimedOut
from rung.reasoners import brief
from rung.reasoners.program import asking
from rung.reasoners.program.checks import checked, program_in
from rung.reasoners.think import SHORT_LINE
from rung.reasoners.wording import with_line
from rung.sandbox import Programs
from rung.trial.graded import wilson

SEED = 7
CONFIG = f"reasoners: {{fast: {{kind: local, model: {MODEL}}}}}\ncache: {{exact: {{max_mb: 0}}}}\n"
Put = Callable[[dict[str, Any]], dict[str, Any]]


def lined(line: str, max_tokens: int = MAX_TOKENS) -> Put:
    return lambda body: {**with_line(body, line), "max_tokens": max_tokens}


def by_kind(body: dict[str, Any]) -> dict[str, Any]:
    return lined(brief.LINES[asked(body["messages"][0]["content"])], brief.MAX_TOKENS)(body)


def shown(examples: int) -> Put:
    """Asked for a program, after so many worked examples."""

    def put(body: dict[str, Any]) -> dict[str, Any]:
        whole = asking.first(body)
        system, *turns, question = whole["messages"]
        return {**whole, "messages": [system, *turns[: 2 * examples], question]}

    return put


VARIANTS: dict[str, Put] = {
    "plain": lambda body: body,
    "brief": by_kind,
    "brief.nothing_else": lined("Give the final answer only, nothing else.", brief.MAX_TOKENS),
    "think": lined(SHORT_LINE),
    "think.briefly": lined('Reason first, as briefly as you can. Last line: "Final answer:" and the answer.'),
    "think.few_lines": lined(
        'Work it out in a few short lines, without code. Then end with one line "Final answer:" followed by the answer '
        "only."
    ),
    "program": shown(len(asking.EXAMPLES)),
    "program.two": shown(2),
    "program.none": shown(0),
}


def put(item: Item, variant: str) -> tuple[Item, dict[str, Any]]:
    """What is asked. The item that it goes by has the whole of it as its prompt: another wording is another row."""
    plain = {"messages": [{"role": "user", "content": item.prompt}], "max_tokens": MAX_TOKENS}
    body = {**VARIANTS[variant](plain), "temperature": 0}
    return msgspec.structs.replace(item, prompt=json.dumps(body)), body


def drawn(args: argparse.Namespace) -> list[Item]:
    items = [item for item in every(args.items, SEED) if item.group == args.group]
    return random.Random(SEED).sample(items, min(args.n, len(items)))


async def record(args: argparse.Namespace) -> None:
    recording = Recording(RECORDED / f"prompts-{args.items}.jsonl")
    random_ = random.Random(SEED)
    async with serving(args.url, CONFIG) as rung:
        for at, item in enumerate(drawn(args)):
            for variant in random_.sample(args.variants, len(args.variants)):
                await _asked(rung, recording, item, variant)
            print(f"\r{at + 1}/{args.n}", end="", flush=True)
    print()


async def _asked(rung: Rung, recording: Recording, item: Item, variant: str) -> None:
    key, body = put(item, variant)
    if not recording.has(key, variant, 0):
        recording.add(await rung.ask(key, "fast", **body) | {"reasoner": variant})


async def marked(programs: Programs, item: Item, variant: str, text: str) -> bool:
    if not variant.startswith("program"):
        return right(item, text)
    try:
        return right(item, checked(await programs.run(program_in(text)), item.prompt).answer)
    except TimedOut:
        return False


async def figures(args: argparse.Namespace) -> None:
    recording, items = Recording(RECORDED / f"prompts-{args.items}.jsonl"), drawn(args)
    asked_of = {(row["item"], row["reasoner"], row["prompt"]): row for row in recording.rows}
    rows: dict[str, dict[str, Row]] = {}
    for item in items:
        keys = {variant: (item.id, variant, prompt_key(put(item, variant)[0].prompt)) for variant in args.variants}
        rows[item.id] = {variant: asked_of[key] for variant, key in keys.items() if key in asked_of}
    whole = [item for item in items if len(rows[item.id]) == len(args.variants)]
    if not whole:
        raise SystemExit("Nothing is recorded of these variants; run prompts.py record first.")
    told: dict[str, float] = {}
    intervals: dict[str, Sequence[float]] = {}
    programs = Programs()
    print(f"{args.group}, {args.items}, n = {len(whole)}\n{'':<22}{'right':>22}{'tokens':>20}{'seconds':>26}")
    for variant in args.variants:
        of = [rows[item.id][variant] for item in whole]
        hits = [await marked(programs, item, variant, row["text"]) for item, row in zip(whole, of, strict=True)]
        told[f"right.{variant}"], intervals[f"right.{variant}"] = fmean(hits), wilson(sum(hits), len(hits))
        for name, key in (("tokens", "completion_tokens"), ("seconds", "seconds")):
            values = [float(row[key]) for row in of]
            told[f"{name}.{variant}"] = fmean(values)
            intervals[f"{name}.{variant}"] = bootstrap(len(values), lambda at, v=values: fmean(v[i] for i in at))
        cells = [_cell(told, intervals, f"{name}.{variant}") for name in ("right", "tokens", "seconds")]
        print(f"{variant:<22}{cells[0]:>22}{cells[1]:>20}{cells[2]:>26}")
    await programs.close()
    print(
        write("prompts", told, intervals, {"model": MODEL, "items": args.items, "group": args.group}, SEED, len(whole))
    )


def _cell(told: dict[str, float], intervals: dict[str, Sequence[float]], name: str) -> str:
    places = 0 if name.startswith("tokens") else 2
    low, high = intervals[name]
    return f"{told[name]:.{places}f} ({low:.{places}f} to {high:.{places}f})"


async def run(args: argparse.Namespace) -> None:
    if args.mode == "record":
        await record(args)
    await figures(args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["record", "figures"])
    parser.add_argument("--items", choices=["dev", "report"], default="dev")
    parser.add_argument("--group", choices=list(MIX), default="word")
    parser.add_argument("--n", type=int, default=24)
    parser.add_argument("--variants", type=lambda said: said.split(","), default=["brief", "think", "program"])
    parser.add_argument("--url", help="a running Rung with a reasoner `fast`, in place of one of the benchmark's own")
    args = parser.parse_args()
    if unknown := set(args.variants) - set(VARIANTS):
        parser.error(f"no variant is called {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    asyncio.run(run(args))


if __name__ == "__main__":
    main()
