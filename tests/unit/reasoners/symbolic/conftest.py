"""The data, and a reader of workings with means of its own: SymPy's parser, which the solver never uses."""

import os
import re
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest
import sympy
from sympy.parsing.sympy_parser import factorial_notation, parse_expr, standard_transformations

_NAMES = {
    "C": sympy.binomial,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    "lcm": lambda *numbers: sympy.Integer(sympy.ilcm(*numbers)),
    "gcd": lambda *numbers: sympy.Integer(sympy.igcd(*numbers)),
    **{letter: sympy.Symbol(letter) for letter in "abcdefghijklmnopqrstuvwxyzABDEFGHIJKLMNOPQRSTUVWXYZ"},
}
_ENDS = re.compile(r" has a = .*|, (?:which|more|and)\b.*|; .*| makes it .*| \(digit .*")


def value(text: str) -> Any:
    """What a piece of a line stands for; None for words, functions of the question and the like."""
    text = text.strip().replace("^", "**")
    if found := re.fullmatch(r"d/d([a-z]) (.*)", text):
        inner = value(found.group(2))
        return None if inner is None else sympy.diff(inner, sympy.Symbol(found.group(1)))
    if re.search(r"[a-zA-Z]{2,}(?!\w*\()|[±≈%°∫\[\]]|\.\.\.|\b[fgh]\(|'|,(?! \d)", text.replace("pi", "1")) or not text:
        return None
    text = re.sub(r"\|([^|]*)\|", r"Abs(\1)", text)
    text = re.sub(r"([\w.()]+) mod ([\w.()]+)", r"Mod(\1, \2)", text)
    text = re.sub(r"(?<![\w.])(\d+\.\d+)", r"Rational('\1')", text)
    try:
        return parse_expr(text, dict(_NAMES), transformations=(*standard_transformations, factorial_notation))
    except (SyntaxError, TypeError, ValueError, AttributeError, sympy.SympifyError):
        return None


def chains(lines: tuple[str, ...]) -> list[list[Any]]:
    """The values of each line's sides, where it says that they are equal."""
    found = []
    for line in lines:
        said = _ENDS.sub("", line.replace("\n= ", " = ").rsplit(": ", 1)[-1])
        said = re.sub(r"^\(\d+\) ", "", said)
        for part in re.split(r", so | or ", said):
            sides = [one for one in map(value, part.split(" = ")) if one is not None]
            if sides:
                found.append(sides)
    return found


def untrue(lines: tuple[str, ...]) -> list[list[Any]]:
    """Chains whose sides differ, and are no equation that the values found elsewhere in the lines solve."""
    all_chains = chains(lines)
    known: dict[Any, list[Any]] = {}
    for chain in all_chains:
        if getattr(chain[0], "is_Symbol", False) and len(chain) > 1 and chain[-1].is_number:
            known.setdefault(chain[0], []).append(chain[-1])
    return [chain for chain in all_chains if not all(_same(chain[0], one, known) for one in chain[1:])]


def _same(left: Any, right: Any, known: dict[Any, list[Any]]) -> bool:
    gap = left - right
    if gap == 0 or sympy.expand(gap) == 0 or _vanishes(gap):
        return True
    letters = sorted(gap.free_symbols & known.keys(), key=str)
    # an equation holds for one of the values that its letters were given
    choices = islice(product(*(known[letter] for letter in letters)), 64)
    return bool(letters) and any(_vanishes(gap.subs(dict(zip(letters, values, strict=True)))) for values in choices)


def _vanishes(gap: Any) -> bool:
    if gap.is_number:
        return bool(sympy.simplify(gap) == 0)
    # an identity holds wherever it is tried
    tried = {
        letter: sympy.Rational(17 + 5 * at, 13 + at) for at, letter in enumerate(sorted(gap.free_symbols, key=str))
    }
    return abs(gap.subs(tried).evalf(40)) < 1e-25


DATA = Path(os.environ.get("RUNG_DATA", Path(__file__).parents[5] / "shared" / "data"))


@pytest.fixture(name="chains")
def _chains() -> Callable[[tuple[str, ...]], list[list[Any]]]:
    return chains


@pytest.fixture(name="untrue")
def _untrue() -> Callable[[tuple[str, ...]], list[list[Any]]]:
    return untrue


@pytest.fixture(name="rows")
def _rows() -> Callable[[str], list[dict[str, Any]]]:
    def rows(name: str) -> list[dict[str, Any]]:
        parquet = pytest.importorskip("pyarrow.parquet")
        if not (DATA / name).is_file():
            pytest.skip(f"{name} is not there; set RUNG_DATA to the folder that holds it")
        found: list[dict[str, Any]] = parquet.read_table(DATA / name).to_pylist()
        return found

    return rows
