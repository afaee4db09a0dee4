"""A sample of the rows that the grammar was not written on. The whole is `benchmarks/symbolic.py`."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from rung.reasoners.symbolic.errors import NotSolved
from rung.reasoners.symbolic.solver import solve
from rung.reasoners.symbolic.vocabulary import worth_parsing

A_MODULE = 8
_ASKS = re.compile(r"(.*\. )?What (is|are) (.*)\?")
_WONDERS = re.compile(r"(.*\. )?Is (\S+) (prime|composite|a prime number|a composite number|a factor of .*)\?")
_ORDERS = re.compile(r"(.*\. )?((?:Calculate|Simplify|Sort|Convert|Round|Find|Solve|Express|Rearrange|Expand)\b.*)\.")
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


def in_other_words(question: str) -> Iterator[str]:
    if found := _ASKS.fullmatch(question):
        before, verb, rest = found[1] or "", found[2], found[3]
        yield f"{before}Could you tell me what {rest} {verb}?"
        yield f"{before}I need {rest}."
        yield f"{before}Please tell me {rest}"
    elif found := _WONDERS.fullmatch(question):
        yield f"{found[1] or ''}Could you tell me whether {found[2]} is {found[3]}?"
        yield f"{found[1] or ''}I wonder if {found[2]} is {found[3]}."
    elif found := _ORDERS.fullmatch(question):
        order = found[2][0].lower() + found[2][1:]
        yield f"{found[1] or ''}Could you {order}?"
        yield f"{found[1] or ''}I need you to {order}, please."


def test_a_question_in_other_words_is_the_same_question(rows: Rows) -> None:
    by_module: dict[str, list[dict[str, Any]]] = {}
    for row in rows("symbolic_interpolate.parquet"):
        by_module.setdefault(row["module"], []).append(row)
    some = [row["question"] for of_one in by_module.values() for row in random.Random(1).sample(of_one[200:], A_MODULE)]
    asked = {other: question for question in some for other in in_other_words(question)}
    answers = {question: answer(question) for question in some}
    assert len(asked) > 500
    assert not {other: answer(other) for other, question in asked.items() if answer(other) != answers[question]}


def test_prose_is_none_of_its_business(rows: Rows) -> None:
    prose = [row for row in rows("graded_dev.parquet") if row["family"] in PROSE]
    answered = [(row["question"], said) for row in prose if (said := answer(row["question"])) is not None]
    assert not answered
