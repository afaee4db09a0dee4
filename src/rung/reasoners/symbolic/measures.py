"""Conversions of units, rates, currencies at a given rate."""

import re
from collections.abc import Callable
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
    """`135 minutes in hours and minutes`."""
    tokens = tokens_of(children, "UNIT")[-2:]
    larger, smaller = (str(token) for token in tokens)
    given = quantity(scope, nodes(children)[0])
    size = converted_value(Rational(1), larger, smaller)
    total = convert(scope, given, smaller)
    if not size.is_Integer or size <= 1 or total < 0:
        raise NotUnderstood("two units that make no pair")
    whole = total // size
    rest = total - whole * size
    scope.say(f"{shown(total)} = {whole}*{size} + {shown(rest)}")
    if {larger, smaller} <= set(SHORT_TIMES):
        return f"{whole} {_MIXED[larger]} {shown(rest)} {_MIXED[smaller]}"
    parts = zip(
        (Integer(whole), rest), (larger, smaller), (written_unit(scope, token) for token in tokens), strict=True
    )
    return " ".join(answered(*part) for part in parts)


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
    first, second = (quantity(scope, node) for node in nodes(children))
    sign = "-" if tokens_of(children, "MINUS", "WMINUS") else "+"
    if first.unit in _SIGNS or second.unit in _SIGNS:
        raise NotUnderstood("a sum of temperatures")
    if _several_times(nodes(children)):
        return _clocked(scope, first, second, sign)
    size = convert(scope, second, first.unit) if second.unit != first.unit else second.value
    result = first.value + size if sign == "+" else first.value - size
    written = [unit_text(one, first.unit) for one in (first.value, size, result)]
    scope.say(f"{written[0]} {sign} {written[1]} = {written[2]}")
    return answered(result, first.unit, first.typed)


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


def _several_times(parts: list[Node]) -> bool:
    """Whether a part is in hours and minutes."""
    units = [[str(measure.children[-1]) for measure in nodes(part.children)] for part in parts]
    return any(len(one) > 1 for one in units) and all(unit in SHORT_TIMES for one in units for unit in one)


def _clocked(scope: Scope, first: Quantity, second: Quantity, sign: str) -> str:
    minutes = [converted_value(one.value, one.unit, "minute") for one in (first, second)]
    total = minutes[0] + minutes[1] if sign == "+" else minutes[0] - minutes[1]
    if total < 0:
        raise NoAnswer("a time below zero")
    scope.say(f"{shown(minutes[0])} minutes {sign} {shown(minutes[1])} minutes = {shown(total)} minutes")
    return f"{total // 60} h {shown(total % 60)} min"


TASKS = {
    "converted": converted,
    "converted_given": converted_given,
    "many_in": many_in,
    "many_last": many_last,
    "many_in_given": many_in_given,
    "mixed": mixed,
    "journey": journey,
    "journey_turned": journey_turned,
    "journey_asked": journey_asked,
    "amount": amount,
    "added": added,
    "multiplied": multiplied,
    "shared": shared,
    "scaled": scaled,
    "scaled_down": scaled_down,
    "paced": paced,
}
