"""Text -> tokens of the grammar. A word that is in no phrase ends the attempt: nothing of a question is skipped."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from lark import Token

from rung.reasoners.symbolic.errors import NotUnderstood
from rung.reasoners.symbolic.numerals import number_in_words
from rung.reasoners.symbolic.phrasings.names import FUNCTIONS, ORDINALS, SCALES
from rung.reasoners.symbolic.unit_names import EITHER, LETTER_UNITS, MONTHS, UNITS
from rung.reasoners.symbolic.vocabulary import ANYWHERE, ASIDES, AT_END, AT_START

MAX_TOKENS: Final = 900

_MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_PIECE = re.compile(
    rf"""\s*(?:
    (?P<TIME>\d{{1,2}}:\d{{2}}(?![\d:])(?:\s*[ap]\.?m\b\.?)?|\d{{1,2}}\s*[ap]\.?m\b\.?)
  | (?P<DATE>{_DAY}\s+(?:of\s+)?{_MONTH}\s*,?\s+\d{{4}}\b|{_MONTH}\s+{_DAY}\s*,?\s+\d{{4}}\b|\d{{4}}-\d{{2}}-\d{{2}}\b)
  | (?P<MONTH>{_MONTH}\s*,?\s+(?:of\s+)?\d{{4}}\b(?!\s*,?\s+\d))
  | (?P<ZONE>(?:utc|gmt)\b(?:\s?[-+]\s?\d{{1,2}}(?::\d{{2}})?)?)
  | (?P<BASED>[0-9a-z]+\s+\(base\s+\d+\)|0x[0-9a-f]+\b|0b[01]+\b|0o[0-7]+\b)
  | (?P<D_BY>d(?:\^\d)?/d[a-z](?:\^\d)?(?![a-z]))
  | (?P<DASH>(?<=[a-zA-Z'])'(?=['\ ]*\())
  | (?P<OPTION>\([a-z]\)(?=\s))
  | (?P<NTH>[a-z]'th\b|nth\b)
  | (?P<LOG>log_\{{?\d+\}}?|log(?:2|10)(?=\s*\())
  | (?P<ORD>\d+(?:st|nd|rd|th)\b)
  | (?P<NUM>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![\d,])|(?:\d*\.\d+|\d+)(?:e[-+]?\d{{1,3}}(?![a-z0-9]))?)
  | (?P<BAG>(?<=from\ )\{{[a-z]:.*?\}})
  | (?P<DOTS>\.{{2,}}|…)
  | (?P<WORD>[A-Za-z]{{3,}}(?:-[A-Za-z]{{3,}})+|[A-Za-z]+(?:'[a-z]+)?)
  | (?P<SIGN>->|<=|>=|!=|==|=<|[-+*/^()\[\]{{}},.?:;=<>%!|"$°])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS: Final = {
    "+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "DIVIDED", "^": "POWER", "(": "_LPAR", ")": "_RPAR", "[": "_LBRACK",
    "]": "_RBRACK", "{": "_LBRACK", "}": "_RBRACK", ",": "_COMMA", ".": "_END", "?": "_END", ":": "", ";": "_COMMA",
    "=": "EQ", "==": "EQ", "<": "REL", ">": "REL", "<=": "REL", ">=": "REL", "=<": "REL", "!=": "REL", "%": "PERCENT",
    "!": "BANG", "°": "DEGREES", "|": "BAR", "->": "APPROACHES",
}  # fmt: skip
# After one of these an operand is complete: what follows may multiply it without a sign, and "a" is an article.
_OPERAND_ENDS: Final = frozenset(
    ["NUM", "NAME", "_RPAR", "PI", "SQUARED", "CUBED", "NTH_POWER", "BANG", "_RBRACK", "INFINITY", "BASED"]
)
_OPENS: Final = frozenset(
    ["ASK", "SOLVE", "FACTOR", "SIMPLIFY", "EXPAND", "COLLECT", "DIFFERENTIATE", "INTEGRATE", "IS", "DO", "WHICH",
     "SORT", "ROUND", "CONVERT", "HOW_MANY", "LET", "SUPPOSE", "WEEKDAY", "FAR", "FAST", "HOW_LONG", "HOW_OLD"]
)  # fmt: skip
_JOINS: Final = frozenset(["AND", "OR", "GIVEN", "TO_NEAREST", "ROUNDED", "AND_GIVE", "UPTO"])
# What may be meant to go into the argument of a function without brackets.
_RAISES: Final = frozenset(["POWER", "BANG", "SQUARED", "CUBED", "NTH_POWER", "WPOWER", "PERCENT"])
_BINDS: Final = frozenset(["TIMES", "DIVIDED", "WTIMES", "WDIVIDED", "WPLUS", "WMINUS"])
# What "a" may begin where no operand is complete.
_NAMED: Final = frozenset(["DAY", "TRAVELS", "BORN"])
_POWERS: Final = (["TO", "ORD"], ["WPOWER", "ORD"])
_PRECISIONS: Final = (["NUM", "DECIMALS"], ["NUM", "FIGURES"])
_SPLITTABLE: Final = frozenset({"xy", "yz", "xz", "ab", "bc", "ac", "xyz", "abc"})


class Piece:
    """A run of characters of one kind, before words are read as phrases."""

    __slots__ = ("at", "end", "kind", "text")

    def __init__(self, kind: str, text: str, at: int, end: int) -> None:
        self.kind, self.text, self.at, self.end = kind, text, at, end


def pieces(text: str) -> Iterator[Piece]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _PIECE.match(text, at)
        if found is None or found.lastgroup is None:
            raise NotUnderstood("a sign that it does not read")
        kind = found.lastgroup
        yield Piece(kind, found.group(kind), found.start(kind), found.end())
        at = found.end()


def tokens(text: str) -> list[Token]:
    """Raises NotUnderstood at the first thing that is no token."""
    if in_base := re.match(
        r"\s*in base (\d+), (?:what is|calculate|compute|find|evaluate) (.*?)[.?]?\s*$", text, re.IGNORECASE
    ):
        return _based_tokens(int(in_base.group(1)), in_base.group(2))
    reader = _Reader(list(pieces(text)))
    found = _with_products(_with_arguments(_with_sentences(reader.read())))
    if len(found) > MAX_TOKENS:
        raise NotUnderstood("too long a question")
    return [*found, Token("SHOWN", "")] if reader.shown else found


def _based_tokens(base: int, text: str) -> list[Token]:
    """A sum in another base: every run of letters and digits is a number there."""
    result = [Token("IN_BASE", str(base))]
    for found in re.finditer(r"[0-9a-z]+|\S", text):
        piece = found.group()
        if piece in {"plus", "minus", "times"}:
            result.append(Token({"plus": "WPLUS", "minus": "WMINUS", "times": "WTIMES"}[piece], piece))
        elif piece.isalnum():
            result.append(Token("NUM", str(value_in_base(piece, base))))
        elif piece in "+-*/()":
            result.append(Token(_SIGNS[piece], piece))
        else:
            raise NotUnderstood("a sign that is no digit")
    return result


def value_in_base(digits: str, base: int) -> int:
    if not 2 <= base <= 36 or len(digits) > 400:
        raise NotUnderstood("a base that is not between 2 and 36")
    try:
        return int(digits, base)
    except ValueError:
        raise NotUnderstood("a digit that the base does not have") from None


class _Reader:
    """Goes through the pieces and reads words as the longest phrases they make."""

    def __init__(self, all_pieces: list[Piece]) -> None:
        self.pieces = [piece for piece in all_pieces if not (piece.kind == "WORD" and piece.text.lower() == "the")]
        self.at = 0
        self.made: list[Token] = []
        self.converts = False
        self.shown = False
        self.options = self._options()

    def _options(self) -> int:
        """Where `(a) ... (b) ...` begin that are the choices of a question, not variables in brackets."""
        marked = [at for at, piece in enumerate(self.pieces) if piece.kind == "OPTION"]
        for place, at in enumerate(marked):
            marks = [self.pieces[mark].text[1].lower() for mark in marked[place:]]
            stands_apart = at > 0 and self.pieces[at - 1].end < self.pieces[at].at
            if stands_apart and len(marks) > 1 and marks == [chr(ord("a") + count) for count in range(len(marks))]:
                return at
        return len(self.pieces)

    def read(self) -> list[Token]:
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            getattr(self, f"_{piece.kind.lower()}", self._plain)(piece)
        while self.made and self.made[-1].type in {"_END", "_COMMA"}:
            self.made.pop()
        if self.made and self.made[-1].type == "EQ":  # `3 + 4 = ?`
            self.made.pop()
        return self.made

    def _emit(self, kind: str, value: str, count: int = 1) -> None:
        first, last = self.pieces[self.at], self.pieces[self.at + count - 1]
        self.made.append(Token(kind, value, start_pos=first.at, end_pos=last.end))
        self.at += count

    def _plain(self, piece: Piece) -> None:
        self._emit(piece.kind, piece.text)

    def _num(self, piece: Piece) -> None:
        before = self.pieces[self.at - 1] if self.at else piece
        if "," in piece.text and before.text == "," and before.end == piece.at:
            raise NotUnderstood("a comma that may part two numbers")
        self._emit("NUM", piece.text.replace(",", ""))

    def _ord(self, piece: Piece) -> None:
        self._emit("ORD", piece.text[:-2])

    def _log(self, piece: Piece) -> None:
        self._emit("FUNC", "log_" + "".join(filter(str.isdigit, piece.text)))

    def _nth(self, piece: Piece) -> None:
        self._emit("NTH", piece.text[0])

    def _based(self, piece: Piece) -> None:
        digits, _, rest = piece.text.lower().partition(" ")
        if rest:
            base = int("".join(filter(str.isdigit, rest)))
        else:
            base = {"x": 16, "b": 2, "o": 8}[digits[1]]
            digits = digits[2:]
        self._emit("BASED", str(value_in_base(digits, base)))

    def _dots(self, piece: Piece) -> None:
        """`1, 4, 9, ...` goes on only where a sequence is asked of. Raises NotUnderstood elsewhere: digits without end,
        sums of terms left out."""
        sequence = any(token.type in {"NEXT", "NTH", "TERM_OF"} for token in self.made)
        if not sequence or self._before != "_COMMA":
            raise NotUnderstood("something left out")
        self.made.pop()
        self.at += 1

    def _option(self, piece: Piece) -> None:
        if self.at >= self.options:
            while self.made and self.made[-1].type == "_END":
                self.made.pop()
            self._emit("OPTION", piece.text[1].lower())
            return
        first = Token("_LPAR", "(", start_pos=piece.at, end_pos=piece.at + 1)
        self.made.append(first)
        self.made.append(Token("NAME", piece.text[1], start_pos=piece.at + 1, end_pos=piece.at + 2))
        self._emit("_RPAR", ")")

    def _sign(self, piece: Piece) -> None:
        if piece.text in {'"', "$"}:
            raise NotUnderstood("a sign that it does not read")
        if piece.text == "(" and self._bracketed_aside():
            return
        kind = _SIGNS[piece.text]
        if not kind:
            self.at += 1
            return
        if kind == "EQ" and not self.made and self.at == 0:
            self.at += 1
            return
        if kind == "_END" and (not self.made or self.made[-1].type == "_END"):
            self.at += 1
            return
        if kind == "BANG" and self.at == len(self.pieces) - 1 and self.made and self.made[-1].type not in _OPERAND_ENDS:
            self.at += 1
            return
        if kind == self._before in {"PLUS", "BANG"} and self.made[-1].end_pos == piece.at:
            raise NotUnderstood("a sign twice")
        self._emit(kind, {"=<": "<=", "==": "="}.get(piece.text, piece.text))

    def _bracketed_aside(self) -> bool:
        """Goes past `(final answer only)`."""
        self.at += 1
        words = self._words()
        aside = (ASIDES.longest(words) or AT_END.longest(words)) if words else None
        after = self.pieces[self.at + aside[0] : self.at + aside[0] + 1] if aside else []
        if aside is None or not after or after[0].text != ")":
            self.at -= 1
            return False
        self._leave_out(aside[0] + 1, aside[1])
        return True

    def _leave_out(self, count: int, kind: str) -> None:
        """Goes past what says nothing about the question, and keeps whether it asks for the way."""
        self.shown = self.shown or kind == "SHOWN"
        self.at += count

    def _pause(self) -> None:
        """Goes past a comma that follows what was left out, or a dash before a word."""
        signs = [piece.text for piece in self.pieces[self.at : self.at + 1]]
        after = [piece.kind for piece in self.pieces[self.at + 1 : self.at + 2]]
        if signs in ([","], [":"], ["!"]) or (signs, after) == (["-"], ["WORD"]):
            self.at += 1

    @property
    def _before(self) -> str:
        return self.made[-1].type if self.made else "_END"

    def _words(self) -> list[str]:
        """The run of words from here on, in small letters."""
        run = []
        for piece in self.pieces[self.at : self.at + 12]:
            if piece.kind != "WORD":
                break
            run.append(piece.text.lower())
        return run

    def _word(self, piece: Piece) -> None:
        words = self._words()
        if self._before in {"PICKED", "SEQUENCE"}:
            self._emit("BAG", piece.text.lower())
            return
        if self._before in {"IN", "ARE_IN", "DO"} and words[0] in MONTHS:
            self._emit("MONTH", words[0])
            return
        if words[0] == "year" and self._next_is_year():
            self.at += 1
            return
        if words[0] == "in" and self._before == "NUM" and words[1:2] in (["in"], ["to"], ["into"]):
            self._emit("UNIT", "inch")
            return
        for way in (self._opening, self._phrase, self._number, self._function, self._letter):
            if way(words):
                return
        raise NotUnderstood("a word that it does not know")

    def _next_is_year(self) -> bool:
        """Whether `the year` only announces the number that follows."""
        after = self.pieces[self.at + 1 : self.at + 2]
        return bool(after) and after[0].kind == "NUM" and len(after[0].text) == 4 and self._before != "NUM"

    def _opening(self, words: list[str]) -> bool:
        if self._before == "_END":
            aside = ASIDES.longest(words)
            if aside and self._ends(aside[0]):
                self._leave_out(aside[0], aside[1])
                self._pause()
                return True
            opening = AT_START.longest(words)
            phrase = ANYWHERE.longest(words)
            if opening and opening[0] >= (phrase[0] if phrase else 0):
                return self._take(opening)
        closing = AT_END.longest(words)
        if closing and self._ends(closing[0]):
            self._leave_out(closing[0], closing[1])
            if self._before == "_COMMA":
                self.made.pop()
            return True
        return False

    def _ends(self, count: int) -> bool:
        """Whether the sentence ends after this many words."""
        after = self.at + count
        return after >= len(self.pieces) or self.pieces[after].text in ".?!,:"

    def _phrase(self, words: list[str]) -> bool:
        phrase = ANYWHERE.longest(words)
        if phrase and phrase[1] == "PLACE" and self._before != "TO_NEAREST":
            phrase = None
        if phrase and words[0] == "a" and self._before not in _OPERAND_ENDS and phrase[1] not in _NAMED:
            phrase = None
        unit = self._unit_name()
        if unit and phrase and unit[0] <= phrase[0] and not (unit[0] == phrase[0] and words[0] in UNITS):
            unit = None
        if unit and self._is_unit(words[0]):
            self._unit(unit)
            return True
        return self._take(phrase) if phrase else False

    def _take(self, phrase: tuple[int, str, str]) -> bool:
        count, terminal, value = phrase
        if terminal in {"FILLER", "SHOWN"}:
            self._leave_out(count, terminal)
            if self._before == "_END":
                self._pause()
        elif terminal == "ASK" and self._before == "ASK":
            if value:
                self.made[-1] = Token("ASK", value)
            self.at += count
        else:
            self.converts = self.converts or terminal in {"CONVERT", "HOW_MANY"}
            self._emit(
                terminal, value or " ".join(p.text for p in self.pieces[self.at : self.at + count]).lower(), count
            )
        return True

    def _is_unit(self, word: str) -> bool:
        """Whether a word that is a unit's name, and something else too, is the unit here."""
        return word not in {"second", "min"} or self._before in {"NUM", "PER", "TO", "IN", "OF_A", "HOW_MANY", "UNIT"}

    def _converted_next(self) -> bool:
        """Whether `5s in ...` goes on with a unit."""
        after = self.pieces[self.at + 1 : self.at + 3]
        if self._before != "NUM" or [piece.text.lower() for piece in after[:1]] not in (["in"], ["to"]):
            return False
        return len(after) > 1 and (
            after[1].text in LETTER_UNITS or after[1].text.lower() in UNITS or after[1].text in UNITS
        )

    def _is_cross(self, at: int) -> bool:
        """Whether `x` stands between two numbers: `6 x 7`."""
        around = self.pieces[max(at - 1, 0) : at + 2]
        return [piece.kind for piece in around] == ["NUM", "WORD", "NUM"]

    def _among_measures(self) -> bool:
        """Whether a number's letter stands among other quantities, times or dates: `3 h 20 min`, `2 h at 60 km/h`."""
        if self._before != "NUM":
            return False
        if any(token.type in {"UNIT", "TIME", "DATE"} for token in self.made):
            return True
        later = self.pieces[self.at + 1 :]
        return any(piece.kind in {"TIME", "DATE"} for piece in later) or any(
            number.kind == "NUM" and word.kind == "WORD" and (word.text in UNITS or word.text.lower() in UNITS)
            for number, word in pairwise(later)
        )

    def _unit_name(self) -> tuple[int, str] | None:
        texts = [piece.text for piece in self.pieces[self.at : self.at + 3] if piece.kind == "WORD"]
        for count in range(len(texts), 0, -1):
            said = " ".join(texts[:count])
            if said in EITHER:
                raise NotUnderstood("a unit that may be a thousand of another")
            name = UNITS.get(said) or UNITS.get(said.lower())
            if name:
                return count, name
        return None

    def _unit(self, unit: tuple[int, str]) -> None:
        count, name = unit
        if name == "degree" and any(token.type == "FUNC" for token in self.made):
            self._emit("DEGREES", name, count)
            return
        self._emit("UNIT", name, count)
        words = self._words()
        divided = self.at < len(self.pieces) and self.pieces[self.at].text in {"/", "per", "a", "an"}
        if divided and len(self.pieces) > self.at + 1 and self.pieces[self.at + 1].kind != "NUM":
            self._divided_unit()
        elif words and words[0] in {"squared", "cubed"}:
            start = self.made.pop()
            self._emit("UNIT", f"{start}**{2 if words[0] == 'squared' else 3}")

    def _divided_unit(self) -> None:
        """`km` goes on with `/h`, `per hour` or `an hour`. Raises NotUnderstood for another word after a sign."""
        said = self.pieces[self.at].text
        self.at += 1
        below = self._unit_name()
        if below is None and self.pieces[self.at].text in LETTER_UNITS and said not in {"a", "an"}:
            below = 1, LETTER_UNITS[self.pieces[self.at].text]
        if below is None:
            if said not in {"a", "an"}:
                raise NotUnderstood("a unit that it does not know")
            self.at -= 1
            return
        above = self.made.pop()
        last = self.pieces[self.at + below[0] - 1]
        self.made.append(Token("UNIT", f"{above}/({below[1]})", start_pos=above.start_pos, end_pos=last.end))
        self.at += below[0]

    def _number(self, words: list[str]) -> bool:
        if words[0] in {"square", "cubic"}:
            self.at += 1
            unit = self._unit_name()
            if unit is None:
                self.at -= 1
                return False
            self._emit("UNIT", f"{unit[1]}**{2 if words[0] == 'square' else 3}", unit[0])
            return True
        if words[0] in {"a", "an"} and len(words) > 1 and self._before not in _OPERAND_ENDS:
            self.at += 1
            unit = self._unit_name()
            self.at -= 1
            if unit or words[1] in SCALES or words[1] in {"half", "third", "quarter"}:
                words = ["one", *words[1:]]
        count, value = number_in_words(words)
        if count:
            self._emit("NUM", str(value), count)
            return True
        if words[0] in ORDINALS:
            self._emit("ORD", str(ORDINALS.index(words[0])))
            return True
        return False

    def _function(self, words: list[str]) -> bool:
        if words[0] not in FUNCTIONS:
            return False
        if words[0] == "factorial" and self._before in _OPERAND_ENDS:
            self._emit("BANG", "!")
            return True
        self._emit("FUNC", FUNCTIONS[words[0]])
        return True

    def _letter(self, words: list[str]) -> bool:
        piece = self.pieces[self.at]
        follows = self._before in {"TO", "IN"} and any(token.type == "UNIT" for token in self.made)
        if piece.text in LETTER_UNITS and (
            follows or self.converts or self._converted_next() or self._among_measures()
        ):
            self._unit((1, LETTER_UNITS[piece.text]))
            return True
        if piece.text in "xX" and self._is_cross(self.at):
            if not all(self._is_cross(at) for at, one in enumerate(self.pieces) if one.text in {"x", "X"}):
                raise NotUnderstood("an x that is a letter here and a sign there")
            self._emit("TIMES", "*")
            return True
        if len(piece.text) == 1:
            self._emit("NAME", piece.text)
            return True
        if piece.text in {"dx", "dy", "dt"}:
            self._emit("DX", piece.text[1])
            return True
        if piece.text in _SPLITTABLE:
            for offset, letter in enumerate(piece.text):
                self.made.append(Token("NAME", letter, start_pos=piece.at + offset, end_pos=piece.at + offset + 1))
            self.at += 1
            return True
        return False


def _with_sentences(made: list[Token]) -> list[Token]:
    """A comma before a new sentence ends the last; before a joining word it says nothing."""
    result: list[Token] = []
    for at, token in enumerate(made):
        following = made[at + 1] if at + 1 < len(made) else None
        if token.type == "_COMMA" and following is not None:
            if following.type in _OPENS:
                result.append(Token("_END", ","))
                continue
            if following.type in _JOINS:
                continue
        if token.type == "ASK" and at and made[at - 1].type in _OPERAND_ENDS and made[0].type in {"SUPPOSE", "LET"}:
            result.append(Token("_END", ""))
        if token.type == "POWER_WORD":
            if [made_before.type for made_before in result[-2:]] not in _POWERS:
                raise NotUnderstood("a power of nothing")
            order = result.pop()
            result[-1] = Token("NTH_POWER", order.value, end_pos=token.end_pos)
            continue
        if (
            token.type == "TO"
            and [later.type for later in made[at + 1 : at + 2]] == ["ORD"]
            and _stands_alone(made, at)
        ):
            continue
        if token.type == "ORD" and at and made[at - 1].type == "TO" and _stands_alone(made, at - 1):
            result.append(Token("NTH_POWER", token.value, start_pos=token.start_pos, end_pos=token.end_pos))
            continue
        if token.type == "TO" and [later.type for later in made[at + 1 : at + 3]] in _PRECISIONS:
            result.append(Token("UPTO", "to"))
            continue
        result.append(token)
    return result


def _stands_alone(made: list[Token], at: int) -> bool:
    """Whether `2 to the 10th` ends there or goes on with a sign: "power" is left out."""
    after = made[at + 2].type if at + 2 < len(made) else "_END"
    return made[at - 1].type in {"NUM", "NAME"} and after in {"_END", "PLUS", "MINUS", "WPLUS", "WMINUS", "_RPAR"}


def _with_arguments(made: list[Token]) -> list[Token]:
    """Brackets around what a function without them is of: `sin 2x`, `sqrt 16`."""
    result: list[Token] = []
    at = 0
    while at < len(made):
        token = made[at]
        result.append(token)
        at += 1
        said = token.type == "FUNC" and at < len(made) and made[at].type == "OF" and token.value.startswith("log_")
        at += said
        if token.type != "FUNC" or (at < len(made) and made[at].type in {"_LPAR", "POWER", "OF"}):
            continue
        argument = _argument(made, at)
        at += len(argument)
        if not argument:
            raise NotUnderstood("a function of nothing")
        _reaches_no_further(argument, made[at : at + 2], said)
        result += [Token("_LPAR", "("), *argument, Token("_RPAR", ")", end_pos=argument[-1].end_pos)]
    return result


def _argument(made: list[Token], at: int) -> list[Token]:
    argument: list[Token] = []
    while at < len(made) and made[at].type in {"NUM", "NAME", "PI", "DEGREES"}:
        if argument and (
            made[at].type == "NUM"
            or (made[at].type != "DEGREES" and made[at].start_pos not in {made[at - 1].end_pos, argument[0].end_pos})
        ):
            break
        argument.append(made[at])
        at += 1
    return argument


def _reaches_no_further(argument: list[Token], following: list[Token], said: bool) -> None:
    """Raises NotUnderstood for `sin pi/2`, `sqrt 4*9`, `ln x^2` and `log base 2 of 8 + 8`: the function may be of all
    of it. `sin x / x` and `sqrt 16 + 9` are what they look like. `said`: with "of"."""
    if not following:
        return
    sign, after = following[0].type, following[1:]
    far = after and after[0].type == "FUNC"
    near = argument[-1].type == "NAME" and after and (after[0].type == "_LPAR" or after[0].value in argument)
    doubtful = (
        sign in _RAISES or (sign in _BINDS and not far and not near) or (said and sign in {"PLUS", "MINUS"} and not far)
    )
    if doubtful:
        raise NotUnderstood("a function that may be of more than the next number")


def _with_products(made: list[Token]) -> list[Token]:
    """A sign wherever two operands stand side by side: `2x`, `(x+1)(x-1)`."""
    picking = any(token.type == "PICKING" for token in made)
    result: list[Token] = []
    for token in made:
        before = result[-1] if result else None
        if before is not None and before.type in _OPERAND_ENDS and not picking:
            touches = token.start_pos == before.end_pos
            opens = token.type == "_LPAR" and before.type != "NAME" and (touches or before.type == "_RPAR")
            named = token.type in {"NAME", "PI", "FUNC"} and (
                touches or before.type in {"NUM", "_RPAR"} or token.type == "FUNC"
            )
            if opens or named:
                result.append(Token("JOINED", ""))
        result.append(token)
    return result
