"""Equations and forms: what was done to them, line by line."""

from collections.abc import Sequence
from itertools import groupby

import sympy
from sympy import Expr, Integer, Poly, Rational, Symbol

from rung.reasoners.symbolic.expressions import build
from rung.reasoners.symbolic.scope import Node, Scope, nodes
from rung.reasoners.symbolic.sizes import expanded
from rung.reasoners.symbolic.steps.polynomials import MAX_SHOWN_TERMS, raised, term
from rung.reasoners.symbolic.steps.record import Steps, after_sign, bracketed, summed, told
from rung.reasoners.symbolic.steps.spelled import spelled


class Elimination:
    """A linear system's rows as equations, `(1)`, `(2)`, ..., and what is done to them. A row's last entry is the
    constant on the left."""

    def __init__(self, steps: Steps, unknowns: Sequence[Symbol], count: int) -> None:
        self._steps = steps
        self._unknowns = unknowns
        self._labels = list(range(1, count + 1))

    def given(self, rows: Sequence[Sequence[Rational]]) -> None:
        for label, row in zip(self._labels, rows, strict=True):
            self._say(f"({label}) " if len(rows) > 1 else "Collected: ", row)

    def swapped(self, one: int, other: int) -> None:
        self._labels[one], self._labels[other] = self._labels[other], self._labels[one]

    def divided(self, at: int, lead: Rational, row: Sequence[Rational]) -> None:
        if lead != 1:
            by = self._steps.text(lead)
            self._say(
                f"({self._labels[at]}) / {bracketed(by)}: " if len(self._labels) > 1 else f"Divide by {by}: ", row
            )

    def subtracted(self, at: int, factor: Rational, other: int, row: Sequence[Rational]) -> None:
        sign = "-" if factor > 0 else "+"
        taken = term(self._steps, abs(factor), f"({self._labels[other]})")
        self._say(f"({self._labels[at]}) {sign} {taken}: ", row)

    def _say(self, what: str, row: Sequence[Rational]) -> None:
        left = [
            term(self._steps, value, str(unknown))
            for value, unknown in zip(row, self._unknowns, strict=False)
            if value != 0
        ]
        self._steps.say(f"{what}{summed(left) if left else '0'} = {{}}", -row[-1])


@told
def roots(steps: Steps, polynomial: Poly, factors: Sequence[tuple[Poly, int]]) -> None:
    """A polynomial's zeros by its factors."""
    unknown = polynomial.gen
    steps.say("{} = 0", polynomial.as_expr())
    several = len(factors) > 1 or any(power > 1 for _, power in factors)
    if several:
        lead = polynomial.factor_list()[0]
        parts = [f"({steps.text(factor.as_expr())})" + (raised(steps, power)) for factor, power in factors]
        steps.say("Factor: {} = 0", " * ".join(([] if lead == 1 else [steps.text(lead)]) + parts))
    for factor, _ in factors:
        if factor.degree() == 1:
            slope, constant = factor.all_coeffs()
            steps.say("{} = 0, so {} = {}", factor.as_expr(), unknown, -constant / slope)
        elif factor.degree() == 2:
            _quadratic(steps, factor)


def _quadratic(steps: Steps, factor: Poly) -> None:
    a, b, c = factor.all_coeffs()
    inside = b**2 - 4 * a * c
    square = raised(steps, 2)
    x = factor.gen
    steps.say("{} = 0 has a = {}, b = {}, c = {}", factor.as_expr(), a, b, c)
    steps.say(f"b{square} - 4*a*c = {{}}", inside)
    root = sympy.sqrt(inside)
    steps.say(
        f"{{}} = (-b ± sqrt(b{square} - 4*a*c))/(2*a), so {{}} = {{}} or {{}} = {{}}", x, x, *_both(a, b, root, x)
    )


def _both(a: Expr, b: Expr, root: Expr, x: Symbol) -> tuple[Expr, Symbol, Expr]:
    return sympy.expand((-b - root) / (2 * a)), x, sympy.expand((-b + root) / (2 * a))


# ---- like terms ----


def _terms(node: Node, sign: int = 1) -> list[tuple[int, Node]]:
    """What a sum adds up, each with its sign."""
    parts = nodes(node.children)
    if node.data in {"plus", "wplus"}:
        return _terms(parts[0], sign) + _terms(parts[1], sign)
    if node.data in {"minus", "wminus"}:
        return _terms(parts[0], sign) + _terms(parts[1], -sign)
    if node.data == "negative":
        return _terms(parts[0], -sign)
    if node.data in {"positive", "bracket"}:
        return _terms(parts[0], sign)
    return [(sign, node)]


