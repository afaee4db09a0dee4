"""Arithmetic in words: sums, shares, remainders, roots, and what is done to one number or matrix."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Expr, Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import build, call, nth_root, over, plus, times
from rung.reasoners.symbolic.numbers import factored
from rung.reasoners.symbolic.operands import listed, product, values, whole
from rung.reasoners.symbolic.rounding import as_percent
from rung.reasoners.symbolic.scope import Child, Scope, nodes


def add(scope: Scope, children: list[Child]) -> Any:
    members = listed(scope, nodes(children)[0])
    if len(members) < 2:
        raise NotUnderstood("a sum of one")
    return sympy.Add(*members)


def multiply(scope: Scope, children: list[Child]) -> Any:
    members = listed(scope, nodes(children)[0])
    if len(members) < 2:
        raise NotUnderstood("a product of one")
    return product(members)


def subtract(scope: Scope, children: list[Child]) -> Any:
    taken, whole_ = values(scope, children)
    return plus(whole_, -taken)


def than(scope: Scope, children: list[Child]) -> Any:
    """`5 less than 8` is a number; only "is" makes it a question."""
    amount, whole_ = values(scope, children)
    relation = next(str(child) for child in children if getattr(child, "type", "") == "REL")
    written = next(child for child in children if getattr(child, "type", "") == "REL")
    said = scope.text[written.start_pos : written.end_pos].lower()
    if relation == "<" and said == "less than":
        return plus(whole_, -amount)
    if relation == ">" and said == "more than":
        return plus(whole_, amount)
    raise NotUnderstood("a comparison that is no question")


def divide(scope: Scope, children: list[Child]) -> Any:
    above, below = values(scope, children)
    return over(above, below)


def remainder(scope: Scope, children: list[Child]) -> Any:
    above, below = (whole(value) for value in values(scope, children))
    if below <= 0:
        raise NoAnswer("a remainder by what is not positive")
    return Integer(above % below)


def remainder_of(scope: Scope, children: list[Child]) -> Any:
    node = nodes(children)[0]
    if node.data != "divided":
        raise NotUnderstood("a remainder of what is no division")
    return remainder(scope, node.children)


def root(scope: Scope, children: list[Child]) -> Any:
    return nth_root(build(nodes(children)[0], scope), int(children[0]))


def one_of(scope: Scope, children: list[Child]) -> Any:
    kind = str(children[0])
    value = build(nodes(children)[0], scope)
    if isinstance(value, sympy.MatrixBase):
        return _matrix_of(kind, value)
    if not isinstance(value, Expr) or kind in _MATRIX_OF:
        raise NotUnderstood("not a number")
    if kind in _SIMPLE:
        return _SIMPLE[kind](value)
    return call(kind, [value])


def _inverse(value: sympy.MatrixBase) -> Any:
    if value.det() == 0:
        raise NoAnswer("a matrix without an inverse")
    return value.inv()


def _eigenvalues(value: sympy.MatrixBase) -> Any:
    found = value.eigenvals(multiple=True)
    if not all(one.is_real for one in found) or any(one.count_ops() > 30 for one in found):
        raise NoAnswer("eigenvalues without a short form")
    return tuple(sorted(found, key=lambda one: one.evalf(30)))


_MATRIX_OF: Final[Mapping[str, Callable[[Any], Any]]] = {
    "determinant": lambda value: value.det(),
    "inverse": _inverse,
    "transpose": lambda value: value.T,
    "trace": lambda value: value.trace(),
    "rank": lambda value: Integer(value.rank()),
    "eigenvalues": _eigenvalues,
}


_SQUARE_ONLY: Final = frozenset({"determinant", "inverse", "trace", "eigenvalues"})


_SIMPLE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "square": lambda value: value**2,
    "cube": lambda value: value**3,
    "reciprocal": lambda value: over(Integer(1), value),
    "negative": lambda value: -value,
    "half": lambda value: value / 2,
    "double": lambda value: value * 2,
    "triple": lambda value: value * 3,
    "digitsum": lambda value: Integer(sum(int(digit) for digit in str(abs(whole(value))))),
    "totient": lambda value: Integer(sympy.totient(Integer(_factorable(value)))),
}


def _factorable(value: Any) -> int:
    n = whole(value)
    factored(n)
    if n < 1:
        raise NoAnswer("not a positive whole number")
    return n


def _matrix_of(kind: str, value: sympy.MatrixBase) -> Any:
    if kind not in _MATRIX_OF or (kind in _SQUARE_ONLY and value.rows != value.cols):
        raise NoAnswer("not of a matrix")
    return _MATRIX_OF[kind](value)


def what_percent(scope: Scope, children: list[Child]) -> Any:
    part, total = values(scope, children)
    return _percent(over(part, total))


def percent_of(scope: Scope, children: list[Child]) -> Any:
    total, part = values(scope, children)
    return _percent(over(part, total))


def _percent(share: Any) -> str:
    if not (share.is_number and share.is_real):
        raise NoAnswer("not a number")
    return as_percent(share)


def percent_change(scope: Scope, children: list[Child]) -> Any:
    before, after = values(scope, children)
    change = over(after - before, before)
    kind = str(children[0])
    if before <= 0 or (kind == "up" and change < 0) or (kind == "down" and change > 0):
        raise NoAnswer("a change of the other direction")
    return _percent(-change if kind == "down" else change)


def changed_by(scope: Scope, children: list[Child]) -> Any:
    kind = next(str(child) for child in children if getattr(child, "type", "").startswith("INCREASE"))
    node, change = nodes(children)
    if change.children[0].data != "percent_sign":
        raise NotUnderstood("a change that is no percentage")
    value, share = build(node, scope), build(change.children[0], scope)
    return times(value, 1 + share if kind == "up" else 1 - share)


TASKS = {
    "add": add,
    "add_to": lambda scope, children: plus(*values(scope, children)),
    "subtract": subtract,
    "multiply": multiply,
    "multiply_by": lambda scope, children: times(*values(scope, children)),
    "divide": divide,
    "than": than,
    "one_of": one_of,
    "nth_root": root,
    "remainder": remainder,
    "remainder_of": remainder_of,
    "what_percent": what_percent,
    "percent_of": percent_of,
    "percent_change": percent_change,
    "changed_by": changed_by,
    "raised_by": changed_by,
}
