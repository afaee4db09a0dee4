"""Whole numbers: primes, divisors, digits, series; and the degree of a polynomial."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Expr, Integer, Poly, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import build, number
from rung.reasoners.symbolic.operands import values, whole
from rung.reasoners.symbolic.scope import Child, Scope, nodes
from rung.reasoners.symbolic.sizes import expanded

MAX_FACTORED: Final = 10**40


MAX_PRIME_TEST_BITS: Final = 1_500


MAX_NTH_PRIME: Final = 200_000


MAX_SERIES: Final = 20_000


def factored(value: int) -> dict[int, int]:
    if abs(value) > MAX_FACTORED:
        raise TooLarge("a number too large to factor")
    if value == 0:
        raise NoAnswer("zero has no factors")
    return {int(p): int(k) for p, k in sympy.factorint(abs(value)).items()}


def is_prime(value: Any) -> bool:
    n = whole(value)
    if n.bit_length() > MAX_PRIME_TEST_BITS:
        raise TooLarge("a number too large to test")
    return bool(sympy.isprime(n))


def _prime_factors(value: Any) -> Any:
    primes = sorted(factored(whole(value)))
    if not primes:
        raise NoAnswer("one has no prime factors")
    return tuple(Integer(p) for p in primes)


def _prime_factorisation(value: Any) -> Any:
    n = whole(value)
    powers = factored(n)
    if n < 2:
        raise NoAnswer("no factorisation into primes")
    return " * ".join(f"{p}**{k}" if k > 1 else str(p) for p, k in sorted(powers.items()))


def _divisors(value: Any) -> Any:
    n = whole(value)
    powers = factored(n)
    if sympy.prod(k + 1 for k in powers.values()) > 2_000:
        raise TooLarge("too many divisors")
    return tuple(Integer(d) for d in sympy.divisors(abs(n)))


def _next_prime(value: Any) -> Any:
    if value > 10**50:
        raise TooLarge("a number too large")
    return Integer(sympy.nextprime(whole(sympy.floor(value))))


def _previous_prime(value: Any) -> Any:
    if value > 10**50 or value <= 2:
        raise NoAnswer("no prime there")
    return Integer(sympy.prevprime(whole(sympy.ceiling(value))))


def _prime_count(value: Any) -> Any:
    n = whole(value)
    if n > 10**7:
        raise TooLarge("too many primes")
    return Integer(sympy.primepi(n - 1)) if n > 2 else Integer(0)


def _degree(value: Any) -> Any:
    if not value.free_symbols:
        raise NoAnswer("a degree of what has no letter")
    return Integer(Poly(expanded(value), *sorted(value.free_symbols, key=str)).total_degree())


def _discriminant(value: Any) -> Any:
    if len(value.free_symbols) != 1:
        raise NoAnswer("a discriminant of what is no polynomial in one letter")
    return sympy.discriminant(Poly(expanded(value), *value.free_symbols))


MANY: Final[Mapping[str, Callable[[Any], Any]]] = {
    "prime_factors": _prime_factors,
    "prime_factorisation": _prime_factorisation,
    "divisors": _divisors,
    "divisor_count": lambda value: Integer(sympy.prod(k + 1 for k in factored(whole(value)).values())),
    "divisor_sum": lambda value: Integer(
        sympy.prod((p ** (k + 1) - 1) // (p - 1) for p, k in factored(whole(value)).items())
    ),
    "prime_count": _prime_count,
    "digit_count": lambda value: Integer(len(str(abs(whole(value))))),
    "next_prime": _next_prime,
    "previous_prime": _previous_prime,
    "degree": _degree,
    "discriminant": _discriminant,
    "numerator": lambda value: Integer(value.p) if value.is_Rational else sympy.numer(value),
}


def many_of(scope: Scope, children: list[Child]) -> Any:
    kind = str(children[0])
    has = any(getattr(child, "type", "") == "HAVE" for child in children)
    if has != (kind in {"divisor_count", "digit_count"} and "how many" in scope.text.lower() and "does" in scope.text):
        raise NotUnderstood("a question left open")
    value = build(nodes(children)[0], scope)
    if not isinstance(value, Expr):
        raise NotUnderstood("not a number")
    return MANY[kind](value)


def nth_of_kind(scope: Scope, children: list[Child]) -> Any:
    del scope
    place = int(children[0])
    if str(children[1]) != "prime" or not 1 <= place <= MAX_NTH_PRIME:
        raise NoAnswer("no such number")
    return Integer(sympy.prime(place))


_SERIES: Final[Mapping[str, Callable[[int], int]]] = {
    "natural": lambda count: count * (count + 1) // 2,
    "odd": lambda count: count * count,
    "even": lambda count: count * (count + 1),
    "square": lambda count: count * (count + 1) * (2 * count + 1) // 6,
    "cube": lambda count: (count * (count + 1) // 2) ** 2,
}


def sum_first(scope: Scope, children: list[Child]) -> Any:
    """Of the first so many: counted from one."""
    del scope
    count, series = whole(number(str(children[1]))), str(children[2])
    if series in _SERIES:
        return Integer(_SERIES[series](count))
    if not 1 <= count <= MAX_SERIES:
        raise TooLarge("too many primes")
    return Integer(sum(sympy.primerange(sympy.prime(count) + 1)))


def sum_between(scope: Scope, children: list[Child]) -> Any:
    low, high = (whole(value) for value in values(scope, children))
    if low > high:
        raise NoAnswer("an empty sum")
    return Integer((high - low + 1) * (low + high) // 2)


def digit_of(scope: Scope, children: list[Child]) -> Any:
    place = Rational(str(children[0]))
    value = build(nodes(children)[0], scope)
    if not value.is_Rational or (place >= 1 and not value.is_Integer and not scope.decimal):
        raise NoAnswer("a digit of what is no number")
    return Integer(int(abs(value) / place) % 10)


TASKS = {
    "many_of": many_of,
    "nth_of_kind": nth_of_kind,
    "sum_first": sum_first,
    "sum_between": sum_between,
    "digit_of": digit_of,
}
