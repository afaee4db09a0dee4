from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung.verdicts.arithmetic import Claim, read


def _claims(text: str) -> list[Claim]:
    return list(read(text).claims)


@pytest.mark.parametrize(
    "text",
    [
        "12 * 3 = 36",
        "5 apples + 7 apples = 12 apples",
        "So she pays $18/3 = $6 each.",
        "1 + 2 + 3 = 6",
        "- 3 + 4 = 7",
        "  - $3 + $4 = $7",
        "-3 + 4 = 1",
        "2**-1 = 0.5",
        "5 x 3 = 15",
        "20% of 50 = 10",
        "10/50 = 20%",
        "10/3 = 3.33",
        "2 hours * $10/hour = $20",
        r"\[ \frac{18}{3} = 6 \]",
        r"\( 3 \times 4 = 12 \) dollars",
        r"3 \text{ dollars} + 4 \text{ dollars} = 7 \text{ dollars}",
        "1,000 + 234 = 1,234",
        "2^10 = 1024",
        "**5 + 6 = 11**",
        "(3)(4) = 12",
        "Step 1: 3 plus 4 equals 7",
        "3 eggs per day * 7 days = 21 eggs",
        "She has 5 and 3 + 4 = 7",
        r"\frac{6000 \text{ pounds}}{2 \text{ pounds per pillow}} = 3000 \text{ pillows}",
        r"\[ \frac{600 \, \text{ml}}{150 \, \text{ml/serving}} = 4 \, \text{serving} \]",
        r"\dfrac{3 + 5}{4} = 2",
        r"\text{Cost} = 3 \times \frac{10}{4} = 7.5",
        "2 million * 3 = 6,000,000",
        "1.5 million + 1 million = 2.5 million people",
        "1,234,000 / 1 = 1.23 million",
        "25 cents + 30 cents = 55 cents",
        "120 miles / 2 hours = 60 miles/hour",
        "3 hours * 60 = 180 minutes",
        "60 minutes/hour * 2 hours = 120 minutes",
        "7 days/week * 4 weeks = 28 days",
        "5 cents * 10 = 50 cents",
        "5 feet + 1 foot = 6 feet",
        "60 min + 30 minutes = 90 mins",
        "28 days / 7 days/week = 4 weeks",
        "75 cents / 25 cents = 3",
    ],
)
def test_true_claims_hold(text: str) -> None:
    assert [claim.holds for claim in _claims(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "5 \u00d7 3 = 16 apples",
        "16 - 3 - 4 = 8 eggs",
        "10/3 = 3.35",
        "2/3 * 9 = 7",
        r"\frac{\frac{1}{2} + 1}{3} = 4",
        "9.46 + 9.56 = 18.02",
    ],
)
def test_false_claims_do_not(text: str) -> None:
    assert [claim.holds for claim in _claims(text)] == [False]


@pytest.mark.parametrize(
    "text",
    [
        "x + 5 = 12",
        "3:00 + 2 = 5:00",
        "2x = 10",
        "4 + 5 - x = 3",
        "f(3) = 9",
        "y = 3",
        "a - 3 + 4 = 9",
        "7 / 2 = 3 remainder 1",
        "1 / 0 = 5",
        "100 - 25% = 75",
        "12 = 12",
        r"\sqrt{16} + 5 = 9",
        r"\frac{x + 1}{3} = 4",
        "2 hours + 30 minutes = 150 minutes",
        "1 hour + 2 hours + 30 minutes = 210 minutes",
        "3 feet + 2 inches = 38 inches",
        "$3 + 50 cents = $3.50",
        "3 dozen + 2 = 38",
        "10 am + 5 hours = 3 pm.",
        "2 hours * 2 hours = 240 minutes",
        "50 cents * 3 = $1.50",
        "1 hour / 5 minutes = 12",
        "sqrt(9) + 1 = 4",
        "log(100) + 1 = 3",
        "1/2 of 10 + 2 = 7",
    ],
)
def test_what_is_not_read_whole_is_no_claim(text: str) -> None:
    assert _claims(text) == []


def test_results_are_what_the_words_after_them_say() -> None:
    assert read("3 million + 2 million = 5 million").results == (5_000_000,)


def test_code_claims_nothing() -> None:
    assert read("```python\nx = 0\ny = 3 * 4 = 13\n```\n3 * 4 = 12").results == (12,)
    assert read("```python\n3 + 4 = 8").claims == ()


def test_each_link_of_a_chain_is_a_claim() -> None:
    assert [claim.holds for claim in _claims("2*(3+4) = 2*7 = 15")] == [True, False]
    assert read("2*(3+4) = 2*7 = 15").results == (14, 15)


@settings(deadline=None)
@given(
    st.integers(-999, 999),
    st.sampled_from("+-*/"),
    st.integers(1, 999),
    st.sampled_from(["", " apples", " dollars each"]),
)
def test_agrees_with_exact_fractions(a: int, sign: str, b: int, unit: str) -> None:
    right = {"+": Fraction(a + b), "-": Fraction(a - b), "*": Fraction(a * b), "/": Fraction(a, b)}[sign]
    said = str(right)
    (claim,) = _claims(
        f"Then {a}{unit} {sign} {b}{unit} = {said}{unit}" if a >= 0 else f"Then: {a} {sign} {b} = {said}"
    )
    assert claim.holds
    assert claim.computed == right


@settings(deadline=None)
@given(st.text(alphabet="0123456789+-*/^=()%$., x\\{}apls\n", max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    _claims(text)


@pytest.mark.parametrize("piece", ["(", "1+", "=1", "1 x ", "9", "-", " a", "2^64", "1/", "=", "\\frac{1}{2}"])
def test_long_texts_are_bounded(piece: str) -> None:
    assert len(_claims(piece * 50_000 + "= 2")) <= 200
