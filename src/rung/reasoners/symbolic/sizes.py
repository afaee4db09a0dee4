"""How large a number or an expression is, told before the work on it is begun."""

from typing import Any, Final

import sympy
from sympy import Expr, Rational

from rung.reasoners.symbolic.errors import TooLarge

MAX_BITS: Final = 40_000
MAX_TERMS: Final = 4_000


def bits(value: Expr) -> float:
    """Binary digits of numerator or denominator, whichever has more."""
    if isinstance(value, Rational):
        return max(abs(int(value.p)).bit_length(), int(value.q).bit_length())
    return 1.0


def expanded(value: Any, limit: float = MAX_TERMS) -> Any:
    """Multiplied out. Raises TooLarge where that would give too many terms."""
    if isinstance(value, Expr) and term_bound(value) > limit:
        raise TooLarge("too many terms")
    return sympy.expand(value)


def term_bound(value: Expr) -> float:
    """At least as many terms as multiplying out gives."""
    if value.is_Add:
        return sum(term_bound(part) for part in value.args)
    if value.is_Mul:
        bound = 1.0
        for part in value.args:
            bound *= term_bound(part)
        return bound
    if value.is_Pow and value.exp.is_Integer and value.exp > 1:
        inner, count = term_bound(value.base), int(value.exp)
        if inner > 1 and count > 400:
            return float("inf")
        return float(sympy.binomial(int(min(inner, 10**6)) + count - 1, count)) if inner > 1 else 1.0
    return 1.0
