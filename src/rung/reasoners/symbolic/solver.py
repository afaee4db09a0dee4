"""What the worker does: a question's text -> its answer, or why there is none."""

import re
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec
import sympy
from lark import Token
from sympy import Expr

from rung.reasoners.symbolic import (
    algebra,
    amounts,
    arithmetic,
    bases,
    chance,
    clock,
    compare,
    dates,
    equations,
    measures,
    moments,
    numbers,
    rates,
    rounding,
    sequences,
    statistics,
    units,
)
from rung.reasoners.symbolic.errors import NoAnswer, NotSolved, NotUnderstood
from rung.reasoners.symbolic.expressions import build
from rung.reasoners.symbolic.normal import BOX, unwrapped
from rung.reasoners.symbolic.parse import grammar, parsed
from rung.reasoners.symbolic.render import approximate_text, decimal_text, notation_of, rendered, terminates
from rung.reasoners.symbolic.scope import Child, Node, Scope, nodes
from rung.reasoners.symbolic.sizes import expanded
from rung.reasoners.symbolic.steps import algebra as explain
from rung.reasoners.symbolic.steps.record import MAX_CHARS, Steps
from rung.reasoners.symbolic.steps.spelled import worked
from rung.reasoners.symbolic.wire import Asked, Solved

Task = Callable[[Scope, list[Child]], Any]


def _than_noun(scope: Scope, children: list[Child]) -> Any:
    """`3 more than twice 5`."""
    return arithmetic.than_value(scope, children, _number_of_noun(scope, nodes(children)[1]))


def _one_of_noun(scope: Scope, children: list[Child]) -> Any:
    """`twice the sum of 3 and 4`."""
    return arithmetic.of_value(scope, str(children[0]), _number_of_noun(scope, nodes(children)[0]))


def _number_of_noun(scope: Scope, node: Node) -> Expr:
    value = value_of(scope, node)
    if not isinstance(value, Expr):
        raise NotUnderstood("what is done to a number, to what is none")
    return value


TASKS: Final[Mapping[str, Task]] = {
    **algebra.TASKS,
    **arithmetic.TASKS,
    **numbers.TASKS,
    **statistics.TASKS,
    **bases.TASKS,
    **compare.TASKS,
    **sequences.TASKS,
    **chance.TASKS,
    **measures.TASKS,
    **amounts.TASKS,
    **rates.TASKS,
    **clock.TASKS,
    **dates.TASKS,
    **moments.TASKS,
    "than_noun": _than_noun,
    "one_of_noun": _one_of_noun,
}
STATED: Final[Mapping[str, Callable[[Scope, list[Child]], None]]] = {
    "let": equations.let,
    "suppose": equations.suppose,
    "bag": chance.bag,
    "exchanged": rates.exchange,
    "owned": rates.own,
    "journey_given": rates.journey_given,
    "born": dates.born,
    "moment": moments.moment,
}


def solve(text: str, alone: bool = True) -> str:
    """The answer, plain. Raises NotSolved. `alone`: as in `Asked`."""
    return solved(text, alone).answer


def solved(text: str, alone: bool = True) -> Solved:
    """The answer, plain, and how it was found. Raises NotSolved. `alone`: as in `Asked`."""
    tree, plain, tokens = parsed(text)
    scope = Scope(
        plain,
        Steps(notation_of(unwrapped(text)), decimal=any(token.type == "NUM" and "." in token for token in tokens)),
        euler=_has_euler(tokens),
        alone=alone,
    )
    *stated, question = sorted(nodes(tree.children), key=lambda node: node.data not in {"exchanged", *STATED, "be"})
    scope.stated = bool(stated)
    scope.imaginary = not stated and _has_imaginary(question, tokens, scope.euler)
    for one in stated:
        state(scope, one)
    answer = rendered(ask(scope, question), scope.decimal, notation_of(unwrapped(text)))
    if not answer:
        raise NoAnswer("nothing to say")
    if "yes or no" in text.lower():
        answer = _yes_or_no(answer)
    if re.search(BOX, text):
        answer = f"\\boxed{{{answer}}}"
    shown = any(token.type == "SHOWN" for token in tokens)
    return Solved(answer=answer, steps=_with_answer(scope.steps.lines, answer, always=shown), shown=shown)


def _with_answer(lines: tuple[str, ...], answer: str, always: bool) -> tuple[str, ...]:
    """The last line says the answer, whatever the lines before it show, unless it is too long to be read twice."""
    told = (lines and lines[-1].endswith(f"= {answer}")) or len(answer) > MAX_CHARS
    return lines if told and not always else (*lines, f"Answer: {answer}")


def _yes_or_no(answer: str) -> str:
    if answer not in _SAID:
        raise NotUnderstood("an answer that is neither yes nor no")
    return _SAID[answer]


_SAID: Final[Mapping[str, str]] = {"True": "Yes", "False": "No"}


