"""Dates in text, whatever way they are written."""

import re
from collections.abc import Iterator
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?![/-]?\d|\.\d)")
_BETWEEN = r"[\s.,/-]"
_DAY, _YEAR = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<year>\d{4}|\d\d)"
_NAMED = (
    re.compile(rf"\b{_DAY}{_BETWEEN}{{0,2}}(?:of\s)?{_MONTH}{_BETWEEN}{{0,2}}{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}{_BETWEEN}{{0,2}}{_DAY}{_BETWEEN}{{1,2}}{_YEAR}\b", re.IGNORECASE),
)
# Two digits of a year are of this century up to here, else of the last: POSIX's rule for %y.
_LAST_OF_THIS_CENTURY = 68


def dates_in(text: str) -> list[frozenset[date]]:
    """Each date of `text` by its possible readings: 03/04/2018 has two."""
    found = [_readings(int(m[1]), int(m[3]), int(m[4]), m[1]) for m in _NUMERIC.finditer(text)]
    for pattern in _NAMED:
        for m in pattern.finditer(text):
            month = _MONTHS.index(m["month"].lower()) + 1
            found.append(frozenset(_valid(_year(int(m["year"])), month, int(m["day"]))))
    return [readings for readings in found if readings]


def date_of(text: str) -> frozenset[date]:
    """The readings of a text that is one date and nothing else; empty if it is none."""
    text = text.strip()
    whole = [_NUMERIC.fullmatch(text), *(pattern.fullmatch(text) for pattern in _NAMED)]
    return next(iter(dates_in(text)), frozenset()) if any(whole) else frozenset()


def _readings(first: int, second: int, third: int, first_digits: str) -> frozenset[date]:
    if len(first_digits) == 4:
        return frozenset(_valid(first, second, third))
    year = _year(third)
    return frozenset((*_valid(year, second, first), *_valid(year, first, second)))


def _year(number: int) -> int:
    if number >= 100:
        return number
    return number + (2000 if number <= _LAST_OF_THIS_CENTURY else 1900)


def _valid(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return
