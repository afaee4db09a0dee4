"""The lines of a working are true, and end in the answer. `conftest` reads them by means of its own."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from rung.reasoners.symbolic.solver import solved

A_MODULE = 3
Read = Callable[[tuple[str, ...]], list[list[Any]]]

WORKED = {
    "What is 15% of 80?": "15% of 80 = 15/100 * 80 = 12",
    "(3+4)*2 - 5": "(3 + 4) * 2 - 5 = 7 * 2 - 5 = 14 - 5 = 9",
    "two hundred and five times three": "205 * 3 = 615",
    "what is 30% off 50": "30% off 50 = 50 * (1 - 30/100) = 35",
    "Solve 2x + 3 = 9 for x.": "2*x + 3 = 9\nCollected: 2*x = 6\nDivide by 2: x = 3",
    "solve x+y=5 and x-y=1": (
        "x + y = 5\nx - y = 1\n(1) x + y = 5\n(2) x - y = 1\n(2) - (1): -2*y = -4\n(2) / (-2): y = 2\n"
        "(1) - (2): x = 3\nAnswer: x = 3, y = 2"
    ),
    "solve x^2-5x+6=0": (
        "x^2 - 5*x + 6 = 0\nFactor: (x - 2) * (x - 3) = 0\nx - 2 = 0, so x = 2\nx - 3 = 0, so x = 3\nAnswer: 2, 3"
    ),
    "Let f(x) = x^2 - 3*x. What is f(3)?": "f(x) = x^2 - 3*x\nf(3) = 3^2 - 3*3 = 0",
    "factor 3x^2 - 12": (
        "3*x^2 - 12 = 3*(x^2 - 4)\nx = 2 makes it 0, so x - 2 is a factor\nx = -2 makes it 0, so x + 2 is a factor\n"
        "3*x^2 - 12 = 3*(x - 2)*(x + 2)"
    ),
    "Expand (x+1)*(x-2).": "(x + 1)*(x - 2) = x**2 - 2*x + x - 2 = x**2 - x - 2",
    "What is 2x + 3x?": "x: 2 + 3 = 5\n2*x + 3*x = 5*x",
    "derivative of x^3 + 2x": "d/dx x^3 = 3*x^2\nd/dx 2*x = 2\nd/dx (x^3 + 2*x) = 3*x^2 + 2",
    "integral of x^2 from 0 to 3": (
        "∫ x^2 dx = x^3/3\nCheck: d/dx (x^3/3) = x^2\nF(x) = x^3/3\nF(3) - F(0) = 9 - 0 = 9"
    ),
    "gcd of 48 and 18": "48 = 2*18 + 12\n18 = 1*12 + 6\n12 = 2*6 + 0\n"
    "The last divisor is the greatest of both: gcd(48, 18) = 6",
    "is 91 prime?": "91 = 7 * 13, so it is not prime\nAnswer: False",
    "mean of 1, 2, 3, 4": "(1 + 2 + 3 + 4)/4 = 10/4 = 2.5",
    "convert 5 miles to km": "1 mile = 1.609344 kilometers\n5 * 1.609344 = 8.04672\nAnswer: 8.04672 km",
    "what is 98.6°F in celsius": "(98.6 - 32) * 5/9 = 37\nAnswer: 37 °C",
    "how many days from 30 January 2024 to 2 March 2024": (
        "rest of January 2024: 2 days\nFebruary 2024: 29 days\nMarch 2024: 1 days\n2 + 29 + 1 = 32"
    ),
    "What is 22 minutes after 11:50 PM?": (
        "11:50 PM is 23:50\n23:50 + 0:22 = 24:12\nLess 1*24:00: 00:12\nAnswer: 12:12 AM"
    ),
    "What is the mean of x and y?": "(x + y)/2 = x/2 + y/2",
    "What is the square of 2^x?": "(2^x)^2 = 2^(2*x)",
    "what is 0xff in decimal": "ff (base 16) = 15*16 + 15 = 255",
    "Round 1234 to 2 significant figures.": ("1234 lies between 1200 and 1300; it is nearer to 1200\nAnswer: 1200"),
    # nothing to be worked out: how it was read, and the result
    "-52553 divided by 47": "Read as: -52553/47\nAnswer: -52553/47",
    "2^9999": "Read as: 2^9999",
}


@pytest.mark.parametrize(("question", "steps"), WORKED.items())
def test_the_way_is_shown(question: str, steps: str) -> None:
    assert "\n".join(solved(question).steps) == steps


def test_a_line_that_is_wrong_is_found(untrue: Read) -> None:
    assert untrue(("2 + 2 = 5",))
    assert untrue(("2*x = 6", "x = 2"))
    assert untrue(("(x + 1)*(x - 2) = x**2 - x - 3",))
    assert not untrue(("2*x = 6", "Divide by 2: x = 3"))


def test_of_each_module_all_lines_are_true_and_end_in_the_answer(
    rows: Callable[[str], list[dict[str, Any]]], chains: Read, untrue: Read
) -> None:
    by_module: dict[str, list[str]] = {}
    for row in rows("symbolic_interpolate.parquet"):
        by_module.setdefault(row["module"], []).append(row["question"])
    compared = 0
    for questions in by_module.values():
        for question in random.Random(0).sample(questions[-200:], A_MODULE):
            found = solved(question)
            assert untrue(found.steps) == [], question
            assert found.steps[-1].endswith(found.answer), question
            assert found.steps != (f"Answer: {found.answer}",), question
            compared += sum(len(chain) > 1 for chain in chains(found.steps))
    assert compared > 3 * A_MODULE * len(by_module) / 2


def test_a_working_stays_readable() -> None:
    found = solved("what is " + " + ".join(["12345678901234567890"] * 60))
    assert found.answer == str(12345678901234567890 * 60)
    assert all(len(line) <= 400 for line in "\n".join(found.steps).split("\n"))


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("Solve 2x + 3 = 9.", False),
        ("Solve 2x + 3 = 9. Show your work.", True),
        ("Solve 2x + 3 = 9 step by step", True),
        ("How do I solve 2x + 3 = 9?", True),
        ("Solve 2x + 3 = 9\nExplain step by step.", True),
        ("Solve 2x + 3 = 9. No explanation needed.", False),
    ],
)
def test_who_asks_for_the_way_is_told_it(question: str, shown: bool) -> None:
    found = solved(question)
    assert (found.answer, found.shown) == ("3", shown)
    assert not shown or found.steps[-1] == "Answer: 3"
