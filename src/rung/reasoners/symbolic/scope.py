"""What a question has said so far: values, functions, conditions."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from lark import Tree
from sympy import Basic, Expr, Symbol

from rung.reasoners.symbolic.errors import NoAnswer
from rung.reasoners.symbolic.steps.record import Steps

# What `½` and LaTeX's fractions have become.
_BRACKETED = re.compile(r"\A(-?)\(\(?(\d+)\)?/\(?(\d+)\)?\)\Z")
Child = Any  # a Node or a Token, as the grammar gives them


class Node(Protocol):
    """What this package uses of Lark's Tree."""

    data: str
    children: list[Any]
    meta: Any

    def scan_values(self, pred: Callable[[Any], bool]) -> "Iterator[Any]": ...

    def iter_subtrees(self) -> "Iterator[Node]": ...

    def find_data(self, data: str) -> "Iterator[Node]": ...


@dataclass
class Scope:
    """`text` is the question, for writing its operands back as they stood; `steps` are what was done with it. `euler`:
    every `e` is Euler's number; `imaginary`: every `i` is the imaginary unit. `stated`: something was given before the
    question; `alone`: nothing in an earlier turn. `several`: names with more than one value. `poles`: what
    the equations divide by. `rates`: two quantities of which one has a price, so much of the first for one of the
    second. `pace`: the same of no currency. `owned`: an amount that is "it". `journey`, `born`, `moment` (now, or
    today): what was said of these, not yet read.
    """

    text: str
    steps: Steps = field(default_factory=Steps)
    euler: bool = False
    alone: bool = True
    stated: bool = False
    values: dict[str, Expr] = field(default_factory=dict)
    functions: dict[str, tuple[tuple[Symbol, ...], Expr]] = field(default_factory=dict)
    several: dict[str, tuple[Expr, ...]] = field(default_factory=dict)
    positive: str = ""
    imaginary: bool = False
    bag: str = ""
    picks: int = 0
    poles: tuple[Expr, ...] = ()
    rates: tuple[tuple[Any, Any], ...] = ()
    pace: Any = None
    owned: Any = None
    journey: Sequence[Child] = ()
    born: Sequence[Child] = ()
    moment: Sequence[Child] = ()

    @property
    def decimal(self) -> bool:
        """Whether numbers are written as decimals: they were given so, or are asked so."""
        return self.steps.decimal

    @decimal.setter
    def decimal(self, wanted: bool) -> None:
        self.steps.decimal = wanted

    def say(self, line: str, *values: Any) -> None:
        self.steps.say(line, *values)

    def value_of(self, name: str) -> Basic:
        if name in self.several:
            raise NoAnswer("a name with several values")
        return self.values[name] if name in self.values else self.symbol(name)

    def symbol(self, name: str) -> Symbol:
        return Symbol(name, positive=True) if name == self.positive else Symbol(name)

    def written(self, node: Child) -> str:
        """The node as it stood in the question, a fraction without the brackets that reading its sign gave it."""
        meta = node.meta
        said = self.text[meta.start_pos : meta.end_pos].strip()
        return _BRACKETED.sub(r"\1\2/\3", said)


def nodes(children: Sequence[Child]) -> list[Node]:
    """The children that are trees: words that only join are left out."""
    return [cast("Node", child) for child in children if isinstance(child, Tree)]


def tokens_of(children: Iterable[Child], *kinds: str) -> list[Any]:
    """The tokens of these kinds among the children."""
    return [child for child in children if getattr(child, "type", "") in kinds]
