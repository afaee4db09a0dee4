"""Solving, factoring, simplifying, and calculus."""

import re
from typing import Any

import sympy
from sympy import Expr, Poly, Symbol

from rung.reasoners.symbolic.equations import define_function, difference, polynomial_roots, solved
from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import SUMS, build, number_of
from rung.reasoners.symbolic.operands import ends_there
from rung.reasoners.symbolic.render import symbolic_text
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.sizes import expanded
from rung.reasoners.symbolic.steps import algebra as explain
from rung.reasoners.symbolic.steps import calculus
from rung.reasoners.symbolic.steps import numbers as listing
from rung.reasoners.symbolic.steps.spelled import worked
from rung.reasoners.symbolic.surds import expression, surd

MAX_VARIABLES = 6
MAX_CANCELLED = 150
MAX_OPERATIONS = 40


def solve(scope: Scope, children: list[Child]) -> Any:
    """`Solve EQUATIONS [for NAMES]`."""
    equations = nodes(nodes(children)[0].children)
    wanted = [str(token) for names in nodes(children)[1:] for token in names.children if token.type == "NAME"]
    return _solution(scope, equations, wanted)


def solve_for(scope: Scope, children: list[Child]) -> Any:
    names, equations = nodes(children)
    return _solution(scope, nodes(equations.children), [str(t) for t in names.children if t.type == "NAME"])


def _solution(scope: Scope, equations: list[Node], wanted: list[str]) -> Any:
    for name in wanted:
        if name in scope.values or name in scope.functions:
            raise NotUnderstood("solving for what is known")
    differences = [difference(one, scope) for one in equations]
    if len(wanted) == 1 and len(differences) == 1:
        symbol = scope.symbol(wanted[0])
        others = differences[0].free_symbols - {symbol}
        if others:
            return _rearranged(differences[0], symbol, scope)
    found = solved(differences, scope)
    unknowns = {s for one in differences for s in one.free_symbols}
    if not wanted:
        if len(found) < len(unknowns):
            raise NoAnswer("not every unknown is determined")
        if len(found) == 1:
            return next(iter(found.values()))
        return _named(found)
    symbols = [scope.symbol(name) for name in wanted]
    if any(symbol not in found for symbol in symbols):
        raise NoAnswer("not determined")
    if len(symbols) == 1:
        return found[symbols[0]]
    return _named({symbol: found[symbol] for symbol in symbols})


def _named(found: dict[Symbol, tuple[Expr, ...]]) -> str:
    if any(len(values) != 1 for values in found.values()):
        raise NoAnswer("several solutions of several unknowns")
    return ", ".join(f"{symbol} = {symbolic_text(values[0])}" for symbol, values in found.items())


def _rearranged(one: Expr, symbol: Symbol, scope: Scope) -> Expr:
    """A formula solved for one of its letters, where it occurs to the first power only."""
    above = sympy.numer(sympy.together(one))
    polynomial = Poly(expanded(above), symbol)
    if polynomial.degree() != 1:
        raise NoAnswer("an equation in several letters that it does not solve")
    slope, constant = polynomial.all_coeffs()
    result = sympy.cancel(-constant / slope)
    scope.say(f"Collect {symbol}: {{}} = {{}}", slope * symbol, -constant)
    scope.say("Divide by {}: {} = {}", slope, symbol, result)
    return result


def roots(scope: Scope, children: list[Child]) -> Any:
    value = build(nodes(children)[0], scope)
    return polynomial_roots(value, only_symbol(value), scope.steps)


def only_symbol(value: Expr) -> Symbol:
    if len(value.free_symbols) != 1:
        raise NoAnswer("not exactly one unknown")
    return next(iter(value.free_symbols))


def evaluated(scope: Scope, children: list[Child]) -> Any:
    """`EXPR given EQUATIONS`: a value where names are given values, a solution where the name asked for is in them."""
    asked, conditions = nodes(children)[0], nodes(nodes(children)[1].children)
    if asked.data == "derivative":
        return _at_point(derivative(scope, asked.children), conditions, scope)
    plain = [one for one in conditions if _gives_value(one, scope)]
    if len(plain) == len(conditions) and not (asked.data == "name" and len(conditions) == 1 and _is_name(asked, plain)):
        for one in plain:
            left, right = nodes(one.children)
            if left.data == "applied":
                define_function(scope, left, right)
            else:
                name = str(left.children[0])
                if name in scope.values:
                    raise NotUnderstood("a name that is given twice")
                scope.values[name] = build(right, scope)
                worked(scope, right, head=name)
        value = build(asked, scope)
        if not isinstance(value, Expr) or (value.free_symbols and not scope.functions):
            raise NoAnswer("letters without a value are left")
        worked(scope, asked)
        return expanded(value)
    wanted = _asked_name(asked, scope)
    if wanted is not None:
        return _solution(scope, conditions, [wanted])
    for symbol, values in solved([difference(one, scope) for one in conditions], scope).items():
        if len(values) != 1:
            raise NoAnswer("a letter with several values")
        scope.values[str(symbol)] = values[0]
    value = build(asked, scope)
    if not isinstance(value, Expr) or value.free_symbols:
        raise NoAnswer("letters without a value are left")
    worked(scope, asked)
    return value


