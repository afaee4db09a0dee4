"""The chance of drawing letters without putting them back."""

import re
from collections import Counter
from typing import Any

from sympy import Integer, Rational, binomial

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import number
from rung.reasoners.symbolic.operands import whole
from rung.reasoners.symbolic.scope import Child, Scope, nodes, tokens_of

MAX_LETTERS = 10_000


def letters(said: str) -> Counter[str]:
    """`aab` or `{a: 2, b: 1}` -> how many of each."""
    if not said.startswith("{"):
        return Counter(said)
    found: Counter[str] = Counter()
    for part in said.strip("{}").split(","):
        match = re.fullmatch(r"\s*([a-z])\s*:\s*(\d{1,4})\s*", part)
        if match is None or match.group(1) in found:
            raise NotUnderstood("letters that it does not read")
        found[match.group(1)] = int(match.group(2))
    return found


def bag(scope: Scope, children: list[Child]) -> None:
    """States the bag and how many are drawn from it."""
    tokens = {token.type: str(token) for token in children}
    scope.picks, scope.bag = whole(number(tokens["NUM"])), tokens["BAG"]


def _drawn(scope: Scope) -> Counter[str]:
    if not scope.bag:
        raise NotUnderstood("letters from nowhere")
    found = letters(scope.bag)
    if not 0 < scope.picks <= sum(found.values()) <= MAX_LETTERS:
        raise NoAnswer("more letters than there are")
    return found


def picking(scope: Scope, children: list[Child]) -> Any:
    """All ways to take exactly these, over all ways to take as many."""
    there = _drawn(scope)
    wanted: Counter[str] = Counter()
    for count in nodes(nodes(children)[0].children):
        wanted[str(count.children[1])] += whole(number(str(count.children[0])))
    if sum(wanted.values()) != scope.picks:
        raise NoAnswer("other letters than are drawn")
    ways, total = Integer(1), sum(there.values())
    for letter, copies in wanted.items():
        ways *= binomial(there[letter], copies)
    _tell_bag(scope, there)
    chosen = " * ".join(f"C({there[letter]}, {copies})" for letter, copies in wanted.items())
    scope.say(f"Ways to take these: {chosen} = {ways}")
    scope.say(f"Ways to take any {scope.picks}: C({total}, {scope.picks}) = {binomial(total, scope.picks)}")
    scope.say(f"{ways}/{binomial(total, scope.picks)} = {{}}", ways / binomial(total, scope.picks))
    return ways / binomial(total, scope.picks)


def _tell_bag(scope: Scope, there: Counter[str]) -> None:
    counted = ", ".join(f"{count} {letter}" for letter, count in there.items())
    scope.say(f"{sum(there.values())} letters: {counted}")


def picking_from(scope: Scope, children: list[Child]) -> Any:
    bag(scope, tokens_of(children, "NUM", "BAG"))
    return picking(scope, children)


def sequence(scope: Scope, children: list[Child]) -> Any:
    there = _drawn(scope)
    wanted = next(str(child) for child in children if child.type == "BAG")
    if len(wanted) != scope.picks:
        raise NoAnswer("other letters than are drawn")
    total, chance = sum(there.values()), Integer(1)
    _tell_bag(scope, there)
    shares = []
    for letter in wanted:
        shares.append(f"{there[letter]}/{total}")
        chance *= Rational(there[letter], total)
        there[letter] -= 1
        total -= 1
        if chance == 0:
            break
    scope.steps.chain([" * ".join(shares), str(chance)])
    return chance


def sequence_from(scope: Scope, children: list[Child]) -> Any:
    tokens = [child for child in children if child.type in {"NUM", "BAG"}]
    bag(scope, tokens[1:])
    return sequence(scope, tokens[:1])


TASKS = {
    "picking": picking,
    "picking_from": picking_from,
    "sequence": sequence,
    "sequence_from": sequence_from,
}
