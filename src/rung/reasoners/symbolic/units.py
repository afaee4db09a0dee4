"""Quantities: a number and a unit, and how both are written."""

import re
from fractions import Fraction
from functools import cache
from typing import Any, Final, NamedTuple

import pint
from sympy import Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import SUMS, build
from rung.reasoners.symbolic.render import approximate_text, decimal_text, terminates
from rung.reasoners.symbolic.scope import Node, Scope, nodes
from rung.reasoners.symbolic.sizes import bits
from rung.reasoners.symbolic.unit_names import CALENDAR_MONTHS, CURRENCIES, DOLLAR_SIGN, SYMBOLS

SHORT_TIMES: Final = ("second", "minute", "hour")
_PLURALS: Final = {
    "foot": "feet", "inch": "inches", "century": "centuries", "millennium": "millennia", "stone": "stone",
    "degC": "°C", "degF": "°F", "kelvin": "K",
}  # fmt: skip
_DEGREES: Final[dict[tuple[str, str], str]] = {
    ("degF", "degC"): "({} - 32) * 5/9",
    ("degC", "degF"): "{} * 9/5 + 32",
    ("degC", "kelvin"): "{} + 273.15",
    ("kelvin", "degC"): "{} - 273.15",
    ("degF", "kelvin"): "({} - 32) * 5/9 + 273.15",
    ("kelvin", "degF"): "({} - 273.15) * 9/5 + 32",
}


class Quantity(NamedTuple):
    """`typed` is the unit as the question wrote it."""

    value: Rational
    unit: str
    typed: str


@cache
def registry() -> Any:
    """Units with exact factors, and currencies, which convert into nothing."""
    units: Any = pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)
    # of feet as they are everywhere since 1959: pint's acre is of the older survey foot
    units.define("acre = 43560 * foot ** 2")
    for kind in ("word", "page"):
        units.define(f"{kind} = [{kind}s_to_count]")
    for code in set(CURRENCIES.values()):
        units.define(f"{code} = [money_in_{code}]")
    return units


def converted_value(value: Rational, source: str, target: str) -> Rational:
    """Raises NoAnswer between units of different kinds, and between months and days: a month has no fixed length."""
    calendar = {unit for unit in (source, target) if unit in CALENDAR_MONTHS}
    if calendar:
        if len({source, target} - set(CALENDAR_MONTHS)) > 0:
            raise NoAnswer("months and days, which have no fixed ratio")
        return value * Rational(CALENDAR_MONTHS[source], CALENDAR_MONTHS[target])
    if bits(value) > 4_000:
        raise TooLarge("a quantity too large")
    quantity = registry().Quantity(Fraction(int(value.p), int(value.q)), source)
    try:
        result = quantity.to(target).magnitude
    except pint.PintError:
        raise NoAnswer("units of different kinds") from None
    if isinstance(result, float):
        raise NoAnswer("no exact factor")
    exact = Fraction(result)
    return Rational(exact.numerator, exact.denominator)


def convertible(source: str, target: str) -> bool:
    try:
        converted_value(Rational(1), source, target)
    except NoAnswer:
        return False
    return True


def quantity(scope: Scope, node: Node) -> Quantity:
    """`5 feet 3 inches` comes in the last unit."""
    return quantity_of(scope, nodes(node.children))


def quantity_of(scope: Scope, measures: list[Node]) -> Quantity:
    scope.decimal = True
    total, unit, typed = Rational(0), "", ""
    for measure in measures:
        value, named = build(nodes(measure.children)[0], scope), measure.children[-1]
        if nodes(measure.children)[0].data in SUMS:
            raise NotUnderstood("a sum whose last number alone may have the unit")
        if not isinstance(value, Rational):
            raise NoAnswer("a quantity that is no rational number")
        if unit and (named.startswith("deg") or value < 0):
            raise NotUnderstood("a quantity in parts that do not add")
        if unit and ("/" in unit or converted_value(Rational(1), unit, str(named)) <= 1):
            raise NotUnderstood("amounts of which each may be meant")
        before = converted_value(total, unit, str(named)) if unit else Rational(0)
        total = before + value
        if unit:
            added = tuple(unit_text(one, str(named)) for one in (before, value, total))
            scope.say("{} + {} = {}", *added)
        unit, typed = str(named), written_unit(scope, named)
    return Quantity(total, unit, typed)


