"""Rounding, and numbers as fractions, decimals, percentages, powers of ten."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import number
from rung.reasoners.symbolic.operands import whole
from rung.reasoners.symbolic.render import approximate_text, decimal_text, rounded, rounded_text, terminates
from rung.reasoners.symbolic.scope import Child

MAX_PLACES: Final = 5_000


def nearest(value: Any, children: list[Child]) -> str:
    step = number(str(children[-1]))
    if step <= 0:
        raise NotUnderstood("rounding to what is no size")
    return decimal_text(rounded(value, step))


def decimals(value: Any, children: list[Child]) -> str:
    return decimal_text(rounded(value, Rational(1, 10 ** _places(children))))


def figures(value: Any, children: list[Child]) -> str:
    count = _places(children)
    if count < 1 or not (value.is_number and value.is_real):
        raise NotUnderstood("no figures")
    return rounded_text(value, count)


def _places(children: list[Child]) -> int:
    count = whole(number(next(str(child) for child in children if child.type == "NUM")))
    if count > MAX_PLACES:
        raise TooLarge("too many digits")
    return count


PRECISIONS: Final[Mapping[str, Callable[[Any, list[Child]], str]]] = {
    "nearest": nearest,
    "decimals": decimals,
    "figures": figures,
}


def as_fraction(value: Any) -> str:
    if not value.is_Rational or value.q == 1:
        raise NoAnswer("not a fraction")
    return str(value)


def as_decimal(value: Any) -> str:
    if not (value.is_number and value.is_real):
        raise NoAnswer("not a number")
    return decimal_text(value) if value.is_Rational and terminates(value) else approximate_text(value)


def as_percent(value: Any) -> str:
    return f"{as_decimal(value * 100)}%"


def as_scientific(value: Any) -> str:
    if not (value.is_Rational and terminates(value) and value != 0):
        raise NoAnswer("no short form")
    exponent = int(sympy.floor(sympy.log(abs(value), 10).evalf(30)))
    if abs(value) >= Rational(10) ** (exponent + 1):
        exponent += 1
    return f"{decimal_text(value / Rational(10) ** exponent)} × 10^{exponent}"  # noqa: RUF001


FORMS: Final[Mapping[str, Callable[[Any], str]]] = {
    "as_fraction": as_fraction,
    "as_decimal": as_decimal,
    "as_percent": as_percent,
    "as_scientific": as_scientific,
}
