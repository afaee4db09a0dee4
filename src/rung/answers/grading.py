"""Marking an answer against a known one."""

import re
from collections.abc import Sequence
from typing import Literal

from rung.answers.final import bare, extract
from rung.answers.latex import boxed, simplified
from rung.answers.numerals import as_number
from rung.answers.sameness import close, same

Grader = Literal["number", "letter", "exact", "symbolic"]
_POLES = ({"true", "false"}, {"yes", "no"})
_MATHS = re.compile(r"\$([^$\n]{1,300})\$|\\\((.{1,300}?)\\\)|\\\[(.{1,300}?)\\\]", re.DOTALL)
# Signs of a program, which would be taken for markdown's: `2*x**2` is 2x^2. Words in bold have blanks around them.
_RAISED = re.compile(r"(?<=[0-9A-Za-z)])\*\*(?=[0-9A-Za-z(-])")
_MULTIPLIED = re.compile(r"(?<=[0-9A-Za-z)])(?:\*| \* )(?=[A-Za-z(\\])")
_MULTIPLIED_BY_DIGITS = re.compile(r"(?<=[0-9A-Za-z)])(?:\*| \* )(?=[0-9-])")
_UNIT_WORDS = re.compile(
    r"\s*\b(?:units?|degrees?|inches|feet|cm|meters?|dollars?|square|cubic|cents?|miles?|hours?|minutes?|seconds?)\b.*$"
)


def grade(text: str, gold: str, grader: Grader, choices: Sequence[str] = ()) -> bool:
    """Whether the final answer of `text` is `gold`: an equal number; the letter of the right option; the right value
    among `choices` or alone; an expression that is written alike once LaTeX's liberties are taken out."""
    if grader == "number":
        said = extract(text, "number")
        return said is not None and same(said, gold)
    if grader == "letter":
        return extract(text, "choice", choices) == gold.strip().upper()
    if grader == "exact":
        poles = {c.strip().lower() for c in choices} in _POLES or gold.strip().lower() in {"true", "false", "yes", "no"}
        said = extract(text, "yesno") if poles else extract(text, "label", choices)
        return said is not None and same(said, gold)
    gold = _in_mathematics(gold)
    return any(_alike(said, gold) for said in _expressions(_in_mathematics(text)))


def _in_mathematics(text: str) -> str:
    text = _MULTIPLIED.sub("", _RAISED.sub("^", text))
    return _MULTIPLIED_BY_DIGITS.sub(r"\\cdot ", text)


def _expressions(text: str) -> list[str]:
    """What may be the final expression: the box, else what is marked, else the last formula, or else the last number
    and a text that is but one line."""
    box = boxed(text)
    if box is not None:
        return [box]
    marked = extract(text, "")
    formulas = [next(g for g in m.groups() if g) for m in _MATHS.finditer(marked or text[-3000:])]
    last = formulas[-1:] if formulas else []
    lines = text.strip().splitlines()
    otherwise = () if last else (extract(text, "number"), bare(text) if len(lines) == 1 else None)
    return [s for s in (marked, *last, *otherwise) if s]


def _alike(said: str, gold: str) -> bool:
    candidates = {said, said.rsplit("=", 1)[-1], _UNIT_WORDS.sub("", simplified(said)), bare(said)}
    gold_value = as_number(simplified(gold)) if not re.search(r"[a-zA-Z]", simplified(gold)) else as_number(gold)
    for one in candidates:
        value = as_number(one)
        if same(one, gold) or (value is not None and gold_value is not None and close(value, gold_value)):
            return True
    return same(_UNIT_WORDS.sub("", simplified(said)), _UNIT_WORDS.sub("", simplified(gold)))
