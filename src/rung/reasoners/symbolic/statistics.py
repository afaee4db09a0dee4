"""What is asked of a list of numbers."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from lark import Token
from sympy import Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import call, nth_root, over, reals
from rung.reasoners.symbolic.operands import alike, listed, product
from rung.reasoners.symbolic.scope import Child, Scope, nodes
from rung.reasoners.symbolic.steps import numbers as explain
from rung.reasoners.symbolic.steps.spelled import worked


def _mean(members: list[Any]) -> Any:
    return sympy.Add(*members) / len(members)


def _median(members: list[Any]) -> Any:
    ordered = sorted(reals(members))
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _mode(members: list[Any]) -> Any:
    counted = Counter(members)
    most = max(counted.values())
    found = [member for member, count in counted.items() if count == most]
    if most == 1:
        raise NoAnswer("no mode: every number occurs once")
    return tuple(sorted(found))


def _variance(members: list[Any], less: int = 0) -> Any:
    if len(members) <= less:
        raise NoAnswer("too few numbers")
    middle = _mean(members)
    return sympy.Add(*((member - middle) ** 2 for member in members)) / (len(members) - less)


def _gap(members: list[Any]) -> Any:
    if len(members) != 2:
        raise NotUnderstood("a difference of other than two")
    if any(member.free_symbols for member in members):
        raise NoAnswer("a difference of letters")
    return abs(members[0] - members[1])


def _no_times(members: list[Any]) -> Any:
    raise NotUnderstood("numbers that may be times of either half of a day")


def _geometric(members: list[Any]) -> Any:
    if not all(member.is_nonnegative for member in reals(members)):
        raise NoAnswer("a geometric mean of what is negative")
    return nth_root(product(members), len(members))


def _denominator(members: list[Any]) -> Any:
    if not all(member.is_Rational for member in members):
        raise NoAnswer("not fractions")
    return Integer(sympy.ilcm(*(int(member.q) for member in members)))


LISTS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "add": lambda members: sympy.Add(*members),
    "mul": product,
    "gap": _gap,
    "time_gap": _no_times,
    "gcd": lambda members: call("gcd", members),
    "lcm": lambda members: call("lcm", members),
    "denominator": _denominator,
    "mean": _mean,
    "median": _median,
    "mode": _mode,
    "range": lambda members: max(reals(members)) - min(reals(members)),
    "variance": _variance,
    "stdev": lambda members: sympy.sqrt(_variance(members)),
    "sample_variance": lambda members: _variance(members, 1),
    "sample_stdev": lambda members: sympy.sqrt(_variance(members, 1)),
    "geometric": _geometric,
    "harmonic": lambda members: len(members) / sympy.Add(*(over(Integer(1), member) for member in members)),
    "maximum": lambda members: call("maximum", members),
    "minimum": lambda members: call("minimum", members),
}


_AVERAGES: Final = frozenset({"mean", "median", "variance", "sample_variance"})

# What does not add its numbers: a percentage among them is what it is.
_OF_MIXED: Final = frozenset({"mul", "maximum", "minimum"})

_WORDS: Final = frozenset({"WPLUS", "WMINUS", "WTIMES", "WDIVIDED", "WPOWER"})


def _is_token(child: Child) -> bool:
    return isinstance(child, Token)


def of_list(scope: Scope, children: list[Child]) -> Any:
    if str(children[0]) not in _OF_MIXED:
        alike(nodes(nodes(children)[0].children))
    members = listed(scope, nodes(children)[0])
    if any(token.type in _WORDS for one in nodes(children) for token in one.scan_values(_is_token)):
        raise NotUnderstood("a list with words that may be of all of it")
    only = nodes(nodes(children)[0].children)[0].data if len(members) == 1 else ""
    if len(members) < 2 and (str(children[0]), only) not in {("add", "plus"), ("mul", "times")}:
        raise NotUnderstood("a list of one")
    if str(children[0]) in _AVERAGES:
        scope.decimal = scope.decimal or all(member.is_Integer for member in members)
    result = LISTS[str(children[0])](members)
    if len(members) > 1:
        explain.listed(scope.steps, str(children[0]), members, result)
    else:
        worked(scope, nodes(nodes(children)[0].children)[0])
    return result


TASKS = {
    "of_list": of_list,
}
