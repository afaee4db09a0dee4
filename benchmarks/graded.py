"""Graded items from RUNG_DATA, put as an ordinary user would put them.

Two parts that never meet: an item whose id hashes to an even SHA-256 is `dev` (prompts, estimates and verdicts are
tuned there), one that hashes to an odd one is `report`. Receipts go by their file, so that no receipt is in both.
"""

import csv
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
from expressions import same_expression
from msgspec import Struct
from shared import data_path

from rung.answers import grade, options_of

Part = Literal["dev", "report"]
MIX = {"word": 40, "choice": 30, "symbolic": 30, "short": 20}
LETTERS = "ABCDEFGH"
LONGEST_COPY = 200


class Item(Struct, frozen=True, kw_only=True):
    id: str
    group: str
    family: str
    prompt: str
    gold: str
    grader: str
    choices: list[str] | None = None


def right(item: Item, text: str) -> bool:
    """Marked by `rung.answers.grade`. Beyond it: a value copied from a text counts where it stands in a short answer,
    and an expression by its values, however it is written."""
    match item.grader:
        case "copied":
            return len(text) < LONGEST_COPY + len(item.gold) and f" {_words(item.gold)} " in f" {_words(text)} "
        case "symbolic":
            alone = text if "\n" in text.strip() else f"Answer: {text}"
            return (
                text.strip() == item.gold
                or grade(alone, item.gold, "symbolic")
                or any(same_expression(e, item.gold) for e in _expressions(text))
            )
        case grader:
            return grade(text, item.gold, grader, item.choices or ())


def _expressions(text: str) -> list[str]:
    """What may be the final expression: the box, the last formula, the last line or what it says something is."""
    boxes = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", text)
    formulas = re.findall(r"\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", text, re.DOTALL)
    last = text.strip().rsplit("\n", 1)[-1].strip("*` ")
    said = re.split(r"\bis\b|:", last)[-1].strip("*` ")
    return [*boxes[-1:], *("".join(formula) for formula in formulas[-1:]), last, said]


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def part_of(key: str) -> Part:
    return "report" if hashlib.sha256(key.encode()).digest()[-1] % 2 else "dev"


def sampled(part: Part, n: int = 120, seed: int = 2) -> list[Item]:
    """`n` items in the fixed mix, families of a group in equal shares, shuffled together."""
    folder = data_path()
    items: list[Item] = []
    for group, share in MIX.items():
        wanted = round(n * share / sum(MIX.values()))
        families = FAMILIES[group]
        for at, family in enumerate(families):
            random_ = random.Random(f"{seed} {group} {at}")  # its own: a change of one family leaves the others be
            of_part = [item for item in family(folder, random_) if _part(item) == part]
            count = wanted // len(families) + (at < wanted % len(families))
            items += random_.sample(of_part, min(count, len(of_part)))
    random.Random(seed).shuffle(items)
    return items


def every(part: Part, seed: int) -> Iterator[Item]:
    """All items of a part, put as `sampled` puts them."""
    folder = data_path()
    for group in MIX:
        for at, family in enumerate(FAMILIES[group]):
            drawn = family(folder, random.Random(f"{seed} {group} {at}"))
            yield from (item for item in drawn if _part(item) == part)


def _part(item: Item) -> Part:
    return part_of(item.id.split("#")[0])


def _rows(folder: Path, families: set[str]) -> list[dict[str, Any]]:
    table = pq.read_table(folder / "graded_dev.parquet").to_pylist()
    return [row for row in table if row["family"] in families]


WORD_LAYOUTS = ("{q}", "{q}", "Please solve this: {q}", "Hi, can you help me with this one?\n\n{q}")


def _word(families: set[str]) -> Callable[[Path, random.Random], Iterator[Item]]:
    def items(folder: Path, random_: random.Random) -> Iterator[Item]:
        for row in _rows(folder, families):
            prompt = random_.choice(WORD_LAYOUTS).format(q=row["question"])
            yield Item(
                id=row["id"], group="word", family=row["family"], prompt=prompt, gold=row["gold"], grader="number"
            )

    return items


def _listed(question: str, choices: list[str], layout: int) -> str:
    pairs = list(zip(LETTERS, choices, strict=False))
    if layout == 0:
        return f"{question}\n" + "\n".join(f"{letter}) {choice}" for letter, choice in pairs)
    if layout == 1:
        lines = "\n".join(f"{letter}. {choice}" for letter, choice in pairs)
        return f"{question}\n\n{lines}\n\nWhich one is right?"
    if layout == 2:
        lines = "\n".join(f"({letter}) {choice}" for letter, choice in pairs)
        return f"Question: {question}\nOptions:\n{lines}\nAnswer with the letter."
    return f"{question} " + ", ".join(f"({letter}) {choice}" for letter, choice in pairs)


def _choice(family: str) -> Callable[[Path, random.Random], Iterator[Item]]:
    def items(folder: Path, random_: random.Random) -> Iterator[Item]:
        for row in _rows(folder, {family}):
            prompt = _listed(row["question"], row["choices"], random_.randrange(4))
            yield Item(
                id=row["id"],
                group="choice",
                family=family,
                prompt=prompt,
                gold=row["gold"],
                grader="letter",
                choices=row["choices"],
            )

    return items


def _boolq(folder: Path, random_: random.Random) -> Iterator[Item]:
    for row in _rows(folder, {"boolq"}):
        question = row["question"].split("question:", 1)[1].split("\n", 1)[0].strip()
        said = {"true": "yes", "false": "no"}[row["gold"]]
        prompt, gold = random_.choice(
            [
                (row["question"], row["gold"]),
                (f"True or false: {question}", row["gold"]),
                (f"{question.capitalize()} Yes or no?", said),
                (f"{question.capitalize()} Answer yes or no.", said),
            ]
        )
        choices = ["yes", "no"] if gold == said else ["true", "false"]
        yield Item(
            id=row["id"], group="choice", family="boolq", prompt=prompt, gold=gold, grader="exact", choices=choices
        )


