"""The grammar's expression trees -> SymPy's, node by node and with bounds. No text is ever evaluated."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sympy
from lark import Token, Tree
from sympy import Expr, Integer, Matrix, Rational

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood, TooLarge
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes
from rung.reasoners.symbolic.sizes import MAX_BITS, bits
from rung.reasoners.symbolic.steps import calculus
from rung.reasoners.symbolic.steps.polynomials import placed

SUMS: Final = frozenset({"plus", "minus", "wplus", "wminus"})
MAX_DEPTH: Final = 120
MAX_FACTORIAL: Final = 5_000
MAX_SYMBOLIC_POWER: Final = 500
MAX_ROOT: Final = 1_000


def build(node: Child, scope: Scope, depth: int = 0) -> Any:
    """The SymPy object that a tree stands for. Raises NotSolved."""
    if depth > MAX_DEPTH:
        raise TooLarge("brackets too deep")
    if isinstance(node, Token):
        raise NotUnderstood("a word where a number belongs")
    shape = node.data
    if shape in _LEAVES:
        return _LEAVES[shape](node.children, scope)
    if shape in _SPECIAL:
        return _SPECIAL[shape](node, scope, depth)
    if shape not in OPERATIONS:
        raise NotUnderstood("not a number or an expression")
    if shape in SUMS and _is(node.children[-1], _PERCENT) and not _is(node.children[0], _PERCENT):
        raise NotUnderstood("a percentage that may be of the number before it")
    if shape in _AMBIGUOUS_RIGHT and _is(node.children[-1], _AMBIGUOUS_RIGHT[shape]):
        raise NotUnderstood("two readings of an expression")
    if shape in _TWO_READINGS and _is(node.children[-1], _TWO_READINGS[shape]):
        raise NotUnderstood("two readings of a sign")
    _one_reach(node)
    parts = [build(child, scope, depth + 1) for child in node.children if isinstance(child, Tree)]
    _no_list(*parts)
    return checked(OPERATIONS[shape](*parts))


def _is(node: Child, shapes: frozenset[str]) -> bool:
    return isinstance(node, Tree) and node.data in shapes


# `80 + 15%`: of one, or of 80?
_PERCENT: Final = frozenset({"percent_sign"})
# What a power in words may be of: the share of something, or the something.
POWERS_SAID: Final = frozenset({"squared", "cubed", "nth_power"})
# A sum in signs right of a word that binds as loosely, or `1/2x`: people mean either of two things.
_AMBIGUOUS_RIGHT: Final[Mapping[str, frozenset[str]]] = {
    "wminus": frozenset({"plus", "minus"}),
    "divided": frozenset({"joined"}),
}


# `-3 squared` in words: of -3, or of 3?
_TWO_READINGS: Final[Mapping[str, frozenset[str]]] = {
    "negative": POWERS_SAID,
}


def _one_reach(node: Node) -> None:
    """Raises NotUnderstood where a sign or a word may reach further than it does: `10 + 5 mod 3`,
    `3 times 10 choose 2`, `9^1/2`, `2^3x`."""
    shape, first, last = node.data, node.children[0], node.children[-1]
    doubtful = (
        (shape in _SIGNED and (_is(first, _MOD) or _is(last, _MOD)))
        or (shape in SUMS and _is(last, _CHOOSE))
        or (shape == "choose" and _is(first, _PRODUCTS | _CHOOSE))
        or (shape == "divided" and _is(first, _POWER) and _is_one(first.children[-1]))
        or (shape == "joined" and _is(first, _POWER) and _is_plain_power(first))
    )
    if doubtful:
        raise NotUnderstood("a sign or a word that may reach further")


def _is_one(exponent: Node) -> bool:
    return exponent.data == "number" and str(exponent.children[0]) == "1"


def _is_plain_power(node: Node) -> bool:
    """Whether it is of a number or of e, to a number: `2^3x` may be a power of x, `x^2y` is none."""
    base, exponent = node.children[0], node.children[-1]
    constant = base.data == "number" or (base.data == "name" and str(base.children[0]) == "e")
    return constant and exponent.data == "number"


_PRODUCTS: Final = frozenset({"times", "divided", "joined"})
_SIGNED: Final = SUMS | _PRODUCTS
_MOD: Final = frozenset({"mod"})
_CHOOSE: Final = frozenset({"choose"})
_POWER: Final = frozenset({"power"})


def checked(value: Any) -> Any:
    """Refuses what has no number as a value."""
    if isinstance(value, Expr) and value.has(sympy.zoo, sympy.nan):
        raise NoAnswer("a division by zero")
    return value


def number(text: str) -> Rational:
    if len(text) > 1 and text[0] == "0" and text[1] != ".":
        raise NotUnderstood("a number that begins with zero")
    if len(text) > MAX_BITS // 4:
        raise TooLarge("a number too long")
    return Rational(text)


def power(base: Any, exponent: Any) -> Any:
    """Raises TooLarge for a result that nobody could read."""
    if isinstance(base, sympy.MatrixBase):
        if not isinstance(exponent, Integer) or abs(int(exponent)) > MAX_SYMBOLIC_POWER:
            raise TooLarge("a power of a matrix")
        return base**exponent
    if not (isinstance(base, Expr) and isinstance(exponent, Expr)):
        raise NotUnderstood("a power of a list")
    if base.is_Rational and exponent.is_Rational:
        if base == 0 and exponent <= 0:
            raise NoAnswer("zero to a power that is not positive") if exponent < 0 else NoAnswer("zero to the zero")
        if base not in {0, 1, -1} and bits(base) * magnitude(exponent) > MAX_BITS:
            raise TooLarge("a power too large")
        if exponent.q > MAX_ROOT:
            raise TooLarge("a root of too high an order")
        if base in {1, -1} and exponent.q == 1:
            return base if base == 1 or exponent.p % 2 else Integer(1)
    elif exponent.is_number and not exponent.is_real and base != sympy.E:
        raise NoAnswer("a power that is no real number")
    elif exponent.is_number and abs(complex(exponent.evalf(10))) > MAX_SYMBOLIC_POWER:
        raise TooLarge("a power too large")
    result = base**exponent
    if result.is_number and result.is_Pow and result.exp.is_Rational and result.exp.q > MAX_ROOT:
        raise TooLarge("a root of too high an order")
    return result


def magnitude(exponent: Rational) -> float:
    """The exponent's size as a float, without overflow."""
    if bits(exponent) > 64:
        return float(2**40)
    return abs(int(exponent.p)) / int(exponent.q)


