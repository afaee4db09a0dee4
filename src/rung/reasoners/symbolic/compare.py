"""Which is larger, closest, in what order; and what is true of a number. Operands come back as they were written."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Expr, Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import build
from rung.reasoners.symbolic.numbers import is_prime
from rung.reasoners.symbolic.operands import whole
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.steps import numbers
from rung.reasoners.symbolic.steps import order as explain
from rung.reasoners.symbolic.steps.spelled import worked


def real(node: Node, scope: Scope) -> Any:
    """A number that can be ordered. Raises NoAnswer for letters and infinities."""
    value = build(node, scope)
    if not (isinstance(value, Expr) and value.is_number and value.is_real and value.is_finite):
        raise NoAnswer("comparing what is no number")
    return value


def less(left: Any, right: Any) -> bool:
    """Decided exactly for rationals, by sign of the difference to 50 digits otherwise."""
    gap = left - right
    if gap.is_Rational:
        return bool(gap < 0)
    near = gap.evalf(50)
    if abs(near) < Integer(10) ** -40:
        if sympy.simplify(gap) == 0:
            return False
        raise NoAnswer("two numbers too close to tell apart")
    return bool(near < 0)


RELATIONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": lambda left, right: not less(right, left),
    ">=": lambda left, right: not less(left, right),
    "=": lambda left, right: not less(left, right) and not less(right, left),
    "!=": lambda left, right: less(left, right) or less(right, left),
}


def _both(scope: Scope, children: list[Child]) -> tuple[Any, Any]:
    """The values of two sides, and what they show."""
    sides = nodes(children)
    left, right = (real(node, scope) for node in sides)
    for node in sides:
        worked(scope, node)
    explain.compared(scope.steps, left, right, "<" if less(left, right) else ">" if less(right, left) else "=")
    return left, right


def compare(scope: Scope, children: list[Child]) -> Any:
    left, right = _both(scope, children)
    relation = str(tokens_of(children, "REL", "EQ")[0])
    return RELATIONS[relation](left, right)


def kind(scope: Scope, children: list[Child]) -> Any:
    value = real(nodes(children)[0], scope)
    name = str(children[-1])
    if name not in _KINDS:
        raise NotUnderstood("a comparison with nothing")
    worked(scope, nodes(children)[0])
    result = _KINDS[name](value)
    explain.kind(scope.steps, name, value)
    return result


def _composite(value: Any) -> bool:
    return bool(whole(value) > 1 and not is_prime(value))


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "prime": is_prime,
    "composite": _composite,
    "even": lambda value: whole(value) % 2 == 0,
    "odd": lambda value: whole(value) % 2 == 1,
    "square": lambda value: whole(value) >= 0 and bool(sympy.sqrt(value).is_Integer),
    "cube": lambda value: bool(sympy.root(abs(Integer(whole(value))), 3).is_Integer),
}


def pair_kind(scope: Scope, children: list[Child]) -> Any:
    name = str(children[-1])
    if name in {"equal", "unequal"}:
        return RELATIONS["=" if name == "equal" else "!="](*_both(scope, children))
    if name == "coprime":
        left, right = (real(node, scope) for node in nodes(children))
        numbers.common_divisor(scope.steps, [whole(left), whole(right)])
        return sympy.igcd(whole(left), whole(right)) == 1
    raise NotUnderstood("a comparison of two that is of one")


def is_factor(scope: Scope, children: list[Child]) -> Any:
    part, total = (whole(real(node, scope)) for node in nodes(children))
    if part == 0:
        raise NoAnswer("zero is no factor")
    for node in nodes(children):
        worked(scope, node)
    numbers.division(scope.steps, total, part)
    return total % part == 0


def is_multiple(scope: Scope, children: list[Child]) -> Any:
    return is_factor(scope, nodes(children)[::-1])


# ---- lists ----


def members(scope: Scope, children: list[Child]) -> list[tuple[Any, str]]:
    """Values and how each was written."""
    parts = nodes(children)
    if len(parts) == 1 and parts[0].data == "vector":
        parts = nodes(parts[0].children[0].children)
    found = [(real(node, scope), scope.written(node)) for node in parts]
    if len(found) < 2:
        raise NotUnderstood("a list of one")
    return found


def options(scope: Scope, node: Node) -> list[tuple[Any, str]]:
    """Values and the letters of the choices."""
    marks = [str(token) for token in tokens_of(node.children, "OPTION")]
    return [(real(part, scope), mark) for part, mark in zip(nodes(node.children), marks, strict=True)]


def ordered(found: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    return sorted(found, key=lambda one: one[0] if one[0].is_Rational else one[0].evalf(50))


def _closest(scope: Scope, target: Any, found: list[tuple[Any, str]]) -> str:
    gaps = ordered([(abs(value - target), said) for value, said in found])
    if gaps[0][0] == gaps[1][0]:
        raise NoAnswer("two are equally close")
    explain.distances(scope.steps, target, found)
    return gaps[0][1]


def _items_last(children: list[Child]) -> list[Node]:
    """What is asked of a list, and the list, in whatever order they were said."""
    return sorted(nodes(children), key=lambda node: node.data == "items")


def closest(scope: Scope, children: list[Child]) -> Any:
    target, items = _items_last(children)
    return _closest(scope, real(target, scope), members(scope, items.children))


def closest_option(scope: Scope, children: list[Child]) -> Any:
    target, choices = nodes(children)
    return _closest(scope, real(target, scope), options(scope, choices))


def kth_of(scope: Scope, extreme: Node, found: list[tuple[Any, str]]) -> str:
    said = [str(child) for child in extreme.children]
    place = int(said[0]) if len(said) > 1 else 1
    listed = ordered(found)
    if said[-1] == "big":
        listed.reverse()
    if not 1 <= place <= len(listed):
        raise NoAnswer("no such place in the list")
    if sum(value == listed[place - 1][0] for value, _ in listed) > 1:
        raise NoAnswer("two are equal")
    scope.say("In order: " + ", ".join(said for _, said in listed))
    return listed[place - 1][1]


def _kth(scope: Scope, extreme: Node, found: list[tuple[Any, str]]) -> str:
    explain.sizes(scope.steps, ordered(found))
    return kth_of(scope, extreme, found)


def kth(scope: Scope, children: list[Child]) -> Any:
    extreme, items = _items_last(children)
    return _kth(scope, extreme, members(scope, items.children))


def kth_option(scope: Scope, children: list[Child]) -> Any:
    extreme, choices = nodes(children)
    return _kth(scope, extreme, options(scope, choices))


def larger(scope: Scope, children: list[Child]) -> Any:
    first, second = nodes(children)
    left, right = _both(scope, children)
    if RELATIONS["="](left, right):
        raise NoAnswer("both are equal")
    bigger_first = less(right, left)
    return scope.written(first if bigger_first == (str(tokens_of(children, "WHICH")[0]) == "big") else second)


def sort(scope: Scope, children: list[Child]) -> Any:
    found = members(scope, nodes(children)[0].children)
    explain.sizes(scope.steps, ordered(found))
    return in_order_asked(scope, children, found)


def in_order_asked(scope: Scope, children: list[Child], found: list[tuple[Any, str]]) -> str:
    order = "".join(str(token) for token in tokens_of(children, "ORDER"))
    if order in {"", "plain"} and tokens_of(children[:1], "SORT", "REARRANGE") not in ([], ["up"]):
        raise NotUnderstood("an order from either end")
    listed = [said for _, said in ordered(found)]
    if order == "down":
        listed.reverse()
    scope.say((" > " if order == "down" else " < ").join(listed))
    return ", ".join(listed)


TASKS = {
    "compare": compare,
    "kind": kind,
    "pair_kind": pair_kind,
    "is_factor": is_factor,
    "is_multiple": is_multiple,
    "closest": closest,
    "closest_option": closest_option,
    "kth": kth,
    "kth_option": kth_option,
    "larger": larger,
    "sort": sort,
}