def _at_point(value: Expr, conditions: list[Node], scope: Scope) -> Any:
    point = {}
    for one in conditions:
        left, right = nodes(one.children)
        if left.data != "name":
            raise NotUnderstood("a point that is no value of a letter")
        point[scope.symbol(str(left.children[0]))] = build(right, scope)
    result = value.subs(point)
    scope.say("At {}: {}", ", ".join(f"{key} = {scope.steps.text(at)}" for key, at in point.items()), result)
    if result.free_symbols or value.free_symbols - set(point):
        raise NoAnswer("letters without a value are left")
    return number_simplified(result)


def _gives_value(equation: Node, scope: Scope) -> bool:
    left, right = nodes(equation.children)
    if left.data == "name":
        return not any(str(name.children[0]) == str(left.children[0]) for name in right.find_data("name"))
    return (
        left.data == "applied"
        and str(left.children[0]) not in scope.functions
        and all(n.data == "name" for n in nodes(nodes(left.children)[0].children))
    )


def _is_name(asked: Node, plain: list[Node]) -> bool:
    return any(str(nodes(one.children)[0].children[0]) == str(asked.children[0]) for one in plain)


def _asked_name(asked: Node, scope: Scope) -> str | None:
    if asked.data == "name" and str(asked.children[0]) not in scope.values:
        return str(asked.children[0])
    return None


# ---- forms ----


def factor(scope: Scope, children: list[Child]) -> Any:
    value = build(nodes(children)[0], scope)
    if not isinstance(value, Expr) or not value.free_symbols:
        raise NoAnswer("factoring what has no letters")
    if len(value.free_symbols) > MAX_VARIABLES:
        raise TooLarge("too many letters")
    expanded(sympy.numer(value))
    result = sympy.factor(value)
    explain.factored(scope.steps, value, result)
    return result


def expand(scope: Scope, children: list[Child]) -> Any:
    value = build(nodes(children)[0], scope)
    if not isinstance(value, Expr) or not value.free_symbols:
        raise NoAnswer("expanding what has no letters")
    result = expanded(value)
    explain.gathered(scope, nodes(children)[0], result)
    return result


def simplify(scope: Scope, children: list[Child]) -> Any:
    value = build(nodes(children)[0], scope)
    if not isinstance(value, Expr):
        raise NotUnderstood("simplifying what is no expression")
    if not value.free_symbols:
        result = number_simplified(value)
        worked(scope, nodes(children)[0])
        return result
    if len(value.free_symbols) > MAX_VARIABLES:
        raise TooLarge("too many letters")
    if value.is_rational_function(*value.free_symbols):
        for part in sympy.fraction(value):
            expanded(part, MAX_CANCELLED)
        result = sympy.cancel(value)
        if value.is_polynomial(*value.free_symbols):
            explain.gathered(scope, nodes(children)[0], result)
        else:
            above, below = sympy.fraction(value)
            explain.cancelled(scope.steps, above, below, result)
        return result
    return _by_sympy(value)


def _by_sympy(value: Expr) -> Expr:
    """What no rule here covers, as far as it is small: nobody can say beforehand how long simplifying takes."""
    if value.count_ops() > MAX_OPERATIONS:
        raise TooLarge("too long an expression to simplify")
    return sympy.simplify(value)


def number_simplified(value: Expr) -> Expr:
    """A number in its usual form. Raises NoAnswer where roots of roots are left: there may be a shorter one."""
    if value.is_Rational:
        return value
    if any(
        p.base.is_negative and not p.exp.is_Integer and p.exp.q != 2
        for p in value.atoms(sympy.Pow)
        if p.exp.is_Rational
    ):
        raise NoAnswer("a root of a negative number, real or complex")
    if value.has(sympy.I):
        value = sympy.expand_complex(expanded(value))
        if value.has(sympy.re, sympy.im, sympy.arg, sympy.cos, sympy.sin):
            raise NoAnswer("a complex number without a short form")
        return value
    try:
        return expression(surd(value))
    except NoAnswer:
        result = _by_sympy(value)
    if any(not p.base.is_Rational and not p.exp.is_Integer and p.base != sympy.E for p in result.atoms(sympy.Pow)):
        raise NoAnswer("roots of roots")
    if result.has(sympy.sin, sympy.cos, sympy.tan, sympy.sec, sympy.csc, sympy.cot):
        raise NoAnswer("an angle without a short form")
    return result


