"""Text -> tokens of the grammar. A word that is in no phrase ends the attempt: nothing of a question is skipped."""

import re
from fractions import Fraction
from itertools import pairwise
from typing import Final

from lark import Token

from rung.reasoners.symbolic.arrange import OPENS, OPERAND_ENDS, arranged
from rung.reasoners.symbolic.errors import NotUnderstood
from rung.reasoners.symbolic.numerals import PREFIXES, from_roman, number_in_words, part_after, value_in_base
from rung.reasoners.symbolic.phrasings.names import FUNCTIONS, ORDINALS, SCALES
from rung.reasoners.symbolic.pieces import Piece, pieces
from rung.reasoners.symbolic.unit_names import EITHER, LETTER_UNITS, MONTHS, UNITS
from rung.reasoners.symbolic.vocabulary import ANYWHERE, ASIDES, AT_END, AT_START

MAX_TOKENS: Final = 900

_SIGNS: Final = {
    "+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "DIVIDED", "^": "POWER", "(": "_LPAR", ")": "_RPAR", "[": "_LBRACK",
    "]": "_RBRACK", "{": "_LBRACK", "}": "_RBRACK", ",": "_COMMA", ".": "_END", "?": "_END", ":": "", ";": "_COMMA",
    "=": "EQ", "==": "EQ", "<": "REL", ">": "REL", "<=": "REL", ">=": "REL", "=<": "REL", "!=": "REL", "%": "PERCENT",
    "!": "BANG", "°": "DEGREES", "|": "BAR", "->": "APPROACHES",
}  # fmt: skip
# Digits of a base may be letters: what is around them is read apart.
_IN_BASE: Final = re.compile(
    r"(.*?)\bin base (\d+), (?:what is|calculate|compute|find|evaluate) ([^.?!]*)[.?]?(.*)", re.IGNORECASE | re.DOTALL
)
# What "a" may begin where no operand is complete.
_NAMED: Final = frozenset(["DAY", "TRAVELS", "BORN", "LEAP"])
_SPLITTABLE: Final = frozenset({"xy", "yz", "xz", "ab", "bc", "ac", "xyz", "abc"})

# Where a letter may be a unit: `how fast is 400 m in 50 s`.
_MEASURING: Final = frozenset(["CONVERT", "HOW_MANY", "FAST", "FAR", "HOW_LONG"])
# After one of these an operand begins.
_SIDES: Final = frozenset(
    ["_END", "PLUS", "TIMES", "DIVIDED", "_LPAR", "_COMMA", "EQ", "REL", "WPLUS", "WMINUS", "WTIMES", "WDIVIDED",
     "WPOWER", "ADD", "SUBTRACT", "MULTIPLY", "DIVIDE", "LIST_OF", "AND", "BY", "FROM", "TO", "ONE_OF", "OR",
     "BETWEEN", "IS_DIVIDED_BY", "CLOSEST_TO"]
)  # fmt: skip
_JOIN_TWO: Final = frozenset(
    ["PLUS", "MINUS", "TIMES", "DIVIDED", "EQ", "WPLUS", "WMINUS", "WTIMES", "WDIVIDED", "AND", "OF"]
)
_TEMPERATURES: Final = {"c": "degC", "f": "degF"}
_HEX: Final = frozenset({"hex", "hexadecimal"})
_CUBED_UNITS: Final = frozenset({"square", "cubic"})
# A minus in words that begins a number is a sign.
_NEGATIVE: Final = frozenset({"minus", "negative"})


def tokens(text: str) -> list[Token]:
    """Raises NotUnderstood at the first thing that is no token."""
    if in_base := _IN_BASE.fullmatch(text):
        around = [_Reader(list(pieces(part))) for part in (in_base[1], in_base[4])]
        if not any(reader.read() for reader in around):
            shown = [Token("SHOWN", "")] if any(reader.shown for reader in around) else []
            return [*_based_tokens(int(in_base[2]), in_base[3]), *shown]
    reader = _Reader(list(pieces(text)))
    found = arranged(reader.read())
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


_SOMETHING_ELSE: Final = frozenset(["second", "sec", "min"])
_BEFORE_A_UNIT: Final = frozenset(["NUM", "TO", "IN", "OF_A", "HOW_MANY", "UNIT"])


class _Reader:
    """Goes through the pieces and reads words as the longest phrases they make."""

    def __init__(self, all_pieces: list[Piece]) -> None:
        self.pieces = [piece for piece in all_pieces if not (piece.kind == "WORD" and piece.text.lower() == "the")]
        self.named = {after.at for the, after in pairwise(all_pieces) if the.text.lower() == "the"}
        self.at = 0
        self.made: list[Token] = []
        self.converts = False
        self.shown = False
        self.options = self._options()
        self.hex = any(piece.text.lower() in _HEX for piece in all_pieces)

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
        if self.hex and self._hexadecimal():
            return
        before = self.pieces[self.at - 1] if self.at else piece
        if "," in piece.text and before.text == "," and before.end == piece.at:
            raise NotUnderstood("a comma that may part two numbers")
        text = piece.text.replace(",", "")
        scale = SCALES.get(self.pieces[self.at + 1].text.lower()) if self.at + 1 < len(self.pieces) else None
        if scale and "e" not in text.lower():
            self._emit("NUM", str(Fraction(text) * scale), 2)
        elif text.isdigit() and (share := part_after(self._words_at(self.at + 1))):
            self._emit("NUM", str(int(text) + share), 4)
        else:
            self._emit("NUM", text)

    def _hexadecimal(self) -> bool:
        """`FF`, `1A3F` beside the name of its base."""
        count = 1
        while (
            self.at + count < len(self.pieces)
            and self.pieces[self.at + count].at == self.pieces[self.at + count - 1].end
        ):
            count += 1
        run = self.pieces[self.at : self.at + count]
        while run and run[-1].kind == "SIGN":
            run.pop()
        digits = "".join(piece.text for piece in run)
        if ANYWHERE.longest([digits.lower()]):
            return False
        if not re.fullmatch(r"(?=.*[a-f])[0-9a-f]{2,16}", digits, re.IGNORECASE):
            return False
        after = [piece.text.lower() for piece in self.pieces[self.at + len(run) : self.at + len(run) + 2]]
        before = [piece.text.lower() for piece in self.pieces[max(self.at - 1, 0) : self.at]]
        named = _HEX & {*before, *after[:1]} or (after[:1] in (["in"], ["from"]) and _HEX & set(after[1:]))
        if named:
            self._emit("NUM", str(int(digits, 16)), len(run))
        return bool(named)

    def _roman(self, words: list[str]) -> bool:
        """`XIV`, where the question says that it is Roman, or wants it in numbers."""
        piece = self.pieces[self.at]
        value = from_roman(piece.text) if len(piece.text) > 1 else 0
        if not value or not any(one.text.lower() == "roman" for one in self.pieces):
            return False
        self._emit("ROMAN", str(value))
        return True

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
            base = PREFIXES[digits[1]]
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
        if piece.text == ":" and self._announces_choices():
            kind = "AMONG"  # left out, `closest to 10: -8, 13` would be a difference
        if not kind:
            self.at += 1
            return
        if kind == "EQ" and not self.made and self.at == 0:
            self.at += 1
            return
        if kind == "_END" and (not self.made or self.made[-1].type == "_END"):
            self.at += 1
            return
        if kind == "BANG" and self.at == len(self.pieces) - 1 and self.made and self.made[-1].type not in OPERAND_ENDS:
            self.at += 1
            return
        if kind == "BANG" and self._may_be_meant(piece):
            raise NotUnderstood("a factorial, or an exclamation")
        if kind == self._before in {"PLUS", "BANG"} and self.made[-1].end_pos == piece.at:
            raise NotUnderstood("a sign twice")
        self._emit(kind, {"=<": "<=", "==": "="}.get(piece.text, piece.text))

    def _announces_choices(self) -> bool:
        """Whether no word has done so, as in `closest to 10 among: -8, 13`."""
        said = {token.type for token in self.made}
        return "CLOSEST_TO" in said and said.isdisjoint({"IN", "AMONG", "FROM"})

    def _may_be_meant(self, piece: Piece) -> bool:
        """Whether the question ends with a sign that may only stress it: `What is 12*12!`, `5 + 3 !`."""
        if self.at < len(self.pieces) - 1 or any(token.type == "BANG" for token in self.made):
            return False
        asked = bool(self.made) and self.made[0].type in OPENS
        return any(token.type in _JOIN_TWO for token in self.made) and (
            asked or self.pieces[self.at - 1].end < piece.at
        )

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
        if [piece.text for piece in self.pieces[self.at : self.at + 1]] == ["!"]:  # it stresses what is left out
            self.at += 1

    def _pause(self) -> None:
        """Goes past a comma that follows what was left out, or a dash before a word; a sign of that word is none."""
        signs = [piece.text for piece in self.pieces[self.at : self.at + 1]]
        if signs in ([","], [":"], ["!"]) or (signs == ["-"] and self._is_dash()):
            self.at += 1

    def _is_dash(self) -> bool:
        around = self.pieces[self.at - 1 : self.at + 2]
        if len(around) < 3 or around[2].kind != "WORD":
            return False
        before, dash, after = around
        return before.end == dash.at or dash.end < after.at

    @property
    def _before(self) -> str:
        return self.made[-1].type if self.made else "_END"

    def _words(self) -> list[str]:
        """The run of words from here on, in small letters."""
        return self._words_at(self.at)

    def _words_at(self, at: int) -> list[str]:
        run = []
        for piece in self.pieces[at : at + 12]:
            if piece.kind != "WORD":
                break
            run.append(piece.text.lower())
        return run

    def _word(self, piece: Piece) -> None:
        words = self._words()
        if self._before in {"PICKED", "SEQUENCE"}:
            if piece.at in self.named:
                raise NotUnderstood("letters of what it does not know: the bag, the alphabet")
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
        if self.hex and self._hexadecimal():
            return
        for way in (
            self._roman,
            self._opening,
            self._negative,
            self._phrase,
            self._number,
            self._function,
            self._letter,
        ):
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
        if phrase and words[0] == "a" and not self._operand_before() and phrase[1] not in _NAMED:
            phrase = None
        unit = self._unit_name()
        if unit and phrase and unit[0] <= phrase[0] and not (unit[0] == phrase[0] and words[0] in UNITS):
            unit = None
        if unit and self._is_unit(words[0]):
            self._unit(unit)
            return True
        return self._take(phrase) if phrase else False

    def _operand_before(self) -> bool:
        """Whether one is complete, or said to be something: `91`, `91 is`."""
        before = self.made[:-1] if self._before == "IS" else self.made
        return bool(before) and before[-1].type in OPERAND_ENDS

    def _negative(self, words: list[str]) -> bool:
        """`minus 5` and `negative 5` where no operand is complete."""
        after = self.pieces[self.at + 1 : self.at + 2]
        begins = self._before in OPENS or self._before in _SIDES
        if words[0] not in _NEGATIVE or not begins or not after:
            return False
        if after[0].kind != "NUM" and not number_in_words(words[1:])[0]:
            return False
        self._emit("MINUS", "-")
        return True

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
            self.converts = self.converts or terminal in _MEASURING
            self._emit(
                terminal, value or " ".join(p.text for p in self.pieces[self.at : self.at + count]).lower(), count
            )
        return True

    def _is_unit(self, word: str) -> bool:
        """Whether a word that is a unit's name, and something else too, is the unit here."""
        if word not in _SOMETHING_ELSE or self._before in _BEFORE_A_UNIT:
            return True
        after = [piece.text for piece in self.pieces[self.at + 1 : self.at + 2]]
        return self._before == "_RPAR" and after not in (["("], ["^"], ["**"])

    def _temperature(self, letter: str) -> bool:
        """Whether `c` or `f` is one: `72 f in c`."""
        if self._before in {"TO", "IN"}:
            units = [token.value for token in self.made if token.type == "UNIT"]
            return units[-1:] in (["degC"], ["degF"])
        after = [piece.text.lower() for piece in self.pieces[self.at + 1 : self.at + 3]]
        others = {"c": {"f", "fahrenheit"}, "f": {"c", "celsius", "centigrade"}}[letter]
        return self._before == "NUM" and len(after) > 1 and after[0] in {"in", "to"} and after[1] in others

    def _converted_next(self) -> bool:
        """Whether `5s in ...` or `5 m/s in ...` goes on with a unit."""
        after = self.pieces[self.at + 1 : self.at + 5]
        if [piece.text for piece in after[:1]] == ["/"] and len(after) > 1 and after[1].text in LETTER_UNITS:
            after = after[2:]
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

    def _unit_after(self, count: int) -> bool:
        self.at += count
        unit = self._unit_name()
        self.at -= count
        return unit is not None

    def _number(self, words: list[str]) -> bool:
        if words[0] in _CUBED_UNITS:
            self.at += 1
            unit = self._unit_name()
            if unit is None:
                self.at -= 1
                return False
            self._emit("UNIT", f"{unit[1]}**{2 if words[0] == 'square' else 3}", unit[0])
            return True
        if words[0] in {"a", "an"} and len(words) > 1 and self._before not in OPERAND_ENDS:
            self.at += 1
            unit = self._unit_name()
            self.at -= 1
            if unit or words[1] in SCALES or words[1] in {"half", "third", "quarter"} | _CUBED_UNITS:
                words = ["one", *words[1:]]
        if words[0] == "half" and words[1:2] in (["a"], ["an"]) and self._unit_after(2):
            self._emit("NUM", "1/2", 2)
            return True
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
        if words[0] == "factorial" and self._before in OPERAND_ENDS:
            self._emit("BANG", "!")
            return True
        self._emit("FUNC", FUNCTIONS[words[0]])
        return True

    def _letter(self, words: list[str]) -> bool:
        piece = self.pieces[self.at]
        follows = self._before in {"TO", "IN"} and any(token.type == "UNIT" for token in self.made)
        unit = ""
        if follows or self.converts or self._converted_next() or self._among_measures():
            unit = LETTER_UNITS.get(piece.text, "")
        if not unit and words[0] in _TEMPERATURES and self._temperature(words[0]):
            unit = _TEMPERATURES[words[0]]
        if unit:
            self._unit((1, unit))
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
