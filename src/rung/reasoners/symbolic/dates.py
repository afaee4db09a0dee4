"""The calendar: days between, dates after and before, weekdays, months, leap years, ages."""

import datetime as dt
import re
from calendar import isleap, monthrange
from typing import Any, Final

from sympy import Integer, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import build
from rung.reasoners.symbolic.operands import difference_asked, whole
from rung.reasoners.symbolic.scope import Child, Scope, nodes, tokens_of
from rung.reasoners.symbolic.unit_names import CALENDAR_MONTHS, MONTHS, WEEKDAYS
from rung.reasoners.symbolic.units import converted_value, quantity, shown

MAX_DAYS: Final = 3_000_000
MAX_LISTED: Final = 25
FIRST_YEAR: Final = 1583
_FIXED: Final = {"second", "minute", "hour", "day", "week", "fortnight"}
_NAMES: Final = [dt.date(2000, month, 1).strftime("%B") for month in range(1, 13)]
# A day whose weekday is well known: the first of 2000 was a Saturday.
_KNOWN: Final = dt.date(2000, 1, 1)


def date_of(said: str) -> dt.date:
    words = re.findall(r"[a-z]+|\d+", said.lower())
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", said):
        year, month, day = (int(word) for word in words)
    else:
        month = next(MONTHS[word] for word in words if word in MONTHS)
        day, year = (int(word) for word in words if word.isdigit())
    if year < FIRST_YEAR:
        raise NoAnswer("a year before the calendar")
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise NoAnswer("a date that there is not") from None


def _dates(children: list[Child]) -> list[dt.date]:
    return [date_of(str(token)) for token in tokens_of(children, "DATE")]


def _said(date: dt.date) -> str:
    return f"{date.day} {_NAMES[date.month - 1]} {date.year}"


def _weekday(date: dt.date) -> str:
    return WEEKDAYS[date.weekday()].capitalize()


# ---- between ----


def days_between(scope: Scope, children: list[Child]) -> int:
    start, end = sorted(_dates(children))
    _tell_days(scope, start, end)
    return (end - start).days


def _tell_days(scope: Scope, start: dt.date, end: dt.date) -> None:
    """Month by month within a year, year by year beyond one."""
    days = (end - start).days
    if (start.year, start.month) == (end.year, end.month):
        scope.say(f"{end.day} - {start.day} = {days} days")
        return
    counts: list[tuple[str, int]] = []
    at = start
    while (at.year, at.month) != (end.year, end.month):
        full_year = at.month == 1 and at.day == 1 and at.year < end.year
        following = dt.date(at.year + 1, 1, 1) if full_year else _first_after(at)
        if len(counts) > 60:
            counts = []
            break
        name = f"{at.year}" if full_year else f"{_NAMES[at.month - 1]} {at.year}"
        counts.append((name if at != start or full_year else f"rest of {name}", (following - at).days))
        at = following
    else:
        if end.day > at.day:
            counts.append((f"{_NAMES[at.month - 1]} {at.year}", end.day - at.day))
    if not counts:
        years, leaps = end.year - start.year, sum(map(isleap, range(start.year, end.year)))
        total = years * 365 + leaps
        scope.say(f"From 1 January {start.year} to 1 January {end.year}: {years}*365 + {leaps} leap days = {total}")
        into = [(date - dt.date(date.year, 1, 1)).days for date in (start, end)]
        scope.say(f"{_said(start)} is {into[0]} days into its year, {_said(end)} {into[1]} days")
        scope.say(f"{total} - {into[0]} + {into[1]} = {days}")
        return
    for name, count in counts:
        scope.say(f"{name}: {count} days")
    scope.steps.chain([" + ".join(str(count) for _, count in counts), str(days)])


