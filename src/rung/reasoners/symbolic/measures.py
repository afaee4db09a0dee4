"""Conversions of units, rates, currencies at a given rate."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from sympy import Integer, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import SUMS, build, over
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.steps.spelled import worked
from rung.reasoners.symbolic.unit_names import CURRENCIES
from rung.reasoners.symbolic.units import (
    SHORT_TIMES,
    Quantity,
    answered,
    convert,
    converted_value,
    convertible,
    is_symbol,
    quantity,
    quantity_of,
    shown,
    unit_text,
    written_unit,
)

_SIGNS: Final = {"degC": "°C", "degF": "°F", "kelvin": "K"}
# What a question's first words make of the answer's unit.
_KINDS: Final = {"FAR": "meter", "HOW_LONG": "second", "FAST": "meter/second"}
_MIXED: Final = {"minute": "min", "hour": "h", "second": "s"}


# ---- conversions ----


def converted(scope: Scope, children: list[Child]) -> Any:
    """`5 miles in km`: a symbol is repeated behind the number, a unit in words is not, since the question names it."""
    target = tokens_of(children, "UNIT")[-1]
    given = quantity(scope, nodes(children)[0])
    value = _exchanged(scope, given, str(target))
    typed = written_unit(scope, target)
    if str(target) in _SIGNS:
        return f"{shown(value)} {_SIGNS[str(target)]}"
    return answered(value, str(target), typed) if is_symbol(str(target), typed) else shown(value)


def converted_given(scope: Scope, children: list[Child]) -> Any:
    """`250 EUR in USD at 1.08 USD per EUR`."""
    exchange(scope, [nodes(children)[-1]])
    return converted(scope, children[:-1])


def many_in(scope: Scope, children: list[Child]) -> Any:
    target = str(tokens_of(children, "UNIT")[0])
    return shown(_exchanged(scope, quantity(scope, nodes(children)[0]), target))


def many_last(scope: Scope, children: list[Child]) -> Any:
    """`60 inches is how many feet`."""
    if str(children[1]) not in {"=", "is", "are"}:
        raise NotUnderstood("a comparison with what is asked")
    return many_in(scope, children)


def many_in_given(scope: Scope, children: list[Child]) -> Any:
    exchange(scope, [nodes(children)[-1]])
    return many_in(scope, children[:-1])


def mixed(scope: Scope, children: list[Child]) -> Any:
    """`3725 seconds in hours, minutes and seconds`."""
    tokens = tokens_of(children, "UNIT")
    units = [str(token) for token in tokens]
    given = quantity(scope, nodes(children)[0])
    sizes = [converted_value(Rational(1), unit, units[-1]) for unit in units]
    left = total = convert(scope, given, units[-1])
    if any(not (larger / smaller).is_Integer or larger <= smaller for larger, smaller in pairwise(sizes)) or total < 0:
        raise NotUnderstood("units that make no parts")
    counts = []
    for size in sizes[:-1]:
        counts.append(Integer(left // size))
        left -= counts[-1] * size
    counts.append(left)
    parts = [f"{shown(count)}*{size}" for count, size in zip(counts[:-1], sizes, strict=False)]
    scope.say(f"{shown(total)} = {' + '.join(parts)} + {shown(left)}")
    if set(units) <= set(SHORT_TIMES):
        return " ".join(f"{shown(count)} {_MIXED[unit]}" for count, unit in zip(counts, units, strict=True))
    typed = [written_unit(scope, token) for token in tokens]
    return " ".join(answered(*part) for part in zip(counts, units, typed, strict=True))


def mixed_last(scope: Scope, children: list[Child]) -> Any:
    """`405 minutes is how many hours and minutes`."""
    if str(children[1]) not in {"=", "is", "are"}:
        raise NotUnderstood("a comparison with what is asked")
    return mixed(scope, children)


# ---- rates ----


def _parts(rate: Quantity) -> tuple[Quantity, Quantity]:
    """`60 km/h` as 60 km and 1 h. Raises NotUnderstood for what is no rate."""
    above, slash, below = rate.unit.partition("/")
    if not slash:
        raise NotUnderstood("a rate that is none")
    typed = [part.strip() for part in re.split(r"/|\bper\b|\ban?\b", rate.typed) if part.strip()]
    top, bottom = typed if len(typed) == 2 else (above, below)
    return Quantity(rate.value, above, top), Quantity(Rational(1), below.strip("()"), bottom)


def _is_rate(given: Quantity) -> bool:
    return "/" in given.unit


def exchange(scope: Scope, children: list[Child]) -> None:
    """States what one unit is worth in another: `1.08 USD per EUR`, `1 EUR = 1.08 USD`."""
    parts = [node for one in nodes(children) for node in ([one] if one.data == "quantity" else nodes(one.children))]
    given = [quantity(scope, node) for node in parts]
    if len(given) == 1:
        top, bottom = _parts(given[0])
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


def _exchanged(scope: Scope, given: Quantity, target: str) -> Rational:
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
    value, unit, typed = _times(scope, scope.pace, given) if head == "FAR" else _at(scope, given, scope.pace)
    if not convertible(unit, _KINDS[head]):
        raise NoAnswer("a quantity of another kind than was asked")
    return answered(value, unit, typed)


def journey(scope: Scope, children: list[Child]) -> Any:
    """`60 km/h for 2.5 h`, `150 km at 60 km/h`, `average speed for 150 km in 2 h`."""
    head = next((child.type for child in tokens_of(children, *_KINDS)), "")
    word = str(tokens_of(children, "FOR", "IN", "GIVEN")[-1])
    first, second = (quantity(scope, node) for node in nodes(children))
    if word == "at":
        value, unit, typed = _at(scope, first, second)
    elif word not in {"for", "in"}:
        raise NotUnderstood("an order of words that it does not know")
    elif _is_rate(first):
        value, unit, typed = _times(scope, first, second)
    elif head == "FAST":
        value, unit, typed = _average(scope, first, second)
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


def _times(scope: Scope, rate: Quantity, amount: Quantity) -> tuple[Rational, str, str]:
    top, bottom = _parts(rate)
    if top.unit in CURRENCIES.values() and bottom.unit in SHORT_TIMES and amount.unit not in SHORT_TIMES:
        raise NoAnswer("hours paid in a day, which may not be all of them")
    count = convert(scope, amount, bottom.unit) if amount.unit != bottom.unit else amount.value
    result = top.value * count
    written = f"{unit_text(rate.value, rate.unit)} * {unit_text(count, bottom.unit)}"
    scope.say(f"{written} = {unit_text(result, top.unit)}")
    return result, top.unit, top.typed


def _at(scope: Scope, amount: Quantity, rate: Quantity) -> tuple[Rational, str, str]:
    """A price times a count, or a way by a speed: whichever the units say."""
    top, bottom = _parts(rate)
    if _is_rate(amount) or top.value <= 0:
        raise NotUnderstood("a rate of a rate")
    if convertible(amount.unit, bottom.unit):
        return _times(scope, rate, amount)
    size = convert(scope, amount, top.unit) if amount.unit != top.unit else amount.value
    result = size / top.value
    sign = "=" if terminates_text(result) else "≈"
    written = f"{unit_text(size, top.unit)} / ({unit_text(rate.value, rate.unit)})"
    scope.say(f"{written} {sign} {unit_text(result, bottom.unit)}")
    return result, bottom.unit, bottom.typed


def _average(scope: Scope, way: Quantity, time: Quantity) -> tuple[Rational, str, str]:
    if _is_rate(way) or _is_rate(time) or time.value <= 0:
        raise NotUnderstood("a speed of a rate")
    result = way.value / time.value
    unit = f"{way.unit}/({time.unit})"
    sign = "=" if terminates_text(result) else "≈"
    scope.say(f"{unit_text(way.value, way.unit)} / {unit_text(time.value, time.unit)} {sign} {unit_text(result, unit)}")
    return result, unit, f"{way.typed}/{time.typed}"


def terminates_text(value: Rational) -> bool:
    """Whether `shown` shows all of it."""
    return bool(Rational(shown(value)) == value)


# ---- sums ----


def amount(scope: Scope, children: list[Child]) -> Any:
    """`15% of 80 km`: a quantity that says more than the question does."""
    node = nodes(children)[0]
    measures = nodes(node.children)
    if len(measures) != 1 or nodes(measures[0].children)[0].data in {"number", "negative", "name"}:
        raise NotUnderstood("nothing asked of it")
    given = quantity(scope, node)
    worked(scope, nodes(measures[0].children)[0])
    return answered(given.value, given.unit, given.typed)


def added(scope: Scope, children: list[Child]) -> Any:
    """`3 km + 500 m` in the first one's unit; hours and minutes stay apart."""
    sign = "-" if tokens_of(children, "MINUS", "WMINUS", "SUBTRACT") else "+"
    return _sum(scope, [nodes(node.children) for node in nodes(children)], sign)


