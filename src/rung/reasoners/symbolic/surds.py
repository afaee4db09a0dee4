"""Exact arithmetic with square roots of whole numbers: a value is {square-free number: rational coefficient}."""

from math import gcd

import sympy
from sympy import Expr, Integer, Rational

from rung.reasoners.symbolic.errors import NoAnswer, TooLarge

Surd = dict[int, Rational]
MAX_PRODUCTS = 1_024
MAX_POWER = 64
MAX_UNDER_ROOT = 10**30


def surd(value: Expr) -> Surd:
    """Raises NoAnswer where anything but rationals, their square roots and whole powers occurs."""
    if value.is_Rational:
        return {1: value} if value != 0 else {}
    if value.is_Add:
        return _added([surd(part) for part in value.args])
    if value.is_Mul:
        return _product([surd(part) for part in value.args])
    if value.is_Pow and value.exp.is_Integer and abs(value.exp) <= MAX_POWER:
        base = surd(value.base)
        return _product([inverted(base) if value.exp < 0 else base] * abs(int(value.exp)))
    if value.is_Pow and value.exp.is_Rational and value.exp.q == 2 and abs(value.exp.p) <= MAX_POWER:
        return _product([_root(value.base) if value.exp > 0 else inverted(_root(value.base))] * abs(int(value.exp.p)))
    raise NoAnswer("a form that it does not simplify")


def _root(value: Expr) -> Surd:
    """The square root of a positive rational, taken apart into primes."""
    if not (value.is_Rational and value > 0) or value.p * value.q > MAX_UNDER_ROOT:
        raise NoAnswer("a form that it does not simplify")
    outside, inside = 1, 1
    for prime, power in sympy.factorint(int(value.p * value.q)).items():
        outside *= prime ** (power // 2)
        inside *= prime ** (power % 2)
    return {inside: Rational(outside, value.q)}


def _product(parts: list[Surd]) -> Surd:
    product: Surd = {1: Integer(1)}
    for part in parts:
        product = multiplied(product, part)
    return product


def _added(parts: list[Surd]) -> Surd:
    total: Surd = {}
    for part in parts:
        for root, coefficient in part.items():
            total[root] = total.get(root, Integer(0)) + coefficient
    return {root: coefficient for root, coefficient in total.items() if coefficient != 0}


def multiplied(left: Surd, right: Surd) -> Surd:
    if len(left) * len(right) > MAX_PRODUCTS:
        raise TooLarge("too many different roots")
    total: Surd = {}
    for a, x in left.items():
        for b, y in right.items():
            shared = gcd(a, b)
            root = (a // shared) * (b // shared)
            total[root] = total.get(root, Integer(0)) + x * y * shared
    return {root: coefficient for root, coefficient in total.items() if coefficient != 0}


def inverted(value: Surd) -> Surd:
    """One over the value: multiplied by its conjugate in one prime after another until it is rational."""
    if not value:
        raise NoAnswer("a division by zero")
    above: Surd = {1: Integer(1)}
    while set(value) != {1}:
        root = max(value)
        prime = max(sympy.primefactors(root))
        conjugate = {r: -c if r % prime == 0 else c for r, c in value.items()}
        above = multiplied(above, conjugate)
        value = multiplied(value, conjugate)
    return {root: coefficient / value[1] for root, coefficient in above.items()}


def expression(value: Surd) -> Expr:
    return sympy.Add(*(coefficient * sympy.sqrt(root) for root, coefficient in value.items()))
