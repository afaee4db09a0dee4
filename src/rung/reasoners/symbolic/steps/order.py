"""Comparing, sequences, rounding."""

from collections.abc import Sequence
from itertools import pairwise
from math import isqrt
from typing import Any, Final

import sympy
from sympy import Expr, Rational

from rung.reasoners.symbolic.render import approximate_text, decimal_text, terminates
from rung.reasoners.symbolic.steps import numbers
from rung.reasoners.symbolic.steps.polynomials import raised
from rung.reasoners.symbolic.steps.record import Steps, after_sign, bracketed, told

MAX_ROWS: Final = 8
SHOWN_FIGURES: Final = 8


def size(steps: Steps, value: Any, written: str = "") -> str:
    """A number beside its decimal, where that is not how it is written."""
    text = written or steps.text(value)
    if value.is_Integer:
        return text if text == str(value) else f"{text} = {value}"
    if value.is_Rational and terminates(value):
        decimal = decimal_text(value)
        return text if text.lstrip("-0") == decimal.lstrip("-0") else f"{text} = {decimal}"
    return f"{text} ≈ {approximate_text(value)[: SHOWN_FIGURES + 4]}"


@told
def compared(steps: Steps, left: Any, right: Any, sign: str) -> None:
    """Both sizes, and which is larger. `sign` is the one that holds: <, > or =."""
    if left.is_Integer and right.is_Integer:
        steps.say(f"{{}} {sign} {{}}", left, right)
        return
    sizes(steps, [(left, steps.text(left)), (right, steps.text(right))])
    gap = left - right
    if gap.is_Rational:
        second = after_sign(steps.text(right))
        holds = {"<": "negative", ">": "positive", "=": "zero"}[sign]
        steps.say(f"{{}} - {{}} = {{}}, which is {holds}", bracketed_sum(steps.text(left)), bracketed_sum(second), gap)
    steps.say(f"{{}} {sign} {{}}", left, right)


def bracketed_sum(text: str) -> str:
    return f"({text})" if " " in text and not text.startswith("(") else text


@told
def sizes(steps: Steps, found: Sequence[tuple[Any, str]]) -> None:
    """Every number's decimal."""
    for value, written in found:
        if (said := size(steps, value, written)) != written:
            steps.say(said)


@told
def distances(steps: Steps, target: Any, found: Sequence[tuple[Any, str]]) -> None:
    sizes(steps, found)
    for value, written in found:
        gap = abs(value - target)
        steps.say(f"|{{}} - {{}}| = {size(steps, gap)}", _bare(written), after_sign(steps.text(target)))


def _bare(written: str) -> str:
    return f"({written})" if " " in written else written


@told
def kind(steps: Steps, name: str, value: Any) -> None:
    """Why a whole number is of a kind, or is not."""
    n = int(value)
    if name in {"prime", "composite"}:
        numbers.primality(steps, n, bool(sympy.isprime(n)))
    elif name in {"even", "odd"}:
        steps.say(f"{n} = 2*{bracketed(str(n // 2))} + {n % 2}, so it is {'odd' if n % 2 else 'even'}")
    elif name == "square" and n >= 0:
        root = isqrt(n)
        _powers(steps, n, root, 2)
    elif name == "cube":
        root = int(sympy.integer_nthroot(abs(n), 3)[0])
        _powers(steps, abs(n), root, 3)


def _powers(steps: Steps, n: int, root: int, power: int) -> None:
    sign = raised(steps, power)
    if root**power == n:
        steps.say(f"{root}{sign} = {n}")
    else:
        steps.say(f"{root}{sign} = {root**power} and {root + 1}{sign} = {(root + 1) ** power}: {n} lies between")


# ---- sequences ----


@told
def differences(steps: Steps, terms: Sequence[Rational]) -> None:
    """Rows of differences, down to one that is constant."""
    row = list(terms)
    for _ in range(MAX_ROWS):
        row = [later - earlier for earlier, later in pairwise(row)]
        if not row:
            return
        steps.say("Differences: {}", row)
        if all(entry == row[0] for entry in row):
            return


@told
def newton(steps: Steps, firsts: Sequence[Rational], index: Expr, result: Expr) -> None:
    """The term at an index: each row's first entry times a binomial coefficient (Newton's formula)."""
    place = steps.text(index - 1)
    parts = [f"{bracketed(steps.text(first))}*C({place}, {k})" for k, first in enumerate(firsts)]
    steps.chain([" + ".join(parts), steps.text(result)])


@told
def goes_on(steps: Steps, terms: Sequence[Rational], firsts: Sequence[Rational], result: Rational) -> None:
    """The next term, by the same differences once more."""
    rows = [list(terms)]
    for _ in firsts[1:]:
        rows.append([later - earlier for earlier, later in pairwise(rows[-1])])
    ends = [row[-1] for row in rows]
    steps.chain(
        [" + ".join([steps.text(ends[0]), *(after_sign(steps.text(end)) for end in ends[1:])]), steps.text(result)]
    )


# ---- rounding ----


@told
def nearest(steps: Steps, value: Expr, step: Rational, result: Rational) -> None:
    """The two multiples of the step beside a number."""
    below = sympy.floor(value / step) * step
    if below == value or not isinstance(below, Rational):
        return
    lower, upper = decimal_text(below), decimal_text(below + step)
    shown = decimal_text(value) if value.is_Rational and terminates(value) else steps.text(value)
    if value.is_Rational and 2 * (value - below) == step:
        steps.say(f"{shown} lies half way between {lower} and {upper}; halves go away from 0: {decimal_text(result)}")
    else:
        steps.say(f"{shown} lies between {lower} and {upper}; it is nearer to {decimal_text(result)}")


@told
def as_fraction(steps: Steps, value: Rational) -> None:
    if terminates(value):
        decimal = decimal_text(value)
        places = len(decimal.partition(".")[2])
        steps.chain([decimal, f"{decimal.replace('.', '').lstrip('0') or 0}/{10**places}", str(value)])
