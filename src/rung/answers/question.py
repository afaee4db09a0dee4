"""What short, checkable answer a question asks for.

Precision before recall: a question taken for a short one is answered without its reasons, so whatever may want an
explanation, a text, code or a list asks for none of them.
"""

import re

from rung.answers import demands
from rung.answers.layout import ends, listed_labels, options_at
from rung.answers.numerals import NUMBER, WORD_NUMBER, plain
from rung.types import Short


def asked(question: str) -> Short:
    """The kind of short answer that `question` asks for, "" for anything else."""
    text = ends(question)
    if not text or demands.CODE.search(text.lower()):
        return ""
    around = text
    if marks := options_at(text):
        around = f"{text[: marks[0].start()]}\n{''.join(text[marks[-1].end() :].partition(chr(10))[1:])}"
    around = around.lower()
    labels = () if marks else listed_labels(text)
    if _wants_reasons(around) or (not labels and demands.OPEN.search(around)):
        return ""
    if marks:
        return "choice"
    return _kind_of_list(labels) if labels else _kind(around)


def reads_off(question: str) -> bool:
    """Whether the answer is a value that stands in the question itself, as in "find the date on this receipt: ..."."""
    return bool(_asks_copy(ends(question).lower()))


def _wants_reasons(text: str) -> bool:
    # looking for a word is a hundred times quicker than for a phrase
    return any(word in text for word in demands.REASON_WORDS) and bool(demands.REASONS.search(text))


def _kind(text: str) -> Short:
    if _asks_pole(text):
        return "yesno"
    if copied := _asks_copy(text):
        return copied
    if _asks_label(text):
        return "label"
    return "number" if _asks_number(text) else ""


def _kind_of_list(labels: tuple[str, ...]) -> Short:
    names = {label.lower() for label in labels}
    if names in ({"true", "false"}, {"yes", "no"}):
        return "yesno"
    numbered = all(re.fullmatch(r"(?:answer|option|solution|ending|choice)\s?\d", name) for name in names)
    return "choice" if numbered else "label"


def _sentences(text: str) -> list[str]:
    return [s.strip() for s in demands.SENTENCE.split(text) if s.strip()]


def _asks_pole(text: str) -> bool:
    sentences = _sentences(text)
    for sentence in sentences:
        if (poles := demands.POLES.search(sentence)) and (
            demands.SAYING.search(sentence) or not sentence[: poles.start()].strip(" (")
        ):
            return True
    last = sentences[-1]
    if (poles := demands.POLES.search(last)) and not last[poles.end() :].strip(" )?.\"'"):
        return True
    bare = demands.AUXILIARY.match(last) and last.endswith("?") and len(last) < 200 and len(sentences) <= 12
    # a passage may say "I"; a few sentences that do are someone's own affairs
    return bool(bare) and not demands.PERSONAL.search(last if len(text) > 400 else text)


def _asks_label(text: str) -> bool:
    if demands.SEVERAL.search(text[:400]) or demands.SEVERAL.search(text[-400:]):
        return False
    return any(word in text for word in demands.LABEL_WORDS) and bool(demands.LABEL.search(text))


def _asks_copy(text: str) -> Short:
    """A value to be read off a text that is given: its demand is the first or last thing said."""
    lines = [line for line in text.split("\n") if line.strip()] or [""]
    demand = next((line for line in (lines[0], *lines[:-3:-1]) if demands.EXTRACT.search(line)), "")
    if not demand or len(lines) < 3 or not demands.GIVEN_TEXT.search(text) or demands.SEVERAL.search(demand):
        return ""
    return "number" if demands.AMOUNT.search(demand) else "label"


def _asks_number(text: str) -> bool:
    if demands.AS_NUMBER.search(text) or demands.ARITHMETIC.match(plain(text)[:400]):
        return True
    sentences = _sentences(text)
    asking = [
        s
        for s in sentences[-2:]
        if demands.ASKS_HOW_MUCH.search(s) or (demands.ASKS_WHAT.search(s) and demands.MEASURED.search(s))
    ]
    if not asking or demands.EXPRESSION.search(text) or (len(sentences) == 1 and demands.OWN_AFFAIRS.search(text)):
        return False
    figures = len(NUMBER.findall(text[:4000]))
    if figures < 2:
        figures += len(WORD_NUMBER.findall(text[:4000]))
    return figures >= 2 or (figures == 1 and bool(demands.VAGUE.search(text)))
