"""Derivatives and integrals by the rule that each term follows; limits."""

from typing import Final

import sympy
from sympy import Expr, Poly, Symbol

from rung.reasoners.symbolic.sizes import expanded
from rung.reasoners.symbolic.steps.polynomials import raised
from rung.reasoners.symbolic.steps.record import Steps, bracketed, told

MAX_TERMS: Final = 10
ORDERS: Final = ("", "First", "Second", "Third", "Fourth", "Fifth")


@told
def derived(steps: Steps, value: Expr, symbol: Symbol, times: int) -> None:
    """Term by term, one order after another."""
    current = value
    for order in range(1, times + 1):
        if current.is_polynomial(symbol) and expanded(current) != current:
            steps.say("{} = {}", current, expanded(current))
            current = expanded(current)
        terms = current.as_ordered_terms()
        if len(terms) <= MAX_TERMS:
            for term in terms:
                _rule(steps, term, symbol)
        following = sympy.diff(current, symbol)
        if times > 1:
            steps.say(f"{ORDERS[order]} derivative: {{}}", following)
        elif len(terms) > 1:
            steps.say(f"d/d{symbol} ({{}}) = {{}}", current, following)
        current = following


def _rule(steps: Steps, term: Expr, x: Symbol) -> None:
    """How one term is differentiated."""
    coefficient, rest = term.as_independent(x, as_Add=False)
    slope = sympy.diff(term, x)
    if rest == 1:
        steps.say(f"d/d{x} {{}} = 0", _written(steps, term))
    elif rest == x:
        steps.say(f"d/d{x} {{}} = {{}}", _written(steps, term), slope)
    elif rest.is_Pow and rest.base == x and not rest.exp.has(x):
        front = f"{bracketed(steps.text(coefficient))}*" if coefficient != 1 else ""
        less = rest.exp - 1
        written = f"{front}{bracketed(steps.text(rest.exp))}*{x}{_exponent(steps, less)}"
        steps.chain([f"d/d{x} {_written(steps, term)}", written, steps.text(slope)])
    else:
        _compound(steps, rest, x)


def _written(steps: Steps, value: Expr) -> str:
    text = steps.text(value)
    return f"({text})" if " " in text or text.startswith("-") else text


def _exponent(steps: Steps, exponent: Expr) -> str:
    if exponent == 1:
        return ""
    return f"{raised(steps, 2)[:-1]}{bracketed(steps.text(exponent))}"


def _compound(steps: Steps, rest: Expr, x: Symbol) -> None:
    """Products by the product rule, functions of functions by the chain rule."""
    if rest.is_Mul:
        first, second = rest.args[0], sympy.Mul(*rest.args[1:])
        for factor in (first, second):
            _rule(steps, factor, x)
        parts = [_written(steps, one) for one in (sympy.diff(first, x), second, first, sympy.diff(second, x))]
        steps.say(f"Product rule: d/d{x} {{}} = {{}}*{{}} + {{}}*{{}}", _written(steps, rest), *parts)
        return
    inner = rest.base if rest.is_Pow and not rest.exp.has(x) else rest.args[0] if rest.is_Function else None
    slope = sympy.diff(rest, x)
    if inner is None or inner == x:
        steps.say(f"d/d{x} {{}} = {{}}", _written(steps, rest), slope)
    else:
        u = sympy.Dummy("u")
        outer = sympy.diff(rest.xreplace({inner: u}), u).xreplace({u: inner})
        parts = [_written(steps, one) for one in (rest, outer, sympy.diff(inner, x))]
        steps.say(f"Chain rule: d/d{x} {{}} = {{}} * {{}}", *parts)


@told
def integrated(steps: Steps, value: Expr, symbol: Symbol, result: Expr) -> None:
    """Powers by the power rule; anything else by its derivative."""
    terms = sympy.Add.make_args(expanded(value) if value.is_polynomial(symbol) else value)
    if len(terms) <= MAX_TERMS:
        for term in terms:
            coefficient, rest = term.as_independent(symbol, as_Add=False)
            base, exponent = rest.as_base_exp() if rest != 1 else (symbol, sympy.Integer(0))
            if base == symbol and exponent != -1 and not exponent.has(symbol):
                raised_by_one = coefficient * symbol ** (exponent + 1) / (exponent + 1)
                steps.say(f"∫ {{}} d{symbol} = {{}}", _written(steps, term), raised_by_one)
    if expanded(sympy.diff(result, symbol) - value) == 0:
        steps.say(f"Check: d/d{symbol} ({{}}) = {{}}", result, value)


@told
def between(steps: Steps, value: Expr, bounds: tuple[Symbol, Expr, Expr], result: Expr) -> None:
    """An antiderivative at both bounds; for polynomials."""
    symbol, low, high = bounds
    if not value.is_polynomial(symbol):
        return
    whole = Poly(expanded(value), symbol).integrate().as_expr()
    integrated(steps, value, symbol, whole)
    steps.say("F({}) = {}", symbol, whole)
    ends = [whole.subs(symbol, end) for end in (high, low)]
    steps.say("F({}) - F({}) = {} - {} = {}", high, low, ends[0], _written(steps, ends[1]), result)


@told
def limited(steps: Steps, value: Expr, symbol: Symbol, target: Expr, result: Expr) -> None:
    """By the value there, by cancelling, or by the derivatives above and below (L'Hôpital)."""
    if not target.is_finite:
        return
    there = value.subs(symbol, target)
    if there.is_finite and there == result:
        steps.say(f"It is continuous at {symbol} = {{}}: its value there is {{}}", target, result)
        return
    above, below = sympy.fraction(sympy.together(value))
    if above.subs(symbol, target) != 0 or below.subs(symbol, target) != 0:
        return
    steps.say(f"Above and below are both 0 at {symbol} = {{}}", target)
    if value.is_rational_function(symbol):
        shorter = sympy.cancel(value)
        steps.say("Cancelled: {} = {}", value, shorter)
        if shorter.subs(symbol, target) == result:
            steps.say(f"At {symbol} = {{}} that is {{}}", target, result)
        return
    above, below = sympy.diff(above, symbol), sympy.diff(below, symbol)
    if below.subs(symbol, target).is_nonzero and above.subs(symbol, target) / below.subs(symbol, target) == result:
        steps.say("L'Hôpital: the derivatives above and below are {} and {}", above, below)
        steps.say(f"At {symbol} = {{}} their quotient is {{}}", target, result)
