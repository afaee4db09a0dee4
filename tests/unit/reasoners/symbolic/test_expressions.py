"""Random expressions, written out in the ways people write, come back with the value they had."""

from contextlib import suppress
from fractions import Fraction

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from rung.reasoners.symbolic.errors import NotSolved
from rung.reasoners.symbolic.numerals import number_in_words
from rung.reasoners.symbolic.render import decimal_text, rounded
from rung.reasoners.symbolic.solver import solve
from rung.reasoners.symbolic.vocabulary import ANYWHERE

Written = tuple[str, Fraction]

NUMBERS = st.integers(0, 999).map(lambda n: (str(n), Fraction(n))) | st.decimals(0, 99, places=2).map(
    lambda d: (str(d), Fraction(d))
)
SIGNS = {
    "+": ["+", " + ", " plus "],
    "-": ["-", " - ", " \u2212 ", " minus "],
    "*": ["*", " * ", " \u00d7 ", "·"],
    "/": ["/", " ÷ "],
}


def _joined(parts: tuple[Written, str, int, Written]) -> Written:
    (left, x), sign, way, (right, y) = parts
    value = {"+": lambda: x + y, "-": lambda: x - y, "*": lambda: x * y, "/": lambda: x / y if y else Fraction(0)}
    ways = SIGNS[sign][:3] if sign in "+-" else SIGNS[sign]
    return f"({left}){ways[way % len(ways)]}({right})", value[sign]() if sign != "/" or y else Fraction(-1)


EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), st.integers(0, 9), inner).map(_joined)
        | inner.map(lambda one: (f"-({one[0]})", -one[1]))
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_an_expression_keeps_its_value(written: Written) -> None:
    text, value = written
    try:
        answer = solve(f"Calculate {text}.")
    except NotSolved:
        assume(False)  # a division by zero inside, or nothing but a number
    shown = Fraction(answer)
    assert shown == value or abs(shown - value) <= abs(value) / 10**11


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=4), st.integers(-20, 20))
def test_a_polynomial_has_its_value(coefficients: list[int], at: int) -> None:
    body = " + ".join(f"{c}*x**{k}" if k else str(c) for k, c in enumerate(coefficients)).replace("+ -", "- ")
    value = sum(c * at**k for k, c in enumerate(coefficients))
    assert solve(f"Let f(x) = {body}. What is f({at})?") == str(value)
    assert solve(f"Evaluate {body} at x = {at}.") == str(value)


@given(st.lists(st.integers(-12, 12), min_size=2, max_size=3, unique=True), st.integers(1, 9))
def test_roots_are_found_again(roots: list[int], lead: int) -> None:
    product = f"{lead}*" + "*".join(f"(t - {root})" for root in roots)
    assert solve(f"Solve {product} = 0 for t.") == ", ".join(str(root) for root in sorted(roots))


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 9), st.integers(1, 9))
def test_a_system_gives_back_its_solution(x: int, y: int, a: int, b: int) -> None:
    assume(a != b)
    question = f"Solve {a}*x + {b}*y = {a * x + b * y}, {b}*x + {a}*y = {b * x + a * y} for x."
    assert solve(question) == str(x)


ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()  # noqa: SIM905
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905


def said(n: int) -> str:
    if n < len(ONES):
        return ONES[n]
    if n < 100:
        return TENS[n // 10 - 2] + (f"-{ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{said(n // 100)} hundred" + (f" and {said(n % 100)}" if n % 100 else "")
    return f"{said(n // 1000)} thousand" + (f" {said(n % 1000)}" if n % 1000 else "")


@given(st.integers(0, 15) | st.integers(20, 999_999))
def test_numbers_in_words_are_read(n: int) -> None:
    assume(not 15 < n % 100 < 20 and not 15 < (n // 1000) % 100 < 20)
    words = said(n).split()
    assert number_in_words(words) == (len(words), n)


@given(st.fractions(-10_000, 10_000, max_denominator=10**6), st.integers(0, 6))
def test_rounding_is_to_the_nearest(value: Fraction, places: int) -> None:
    step = sympy.Rational(1, 10**places)
    result = rounded(sympy.Rational(value.numerator, value.denominator), step)
    assert abs(Fraction(int(result.p), int(result.q)) - value) * 2 <= Fraction(1, 10**places)
    assert Fraction(decimal_text(result)) == Fraction(int(result.p), int(result.q))


@given(st.text(max_size=60) | st.text("0123456789+-*/^()=., xyabif what is the solve of", max_size=60))
def test_any_text_is_answered_or_declined(text: str) -> None:
    with suppress(NotSolved):
        assert solve(text)


PIECES = st.sampled_from([
    *(" ".join(words) for words in ANYWHERE.phrases), *"xyie0123456789+-*/^()[]{},.?:;=<>%!|",
    "[1, 2]", "[[1, 2], [3, 4]]", "x^2", "10:30 PM", "3 May 2024", "Monday", "5 km", "2 h", "USD", "infinity", "1/0",
    "2.5", "UTC+2",
    "February 2024",
])  # fmt: skip


@given(st.lists(PIECES, max_size=12))
def test_any_words_of_its_own_are_answered_or_declined(pieces: list[str]) -> None:
    with suppress(NotSolved, sympy.PolynomialError, NotImplementedError, ArithmeticError):
        assert solve(" ".join(pieces))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("-3^2 + 1", "-8"),
        ("2^3^2", "512"),
        ("2^-3 + 0", "1/8"),
        ("3!*2", "12"),
        ("1 + 2 * 3 ^ 2", "19"),
        ("2(3+4)", "14"),
        ("-5 - -3", "-2"),
        ("12/4*3", "9"),
    ],
)
def test_signs_bind_as_usual(text: str, answer: str) -> None:
    assert solve(text) == answer
