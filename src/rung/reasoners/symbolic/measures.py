"""Conversions of units, also at a given rate, and sums of amounts."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from sympy import Integer, Rational

from rung.reasoners.symbolic import rates
from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import SUMS, build, over
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.steps.spelled import worked
from rung.reasoners.symbolic.units import (
    SHORT_TIMES,
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
_MIXED: Final = {"minute": "min", "hour": "h", "second": "s"}


# ---- conversions ----


def converted(scope: Scope, children: list[Child]) -> Any:
    """`5 miles in km`: a symbol is repeated behind the number, a unit in words is not, since the question names it."""
    target = tokens_of(children, "UNIT")[-1]
    given = rates.asked(scope, children, str(target))
    value = rates.exchanged(scope, given, str(target))
    typed = written_unit(scope, target)
    if str(target) in _SIGNS:
        return f"{shown(value)} {_SIGNS[str(target)]}"
    return answered(value, str(target), typed) if is_symbol(str(target), typed) else shown(value)


def converted_given(scope: Scope, children: list[Child]) -> Any:
    """`250 EUR in USD at 1.08 USD per EUR`."""
    rates.exchange(scope, [nodes(children)[-1]])
    return converted(scope, children[:-1])


def many_in(scope: Scope, children: list[Child]) -> Any:
    target = str(tokens_of(children, "UNIT")[0])
    return shown(rates.many(scope, rates.asked(scope, children, target), target))


def many_last(scope: Scope, children: list[Child]) -> Any:
    """`60 inches is how many feet`."""
    if str(children[1]) not in {"=", "is", "are"}:
        raise NotUnderstood("a comparison with what is asked")
    return many_in(scope, children)


def many_in_given(scope: Scope, children: list[Child]) -> Any:
    rates.exchange(scope, [nodes(children)[-1]])
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
    if not any(counts[1:]) and given.unit != units[-1]:
        raise NoAnswer("units that may be meant one by one")
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


# ---- sums ----


def amount(scope: Scope, children: list[Child]) -> Any:
    """`15% of 80 km`: a quantity that says more than the question does."""
    node = nodes(children)[0]
    measures = nodes(node.children)
    if scope.rates and nodes(measures[0].children)[0].data == "number":
        other = rates.other_side(scope, quantity(scope, node))
        return answered(other.value, other.unit, other.typed)
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
    parts = [part for one in nodes(nodes(children)[0].children) for part in apart(one)]
    kind = str(children[0]) if children[0].type == "LIST_OF" else "add"
    if kind not in {"add", "gap"} or len(parts) < 2 or (kind == "gap" and len(parts) > 2):
        raise NotUnderstood("amounts that may be read as others")
    if kind == "gap":
        first, second = (quantity_of(scope, part) for part in parts)
        if converted_value(first.value, first.unit, second.unit) < second.value:
            parts.reverse()
    return _sum(scope, parts, "+" if kind == "add" else "-")


def apart(one: Node) -> list[list[Node]]:
    """The measures of an amount, parted where "and" stands."""
    parts: list[list[Node]] = [[]]
    for child in one.children:
        if getattr(child, "type", "") == "AND":
            parts.append([])
        else:
            parts[-1].append(child)
    return parts


def _sum(scope: Scope, parts: list[list[Node]], sign: str) -> str:
    amounts = [quantity_of(scope, part) for part in parts]
    if any(one.unit in _SIGNS for one in amounts):
        raise NotUnderstood("a sum of temperatures")
    unit = amounts[0].unit
    units = {str(measure.children[-1]) for part in parts for measure in part}
    sizes = [converted_value(one.value, one.unit, unit) for one in amounts]
    whole = rates.terminates_text(sum(sizes, Rational(0)))
    clocked = units <= set(SHORT_TIMES) and (any(len(part) > 1 for part in parts) or not whole)
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
    rate, amount_ = (first, second) if rates.is_rate(first) else (second, first)
    if not rates.is_rate(rate) or rates.is_rate(amount_):
        raise NoAnswer("a product of units")
    value, unit, typed = rates.times(scope, rate, amount_)
    return answered(value, unit, typed)


def shared(scope: Scope, children: list[Child]) -> Any:
    """`150 km / 60 km/h`, `150 km / 2.5 h`, `3 km / 500 m`."""
    first, second = (quantity(scope, node) for node in nodes(children))
    if rates.is_rate(second) and not rates.is_rate(first):
        if convertible(first.unit, rates.parts(second)[1].unit):
            raise NoAnswer("a division by a rate")
        value, unit, typed = rates.at_rate(scope, first, second)
    elif not convertible(first.unit, second.unit):
        value, unit, typed = rates.average(scope, first, second)
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
    "amount": amount,
    "added": added,
    "added_to": added_to,
    "total": total,
    "multiplied": multiplied,
    "shared": shared,
    "scaled": scaled,
    "scaled_down": scaled_down,
}