def added_to(scope: Scope, children: list[Child]) -> Any:
    """`add 500 m to 3 km`, `subtract 500 m from 3 km`: the one that is changed comes last."""
    return added(scope, [*tokens_of(children, "ADD", "SUBTRACT"), *reversed(nodes(children))])


def total(scope: Scope, children: list[Child]) -> Any:
    """`add 2 hours 45 minutes and 3 hours 30 minutes`: "and" begins another, as a sum may have it."""
    parts: list[list[Node]] = []
    for one in nodes(nodes(children)[0].children):
        parts.append([])
        for child in one.children:
            if getattr(child, "type", "") == "AND":
                parts.append([])
            else:
                parts[-1].append(child)
    kind = str(children[0]) if children[0].type == "LIST_OF" else "add"
    if kind not in {"add", "gap"} or len(parts) < 2 or (kind == "gap" and len(parts) > 2):
        raise NotUnderstood("amounts that may be read as others")
    return _sum(scope, parts, "+" if kind == "add" else "-")


def _sum(scope: Scope, parts: list[list[Node]], sign: str) -> str:
    amounts = [quantity_of(scope, part) for part in parts]
    if any(one.unit in _SIGNS for one in amounts):
        raise NotUnderstood("a sum of temperatures")
    unit = amounts[0].unit
    units = {str(measure.children[-1]) for part in parts for measure in part}
    clocked = any(len(part) > 1 for part in parts) and units <= set(SHORT_TIMES)
    if clocked:
        unit = "second" if "second" in units else "minute"
    sizes = [convert(scope, one, unit) if one.unit != unit else one.value for one in amounts]
    result = sum(sizes[1:], sizes[0]) if sign == "+" else sizes[0] - sum(sizes[1:])
    if clocked and result < 0:
        raise NoAnswer("a time below zero")
    scope.say(f"{f' {sign} '.join(unit_text(size, unit) for size in sizes)} = {unit_text(result, unit)}")
    return _clocked(result, unit) if clocked else answered(result, unit, amounts[0].typed)


