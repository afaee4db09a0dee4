"""What a task works on: the values of its operands."""

from typing import Any, Final

import sympy
from sympy import Expr, Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import POWERS_SAID, build, times
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes


def values(scope: Scope, children: list[Child]) -> list[Any]:
    """Numbers, expressions, matrices. Raises NotUnderstood for a list among them."""
    found = [build(node, scope) for node in nodes(children)]
    if any(isinstance(value, sympy.Tuple) for value in found):
        raise NotUnderstood("arithmetic with a list")
    return found


WORDS: Final = frozenset({"WPLUS", "WMINUS", "WTIMES", "WDIVIDED"})


def ends_there(children: list[Child]) -> None:
    """Raises NotUnderstood for `divide 10 by 2 plus 3`: the words after the last operand may be of the whole."""
    last = nodes(children)[-1]
    if any(getattr(child, "type", "") in WORDS for child in last.children):
        raise NotUnderstood("a deed and words that may be of what it gives")


def alike(members: list[Node]) -> None:
    """Raises NotUnderstood for numbers and percentages that are added: `add 20% to 50`. Of one, or of 50?"""
    if len({member.data == "percent_sign" for member in members}) > 1:
        raise NotUnderstood("a percentage that may be of another number")


def listed(scope: Scope, node: Node) -> list[Any]:
    """The members of a list, in brackets or not."""
    _each_its_own(nodes(node.children))
    members = [build(member, scope) for member in nodes(node.children)]
    if len(members) == 1 and isinstance(members[0], sympy.Tuple):
        members = list(members[0])
    if not all(isinstance(member, Expr) for member in members):
        raise NotUnderstood("a list of what are no numbers")
    return members


def _each_its_own(members: list[Node]) -> None:
    """Raises NotUnderstood for `3 and 4 squared` and `10% and 20% of 50`: what the last one says may go for all."""
    *others, last = (member.data for member in members)
    shared = "percent_sign" if last in {"part_of", "off"} else ""
    if others and ((last in POWERS_SAID and not POWERS_SAID & set(others)) or shared in others):
        raise NotUnderstood("a list whose last words may be of all of it")


def difference_asked(children: list[Child]) -> None:
    """Of two times or dates nothing but the difference is asked: they have no sum."""
    if any(getattr(child, "type", "") == "LIST_OF" and str(child) not in {"gap", "time_gap"} for child in children):
        raise NotUnderstood("a list of what are no numbers")


def whole(value: Any) -> int:
    if not isinstance(value, Integer):
        raise NoAnswer("not a whole number")
    return int(value)


def product(members: list[Any]) -> Any:
    result: Any = Integer(1)
    for member in members:
        result = times(result, member)
    return result
