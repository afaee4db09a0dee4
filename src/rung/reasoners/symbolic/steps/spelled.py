"""Expressions as they were read, with as few brackets as keep their meaning; and worked out line by line."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from lark import Tree
from sympy import Expr

from rung.reasoners.symbolic.expressions import OPERATIONS, build
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes
from rung.reasoners.symbolic.steps.record import UNSAID, after_sign

MAX_NODES: Final = 80
MAX_STAGES: Final = 14
MAX_WRITTEN_FACTORS: Final = 8

# How tightly a piece of text binds.
SUM, PRODUCT, POWER, ATOM = 1, 2, 3, 4


class Piece(NamedTuple):
    """A written part of an expression. `value` is None until it is worked out; `settled`: the text is its
    shortest."""

    text: str
    binds: int
    value: Any = None
    settled: bool = False

    def within(self, needed: int) -> str:
        return f"({self.text})" if self.binds < needed else self.text

    def right(self, needed: int) -> str:
        """As an operand that follows a sign."""
        return after_sign(self.within(needed))


Done = dict[int, Piece]


def spelled(node: Child, scope: Scope) -> str:
    """The expression as it was read."""
    return _written(node, scope, {}).text


def reduced(node: Node, scope: Scope) -> list[str]:
    """The expression as it was read, and then with what stands innermost worked out, again and again."""
    done: Done = {}
    stages = [_written(node, scope, done).text]
    if sum(1 for _ in _walk(node)) > MAX_NODES:
        return stages
    while id(node) not in done or not done[id(node)].settled:
        _reduce(node, scope, done)
        stages.append(_written(node, scope, done).text)
        if len(stages) >= MAX_STAGES:
            return [*stages, scope.steps.text(build(node, scope))]
    return stages


def worked(scope: Scope, node: Node, head: str = "") -> None:
    """Says how the expression comes to its value."""
    if node.data not in {"number", "name", "applied", "slope"} or head:
        stages = reduced(node, scope)
        scope.steps.chain(stages, head)
        if not head and (len(set(stages)) == 1 or any(UNSAID in stage for stage in stages)):
            scope.say(f"Read as: {stages[0]}")


def _walk(node: Child) -> Any:
    if isinstance(node, Tree):
        yield node
        for child in node.children:
            yield from _walk(child)


def _reduce(node: Node, scope: Scope, done: Done) -> bool:
    """Works out every operation whose operands are worked out. Whether this one was, before."""
    if id(node) in done:
        before = done[id(node)]
        done[id(node)] = before if before.settled else piece_of(before.value, scope)
        return True
    operands = nodes(node.children)
    ready = [_reduce(child, scope, done) for child in operands]
    if node.data == "arguments":
        return all(ready)
    if node.data in _PLAIN or (operands and node.data == "bracket" and all(ready)):
        done[id(node)] = piece_of(_value(node, scope, done), scope)
        # a number needs no working out: what is around it goes on in the same step
        return node.data in {"number", "bracket"}
    if all(ready):
        values = [done[id(child)].value for child in operands if id(child) in done]
        value = _value(node, scope, done)
        longer = _LONGER[node.data](values) if node.data in _LONGER and all(_small(v) for v in values) else None
        done[id(node)] = Piece(*longer, value) if longer else piece_of(value, scope)
    return False


def _small(value: Any) -> bool:
    return bool(value.is_Integer and 0 <= value <= 10**6)


def _value(node: Node, scope: Scope, done: Done) -> Any:
    operands = [done.get(id(child)) for child in nodes(node.children)]
    if node.data in OPERATIONS and all(operands):
        return OPERATIONS[node.data](*(piece.value for piece in operands if piece))
    return build(node, scope)


def piece_of(value: Any, scope: Scope) -> Piece:
    """A value as a piece of text."""
    text = scope.steps.text(value)
    if not isinstance(value, Expr):
        binds = ATOM
    elif value.is_Add:
        binds = SUM
    elif value.is_Mul or "/" in text or text.startswith("-"):
        binds = PRODUCT
    else:
        binds = POWER if value.is_Pow else ATOM
    return Piece(text, binds, value, settled=True)


# ---- the text of a tree ----


def _written(node: Child, scope: Scope, done: Done) -> Piece:
    if not isinstance(node, Tree):
        return Piece(str(node), ATOM)
    if id(node) in done:
        return done[id(node)]
    if node.data not in _SHAPES:
        return Piece(scope.written(node), SUM)
    parts = [_written(child, scope, done) for child in node.children]
    return _SHAPES[node.data](parts, "^" if scope.steps.notation == "caret" else "**")


Shape = Callable[[list[Piece], str], Piece]


def _binary(sign: str, binds: int, right: int) -> Shape:
    def shape(parts: list[Piece], _: str) -> Piece:
        left, after = parts[0].within(binds), parts[-1].right(right)
        # beside a letter a sign stands close: 2*x
        between = "*" if sign == " * " and re.search("[a-z]", left + after) else sign
        return Piece(f"{left}{between}{after}", binds)

    return shape


def _power(exponent: str = "") -> Shape:
    def shape(parts: list[Piece], sign: str) -> Piece:
        raised = exponent or parts[-1].within(ATOM)
        return Piece(f"{after_sign(parts[0].within(ATOM))}{sign}{raised}", POWER)

    return shape


def _of(parts: list[Piece], _: str) -> Piece:
    """ "15% of 80", and a product once the share is a number."""
    return Piece(
        f"{parts[0].within(PRODUCT)}{' of ' if parts[0].value is None else ' * '}{parts[-1].right(PRODUCT)}", PRODUCT
    )


def _off(parts: list[Piece], _: str) -> Piece:
    """ "30% off 50", and a product once the share is a number."""
    if parts[0].value is None:
        return Piece(f"{parts[0].text} off {parts[-1].right(PRODUCT)}", PRODUCT)
    return Piece(f"{parts[-1].within(PRODUCT)} * (1 - {parts[0].text})", PRODUCT)


def _after(sign: str) -> Shape:
    return lambda parts, _: Piece(f"{after_sign(parts[0].within(ATOM))}{sign}", POWER)


def _call(parts: list[Piece], _: str) -> Piece:
    return Piece(f"{_CALLED.get(parts[0].text, parts[0].text)}({parts[1].text})", ATOM)


def _function_power(parts: list[Piece], sign: str) -> Piece:
    name, _, exponent, *_, arguments = parts
    return Piece(f"{_CALLED.get(name.text, name.text)}({arguments.text}){sign}{exponent.text}", POWER)


_CALLED: Final[Mapping[str, str]] = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_PLAIN: Final = frozenset({"number", "name", "pi", "infinity"})
_SHAPES: Final[Mapping[str, Shape]] = {
    "number": lambda parts, _: parts[0],
    "name": lambda parts, _: parts[0],
    "pi": lambda parts, _: Piece("pi", ATOM),
    "infinity": lambda parts, _: Piece("infinity", ATOM),
    "bracket": lambda parts, _: parts[0],
    "arguments": lambda parts, _: Piece(", ".join(part.text for part in parts), ATOM),
    "plus": _binary(" + ", SUM, PRODUCT),
    "wplus": _binary(" + ", SUM, PRODUCT),
    "minus": _binary(" - ", SUM, PRODUCT),
    "wminus": _binary(" - ", SUM, PRODUCT),
    "times": _binary(" * ", PRODUCT, PRODUCT),
    "joined": _binary("*", PRODUCT, PRODUCT),
    "divided": _binary("/", PRODUCT, POWER),
    "mod": _binary(" mod ", PRODUCT, POWER),
    "part_of": _of,
    "off": _off,
    "choose": lambda parts, _: Piece(f"C({parts[0].text}, {parts[-1].text})", ATOM),
    "negative": lambda parts, _: Piece(f"-{parts[-1].right(PRODUCT)}", PRODUCT),
    "positive": lambda parts, _: parts[-1],
    "absolute": lambda parts, _: Piece(f"|{parts[1].text}|", ATOM),
    "factorial": _after("!"),
    "percent_sign": _after("%"),
    "degrees": _after("°"),
    "power": _power(),
    "wpower": _power(),
    "squared": _power("2"),
    "cubed": _power("3"),
    "nth_power": lambda parts, sign: _power(parts[1].text)(parts[:1], sign),
    "applied": _call,
    "slope": lambda parts, _: Piece("".join(part.text for part in parts[:-1]) + f"({parts[-1].text})", ATOM),
    "function": _call,
    "function_power": _function_power,
    "vector": lambda parts, _: Piece(f"[{parts[0].text}]", ATOM),
}


# ---- what is written out before it is worked out ----


def _factorial(values: list[Any]) -> tuple[str, int] | None:
    n = int(values[0])
    return (" * ".join(str(k) for k in range(n, 0, -1)), PRODUCT) if 2 < n <= MAX_WRITTEN_FACTORS else None


def _choose(values: list[Any]) -> tuple[str, int] | None:
    n, k = values
    return f"{n}!/({k}! * {n - k}!)", PRODUCT


def _mod(values: list[Any]) -> tuple[str, int] | None:
    above, below = values
    return (f"{above} - {above // below}*{below}", SUM) if above >= below else None


_LONGER: Final[Mapping[str, Callable[[list[Any]], tuple[str, int] | None]]] = {
    "percent_sign": lambda values: (f"{values[0]}/100", PRODUCT),
    "factorial": _factorial,
    "choose": _choose,
    "mod": _mod,
}