def simplify_positive(scope: Scope, children: list[Child]) -> Any:
    """A product of powers of one positive letter: exponents are rational, so they add and multiply."""
    node, name = nodes(children)[0], str(children[-2])
    scope.positive = name
    value = build(node, scope)
    if value.free_symbols - {scope.symbol(name)}:
        raise NoAnswer("other letters than the positive one")
    result = sympy.powsimp(sympy.powdenest(value))
    explain.exponents(scope.steps, node, scope, result)
    return result


def named_coefficient(scope: Scope, children: list[Child]) -> Any:
    """`Rearrange E to the form p*x**2 + q*x + r and give q`."""
    value, form = (build(node, scope) for node in nodes(children)[:2])
    wanted = scope.symbol(str(children[-1]))
    variables = value.free_symbols & form.free_symbols
    if not variables:
        # everything cancelled but a constant: the letter that stands with powers is the variable
        variables = {p.base for p in form.atoms(sympy.Pow)} & form.free_symbols
    if len(variables) != 1 or wanted in variables or wanted not in form.free_symbols:
        raise NoAnswer("a form that it does not read")
    variable = variables.pop()
    if value.free_symbols - {variable}:
        raise NoAnswer("other letters in the expression")
    powers = [powers[0] for powers, c in Poly(form, variable).terms() if c == wanted]
    if len(powers) != 1:
        raise NoAnswer("a form that it does not read")
    plain = expanded(value)
    explain.gathered(scope, nodes(children)[0], plain)
    scope.say("{} is the number before {}", wanted, variable ** powers[0])
    return Poly(plain, variable).coeff_monomial(variable ** powers[0])


def coefficient(scope: Scope, children: list[Child]) -> Any:
    term, value = (build(node, scope) for node in nodes(children))
    symbols = sorted(term.free_symbols, key=str)
    if not symbols or not value.free_symbols >= set(symbols):
        raise NoAnswer("a coefficient of what is no letter")
    polynomial = Poly(expanded(value), *symbols)
    explain.gathered(scope, nodes(children)[1], polynomial.as_expr())
    shape = Poly(term, *symbols).terms()
    if len(shape) != 1 or shape[0][1] != 1:
        raise NoAnswer("a coefficient of what is no power")
    return polynomial.coeff_monomial(term)


def constant_term(scope: Scope, children: list[Child]) -> Any:
    value = build(nodes(children)[0], scope)
    symbol = only_symbol(value)
    plain = expanded(value)
    explain.gathered(scope, nodes(children)[0], plain)
    return Poly(plain, symbol).coeff_monomial(1)


# ---- calculus ----


def derivative(scope: Scope, children: list[Child]) -> Any:
    """`[nth] derivative of E [wrt x]`; without a letter named there must be only one."""
    if children[0].type == "D_BY":
        return _by_sign(scope, str(children[0]), nodes(children))
    return differentiated(scope, nodes(children), int(children[0]))


def _variable(value: Expr) -> Symbol:
    """The only letter. Raises NoAnswer where that is an `e` which stands under powers only: `e^2` may be a number."""
    symbol = only_symbol(value)
    apart = value.replace(lambda part: part.is_Pow and part.base == symbol, lambda _: sympy.Integer(1))
    if symbol.name == "e" and not apart.has(symbol):
        raise NoAnswer("an e that may be a number")
    return symbol


def _by_sign(scope: Scope, sign: str, parts: list[Node]) -> Any:
    """`d/dx E`, `d^2/dx^2 E`."""
    match = re.fullmatch(r"d(?:\^(\d))?/d([a-z])(?:\^(\d))?", sign)
    if match is None or match.group(1) != match.group(3):
        raise NotUnderstood("a derivative whose order is not clear")
    if parts[0].data in SUMS:
        raise NotUnderstood("a derivative of a sum, or of its first term")
    value, symbol = build(parts[0], scope), scope.symbol(match.group(2))
    if not isinstance(value, Expr) or symbol not in value.free_symbols or not 1 <= int(match.group(1) or 1) <= 5:
        raise NoAnswer("a derivative of what has no such letter")
    return _differentiated(scope, value, symbol, int(match.group(1) or 1))


def differentiated(scope: Scope, parts: list[Node], times: int) -> Any:
    value = build(parts[0], scope)
    if not isinstance(value, Expr):
        raise NotUnderstood("a derivative of what is no function")
    if len(parts) > 1:
        symbol = scope.symbol(str(parts[1].children[-1]))
        if parts[0].data == "name" and value.free_symbols != {symbol}:
            raise NoAnswer("a letter that may be a function")
    elif not value.free_symbols:
        raise NoAnswer("a derivative of what has no letter")
    else:
        symbol = _variable(value)
    return _differentiated(scope, value, symbol, times)


