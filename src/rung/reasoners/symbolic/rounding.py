"""Rounding, and numbers as fractions, decimals, percentages, powers of ten."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Integer, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import number
from rung.reasoners.symbolic.numbers import in_roman
from rung.reasoners.symbolic.operands import whole
from rung.reasoners.symbolic.render import approximate_text, decimal_text, figure_step, rounded, terminates
from rung.reasoners.symbolic.scope import Child, Scope
from rung.reasoners.symbolic.steps import order as explain

MAX_PLACES: Final = 5_000


def nearest(scope: Scope, value: Any, children: list[Child]) -> str:
    step = number(str(children[-1]))
    if step <= 0:
        raise NotUnderstood("rounding to what is no size")
    return _to(scope, value, step)


def nearest_integer(scope: Scope, value: Any, _: list[Child]) -> str:
    """Of one half there are two, while who asks to round it has a usual answer."""
    if 2 * abs(value - rounded(value, Integer(1))) == 1:
        raise NoAnswer("two are equally close")
    return _to(scope, value, Integer(1))


def decimals(scope: Scope, value: Any, children: list[Child]) -> str:
    return _to(scope, value, Rational(1, 10 ** _places(children)))


def _to(scope: Scope, value: Any, step: Rational) -> str:
    result = rounded(value, step)
    explain.nearest(scope.steps, value, step, result)
    return decimal_text(result)


def figures(scope: Scope, value: Any, children: list[Child]) -> str:
    count = _places(children)
    if count < 1 or not (value.is_number and value.is_real):
        raise NotUnderstood("no figures")
    if value == 0:
        return "0"
    return _to(scope, value, figure_step(value, count))


def _places(children: list[Child]) -> int:
    count = whole(number(next(str(child) for child in children if child.type == "NUM")))
    if count > MAX_PLACES:
        raise TooLarge("too many digits")
    return count


PRECISIONS: Final[Mapping[str, Callable[[Scope, Any, list[Child]], str]]] = {
    "nearest": nearest,
    "nearest_integer": nearest_integer,
    "decimals": decimals,
    "figures": figures,
}


def as_fraction(scope: Scope, value: Any) -> str:
    if not value.is_Rational or value.q == 1:
        raise NoAnswer("not a fraction")
    explain.as_fraction(scope.steps, value)
    return str(value)


def as_decimal(value: Any) -> str:
    if not (value.is_number and value.is_real):
        raise NoAnswer("not a number")
    return decimal_text(value) if value.is_Rational and terminates(value) else approximate_text(value)


def as_percent(value: Any) -> str:
    return f"{as_decimal(value * 100)}%"


def _as_percent(scope: Scope, value: Any) -> str:
    result = as_percent(value)
    scope.say("{} * 100% = {}%", value, value * 100)
    return result


def as_scientific(value: Any) -> str:
    if not (value.is_Rational and terminates(value) and value != 0):
        raise NoAnswer("no short form")
    exponent = int(sympy.floor(sympy.log(abs(value), 10).evalf(30)))
    if abs(value) >= Rational(10) ** (exponent + 1):
        exponent += 1
    return f"{decimal_text(value / Rational(10) ** exponent)} × 10^{exponent}"  # noqa: RUF001


FORMS: Final[Mapping[str, Callable[[Scope, Any], str]]] = {
    "as_fraction": as_fraction,
    "as_decimal": lambda scope, value: as_decimal(value),
    "as_percent": _as_percent,
    "as_roman": in_roman,
    "as_scientific": lambda scope, value: as_scientific(value),
}