def factorial(value: Any) -> Any:
    if not (isinstance(value, Integer) and value >= 0):
        raise NoAnswer("a factorial of what is no whole number")
    if value > MAX_FACTORIAL:
        raise TooLarge("a factorial too large")
    return sympy.factorial(value)


def _no_list(*values: Any) -> None:
    if any(isinstance(value, sympy.Tuple) for value in values):
        raise NotUnderstood("arithmetic with a list")


def times(left: Any, right: Any) -> Any:
    _no_list(left, right)
    both = isinstance(left, sympy.MatrixBase), isinstance(right, sympy.MatrixBase)
    if all(both) and left.cols != right.rows:
        raise NoAnswer("matrices whose sizes do not fit")
    if isinstance(left, Expr) and isinstance(right, Expr) and bits(left) + bits(right) > MAX_BITS:
        raise TooLarge("a product too large")
    return left * right


def over(above: Any, below: Any) -> Any:
    _no_list(above, below)
    if isinstance(below, sympy.MatrixBase):
        raise NotUnderstood("a division by a matrix")
    if below.is_zero or below == 0:
        raise NoAnswer("a division by zero")
    return above / below


def plus(left: Any, right: Any) -> Any:
    _no_list(left, right)
    both = isinstance(left, sympy.MatrixBase), isinstance(right, sympy.MatrixBase)
    if any(both) and not (all(both) and left.shape == right.shape):
        raise NoAnswer("matrices whose sizes do not fit")
    return left + right


