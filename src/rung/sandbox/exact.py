"""Exact numbers of a bounded size, and what may be done with them: the arithmetic of `program`."""

import ast
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

# Of a numerator or a denominator: 600 digits are more than any answer has.
MOST_BITS: Final = 2048
MOST_PLACES: Final = 30
MOST_FACTORS: Final = 300

Number = int | Fraction | float


class Wrong(Exception):
    """The program is not of its language, or went wrong; the text says so to whoever wrote it."""


def exact(value: float) -> int | Fraction | None:
    """A number as it was written; None for infinity."""
    if isinstance(value, int):
        return value
    return Fraction(repr(value)) if math.isfinite(value) else None


def number(value: Any) -> Number:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int | Fraction | float):
        raise Wrong("a number is wanted here")
    return value


def bounded(value: Any) -> Number:
    """`value` if it is a number of a sane size; whole fractions become integers, those with too many digits floats."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Wrong("a number too large")
        return value
    if isinstance(value, Fraction):
        if value.denominator == 1:
            value = value.numerator
        elif max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
            return _float(value)
    if not isinstance(value, int | Fraction):
        raise Wrong("a number that is not real")
    if value.numerator.bit_length() > MOST_BITS:
        raise Wrong("a number too large")
    return value


def _float(value: Fraction) -> float:
    if value and not float(value):
        raise Wrong("a number too small")
    return float(value)


def _divided(left: Number, right: Number) -> Number:
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    return Fraction(left) / right


def power(base: Number, exponent: Number) -> Any:
    if isinstance(exponent, int) and not isinstance(base, float):
        if max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent) <= MOST_BITS:
            return Fraction(base) ** exponent
    elif exponent == Fraction(1, 2):
        return root(base)
    value = float(base) ** float(exponent)
    if not value and base:
        raise Wrong("a number too small")
    return value


def root(value: Number) -> Number:
    if value < 0:
        raise Wrong("the root of a negative number")
    if not isinstance(value, float):
        whole = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
        if whole * whole == value:
            return whole
    return math.sqrt(value)


OPERATORS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _divided,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: power,
}
COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


def rounded(value: Any, places: Any = None) -> Any:
    if places is None:
        return round(number(value))
    if not isinstance(places, int) or abs(places) > MOST_PLACES:
        raise Wrong("rounding to so many places")
    return round(number(value), places)


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*map(number, values))


def _of_integers(function: Callable[..., int], most: int | None = None) -> Callable[..., int]:
    def check(*values: Any) -> int:
        whole = [int(number(value)) for value in values]
        if any(value != given for value, given in zip(whole, values, strict=True)):
            raise Wrong("an integer is wanted here")
        if most is not None and any(abs(value) > most for value in whole):
            raise Wrong("a number too large")
        return function(*whole)

    return check


def _of_floats(function: Callable[..., float]) -> Callable[..., float]:
    return lambda *values: function(*(float(number(value)) for value in values))


MATHS: Final[Mapping[str, Any]] = {
    "pi": math.pi,
    "e": math.e,
    "sqrt": _of_numbers(root),
    "ceil": _of_numbers(math.ceil),
    "floor": _of_numbers(math.floor),
    "trunc": _of_numbers(math.trunc),
    "fabs": _of_numbers(abs),
    "pow": _of_numbers(power),
    "gcd": _of_integers(math.gcd),
    "lcm": _of_integers(math.lcm),
    "factorial": _of_integers(math.factorial, MOST_FACTORS),
    "comb": _of_integers(math.comb, MOST_FACTORS),
    "perm": _of_integers(math.perm, MOST_FACTORS),
    **{
        name: _of_floats(getattr(math, name))
        for name in ("log", "log2", "log10", "exp", "hypot", "sin", "cos", "tan", "asin", "acos", "atan")
    },
    "radians": _of_floats(math.radians),
    "degrees": _of_floats(math.degrees),
}
