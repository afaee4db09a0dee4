"""Values read off scanned receipts by a JSON schema: a model under the grammar alone, and `extract` over it.

    extract.py [--model NAME] [--items dev|report] [--keep]

Each receipt's text, as the scanner's line boxes give it, is asked for `company`, `date`, `total`, and `iban`, which
none has. Of each value: right (the gold one, or null where the text does not hold it), null (where the gold one is
there), wrong (another value that stands in the text), invented (one that does not). The receipts are RUNG_DATA's;
those of `dev` and of `report` are told apart as in graded.py.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from graded import part_of
from results import write
from shared import data_path, until_ready

from rung.answers.dates import date_of
from rung.answers.grounding import Source
from rung.bootstrap import Rung
from rung.config import parse_config
from rung.errors import Abstained, RungError
from rung.types import Json

WAYS = ("fast", "extract")
FIELDS = ("company", "date", "total", "iban")
ENDINGS = ("right", "null", "wrong", "invented", "none")
_TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "company": {**_TEXT, "description": "The shop that issued the receipt."},
        "date": {**_TEXT, "description": "The date of the receipt."},
        "total": {**_TEXT, "description": "The total amount."},
        "iban": {**_TEXT, "description": "The bank account to pay to."},
    },
    "required": list(FIELDS),
    "additionalProperties": False,
}
ASKED = "Extract the company, the date, the total and the IBAN of this receipt as JSON."
MAX_TOKENS = 160


class Receipt:
    def __init__(self, truth: Path) -> None:
        self.id = f"receipt-{truth.stem}"
        rows = truth.with_suffix(".csv").read_text(errors="replace").splitlines()
        self.text = "\n".join(row.split(",", 8)[8] for row in rows if row.count(",") >= 8)
        self.source = Source(self.text)
        gold = json.loads(truth.read_text())
        # Where the scan was misread the text does not hold the gold value: null is right there.
        held = {field: gold[field] for field in FIELDS if field in gold and self.source.holds(gold[field])}
        self.gold: dict[str, str | None] = {field: held.get(field) for field in FIELDS}

    def ending(self, field: str, value: Any) -> str:
        gold = self.gold[field]
        if value is None:
            return "right" if gold is None else "null"
        if gold is not None and _same(field, str(value), gold):
            return "right"
        return "wrong" if self.source.holds(str(value)) else "invented"


def _same(field: str, value: str, gold: str) -> bool:
    if field == "date":
        return bool(date_of(value) & date_of(gold)) or Source(value).holds(gold)
    return Source(value).holds(gold) and Source(gold).holds(value)


def receipts(part: str) -> list[Receipt]:
    found = [Receipt(truth) for truth in sorted(data_path("receipts").glob("*.json"))]
    return [receipt for receipt in found if part_of(receipt.id) == part]


async def asked(rung: Rung, way: str, receipt: Receipt) -> tuple[dict[str, Any] | None, Json]:
    """The values, or None if there are none, and what it took."""
    form = {"type": "json_schema", "json_schema": {"name": "receipt", "strict": True, "schema": SCHEMA}}
    began_s = time.perf_counter()
    try:
        reply = await rung.reply(
            f"{ASKED}\n\n{receipt.text}", model=way, cache="off", max_tokens=MAX_TOKENS, response_format=form
        )
        values, tokens = _values(reply.answer.text), reply.answer.usage.completion_tokens
    except Abstained:
        values, tokens = None, 0
    return values, {"seconds": time.perf_counter() - began_s, "tokens": tokens}


def _values(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None  # cut off
    return found if isinstance(found, dict) else None


async def measured(model: str, part: str) -> tuple[dict[str, Any], int]:
    with tempfile.TemporaryDirectory() as folder:
        raw = {
            "reasoners": {"fast": {"kind": "local", "model": model}, "extract": {"kind": "extract", "of": "fast"}},
            "ledger": {"path": f"{folder}/ledger.sqlite"},
        }
        async with Rung(parse_config(raw, source="benchmark")) as rung:
            await until_ready(rung)
            items = receipts(part)
            ways = {}
            for way in WAYS:
                answers = [(receipt, *await asked(rung, way, receipt)) for receipt in items]
                ways[way] = summary(answers)
    return ways, len(items)


def summary(answers: list[tuple[Receipt, dict[str, Any] | None, Json]]) -> dict[str, Any]:
    """Counts of endings over all fields and each, and means of seconds and tokens."""
    endings = {field: Counter[str]() for field in FIELDS}
    for receipt, values, _ in answers:
        for field in FIELDS:
            endings[field]["none" if values is None else receipt.ending(field, values.get(field))] += 1
    total = sum(endings.values(), Counter())
    return {
        "all": {ending: total[ending] for ending in ENDINGS},
        "fields": {field: {ending: found[ending] for ending in ENDINGS} for field, found in endings.items()},
        "mean_s": sum(took["seconds"] for _, _, took in answers) / max(len(answers), 1),
        "mean_tokens": sum(took["tokens"] for _, _, took in answers) / max(len(answers), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--items", choices=["dev", "report"], default="dev")
    parser.add_argument("--keep", action="store_true", help="write results/extract.json")
    options = parser.parse_args()
    try:
        ways, n = asyncio.run(measured(options.model, options.items))
    except RungError as error:
        raise SystemExit(error.message) from error
    print(f"{options.model}, {n} receipts of {options.items}, {n * len(FIELDS)} values")
    print(f"{'':10}{''.join(f'{ending:>10}' for ending in ENDINGS)}{'s':>8}{'tokens':>8}")
    for way, told in ways.items():
        counts = "".join(f"{told['all'][ending]:>10}" for ending in ENDINGS)
        print(f"{way:10}{counts}{told['mean_s']:>8.1f}{told['mean_tokens']:>8.0f}")
    if options.keep:
        figures = {f"{way}_{ending}": told["all"][ending] for way, told in ways.items() for ending in ENDINGS}
        print(write("extract", figures, {}, {"model": options.model, "items": options.items, **ways}, 0, n))


if __name__ == "__main__":
    main()