def gathered(scope: Scope, node: Node, result: Expr) -> None:
    """Products multiplied out, then the numbers before each power added."""
    _gathered(scope.steps, scope, node, result)


@told
def _gathered(steps: Steps, scope: Scope, node: Node, result: Expr) -> None:
    monomials: list[tuple[Expr, Expr]] = []
    for sign, part in _terms(node):
        value = expanded(build(part, scope))
        written = spelled(part, scope)
        steps.chain([written, *_factors(steps, scope, part), steps.text(value)])
        for monomial in sympy.Add.make_args(value):
            coefficient, rest = monomial.as_coeff_Mul()
            monomials.append((rest, sign * coefficient))
    order = {rest: at for at, (rest, _) in enumerate(reversed(monomials))}
    for rest, group in groupby(sorted(monomials, key=lambda one: -order[one[0]]), key=lambda one: one[0]):
        coefficients = [coefficient for _, coefficient in group if coefficient != 0]
        if 1 < len(coefficients) <= MAX_SHOWN_TERMS:
            total = sympy.Add(*coefficients)
            added = summed([steps.text(one) for one in coefficients])
            steps.say("{}: {} = {}", "numbers" if rest == 1 else rest, added, total)
    if len(_terms(node)) > 1 or not monomials:
        steps.chain([spelled(node, scope), steps.text(result)])


def _factors(steps: Steps, scope: Scope, node: Node) -> list[str]:
    """A product of two with each collected first, and then each term by each."""
    if node.data not in {"times", "joined"}:
        return []
    both = [expanded(build(part, scope)) for part in nodes(node.children)]
    if not any(one.is_Add for one in both) and not any(part.data == "bracket" for part in nodes(node.children)):
        return []
    stages = ["*".join(bracketed(steps.text(one)) if one.is_Add else after_sign(steps.text(one)) for one in both)]
    left, right = (one.as_ordered_terms() for one in both)
    if 2 <= len(left) * len(right) <= MAX_SHOWN_TERMS:
        stages.append(summed([steps.text(a * b) for a in left for b in right]))
    return stages


# ---- factors ----


@told
def factored(steps: Steps, value: Expr, result: Expr) -> None:
    """The common factor, the zeros that give factors, and the product."""
    plain = expanded(value)
    shared = sympy.gcd_terms(plain)
    steps.chain([steps.text(plain), steps.text(shared)])
    if len(plain.free_symbols) == 1:
        x = next(iter(plain.free_symbols))
        for factor, _ in sympy.factor_list(plain)[1]:
            polynomial = Poly(factor, x)
            if polynomial.degree() == 1 and factor != x:
                slope, constant = polynomial.all_coeffs()
                steps.say("{} = {} makes it 0, so {} is a factor", x, -constant / slope, factor)
    steps.chain([steps.text(plain), steps.text(result)])


@told
def cancelled(steps: Steps, above: Expr, below: Expr, result: Expr) -> None:
    """A quotient of polynomials by the factors of both."""
    if not below.free_symbols:
        return
    steps.say("Above: {} = {}", expanded(above), sympy.factor(above))
    steps.say("Below: {} = {}", expanded(below), sympy.factor(below))
    shared = sympy.gcd(above, below)
    if shared != 1:
        steps.say("Divide both by {}: {}", shared, result)


# ---- powers of one letter ----


@told
def exponents(steps: Steps, node: Node, scope: Scope, result: Expr) -> None:
    """The exponent that powers of one positive letter come to."""
    text = _exponent(node, scope)
    steps.say("Exponents add in products, subtract in quotients and multiply in powers of powers")
    powers = [one for one in sympy.preorder_traversal(result) if one.is_Pow and one.base.is_Symbol]
    total = powers[0].exp if powers else Integer(1 if result.free_symbols else 0)
    steps.say(f"Exponent of {scope.positive}: {{}} = {{}}", text, total)


def _exponent(node: Node, scope: Scope) -> str:
    """What the letter's exponents in a node come to, not worked out; `0` where the letter is not."""
    parts = nodes(node.children)
    if node.data == "name":
        return "1"
    if not any(True for _ in node.find_data("name")):
        return "0"
    if node.data == "power":
        return f"{bracketed(_exponent(parts[0], scope))}*{bracketed(spelled(parts[1], scope))}"
    if node.data == "function" and str(node.children[0]) == "sqrt":
        return f"{bracketed(_exponent(nodes(parts[0].children)[0], scope))}/2"
    both = [_exponent(part, scope) for part in parts]
    if node.data == "divided" and both[1] != "0":
        both[1] = after_sign(f"-{bracketed(both[1])}") if both[0] == "0" else f"-{bracketed(both[1])}"
    return summed([one for one in both if one != "0"])
