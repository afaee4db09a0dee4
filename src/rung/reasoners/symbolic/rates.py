"""Rates that are given: what one unit is worth in another, and ways, times and prices by them."""

import re
from typing import Any, Final

from sympy import Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.scope import Child, Scope, nodes, tokens_of
from rung.reasoners.symbolic.unit_names import CURRENCIES
from rung.reasoners.symbolic.units import (
    SHORT_TIMES,
    Quantity,
    answered,
    convert,
    convertible,
    quantity,
    shown,
    unit_text,
)

# What a question's first words make of the answer's unit.
_KINDS: Final = {"FAR": "meter", "HOW_LONG": "second", "FAST": "meter/second"}


def parts(rate: Quantity) -> tuple[Quantity, Quantity]:
    """`60 km/h` as 60 km and 1 h. Raises NotUnderstood for what is no rate."""
    above, slash, below = rate.unit.partition("/")
    if not slash:
        raise NotUnderstood("a rate that is none")
    typed = [part.strip() for part in re.split(r"/|\bper\b|\ban?\b", rate.typed) if part.strip()]
    top, bottom = typed if len(typed) == 2 else (above, below)
    return Quantity(rate.value, above, top), Quantity(Rational(1), below.strip("()"), bottom)


def is_rate(given: Quantity) -> bool:
    return "/" in given.unit


def exchange(scope: Scope, children: list[Child]) -> None:
    """States what one unit is worth in another: `1.08 USD per EUR`, `1 EUR = 1.08 USD`."""
    sides = [node for one in nodes(children) for node in ([one] if one.data == "quantity" else nodes(one.children))]
    given = [quantity(scope, node) for node in sides]
    if len(given) == 1:
        top, bottom = parts(given[0])
    else:
        bottom, top = given
        if bottom.value <= 0:
            raise NoAnswer("a rate of nothing")
        top = top._replace(value=top.value / bottom.value)
    relations = [str(token) for token in tokens_of(_leaves(children), "REL")]
    if relations and relations != ["="]:
        raise NotUnderstood("a rate that is none")
    currencies = set(CURRENCIES.values())
    if len(given) == 1 and not {top.unit, bottom.unit} & currencies and not scope.pace:
        scope.pace = given[0]
        return
    if top.unit == bottom.unit or not {top.unit, bottom.unit} & currencies or top.value <= 0 or scope.rates:
        raise NotUnderstood("a rate between what are no currencies, or a second one")
    scope.rates = ((top.value, top.unit, bottom.unit),)


def exchanged(scope: Scope, given: Quantity, target: str) -> Rational:
    """Converted by the stated rate if there is one."""
    if not scope.rates:
        return convert(scope, given, target)
    ((worth, top, bottom),) = scope.rates
    if "GBP" in {given.unit, target}:
        # beside sterling a pound is money
        top, bottom = ("GBP" if unit == "pound" else unit for unit in (top, bottom))
    if (given.unit, target) == (bottom, top):
        result = given.value * worth
        scope.say(
            f"{unit_text(given.value, bottom)} * {unit_text(worth, f'{top}/({bottom})')} = {unit_text(result, top)}"
        )
    elif (given.unit, target) == (top, bottom):
        result = given.value / worth
        sign = "=" if terminates_text(result) else "≈"
        rate = unit_text(worth, f"{top}/({bottom})")
        scope.say(f"{unit_text(given.value, top)} / ({rate}) {sign} {unit_text(result, bottom)}")
    else:
        raise NoAnswer("units that the rate is not between")
    return result


def _leaves(children: list[Child]) -> list[Any]:
    """The words of a statement, and of the rate in it."""
    return [leaf for child in children for leaf in getattr(child, "children", [child])]


def paced(scope: Scope, children: list[Child]) -> Any:
    """`At 60 km/h, how far in 2.5 hours?`"""
    if scope.pace is None:
        raise NotUnderstood("no rate that was given")
    given, head = quantity(scope, nodes(children)[0]), children[0].type
    value, unit, typed = times(scope, scope.pace, given) if head == "FAR" else at_rate(scope, given, scope.pace)
    if not convertible(unit, _KINDS[head]):
        raise NoAnswer("a quantity of another kind than was asked")
    return answered(value, unit, typed)


