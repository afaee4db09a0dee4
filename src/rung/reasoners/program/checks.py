"""What can be told of a program and its answer without knowing the right one. Pure."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from msgspec import Struct

from rung.answers.numerals import WORD_NUMBER, numbers_in, plain, spelt_value, written
from rung.sandbox import Ran

# No word problem's answer is larger, and none but zero is smaller.
LARGEST: Final = Fraction(10**12)
LEAST: Final = Fraction(1, 10**9)
# Numbers that need not stand in a question to be used.
COMMON: Final = frozenset(map(Fraction, (0, 1, 2, 3, 4, 7, 10, 12, 24, 30, 52, 60, 100, 365, 1000)))
_DIGITS: Final = 10
_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_IMPORTS = re.compile(r"^(?:import math|from math import .*)$\n?", re.MULTILINE)
_COUNTED = re.compile(r"\bhow (?:many|much|old|far|long|tall|fast|heavy|big|large)\b", re.IGNORECASE)


class Checked(Struct, frozen=True, kw_only=True):
    """A program's answer, as text, and signals for its verdict; or `wrong`, which says what is wrong with it, to
    whoever wrote it."""

    answer: str = ""
    wrong: str = ""
    signals: Mapping[str, float] = {}


def program_in(text: str) -> str:
    """The program in what a model wrote: its last fenced block, or all of it. `math` needs no import."""
    blocks = _FENCED.findall(text)
    return _IMPORTS.sub("", blocks[-1] if blocks else text).strip()


def checked(ran: Ran, question: str) -> Checked:
    if ran.error:
        return Checked(wrong=ran.error)
    value = Fraction(ran.answer)
    given, literals = given_in(question), [Fraction(one) for one in ran.literals]
    if abs(value) > LARGEST or 0 < abs(value) < LEAST:
        return Checked(wrong="the answer is out of all proportion")
    if value < 0 and _COUNTED.search(question):
        return Checked(wrong="the answer comes out negative")
    if given and not set(given) & set(literals):
        return Checked(wrong="it uses none of the numbers that are given")
    unused = sum(one not in literals for one in given)
    made_up = sum(one not in given and one not in COMMON for one in literals)
    signals = {"unused_numbers": float(unused), "made_up_numbers": float(made_up), "idle_names": float(len(ran.idle))}
    return Checked(answer=shown(value), signals=signals)


def given_in(question: str) -> list[Fraction]:
    """Every number that a question gives, in digits or in words."""
    text = plain(question)
    return [*numbers_in(text), *(Fraction(spelt_value(m[0])) for m in WORD_NUMBER.finditer(text))]


def shown(value: Fraction) -> str:
    """Exact where a short decimal is; else to ten figures."""
    exact = written(value)
    return exact if "/" not in exact and len(exact) <= 2 * _DIGITS else f"{float(value):.{_DIGITS}g}"
