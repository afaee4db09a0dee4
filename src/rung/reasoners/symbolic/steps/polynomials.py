"""Polynomials as people write them down."""

from typing import Final

from sympy import Expr, Poly, Symbol

from rung.reasoners.symbolic.steps.record import Steps, bracketed, summed

MAX_SHOWN_TERMS: Final = 12


def term(steps: Steps, coefficient: Expr, rest: str) -> str:
    """`c*x`, without a coefficient of one."""
    if coefficient == 1:
        return rest
    if coefficient == -1:
        return f"-{rest}"
    text = steps.text(coefficient)
    return f"{bracketed(text) if not coefficient.is_Rational else text}*{rest}"


def raised(steps: Steps, power: int) -> str:
    return f"{'^' if steps.notation == 'caret' else '**'}{power}" if power > 1 else ""


def placed(steps: Steps, body: Expr, parameter: Symbol, value: Expr) -> list[str]:
    """A polynomial with a value in its letter's place, nothing worked out; nothing for other functions."""
    if not body.is_polynomial(parameter):
        return []
    polynomial = Poly(body, parameter)
    if len(polynomial.terms()) > MAX_SHOWN_TERMS:
        return []
    base = bracketed(steps.text(value))
    parts = []
    for (power,), coefficient in polynomial.terms():
        rest = base + raised(steps, power)
        parts.append(term(steps, coefficient, rest) if power else _constant(steps, coefficient))
    return [summed(parts)]


def _constant(steps: Steps, value: Expr) -> str:
    text = steps.text(value)
    return f"({text})" if value.is_Add else text