def _has_euler(tokens: list[Token]) -> bool:
    """Whether every `e` is the base of a power that is no plain number: then it is Euler's."""
    if any(token.type == "FUNC" and token.value == "ln" for token in tokens):
        return True
    if {token.value for token in tokens if token.type == "NAME"} == {"e"} and any(t.type == "UPTO" for t in tokens):
        return True
    places = [at for at, token in enumerate(tokens) if token.type == "NAME" and token.value == "e"]
    return bool(places) and all(
        [later.type for later in tokens[at + 1 : at + 2]] == ["POWER"]
        and [later.type for later in tokens[at + 2 : at + 3]] != ["NUM"]
        for at in places
    )


def _has_imaginary(question: Node, tokens: list[Token], euler: bool) -> bool:
    """Whether `i` is the imaginary unit: the only letter of what is to be worked out. Raises NotUnderstood for `3i`
    among other letters or elsewhere, which may be either."""
    names = {token.value for token in tokens if token.type == "NAME"} - ({"e"} if euler else set())
    if names == {"i"} and _is_worked_out(question):
        return True
    joined = any(
        token.type == "NAME" and token.value == "i" and before.type == "JOINED" for before, token in pairwise(tokens)
    )
    if joined:
        raise NotUnderstood("an i that may be imaginary")
    return False


def _is_worked_out(question: Node) -> bool:
    body = nodes(question.children)[0] if question.data == "question" else question
    return body.data == "simplify" or (body.data == "value" and nodes(body.children)[0].data not in TASKS)


def state(scope: Scope, node: Node) -> None:
    if node.data == "be":
        _be(scope, nodes(node.children))
    else:
        STATED[node.data](scope, node.children)


def _be(scope: Scope, parts: list[Node]) -> None:
    """`Let d be E`, `Let g(c) be the second derivative of E`."""
    left, right = parts
    name = str(left.children[0])
    if left.data == "applied":
        names = [str(node.children[0]) for node in nodes(nodes(left.children)[0].children) if node.data == "name"]
        equations.define(scope, name, names, lambda inner: value_of(inner, right))
    elif left.data == "name" and name not in scope.values:
        value = value_of(scope, right)
        if not isinstance(value, Expr):
            raise NotUnderstood("a name for several values")
        equations.define_value(scope, name, value)
        if right.data in TASKS:
            scope.say("{} = {}", name, value)
        else:
            worked(scope, right, head=name)
    else:
        raise NotUnderstood("a name that is given twice")


def value_of(scope: Scope, node: Node) -> Any:
    """An expression's value, or a noun's: "the sum of 3 and 4"."""
    if node.data in TASKS:
        return TASKS[node.data](scope, node.children)
    return build(node, scope)


def ask(scope: Scope, question: Node) -> Any:
    children = question.children
    if question.data in _TOLD and not _TOLD[question.data](children):
        raise NotUnderstood("an order of words that it does not know")
    if question.data in {"question", "wondered", "told_whole"}:
        body = nodes(children)[0]
        return ask(scope, body)
    if question.data == "solved_value":
        return _number_solved(scope, nodes(children)[0])
    if question.data in {"value", "told", "told_last"}:
        return _value(scope, nodes(children)[0])
    if question.data == "rounded":
        precision, node = sorted(nodes(children), key=lambda node: node.data not in rounding.PRECISIONS)
        value = _one_number(scope, node)
        return rounding.PRECISIONS[precision.data](scope, value, precision.children)
    if question.data == "formed":
        node, form = nodes(children)
        value = _one_number(scope, node)
        return rounding.FORMS[form.data](scope, value)
    return TASKS[question.data](scope, children)


def _number_solved(scope: Scope, node: Node) -> Any:
    """`Solve 6*7`: said of numbers too, while an expression with letters has no solution."""
    result = _value(scope, node)
    if isinstance(result, Expr) and result.free_symbols:
        raise NotUnderstood("solving what is no equation")
    return result


def _asked_around(children: list[Child]) -> bool:
    """`what X is`, `what would X be`, `what does X equal`."""
    first, last = children[0], children[-1]
    ends = {"what": {"IS"}, "would": {"BE"}, "does": {"KIND", "COMES_TO"}}
    return last.type in ends.get(str(first), set()) and (last.type != "KIND" or str(last) == "equal")


def _asked_last(children: list[Child]) -> bool:
    """`X is what`, `X equals what`."""
    return str(children[-1]) == "what" and str(children[-2]) in {"=", "is", "are"}


def _wondered(children: list[Child]) -> bool:
    """`(tell me) whether X`, where `suppose X` asks nothing."""
    return str(children[0]).endswith(("if", "whether", "is it true that"))


_TOLD: Final[Mapping[str, Callable[[list[Child]], bool]]] = {
    "told": _asked_around,
    "told_whole": _asked_around,
    "told_last": _asked_last,
    "wondered": _wondered,
}


