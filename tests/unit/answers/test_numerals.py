from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.answers.numerals import as_number, distinct_numbers_in, numbers_in, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1½", Fraction(3, 2)),
        ("-2 ½ kg", Fraction(-5, 2)),
        ("½", Fraction(1, 2)),
        ("-⅝", Fraction(-5, 8)),
        ("$3¾", Fraction(15, 4)),
        ("negative 5", Fraction(-5)),
        ("minus 2.5 °C", Fraction(-5, 2)),
        ("minus five", Fraction(-5)),
        ("negative twenty-one", Fraction(-21)),
    ],
)
def test_what_a_number_is_worth(text: str, value: Fraction) -> None:
    assert as_number(text) == value


def test_a_minus_between_two_numbers_is_no_sign() -> None:
    assert numbers_in(plain("7 minus 5 is 2")) == [7, 5, 2]
    assert numbers_in(plain("it is minus 5")) == [-5]
    assert numbers_in(plain("a non-negative 5")) == [5]


PIECES = (
    "1",
    "12",
    "1,234",
    "0.5",
    "3/4",
    " 1 1/2",
    "-",
    "+",
    " million",
    "k",
    " ",
    "%",
    "$",
    "(",
    "e5",
    "^2",
    ".",
    ",",
    "a",
    "\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_distinct_numbers_are_those_that_are_there(text):
    assert distinct_numbers_in(plain(text)) == set(numbers_in(plain(text)))
