"""A sample of the rows that the grammar was not written on. The whole is `benchmarks/symbolic.py`."""

import random
from collections.abc import Callable
from typing import Any

from rung.reasoners.symbolic.errors import NotSolved
from rung.reasoners.symbolic.solver import solve
from rung.reasoners.symbolic.vocabulary import worth_parsing

A_MODULE = 8
PROSE = {"arc-easy", "openbookqa", "boolq", "gsm8k-train", "mawps-addsub", "mawps-multiarith", "mawps-singleop"}


Rows = Callable[[str], list[dict[str, Any]]]


def answer(question: str) -> str | None:
    try:
        return solve(question) if worth_parsing(question) else None
    except NotSolved:
        return None


def test_of_each_module_most_are_answered_and_rightly(rows: Rows) -> None:
    by_module: dict[str, list[dict[str, Any]]] = {}
    for row in rows("symbolic_interpolate.parquet"):
        by_module.setdefault(row["module"], []).append(row)
    sampled = [row for some in by_module.values() for row in random.Random(0).sample(some[-200:], A_MODULE)]
    given = [(row, answer(row["question"])) for row in sampled]
    wrong = [(row, said) for row, said in given if said is not None and said != row["answer"]]
    assert not wrong
    assert sum(said is not None for _, said in given) >= 0.97 * len(sampled)


def test_prose_is_none_of_its_business(rows: Rows) -> None:
    prose = [row for row in rows("graded_dev.parquet") if row["family"] in PROSE]
    answered = [(row["question"], said) for row in prose if (said := answer(row["question"])) is not None]
    assert not answered
