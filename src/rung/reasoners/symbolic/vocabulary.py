"""The phrasings by their words, and the quick look that says "not me" without a parse."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from rung.reasoners.symbolic.phrasings import PHRASES, courtesies, names, questions
from rung.reasoners.symbolic.phrasings.notation import Table
from rung.reasoners.symbolic.unit_names import MONTHS, UNITS, WEEKDAYS

MAX_CHARS: Final = 4000


def spelled_out(phrase: str) -> Iterator[tuple[str, ...]]:
    """Every way to say a phrase of the notation in `phrasings`."""
    slots = [
        [(word,) for word in slot.removesuffix("?").split("/")] + ([()] if slot.endswith("?") else [])
        for slot in phrase.split()
    ]
    for words in product(*slots):
        yield tuple(word for group in words for word in group)


class Phrasebook:
    """Phrases and what they mean: a terminal of the grammar and the token's value."""

    def __init__(self) -> None:
        self._meanings: dict[tuple[str, ...], tuple[str, str]] = {}
        self._longest: dict[str, int] = {}

    def add(self, terminal: str, value: str, phrases: Iterable[str]) -> None:
        for phrase in phrases:
            for words in spelled_out(phrase):
                self._meanings.setdefault(words, (terminal, value))
                self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    @property
    def phrases(self) -> Collection[tuple[str, ...]]:
        return self._meanings.keys()

    @property
    def words(self) -> set[str]:
        return {word for phrase in self.phrases for word in phrase}

    def longest(self, words: Sequence[str]) -> tuple[int, str, str] | None:
        """How many words, terminal and value of the longest phrase that `words` begin with."""
        for count in range(min(self._longest.get(words[0], 0), len(words)), 0, -1):
            if meaning := self._meanings.get(tuple(words[:count])):
                return count, *meaning
        return None


def _book(table: Table) -> Phrasebook:
    book = Phrasebook()
    for terminal, meanings in table.items():
        if isinstance(meanings, Mapping):
            for value, phrases in meanings.items():
                book.add(terminal, value, phrases)
        else:
            book.add(terminal, "", meanings)
    return book


ANYWHERE: Final = _book({**PHRASES, "FILLER": courtesies.FILLER})
AT_START: Final = _book({**questions.STARTS, "FILLER": courtesies.OPENING, "SHOWN": courtesies.HOW})
AT_END: Final = _book({"FILLER": courtesies.CLOSING, "SHOWN": courtesies.SHOWN})
ASIDES: Final = _book({"FILLER": courtesies.ASIDES, "SHOWN": courtesies.EXPLAIN})

NUMBER_WORDS: Final = frozenset(
    [
        *names.ONES,
        *names.TENS,
        *names.SCALES,
        *names.PARTS,
        *(part + "s" for part in names.PARTS),
        *names.ORDINALS,
        "point",
    ]
)
KNOWN: Final = frozenset(
    ANYWHERE.words
    | AT_START.words
    | AT_END.words
    | ASIDES.words
    | NUMBER_WORDS
    | names.FUNCTIONS.keys()
    | MONTHS.keys()
    | set(WEEKDAYS)
    | {word.lower() for name in UNITS for word in name.split()}
    | {"the", "an", "per", "square", "cubic", "am", "pm", "dx", "dy", "dt", "th", "st", "nd", "rd", "xy", "yz", "xz"}
    | {
        "nth",
        "ab",
        "bc",
        "ac",
        "xyz",
        "what's",
        "whats",
        "let's",
        "i'm",
        "i'd",
        "it's",
        "minus",
        "negative",
        "positive",
        "power",
        "of",
    }
    | {"inf", "oo", "e", "i", "utc", "gmt"}
)

_WORD = re.compile(r"\\?[A-Za-z]+(?:['’][A-Za-z]+)?")  # noqa: RUF001
_MATHS = re.compile(r"[0-9=+*/^×÷√²³½¼¾π{\[(]")  # noqa: RUF001


def worth_parsing(text: str) -> bool:
    """Whether every word is one that the grammar knows: prose seldom gets past its first. Takes microseconds."""
    if len(text) > MAX_CHARS:
        return False
    small = text.lower()
    roman = "roman num" in small
    if not (_MATHS.search(text) or _number_word(text) or "how many" in small or roman or "hex" in small):
        return False
    # letters of a bag, digits of a base above ten, and Roman numerals spell no words
    loose = "replacement" in text or "base" in text or "hex" in text or "0x" in text or roman
    for found in _WORD.finditer(text):
        word = found.group()
        if (
            len(word) > 2
            and word[0] != "\\"
            and word.lower().replace("’", "'") not in KNOWN  # noqa: RUF001
            and not loose
            and not _ordinal(word)
        ):
            return False
    return True


def _ordinal(word: str) -> bool:
    return word[1:].replace("’", "'").lower() == "'th"  # noqa: RUF001


def _number_word(text: str) -> bool:
    return any(word.lower() in NUMBER_WORDS for word in text.split())