def choose(total: Any, taken: Any) -> Any:
    if not (isinstance(total, Integer) and isinstance(taken, Integer) and 0 <= taken <= total <= 10_000):
        raise NoAnswer("a choice that is no choice")
    return sympy.binomial(total, taken)


def modulo(value: Any, base: Any) -> Any:
    if not (isinstance(value, Integer) and isinstance(base, Integer)) or base <= 0:
        raise NoAnswer("a remainder of what is no whole number")
    return value % base


def _vector(node: Node, scope: Scope, depth: int) -> Any:
    """`[1, 2]`, or a matrix as its rows."""
    parts = [build(child, scope, depth + 1) for child in node.children[0].children]
    if all(isinstance(part, sympy.Tuple) for part in parts):
        if len({len(part) for part in parts}) != 1 or len(parts) > 8 or len(parts[0]) > 8:
            raise NotUnderstood("a matrix whose rows differ, or a large one")
        return Matrix([list(part) for part in parts])
    if any(not isinstance(part, Expr) for part in parts):
        raise NotUnderstood("a list of what are no numbers")
    return sympy.Tuple(*parts)


def _part_of(node: Node, scope: Scope, depth: int) -> Any:
    """A share of something: "15% of 80", "2/3 of 9"; "3 of 8" is none."""
    if _is(node.children[-1], POWERS_SAID):
        raise NotUnderstood("a power that may be of the share")
    part, whole = (build(child, scope, depth + 1) for child in nodes(node.children))
    if not isinstance(part, Expr):
        raise NotUnderstood("a share that is no number")
    if not _is(node.children[0], _PERCENT) and part.is_integer is not False:
        raise NotUnderstood("a share that is no fraction")
    return times(part, whole)


def _wpower(node: Node, scope: Scope, depth: int) -> Any:
    """In words, a fraction after "to the power of" is all exponent; a product there has two readings."""
    base, exponent = nodes(node.children)
    if exponent.data in {"times", "joined"}:
        raise NotUnderstood("two readings of a power")
    return checked(power(build(base, scope, depth + 1), build(exponent, scope, depth + 1)))


def _off(node: Node, scope: Scope, depth: int) -> Any:
    """`30% off 50`."""
    part, total = (build(child, scope, depth + 1) for child in nodes(node.children))
    if not _is(node.children[0], _PERCENT) or not isinstance(part, Expr):
        raise NotUnderstood("a discount that is no percentage")
    return times(1 - part, total)


def _nth_power(node: Node, scope: Scope, depth: int) -> Any:
    return power(build(node.children[0], scope, depth + 1), number(str(node.children[1])))


def _number_leaf(children: list[Token], scope: Scope) -> Any:
    del scope
    return number(str(children[0]))


def _name_leaf(children: list[Token], scope: Scope) -> Any:
    return named(str(children[0]), scope)


def named(name: str, scope: Scope) -> Any:
    """What a letter stands for here."""
    if name == "e" and scope.euler:
        return sympy.E
    if name == "i" and scope.imaginary:
        return sympy.I
    if name in scope.functions:
        raise NotUnderstood("a function without its argument")
    return scope.value_of(name)


def number_of(node: Node, scope: Scope) -> Expr:
    """What a node stands for. Raises NotUnderstood for a list or a matrix."""
    return _number_alone(build(node, scope))


def _number_alone(value: Any) -> Expr:
    if not isinstance(value, Expr) or value.is_Matrix:
        raise NotUnderstood("a list or a matrix for a number")
    return value


