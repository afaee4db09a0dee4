"""Whether two expressions, in plain or LaTeX notation, have the same value wherever they are tried.

Models write `-555n^3` or `\\frac{x}{2}`, solvers `-555*n**3`: marking by letters would credit only one of them. Parsed
with `ast` and walked over a few operations; nothing is ever evaluated as code.
"""

import ast
import cmath
import operator
import random
import re
from collections.abc import Callable, Mapping

_OPERATIONS: Mapping[type[ast.operator], Callable[[complex, complex], complex]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_REWRITES = (
    (r"\\left|\\right|\\[,;!: ]|\$|\\\(|\\\)|\\\[|\\\]", ""),
    (r"\\[dt]frac", r"\\frac"),
    (r"\\cdot|\\times|[·×]", "*"),  # noqa: RUF001
    ("[−–]", "-"),  # noqa: RUF001
    (r"\^", "**"),
)
_FRACTION = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_BRACED_POWER = re.compile(r"\*\*\{([^{}]*)\}")
_IMPLIED = (
    re.compile(r"(?<=\d)\s*(?=[a-zA-Z(])"),
    re.compile(r"(?<=\))\s*(?=[\da-zA-Z(])"),
    re.compile(r"(?<=(?<![a-z])[a-z])(?=\()"),
)
_LONGEST = 300


def same_expression(one: str, other: str) -> bool:
    try:
        first, second = _parsed(one), _parsed(other)
    except (SyntaxError, ValueError):
        return False
    names = sorted(_names(first) | _names(second))
    random_ = random.Random(0)
    for _ in range(4):
        at = {name: complex(random_.uniform(0.5, 2.5)) for name in names}
        try:
            if not cmath.isclose(_value(first, at), _value(second, at), rel_tol=1e-8, abs_tol=1e-10):
                return False
        except (ValueError, ArithmeticError):
            return False
    return True


def _parsed(text: str) -> ast.expr:
    text = plain(text)
    if not text or len(text) > _LONGEST:
        raise ValueError("no short expression")
    return ast.parse(text, mode="eval").body


def plain(text: str) -> str:
    text = text.strip().rstrip(".").rsplit("=", 1)[-1].strip()
    for pattern, plainly in _REWRITES:
        text = re.sub(pattern, plainly, text)
    for _ in range(4):
        text = _FRACTION.sub(r"((\1)/(\2))", text)
        text = _ROOT.sub(r"sqrt(\1)", text)
        text = _BRACED_POWER.sub(r"**(\1)", text)
    for pattern in _IMPLIED:
        text = pattern.sub("*", text)
    return text.replace("sqrt*(", "sqrt(")


def _names(tree: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {"sqrt"}


def _value(node: ast.expr, at: Mapping[str, complex]) -> complex:
    match node:
        case ast.Constant(value=int() | float() as number):
            return complex(number)
        case ast.Name(id=name) if name in at:
            return at[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, at)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
            power = _value(right, at)
            if isinstance(operation, ast.Pow) and abs(power) > 100:
                raise ValueError("too high a power")
            return _OPERATIONS[type(operation)](_value(left, at), power)
        case ast.Call(func=ast.Name(id="sqrt"), args=[inner], keywords=[]):
            return cmath.sqrt(_value(inner, at))
    raise ValueError("not an expression")