# The first questions of each module: see symbolic.py.
GRAMMAR_SAW = 200
SYMBOLIC_LAYOUTS = ("{q}", "{q}", "Can you work this out: {q}", "{q}\n\nJust the result please.")


def _symbolic(folder: Path, random_: random.Random) -> Iterator[Item]:
    """One question of each module at most, so that 30 of them cover 30 modules. Of the report's none is among those
    that were looked at while the solver's grammar was written: the next one that was not takes its place."""
    rows = pq.read_table(folder / "symbolic_interpolate.parquet").to_pylist()
    seen: dict[str, int] = {}
    found: dict[tuple[str, Part], list[Item]] = {}
    for row in rows:
        module, number = row["module"], seen.get(row["module"], 0)
        seen[module] = number + 1
        key = f"{module}-{number}"
        prompt = random_.choice(SYMBOLIC_LAYOUTS).format(q=row["question"])
        gold = row["answer"]
        lettered = len(gold) == 1 and gold.isalpha() and bool(options_of(row["question"]))
        truth = gold in ("True", "False")
        item = Item(
            id=key,
            group="symbolic",
            family=module,
            prompt=prompt,
            gold=gold.upper() if lettered else gold,
            grader="exact" if truth else "letter" if lettered else "symbolic",
            choices=["True", "False"] if truth else list(options_of(row["question"])) if lettered else None,
        )
        found.setdefault((module, part_of(key)), []).append(item)
    for (_, part), items in found.items():
        drawn = random_.randrange(len(items))
        unseen = (item for item in items[drawn:] if int(item.id.rpartition("-")[2]) >= GRAMMAR_SAW)
        yield items[drawn] if part == "dev" else next(unseen)


FIELDS = {
    "company": ("Which company issued this receipt?", "What is the name of the shop on this receipt?"),
    "date": ("What is the date on this receipt, as printed?", "Find the date of this receipt. Copy it as printed."),
    "total": ("What is the total amount on this receipt?", "How much was paid in total? Give the number only."),
}


def _receipts(folder: Path, random_: random.Random) -> Iterator[Item]:
    for truth in sorted((folder / "receipts").glob("*.json")):
        fields = json.loads(truth.read_text())
        rows = truth.with_suffix(".csv").read_text(errors="replace").splitlines()
        text = "\n".join(row.split(",", 8)[8] for row in rows if row.count(",") >= 8)
        for field, wordings in FIELDS.items():
            wording = random_.choice(wordings)
            number = field == "total"
            gold = fields[field].lstrip("$")
            if f" {_words(gold)} " not in f" {_words(text)} ":
                continue  # the scan was misread: the text does not hold it
            yield Item(
                id=f"receipt-{truth.stem}#{field}",
                group="short",
                family=f"receipt-{field}",
                prompt=random_.choice([f"{wording}\n\n{text}", f"{text}\n\n{wording}"]),
                gold=gold,
                grader="number" if number else "copied",
            )


INTENT_LAYOUTS = (
    "Which of these intents fits the customer's message? {labels}\n\nMessage: {text}",
    'Classify this message as one of: {labels}.\n\n"{text}"',
    "Message: {text}\n\nLabels:\n{lines}\n\nWhich label fits best?",
)


def _intents(
    source: str, read: Callable[[Path], list[tuple[str, str]]]
) -> Callable[[Path, random.Random], Iterator[Item]]:
    def items(folder: Path, random_: random.Random) -> Iterator[Item]:
        rows = read(folder / "service")
        labels = sorted({label for _, label in rows})
        for number, (text, label) in random_.sample(list(enumerate(rows)), 400):
            others = random_.sample([other for other in labels if other != label], random_.randint(5, 7))
            choices = random_.sample([label, *others], len(others) + 1)
            prompt = random_.choice(INTENT_LAYOUTS).format(
                text=text, labels=", ".join(choices), lines="\n".join(f"- {choice}" for choice in choices)
            )
            yield Item(
                id=f"{source}-{number}",
                group="short",
                family=source,
                prompt=prompt,
                gold=label,
                grader="exact",
                choices=choices,
            )

    return items


def _csv(name: str, text: str, label: str) -> Callable[[Path], list[tuple[str, str]]]:
    def read(folder: Path) -> list[tuple[str, str]]:
        with (folder / name).open(newline="") as file:
            return [(row[text], row[label]) for row in csv.DictReader(file)]

    return read


def _clinc(folder: Path) -> list[tuple[str, str]]:
    rows = pq.read_table(folder / "clinc150.parquet").to_pylist()
    return [(row["text"], row["intent"]) for row in rows if row["intent"] != "oos"]


FAMILIES: dict[str, tuple[Callable[[Path, random.Random], Iterator[Item]], ...]] = {
    "word": (
        _word({"gsm8k-train"}),
        _word({"mawps-addsub", "mawps-multiarith", "mawps-singleeq", "mawps-singleop"}),
    ),
    "choice": (_choice("arc-easy"), _choice("openbookqa"), _boolq),
    "symbolic": (_symbolic,),
    "short": (
        _receipts,
        _intents("banking77", _csv("banking77_test.csv", "text", "category")),
        _intents("bitext", _csv("bitext_test.csv", "utterance", "intent")),
        _intents("clinc150", _clinc),
    ),
}
