import os
from pathlib import Path

import pytest

from rung.answers import grade

CHOICES = ["lions", "humans", "bunnies", "grass"]


def test_numbers() -> None:
    assert grade("She has 5 + 4 = 9 cats. So the answer is 9.", "9.0", "number")
    assert not grade("She has 5 + 4 = 9 cats. So the answer is 8.", "9.0", "number")
    assert not grade("I do not know.", "9", "number")


def test_letters() -> None:
    assert grade("The answer is C) bunnies", "C", "letter", CHOICES)
    assert grade("bunnies", "C", "letter", CHOICES)
    assert not grade("D", "C", "letter", CHOICES)
    assert not grade("lions and bunnies", "C", "letter", CHOICES)


def test_exact() -> None:
    assert grade("Yes, that is true.", "true", "exact", ["true", "false"])
    assert not grade("false", "true", "exact", ["true", "false"])
    assert grade("The intent is card_arrival.", "card_arrival", "exact", ["card_arrival", "card_linking"])
    assert grade("Date: 12/05/2018", "12/05/2018", "exact") or grade("12/05/2018", "12/05/2018", "exact")


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        (r"So we get $\boxed{\frac{x + 2}{7}}$.", r"\frac{x+2}{7}"),
        (r"The answer is $\dfrac{1}{2}$.", r"\frac12"),
        ("Thus the answer is 402.", "402"),
        (r"\boxed{x = 3}", "3"),
        (r"\boxed{12 \text{ inches}}", "12"),
        (r"\boxed{1,234}", "1234"),
        ("x + 1", "x+1"),
        (r"\(x^2\)", "x^2"),
        (r"\boxed{0.5}", r"\frac{1}{2}"),
        (r"Therefore $i^5 = \boxed{i}$", "i"),
        (r"\boxed{(3,\infty)}", r"(3, \infty)"),
        (r"\boxed{36^\circ}", "36"),
        (r"\boxed{\text{(B)}}", "B"),
        ("-3*a**2*b + 2*b", "-3*a**2*b + 2*b"),
        ("2*x^2 + x*2", "2x**2+x*2"),
        ("**Answer:** 2*(x - 1)**2", "2(x-1)^2"),
        ("So **f(x) = 3x^2**", "3*x**2"),
    ],
)
def test_symbolic(text: str, gold: str) -> None:
    assert grade(text, gold, "symbolic")


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        (r"\boxed{x+1}", "x-1"),
        (r"\boxed{2}", "3"),
        ("", "3"),
        (r"\boxed{(3,4)}", "(4,3)"),
        (r"\boxed{2\sqrt{3}}", "3"),
        (r"\boxed{3x}", "3"),
        ("2*3", "23"),
    ],
)
def test_not_symbolic(text: str, gold: str) -> None:
    assert not grade(text, gold, "symbolic")


def test_each_gold_is_right_when_boxed() -> None:
    """And the next item's gold is not, unless it says the same."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path = Path(os.environ.get("RUNG_DATA", "../shared/data")) / "graded_dev.parquet"
    if not path.exists():
        pytest.skip("RUNG_DATA has no graded data")
    rows = parquet.read_table(path).slice(0, 6000).to_pylist()[::10]
    frames = {
        "number": "So the answer is {}.",
        "letter": "Answer: {}",
        "exact": "{}",
        "symbolic": r"Thus $\boxed{{{}}}$.",
    }
    wrong = [
        row["id"]
        for row in rows
        if not grade(frames[row["grader"]].format(row["gold"]), row["gold"], row["grader"], row["choices"] or ())
    ]
    assert wrong == []
