"""Questions harder than the data's: bigger numbers, deeper nesting, more terms; and near misses that have no answer.

Every family draws its questions from a seed and knows the answer by a way of its own: the question was made from it
(roots, factors), or plain Python works it out (fractions, integers, datetime, statistics). Nothing here uses SymPy or
the solver.
"""

import datetime as dt
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from expressions import same_expression


class Question(NamedTuple):
    """`right` says whether an answer is."""

    family: str
    text: str
    right: Callable[[str], bool]


Made = tuple[str, Callable[[str], bool]]
LETTERS = "abcdfghjklmnopqrstuvwxyz"


def value(answer: str) -> Fraction | None:
    try:
        return Fraction(answer)
    except (ValueError, ZeroDivisionError):
        return None


def equals(number: Fraction | int) -> Callable[[str], bool]:
    return lambda answer: value(answer) == number


def says(text: str) -> Callable[[str], bool]:
    return lambda answer: answer == text


def everywhere_as(expression: str) -> Callable[[str], bool]:
    return lambda answer: same_expression(answer, expression)


def big(rng: random.Random, digits: int) -> int:
    return rng.choice((-1, 1)) * rng.randrange(10 ** (digits - 1), 10**digits)


def signed(numbers: list[int]) -> str:
    return " + ".join(f"({n})" if n < 0 else str(n) for n in numbers)


# ---- arithmetic ----


def nested(rng: random.Random, depth: int) -> tuple[str, Fraction]:
    """An expression in brackets and its value. No division by zero."""
    if depth == 0 or rng.random() < 0.1:
        n = rng.randint(-999, 999)
        return str(n), Fraction(n)
    (left, x), (right, y) = nested(rng, depth - 1), nested(rng, depth - 1)
    sign = rng.choice("+-*/" if y else "+-*")
    result = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else x}[sign]
    return f"({left} {sign} {right})", result


def deep(rng: random.Random) -> Made:
    text, result = nested(rng, rng.randint(3, 5))
    return f"What is {text[1:-1] if text[0] == '(' else text + ' + 0'}?", equals(result)


def long_sum(rng: random.Random) -> Made:
    numbers = [big(rng, rng.randint(10, 30)) for _ in range(rng.randint(2, 12))]
    return f"Calculate {signed(numbers)}.", equals(sum(numbers))


def long_product(rng: random.Random) -> Made:
    a, b = big(rng, rng.randint(8, 25)), big(rng, rng.randint(8, 25))
    return rng.choice(["What is {} times {}?", "Multiply {} and {}.", "Product of {} and {}."]).format(a, b), equals(
        a * b
    )


def long_quotient(rng: random.Random) -> Made:
    a, b = big(rng, rng.randint(8, 20)), abs(big(rng, rng.randint(2, 8)))
    return f"Divide {a} by {b}.", lambda answer: abs((value(answer) or 0) * b - a) <= Fraction(abs(a), 10**11)


def in_base(rng: random.Random) -> Made:
    base = rng.randint(2, 16)
    a, b = big(rng, 15), big(rng, 15)
    sign, result = rng.choice([("+", a + b), ("-", a - b)])
    return f"In base {base}, what is {digits(a, base)} {sign} {digits(b, base)}?", says(digits(result, base))


def digits(n: int, base: int) -> str:
    text, left = "", abs(n)
    while left:
        left, digit = divmod(left, base)
        text = "0123456789abcdef"[digit] + text
    return ("-" if n < 0 else "") + (text or "0")


def rebased(rng: random.Random) -> Made:
    source, target = rng.sample(range(2, 17), 2)
    n = big(rng, rng.randint(8, 18))
    return f"What is {digits(n, source)} (base {source}) in base {target}?", says(digits(n, target))