def _applied(node: Node, scope: Scope, depth: int) -> Any:
    name = str(node.children[0])
    given = [build(child, scope, depth + 1) for child in node.children[1].children]
    if name in scope.functions:
        return applied(scope, name, given)
    if len(given) != 1 or name in "fghFGHPpQq":
        raise NotUnderstood("a function that was not given")
    return times(named(name, scope), given[0])


def _slope(node: Node, scope: Scope, depth: int) -> Any:
    """`f'(2)`, of a function of the question with one letter."""
    name, order = str(node.children[0]), len(node.children) - 2
    given = [build(child, scope, depth + 1) for child in node.children[-1].children]
    if name not in scope.functions or len(given) != 1 or not 1 <= order <= 5:
        raise NotUnderstood("a function that was not given")
    (parameter, *others), body = scope.functions[name]
    if others:
        raise NotUnderstood("a slope of a function of several letters")
    calculus.derived(scope.steps, body, parameter, order)
    slope = sympy.diff(body, parameter, order)
    given = [_number_alone(given[0])]
    dashes = name + "'" * order
    scope.say("{}({}) = {}", dashes, parameter, slope)
    result = checked(slope.xreplace({parameter: given[0]}))
    scope.say("{}({}) = {}", dashes, given[0], result)
    return result


def applied(scope: Scope, name: str, given: list[Any]) -> Any:
    """A function of the question, at values."""
    parameters, body = scope.functions[name]
    if len(given) != len(parameters):
        raise NotUnderstood("a function of another number of values")
    if not body.free_symbols:
        return body
    given = [_number_alone(value) for value in given]
    if all(value.is_Rational for value in given):
        size = max(bits(value) for value in given) * max((degree(body, p) for p in parameters), default=1)
        if size > MAX_BITS:
            raise TooLarge("a value too large")
    result = checked(body.xreplace(dict(zip(parameters, given, strict=True))))
    scope.steps.chain(
        [
            f"{name}({scope.steps.text(given)})",
            *(placed(scope.steps, body, parameters[0], given[0]) if len(given) == 1 else []),
            scope.steps.text(result),
        ]
    )
    return result


def degree(body: Expr, symbol: sympy.Symbol) -> int:
    """The highest whole power of the symbol that is written."""
    return max((int(p.exp) for p in body.atoms(sympy.Pow) if p.base == symbol and p.exp.is_Integer), default=1)


def _power(node: Node, scope: Scope, depth: int) -> Any:
    base, exponent = node.children[0], node.children[-1]
    raised = build(exponent, scope, depth + 1)
    if _is(base, frozenset({"applied"})) and str(base.children[0]) not in scope.functions:
        # x(x+1)^2 is x times the square
        name = named(str(base.children[0]), scope)
        inner = [build(child, scope, depth + 1) for child in base.children[1].children]
        if len(inner) != 1 or str(base.children[0]) in "fgh":
            raise NotUnderstood("a function that was not given")
        return times(name, power(inner[0], raised))
    return checked(power(build(base, scope, depth + 1), raised))


def _function(node: Node, scope: Scope, depth: int) -> Any:
    given = [build(child, scope, depth + 1) for child in node.children[1].children]
    return call(str(node.children[0]), given)


def _function_power(node: Node, scope: Scope, depth: int) -> Any:
    name, _, exponent, *_, arguments = node.children
    if str(name) not in _ANGLES | {"ln"}:
        raise NotUnderstood("a power of a function")
    given = [build(child, scope, depth + 1) for child in arguments.children]
    return power(call(str(name), given), number(str(exponent)))


def call(name: str, given: list[Any]) -> Any:
    """A named function at values. Raises NotUnderstood for a wrong number of them."""
    if name.startswith("log_") and len(given) == 1:
        return checked(_real_log(given[0], int(name[4:])))
    if name in _MANY and given:
        return checked(_MANY[name](given))
    if name not in _ONE or len(given) != 1 or not isinstance(given[0], Expr):
        raise NotUnderstood("a function of another number of values")
    value = given[0]
    if name in _ANGLES and value.is_Rational and value != 0:
        raise NoAnswer("an angle that may be in degrees or radians")
    if value.is_Rational and bits(value) > 2_000 and name not in {"abs", "floor", "ceiling"}:
        raise TooLarge("a function of too large a number")
    return checked(_ONE[name](value))