def journey(scope: Scope, children: list[Child]) -> Any:
    """`60 km/h for 2.5 h`, `150 km at 60 km/h`, `average speed for 150 km in 2 h`."""
    head = next((child.type for child in tokens_of(children, *_KINDS)), "")
    word = str(tokens_of(children, "FOR", "IN", "GIVEN")[-1])
    first, second = (quantity(scope, node) for node in nodes(children))
    if word == "at":
        value, unit, typed = at_rate(scope, first, second)
    elif word not in {"for", "in"}:
        raise NotUnderstood("an order of words that it does not know")
    elif is_rate(first):
        value, unit, typed = times(scope, first, second)
    elif head == "FAST":
        value, unit, typed = average(scope, first, second)
    else:
        raise NotUnderstood("a rate that is none")
    if head and not convertible(unit, _KINDS[head]):
        raise NoAnswer("a quantity of another kind than was asked")
    return answered(value, unit, typed)


def journey_turned(scope: Scope, children: list[Child]) -> Any:
    """`how far in 2.5 hours at 60 km/h`: the time comes first."""
    head, word, time, said, rate = children
    if str(said) != "at":
        raise NotUnderstood("an order of words that it does not know")
    return journey(scope, [head, rate, word, time])


def journey_given(scope: Scope, children: list[Child]) -> None:
    """`A car goes 60 km/h for 2.5 hours`: kept for the question."""
    if scope.journey:
        raise NotUnderstood("two journeys")
    scope.journey = children


def journey_asked(scope: Scope, children: list[Child]) -> Any:
    if not scope.journey:
        raise NotUnderstood("nothing that was travelled")
    return journey(scope, [*tokens_of(children, *_KINDS), *scope.journey])


def times(scope: Scope, rate: Quantity, amount: Quantity) -> tuple[Rational, str, str]:
    top, bottom = parts(rate)
    if top.unit in CURRENCIES.values() and bottom.unit in SHORT_TIMES and amount.unit not in SHORT_TIMES:
        raise NoAnswer("hours paid in a day, which may not be all of them")
    count = convert(scope, amount, bottom.unit) if amount.unit != bottom.unit else amount.value
    result = top.value * count
    written = f"{unit_text(rate.value, rate.unit)} * {unit_text(count, bottom.unit)}"
    scope.say(f"{written} = {unit_text(result, top.unit)}")
    return result, top.unit, top.typed


def at_rate(scope: Scope, amount: Quantity, rate: Quantity) -> tuple[Rational, str, str]:
    """A price times a count, or a way by a speed: whichever the units say."""
    top, bottom = parts(rate)
    if is_rate(amount) or top.value <= 0:
        raise NotUnderstood("a rate of a rate")
    if convertible(amount.unit, bottom.unit):
        return times(scope, rate, amount)
    size = convert(scope, amount, top.unit) if amount.unit != top.unit else amount.value
    result = size / top.value
    sign = "=" if terminates_text(result) else "≈"
    written = f"{unit_text(size, top.unit)} / ({unit_text(rate.value, rate.unit)})"
    scope.say(f"{written} {sign} {unit_text(result, bottom.unit)}")
    return result, bottom.unit, bottom.typed


def average(scope: Scope, way: Quantity, time: Quantity) -> tuple[Rational, str, str]:
    if is_rate(way) or is_rate(time) or time.value <= 0:
        raise NotUnderstood("a speed of a rate")
    result = way.value / time.value
    unit = f"{way.unit}/({time.unit})"
    sign = "=" if terminates_text(result) else "≈"
    scope.say(f"{unit_text(way.value, way.unit)} / {unit_text(time.value, time.unit)} {sign} {unit_text(result, unit)}")
    return result, unit, f"{way.typed}/{time.typed}"


def terminates_text(value: Rational) -> bool:
    """Whether `shown` shows all of it."""
    return bool(Rational(shown(value)) == value)


TASKS = {
    "journey": journey,
    "journey_turned": journey_turned,
    "journey_asked": journey_asked,
    "paced": paced,
}
