"""Would a look at units tell wrong numbers from right ones?

    units.py figures      on all answers in benchmarks/recorded to word problems, and on all gold answers of RUNG_DATA
    units.py record       asks `program` the problems that want a unit of which the text gives another of its measure;
                          picks up where it stopped

A check reads the question and a bare number, and says no: a part of what is counted whole ("how many apples": 2.5), a
share above 100% where nothing grows, a share below 1 where percent are asked for, a chance above 1, and a unit that is
asked for where others of its measure are given, while the program holds no number that turns one into the other (no
check for answers without a program). Worth having is what says no to wrong answers more often than to right ones. Last:
among the answers to one question that give the same number, how many pairs give it two units.
"""

import argparse
import asyncio
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

from graded import FAMILIES, Item, right
from hybrid import RECORDED, Recording, serving
from results import write
from shared import data_path

from rung.answers import extract, same
from rung.answers.numerals import NUMBER, as_number, plain, value_of
from rung.answers.units import MEASURES, UNITS

SEED = 5
CONFIG = """
reasoners:
  program: {kind: program, of: fast}
  fast: {kind: local, model: qwen2.5-coder-1.5b-instruct}
cache: {exact: {max_mb: 0}}
"""
_HOW_MANY = re.compile(r"\bhow many (?:(?:more|fewer|less|total|full|whole|of the|of) )*(\w+)", re.IGNORECASE)
_PERCENT = re.compile(r"\bwhat percent|\bhow many percent|\bas a percentage", re.IGNORECASE)
_GROWS = re.compile(r"increase|more|greater|higher|profit|gain|ris|rose|gr[eo]w", re.IGNORECASE)
_CHANCE = re.compile(r"\b(?:probability|chance)\b", re.IGNORECASE)
_AVERAGE = re.compile(r"\baverage|\bmean\b|\bper\b", re.IGNORECASE)
_AFTER = re.compile(r"[\s*}\\)]*(?:text\{)?\s*([A-Za-z%€²³^]+)")
# What turns one unit of a measure into another.
_FACTORS = frozenset(map(Fraction, (2, 3, 4, 5, 7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 3600)))


def asking(question: str) -> str:
    """The last sentence that asks."""
    sentences = [s for s in re.split(r"(?<=[.!?])\s+|\n+", question) if "?" in s or "how many" in s.lower()]
    return sentences[-1] if sentences else question


def units_in(text: str) -> set[str]:
    return {UNITS[word] for word in re.findall(r"[a-z$%]+", text.lower()) if word in UNITS}


def refused(question: str, value: Fraction, program: str) -> Iterator[str]:
    """The checks that say no. `program` may be empty."""
    last = asking(question)
    counted = _HOW_MANY.search(last)
    noun = counted[1].lower() if counted else ""
    if noun and noun not in UNITS and not _AVERAGE.search(question) and value.denominator != 1:
        yield "part_of_a_count"
    if _PERCENT.search(last):
        if value > 100 and not _GROWS.search(question):
            yield "more_than_all"
        if 0 < value < 1:
            yield "share_for_percent"
    if _CHANCE.search(last) and value > 1 and "%" not in question and "percent" not in question:
        yield "chance_above_1"
    if program and converts(question):
        literals = {Fraction(one) for one in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", program)}
        if not literals & _FACTORS:
            yield "unit_not_converted"


def converts(question: str) -> bool:
    """Whether a unit is asked for that is not given, where another of its measure is."""
    last = asking(question)
    counted = _HOW_MANY.search(last)
    unit = UNITS.get(counted[1].lower()) if counted else None
    given = units_in(question.replace(last, "")) | ({"$"} if "$" in question else set())
    return unit is not None and unit not in given and any(MEASURES[one] == MEASURES[unit] for one in given)


def unit_said(text: str, value: Fraction) -> str:
    """The unit after the last mention of `value`, if it is one."""
    unit = ""
    for match in NUMBER.finditer(plain(text)):
        if value_of(match) == value:
            after = _AFTER.match(plain(text), match.end())
            unit = "$" if "$" in (match["unit"] or "") else UNITS.get(after[1].lower(), unit) if after else unit
    return unit


def recorded() -> list[Path]:
    """All but what prompts.py was told, where programs are not run."""
    return sorted(path for path in RECORDED.glob("*.jsonl") if not path.name.startswith("prompts"))


def answers(items: dict[str, Item]) -> Iterator[tuple[Item, dict[str, Any], Fraction]]:
    """Every recorded answer with a number to an item, each once."""
    seen = set()
    for path in recorded():
        for row in map(json.loads, path.read_text().splitlines()):
            item = items.get(row["item"])
            told = (row["item"], row["reasoner"], row["sample"], row["text"])
            number = extract(row["text"], "number") if item and told not in seen else None
            seen.add(told)
            if item and number is not None:
                yield item, row, Fraction(number)


def problems() -> list[Item]:
    folder, families = data_path(), FAMILIES["word"]
    return [item for at, family in enumerate(families) for item in family(folder, random.Random(f"{SEED} word {at}"))]


async def record() -> None:
    recording = Recording(RECORDED / "units.jsonl")
    async with serving(None, CONFIG) as rung:
        for item in problems():
            if converts(item.prompt) and not recording.has(item, "program", 0):
                recording.add(await rung.ask(item, "program"))


def figures() -> None:
    drawn = problems()
    counts: Counter[str] = Counter()
    said: defaultdict[str, list[tuple[Fraction, str]]] = defaultdict(list)
    for item, row, value in answers({item.id: item for item in drawn}):
        mark = "right" if right(item, row["text"]) else "wrong"
        by_program = row.get("answered_by", row["reasoner"]) == "program"
        counts[mark] += 1
        counts[f"program.{mark}"] += by_program
        counts[f"program.converting.{mark}"] += by_program and converts(item.prompt)
        for check in refused(item.prompt, value, row["reasoning"] if by_program else ""):
            counts[f"{check}.{mark}"] += 1
        said[item.id].append((value, unit_said(row["text"], value)))
    for item in drawn:
        gold = as_number(item.gold)
        counts["gold"] += gold is not None
        for check in refused(item.prompt, gold, "") if gold is not None else ():
            counts[f"{check}.gold"] += 1
    for (one, unit), (other, another) in (pair for all_ in said.values() for pair in combinations(all_, 2)):
        agree = same(str(one), str(other))
        counts["agreeing"] += agree
        counts["agreeing_in_two_units"] += agree and bool(unit and another) and unit != another
        counts["agreeing_with_units"] += agree and bool(unit and another)
    told = {name: float(count) for name, count in sorted(counts.items())}
    print(json.dumps(told, indent=1))
    print(write("units", told, {}, {"recorded": [path.name for path in recorded()]}, SEED, len(drawn)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["record", "figures"])
    if parser.parse_args().mode == "record":
        asyncio.run(record())
    figures()


if __name__ == "__main__":
    main()
