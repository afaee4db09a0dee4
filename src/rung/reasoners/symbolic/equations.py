"""Equations: linear systems exactly, polynomials by their factors; and what a question states before it asks."""

from collections.abc import Iterator, Sequence
from typing import Any

import sympy
from sympy import Expr, Poly, Rational, Symbol

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import build
from rung.reasoners.symbolic.scope import Node, Scope, nodes
from rung.reasoners.symbolic.sizes import expanded, term_bound
from rung.reasoners.symbolic.steps import algebra as explain
from rung.reasoners.symbolic.steps.algebra import Elimination
from rung.reasoners.symbolic.steps.record import Steps
from rung.reasoners.symbolic.steps.spelled import spelled, worked

MAX_UNKNOWNS = 12
MAX_DEGREE = 60

Solutions = dict[Symbol, tuple[Expr, ...]]


def difference(equation: Node, scope: Scope) -> Expr:
    """Left side less right side."""
    left, right = (build(side, scope) for side in nodes(equation.children))
    if not (isinstance(left, Expr) and isinstance(right, Expr)):
        raise NotUnderstood("an equation of what are no numbers")
    scope.poles += tuple(pole for side in nodes(equation.children) for pole in _divisors(side, scope))
    scope.say("{} = {}", *(spelled(side, scope) for side in nodes(equation.children)))
    if any(str(name.children[0]) in scope.values for name in equation.find_data("name")) or _applies(equation):
        scope.say("{} = {}", left, right)
    return left - right


def _divisors(side: Node, scope: Scope) -> Iterator[Expr]:
    """What is divided by there, with letters: SymPy cancels `x^2/x` before anybody can ask what x may not be."""
    for node in [side, *side.iter_subtrees()]:
        first, last = node.children[0], node.children[-1]
        if node.data == "divided":
            below = build(last, scope)
        elif node.data == "power" and getattr(last, "data", "") == "negative":
            below = build(first, scope)
        else:
            continue
        if below.free_symbols:
            yield below


def _applies(equation: Node) -> bool:
    return any(True for _ in equation.find_data("applied"))


def linear(differences: Sequence[Expr], unknowns: Sequence[Symbol], steps: Steps) -> dict[Symbol, Expr] | None:
    """Gauss and Jordan over the rationals; None if it is not linear with rational coefficients.

    Gives the unknowns that are determined. Raises NoAnswer if the equations contradict each other."""
    if len(unknowns) > MAX_UNKNOWNS or any(term_bound(one) > 2_000 for one in differences):
        raise TooLarge("too large a system")
    rows: list[list[Rational]] = []
    for one in differences:
        try:
            terms = Poly(one, *unknowns).terms()
        except sympy.PolynomialError:
            return None
        row = [Rational(0)] * (len(unknowns) + 1)
        for powers, coefficient in terms:
            if sum(powers) > 1 or not coefficient.is_Rational:
                return None
            row[powers.index(1) if 1 in powers else -1] = coefficient
        rows.append(row)
    return _eliminated(rows, unknowns, Elimination(steps, unknowns, len(rows)))


def _eliminated(rows: list[list[Rational]], unknowns: Sequence[Symbol], told: Elimination) -> dict[Symbol, Expr]:
    told.given(rows)
    pivots: list[int] = []
    for column in range(len(unknowns)):
        at = len(pivots)
        chosen = next((row for row in range(at, len(rows)) if rows[row][column] != 0), None)
        if chosen is None:
            continue
        rows[at], rows[chosen] = rows[chosen], rows[at]
        told.swapped(at, chosen)
        lead = rows[at][column]
        rows[at] = [value / lead for value in rows[at]]
        told.divided(at, lead, rows[at])
        for row in range(len(rows)):
            if row != at and rows[row][column] != 0:
                factor = rows[row][column]
                rows[row] = [value - factor * top for value, top in zip(rows[row], rows[at], strict=True)]
                told.subtracted(row, factor, at, rows[row])
        pivots.append(column)
    if any(row[-1] != 0 and not any(row[:-1]) for row in rows):
        raise NoAnswer("equations that contradict each other")
    return {
        unknowns[column]: -row[-1]
        for column, row in zip(pivots, rows, strict=False)
        if sum(value != 0 for value in row[:-1]) == 1
    }


def polynomial_roots(value: Expr, unknown: Symbol, steps: Steps) -> tuple[Expr, ...]:
    """All roots of a polynomial with rational coefficients whose factors are at most quadratic, real ones in order.

    Raises NoAnswer for an identity, for none, and for roots that have no short exact form."""
    polynomial = _polynomial(value, unknown)
    if polynomial.is_zero:
        raise NoAnswer("every number solves it")
    if polynomial.degree() > MAX_DEGREE:
        raise TooLarge("a degree too high")
    found: list[Expr] = []
    factors = sorted(polynomial.factor_list()[1], key=_first_root)
    for factor, _ in factors:
        if factor.degree() > 2:
            raise NoAnswer("roots that have no short exact form")
        found += sympy.roots(factor, multiple=True)
    if not found:
        raise NoAnswer("no number solves it")
    explain.roots(steps, polynomial, factors)
    real = [root for root in found if root.is_real]
    if len(real) != len(found) and len(found) > 2:
        raise NoAnswer("roots that are not all real")
    return tuple(sorted(real, key=_size)) if len(real) == len(found) else tuple(sorted(found, key=str))


def _first_root(one: tuple[Poly, int]) -> Any:
    """Linear factors by their roots, the others after them."""
    coefficients = one[0].all_coeffs()
    return len(coefficients), -coefficients[-1] / coefficients[0]


