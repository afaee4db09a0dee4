"""A small Python for arithmetic. Its syntax tree is walked; nothing of it is compiled or handed to Python.

What there is: names, numbers, lists, tuples and dicts of them; arithmetic, comparisons, `and`, `or`, `not`; `if`,
`for`, `while`, `break`, `continue`; the functions of FUNCTIONS, those of MATHS with `math.` or without, the methods of
METHODS. Everything else is refused before the first step. Numbers are exact: `0.1` is a tenth and `1 / 3` a third; only
roots, powers and logarithms that do not come out, and what has too many digits, are floats. A program sets `answer`.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

import msgspec

from rung.sandbox.exact import MATHS, MOST_BITS, Wrong, exact
from rung.sandbox.forkserver import Limits
from rung.sandbox.frames import Answerer
from rung.sandbox.pool import Pool
from rung.sandbox.walk import METHODS, NODES, Leave, Walk

MOST_CHARS: Final = 4000
ANSWER: Final = "answer"
_LIMITS: Final = Limits(wall_s=1.0, memory_mb=256)


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a program: `answer` is the value of its `answer`, a text that Fraction reads; or else `error` says
    what was wrong, naming the line. `literals` are the numbers written in it, `idle` the names that are set and never
    read, `answer` itself not counted."""

    answer: str = ""
    error: str = ""
    literals: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()


class Programs:
    """Worker processes that run programs; they start with the first one, or with `start`."""

    def __init__(self, workers: int = 1) -> None:
        self._pool = Pool("rung.sandbox.program:interpreter", size=workers, limits=_LIMITS)

    def start(self) -> None:
        self._pool.start()

    async def run(self, source: str) -> Ran:
        """Raises TimedOut for a program that takes too long, Unavailable if no worker can be had."""
        return msgspec.msgpack.decode(await self._pool.run(source.encode(errors="replace")), type=Ran)

    async def close(self) -> None:
        await self._pool.close()


def interpreter() -> Answerer:
    """What a worker serves: a program's text in, Ran out."""
    return lambda payload: msgspec.msgpack.encode(run(payload.decode()))


def run(source: str) -> Ran:
    """Runs a program to its end, or says what is wrong with it."""
    try:
        tree = parsed(source)
    except Wrong as wrong:
        return Ran(error=str(wrong))
    told = Ran(
        literals=tuple(str(value) for value in _literals(tree)),
        idle=tuple(sorted(_names(tree, ast.Store) - _names(tree, ast.Load) - {ANSWER})),
    )
    walk = Walk()
    error = _went_wrong(walk, tree)
    if error:
        return msgspec.structs.replace(told, error=f"line {walk.line}: {error}")
    try:
        return msgspec.structs.replace(told, answer=_answer(walk.names))
    except Wrong as wrong:
        return msgspec.structs.replace(told, error=str(wrong))


def _went_wrong(walk: Walk, tree: ast.Module) -> str:
    """Runs it; says what went wrong, if anything did."""
    try:
        walk.block(tree.body)
    except Wrong as wrong:
        return str(wrong)
    except tuple(_WRONGS) as wrong:
        return next(said for kind, said in _WRONGS.items() if isinstance(wrong, kind))
    return ""


_WRONGS: Final[Mapping[type[Exception], str]] = {
    Leave: "`break` or `continue` outside of a loop",
    ZeroDivisionError: "division by zero",
    OverflowError: "a number too large",
    MemoryError: "a number too large",
    RecursionError: "nested too deep",
    ArithmeticError: "this cannot be computed of such values",
    TypeError: "this cannot be computed of such values",
    ValueError: "this cannot be computed of such values",
}


def parsed(source: str) -> ast.Module:
    """The tree of a program of this language. Raises Wrong."""
    if len(source) > MOST_CHARS:
        raise Wrong(f"the program is longer than {MOST_CHARS} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they would quote the program on standard error
            tree = ast.parse(source)
    except SyntaxError as wrong:
        raise Wrong(f"line {wrong.lineno or 1}: this is not Python ({wrong.msg})") from None
    except (ValueError, RecursionError, MemoryError):
        raise Wrong("this is not Python") from None
    for node in ast.walk(tree):
        _allow(node)
    return tree


def _allow(node: ast.AST) -> None:
    """Raises Wrong for a node that is not of the language."""
    where = f"line {node.lineno}: " if isinstance(node, ast.stmt | ast.expr) else ""
    if not isinstance(node, NODES):
        raise Wrong(f"{where}{_named(node)} is not allowed")
    match node:
        case ast.Name(id=name) if name.startswith("_"):
            raise Wrong(f"{where}names do not begin with `_`")
        case ast.Attribute(value=ast.Name(id="math"), attr=attr) if attr in MATHS:
            pass
        case ast.Attribute(attr=attr) if attr not in METHODS:
            raise Wrong(f"{where}`.{attr[:40]}` is not allowed")
        case ast.Call(func=func) if not isinstance(func, ast.Name | ast.Attribute):
            raise Wrong(f"{where}only functions with a name can be called")
        case ast.Call(keywords=[_, *_]):
            raise Wrong(f"{where}arguments are given without their names")
        case ast.For(orelse=[_, *_]) | ast.While(orelse=[_, *_]):
            raise Wrong(f"{where}a loop has no `else`")
        case ast.Constant(value=value) if not isinstance(value, bool | int | float | str | None):
            raise Wrong(f"{where}only numbers and texts can be written")


def _named(node: ast.AST) -> str:
    names = {ast.Import: "`import`", ast.ImportFrom: "`import`", ast.FunctionDef: "`def`", ast.JoinedStr: "an f-string"}
    return names.get(type(node), f"`{type(node).__name__}`")


def _literals(tree: ast.Module) -> Iterator[Fraction]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            value = exact(node.value)
            # one that is too large ends the program where it stands, if that is reached
            if value is not None and value.numerator.bit_length() <= MOST_BITS:
                yield Fraction(value)


def _names(tree: ast.Module, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _answer(names: Mapping[str, Any]) -> str:
    if ANSWER not in names:
        raise Wrong(f"`{ANSWER}` was never set")
    value = names[ANSWER]
    if isinstance(value, bool) or not isinstance(value, int | Fraction | float):
        raise Wrong(f"`{ANSWER}` is not one number")
    return repr(value) if isinstance(value, float) else str(value)
