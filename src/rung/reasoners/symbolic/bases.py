"""Numbers in other bases."""

from typing import Any, Final

from sympy import Integer

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.expressions import build, number
from rung.reasoners.symbolic.numerals import PREFIXES, roman_parts, value_in_base
from rung.reasoners.symbolic.operands import whole
from rung.reasoners.symbolic.rounding import as_decimal
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes, tokens_of
from rung.reasoners.symbolic.steps import numbers as explain
from rung.reasoners.symbolic.steps.spelled import reduced

DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


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
    return 10 if said.type in {"DECIMAL", "AS_DECIMAL"} else whole(number(str(said)))


def in_base(scope: Scope, children: list[Child]) -> Any:
    node = nodes(children)[0]
    value = build(node, scope)
    scope.say(f"In base ten: {' = '.join(reduced(node, scope))}")
    return _told(scope, value, int(children[0]))


def _told(scope: Scope, value: Any, base: int) -> str:
    digits = in_digits(value, base)
    explain.in_digits(scope.steps, int(value), base, digits)
    return digits


def based(scope: Scope, children: list[Child]) -> Any:
    said = tokens_of(children, "BASED")[0]
    value = -int(said) if tokens_of(children, "MINUS") else int(said)
    digits, _, base = scope.text[said.start_pos : said.end_pos].lower().partition(" (base ")
    if not base:
        digits, base = digits[2:], str(PREFIXES[digits[1]])
    explain.from_digits(scope.steps, f"-{digits}" if value < 0 else digits, int(base.strip(" )")), value)
    return _told(scope, Integer(value), base_of(nodes(children)[-1]))


def to_base(scope: Scope, children: list[Child]) -> Any:
    node, base = nodes(children)
    value = build(node, scope)
    if base.children[0].type == "DECIMAL" and not value.is_Integer:
        return as_decimal(value)
    if base_of(base) == 10 or (node.data == "number" and not scope.written(node).isdigit()):
        raise NotUnderstood("a number that is in that base already")
    _meant_in_ten(scope, node, base_of(base), asked=bool(tokens_of(children, "CONVERT", "TO")))
    return _told(scope, value, base_of(base))


def _meant_in_ten(scope: Scope, node: Node, base: int, asked: bool) -> None:
    """Raises NotUnderstood for `101 + 11 in binary`, whose numbers may be binary already, and for `1010 in binary`."""
    said = [str(token) for token in node.scan_values(lambda token: getattr(token, "type", "") == "NUM")]
    there = all(digits.isdigit() and int(max(digits)) < base for digits in said)
    if node.data == "number":
        binary = base == 2 and len(said[0]) > 3 and said[0].strip("0") != "1"
        if there and binary and not asked:
            raise NotUnderstood("a number that may be in the base already")
    elif there and any(len(digits) > 1 for digits in said):
        raise NotUnderstood("numbers that may be in the base already")


def rebased(scope: Scope, children: list[Child]) -> Any:
    node, source, target = nodes(children)
    return _from_digits(scope, node, base_of(source), base_of(target))


def rebased_named(scope: Scope, children: list[Child]) -> Any:
    source, node, target = nodes(children)
    return _from_digits(scope, node, base_of(source), base_of(target))


def _from_digits(scope: Scope, node: Node, source: int, target: int) -> str:
    digits = scope.written(node)
    if not digits.isalnum():
        raise NotUnderstood("digits that it does not read")
    value = value_in_base(digits, source)
    explain.from_digits(scope.steps, digits, source, value)
    return _told(scope, Integer(value), target)


def from_roman(scope: Scope, children: list[Child]) -> str:
    """`XIV in numbers`."""
    if any(base_of(node) != 10 for node in nodes(children)):
        raise NotUnderstood("a Roman numeral in another base than ten")
    said = tokens_of(children, "ROMAN")[0]
    sizes = " + ".join(str(size) for _, size in roman_parts(int(said)))
    scope.steps.chain([scope.text[said.start_pos : said.end_pos], sizes, str(said)])
    return str(said)


TASKS = {
    "from_roman": from_roman,
    "in_base": in_base,
    "based": based,
    "to_base": to_base,
    "rebased": rebased,
    "rebased_named": rebased_named,
}