def _clocked(amount: Rational, unit: str) -> str:
    """In hours, minutes and seconds, as far as there are any."""
    seconds = converted_value(amount, unit, "second")
    counts = [(seconds // 3600, "h"), (seconds % 3600 // 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{shown(Rational(count))} {name}" for count, name in counts if count) or "0 min"


def multiplied(scope: Scope, children: list[Child]) -> Any:
    """`60 km/h * 2.5 h`: a rate and what it is for."""
    first, second = (quantity(scope, node) for node in nodes(children))
    rate, amount_ = (first, second) if _is_rate(first) else (second, first)
    if not _is_rate(rate) or _is_rate(amount_):
        raise NoAnswer("a product of units")
    value, unit, typed = _times(scope, rate, amount_)
    return answered(value, unit, typed)


def shared(scope: Scope, children: list[Child]) -> Any:
    """`150 km / 60 km/h`, `150 km / 2.5 h`, `3 km / 500 m`."""
    first, second = (quantity(scope, node) for node in nodes(children))
    if _is_rate(second) and not _is_rate(first):
        if convertible(first.unit, _parts(second)[1].unit):
            raise NoAnswer("a division by a rate")
        value, unit, typed = _at(scope, first, second)
    elif not convertible(first.unit, second.unit):
        value, unit, typed = _average(scope, first, second)
    elif second.value == 0 or first.unit in _SIGNS:
        raise NoAnswer("a division by nothing")
    else:
        return shown(convert(scope, first, second.unit) / second.value)
    return answered(value, unit, typed)


def scaled(scope: Scope, children: list[Child]) -> Any:
    """`5 km times 3`."""
    return _scaled(scope, children, lambda value, factor: value * factor)


def scaled_down(scope: Scope, children: list[Child]) -> Any:
    """`5 km / 2`."""
    return _scaled(scope, children, over)


def _scaled(scope: Scope, children: list[Child], way: Callable[[Any, Any], Any]) -> str:
    given, factor = quantity(scope, nodes(children)[0]), build(nodes(children)[1], scope)
    if not isinstance(factor, Rational) or given.unit in _SIGNS or nodes(children)[1].data in SUMS:
        raise NoAnswer("a factor that is no number")
    result = way(given.value, factor)
    sign = "*" if way is not over else "/"
    scope.say(f"{unit_text(given.value, given.unit)} {sign} {{}} = {unit_text(result, given.unit)}", factor)
    return answered(result, given.unit, given.typed)


TASKS = {
    "converted": converted,
    "converted_given": converted_given,
    "many_in": many_in,
    "many_last": many_last,
    "many_in_given": many_in_given,
    "mixed": mixed,
    "mixed_last": mixed_last,
    "journey": journey,
    "journey_turned": journey_turned,
    "journey_asked": journey_asked,
    "amount": amount,
    "added": added,
    "added_to": added_to,
    "total": total,
    "multiplied": multiplied,
    "shared": shared,
    "scaled": scaled,
    "scaled_down": scaled_down,
    "paced": paced,
}
