"""Units, clock times, dates."""

import datetime as dt
import re
from fractions import Fraction
from functools import cache
from typing import Any

import pint
from sympy import Integer, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import build
from rung.reasoners.symbolic.render import approximate_text, decimal_text, terminates
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes
from rung.reasoners.symbolic.sizes import bits
from rung.reasoners.symbolic.unit_names import CALENDAR_MONTHS, MONTHS

DAY_MINUTES = 24 * 60
MAX_DAYS = 3_000_000
_FIXED = {"second", "minute", "hour", "day", "week", "fortnight"}


@cache
def registry() -> Any:
    """Units with exact factors."""
    return pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)


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


def quantity(scope: Scope, node: Node) -> tuple[Rational, str]:
    """Value and unit; `5 feet 3 inches` in the last unit."""
    total, unit = Rational(0), ""
    for measure in nodes(node.children):
        value, named = build(nodes(measure.children)[0], scope), str(measure.children[-1])
        if not isinstance(value, Rational):
            raise NoAnswer("a quantity that is no rational number")
        if unit and (named.startswith("deg") or value < 0):
            raise NotUnderstood("a quantity in parts that do not add")
        total = (converted_value(total, unit, named) if unit else Rational(0)) + value
        unit = named
    return total, unit


def _shown(value: Rational) -> str:
    return decimal_text(value) if terminates(value) and bits(value) < 400 else approximate_text(value)


def converted(scope: Scope, children: list[Child]) -> Any:
    value, source = quantity(scope, nodes(children)[0])
    return _shown(converted_value(value, source, str(children[-1])))


def many_in(scope: Scope, children: list[Child]) -> Any:
    target = next(str(child) for child in children if getattr(child, "type", "") == "UNIT")
    value, source = quantity(scope, nodes(children)[0])
    return _shown(converted_value(value, source, target))


# ---- clock ----


def minutes_of(said: str) -> tuple[int, bool]:
    """Minutes since midnight, and whether AM or PM was said."""
    match = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?\s*(?:([ap])\.?m\.?)?", said.lower())
    if match is None:
        raise NotUnderstood("a time that it does not read")
    hour, minute, half = int(match.group(1)), int(match.group(2) or 0), match.group(3)
    if minute > 59 or (half and not 1 <= hour <= 12) or hour > 23:
        raise NoAnswer("a time that there is not")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 60 + minute, half is not None


def between_times(scope: Scope, children: list[Child]) -> Any:
    del scope
    unit = str(children[1])
    (start, said), (end, also) = (minutes_of(str(child)) for child in children if child.type == "TIME")
    if said != also or unit not in {"second", "minute", "hour"}:
        raise NoAnswer("times of different kinds")
    return _shown(converted_value(Integer((end - start) % DAY_MINUTES), "minute", unit))


def _shifted(scope: Scope, children: list[Child], sign: int) -> str:
    value, unit = quantity(scope, nodes(children)[0])
    start, halves = minutes_of(str(children[-1]))
    if unit not in {"minute", "hour"}:
        raise NoAnswer("a shift that is not in minutes or hours")
    shift = converted_value(value, unit, "minute")
    if not shift.is_Integer:
        raise NoAnswer("a shift of part of a minute")
    at = int(start + sign * shift) % DAY_MINUTES
    hour, minute = divmod(at, 60)
    if not halves:
        return f"{hour:02}:{minute:02}"
    return f"{(hour - 1) % 12 + 1}:{minute:02} {'AM' if hour < 12 else 'PM'}"


# ---- calendar ----


def date_of(said: str) -> dt.date:
    words = re.findall(r"[a-z]+|\d+", said.lower())
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", said):
        year, month, day = (int(word) for word in words)
    else:
        month = next(MONTHS[word] for word in words if word in MONTHS)
        day, year = (int(word) for word in words if word.isdigit())
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise NoAnswer("a date that there is not") from None


def between_dates(scope: Scope, children: list[Child]) -> Any:
    del scope
    unit = str(children[1])
    start, end = (date_of(str(child)) for child in children if child.type == "DATE")
    if end < start:
        start, end = end, start
    if unit in _FIXED:
        return _shown(converted_value(Integer((end - start).days), "day", unit))
    months = (end.year - start.year) * 12 + end.month - start.month
    whole = months if end.day == start.day else None
    if whole is None or unit not in CALENDAR_MONTHS:
        raise NoAnswer("months that are not whole")
    return _shown(Rational(whole, CALENDAR_MONTHS[unit]))


def _moved(scope: Scope, children: list[Child], sign: int) -> str:
    value, unit = quantity(scope, nodes(children)[0])
    start = date_of(str(children[-1]))
    if unit in _FIXED:
        days = converted_value(value, unit, "day")
        if not days.is_Integer or abs(days) > MAX_DAYS:
            raise NoAnswer("a shift of part of a day")
        return _written(start, int(start.toordinal() + sign * days))
    if unit not in CALENDAR_MONTHS or not value.is_Integer:
        raise NoAnswer("a shift that it does not read")
    months = start.year * 12 + start.month - 1 + sign * int(value) * CALENDAR_MONTHS[unit]
    try:
        return _said(dt.date(months // 12, months % 12 + 1, start.day))
    except ValueError:
        raise NoAnswer("a day that the month does not have") from None


def _written(start: dt.date, ordinal: int) -> str:
    del start
    try:
        return _said(dt.date.fromordinal(ordinal))
    except (ValueError, OverflowError):
        raise NoAnswer("a date beyond the calendar") from None


def _said(date: dt.date) -> str:
    return f"{date.day} {date:%B} {date.year}"


def weekday(scope: Scope, children: list[Child]) -> Any:
    del scope
    return f"{date_of(str(children[-1])):%A}"


TASKS = {
    "converted": converted,
    "many_in": many_in,
    "between_times": between_times,
    "after_time": lambda scope, children: _shifted(scope, children, 1),
    "before_time": lambda scope, children: _shifted(scope, children, -1),
    "between_dates": between_dates,
    "after_date": lambda scope, children: _moved(scope, children, 1),
    "before_date": lambda scope, children: _moved(scope, children, -1),
    "weekday": weekday,
}
