"""Whole numbers and lists of numbers."""

from collections.abc import Mapping, Sequence
from functools import reduce
from math import gcd as greatest
from math import isqrt
from typing import Any, Final

from sympy import Integer, Rational

from rung.reasoners.symbolic.steps.polynomials import raised
from rung.reasoners.symbolic.steps.record import Steps, after_sign, bracketed, summed, told

MAX_SHOWN: Final = 12
MAX_LADDER: Final = 24
MAX_TRIED: Final = 10_000


def division(steps: Steps, above: int, below: int) -> None:
    """`17 = 3*5 + 2`."""
    times, rest = divmod(above, below)
    steps.say(f"{above} = {times}*{bracketed(str(below))} + {rest}")


def euclid(steps: Steps, first: int, second: int) -> None:
    """Euclid's algorithm: a divisor of both also divides the remainder."""
    a, b = max(abs(first), abs(second)), min(abs(first), abs(second))
    if b == 0:
        return
    lines = 0
    while b:
        if lines < MAX_LADDER:
            division(steps, a, b)
        lines += 1
        a, b = b, a % b
    steps.say(f"The last divisor is the greatest of both: gcd({first}, {second}) = {a}")


@told
def common_divisor(steps: Steps, members: Sequence[Any]) -> None:
    numbers = [int(member) for member in members]
    for at in range(1, len(numbers)):
        euclid(steps, reduce(greatest, numbers[:at]), numbers[at])


@told
def common_multiple(steps: Steps, members: Sequence[Any]) -> None:
    """Two at a time: the product by the greatest common divisor."""
    total = abs(int(members[0]))
    for member in members[1:]:
        number = abs(int(member))
        if not total or not number:
            return
        euclid(steps, total, number)
        divisor = greatest(total, number)
        steps.say(f"lcm({total}, {number}) = {total}*{number}/{divisor} = {total * number // divisor}")
        total = total * number // divisor


def common_denominator(steps: Steps, members: Sequence[Rational]) -> None:
    """Of fractions in lowest terms."""
    steps.say("Denominators in lowest terms: {}", [Integer(member.q) for member in members])
    common_multiple(steps, [member.q for member in members])


# ---- primes ----


def factorisation(steps: Steps, n: int, powers: Mapping[int, int]) -> None:
    """Divided by its primes in turn, and the product of their powers."""
    left = abs(n)
    if len(powers) == 1 and sum(powers.values()) == 1 and n > 0:
        primality(steps, n, True)
        return
    ladder = [prime for prime, power in sorted(powers.items()) for _ in range(power)]
    if len(ladder) <= MAX_LADDER:
        for prime in ladder[:-1]:
            steps.say(f"{left} / {prime} = {left // prime}")
            left //= prime
    steps.say(f"{'-' if n < 0 else ''}{product(steps, powers)} = {n}")


def product(steps: Steps, powers: Mapping[int, int]) -> str:
    return " * ".join(f"{prime}{raised(steps, power)}" for prime, power in sorted(powers.items()))


def primality(steps: Steps, n: int, prime: bool) -> None:
    """Why a number is prime, or is not. For a number without a small factor it names the test."""
    if n < 2:
        steps.say(f"{n} is less than 2, and primes are not")
    elif prime:
        steps.say(f"{n} is prime: no prime up to {isqrt(n)}, the whole part of its square root, divides it")
    elif factor := next((k for k in range(2, min(isqrt(n), MAX_TRIED) + 1) if n % k == 0), None):
        steps.say(f"{n} = {factor} * {n // factor}, so it is not prime")
    else:
        steps.say(f"{n} is not prime: it fails the Baillie-PSW test")


# ---- digits ----


def from_digits(steps: Steps, digits: str, base: int, value: int) -> None:
    """`213 (base 4) = 2*4**2 + 1*4 + 3 = 39`."""
    bare = digits.lstrip("-")
    if len(bare) > MAX_LADDER or base == 10:
        return
    parts = []
    for place, digit in zip(range(len(bare) - 1, -1, -1), bare, strict=True):
        power = f"*{base}{raised(steps, place)}" if place else ""
        parts.append(f"{int(digit, 36)}{power}")
    total = " + ".join(parts)
    steps.say(f"{digits} (base {base}) = {f'-({total})' if digits.startswith('-') else total} = {value}")


