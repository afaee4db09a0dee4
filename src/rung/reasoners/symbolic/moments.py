"""What is reckoned from a moment that was given: `It is 10 PM`, `today is Monday`."""

from collections.abc import Sequence
from typing import Any

from rung.reasoners.symbolic import clock, dates
from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.scope import Child, Scope, tokens_of

_KINDS = ("TIME", "DATE", "DAY")


def moment(scope: Scope, children: list[Child]) -> None:
    """`It is 3 PM UTC-5`, `today is Monday`: kept for the question."""
    if scope.moment:
        raise NotUnderstood("two times")
    scope.moment = children


def _now(scope: Scope, children: Sequence[Child] = ()) -> Child:
    """The moment that was given, with the question or before it."""
    said = tokens_of([*scope.moment, *children], *_KINDS, "ZONE")
    if len(said) != 1 or said[0].type == "ZONE":
        raise NotUnderstood("no time that was given, two, or one with its offset")
    return said[0]


def moment_later(scope: Scope, children: list[Child]) -> Any:
    """`It is 10 PM. What time is it in 3 hours?`, `Today is Monday. What day was it 10 days ago?`"""
    now, said = _now(scope, children), scope.text.lower()
    moved = [child for child in children if getattr(child, "type", "") not in _KINDS] + [now]
    sign = -1 if tokens_of(children, "AGO") else 1
    if tokens_of(children, "WEEKDAY") and now.type != "TIME":
        return dates.weekday_moved(scope, moved) if now.type == "DATE" else dates.weekday_after(scope, moved)
    if now.type == "TIME" and "date" not in said and not tokens_of(children, "WEEKDAY"):
        return clock.shifted(scope, moved, sign)
    if now.type == "DATE" and "time" not in said:
        return dates.after_date(scope, moved) if sign > 0 else dates.before_date(scope, moved)
    raise NotUnderstood("a moment of another kind than was given")


def moment_weekday(scope: Scope, children: list[Child]) -> Any:
    """`Today is 5 May 2024. What day of the week is it?`"""
    now = _now(scope)
    if now.type != "DATE":
        raise NotUnderstood("nothing asked of it")
    return dates.weekday(scope, [*children, now])


def _from_now(scope: Scope, children: list[Child]) -> list[Child]:
    """The two moments in their order: `until 5 PM from 3 PM`, or from the one that was given."""
    ends = tokens_of(children, *_KINDS)
    if len(ends) == 1:
        ends.append(_now(scope))
    elif scope.moment:
        raise NotUnderstood("two moments to begin from")
    end, start = ends
    if end.type != start.type or (end.type == "DATE" and dates.date_of(str(end)) <= dates.date_of(str(start))):
        raise NoAnswer("a moment of another kind, or one that is past")
    return [*tokens_of(children, "HOW_MANY", "HOW_LONG", "UNIT"), start, end]


def until(scope: Scope, children: list[Child]) -> Any:
    """`how many days until 25 December 2026 from 30 November 2026`."""
    asked = _from_now(scope, children)
    return clock.between_times(scope, asked) if asked[-1].type == "TIME" else dates.between_dates(scope, asked)


def long_until(scope: Scope, children: list[Child]) -> Any:
    asked = _from_now(scope, children)
    return clock.long_between(scope, asked) if asked[-1].type == "TIME" else dates.long_between_dates(scope, asked)


TASKS = {
    "moment_later": moment_later,
    "moment_weekday": moment_weekday,
    "until": until,
    "long_until": long_until,
}
