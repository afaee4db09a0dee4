"""How a sequence goes on: by constant differences, a constant ratio, or sums of the two before."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sympy
from sympy import Expr, Integer, Rational

from rung.reasoners.symbolic.errors import NoAnswer
from rung.reasoners.symbolic.operands import listed
from rung.reasoners.symbolic.scope import Child, Scope, nodes, tokens_of
from rung.reasoners.symbolic.steps import order as explain
from rung.reasoners.symbolic.steps.record import bracketed

MAX_TERM = 1_000_000


def _terms(scope: Scope, children: list[Child]) -> list[Rational]:
    found = listed(scope, nodes(children)[-1])
    if len(found) < 3 or not all(term.is_Rational for term in found):
        raise NoAnswer("too few terms to tell")
    return found


def differences(terms: Sequence[Rational]) -> list[Rational] | None:
    """First entries of the rows of differences down to one that is constant, shown by at least two entries."""
    firsts = []
    row = list(terms)
    while len(row) >= 2:
        firsts.append(row[0])
        if all(entry == row[0] for entry in row):
            return firsts
        row = [later - earlier for earlier, later in pairwise(row)]
    return None


def polynomial(firsts: Sequence[Rational], index: Expr) -> Expr:
    """Newton's formula: the term at `index`, counted from 1."""
    return sympy.expand(
        sympy.Add(*(first * sympy.ff(index - 1, k) / sympy.factorial(k) for k, first in enumerate(firsts)))
    )


def _ratio(terms: Sequence[Rational]) -> Rational | None:
    if any(term == 0 for term in terms):
        return None
    ratios = {later / earlier for earlier, later in pairwise(terms)}
    return ratios.pop() if len(ratios) == 1 else None


def _adds(terms: Sequence[Rational]) -> bool:
    """Whether each term is the sum of the two before, seen twice at least."""
    return len(terms) >= 4 and all(c == a + b for a, b, c in zip(terms, terms[1:], terms[2:], strict=False))


def _has_one_rule(terms: Sequence[Rational]) -> None:
    """Raises NoAnswer for `2, 3, 5, 8`, which goes on with 12 or 13."""
    if _adds(terms) and any(terms):
        raise NoAnswer("two rules: differences, and sums of the two before")


def next_term(scope: Scope, children: list[Child]) -> Any:
    terms = _terms(scope, children)
    if (ratio := _ratio(terms)) is not None:
        scope.say("Each term is {} times the one before", ratio)
        scope.say("{} * {} = {}", terms[-1], bracketed(scope.steps.text(ratio)), terms[-1] * ratio)
        return terms[-1] * ratio
    if (firsts := differences(terms)) is not None:
        _has_one_rule(terms)
        result = polynomial(firsts, Integer(len(terms) + 1))
        explain.differences(scope.steps, terms)
        explain.goes_on(scope.steps, terms, firsts, result)
        return result
    if len(terms) >= 5 and _adds(terms):
        scope.say("Each term is the sum of the two before: {} + {} = {}", terms[-2], terms[-1], terms[-1] + terms[-2])
        return terms[-1] + terms[-2]
    raise NoAnswer("no rule that it sees")


def nth_term(scope: Scope, children: list[Child]) -> Any:
    index = scope.symbol(str(tokens_of(children, "NTH")[0]))
    return _term(scope, _terms(scope, children), index)


def later_term(scope: Scope, children: list[Child]) -> Any:
    place = int(children[0])
    if not 1 <= place <= MAX_TERM:
        raise NoAnswer("no such term")
    terms = _terms(scope, children)
    if _ratio(terms) is not None and _ratio(terms) != 1 and place > 5_000:
        raise NoAnswer("a term too large")
    return _term(scope, terms, Integer(place))


def _term(scope: Scope, terms: list[Rational], index: Expr) -> Expr:
    ratio = _ratio(terms)
    if ratio is not None and ratio != 1:
        scope.say("Each term is {} times the one before; the first is {}", ratio, terms[0])
        return terms[0] * ratio ** (index - 1)
    firsts = differences(terms)
    if firsts is None:
        raise NoAnswer("no rule that it sees")
    _has_one_rule(terms)
    result = polynomial(firsts, index)
    explain.differences(scope.steps, terms)
    explain.newton(scope.steps, firsts, index, result)
    return result


TASKS = {"next_term": next_term, "nth_term": nth_term, "later_term": later_term}