def _integers(given: list[Any]) -> list[int]:
    if not all(isinstance(value, Integer) for value in given):
        raise NoAnswer("not whole numbers")
    return [int(value) for value in given]


def reals(given: list[Any]) -> list[Any]:
    if not all(isinstance(value, Expr) and value.is_real and not value.free_symbols for value in given):
        raise NoAnswer("not all are numbers")
    return given


def _binomial(given: list[Any]) -> Any:
    if len(given) != 2:
        raise NotUnderstood("a choice of two numbers")
    return choose(*given)


def nth_root(value: Any, order: int) -> Any:
    if not 1 <= order <= MAX_ROOT:
        raise TooLarge("a root of too high an order")
    if value.is_number and value.is_negative and order % 2:
        return -power(-value, Rational(1, order))
    if value.is_number and value.is_negative and order > 2:
        raise NoAnswer("an even root of a negative number, beyond the square root")
    return power(value, Rational(1, order))


def _real_log(value: Any, base: int | None = None) -> Any:
    if value.is_number and not value.is_positive:
        raise NoAnswer("a logarithm of what is not positive")
    return sympy.log(value) if base is None else sympy.log(value, base)


_ONE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "sqrt": lambda value: nth_root(value, 2),
    "cbrt": lambda value: nth_root(value, 3),
    "exp": lambda value: power(sympy.E, value),
    "ln": _real_log,
    "log10": lambda value: _real_log(value, 10),
    "log2": lambda value: _real_log(value, 2),
    **{
        name: getattr(sympy, name)
        for name in ["sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "sinh", "cosh", "tanh"]
    },
    "abs": sympy.Abs,
    "floor": sympy.floor,
    "ceiling": sympy.ceiling,
    "factorial": factorial,
}
_ANGLES: Final = frozenset({"sin", "cos", "tan", "sec", "csc", "cot"})
_MANY: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "gcd": lambda given: Integer(sympy.igcd(*_integers(given))) if len(given) > 1 else given[0],
    "lcm": lambda given: Integer(sympy.ilcm(*_integers(given))) if len(given) > 1 else given[0],
    "maximum": lambda given: sympy.Max(*reals(given)),
    "minimum": lambda given: sympy.Min(*reals(given)),
    "binomial": _binomial,
}
_LEAVES: Final[Mapping[str, Callable[[list[Token], Scope], Any]]] = {
    "number": _number_leaf,
    "name": _name_leaf,
    "pi": lambda children, scope: sympy.pi,
    "infinity": lambda children, scope: sympy.oo,
}
_SPECIAL: Final[Mapping[str, Callable[[Node, Scope, int], Any]]] = {
    "applied": _applied,
    "slope": _slope,
    "part_of": _part_of,
    "nth_power": _nth_power,
    "off": _off,
    "wpower": _wpower,
    "vector": _vector,
    "power": _power,
    "function": _function,
    "function_power": _function_power,
}
OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "plus": plus,
    "wplus": plus,
    "minus": lambda left, right: plus(left, -right),
    "wminus": lambda left, right: plus(left, -right),
    "times": times,
    "joined": times,
    "divided": over,
    "choose": choose,
    "mod": modulo,
    "negative": lambda value: -value,
    "positive": lambda value: value,
    "factorial": factorial,
    "squared": lambda value: power(value, Integer(2)),
    "cubed": lambda value: power(value, Integer(3)),
    "percent_sign": lambda value: value / 100,
    "degrees": lambda value: value * sympy.pi / 180,
    "bracket": lambda value: value,
    "absolute": sympy.Abs,
}
