"""Recomputes the arithmetic that a text claims: "12 * 3 = 36", "$18 / 3 = $6", "5 apples + 7 apples = 12 apples".

Exact fractions, a parser of its own, bounded in tokens, depth and size. What it cannot read whole is no claim.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from msgspec import Struct

from rung.answers.numerals import SCALES, plain
from rung.answers.phrases import word_set
from rung.answers.units import MEASURES, UNITS

LOOK_CHARS = 8000
MOST_CLAIMS = 200
MOST_TOKENS = 60
MOST_DEPTH = 16
# An intermediate value beyond this is no schoolbook arithmetic.
LARGEST = 10**40

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CLEANED = re.compile(
    r"\\(?:text|mathrm|mathbf)\s?\{([^{}]{0,80})\}|\\[()\[\]]"
    r"|\\\\|(?<![\d ])\*\*|\*\*(?![\d ]|(?<=\d\*\*)-\d)|[`_]{2,}|[$€£]|\\(?=[%$])|&|\\approx\b"
)
# What is left of deeper ones is no claim.
_FRACTION = re.compile(r"\\[dt]?frac\s?\{([^{}\\]{1,120})\}\s?\{([^{}\\]{1,120})\}")
_SPELT = (
    (re.compile(r"\\div\b|÷|\bdivided by\b", re.IGNORECASE), "/"),
    (re.compile(r"\\times\b|\\cdot\b|\b(?:times|multiplied by)\b", re.IGNORECASE), "*"),
    (re.compile(r"(?<=\d)\s?[xX]\s?(?=\$?\d)|(?<=[\d)%])\s[xX]\s(?=[\d($])"), "*"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b", re.IGNORECASE), "-"),
    (re.compile(r"\bequals\b", re.IGNORECASE), "="),
)
# "- 3 + 4" at a line's beginning is an item of a list.
_BULLET = re.compile(r"\s*-\s+(?=[\d$(.])")
_TOKEN = re.compile(
    r"(?P<clock>\d{1,2}:\d\d(?![\d.,]))|(?P<number>(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?|\.\d++)"
    r"|(?P<power>\*\*|\^)|(?P<sign>[-+*/])|(?P<open>[({])|(?P<close>[)}])"
    r"|(?P<equals>=)|(?P<percent>%)|(?P<command>\\[a-zA-Z]++)|(?P<word>[^\W\d_]++(?:['\u2019]\w++)?)|(?P<other>\S)"
)
# Functions by name: what follows one in brackets stands for another number.
_FUNCTIONS = word_set("sqrt root log ln exp sin cos tan abs floor ceil round max min gcd lcm mod")
# What is not added to a number without it either: hours of a clock, hundredths and dozens.
_ALONE = frozenset({"am", "pm", "cent", "dozen"})
_AFTER_ROUNDING = {"remainder", "r", "rounded", "rounds"}

Token = tuple[str, str]


class Claim(Struct, frozen=True):
    """A computation and the result that the text gives for it."""

    computed: Fraction
    claimed: Fraction
    holds: bool


class Working(Struct, frozen=True):
    """The claims of a text, and the number after each of its equals signs, both in order."""

    claims: tuple[Claim, ...]
    results: tuple[Fraction, ...]


_NOTHING = Working((), ())


def read(text: str) -> Working:
    """What the last LOOK_CHARS of `text` compute, outside of code: its equals signs claim nothing."""
    text = text[-LOOK_CHARS:]
    if "=" not in text and "equals" not in text.lower():
        return _NOTHING
    claims: list[Claim] = []
    results: list[Fraction] = []
    for line in _CODE.sub("\n", text).split("\n"):
        if "=" not in line and "equals" not in line.lower():
            continue
        segments = _segments(_tokens(line))
        after = [_Parser(segment).prefix() for segment in segments[1:]]
        claims += _claims(segments, after)
        results += [parsed.value for parsed in after if parsed is not None]
        if len(claims) >= MOST_CLAIMS:
            break
    return Working(tuple(claims[:MOST_CLAIMS]), tuple(results))


def _tokens(line: str) -> list[Token]:
    line = plain(line)
    if bullet := _BULLET.match(line):
        line = line[bullet.end() :]
    line = _FRACTION.sub(r"((\1)/(\2))", _CLEANED.sub(lambda m: m[1] or " ", line))
    for pattern, sign in _SPELT:
        line = pattern.sub(sign, line)
    return [(str(m.lastgroup), m[0]) for m in _TOKEN.finditer(line)]


def _segments(tokens: Sequence[Token]) -> list[list[Token]]:
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token[0] == "equals":
            segments.append([])
        else:
            segments[-1].append(token)
    return segments


class _Parsed(Struct, frozen=True):
    value: Fraction
    end: int
    signs: int
    slack: Fraction = Fraction(0)
    percent: bool = False
    unit: str = ""


def _claims(segments: Sequence[Sequence[Token]], after: Sequence[_Parsed | None]) -> Iterator[Claim]:
    for left, right, claimed in zip(segments, segments[1:], after, strict=False):
        computed = None if claimed is None else _suffix(left)
        if computed is None or claimed is None or _apart(computed.unit, claimed.unit):
            continue
        following = right[claimed.end][1].lower() if claimed.end < len(right) else ""
        if following not in _AFTER_ROUNDING:
            yield Claim(computed.value, claimed.value, _holds(computed.value, claimed))


def _holds(computed: Fraction, claimed: _Parsed) -> bool:
    """A decimal may be rounded at its last place; a percentage may be meant as a share or as it stands."""
    values = [claimed.value, claimed.value * 100] if claimed.percent else [claimed.value]
    return any(abs(computed - value) <= claimed.slack * (100 if value != claimed.value else 1) for value in values)


def _apart(one: str, other: str) -> bool:
    """Whether numbers of these units do not say how much they are together."""
    if one == other:
        return False
    return not _ALONE.isdisjoint({one, other}) or (one in MEASURES and MEASURES[one] == MEASURES.get(other))


def _multiplied(one: str, other: str) -> str:
    """The unit of a product of numbers whose units are apart: five cents ten times are cents, and three times two dozen
    dozens; it may be either where minutes/hour are multiplied by hours."""
    return one if one == "cent" else other if other in _ALONE else ""


def _suffix(tokens: Sequence[Token]) -> _Parsed | None:
    """The longest computation that ends the segment; None if there is none that stands free."""
    for start in _starts(tokens):
        parsed = _Parser(tokens[start:]).prefix()
        if parsed is not None and start + parsed.end == len(tokens):
            return parsed if parsed.signs and _stands_free(tokens, start) else None
    return None


def _starts(tokens: Sequence[Token]) -> Iterator[int]:
    first = max(0, len(tokens) - MOST_TOKENS)
    return (i for i in range(first, len(tokens)) if tokens[i][0] in {"number", "open"} or tokens[i][1] == "-")


def _stands_free(tokens: Sequence[Token], start: int) -> bool:
    """Not the tail of a longer expression: no sign, variable, bracket or function right before it, nor what it is a
    part of."""
    if start == 0:
        return True
    kind, text = tokens[start - 1]
    if kind == "word":
        part = text.lower() == "of" and start > 1 and tokens[start - 2][0] == "number"
        return len(text) > 1 and not part and text.lower() not in _FUNCTIONS
    return kind == "other" and text in ":;,.>-\u2022\u2014|!?"


class _Parser:
    """Precedence climbing over the tokens of one segment; counts signs, remembers how the last number was written."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens[:MOST_TOKENS]
        self._at = 0
        self._signs = 0
        self._slack = Fraction(0)
        self._percent = False
        self._unit = ""

    def prefix(self) -> _Parsed | None:
        """The longest expression the segment begins with."""
        value = self._sum(0)
        if value is None:
            return None
        slack, percent = (self._slack, self._percent) if not self._signs else (Fraction(0), False)
        return _Parsed(value, self._at, self._signs, slack, percent, self._unit)

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _sum(self, depth: int) -> Fraction | None:
        value = self._product(depth)
        while value is not None and self._peek()[1] in {"+", "-"} and self._peek()[0] == "sign":
            before, sign, share, unit = self._at, self._peek()[1], self._percent, self._unit
            self._at += 1
            right = self._product(depth)
            if right is None:
                self._at = before
                return value
            if (self._percent and not share) or _apart(unit, self._unit):
                return None  # "100 - 25%": of what?
            self._signs += 1
            value = _bounded(value + right if sign == "+" else value - right)
        return value

    def _product(self, depth: int) -> Fraction | None:
        value = self._factor(depth)
        while value is not None:
            before, (kind, text), unit = self._at, self._peek(), self._unit
            of = kind == "word" and text.lower() == "of" and self._percent
            if not (text in {"*", "/"} or kind == "open" or of):
                return value
            self._at += 0 if kind == "open" else 1
            right = self._factor(depth)
            if right is None:
                self._at = before
                return value
            self._signs += 1
            apart = _apart(unit, self._unit)
            if text == "/" and (not right or (apart and unit in MEASURES)):
                return None  # "1 hour / 5 minutes" is 12
            if apart:
                self._unit = _multiplied(unit, self._unit)
            elif text == "/" and unit == self._unit:
                self._unit = ""  # "28 days / 7 days/week" are weeks
            value = _bounded(value / right if text == "/" else value * right)
        return value

    def _factor(self, depth: int) -> Fraction | None:
        if self._peek()[1] == "-":
            self._at += 1
            inner = self._factor(depth + 1) if depth < MOST_DEPTH else None
            return None if inner is None else -inner
        base = self._atom(depth)
        if base is None or self._peek()[0] != "power":
            return base
        self._at += 1
        exponent = self._factor(depth + 1) if depth < MOST_DEPTH else None
        if exponent is None or exponent.denominator != 1 or abs(exponent) > 64 or (not base and exponent < 0):
            return None
        self._signs += 1
        return _bounded(base**exponent.numerator) if abs(base) < LARGEST else None

    def _atom(self, depth: int) -> Fraction | None:
        kind, text = self._peek()
        if kind == "number" and len(text) <= 40:
            self._at += 1
            value = Fraction(text.replace(",", ""))
            places = len(text.partition(".")[2])
            self._slack = Fraction(6, 10 ** (places + 1)) if places else Fraction(0)
            self._percent = self._peek()[0] == "percent"
            if self._percent:
                self._at += 1
                value /= 100
            scale = SCALES.get(self._peek()[1].lower(), 1)
            self._at += scale > 1
            self._slack *= scale
            self._skip_unit()
            return value * scale
        if kind == "open" and depth < MOST_DEPTH:
            self._at += 1
            inner = self._sum(depth + 1)
            if inner is None or self._peek()[0] != "close":
                return None
            self._at += 1
            self._percent = False
            self._skip_unit()
            return inner
        return None

    def _skip_unit(self) -> None:
        """Up to three words of unit, and "/hour", where a sign, a bracket's end or nothing follows."""
        at = self._at
        word = self._tokens[at][1].lower() if self._kind(at) == "word" else ""
        self._unit = UNITS.get(word) or word.removesuffix("s")
        if self._kind(at) == "sign" and self._tokens[at][1] == "/" and self._kind(at + 1) == "word":
            at += 2
        for _ in range(3):
            # "x" may be a variable, "of" a multiplication: neither is a unit
            if self._kind(at) != "word" or len(self._tokens[at][1]) < 2 or self._tokens[at][1].lower() in {"of", "and"}:
                break
            at += 1
        if self._kind(at) == "sign" and self._tokens[at][1] == "/" and self._kind(at + 1) == "word":
            at += 2
        if self._kind(at) in {"sign", "close", "end", "power"}:
            self._at = at

    def _kind(self, at: int) -> str:
        return self._tokens[at][0] if at < len(self._tokens) else "end"


def _bounded(value: Fraction) -> Fraction | None:
    return value if abs(value.numerator) < LARGEST and value.denominator < LARGEST else None