def in_digits(steps: Steps, value: int, base: int, digits: str) -> None:
    """Divided by the base again and again: the remainders are the digits, the last one first."""
    if base == 10 or len(digits) > MAX_LADDER:
        return
    left = abs(value)
    while left:
        rest, digit = divmod(left, base)
        said = f" (digit {digits[-1]})" if digit > 9 and rest == 0 else ""
        steps.say(f"{left} = {rest}*{base} + {digit}{said}")
        left = rest
    steps.say(f"The remainders, the last one first: {value} = {digits} (base {base})")


# ---- lists ----


def _added(steps: Steps, members: Sequence[Any]) -> str:
    return summed([steps.text(member) for member in members])


@told
def listed(steps: Steps, kind: str, members: Sequence[Any], result: Any) -> None:
    """What was done with a list to come to the result."""
    if kind in _LISTED and len(members) <= 4 * MAX_SHOWN:
        _LISTED[kind](steps, members, result)


def _total(steps: Steps, members: Sequence[Any], result: Any) -> None:
    steps.chain([_added(steps, members), steps.text(result)])


def _product(steps: Steps, members: Sequence[Any], result: Any) -> None:
    steps.chain([" * ".join(_factor(steps.text(member), at) for at, member in enumerate(members)), steps.text(result)])


def _factor(text: str, at: int) -> str:
    return f"({text})" if " " in text or (at and text.startswith("-")) else text


def _gap(steps: Steps, members: Sequence[Any], result: Any) -> None:
    first, second = (steps.text(member) for member in members)
    steps.say(f"|{first} - {after_sign(second)}| = {{}}", result)


def _mean(steps: Steps, members: Sequence[Any], result: Any) -> None:
    total = sum(members, Integer(0))
    stages = [f"({_added(steps, members)})/{len(members)}", f"{bracketed_total(steps, total)}/{len(members)}"]
    steps.chain([*stages, steps.text(result)])


def bracketed_total(steps: Steps, total: Any) -> str:
    text = steps.text(total)
    return f"({text})" if "/" in text or " " in text else text


def _median(steps: Steps, members: Sequence[Any], result: Any) -> None:
    ordered = sorted(members)
    steps.say("In order: {}", ordered)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        steps.say(f"Number {middle + 1} of {len(ordered)} is in the middle: {{}}", result)
    else:
        below, above = (steps.text(one) for one in ordered[middle - 1 : middle + 1])
        steps.chain([f"({summed([below, above])})/2", steps.text(result)])


def _mode(steps: Steps, members: Sequence[Any], result: Any) -> None:
    for member in result:
        steps.say(f"{{}} occurs {members.count(member)} times, more often than others", member)


def _range(steps: Steps, members: Sequence[Any], result: Any) -> None:
    low = steps.text(min(members))
    steps.chain([f"{steps.text(max(members))} - {after_sign(low)}", steps.text(result)])


def _squares(steps: Steps, members: Sequence[Any], less: int) -> Any:
    middle = sum(members, Integer(0)) / len(members)
    _mean(steps, members, middle)
    square = raised(steps, 2)
    gaps = " + ".join(f"({summed([steps.text(one), _negated(steps.text(middle))])}){square}" for one in members)
    total = sum(((one - middle) ** 2 for one in members), Integer(0))
    count = len(members) - less
    steps.chain([f"({gaps})/{count}", f"{bracketed_total(steps, total)}/{count}", steps.text(total / count)])
    return total / count


def _negated(text: str) -> str:
    return text[1:] if text.startswith("-") else f"-{text}"


def _deviation(less: int) -> Any:
    def tell(steps: Steps, members: Sequence[Any], result: Any) -> None:
        variance = _squares(steps, members, less)
        steps.chain([f"sqrt({steps.text(variance)})", steps.text(result)])

    return tell


_LISTED: Final[Mapping[str, Any]] = {
    "add": _total,
    "mul": _product,
    "gap": _gap,
    "gcd": lambda steps, members, result: common_divisor(steps, members),
    "lcm": lambda steps, members, result: common_multiple(steps, members),
    "denominator": lambda steps, members, result: common_denominator(steps, members),
    "mean": _mean,
    "median": _median,
    "mode": _mode,
    "range": _range,
    "variance": lambda steps, members, result: _squares(steps, members, 0),
    "sample_variance": lambda steps, members, result: _squares(steps, members, 1),
    "stdev": _deviation(0),
    "sample_stdev": _deviation(1),
}