def surds(rng: random.Random) -> Made:
    root = rng.choice([2, 3, 5, 7, 11, 13, 17])
    parts = [f"{rng.randint(-9, 9) or 1}*sqrt({root * rng.randint(1, 12) ** 2})" for _ in range(rng.randint(3, 7))]
    text = " + ".join(f"({part})" for part in parts)
    text = rng.choice(
        [text, f"({text})**2", f"({text})/sqrt({root * 4})", f"({text} + {rng.randint(1, 9)})*sqrt({root})"]
    )
    return f"Simplify {text}.", everywhere_as(text)


def percents(rng: random.Random) -> Made:
    part, whole = Fraction(rng.randint(1, 4000), 10), rng.randint(10, 10**6)
    shown = f"{float(part):g}"
    asked = rng.choice([f"What is {shown}% of {whole}?", f"{shown} percent of {whole}", f"what's {shown}% of {whole}?"])
    return asked, equals(part * whole / 100)


# ---- algebra ----


def side(rng: random.Random, letter: str, slope: int, rest: int) -> str:
    """`slope*letter + rest` in several terms and brackets."""
    a, b, factor = rng.randint(-999, 999), rng.randint(-9999, 9999), rng.randint(2, 30)
    inner, outer = rng.randint(-50, 50), slope - a
    text = f"{a}*{letter} + {factor}*({inner}*{letter} + {b})"
    return f"{text} + {outer - factor * inner}*{letter} + {rest - factor * b}".replace("+ -", "- ")


def linear(rng: random.Random) -> Made:
    letter, answer = rng.choice(LETTERS), rng.randint(-(10**6), 10**6)
    left, right, rest = rng.randint(-999, 999), rng.randint(-999, 999), rng.randint(-(10**6), 10**6)
    left += left == right
    sides = side(rng, letter, left, rest), side(rng, letter, right, (left - right) * answer + rest)
    return f"Solve {sides[0]} = {sides[1]} for {letter}.", equals(answer)


def system(rng: random.Random) -> Made:
    count = rng.randint(2, 4)
    letters = rng.sample(LETTERS, count)
    answers = [rng.randint(-99, 99) for _ in letters]
    while determinant(rows := [[rng.randint(-30, 30) for _ in letters] for _ in letters]) == 0:
        pass
    equations = [
        " + ".join(f"{c}*{letter}" for c, letter in zip(row, letters, strict=True)).replace("+ -", "- ")
        + f" = {sum(c * answer for c, answer in zip(row, answers, strict=True))}"
        for row in rows
    ]
    at = rng.randrange(count)
    return f"Solve {', '.join(equations)} for {letters[at]}.", equals(answers[at])


def determinant(rows: list[list[int]]) -> int:
    """By the first row's minors (Laplace)."""
    if len(rows) == 1:
        return rows[0][0]
    return sum(
        (-1) ** at * entry * determinant([row[:at] + row[at + 1 :] for row in rows[1:]])
        for at, entry in enumerate(rows[0])
    )


