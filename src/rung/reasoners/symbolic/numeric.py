"""Arithmetic in words, number theory, rounding, bases, statistics."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from sympy import Expr, Integer, Poly, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.expressions import build, call, expanded, nth_root, number, over, plus, reals, times
from rung.reasoners.symbolic.render import decimal_text, rounded, rounded_text, terminates
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes

MAX_FACTORED: Final = 10**40
MAX_PRIME_TEST_BITS: Final = 1_500
MAX_PLACES: Final = 5_000
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def values(scope: Scope, children: list[Child]) -> list[Any]:
    return [build(node, scope) for node in nodes(children)]


def listed(scope: Scope, node: Node) -> list[Any]:
    """The members of a list, in brackets or not."""
    members = values(scope, node.children)
    if len(members) == 1 and isinstance(members[0], sympy.Tuple):
        members = list(members[0])
    if not all(isinstance(member, Expr) for member in members):
        raise NotUnderstood("a list of what are no numbers")
    return members


def whole(value: Any) -> int:
    if not isinstance(value, Integer):
        raise NoAnswer("not a whole number")
    return int(value)


# ---- arithmetic in words ----


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


def product(members: list[Any]) -> Any:
    result: Any = Integer(1)
    for member in members:
        result = times(result, member)
    return result


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


# ---- number theory ----


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


def root(scope: Scope, children: list[Child]) -> Any:
    return nth_root(build(nodes(children)[0], scope), int(children[0]))


def digit_of(scope: Scope, children: list[Child]) -> Any:
    place = Rational(str(children[0]))
    value = build(nodes(children)[0], scope)
    if not value.is_Rational or (place >= 1 and not value.is_Integer and not scope.decimal):
        raise NoAnswer("a digit of what is no number")
    return Integer(int(abs(value) / place) % 10)


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


def divide(scope: Scope, children: list[Child]) -> Any:
    above, below = values(scope, children)
    return over(above, below)


# ---- statistics and lists ----


def _mean(members: list[Any]) -> Any:
    return sympy.Add(*members) / len(members)


def _median(members: list[Any]) -> Any:
    ordered = sorted(reals(members))
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _mode(members: list[Any]) -> Any:
    counted = Counter(members)
    most = max(counted.values())
    found = [member for member, count in counted.items() if count == most]
    if most == 1:
        raise NoAnswer("no mode: every number occurs once")
    return tuple(sorted(found))


def _variance(members: list[Any], less: int = 0) -> Any:
    if len(members) <= less:
        raise NoAnswer("too few numbers")
    middle = _mean(members)
    return sympy.Add(*((member - middle) ** 2 for member in members)) / (len(members) - less)


def _gap(members: list[Any]) -> Any:
    if len(members) != 2:
        raise NotUnderstood("a difference of other than two")
    if any(member.free_symbols for member in members):
        raise NoAnswer("a difference of letters")
    return abs(members[0] - members[1])


def _denominator(members: list[Any]) -> Any:
    if not all(member.is_Rational for member in members):
        raise NoAnswer("not fractions")
    return Integer(sympy.ilcm(*(int(member.q) for member in members)))


LISTS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "add": lambda members: sympy.Add(*members),
    "mul": product,
    "gap": _gap,
    "gcd": lambda members: call("gcd", members),
    "lcm": lambda members: call("lcm", members),
    "denominator": _denominator,
    "mean": _mean,
    "median": _median,
    "mode": _mode,
    "range": lambda members: max(reals(members)) - min(reals(members)),
    "variance": _variance,
    "stdev": lambda members: sympy.sqrt(_variance(members)),
    "sample_variance": lambda members: _variance(members, 1),
    "sample_stdev": lambda members: sympy.sqrt(_variance(members, 1)),
    "geometric": lambda members: nth_root(product(members), len(members)),
    "harmonic": lambda members: len(members) / sympy.Add(*(over(Integer(1), member) for member in members)),
    "maximum": lambda members: call("maximum", members),
    "minimum": lambda members: call("minimum", members),
}


_AVERAGES: Final = frozenset({"mean", "median", "variance", "sample_variance"})


def of_list(scope: Scope, children: list[Child]) -> Any:
    members = listed(scope, nodes(children)[0])
    if len(members) < 2:
        raise NotUnderstood("a list of one")
    if str(children[0]) in _AVERAGES:
        scope.decimal = scope.decimal or all(member.is_Integer for member in members)
    return LISTS[str(children[0])](members)


# ---- rounding and forms ----


def nearest(value: Any, children: list[Child]) -> str:
    step = number(str(children[-1]))
    if step <= 0:
        raise NotUnderstood("rounding to what is no size")
    return decimal_text(rounded(value, step))


def decimals(value: Any, children: list[Child]) -> str:
    return decimal_text(rounded(value, Rational(1, 10 ** _places(children))))


def figures(value: Any, children: list[Child]) -> str:
    count = _places(children)
    if count < 1 or not (value.is_number and value.is_real):
        raise NotUnderstood("no figures")
    return rounded_text(value, count)


def _places(children: list[Child]) -> int:
    count = whole(number(next(str(child) for child in children if child.type == "NUM")))
    if count > MAX_PLACES:
        raise TooLarge("too many digits")
    return count


PRECISIONS: Final[Mapping[str, Callable[[Any, list[Child]], str]]] = {
    "nearest": nearest,
    "decimals": decimals,
    "figures": figures,
}


def as_fraction(value: Any) -> str:
    if not value.is_Rational or value.q == 1:
        raise NoAnswer("not a fraction")
    return str(value)


def as_decimal(value: Any) -> str:
    if not (value.is_number and value.is_real):
        raise NoAnswer("not a number")
    return decimal_text(value) if value.is_Rational and terminates(value) else rounded_text(value, 12)


def as_percent(value: Any) -> str:
    return f"{as_decimal(value * 100)}%"


def as_scientific(value: Any) -> str:
    if not (value.is_Rational and terminates(value) and value != 0):
        raise NoAnswer("no short form")
    exponent = int(sympy.floor(sympy.log(abs(value), 10).evalf(30)))
    if abs(value) >= Rational(10) ** (exponent + 1):
        exponent += 1
    return f"{decimal_text(value / Rational(10) ** exponent)} × 10^{exponent}"  # noqa: RUF001


FORMS: Final[Mapping[str, Callable[[Any], str]]] = {
    "as_fraction": as_fraction,
    "as_decimal": as_decimal,
    "as_percent": as_percent,
    "as_scientific": as_scientific,
}


# ---- bases ----


def in_digits(value: Any, base: int) -> str:
    n = whole(value)
    if not 2 <= base <= 36:
        raise NoAnswer("a base that is not between 2 and 36")
    digits = ""
    left = abs(n)
    while left:
        left, digit = divmod(left, base)
        digits = DIGITS[digit] + digits
    return ("-" if n < 0 else "") + (digits or "0")


def base_of(node: Node) -> int:
    said = node.children[-1]
    return 10 if said.type == "DECIMAL" else whole(number(str(said)))


def in_base(scope: Scope, children: list[Child]) -> Any:
    return in_digits(build(nodes(children)[0], scope), int(children[0]))


def based(scope: Scope, children: list[Child]) -> Any:
    value = Integer(next(str(child) for child in children if getattr(child, "type", "") == "BASED"))
    negative = any(getattr(child, "type", "") == "MINUS" for child in children)
    return in_digits(-value if negative else value, base_of(nodes(children)[-1]))


def to_base(scope: Scope, children: list[Child]) -> Any:
    node, base = nodes(children)
    value = build(node, scope)
    if base.children[0].type == "DECIMAL" and not value.is_Integer:
        return as_decimal(value)
    if base_of(base) == 10:
        raise NotUnderstood("a number that is in base ten already")
    return in_digits(value, base_of(base))


def rebased(scope: Scope, children: list[Child]) -> Any:
    node, source, target = nodes(children)
    return _from_digits(scope, node, base_of(source), base_of(target))


def rebased_named(scope: Scope, children: list[Child]) -> Any:
    source, node, target = nodes(children)
    return _from_digits(scope, node, base_of(source), base_of(target))


def _from_digits(scope: Scope, node: Node, source: int, target: int) -> str:
    digits = scope.written(node)
    if not digits.isalnum() or len(digits) > 400 or not 2 <= source <= 36:
        raise NotUnderstood("digits that it does not read")
    try:
        return in_digits(Integer(int(digits, source)), target)
    except ValueError:
        raise NotUnderstood("a digit that the base does not have") from None


# ---- percentages ----


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
    "many_of": many_of,
    "one_of": one_of,
    "nth_root": root,
    "digit_of": digit_of,
    "remainder": remainder,
    "remainder_of": remainder_of,
    "of_list": of_list,
    "in_base": in_base,
    "based": based,
    "to_base": to_base,
    "rebased": rebased,
    "rebased_named": rebased_named,
    "what_percent": what_percent,
    "percent_of": percent_of,
    "percent_change": percent_change,
    "changed_by": changed_by,
    "raised_by": changed_by,
}
