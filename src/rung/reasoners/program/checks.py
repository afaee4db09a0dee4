"""What can be told of a program and its answer without knowing the right one. Pure."""

import re
from fractions import Fraction
from textwrap import dedent
from typing import Final

from msgspec import Struct

from rung.answers.numerals import WORD_NUMBER, numbers_in, plain, spelt_value, written
from rung.sandbox import Ran

# No word problem's answer is larger, and none but zero is smaller.
LARGEST: Final = Fraction(10**12)
LEAST: Final = Fraction(1, 10**9)
_DIGITS: Final = 10
_FENCED = re.compile(r"```[ \t]*(?:python3?|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_SETS = re.compile(r"\banswer\s*=(?!=)")
_IMPORTS = re.compile(r"^(?:import math|from math import .*)$\n?", re.MULTILINE)
_COUNTED = re.compile(r"\bhow (?:many|much|old|far|long|tall|fast|heavy|big|large)\b", re.IGNORECASE)


class Checked(Struct, frozen=True, kw_only=True):
    """A program's answer, as text, or `wrong`, which says what is wrong with it to whoever wrote it. `unused` counts
    the numbers that the question gives and the program does not use."""

    answer: str = ""
    wrong: str = ""
    unused: int = 0


def program_in(text: str) -> str:
    """The program in what a model wrote: its last fenced block that sets an answer, or all up to a fence. `math` needs
    no import."""
    text = text.replace("\r\n", "\n")
    blocks = (block for block in reversed(_FENCED.findall(text)) if _SETS.search(block))
    return _IMPORTS.sub("", dedent(next(blocks, text.partition("```")[0]))).strip()


def checked(ran: Ran, question: str) -> Checked:
    if ran.error:
        return Checked(wrong=ran.error)
    value = Fraction(ran.answer)
    if abs(value) > LARGEST or 0 < abs(value) < LEAST:
        return Checked(wrong="the answer is out of all proportion")
    if value < 0 and _COUNTED.search(question):
        return Checked(wrong="the answer comes out negative")
    given, literals = given_in(question), {Fraction(one) for one in ran.literals}
    unused = [number for number in given if not _forms(number) & literals]
    if given and len(unused) == len(given):
        return Checked(wrong="it uses none of the numbers that are given")
    return Checked(answer=shown(value), unused=len(unused))


def given_in(question: str) -> list[Fraction]:
    """Every number that a question gives, in digits or in words; "one" is more often a word than a number."""
    text = plain(question)
    spelt = (spelt_value(match[0]) for match in WORD_NUMBER.finditer(text))
    return [*numbers_in(text), *(Fraction(value) for value in spelt if value > 1)]


def _forms(number: Fraction) -> set[Fraction]:
    """As what a number may stand in a program: itself, without its sign, or a percentage as a share, added to or taken
    from the whole."""
    share = number / 100
    return {number, -number, share, 1 + share, 1 - share}


def shown(value: Fraction) -> str:
    """Exact where a short decimal is; else to ten figures."""
    exact = written(value)
    return exact if "/" not in exact and len(exact) <= 2 * _DIGITS else f"{float(value):.{_DIGITS}g}"
