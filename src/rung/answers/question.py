"""What short, checkable answer a question asks for.

Precision before recall: a question taken for a short one is answered without its reasons, so whatever may want an
explanation, a text, code or a list asks for none of them.
"""

import re
from itertools import islice

from rung.answers import demands
from rung.answers.layout import ends, listed_labels, options_at
from rung.answers.numerals import NUMBER, WORD_NUMBER, plain
from rung.answers.phrases import any_of, whole_words, words_in
from rung.types import Short


def asked(question: str) -> Short:
    """The kind of short answer that `question` asks for, "" for anything else."""
    text = ends(question)
    lower = text.lower()
    words = words_in(lower)
    return asked_in(text, lower, whole_words(lower, words, demands.TELLING.intersection(words)))


def asked_in(text: str, lower: str, words: frozenset[str]) -> Short:
    """As `asked`, of a text whose `ends` it is without blanks around it, lower-cased and with its whole words, at least
    those that demands are told by."""
    if not text:
        return ""
    if _has_code(lower, words):
        return ""
    around = lower
    if marks := options_at(text):
        around = f"{text[: marks[0].start()]}\n{''.join(text[marks[-1].end() :].partition(chr(10))[1:])}".lower()
    labels = () if marks else listed_labels(text, lower)
    if demands.REASONS.found(around, words):
        return ""
    if not labels and not demands.OPEN_WORDS.isdisjoint(words) and demands.OPEN.search(f"\n{around}"):
        return ""
    if marks:
        return "choice"
    return _kind_of_list(labels) if labels else _kind(around, words)


def reads_off(question: str) -> bool:
    """Whether the answer is a value that stands in the question itself, as in "find the date on this receipt: ..."."""
    return bool(_asks_copy(ends(question).lower()))


def names_no_unit(question: str) -> bool:
    """Whether a measure is asked for, as in "how far is it?", and nothing is said of its unit, nor that a number is
    wanted."""
    last = _sentences(ends(question).lower())[-2:]
    if any(map(demands.BARE.search, last)):
        return False
    return any(demands.MEASURE.search(sentence) and not demands.IN_UNITS.search(sentence) for sentence in last)


def _has_code(text: str, words: frozenset[str]) -> bool:
    marked = "`" in text or "<" in text or "#" in text or not demands.CODE_WORDS.isdisjoint(words)
    return marked and any_of(demands.CODE, text)


def _kind(text: str, words: frozenset[str]) -> Short:
    """`words` are its whole words, at least those that demands are told by."""
    names_poles = ("yes" in words and "no" in words) or ("true" in words and "false" in words)
    sentences = _sentences(text) if names_poles or text.rstrip().endswith("?") else []
    if sentences and _asks_pole(text, sentences, names_poles=names_poles):
        return "yesno"
    if copied := _asks_copy(text):
        return copied
    if _asks_label(text, words):
        return "label"
    return "number" if _asks_number(text, words, sentences) else ""


def _kind_of_list(labels: tuple[str, ...]) -> Short:
    names = {label.lower() for label in labels}
    if names in ({"true", "false"}, {"yes", "no"}):
        return "yesno"
    numbered = all(re.fullmatch(r"(?:answer|option|solution|ending|choice)\s?\d", name) for name in names)
    return "choice" if numbered else "label"


def _sentences(text: str) -> list[str]:
    """Those of lower-cased text; a line's end ends one, an abbreviation's full stop does not."""
    found, start = [], 0
    for end in demands.SENTENCE_END.finditer(text):
        if text.endswith(demands.ABBREVIATIONS, start, end.start() + 1) and "\n" not in end[0]:
            continue
        found.append(text[start : end.start() + 1])
        start = end.end()
    return [s for part in (*found, text[start:]) if (s := part.strip())]


def _asks_pole(text: str, sentences: list[str], *, names_poles: bool) -> bool:
    last = sentences[-1]
    if names_poles and (any(_names_poles(sentence) for sentence in sentences) or _ends_in_poles(last)):
        return True
    bare = demands.AUXILIARY.match(last) and last.endswith("?") and len(last) < 200 and len(sentences) <= 12
    # a passage may say "I"; a few sentences that do are someone's own affairs
    return bool(bare) and not demands.PERSONAL.search(last if len(text) > 400 else text)


def _names_poles(sentence: str) -> bool:
    poles = demands.POLES.search(sentence)
    return bool(poles and (demands.SAYING.search(sentence) or not sentence[: poles.start()].strip(" (")))


def _ends_in_poles(sentence: str) -> bool:
    poles = demands.POLES.search(sentence)
    return bool(poles and not sentence[poles.end() :].strip(" )?.\"'"))


def _asks_label(text: str, words: frozenset[str]) -> bool:
    if not demands.LABEL.found(text, words):
        return False
    return not (demands.SEVERAL.search(text[:400]) or demands.SEVERAL.search(text[-400:]))


def _asks_copy(text: str) -> Short:
    """A value to be read off a text that is given: its demand is the first or last thing said."""
    if text.count("\n") < 2:
        return ""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 3:
        return ""
    demand = next((line for line in (lines[0], *lines[:-3:-1]) if demands.EXTRACT.search(line)), "")
    if not demand or not demands.GIVEN_TEXT.search(text) or demands.SEVERAL.search(demand):
        return ""
    return "number" if demands.AMOUNT.search(demand) else "label"


def _asks_number(text: str, words: frozenset[str], sentences: list[str]) -> bool:
    """`sentences` are those of `text`, or none if nobody has looked for them."""
    if demands.AS_NUMBER.found(text, words) or demands.ARITHMETIC.match(plain(text[:800])[:400]):
        return True
    if demands.ASKING_WORDS.isdisjoint(words):
        return False
    sentences = sentences or _sentences(text)
    asking = [
        s
        for s in sentences[-2:]
        if demands.ASKS_HOW_MUCH.search(s) or (demands.ASKS_WHAT.search(s) and demands.MEASURED.search(s))
    ]
    if not asking or demands.EXPRESSION.found(text, words) or any_of(demands.SIMPLIFIED, text):
        return False
    if len(sentences) == 1 and demands.OWN_AFFAIRS.search(text):
        return False
    figures = _some(NUMBER, text)
    if figures < 2:
        figures += _some(WORD_NUMBER, text)
    return figures >= 2 or (figures == 1 and bool(demands.VAGUE.search(text)))


def _some(figure: re.Pattern[str], text: str) -> int:
    """How many there are near the beginning, up to two."""
    return len(list(islice(figure.finditer(text[:4000]), 2)))
