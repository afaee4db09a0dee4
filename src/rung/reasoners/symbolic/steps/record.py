"""The lines, as they are said."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

import sympy
from sympy import Expr, Rational

from rung.reasoners.symbolic.errors import NotSolved
from rung.reasoners.symbolic.render import Notation, decimal_text, rendered, terminates
from rung.reasoners.symbolic.sizes import bits

MAX_LINES: Final = 60
MAX_CHARS: Final = 400
# In place of what cannot be said: the line that it would stand in is left out.
UNSAID: Final = "\0"
MAX_BITS_SHOWN: Final = 1_000
MAX_DIGITS: Final = 60
ENDS_DIGITS: Final = 12
CHAIN_CHARS: Final = 100
CHAIN_STAGES: Final = 4

P = ParamSpec("P")


class Steps:
    """What was done so far. Lines that repeat one before, or are too long to be read, are left out.

    `decimal`: numbers are written as decimals where these end."""

    def __init__(self, notation: Notation = "stars", decimal: bool = False) -> None:
        # LaTeX is for what stands alone; lines that mix words and formulas stay plain
        self.notation: Notation = "stars" if notation == "stars" else "caret"
        self.decimal = decimal
        self._lines: dict[str, None] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines, or the first and last ones where there are very many."""
        said = list(self._lines)
        if len(said) <= MAX_LINES:
            return tuple(said)
        half = MAX_LINES // 2
        return (*said[:half], f"... ({len(said) - 2 * half} lines left out)", *said[-half:])

    def say(self, line: str, *values: Any) -> None:
        """Adds a line whose `{}` are the values. A value that has no short text takes the line with it."""
        self._add(line.format(*(self.text(value) for value in values)) if values else line)

    def chain(self, stages: Sequence[str], head: str = "") -> None:
        """`a = b = c`, on one line where it is short, else a line each."""
        kept = [stage for at, stage in enumerate(stages) if at == 0 or stage != stages[at - 1]]
        if head:
            kept = [head, *(kept if kept[0] != head else kept[1:])]
        if len(kept) < 2:
            return
        if len(kept) <= CHAIN_STAGES and sum(len(stage) + 3 for stage in kept) <= CHAIN_CHARS:
            self._add(" = ".join(kept))
            return
        self._add("\n= ".join(kept))

    def _add(self, text: str) -> None:
        text = re.sub(rf"\d{{{MAX_DIGITS},}}", _shortened, text)
        before = next(reversed(self._lines), "")
        readable = UNSAID not in text and all(len(line) <= MAX_CHARS for line in text.split("\n"))
        if readable and not before.endswith(f": {text}"):
            self._lines.setdefault(text)

    def text(self, value: Any) -> str:
        """Exactly what the value is, never rounded; UNSAID for what has no text, or a number too long to be read."""
        if isinstance(value, str | int):
            return str(value)
        if isinstance(value, sympy.MatrixBase | Expr):
            return self._expression(value)
        listed = ", ".join(self.text(one) for one in value)
        return f"[{listed}]" if isinstance(value, sympy.Tuple) else listed

    def _expression(self, value: Any) -> str:
        if any(bits(number) > MAX_BITS_SHOWN for number in value.atoms(Rational)):
            return UNSAID
        if isinstance(value, Rational) and self.decimal and value.q != 1 and terminates(value):
            return decimal_text(value)
        try:
            return rendered(value, notation=self.notation)
        except NotSolved:
            return UNSAID


def _shortened(found: re.Match[str]) -> str:
    digits = found.group()
    return f"{digits[:ENDS_DIGITS]}...{digits[-ENDS_DIGITS:]} ({len(digits)} digits)"


def bracketed(text: str) -> str:
    """In brackets where it would not hold together beside a sign."""
    return f"({text})" if re.search(r"[-+*/^ ]", text) else text


def after_sign(text: str) -> str:
    """In brackets where it begins with a sign itself."""
    return f"({text})" if text.startswith("-") else text


def summed(parts: Sequence[str]) -> str:
    """`a + b - c`."""
    text = parts[0]
    for part in parts[1:]:
        text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
    return text


def told(telling: Callable[Concatenate[Steps, P], None]) -> Callable[Concatenate[Steps, P], None]:
    """Tells as far as it can: an answer stands without the lines that a form too large or too odd would take."""

    @wraps(telling)
    def tell(steps: Steps, /, *args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(NotSolved, sympy.PolynomialError):
            telling(steps, *args, **kwargs)

    return tell
