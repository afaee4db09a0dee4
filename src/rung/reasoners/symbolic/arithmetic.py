"""Arithmetic in words: sums, shares, remainders, roots, and what is done to one number or matrix."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Expr, Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import POWERS_SAID, SUMS, build, call, nth_root, number_of, over, plus, times
from rung.reasoners.symbolic.numbers import factored
from rung.reasoners.symbolic.operands import WORDS, alike, ends_there, listed, product, values, whole
from rung.reasoners.symbolic.rounding import as_percent
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.steps import numbers as explain
from rung.reasoners.symbolic.steps.polynomials import raised
from rung.reasoners.symbolic.steps.record import after_sign, bracketed


def _of_all(scope: Scope, children: list[Child], kind: str) -> Any:
    of = nodes(children)[0]
    if kind == "add":
        alike(nodes(of.children))
    members = listed(scope, of)
    if len(members) < 2:
        raise NotUnderstood("a sum or product of one")
    result = sympy.Add(*members) if kind == "add" else product(members)
    explain.listed(scope.steps, kind, members, result)
    return result


def _both(scope: Scope, children: list[Child], kind: str) -> Any:
    ends_there(children)
    if kind == "add":
        alike(nodes(children))
    left, right = values(scope, children)
    result = plus(left, right) if kind == "add" else times(left, right)
    explain.listed(scope.steps, kind, [left, right], result)
    return result


def subtract(scope: Scope, children: list[Child]) -> Any:
    ends_there(children)
    alike(nodes(children))
    taken, whole_ = values(scope, children)
    return _less(scope, whole_, taken)


def _less(scope: Scope, whole_: Any, taken: Any) -> Any:
    result = plus(whole_, -taken)
    scope.say("{} - {} = {}", whole_, after_sign(scope.steps.text(taken)), result)
    return result


def than(scope: Scope, children: list[Child]) -> Any:
    """`5 less than 8` is a number; only "is" makes it a question."""
    return than_value(scope, children, values(scope, children)[1])


def than_value(scope: Scope, children: list[Child], whole_: Any) -> Any:
    """The same where the second number is known: `3 more than twice 5`."""
    first, second = nodes(children)
    amount = number_of(first, scope)
    written = tokens_of(children, "REL")[0]
    relation, said = str(written), scope.text[written.start_pos : written.end_pos].lower()
    _ends_before(first)
    percents = [node.data == "percent_sign" for node in (first, second)]
    if said in {"less than", "more than"} and percents[0]:
        ends_there(children)
        if percents[1] or second.data in SUMS:
            raise NotUnderstood("a share of a share, or of a sum, that may be added")
        return _changed(scope, whole_, amount, "up" if relation == ">" else "down")
    if percents[1]:
        raise NotUnderstood("a number and a percentage")
    if relation == "<" and said == "less than":
        return _less(scope, whole_, amount)
    if relation == ">" and said == "more than":
        result = plus(whole_, amount)
        explain.listed(scope.steps, "add", [whole_, amount], result)
        return result
    raise NotUnderstood("a comparison that is no question")


def _ends_before(node: Node) -> None:
    """Raises NotUnderstood for `3 times 5 less than 8`: what is less may be the last number alone."""
    if node.data in SUMS or any(getattr(child, "type", "") in WORDS for child in node.children):
        raise NotUnderstood("a deed of two things, and what is less than a third")


def divide(scope: Scope, children: list[Child]) -> Any:
    ends_there(children)
    above, below = values(scope, children)
    result = over(above, below)
    scope.say("{} / {} = {}", above, bracketed(scope.steps.text(below)), result)
    return result


def remainder(scope: Scope, children: list[Child]) -> Any:
    ends_there(children)
    above, below = (whole(value) for value in values(scope, children))
    if below <= 0:
        raise NoAnswer("a remainder by what is not positive")
    explain.division(scope.steps, above, below)
    return Integer(above % below)


def _divided(children: list[Child]) -> list[Child]:
    node = nodes(children)[0]
    if node.data != "divided":
        raise NotUnderstood("a remainder of what is no division")
    return node.children


def quotient_by(scope: Scope, children: list[Child]) -> str:
    ends_there(children)
    above, below = (whole(value) for value in values(scope, children))
    if above < 0 or below <= 0:
        raise NoAnswer("a remainder of what is negative, or by what is not positive")
    explain.division(scope.steps, above, below)
    return f"{above // below} remainder {above % below}"


def root(scope: Scope, children: list[Child]) -> Any:
    value, order = build(nodes(children)[0], scope), int(children[0])
    result = nth_root(value, order)
    if result.is_Rational:
        scope.say(f"{bracketed(scope.steps.text(result))}{raised(scope.steps, order)} = {{}}", value)
    return result


def one_of(scope: Scope, children: list[Child]) -> Any:
    kind = str(children[0])
    if nodes(children)[0].data in POWERS_SAID and kind not in _POWERS_OF:
        raise NotUnderstood("a power that may be of what comes out")
    return of_value(scope, kind, build(nodes(children)[0], scope))


def of_value(scope: Scope, kind: str, value: Any) -> Any:
    if isinstance(value, sympy.MatrixBase):
        return _matrix_of(scope, kind, value)
    if not isinstance(value, Expr) or kind in _MATRIX_OF:
        raise NotUnderstood("not a number")
    result = _SIMPLE[kind](value) if kind in _SIMPLE else call(kind, [value])
    if value.free_symbols and result.has(sympy.Function, sympy.Pow) and not scope.functions and kind not in _SIMPLE:
        raise NoAnswer("a function of letters, as it was given")
    _tell(scope, kind, value, result)
    return result


# The square of these is these of the square.
_POWERS_OF: Final = frozenset({
    "sqrt", "cbrt", "square", "cube", "reciprocal", "abs", "determinant", "inverse", "transpose",
})  # fmt: skip


def _tell(scope: Scope, kind: str, value: Any, result: Any) -> None:
    text = scope.steps.text(value)
    bound = bracketed(text)
    if kind == "totient":
        powers = factored(int(value))
        scope.say(f"{explain.product(scope.steps, powers) or 1} = {value}")
        shares = "".join(f" * (1 - 1/{prime})" for prime in sorted(powers))
        scope.say(f"{value}{shares} = {{}}", result)
    elif kind == "digitsum":
        scope.say(f"{' + '.join(text.lstrip('-'))} = {{}}", result)
    elif kind in _WRITTEN:
        scope.say(f"{_WRITTEN[kind].format(bound, raised(scope.steps, 2), raised(scope.steps, 3))} = {{}}", result)
    else:
        scope.say(f"{kind}({text}) = {{}}", result)


_WRITTEN: Final[Mapping[str, str]] = {
    "square": "{0}{1}",
    "cube": "{0}{2}",
    "reciprocal": "1/{0}",
    "negative": "-{0}",
    "half": "{0}/2",
    "double": "2*{0}",
    "triple": "3*{0}",
    "factorial": "{0}!",
    "abs": "|{0}|",
}


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


def _matrix_of(scope: Scope, kind: str, value: sympy.MatrixBase) -> Any:
    if kind not in _MATRIX_OF or (kind in _SQUARE_ONLY and value.rows != value.cols):
        raise NoAnswer("not of a matrix")
    result = _MATRIX_OF[kind](value)
    if kind == "determinant" and value.rows == 2:
        (a, b), (c, d) = value.tolist()
        products = [f"{bracketed(scope.steps.text(x))}*{bracketed(scope.steps.text(y))}" for x, y in ((a, d), (b, c))]
        scope.say(f"{products[0]} - {products[1]} = {{}}", result)
    elif isinstance(result, Expr):
        scope.say(f"{kind} of {{}} = {{}}", value, result)
    return result


def what_percent(scope: Scope, children: list[Child]) -> Any:
    part, total = values(scope, children)
    return _share(scope, part, total)


def percent_of(scope: Scope, children: list[Child]) -> Any:
    total, part = values(scope, children)
    return _share(scope, part, total)


def _share(scope: Scope, part: Any, total: Any) -> str:
    return _percent(scope, over(part, total), f"{scope.steps.text(part)}/{bracketed(scope.steps.text(total))}")


def _percent(scope: Scope, share: Any, written: str) -> str:
    if not (share.is_number and share.is_real):
        raise NoAnswer("not a number")
    result = as_percent(share)
    scope.say("{} = {}", written, share)
    scope.say("{} * 100% = {}%", share, share * 100)
    return result


def percent_change(scope: Scope, children: list[Child]) -> Any:
    before, after = values(scope, children)
    change = over(after - before, before)
    kind = str(children[0])
    if before <= 0 or (kind == "up" and change < 0) or (kind == "down" and change > 0):
        raise NoAnswer("a change of the other direction")
    first, last = (after, before) if kind != "down" else (before, after)
    written = f"({scope.steps.text(first)} - {bracketed(scope.steps.text(last))})/{bracketed(scope.steps.text(before))}"
    return _percent(scope, -change if kind == "down" else change, written)


def changed_by(scope: Scope, children: list[Child]) -> Any:
    kind = next(str(child) for child in children if getattr(child, "type", "").startswith("INCREASE"))
    node, change = nodes(children)
    if change.children[0].data != "percent_sign" or node.data == "percent_sign":
        raise NotUnderstood("a change that is no percentage")
    value, share = values(scope, [node, change.children[0]])
    return _changed(scope, value, share, kind)


def _changed(scope: Scope, value: Any, share: Any, kind: str) -> Any:
    result = times(value, 1 + share if kind == "up" else 1 - share)
    sign = "+" if kind == "up" else "-"
    scope.say(f"{{}} * (1 {sign} {{}}/100) = {{}}", bracketed(scope.steps.text(value)), share * 100, result)
    return result


TASKS = {
    "add": lambda scope, children: _of_all(scope, children, "add"),
    "add_to": lambda scope, children: _both(scope, children, "add"),
    "subtract": subtract,
    "multiply": lambda scope, children: _of_all(scope, children, "mul"),
    "multiply_by": lambda scope, children: _both(scope, children, "mul"),
    "divide": divide,
    "than": than,
    "one_of": one_of,
    "nth_root": root,
    "remainder": remainder,
    "remainder_of": lambda scope, children: remainder(scope, _divided(children)),
    "quotient": lambda scope, children: quotient_by(scope, _divided(children)),  # `17 divided by 5 with remainder`
    "quotient_by": quotient_by,
    "what_percent": what_percent,
    "percent_of": percent_of,
    "percent_change": percent_change,
    "changed_by": changed_by,
    "raised_by": changed_by,
}
