"""Whether two short answers say the same."""

import re
from fractions import Fraction

from rung.answers.latex import simplified
from rung.answers.numerals import as_number
from rung.answers.units import UNITS

RELATIVE_TOLERANCE = Fraction(1, 10**6)
_POLARITY = {"true": "yes", "false": "no", "y": "yes", "n": "no"}
# A word for what a number counts; one that is no unit is taken for a word about the same.
_UNIT = re.compile(r"[^\W\d_]+(?:\^[23]|[²³])?|[$€%]")
_PUNCTUATION = re.compile(r"[\s\"'`*_.,;:!?()\[\]{}]+")


def same(a: str, b: str) -> bool:
    """Numbers: equal, decimals within 1e-6 of their size, and not of two units; expressions: alike once LaTeX's
    liberties are taken out; words: alike without case, space and punctuation; yes is true and no is false."""
    if a.strip() == b.strip():
        return True
    value_a, value_b = as_number(a), as_number(b)
    if value_a is not None and value_b is not None:
        return close(value_a, value_b) and not _apart(_unit(a), _unit(b))
    if value_a is None and value_b is None and _words(a) and _words(a) == _words(b):
        return True
    return "".join(simplified(a).split()) == "".join(simplified(b).split()) != ""


def _unit(text: str) -> str:
    """What a number counts, if that is one unit and nothing else."""
    words = _UNIT.findall(text.casefold())
    return UNITS.get(words[0], "") if len(words) == 1 else ""


def _apart(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def close(a: Fraction, b: Fraction) -> bool:
    """Equal, or within the tolerance when one of them is no integer."""
    if a.denominator == b.denominator == 1:
        return a == b
    return abs(a - b) <= RELATIVE_TOLERANCE * max(abs(a), abs(b))


def _words(text: str) -> str:
    # signs between numbers carry meaning: an expression is no list of words
    if re.search(r"[\\^=+/<>|]|\d", text):
        return ""
    words = _PUNCTUATION.sub(" ", text).strip().casefold()
    return _POLARITY.get(words, words)
