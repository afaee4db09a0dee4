"""Clock times: what comes after, what lies between, and the same moment at another offset from UTC."""

import re
from typing import Any, Final

from sympy import Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.operands import difference_asked
from rung.reasoners.symbolic.scope import Child, Scope, nodes, tokens_of
from rung.reasoners.symbolic.units import SHORT_TIMES, converted_value, quantity, shown

HOUR: Final = 60
DAY: Final = 24 * HOUR
MAX_OFFSET: Final = 14 * HOUR


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


def on_clock(minutes: int, halves: bool = False) -> str:
    hour, minute = divmod(minutes, HOUR)
    if halves:
        return f"{(hour - 1) % 12 + 1}:{minute:02} {'AM' if hour % 24 < 12 else 'PM'}"
    return f"{hour:02}:{minute:02}"


def _times(children: list[Child]) -> list[tuple[int, bool]]:
    return [minutes_of(str(token)) for token in tokens_of(children, "TIME")]


def _gap(scope: Scope, children: list[Child]) -> int:
    """Minutes from the first time on to the second, which may be the next day's."""
    (start, said), (end, also) = _times(children)
    if said != also:
        raise NoAnswer("times of different kinds")
    if end < start and not said and all(map(_may_be_half, children)):
        raise NoAnswer("times that may be before or after noon")
    if end == start:
        raise NoAnswer("no time, or a day")
    later = end if end > start else end + DAY
    if said:
        scope.say(f"On a clock of 24 hours: {on_clock(start)} and {on_clock(end)}")
    if later > end:
        scope.say(f"{on_clock(end)} is on the next day: {on_clock(end)} + 24:00 = {on_clock(later)}")
    gap = later - start
    scope.say(f"{on_clock(later)} - {on_clock(start)} is {_duration(gap)}")
    if gap >= HOUR:
        scope.say(f"{gap // HOUR}*60 + {gap % HOUR} = {gap} minutes")
    return gap


def _may_be_half(child: Child) -> bool:
    """Whether `9:00` may be in the evening too: `09:00` and `13:00` are of a clock of 24 hours."""
    return getattr(child, "type", "") != "TIME" or re.match(r"(?:[1-9]|1[0-2]):", str(child)) is not None


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, HOUR)
    parts = ([f"{hours} h"] if hours else []) + ([f"{rest} min"] if rest or not hours else [])
    return " ".join(parts)


def between_times(scope: Scope, children: list[Child]) -> Any:
    """In the unit asked; in hours and minutes if two are."""
    units = [str(token) for token in tokens_of(children, "UNIT")]
    gap = _gap(scope, children)
    if units == ["hour", "minute"]:
        return _duration(gap)
    if len(units) != 1 or units[0] not in SHORT_TIMES:
        raise NoAnswer("times of different kinds")
    return shown(converted_value(Integer(gap), "minute", units[0]))


def long_between(scope: Scope, children: list[Child]) -> Any:
    difference_asked(children)
    times = [minutes for minutes, _ in _times(children)]
    if any(child.type == "LIST_OF" for child in children) and times != sorted(times):
        raise NoAnswer("a difference that may be of one day or of two")
    return _duration(_gap(scope, children))


def shifted(scope: Scope, children: list[Child], sign: int) -> str:
    """A time so much later, or earlier."""
    value, unit, _ = quantity(scope, nodes(children)[0])
    ((start, halves),) = _times(children)
    if unit not in {"minute", "hour"}:
        raise NoAnswer("a shift that is not in minutes or hours")
    shift = converted_value(value, unit, "minute")
    if not shift.is_Integer:
        raise NoAnswer("a shift of part of a minute")
    moved = int(start + sign * shift)
    days, at = divmod(moved, DAY)
    if halves:
        scope.say(f"{on_clock(start, True)} is {on_clock(start)}")
    hours, rest = divmod(int(shift), HOUR)
    if hours:
        scope.say(f"{shift} minutes = {hours} h {rest} min")
    if moved >= 0:
        scope.say(f"{on_clock(start)} {'+' if sign > 0 else '-'} {hours}:{rest:02} = {on_clock(moved)}")
    else:
        scope.say(f"{on_clock(start)} + {-days}*24:00 - {hours}:{rest:02} = {on_clock(at)}")
    if days > 0:
        scope.say(f"Less {days}*24:00: {on_clock(at)}")
    return on_clock(at, halves)


# ---- offsets ----


def offset_of(said: str) -> int:
    """`UTC+5:30` -> 330 minutes."""
    match = re.fullmatch(r"(?:utc|gmt)\s*(?:([-+])\s*(\d{1,2})(?::(\d{2}))?)?", said.lower())
    if match is None:
        raise NotUnderstood("an offset that it does not read")
    sign, hours, minutes = match.group(1), int(match.group(2) or 0), int(match.group(3) or 0)
    size = hours * HOUR + minutes
    if size > MAX_OFFSET or minutes > 59:
        raise NoAnswer("an offset that there is not")
    return -size if sign == "-" else size


def zoned(scope: Scope, children: list[Child]) -> Any:
    """`3 PM UTC-5 in UTC+1`."""
    ((start, halves),) = _times(children)
    zones = tokens_of(children, "ZONE")
    if len(zones) != 2:
        raise NotUnderstood("a time without its offset")
    source, target = (offset_of(str(zone)) for zone in zones)
    utc = start - source
    moved = utc + target
    days, at = divmod(moved, DAY)
    scope.say(f"In UTC it is {on_clock(utc % DAY)}{_day(utc // DAY)}")
    scope.say(f"There it is {on_clock(at)}{_day(days)}")
    return on_clock(at, halves) + _day(days)


def zoned_given(scope: Scope, children: list[Child]) -> Any:
    """`what time is it in UTC+1 when it is 3 PM UTC-5`: the target comes first."""
    zones = tokens_of(children, "ZONE")
    others = [child for child in children if getattr(child, "type", "") != "ZONE"]
    return zoned(scope, [*others, *reversed(zones)])


def zoned_asked(scope: Scope, children: list[Child]) -> Any:
    if not scope.moment:
        raise NotUnderstood("no time that was given")
    return zoned(scope, [*scope.moment, *children])


def _day(days: int) -> str:
    return {0: "", 1: " the next day", -1: " the day before"}[days]


def clock_form(scope: Scope, children: list[Child]) -> Any:
    """`5 pm in 24-hour time`, `17:30 in 12-hour time`."""
    ((minutes, halves),) = _times(children)
    hours = next((str(child) for child in children if child.type == "NUM"), "24")
    unit = next((str(child) for child in children if child.type == "UNIT"), "hour")
    if unit != "hour" or hours not in {"12", "24"}:
        raise NotUnderstood("a clock that there is not")
    if halves == (hours == "12") or (not halves and all(map(_may_be_half, children))):
        raise NoAnswer("a time that is so already, or may be before or after noon")
    scope.say(f"{on_clock(minutes, halves)} = {on_clock(minutes, not halves)}")
    return on_clock(minutes, not halves)


TASKS = {
    "clock_form": clock_form,
    "between_times": between_times,
    "long_between": long_between,
    "after_time": lambda scope, children: shifted(scope, children, 1),
    "before_time": lambda scope, children: shifted(scope, children, -1),
    "zoned": zoned,
    "zoned_given": zoned_given,
    "zoned_asked": zoned_asked,
}
