"""Rates that are given: what one unit is worth in another, and ways, times and prices by them."""

import re
from typing import Any, Final

from sympy import Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import build
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
    written_unit,
)

_MONEY: Final = frozenset(CURRENCIES.values())
# Beside another currency a pound is money.
_STERLING: Final = {"pound": "GBP"}

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
    if any(one.data == "exchange_from" for one in nodes(children)):
        _set(scope, *_from_to(scope, nodes(children)[0].children))
        return
    sides = [node for one in nodes(children) for node in ([one] if one.data == "quantity" else nodes(one.children))]
    given = [quantity(scope, node) for node in sides]
    units = tokens_of(_leaves(children), "UNIT")
    if len(given) == 1:
        # `150 yen to the dollar`, `150 yen per dollar`
        one = [Quantity(Rational(1), str(unit), written_unit(scope, unit)) for unit in units]
        top, bottom = (given[0], *one) if one else parts(given[0])
    else:
        bottom, top = given
        if bottom.value <= 0:
            raise NoAnswer("a rate of nothing")
        top = top._replace(value=top.value / bottom.value)
    relations = [str(token) for token in tokens_of(_leaves(children), "REL")]
    if relations and relations != ["="]:
        raise NotUnderstood("a rate that is none")
    if len(given) == 1 and not {top.unit, bottom.unit} & _MONEY and not scope.pace:
        scope.pace = given[0]
        return
    _set(scope, top, bottom)


def _from_to(scope: Scope, children: list[Child]) -> tuple[Quantity, Quantity]:
    """`the exchange rate from USD to EUR is 0.92`: as many EUR for one USD."""
    value = build(nodes(children)[0], scope)
    if not isinstance(value, Rational):
        raise NotUnderstood("a rate that is no number")
    source, target = (Quantity(value, str(unit), written_unit(scope, unit)) for unit in tokens_of(children, "UNIT"))
    return target, source._replace(value=Rational(1))


def _set(scope: Scope, top: Quantity, bottom: Quantity) -> None:
    if top.unit == bottom.unit or not {top.unit, bottom.unit} & _MONEY or top.value <= 0 or scope.rates:
        raise NotUnderstood("a rate between what are no currencies, or a second one")
    scope.rates = ((top, bottom),)


def exchanged(scope: Scope, given: Quantity, target: str) -> Rational:
    """Converted by the stated rate if there is one."""
    if not scope.rates:
        return convert(scope, given, target)
    ((priced, one),) = scope.rates
    worth, top, bottom = priced.value, priced.unit, one.unit
    if "GBP" in {given.unit, target}:
        # beside sterling a pound is money
        top, bottom = (_STERLING.get(unit, unit) for unit in (top, bottom))
    elif "GBP" in {top, bottom} <= _MONEY:
        given = given._replace(unit=_STERLING.get(given.unit, given.unit))
        target = _STERLING.get(target, target)
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


def other_side(scope: Scope, given: Quantity) -> Quantity:
    """What an amount comes to by the stated rate: `At 150 yen per dollar, how much is 30 dollars?`"""
    sides: list[Quantity] = [side for rate in scope.rates for side in rate]
    others = [side for side in sides if side.unit != given.unit]
    if len(sides) != 2 or len(others) != 1:
        raise NotUnderstood("nothing asked of it")
    return others[0]._replace(value=exchanged(scope, given, others[0].unit))


def own(scope: Scope, children: list[Child]) -> None:
    """`I have $100`: kept for the question."""
    if scope.owned is not None:
        raise NotUnderstood("two amounts")
    scope.owned = nodes(children)[0]


def asked(scope: Scope, children: list[Child], target: str) -> Quantity:
    """The amount that a question is of: its own, or the one that was given."""
    own = next(iter(nodes(children)), None)
    node = own or scope.owned
    if node is None:
        raise NotUnderstood("no amount that was given")
    given = quantity(scope, node)
    if own is None and given.unit == target and len(nodes(node.children)) == 1:
        raise NotUnderstood("an amount that was told already")
    return given


def many(scope: Scope, given: Quantity, target: str) -> Rational:
    """So many of a unit, by the pace that was given: `at 5 litres per minute, how many litres in 2 hours`."""
    if scope.pace is not None:
        top, bottom = parts(scope.pace)
        along, across = convertible(given.unit, bottom.unit), convertible(given.unit, top.unit)
        if along != across and convertible(target, (top if along else bottom).unit):
            return _in_unit(scope, at_rate(scope, given, scope.pace), target)
    return exchanged(scope, given, target)


def _in_unit(scope: Scope, found: tuple[Rational, str, str], target: str) -> Rational:
    value, unit, typed = found
    return convert(scope, Quantity(value, unit, typed), target) if unit != target else value


def many_taken(scope: Scope, children: list[Child]) -> Any:
    """`how many hours does it take to travel 180 km at 60 km/h`."""
    given, *rate = (quantity(scope, node) for node in nodes(children))
    pace = rate[0] if rate else scope.pace
    if pace is None or not _is_at(tokens_of(children, "GIVEN")) or convertible(given.unit, parts(pace)[1].unit):
        raise NotUnderstood("no rate that was given, or a time that takes one")
    return shown(_in_unit(scope, at_rate(scope, given, pace), str(tokens_of(children, "UNIT")[0])))


def _is_at(words: list[Any]) -> bool:
    """Whether `at` stands before a rate, if it has a word before it at all."""
    return all(str(word).split()[0] == "at" for word in words)


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
    value, unit, typed = _gone(scope, children, averaged=head == "FAST")
    if head and not convertible(unit, _KINDS[head]):
        raise NoAnswer("a quantity of another kind than was asked")
    return answered(value, unit, typed)


def _gone(scope: Scope, children: list[Child], averaged: bool) -> tuple[Rational, str, str]:
    words = tokens_of(children, "FOR", "IN", "GIVEN")[-1:]
    first, second = (quantity(scope, node) for node in nodes(children))
    if words[0].type == "GIVEN" and _is_at(words):
        return at_rate(scope, first, second)
    if str(words[0]) not in {"for", "in"}:
        raise NotUnderstood("an order of words that it does not know")
    if is_rate(first):
        return times(scope, first, second)
    if not averaged:
        raise NotUnderstood("a rate that is none")
    return average(scope, first, second)


def journey_many(scope: Scope, children: list[Child]) -> Any:
    """`60 km/h for 2.5 hours is how many km`, `100 km in 2 hours is how many km/h`."""
    target = str(tokens_of(children, "UNIT")[0])
    return shown(_in_unit(scope, _gone(scope, children, averaged="/" in target), target))


def speed_in(scope: Scope, children: list[Child]) -> Any:
    """`the speed of 10 km in 50 minutes in km/h`."""
    target = tokens_of(children, "UNIT")[-1]
    if not convertible(str(target), _KINDS["FAST"]):
        raise NotUnderstood("a speed in what is none")
    value = _in_unit(scope, average(scope, *(quantity(scope, node) for node in nodes(children))), str(target))
    return answered(value, str(target), written_unit(scope, target))


def journey_turned(scope: Scope, children: list[Child]) -> Any:
    """`how far in 2.5 hours at 60 km/h`: the time comes first."""
    head, word, time, said, rate = children
    if not _is_at([said]):
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
    if top.unit in _MONEY and bottom.unit in SHORT_TIMES and amount.unit not in SHORT_TIMES:
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
    "many_taken": many_taken,
    "journey": journey,
    "journey_many": journey_many,
    "speed_in": speed_in,
    "journey_turned": journey_turned,
    "journey_asked": journey_asked,
    "paced": paced,
}
