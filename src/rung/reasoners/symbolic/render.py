"""Results -> the text of an answer."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import sympy
from sympy import Expr, Integer, Rational

from rung.answers.numerals import decimal_digits, decimal_places
from rung.reasoners.symbolic.errors import NoAnswer, TooLarge
from rung.reasoners.symbolic.sizes import MAX_BITS, bits

Notation = Literal["stars", "caret", "latex"]

APPROXIMATE_FIGURES = 12
_NAMES = {r"\blog\(": "ln(", r"\bE\b": "e", r"\bI\b": "i", r"\bexp\(": "e**(", r"\boo\b": "infinity"}


def notation_of(text: str) -> Notation:
    """How the question writes its powers: an answer follows."""
    if "$" in text or "\\" in text:
        return "latex"
    return "caret" if "^" in text and "**" not in text else "stars"


def rendered(result: Any, decimal: bool = False, notation: Notation = "stars") -> str:
    """Numbers exactly, `decimal` ones as decimals; several results with commas; expressions in the notation asked."""
    if isinstance(result, str):
        return result.replace("**", "^") if notation == "caret" else result
    if isinstance(result, bool):
        return str(result)
    if isinstance(result, sympy.MatrixBase):
        return "[" + ", ".join("[" + rendered(row, decimal, notation) + "]" for row in result.tolist()) + "]"
    if isinstance(result, Sequence | sympy.Tuple):
        return ", ".join(rendered(one, decimal, notation) for one in result)
    if isinstance(result, Rational):
        return number_text(result, decimal)
    return _expression_text(result, notation)


def number_text(value: Rational, decimal: bool) -> str:
    if bits(value) > MAX_BITS:
        raise TooLarge("a number with too many digits")
    if decimal and value.q != 1:
        return decimal_text(value) if terminates(value) else approximate_text(value)
    return str(value)


def _expression_text(value: Expr, notation: Notation) -> str:
    if not isinstance(value, Expr) or value.has(sympy.zoo, sympy.nan, sympy.Derivative, sympy.Integral, sympy.Limit):
        raise NoAnswer("no closed form")
    if any(bits(n) > MAX_BITS for n in value.atoms(Rational)) or value.count_ops() > 5_000:
        raise TooLarge("an answer too long")
    if notation == "latex":
        return str(sympy.latex(value, ln_notation=True))
    return symbolic_text(value).replace("**", "^" if notation == "caret" else "**")


def symbolic_text(value: Expr) -> str:
    """SymPy's notation, with the names that people use."""
    text = str(value)
    for pattern, name in _NAMES.items():
        text = re.sub(pattern, name, text)
    return text


def terminates(value: Rational) -> bool:
    """Whether its decimal expansion ends."""
    return decimal_places(int(value.q)) is not None


def decimal_text(value: Rational) -> str:
    """All digits of a decimal that ends, without an exponent."""
    return decimal_digits(int(value.p), int(value.q), decimal_places(int(value.q)) or 0)


def approximate_text(value: Expr) -> str:
    """A number that has no short exact form: at least twelve figures, and always some behind the point."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return decimal_text(rounded(value, figure_step(value, max(APPROXIMATE_FIGURES, whole + 6)))) if value != 0 else "0"


def rounded(value: Expr, step: Rational) -> Rational:
    """The nearest multiple of the step, halves away from zero. Raises NoAnswer for what is no real number."""
    if not (isinstance(value, Expr) and value.is_number and value.is_real):
        raise NoAnswer("rounding what is no number")
    if value.is_Rational:
        scaled = Fraction(int(value.p), int(value.q)) / Fraction(int(step.p), int(step.q))
        whole = int(abs(scaled) + Fraction(1, 2))
        return Integer(whole if scaled >= 0 else -whole) * step
    # an irrational number is never half way, so enough digits decide
    size = max(0, int(sympy.log(abs(value) / step, 10).evalf(5)) if value != 0 else 0)
    if size > 20_000:
        raise TooLarge("too many digits")
    near = (value / step).evalf(size + 25)
    return Integer(sympy.floor(near + Rational(1, 2))) * step


def figure_step(value: Expr, figures: int) -> Rational:
    """What the last of so many significant figures of a number counts. The number is not zero."""
    exponent = int(sympy.floor(sympy.log(abs(value), 10).evalf(30)))
    return Rational(10) ** (exponent - figures + 1)