def written_unit(scope: Scope, token: Any) -> str:
    return scope.text[token.start_pos : token.end_pos].strip()


def shown(value: Rational) -> str:
    """A number as a decimal: all of it if it ends, else twelve figures. No exact factor of a unit has forty decimals:
    that is pi, cut off."""
    text = decimal_text(value) if terminates(value) and bits(value) < 400 else ""
    return text if text and len(text.partition(".")[2]) < 40 else approximate_text(value)


def plural(unit: str) -> str:
    name = unit.replace("_", " ")
    ends_itself = "**" in unit or unit in CURRENCIES.values() or name.endswith("s") or name.endswith("hertz")
    return _PLURALS.get(unit) or (name if ends_itself else f"{name}s")


def unit_text(value: Rational, unit: str) -> str:
    """The quantity with its unit's full name: `5 miles`, `100 kilometers/hour`."""
    above, _, below = unit.partition("/")
    name = (
        plural(above) if value != 1 else _PLURALS.get(above, above) if above[:3] == "deg" else above.replace("_", " ")
    )
    below = f"/{below.strip('()').replace('_', ' ')}" if below else ""
    return f"{shown(value)} {name}{below}".replace("**", "^").replace("*", " ")


def answered(value: Rational, unit: str, typed: str) -> str:
    """The quantity as an answer: behind the number the unit's symbol as the question wrote it, else its name."""
    if typed == DOLLAR_SIGN:
        return f"${_money(value)}"
    return f"{shown(value)} {typed}" if is_symbol(unit, typed) else unit_text(value, unit)


def _money(value: Rational) -> str:
    """Two places for cents, none for whole dollars."""
    text = shown(value)
    return f"{text}0" if len(text.partition(".")[2]) == 1 else text


def is_symbol(unit: str, typed: str) -> bool:
    """Whether a unit was written by its symbol, or is a currency."""
    return unit in CURRENCIES.values() or all(part.strip() in SYMBOLS for part in typed.split("/"))


def convert(scope: Scope, given: Quantity, target: str) -> Rational:
    """The value in another unit, and the factor between the two as a step."""
    result = converted_value(given.value, given.unit, target)
    if given.unit in {"degC", "degF", "kelvin"}:
        if converted_value(given.value, given.unit, "kelvin") < 0:
            raise NoAnswer("a temperature that there is not")
        formula = _DEGREES.get((given.unit, target), "")
        if formula:
            scope.say(f"{formula.format(_bracketed(given.value))} = {shown(result)}")
        return result
    if given.unit == target:
        return result
    factor = converted_value(Rational(1), given.unit, target)
    if factor >= 1 or not terminates(1 / factor):
        _tell_factor(scope, given.unit, target, factor)
        _tell_product(scope, given.value, "*", factor, result)
    else:
        _tell_factor(scope, target, given.unit, 1 / factor)
        _tell_product(scope, given.value, "/", 1 / factor, result)
    return result


def _tell_factor(scope: Scope, larger: str, smaller: str, factor: Rational) -> None:
    sign = "=" if terminates(factor) else "≈"
    scope.say(f"{unit_text(Rational(1), larger)} {sign} {unit_text(factor, smaller)}")


def _tell_product(scope: Scope, value: Rational, sign: str, factor: Rational, result: Rational) -> None:
    # what does not end is not equal to the digits that are shown of it
    equals = "=" if terminates(result) and terminates(factor) else "≈"
    scope.say(f"{_bracketed(value)} {sign} {shown(factor)} {equals} {shown(result)}")


def _bracketed(value: Rational) -> str:
    text = shown(value) if terminates(value) else str(value)
    return f"({text})" if re.search("[-/]", text) else text
