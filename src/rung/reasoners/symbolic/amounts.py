"""Amounts with units: which is more, and in what order."""

from typing import Any

from sympy import Rational

from rung.reasoners.symbolic import compare
from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.measures import apart
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.unit_names import DOLLAR_SIGN
from rung.reasoners.symbolic.units import answered, convert, converted_value, quantity_of


def _sized(scope: Scope, parts: list[list[Node]]) -> list[tuple[Any, str]]:
    """Each amount in the first one's unit, and as it was written."""
    found: list[tuple[Any, str]] = []
    unit = ""
    for measures in parts:
        one = quantity_of(scope, measures)
        unit = unit or one.unit
        written = scope.text[measures[0].meta.start_pos : measures[-1].meta.end_pos].strip()
        said = answered(one.value, one.unit, one.typed) if one.typed == DOLLAR_SIGN else written
        found.append((convert(scope, one, unit) if one.unit != unit else one.value, said))
    if len(found) < 2:
        raise NotUnderstood("a list of one")
    return found


def _listed(scope: Scope, children: list[Child]) -> list[tuple[Any, str]]:
    """`3 km, 2 miles and 500 m`. Raises NotUnderstood for `2 feet, 5 feet and 3 inches`: the last two may be one."""
    *others, last = (apart(one) for one in nodes(next(n for n in nodes(children) if n.data == "amounts").children))
    if any(len(one) > 1 for one in others) or len(last) > 2:
        raise NotUnderstood("amounts that may be one")
    if others and len(last) > 1:
        units = [str(measures[-1].children[-1]) for measures in last]
        if units[0] != units[1] and converted_value(Rational(1), *units) > 1:
            raise NotUnderstood("amounts that may be one")
    return _sized(scope, [measures for one in (*others, last) for measures in one])


def sort_amounts(scope: Scope, children: list[Child]) -> Any:
    return compare.in_order_asked(scope, children, _listed(scope, children))


def kth_amount(scope: Scope, children: list[Child]) -> Any:
    return compare.kth_of(scope, nodes(children)[0], _listed(scope, children))


def _two(scope: Scope, children: list[Child]) -> list[tuple[Any, str]]:
    return _sized(scope, [nodes(one.children) for one in nodes(children)])


def larger_amount(scope: Scope, children: list[Child]) -> Any:
    found = compare.ordered(_two(scope, children))
    if found[0][0] == found[1][0]:
        raise NoAnswer("both are equal")
    scope.say(" < ".join(said for _, said in found))
    return found[-1 if str(tokens_of(children, "WHICH")[0]) == "big" else 0][1]


def compare_amounts(scope: Scope, children: list[Child]) -> Any:
    """`is 3 km longer than 2 miles`."""
    (left, _), (right, _) = _two(scope, children)
    relation = str(tokens_of(children, "REL", "EQ")[0])
    scope.say(f"{{}} {'<' if left < right else '>' if left > right else '='} {{}}", left, right)
    return compare.RELATIONS[relation](left, right)


TASKS = {
    "sort_amounts": sort_amounts,
    "kth_amount": kth_amount,
    "larger_amount": larger_amount,
    "compare_amounts": compare_amounts,
}