def _one_number(scope: Scope, node: Node) -> Expr:
    """The value of what is to be written in another form, and its working; a noun has told its own."""
    value = value_of(scope, node)
    if not isinstance(value, Expr):
        raise NotUnderstood("several numbers in a form for one")
    if node.data not in TASKS:
        worked(scope, node)
    return value


def _value(scope: Scope, node: Node) -> Any:
    """A value that was asked for as it is: it must say more than the question does."""
    if (
        node.data == "name"
        and str(node.children[0]) in {"e", "i"} - scope.values.keys()
        and (scope.euler or scope.imaginary)
    ):
        raise NotUnderstood("nothing asked of it")
    if node.data == "name" and str(node.children[0]) in scope.several:
        return scope.several[str(node.children[0])]
    result = value_of(scope, node)
    if node.data in TASKS:
        return _not_an_echo(node, result) if isinstance(result, Expr) else result
    if isinstance(result, sympy.MatrixBase):
        worked(scope, node)
        return result
    if not isinstance(result, Expr) or node.data in {"number", "infinity", "pi", "positive"} or _is_signed(node):
        raise NotUnderstood("nothing asked of it")
    if result.free_symbols:
        return _with_letters(scope, node, result)
    if any(True for _ in node.find_data("percent_sign")):
        scope.decimal = True
    if any(True for _ in node.find_data("infinity")):
        raise NoAnswer("arithmetic with infinity")
    worked(scope, node)
    if result.is_Rational:
        return _fraction_as_decimal(node, result) or result
    return _not_an_echo(node, algebra.number_simplified(result))


def _is_signed(node: Node) -> bool:
    return node.data == "negative" and nodes(node.children)[0].data == "number"


def _not_an_echo(node: Node, result: Expr) -> Any:
    """`sqrt(2)` or the cube root of 10, asked for as it is, wants digits: the root is what was asked."""
    if (
        node.data in {"function", "power", "one_of", "nth_root"}
        and result.is_Pow
        and result.exp.is_Rational
        and result.exp.q >= 2
        and result.is_real
    ):
        return approximate_text(result)
    return result


def _with_letters(scope: Scope, node: Node, result: Expr) -> Expr:
    """Letters may be left where functions were given; else only if like terms came together."""
    if node.data == "name":
        raise NoAnswer("a letter without a value")
    if scope.functions:
        worked(scope, node)
        return expanded(result)
    result = expanded(result)
    left = sum(1 for part in sympy.preorder_traversal(result) if part.is_Symbol)
    if (
        scope.stated
        or not scope.alone
        or left >= sum(str(name.children[0]) != "e" or not scope.euler for name in node.find_data("name"))
    ):
        raise NoAnswer("letters without a value")
    explain.gathered(scope, node, result)
    return result


def _fraction_as_decimal(node: Node, result: Any) -> str:
    """`What is 7/2?` wants 3.5: the fraction is what was asked."""
    if node.data != "divided" or any(part.data != "number" for part in nodes(node.children)) or result.q == 1:
        return ""
    above, below = (
        sympy.Integer(str(part.children[0])) if str(part.children[0]).isdigit() else None
        for part in nodes(node.children)
    )
    if (
        above is None
        or below is None
        or sympy.igcd(above, below) != 1
        or any(isinstance(c, Token) and c != "/" for c in node.children)
    ):
        return ""
    return decimal_text(result) if terminates(result) else approximate_text(result)


# SymPy and pint load much of themselves when it is first used; these use it.
_WARMING: Final = (
    "Let f(x) = x^2. What is f(3)?",
    "Factor x^2 - 1.",
    "Solve x^2 - 5x + 6 = 0.",
    "Simplify sqrt(8)/(1 + sqrt(2)).",
    "Simplify x**(1/2)*x assuming x is positive.",
    "Simplify (x^2 - 1)/(x - 1).",
    "Integrate sin(x) + x^2.",
    "Find the limit of sin(x)/x as x approaches 0.",
    "Differentiate sin(x)/x.",
    "What is sqrt(2) to 10 digits?",
    "What are the prime factors of 360?",
    "Is 1000003 prime?",
    "Convert 5 miles to km.",
    "Convert 100 F to C.",
    "What is the determinant of [[1, 2], [3, 4]]?",
)


def solver() -> Callable[[bytes], bytes]:
    """What a worker of the sandbox serves. Loads everything once, so that the first question is quick."""
    sys.set_int_max_str_digits(0)  # sizes are bounded where numbers grow
    grammar()
    units.registry()
    for question in _WARMING:
        solve(question)

    def answer(payload: bytes) -> bytes:
        try:
            asked = msgspec.msgpack.decode(payload, type=Asked)
            result = solved(asked.text, asked.alone)
        except NotSolved as why:
            result = Solved(why=str(why))
        except RecursionError:
            result = Solved(why="too deep")
        except (sympy.PolynomialError, NotImplementedError, ArithmeticError):
            result = Solved(why="no closed form")
        return msgspec.msgpack.encode(result)

    return answer