def times(one: list[int], other: list[int]) -> list[int]:
    """Product of polynomials; entry k is the coefficient of the power k."""
    result = [0] * (len(one) + len(other) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            result[i + j] += a * b
    return result


def at(polynomial: list[int], x: int) -> int:
    return sum(c * x**k for k, c in enumerate(polynomial))


def written(polynomial: list[int], letter: str = "x") -> str:
    parts = [f"{c}*{letter}**{k}" if k > 1 else f"{c}*{letter}" if k else str(c) for k, c in enumerate(polynomial) if c]
    return " + ".join(reversed(parts)).replace("+ -", "- ") or "0"


def random_polynomial(rng: random.Random, degree: int, size: int = 99) -> list[int]:
    return [rng.randint(-size, size) for _ in range(degree)] + [rng.choice([-1, 1]) * rng.randint(1, size)]


def roots(rng: random.Random) -> Made:
    found = rng.sample(range(-30, 31), rng.randint(3, 5))
    polynomial = [rng.choice((-1, 1)) * rng.randint(1, 9)]
    for root in found:
        polynomial = times(polynomial, [-root, 1])
    letter = rng.choice(LETTERS)
    asked = rng.choice(["Solve {} = 0 for {}.", "Find {1} such that {0} = 0.", "What is {1} in {0} = 0?"])
    return asked.format(written(polynomial, letter), letter), says(", ".join(str(root) for root in sorted(found)))


def factors(rng: random.Random) -> Made:
    parts = [[rng.randint(-15, 15), rng.randint(1, 6)] for _ in range(rng.randint(3, 5))]
    polynomial = [1]
    for part in parts:
        polynomial = times(polynomial, part)
    text = written(polynomial)
    return f"Factor {text}.", lambda answer: answer.count("(") >= 2 and same_expression(answer, text)


def products(rng: random.Random) -> Made:
    parts = [random_polynomial(rng, rng.randint(1, 3), 20) for _ in range(rng.randint(2, 4))]
    polynomial = [1]
    for part in parts:
        polynomial = times(polynomial, part)
    text = "*".join(f"({written(part)})" for part in parts)
    return f"Expand {text}.", lambda answer: "(" not in answer and same_expression(answer, written(polynomial))


def composed(rng: random.Random) -> Made:
    """Functions of functions, at a number."""
    names = rng.sample("fghkpqtuvw", 3)
    polynomials = [random_polynomial(rng, rng.randint(1, 3), 12) for _ in names]
    x = rng.randint(-20, 20)
    stated = " ".join(f"Let {name}(x) = {written(p)}." for name, p in zip(names, polynomials, strict=True))
    result = x
    for polynomial in reversed(polynomials):
        result = at(polynomial, result)
    return f"{stated} What is {names[0]}({names[1]}({names[2]}({x})))?", equals(result)


def derivative(rng: random.Random) -> Made:
    order, polynomial = rng.randint(1, 3), random_polynomial(rng, rng.randint(5, 9), 999)
    result = polynomial
    for _ in range(order):
        result = [k * c for k, c in enumerate(result)][1:]
    named = ["first", "second", "third"][order - 1]
    asked = rng.choice([f"Find the {named} derivative of {{}}.", f"What is the {named} derivative of {{}} wrt x?"])
    return asked.format(written(polynomial)), everywhere_as(written(result))


def area(rng: random.Random) -> Made:
    polynomial, low, high = random_polynomial(rng, rng.randint(2, 6)), rng.randint(-9, 0), rng.randint(1, 9)
    whole = sum(Fraction(c, k + 1) * (high ** (k + 1) - low ** (k + 1)) for k, c in enumerate(polynomial))
    return f"Integrate {written(polynomial)} from {low} to {high}.", equals(whole)


def powers(rng: random.Random) -> Made:
    parts = [Fraction(rng.randint(-30, 30), rng.randint(1, 30)) for _ in range(4)]
    a, b, c, d = parts
    text = f"((x**({a})/x)**({b})*x**({c}))**({d})"
    total = ((a - 1) * b + c) * d
    return f"Simplify {text} assuming x is positive.", everywhere_as(f"x**({total})")


def sequences(rng: random.Random) -> Made:
    polynomial = random_polynomial(rng, rng.randint(1, 4), 30)
    terms = [at(polynomial, k) for k in range(1, len(polynomial) + 4)]
    return f"What is next in {', '.join(map(str, terms[:-1]))}?", equals(terms[-1])


def chained(rng: random.Random) -> Made:
    """Statements that build on each other."""
    a, b, c = (rng.choice((-1, 1)) * rng.randint(2, 999) for _ in range(3))
    m = rng.randint(2, 99)
    stated = f"Let k be {a} - {b}*{c}. Suppose {m}*n + k = {a - b * c + m * b}. Let q(t) = t**2 - {c}*t + k."
    return f"{stated} Calculate q(n).".replace("- -", "+ "), equals(b * b - c * b + a - b * c)


# ---- whole numbers ----


def is_prime(n: int) -> bool:
    """Miller and Rabin with the bases that decide every number below 3.3e24 (Sorenson and Webster 2015)."""
    small = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    if n < 2 or any(n % p == 0 for p in small):
        return n in small
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in small:
        x = pow(base, odd, n)
        if x not in {1, n - 1} and all((x := x * x % n) != n - 1 for _ in range(twos - 1)):
            return False
    return True


def prime(rng: random.Random, size: int) -> int:
    n = rng.randrange(10 ** (size - 1), 10**size) | 1
    while not is_prime(n):
        n += 2
    return n


def primality(rng: random.Random) -> Made:
    p, q = prime(rng, rng.randint(4, 9)), prime(rng, rng.randint(4, 9))
    n, answer = rng.choice([(p * q, "False"), (prime(rng, rng.randint(9, 18)), "True")])
    return rng.choice([f"Is {n} prime?", f"Is {n} a prime number?"]), says(answer)


def prime_factors(rng: random.Random) -> Made:
    found = sorted({prime(rng, rng.randint(1, 5)) for _ in range(rng.randint(2, 4))})
    n = math.prod(p ** rng.randint(1, 3) for p in found)
    return f"What are the prime factors of {n}?", says(", ".join(map(str, found)))


def divisors(rng: random.Random) -> Made:
    several = [rng.randrange(10**6, 10**12) * rng.choice([1, 12, 360]) for _ in range(rng.randint(2, 4))]
    name, result = rng.choice([
        ("greatest common divisor", math.gcd(*several)), ("least common multiple", math.lcm(*several)),
        ("highest common factor", math.gcd(*several)), ("smallest common multiple", math.lcm(*several)),
    ])  # fmt: skip
    last = f"{', '.join(map(str, several[:-1]))} and {several[-1]}"
    return f"Calculate the {name} of {last}.", equals(result)


def remainders(rng: random.Random) -> Made:
    a, b = rng.randrange(10**12, 10**20), rng.randrange(10**3, 10**9)
    if rng.random() < 0.5:
        base, power, modulus = rng.randint(2, 99), rng.randint(50, 400), rng.randint(3, 9999)
        return f"What is the remainder when {base}^{power} is divided by {modulus}?", equals(pow(base, power, modulus))
    return f"Calculate the remainder when {a} is divided by {b}.", equals(a % b)


def places(rng: random.Random) -> Made:
    names = ["units", "tens", "hundreds", "thousands", "ten thousands", "hundred thousands", "millions", "ten millions"]
    n, place = rng.randrange(10**10, 10**18), rng.randrange(len(names))
    return f"What is the {names[place]} digit of {n}?", equals(n // 10**place % 10)


def rounding(rng: random.Random) -> Made:
    places_ = rng.randint(0, 9)
    number = Decimal(big(rng, rng.randint(8, 20))).scaleb(-rng.randint(3, 15))
    with localcontext() as context:
        context.prec = 60
        result = number.quantize(Decimal(1).scaleb(-places_), ROUND_HALF_UP)
    return f"Round {number:f} to {places_} decimal places.", equals(Fraction(result))


# ---- comparing, lists, chance ----


def mixed_numbers(rng: random.Random, count: int) -> list[tuple[str, Fraction]]:
    found: dict[Fraction, str] = {}
    while len(found) < count:
        n, q = rng.randint(-(10**4), 10**4), rng.randint(2, 999)
        text, number = rng.choice([
            (str(n), Fraction(n)), (f"{n}/{q}", Fraction(n, q)), (f"{n / 1000:.3f}", Fraction(n, 1000)),
        ])  # fmt: skip
        if math.gcd(n, q) == 1 or "/" not in text:
            found.setdefault(number, text)
    return [(text, number) for number, text in found.items()]


def sorting(rng: random.Random) -> Made:
    found = mixed_numbers(rng, rng.randint(6, 15))
    down = rng.random() < 0.5
    ordered = sorted(found, key=lambda one: one[1], reverse=down)
    order = "descending" if down else "ascending"
    return f"Sort {', '.join(text for text, _ in found)} in {order} order.", says(
        ", ".join(text for text, _ in ordered)
    )


def closest(rng: random.Random) -> Made:
    found = mixed_numbers(rng, rng.randint(5, 9))
    (target, number), *rest = found
    gaps = sorted(abs(n - number) for _, n in rest)
    if gaps[0] == gaps[1]:
        return closest(rng)
    answer = min(rest, key=lambda one: abs(one[1] - number))[0]
    return f"What is the closest to {target} in {', '.join(text for text, _ in rest)}?", says(answer)


def averages(rng: random.Random) -> Made:
    numbers = [rng.randint(-999, 999) for _ in range(rng.randint(5, 15))]
    name, way = rng.choice([("mean", statistics.mean), ("median", statistics.median), ("range", spread)])
    result = Fraction(way([Fraction(n) for n in numbers]))
    near = lambda answer: abs((value(answer) or 10**9) - result) <= Fraction(1, 10**9)  # noqa: E731
    return f"What is the {name} of {', '.join(map(str, numbers))}?", near


def spread(numbers: list[Fraction]) -> Fraction:
    return max(numbers) - min(numbers)


def chances(rng: random.Random) -> Made:
    bag = Counter({letter: rng.randint(1, 9) for letter in rng.sample(LETTERS, rng.randint(3, 6))})
    total, count = sum(bag.values()), rng.randint(2, 5)
    drawn = rng.sample([letter for letter, n in bag.items() for _ in range(n)], min(count, total))
    wanted = Counter(drawn)
    names = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}
    contents = "{" + ", ".join(f"{letter}: {n}" for letter, n in bag.items()) + "}"
    stated = f"{names[len(drawn)]} letters picked without replacement from {contents}."
    if rng.random() < 0.5:
        ways = math.prod(math.comb(bag[letter], n) for letter, n in wanted.items())
        asked = " and ".join(f"{n} {letter}" for letter, n in wanted.items()) if len(wanted) < 3 else ""
        asked = asked or ", ".join(f"{n} {letter}" for letter, n in list(wanted.items())[:-1])
        if len(wanted) > 2:
            letter, n = list(wanted.items())[-1]
            asked += f", and {n} {letter}"
        return f"{stated} What is prob of picking {asked}?", equals(Fraction(ways, math.comb(total, len(drawn))))
    left, chance = Counter(bag), Fraction(1)
    for letter in drawn:
        chance *= Fraction(left[letter], sum(left.values()))
        left[letter] -= 1
    return f"{stated} What is prob of sequence {''.join(drawn)}?", equals(chance)


# ---- measures ----

LENGTHS = {
    "nanometers": Fraction(1, 10**9), "micrometers": Fraction(1, 10**6), "millimeters": Fraction(1, 1000),
    "centimeters": Fraction(1, 100), "meters": Fraction(1), "kilometers": Fraction(1000),
    "inches": Fraction(254, 10000), "feet": Fraction(3048, 10000),
    "yards": Fraction(9144, 10000), "miles": Fraction(1609344, 1000),
}  # fmt: skip
TIMES = {
    "milliseconds": Fraction(1, 1000), "seconds": Fraction(1), "minutes": Fraction(60), "hours": Fraction(3600),
    "days": Fraction(86400), "weeks": Fraction(604800),
}  # fmt: skip
MASSES = {
    "milligrams": Fraction(1, 10**6),
    "grams": Fraction(1, 1000),
    "kilograms": Fraction(1),
    "tonnes": Fraction(1000),
}


def conversions(rng: random.Random) -> Made:
    table = rng.choice([LENGTHS, TIMES, MASSES])
    source, target = rng.sample(sorted(table), 2)
    number = Decimal(rng.randrange(1, 10**9)).scaleb(-rng.randint(0, 6))
    result = Fraction(number) * table[source] / table[target]
    asked = rng.choice(["Convert {} {} to {}.", "What is {} {} in {}?", "How many {2} are there in {0} {1}?"])
    near = lambda answer: abs((value(answer) or 0) - result) <= abs(result) / 10**11  # noqa: E731
    return asked.format(f"{number:f}", source, target), near


def clock(rng: random.Random) -> Made:
    start = dt.datetime(2000, 1, 1, rng.randrange(24), rng.randrange(60))
    hours, minutes = rng.randint(1, 40), rng.randint(1, 59)
    later = start + dt.timedelta(hours=hours, minutes=minutes)
    shown = [f"{time:%I:%M %p}".lstrip("0") for time in (start, later)]
    asked = rng.choice(
        [f"What time is it {hours} hours and {minutes} minutes after {{}}?", f"{hours} h {minutes} min after {{}}"]
    )
    return asked.format(shown[0]), says(shown[1])


def calendar(rng: random.Random) -> Made:
    start = dt.date(1700, 1, 1) + dt.timedelta(rng.randrange(200_000))
    days = rng.randrange(1, 40_000)
    end = start + dt.timedelta(days)
    first, last = (f"{date.day} {date:%B} {date.year}" for date in (start, end))
    return rng.choice([
        (f"How many days are there between {first} and {last}?", equals(days)),
        (f"What date is {days} days after {first}?", says(last)),
        (f"On what day of the week did {first} fall?", says(f"{start:%A}")),
        (f"What date is {days} days before {last}?", says(first)),
    ])  # fmt: skip


def rates(rng: random.Random) -> Made:
    speed, hours = rng.randint(5, 999), Fraction(rng.randint(1, 400), 4)
    worth, money = Fraction(rng.randint(50, 30000), 100), rng.randint(1, 99) * 100
    shown = f"{float(hours):g}"
    return rng.choice([
        (f"{speed} km/h for {shown} hours", says(f"{plain(speed * hours)} km")),
        (f"how long does it take to drive {plain(speed * hours)} km at {speed} km/h", says(f"{shown} h")),
        (f"at {plain(worth)} JPY per USD, how much is {money} USD in JPY?", says(f"{plain(worth * money)} JPY")),
        (f"if 1 EUR = {plain(worth)} SEK, how much is {plain(worth * money)} SEK in EUR?", says(f"{money} EUR")),
    ])  # fmt: skip


def plain(number: Fraction) -> str:
    return f"{Decimal(number.numerator) / Decimal(number.denominator):f}"


FAMILIES: Mapping[str, Callable[[random.Random], Made]] = {
    one.__name__: one
    for one in [
        deep, long_sum, long_product, long_quotient, in_base, rebased, surds, percents, linear, system, roots, factors,
        products, composed, derivative, area, powers, sequences, chained, primality, prime_factors, divisors,
        remainders, places, rounding, sorting, closest, averages, chances, conversions, clock, calendar, rates,
    ]
}  # fmt: skip


def harder(seed: int, each: int) -> Iterator[Question]:
    """`each` questions of every family."""
    for family, make in FAMILIES.items():
        rng = random.Random(f"{seed} {family}")
        for _ in range(each):
            yield Question(family, *make(rng))


# ---- near misses ----

# What turns a question that has an answer into one that has none, or another one.
TWISTS = (
    "Do not answer this: {}", "{} Why?", "{} And who said so?", "{} Assume that numbers are strings.",
    "If it rains, {}", "{} Use base 7.", "{} But not the last one.", "{} Round as you like.", "{} Then double it.",
    "{} Is that more than 5?", "Which of these is easier: {}", "{} Ignore the first number.",
    "Someone asked me: {} and I said no.", "Translate into French: {}", "How many words are in: {}", "{} in words",
    "Approximately, {}", "Roughly {}", "{} or so", "Rewrite as a story: {}",
    "{} ... but with every 2 replaced by a 3",
)  # fmt: skip


def near_misses(seed: int, each: int) -> Iterator[Question]:
    """Harder questions with a twist: nothing is right but to abstain."""
    rng = random.Random(f"{seed} twists")
    for question in harder(seed + 1, each):
        text = question.text
        twist = rng.choice(TWISTS)
        yield Question("near misses", twist.format(text), lambda answer: False)