def _size(root: Expr) -> Any:
    return root if root.is_Rational else root.evalf(30)


def _polynomial(value: Expr, unknown: Symbol) -> Poly:
    above, below = sympy.fraction(sympy.together(value))
    expanded(above)
    try:
        polynomial = Poly(above, unknown)
    except sympy.PolynomialError:
        raise NoAnswer("an equation that is no polynomial") from None
    if not all(coefficient.is_Rational for coefficient in polynomial.coeffs()):
        raise NoAnswer("coefficients that are no rational numbers")
    if below.has(unknown):
        shared = Poly(below, unknown).gcd(polynomial)
        if shared.degree() > 0:
            raise NoAnswer("a solution that divides by zero")
    return polynomial


def solved(differences: Sequence[Expr], scope: Scope) -> Solutions:
    """What the equations determine: one value each where they are linear, all roots where it is one polynomial."""
    found = _solved(differences, scope)
    choices = [{unknown: value} for unknown, values in found.items() for value in values]
    alone = {unknown: values[0] for unknown, values in found.items() if len(values) == 1}
    if any(sympy.simplify(pole.subs(choice)) == 0 for pole in scope.poles for choice in [alone, *choices]):
        raise NoAnswer("a solution that divides by zero")
    return found


def _solved(differences: Sequence[Expr], scope: Scope) -> Solutions:
    unknowns = sorted({s for one in differences for s in one.free_symbols}, key=str)
    if not unknowns:
        raise NoAnswer("an equation without an unknown")
    values = linear(differences, unknowns, scope.steps)
    if values is not None:
        return {unknown: (value,) for unknown, value in values.items()}
    if len(differences) == 1 and len(unknowns) == 1:
        roots = polynomial_roots(differences[0], unknowns[0], scope.steps)
        return {unknowns[0]: roots}
    return _substituted(differences, scope)


def _substituted(differences: Sequence[Expr], scope: Scope) -> Solutions:
    """Equations that can be solved one after another, each for one unknown with a single value."""
    for at, one in enumerate(differences):
        free = sorted(one.free_symbols, key=str)
        if len(free) != 1 or len(differences) == 1:
            continue
        roots = polynomial_roots(one, free[0], scope.steps)
        if len(roots) != 1:
            break
        rest = [other.subs(free[0], roots[0]) for place, other in enumerate(differences) if place != at]
        return {free[0]: roots} | solved(rest, scope)
    raise NoAnswer("equations that it does not solve")


# ---- what is stated ----


def let(scope: Scope, children: list[Any]) -> None:
    """Definitions where the left side is a new name or `f(x)`; anything else is a condition."""
    conditions = []
    for equation in nodes(nodes(children)[0].children):
        left, right = nodes(equation.children)
        if left.data == "applied" and _is_definition(left, scope):
            define_function(scope, left, right)
        elif left.data == "name" and str(left.children[0]) not in scope.values and _names_not(right, left):
            define_value(scope, str(left.children[0]), build(right, scope))
            worked(scope, right, head=str(left.children[0]))
        else:
            conditions.append(equation)
    if conditions:
        suppose_all(scope, conditions)


def _is_definition(left: Node, scope: Scope) -> bool:
    arguments = nodes(left.children)[0]
    if str(left.children[0]) in scope.functions:
        return False
    return all(node.data == "name" for node in nodes(arguments.children)) and str(left.children[0]) not in scope.values


def _names_not(right: Node, left: Node) -> bool:
    return all(str(node.children[0]) != str(left.children[0]) for node in right.find_data("name"))


def define_value(scope: Scope, name: str, value: Any) -> None:
    if isinstance(value, Expr) and value.free_symbols & {scope.symbol(name)}:
        raise NotUnderstood("a name that is defined by itself")
    scope.values[name] = value


def define_function(scope: Scope, left: Node, right: Node) -> None:
    names = [str(node.children[0]) for node in nodes(nodes(left.children)[0].children)]
    define(scope, str(left.children[0]), names, lambda inner: build(right, inner))


def define(scope: Scope, name: str, parameters: Sequence[str], body: Any) -> None:
    """`body` is built where the parameters stand for themselves, whatever values their letters have outside."""
    if len(set(parameters)) != len(parameters) or name in parameters:
        raise NotUnderstood("a function whose names clash")
    hidden = {key: scope.values.pop(key) for key in parameters if key in scope.values}
    several = {key: scope.several.pop(key) for key in parameters if key in scope.several}
    functions = {key: scope.functions.pop(key) for key in parameters if key in scope.functions}
    value = body(scope)
    scope.values.update(hidden)
    scope.several.update(several)
    scope.functions.update(functions)
    if not isinstance(value, Expr):
        raise NotUnderstood("a function whose value is no number")
    scope.functions[name] = tuple(scope.symbol(key) for key in parameters), value
    scope.say("{}({}) = {}", name, ", ".join(parameters), value)


def suppose(scope: Scope, children: list[Any]) -> None:
    equations = nodes(nodes(children)[0].children)
    if all(nodes(one.children)[0].data == "applied" for one in equations):
        let(scope, children)
    else:
        suppose_all(scope, equations)


def suppose_all(scope: Scope, equations: Sequence[Node]) -> None:
    for unknown, values in solved([difference(one, scope) for one in equations], scope).items():
        if len(values) == 1:
            scope.values[str(unknown)] = values[0]
        else:
            scope.several[str(unknown)] = values
