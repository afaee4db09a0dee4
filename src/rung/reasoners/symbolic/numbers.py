"""Whole numbers: primes, divisors, digits, series; and the degree of a polynomial."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Expr, Integer, Poly, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import POWERS_SAID, build, number, number_of
from rung.reasoners.symbolic.numerals import roman_parts
from rung.reasoners.symbolic.operands import ends_there, values, whole
from rung.reasoners.symbolic.scope import Child, Scope, nodes, tokens_of
from rung.reasoners.symbolic.sizes import expanded
from rung.reasoners.symbolic.steps import numbers as explain
from rung.reasoners.symbolic.steps.polynomials import raised
from rung.reasoners.symbolic.steps.record import bracketed

MAX_FACTORED: Final = 10**40
MAX_PRIME_TEST_BITS: Final = 1_500
MAX_LISTED: Final = 40
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


def _prime_factors(scope: Scope, value: Any) -> Any:
    powers = factored(whole(value))
    primes = sorted(powers)
    explain.factorisation(scope.steps, whole(value), powers)
    if not primes:
        raise NoAnswer("one has no prime factors")
    return tuple(Integer(p) for p in primes)


def in_roman(scope: Scope, value: Any) -> str:
    n = whole(value)
    parts = roman_parts(n)
    scope.say(f"{n} = {' + '.join(str(size) for _, size in parts)}, which are {', '.join(said for said, _ in parts)}")
    return "".join(said for said, _ in parts)


def _prime_factorisation(scope: Scope, value: Any) -> Any:
    n = whole(value)
    powers = factored(n)
    if n < 2:
        raise NoAnswer("no factorisation into primes")
    explain.factorisation(scope.steps, n, powers)
    return " * ".join(f"{p}**{k}" if k > 1 else str(p) for p, k in sorted(powers.items()))


def _divisors(scope: Scope, value: Any) -> Any:
    n = whole(value)
    powers = factored(n)
    if sympy.prod(k + 1 for k in powers.values()) > 2_000:
        raise TooLarge("too many divisors")
    explain.factorisation(scope.steps, n, powers)
    return tuple(Integer(d) for d in sympy.divisors(abs(n)))


def _divisor_count(scope: Scope, value: Any) -> Any:
    powers = factored(whole(value))
    explain.factorisation(scope.steps, whole(value), powers)
    result = Integer(sympy.prod(power + 1 for power in powers.values()))
    factors = " * ".join(f"({power} + 1)" for _, power in sorted(powers.items()))
    scope.say(f"One more than each exponent: {factors or 1} = {result}")
    return result


def _divisor_sum(scope: Scope, value: Any) -> Any:
    powers = factored(whole(value))
    result = Integer(sympy.prod((p ** (k + 1) - 1) // (p - 1) for p, k in powers.items()))
    explain.factorisation(scope.steps, whole(value), powers)
    sums = [
        "(" + " + ".join(str(prime**power) for power in range(count + 1)) + ")"
        for prime, count in sorted(powers.items())
    ]
    scope.say(f"Powers of each prime, added and multiplied: {' * '.join(sums) or 1} = {result}")
    return result


def _next_prime(scope: Scope, value: Any) -> Any:
    if not value.is_Rational or value > 10**50:
        raise TooLarge("a number too large, or none")
    start = whole(sympy.floor(value))
    result = Integer(sympy.nextprime(start))
    _tell_between(scope, range(max(start + 1, 2), int(result)), int(result))
    return result


def _previous_prime(scope: Scope, value: Any) -> Any:
    if not value.is_Rational or value > 10**50 or value <= 2:
        raise NoAnswer("no prime there")
    end = whole(sympy.ceiling(value))
    result = Integer(sympy.prevprime(end))
    _tell_between(scope, range(end - 1, int(result), -1), int(result))
    return result


def _tell_between(scope: Scope, passed: range, prime: int) -> None:
    if len(passed) <= explain.MAX_SHOWN:
        for n in passed:
            explain.primality(scope.steps, n, False)
    explain.primality(scope.steps, prime, True)


def _prime_count(scope: Scope, value: Any) -> Any:
    n = whole(value)
    if n > 10**7:
        raise TooLarge("too many primes")
    if 2 < n <= 100:
        scope.say("They are {}", tuple(Integer(prime) for prime in sympy.primerange(n)))
    return Integer(sympy.primepi(n - 1)) if n > 2 else Integer(0)


def _degree(scope: Scope, value: Any) -> Any:
    if not value.free_symbols:
        raise NoAnswer("a degree of what has no letter")
    plain = expanded(value)
    scope.say("{} = {}", value, plain)
    return Integer(Poly(plain, *sorted(value.free_symbols, key=str)).total_degree())


def _discriminant(scope: Scope, value: Any) -> Any:
    if len(value.free_symbols) != 1:
        raise NoAnswer("a discriminant of what is no polynomial in one letter")
    polynomial = Poly(expanded(value), *value.free_symbols)
    result = sympy.discriminant(polynomial)
    if polynomial.degree() == 2:
        a, b, c = (bracketed(scope.steps.text(one)) for one in polynomial.all_coeffs())
        scope.say(f"b{raised(scope.steps, 2)} - 4*a*c = {b}{raised(scope.steps, 2)} - 4*{a}*{c} = {{}}", result)
    return result


def _digit_count(scope: Scope, value: Any) -> Any:
    del scope
    return Integer(len(str(abs(whole(value)))))


def _numerator(scope: Scope, value: Any) -> Any:
    if value.is_Rational and str(value) not in scope.text.replace(" ", ""):
        raise NoAnswer("a numerator as it was written, or in lowest terms")
    return Integer(value.p) if value.is_Rational else sympy.numer(value)


MANY: Final[Mapping[str, Callable[[Scope, Any], Any]]] = {
    "prime_factors": _prime_factors,
    "largest_prime_factor": lambda scope, value: _prime_factors(scope, value)[-1],
    "smallest_prime_factor": lambda scope, value: _prime_factors(scope, value)[0],
    "roman": in_roman,
    "prime_factorisation": _prime_factorisation,
    "divisors": _divisors,
    "divisor_count": _divisor_count,
    "divisor_sum": _divisor_sum,
    "prime_count": _prime_count,
    "digit_count": _digit_count,
    "next_prime": _next_prime,
    "previous_prime": _previous_prime,
    "degree": _degree,
    "discriminant": _discriminant,
    "numerator": _numerator,
}


def many_of(scope: Scope, children: list[Child]) -> Any:
    kind = str(children[0])
    has = bool(tokens_of(children, "HAVE"))
    if has != (kind in {"divisor_count", "digit_count"} and "how many" in scope.text.lower() and "does" in scope.text):
        raise NotUnderstood("a question left open")
    value = build(nodes(children)[0], scope)
    if not isinstance(value, Expr):
        raise NotUnderstood("not a number")
    return MANY[kind](scope, value)


def nth_of_kind(scope: Scope, children: list[Child]) -> Any:
    place = int(children[0])
    if str(children[1]) != "prime" or not 1 <= place <= MAX_NTH_PRIME:
        raise NoAnswer("no such number")
    result = Integer(sympy.prime(place))
    if place <= MAX_LISTED:
        scope.say("The primes so far: {}", [Integer(prime) for prime in sympy.primerange(result + 1)])
    return result


_SERIES: Final[Mapping[str, Callable[[int], int]]] = {
    "natural": lambda count: count * (count + 1) // 2,
    "odd": lambda count: count * count,
    "even": lambda count: count * (count + 1),
    "square": lambda count: count * (count + 1) * (2 * count + 1) // 6,
    "cube": lambda count: (count * (count + 1) // 2) ** 2,
}


_FORMULAS: Final[Mapping[str, str]] = {
    "natural": "1 + 2 + ... + n = n*(n + 1)/2",
    "odd": "1 + 3 + ... + (2*n - 1) = n*n",
    "even": "2 + 4 + ... + 2*n = n*(n + 1)",
    "square": "1*1 + 2*2 + ... + n*n = n*(n + 1)*(2*n + 1)/6",
    "cube": "1*1*1 + 2*2*2 + ... + n*n*n = n*(n + 1)/2 * n*(n + 1)/2",
}


def sum_first(scope: Scope, children: list[Child]) -> Any:
    """Of the first so many: counted from one."""
    count, series = whole(number(str(children[1]))), str(children[2])
    if series in _SERIES:
        scope.say(f"{_FORMULAS[series]} for n = {count}")
        return Integer(_SERIES[series](count))
    if not 1 <= count <= MAX_SERIES:
        raise TooLarge("too many primes")
    return Integer(sum(sympy.primerange(sympy.prime(count) + 1)))


def sum_between(scope: Scope, children: list[Child]) -> Any:
    ends_there(children)
    if nodes(children)[-1].data in POWERS_SAID:
        raise NotUnderstood("a power that may be of the sum, or of all in it")
    low, high = (whole(value) for value in values(scope, children))
    if low > high:
        raise NoAnswer("an empty sum")
    result = Integer((high - low + 1) * (low + high) // 2)
    scope.say(f"{high - low + 1} numbers whose mean is ({low} + {high})/2 = {{}}", Rational(low + high, 2))
    scope.say(f"{high - low + 1} * {{}} = {result}", Rational(low + high, 2))
    return result


def sum_from(scope: Scope, children: list[Child]) -> Any:
    """`sum of 1 to 100`."""
    if str(children[0]) != "add" or any(node.data not in {"number", "negative"} for node in nodes(children)):
        raise NotUnderstood("what is done to numbers left out")
    return sum_between(scope, children)


def digit_of(scope: Scope, children: list[Child]) -> Any:
    place = Rational(str(children[0]))
    value = number_of(nodes(children)[0], scope)
    if not value.is_Rational or (place >= 1 and not value.is_Integer and not scope.decimal):
        raise NoAnswer("a digit of what is no number")
    result = Integer(int(abs(value) / place) % 10)
    said = scope.text[children[0].start_pos : children[0].end_pos].lower()
    if not value.is_Integer and ("last" in said or "final" in said):
        raise NoAnswer("the last digit of a fraction")
    count = int(abs(value) / place)
    if place == 1:
        scope.say(f"The last digit of {count} is {result}")
    else:
        scope.say(f"{count} whole times {place} in {{}}, and the last digit of {count} is {result}", abs(value))
    return result


TASKS = {
    "many_of": many_of,
    "nth_of_kind": nth_of_kind,
    "sum_first": sum_first,
    "sum_between": sum_between,
    "sum_from": sum_from,
    "digit_of": digit_of,
}