def _first_after(at: dt.date) -> dt.date:
    return dt.date(at.year + at.month // 12, at.month % 12 + 1, 1)


def between_dates(scope: Scope, children: list[Child]) -> Any:
    _ends_open(children)
    unit = str(tokens_of(children, "UNIT")[0])
    if unit in _FIXED:
        days = days_between(scope, children)
        result = converted_value(Integer(days), "day", unit)
        if unit != "day":
            scope.say(f"{days} days = {shown(result)} {unit}s" if Rational(shown(result)) == result else f"{days} days")
        return shown(result)
    start, end = sorted(_dates(children))
    months = (end.year - start.year) * 12 + end.month - start.month
    if end.day != start.day or unit not in CALENDAR_MONTHS:
        raise NoAnswer("months that are not whole")
    scope.say(f"{end.year - start.year}*12 + {end.month} - {start.month} = {months} months")
    return shown(Rational(months, CALENDAR_MONTHS[unit]))


def _ends_open(children: list[Child]) -> None:
    """Raises NoAnswer for `from 1 May 2024 through 31 May 2024`: both days are counted."""
    if any(str(token) == "through" for token in tokens_of(children, "UNTIL")):
        raise NoAnswer("days of which the last may be counted too")


def between_years(scope: Scope, children: list[Child]) -> Any:
    """`years between 1969 and 2024`."""
    _ends_open(children)
    first, last = _years(children)
    if [str(token) for token in tokens_of(children, "UNIT")] != ["year"]:
        raise NoAnswer("years in another unit")
    scope.say(f"{last} - {first} = {last - first}")
    return str(last - first)


def leap_years(scope: Scope, children: list[Child]) -> Any:
    """`leap years between 2001 and 2050`. Raises NoAnswer where an end is one: it may be counted."""
    first, last = _years(children)
    if isleap(first) or isleap(last):
        raise NoAnswer("leap years of which the last may be counted too")
    found = [year for year in range(first, last) if isleap(year)]
    scope.say(f"They are {', '.join(map(str, found))}" if len(found) <= MAX_LISTED else f"There are {len(found)}")
    return str(len(found))


def _years(children: list[Child]) -> tuple[int, int]:
    said = [str(token) for token in tokens_of(children, "NUM")]
    if not all(re.fullmatch(r"\d{4}", one) for one in said):
        raise NoAnswer("numbers that are no years")
    first, last = (_year(int(one)) for one in said)
    if last <= first:
        raise NoAnswer("years that end before they begin")
    return first, last


def long_between_dates(scope: Scope, children: list[Child]) -> Any:
    _ends_open(children)
    difference_asked(children)
    days = days_between(scope, children)
    return f"{days} day{'s' if days != 1 else ''}"


# ---- after and before ----


def _moved(scope: Scope, children: list[Child], sign: int) -> dt.date:
    value, unit, _ = quantity(scope, nodes(children)[0])
    (start,) = _dates(children)
    if unit in _FIXED:
        days = converted_value(value, unit, "day")
        if not days.is_Integer or abs(days) > MAX_DAYS:
            raise NoAnswer("a shift of part of a day")
        if unit != "day":
            scope.say(f"{shown(value)} {unit}{'s' if value != 1 else ''} = {days} days")
        return _counted(scope, start, int(sign * days))
    if unit not in CALENDAR_MONTHS or not value.is_Integer:
        raise NoAnswer("a shift that it does not read")
    count = sign * int(value) * CALENDAR_MONTHS[unit]
    months = start.year * 12 + start.month - 1 + count
    try:
        end = dt.date(months // 12, months % 12 + 1, start.day)
    except ValueError:
        raise NoAnswer("a day that the month does not have") from None
    first, last = (f"{_NAMES[date.month - 1]} {date.year}" for date in (start, end))
    scope.say(f"{abs(count)} months {'after' if count >= 0 else 'before'} {first} is {last}; the day stays {start.day}")
    return end


def _counted(scope: Scope, start: dt.date, days: int) -> dt.date:
    try:
        end = dt.date.fromordinal(start.toordinal() + days)
    except (ValueError, OverflowError):
        raise NoAnswer("a date beyond the calendar") from None
    if end.year < FIRST_YEAR:
        raise NoAnswer("a date before the calendar")
    _tell_days(scope, *sorted((start, end)))
    return end


def days_apart(scope: Scope, children: list[Child]) -> Any:
    """`how many days after 30 November 2026 is 25 December 2026`."""
    first, second = _dates(children)
    if first == second or (first < second) != bool(tokens_of(children, "AFTER")):
        raise NoAnswer("a day on the other side")
    return between_dates(scope, children)


def after_date(scope: Scope, children: list[Child]) -> Any:
    return _said(_moved(scope, children, 1))


def before_date(scope: Scope, children: list[Child]) -> Any:
    return _said(_moved(scope, children, -1))


# ---- weekdays ----


def _tell_weekday(scope: Scope, date: dt.date) -> str:
    gap = (date - _KNOWN).days
    way = "after" if gap >= 0 else "before"
    if gap:
        scope.say(f"{_said(date)} is {abs(gap)} days {way} {_said(_KNOWN)}, a Saturday")
        weeks, days = divmod(abs(gap), 7)
        few = f"{days} day{'s' if days != 1 else ''}"
        scope.say(f"{abs(gap)} = {weeks}*7 + {days}: {few} {way} a Saturday is a {_weekday(date)}")
    return _weekday(date)


def weekday(scope: Scope, children: list[Child]) -> Any:
    (date,) = _dates(children)
    return _tell_weekday(scope, date)


def weekday_moved(scope: Scope, children: list[Child]) -> Any:
    """`what day of the week is 100 days after 3 May 2024`; the day and the date where the words ask for either."""
    sign = -1 if tokens_of(children, "BEFORE", "AGO") else 1
    asked = str(children[0])
    date = _moved(scope, children, sign)
    day = _tell_weekday(scope, date)
    return day if asked == "weekday" else f"{day}, {_said(date)}"


def weekday_after(scope: Scope, children: list[Child]) -> Any:
    """`what day is 100 days after Monday`."""
    sign = -1 if tokens_of(children, "BEFORE", "AGO") else 1
    value, unit, _ = quantity(scope, nodes(children)[0])
    days = converted_value(value, unit, "day") if unit in _FIXED else None
    if days is None or not days.is_Integer:
        raise NoAnswer("a shift of part of a day")
    start = WEEKDAYS.index(str(tokens_of(children, "DAY")[0]))
    count = int(days)
    scope.say(f"{count} = {count // 7}*7 + {count % 7}, and 7 days lead to the same weekday")
    return WEEKDAYS[(start + sign * count) % 7].capitalize()


def is_weekday(scope: Scope, children: list[Child]) -> Any:
    (date,) = _dates(children)
    day = str(tokens_of(children, "DAY")[0])
    return _tell_weekday(scope, date).lower() == day


# ---- months and years ----


def month_days(scope: Scope, children: list[Child]) -> Any:
    """`days in February 2024`, `days in April`. February needs its year."""
    unit = next((str(child) for child in children if getattr(child, "type", "") == "UNIT"), "day")
    words = str(tokens_of(children, "MONTH")[0]).lower().split()
    words += [str(token) for token in tokens_of(children, "NUM")]
    years = [int(word) for word in words[1:] if word.isdigit()]
    if len(years) > 1:
        raise NotUnderstood("two years of a month")
    month, year = MONTHS[words[0].strip(".,")], _year(years[0]) if years else 0
    if unit != "day" or (month == 2 and not year):
        raise NoAnswer("a month whose days it cannot tell")
    if month == 2:
        _tell_leap(scope, year)
    count = monthrange(year or 2001, month)[1]
    scope.say(f"{_NAMES[month - 1]}{f' {year}' if year else ''} has {count} days")
    return str(count)


def year_days(scope: Scope, children: list[Child]) -> Any:
    """`days in 2024`."""
    unit = str(tokens_of(children, "UNIT")[0])
    node = nodes(children)[0]
    year = whole(build(node, scope))
    if unit != "day" or node.data != "number":
        raise NotUnderstood("a quantity without its unit")
    return "366" if _tell_leap(scope, _year(year)) else "365"


def leap_days(_: Scope, children: list[Child]) -> Any:
    """`days in a leap year`."""
    if str(tokens_of(children, "UNIT")[0]) != "day":
        raise NotUnderstood("a quantity without its unit")
    return "366"


def _year(year: int) -> int:
    if not FIRST_YEAR <= year <= 9999:
        raise NoAnswer("a year before the calendar")
    return year


def _tell_leap(scope: Scope, year: int) -> bool:
    if year % 400 == 0:
        rule = "a multiple of 400"
    elif year % 100 == 0:
        rule = "a multiple of 100, but not of 400"
    else:
        rule = "a multiple of 4, but not of 100" if year % 4 == 0 else "no multiple of 4"
    scope.say(f"{year} is {rule}, so it is {'a' if isleap(year) else 'no'} leap year")
    return isleap(year)


def leap(scope: Scope, children: list[Child]) -> Any:
    return _tell_leap(scope, _year(whole(build(nodes(children)[0], scope))))


def next_leap(scope: Scope, children: list[Child]) -> Any:
    """`next leap year after 2021`."""
    year = _year(whole(build(nodes(children)[0], scope)))
    step = -1 if str(children[0]) == "before" else 1
    found = next(one for one in range(year + step, year + 9 * step, step) if isleap(one))
    _tell_leap(scope, _year(found))
    return str(found)


def age(scope: Scope, children: list[Child]) -> Any:
    """Whole years from a birth to a day; on which day somebody born on 29 February is a year older is left open."""
    born, at = _dates(children)
    if at < born:
        raise NoAnswer("a day before the birth")
    if (born.month, born.day) == (2, 29) and (at.month, at.day) == (2, 28) and not isleap(at.year):
        raise NoAnswer("a birthday that the year does not have")
    had = (at.month, at.day) >= (born.month, born.day)
    years = at.year - born.year - (not had)
    written = f"{at.year} - {born.year}{'' if had else ' - 1'}"
    scope.say(f"The birthday in {at.year} {'has come' if had else 'is still to come'}: {written} = {years}")
    return str(years)


def born(scope: Scope, children: list[Child]) -> None:
    """`I was born on 3 May 1990`: kept for the question."""
    if scope.born:
        raise NotUnderstood("two births")
    scope.born = tokens_of(children, "BORN", "DATE")


def age_asked(scope: Scope, children: list[Child]) -> Any:
    who = [str(child) for child in [*scope.born, *children] if child.type in {"BORN", "HOW_OLD"}]
    if len(who) != 2 or who[0] != who[1]:
        raise NotUnderstood("nobody's birth, or another's")
    return age(scope, [*scope.born, *children])


TASKS = {
    "between_dates": between_dates,
    "between_years": between_years,
    "days_apart": days_apart,
    "leap_years": leap_years,
    "long_between_dates": long_between_dates,
    "after_date": after_date,
    "before_date": before_date,
    "weekday": weekday,
    "weekday_moved": weekday_moved,
    "weekday_after": weekday_after,
    "is_weekday": is_weekday,
    "month_days": month_days,
    "year_days": year_days,
    "leap_days": leap_days,
    "leap": leap,
    "next_leap": next_leap,
    "age": age,
    "age_asked": age_asked,
}