def _differentiated(scope: Scope, value: Expr, symbol: Symbol, times: int) -> Any:
    result = sympy.diff(value, symbol, times)
    calculus.derived(scope.steps, value, symbol, times)
    if value.is_polynomial(symbol):
        return expanded(result)
    return sympy.factor(sympy.cancel(result)) if value.is_rational_function(symbol) else result


def differentiate(scope: Scope, children: list[Child]) -> Any:
    twice = any(not isinstance(child, sympy.Basic) and getattr(child, "type", "") == "TWICE" for child in children)
    return differentiated(scope, nodes(children), 2 if twice else 1)


def integral(scope: Scope, children: list[Child]) -> Any:
    parts = nodes(children)
    value = build(parts[0], scope)
    letters = [part for part in parts[1:] if part.data == "dx"]
    limits = [part for part in parts[1:] if part.data == "bounds"]
    if not isinstance(value, Expr) or value.count_ops() > MAX_OPERATIONS:
        raise TooLarge("too long an expression to integrate")
    symbol = scope.symbol(str(letters[0].children[-1])) if letters else _variable(value)
    if limits:
        ends_there(limits[0].children)
        low, high = (number_of(node, scope) for node in nodes(limits[0].children))
        result = sympy.integrate(value, (symbol, low, high))
        if result.is_number and not result.is_finite:
            raise NoAnswer("an integral that diverges")
        calculus.between(scope.steps, value, (symbol, low, high), result)
        return result
    result = sympy.integrate(value, symbol)
    if result.has(sympy.Integral, sympy.Piecewise):
        raise NoAnswer("no closed form")
    calculus.integrated(scope.steps, value, symbol, result)
    return f"{symbolic_text(result)} + C"


def limit(scope: Scope, children: list[Child]) -> Any:
    ends_there(children)
    value, target = (number_of(node, scope) for node in nodes(children))
    name = str(tokens_of(children, "NAME")[0])
    symbol = scope.symbol(name)
    if target is sympy.oo or target is -sympy.oo:
        result = sympy.limit(value, symbol, target)
        if result.has(sympy.AccumBounds):
            raise NoAnswer("no limit")
        return result
    left, right = (sympy.limit(value, symbol, target, side) for side in "-+")
    if left != right or left.has(sympy.AccumBounds):
        raise NoAnswer("no limit from both sides")
    calculus.limited(scope.steps, value, symbol, target, right)
    return right


def limit_first(scope: Scope, children: list[Child]) -> Any:
    """`limit as x approaches 2 of x^2`: the grammar reads what follows the letter as a share."""
    node = nodes(children)[0]
    if node.data != "part_of":
        raise NotUnderstood("a limit of nothing")
    target, value = nodes(node.children)
    return limit(scope, [value, *tokens_of(children, "NAME"), target])


def ranged(scope: Scope, children: list[Child]) -> Any:
    """`sum of E for k from a to b`."""
    ends_there(children)
    parts = nodes(children)
    name = str(tokens_of(children, "NAME")[0])
    low, high = number_of(parts[1], scope), number_of(parts[2], scope)
    index = scope.symbol(name)
    scope.values.pop(name, None)
    value = number_of(parts[0], scope)
    kind = str(children[0])
    if kind not in {"add", "mul"}:
        raise NotUnderstood("neither a sum nor a product")
    if kind == "mul":
        if not (low.is_Integer and high.is_Integer and 0 <= high - low <= 300):
            raise TooLarge("too many factors")
        members = [value.subs(index, k) for k in range(int(low), int(high) + 1)]
        result = sympy.prod(members)
        listing.listed(scope.steps, "mul", members, result)
        return result
    if low.is_Integer and high.is_Integer and high - low < 300:
        if high < low:
            raise NoAnswer("an empty sum")
        members = [value.xreplace({index: sympy.Integer(k)}) for k in range(int(low), int(high) + 1)]
        result = expanded(sympy.Add(*members))
        listing.listed(scope.steps, "add", members, result)
        return result
    if value.count_ops() > MAX_OPERATIONS or (high.is_number and high.is_finite and not value.is_polynomial(index)):
        raise TooLarge("too many terms to add")
    result = sympy.summation(value, (index, low, high))
    if result.has(sympy.Sum):
        raise NoAnswer("no closed form")
    return sympy.factor(result) if result.free_symbols else result


TASKS = {
    "solve": solve,
    "solve_for": solve_for,
    "roots": roots,
    "evaluated": evaluated,
    "factor": factor,
    "expand": expand,
    "simplify": simplify,
    "simplify_positive": simplify_positive,
    "named_coefficient": named_coefficient,
    "coefficient": coefficient,
    "constant_term": constant_term,
    "derivative": derivative,
    "differentiate": differentiate,
    "integral": integral,
    "limit": limit,
    "limit_first": limit_first,
    "ranged": ranged,
}
