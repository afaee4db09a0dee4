"""Sums, products, expressions, equations, shares, and word problems of one to four steps."""

from math import gcd, lcm
from random import Random

from rung.probes.base import Made, Template


def _sum(level: int, rng: Random) -> Made:
    low, high = ((11, 99), (120, 980), (2_000, 98_000), (200_000, 9_800_000))[level]
    a, b = rng.randint(low, high), rng.randint(low, high)
    if rng.random() < 0.5:
        return Made(f"What is {a} + {b}?", str(a + b))
    return Made(f"What is {max(a, b)} - {min(a, b)}?", str(max(a, b) - min(a, b)))


def _product(level: int, rng: Random) -> Made:
    sizes = ((3, 9, 3, 9), (12, 98, 3, 9), (12, 98, 12, 98), (112, 987, 12, 98), (112, 987, 112, 987))[level]
    a, b = rng.randint(*sizes[:2]), rng.randint(*sizes[2:])
    return Made(f"Calculate {a} * {b}.", str(a * b))


def _expression(level: int, rng: Random) -> Made:
    a, b, c, d, e = (rng.randint(3, 12) for _ in range(5))
    shapes = (
        (f"{a} + {b} * {c}", a + b * c),
        (f"({a} + {b}) * {c} - {d}", (a + b) * c - d),
        (f"({a} * {b} - {c}) * {d} + {e} * {a}", (a * b - c) * d + e * a),
        (f"(({a} + {b}) * ({c} + {d}) - {e} * {a}) * {b} - {c} * {d}", ((a + b) * (c + d) - e * a) * b - c * d),
    )
    text, value = shapes[level]
    return Made(f"What is the value of {text}?", str(value))


def _equation(level: int, rng: Random) -> Made:
    x, a, b = rng.randint(2, 19), rng.randint(2, 9), rng.randint(3, 40)
    if level == 0:
        return Made(f"Solve {a}x + {b} = {a * x + b} for x.", str(x))
    c = rng.choice([n for n in range(2, 10) if n != a])
    if level == 1:
        left, right = f"{a}x + {b}", f"{c}x + {(a - c) * x + b}".replace("+ -", "- ")
        return Made(f"Solve {left} = {right} for x.", str(x))
    y = rng.randint(2, 15)
    return Made(
        f"Two numbers x and y satisfy {a}x + {c}y = {a * x + c * y} and {c}x + {a}y = {c * x + a * y}. What is x?",
        str(x),
        besides=r"\by\s*(?:=|is)\s*-?\d+",
    )


def _divisors(level: int, rng: Random) -> Made:
    if level == 0:
        a, b = rng.randint(40, 199), rng.randint(6, 13)
        return Made(f"What is the remainder when {a} is divided by {b}?", str(a % b))
    if level == 1:
        k = rng.choice((6, 8, 9, 12, 14, 15))
        a, b = k * rng.randint(3, 9), k * rng.randint(3, 9)
        return Made(f"What is the greatest common divisor of {a} and {b}?", str(gcd(a, b)))
    a, b, c = rng.randint(8, 18), rng.randint(19, 30), rng.randint(4, 9)
    return Made(f"What is the least common multiple of {a}, {b} and {c}?", str(lcm(a, b, c)))


def _share(level: int, rng: Random) -> Made:
    whole = rng.randint(3, 40) * 20
    if level == 0:
        part = rng.choice((10, 20, 25, 50))
        return Made(f"What is {part}% of {whole}?", _decimal(whole * part, 100))
    if level == 1:
        part = rng.choice((5, 15, 35, 45))
        return Made(
            f"A coat costs {whole} dollars and is reduced by {part}%. What does it cost now, in dollars?",
            _decimal(whole * (100 - part), 100),
        )
    first, second = rng.choice((10, 20, 30)), rng.choice((5, 15, 25))
    return Made(
        f"A rent of {whole} dollars rises by {first}% in one year and by {second}% in the next. How many dollars is it "
        "after both?",
        _decimal(whole * (100 + first) * (100 + second), 10_000),
    )


def _decimal(value: int, of: int) -> str:
    return f"{value / of:.6f}".rstrip("0").rstrip(".")


_NAMES = ("Mia", "Tom", "Lena", "Omar", "Ruth", "Ivan", "Sara", "Noah")
_GOODS = ("apples", "pencils", "stickers", "marbles", "cards", "stamps")


def _story(level: int, rng: Random) -> Made:
    who, other = rng.sample(_NAMES, 2)
    goods = rng.choice(_GOODS)
    has, more, times, given = rng.randint(12, 48), rng.randint(5, 30), rng.randint(2, 5), rng.randint(3, 9)
    told, count = f"{who} has {has} {goods} and buys {more} more.", has + more
    if level >= 1:
        told, count = f"{told} Then {who} gives {given} of them to {other}.", count - given
    if level >= 2:
        told, count = (
            f"{told} The next day {who} finds {times} boxes with {given + 2} {goods} each.",
            count + times * (given + 2),
        )
    if level >= 3:
        count *= times + 1
        told = f"{told} {other} now has {times} times as many {goods} as {who}."
        return Made(f"{told} How many {goods} do they have together?", str(count))
    return Made(f"{told} How many {goods} does {who} have now?", str(count))


def _journey(level: int, rng: Random) -> Made:
    speed, hours, rest = rng.randint(4, 11) * 10, rng.randint(2, 6), rng.randint(2, 5) * 10
    if level == 0:
        return Made(
            f"A train travels at {speed} km per hour for {hours} hours. How many kilometres does it cover?",
            str(speed * hours),
        )
    litres, price = rng.randint(5, 9), rng.randint(2, 4)
    way = speed * hours + rest
    if level == 1:
        return Made(
            f"A van drives {hours} hours at {speed} km per hour, and then {rest} km more. It drives the same way back. "
            "How many kilometres does it drive in all?",
            str(2 * way),
        )
    way -= way % 100 or 100
    way = max(way, 100)
    return Made(
        f"A van uses {litres} litres of fuel for every 100 km. Fuel costs {price} dollars a litre. It drives {way} km "
        f"to a town and the same way back, and pays {rest} dollars of toll each way. How many dollars does the whole "
        "trip cost?",
        str(2 * way // 100 * litres * price + 2 * rest),
    )


ARITHMETIC = (
    Template(name="sum", domain="maths", halfway=(-2.2, -1.6, -0.8, -0.1), make=_sum, discrimination=2.0),
    Template(name="product", domain="maths", halfway=(-2.5, -1.2, -0.2, 0.7, 1.5), make=_product, discrimination=2.0),
    Template(name="expression", domain="maths", halfway=(-1.5, -0.9, 0.1, 0.8), make=_expression, discrimination=2.0),
    Template(name="equation", domain="maths", halfway=(-1.0, -0.2, 0.8), make=_equation, discrimination=2.0),
    Template(name="divisors", domain="maths", halfway=(-0.4, -0.3, 0.6), make=_divisors, discrimination=2.0),
    Template(name="share", domain="maths", halfway=(-1.2, -0.5, 0.2), make=_share, discrimination=2.0),
    Template(name="story", domain="maths", halfway=(-1.8, -1.0, -0.4, 0.5), make=_story, discrimination=2.0),
    Template(name="journey", domain="maths", halfway=(-1.6, -0.3, 0.5), make=_journey, discrimination=2.0),
)
