"""Walks the syntax tree of a program step by step, within bounds of steps, sizes and items."""

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, Final

from rung.sandbox.exact import COMPARISONS, MATHS, OPERATORS, Number, Wrong, bounded, exact, number, power, rounded

MOST_STEPS: Final = 20_000
MOST_ITEMS: Final = 10_000


class Leave(Exception):
    """A `break` or a `continue` on its way to its loop."""

    def __init__(self, goes_on: bool) -> None:
        self.goes_on = goes_on


class Walk:
    """One run of a program: its names, the line that it has come to, and the steps that it has left.

    Raises Wrong, Leave for a `break` outside of a loop, and Python's own errors of arithmetic.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"pi": MATHS["pi"]}
        self.line = 0
        self._left = MOST_STEPS

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.line = statement.lineno
            self.step()
            _DONE[type(statement)](self, statement)

    def value(self, node: ast.expr) -> Any:
        self.step()
        return _VALUES[type(node)](self, node)

    def step(self, steps: int = 1) -> None:
        self._left -= steps
        if self._left < 0:
            raise Wrong(f"it takes more than {MOST_STEPS} steps")

    def left_by(self, body: list[ast.stmt]) -> bool:
        """Runs a loop's body once. Whether the loop was broken off."""
        try:
            self.block(body)
        except Leave as leave:
            return not leave.goes_on
        return False

    def items(self, held: Any) -> Iterator[Any]:
        """The items of what can be gone through, each a step; of a list as it was when this began."""
        if not isinstance(held, list | tuple | dict | range):
            raise Wrong("this cannot be gone through")
        for item in held if isinstance(held, range) else list(held):
            self.step()
            yield item

    def numbers(self, values: tuple[Any, ...]) -> list[Number]:
        """Those given one by one, or in one list."""
        several = len(values) == 1 and not isinstance(values[0], int | Fraction | float)
        return [number(value) for value in (self.items(values[0]) if several else values)]

    def store(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                self.names[name] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                values = list(self.items(value))
                if len(values) != len(parts):
                    raise Wrong(f"{len(parts)} names for {len(values)} values")
                for part, one in zip(parts, values, strict=True):
                    self.store(part, one)
            case ast.Subscript(value=holder, slice=key):
                _put(self.value(holder), self.value(key), value)
            case _:
                raise Wrong("this cannot be assigned to")


# statements


def _assign(walk: Walk, node: ast.Assign) -> None:
    value = walk.value(node.value)
    for target in node.targets:
        walk.store(target, value)


def _change(walk: Walk, node: ast.AugAssign) -> None:
    before = walk.value(node.target)
    walk.store(node.target, _computed(node.op, before, walk.value(node.value)))


def _express(walk: Walk, node: ast.Expr) -> None:
    walk.value(node.value)


def _if(walk: Walk, node: ast.If) -> None:
    walk.block(node.body if walk.value(node.test) else node.orelse)


def _for(walk: Walk, node: ast.For) -> None:
    for item in walk.items(walk.value(node.iter)):
        walk.store(node.target, item)
        if walk.left_by(node.body):
            break


def _while(walk: Walk, node: ast.While) -> None:
    while walk.value(node.test):
        if walk.left_by(node.body):
            break


def _break(walk: Walk, node: ast.Break) -> None:
    raise Leave(goes_on=False)


def _continue(walk: Walk, node: ast.Continue) -> None:
    raise Leave(goes_on=True)


def _pass(walk: Walk, node: ast.Pass) -> None:
    pass


# expressions


def _constant(walk: Walk, node: ast.Constant) -> Any:
    if isinstance(node.value, bool | str) or node.value is None:
        return node.value
    assert isinstance(node.value, int | float)
    written = exact(node.value)
    if written is None:
        raise Wrong("a number too large")
    return bounded(written)


def _name(walk: Walk, node: ast.Name) -> Any:
    if node.id in walk.names:
        return walk.names[node.id]
    raise Wrong(f"the name `{node.id[:40]}` was never set")


def _binary(walk: Walk, node: ast.BinOp) -> Number:
    return _computed(node.op, walk.value(node.left), walk.value(node.right))


def _computed(op: ast.operator, left: Any, right: Any) -> Number:
    return bounded(OPERATORS[type(op)](number(left), number(right)))


def _unary(walk: Walk, node: ast.UnaryOp) -> Any:
    value = walk.value(node.operand)
    if isinstance(node.op, ast.Not):
        return not value
    return -number(value) if isinstance(node.op, ast.USub) else number(value)


def _both_or_either(walk: Walk, node: ast.BoolOp) -> Any:
    both = isinstance(node.op, ast.And)
    value: Any = both
    for one in node.values:
        value = walk.value(one)
        if bool(value) != both:
            break
    return value


def _compare(walk: Walk, node: ast.Compare) -> bool:
    left = walk.value(node.left)
    for op, other in zip(node.ops, node.comparators, strict=True):
        right = walk.value(other)
        if not _holds(walk, op, left, right):
            return False
        left = right
    return True


def _holds(walk: Walk, op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(op, ast.In | ast.NotIn):
        return any(_alike(left, item) for item in walk.items(right)) == isinstance(op, ast.In)
    if isinstance(op, ast.Eq | ast.NotEq):
        return _alike(left, right) == isinstance(op, ast.Eq)
    return COMPARISONS[type(op)](number(left), number(right))


def _alike(a: Any, b: Any) -> bool:
    """Lists within lists may share what they hold: comparing them could take for ever."""
    plain = int | Fraction | float | str | None
    if not isinstance(a, plain) or not isinstance(b, plain):
        raise Wrong("only numbers and texts can be compared")
    return bool(a == b)


def _one_or_other(walk: Walk, node: ast.IfExp) -> Any:
    return walk.value(node.body if walk.value(node.test) else node.orelse)


def _list(walk: Walk, node: ast.List) -> list[Any]:
    return [walk.value(one) for one in node.elts]


def _tuple(walk: Walk, node: ast.Tuple) -> tuple[Any, ...]:
    return tuple(walk.value(one) for one in node.elts)


def _dict(walk: Walk, node: ast.Dict) -> dict[Any, Any]:
    made = {}
    for key, one in zip(node.keys, node.values, strict=True):
        if key is None:
            raise Wrong("`**` is not allowed")
        made[_key(walk.value(key))] = walk.value(one)
    return made


def _subscript(walk: Walk, node: ast.Subscript) -> Any:
    held, key = walk.value(node.value), walk.value(node.slice)
    if isinstance(held, dict):
        if _key(key) not in held:
            raise Wrong("there is no such key")
        return held[key]
    if isinstance(held, list | tuple):
        return held[_place(held, key)]
    raise Wrong("this has no items")


def _put(held: Any, key: Any, value: Any) -> None:
    if isinstance(held, dict):
        held[_key(key)] = value
        _sized(held)
    elif isinstance(held, list):
        held[_place(held, key)] = value
    else:
        raise Wrong("only lists and dicts can be changed")


def _key(value: Any) -> Any:
    if isinstance(value, str | int | Fraction | float):
        return value
    raise Wrong("a key must be a number or a text")


def _place(held: list[Any] | tuple[Any, ...], at: Any) -> int:
    if not isinstance(at, int) or not -len(held) <= at < len(held):
        raise Wrong("there is no item at this place")
    return at


def _sized(held: Any) -> Any:
    if len(held) > MOST_ITEMS:
        raise Wrong(f"more than {MOST_ITEMS} items")
    return held


# calls


def _attribute(walk: Walk, node: ast.Attribute) -> Any:
    if _is_maths(node) and not callable(MATHS[node.attr]):
        return MATHS[node.attr]
    raise Wrong(f"`.{node.attr[:40]}` can only be called")


def _is_maths(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in MATHS


def _call(walk: Walk, node: ast.Call) -> Any:
    values = [walk.value(one) for one in node.args]
    if isinstance(node.func, ast.Attribute):
        return _method(walk, node.func, values)
    assert isinstance(node.func, ast.Name)
    function = FUNCTIONS.get(node.func.id)
    if function is None:
        return _of_maths(node.func.id, values)
    made = function(walk, *values)
    return made if made is None or isinstance(made, list | tuple | range | bool) else bounded(made)


def _method(walk: Walk, func: ast.Attribute, values: list[Any]) -> Any:
    if _is_maths(func):
        return _of_maths(func.attr, values)
    held = walk.value(func.value)
    if func.attr == "append" and isinstance(held, list) and len(values) == 1:
        held.append(values[0])
        _sized(held)
        return None
    if func.attr in {"items", "keys", "values"} and isinstance(held, dict) and not values:
        walk.step(len(held))
        return [*getattr(held, func.attr)()]
    raise Wrong(f"`.{func.attr}` is not allowed here")


def _of_maths(name: str, values: list[Any]) -> Number:
    function = MATHS.get(name)
    if function is None:
        raise Wrong(f"there is no function `{name[:40]}`")
    if not callable(function):
        raise Wrong(f"`{name}` is a number")
    return bounded(function(*values))


def _ranged(walk: Walk, *bounds: Any) -> range:
    whole = [int(number(bound)) for bound in bounds]
    if any(value != bound for value, bound in zip(whole, bounds, strict=True)):
        raise Wrong("an integer is wanted here")
    return range(*whole)


def _total(walk: Walk, *values: Any) -> Number:
    total: Number = 0
    for one in walk.numbers(values):
        total = bounded(total + one)
    return total


def _counted(walk: Walk, held: Any) -> int:
    if not isinstance(held, list | tuple | dict | range | str):
        raise Wrong("this has no length")
    return len(held)


def _chosen(choose: Callable[[list[Number]], Number], walk: Walk, *values: Any) -> Number:
    numbers = walk.numbers(values)
    if not numbers:
        raise Wrong("there is nothing to choose from")
    return choose(numbers)


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": lambda walk, value: abs(number(value)),
    "int": lambda walk, value: math.trunc(number(value)),
    "float": lambda walk, value: number(value),
    "round": lambda walk, *values: rounded(*values),
    "pow": lambda walk, base, exponent: power(number(base), number(exponent)),
    "divmod": lambda walk, left, right: divmod(number(left), number(right)),
    "len": _counted,
    "sum": _total,
    "min": partial(_chosen, min),
    "max": partial(_chosen, max),
    "range": _ranged,
    "list": lambda walk, held=(): _sized([*walk.items(held)]),
    "sorted": lambda walk, held: sorted(walk.numbers((held,))),
    "print": lambda walk, *values: None,
}
METHODS: Final = frozenset({"append", "items", "keys", "values"})
_DONE: Final[Mapping[type[ast.stmt], Callable[[Walk, Any], None]]] = {
    ast.Assign: _assign,
    ast.AugAssign: _change,
    ast.Expr: _express,
    ast.If: _if,
    ast.For: _for,
    ast.While: _while,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Pass: _pass,
}
_VALUES: Final[Mapping[type[ast.expr], Callable[[Walk, Any], Any]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _both_or_either,
    ast.Compare: _compare,
    ast.IfExp: _one_or_other,
    ast.List: _list,
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.Subscript: _subscript,
    ast.Attribute: _attribute,
    ast.Call: _call,
}
# What a tree may be made of.
NODES: Final[tuple[type[ast.AST], ...]] = (
    *_DONE,
    *_VALUES,
    *OPERATORS,
    *COMPARISONS,
    *(ast.Module, ast.Load, ast.Store, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd),
    *(ast.Eq, ast.NotEq, ast.In, ast.NotIn),
)
