"""The final answer in what a model wrote."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from rung.answers.latex import boxed
from rung.answers.numerals import NUMBER, WORD_NUMBER, joined, plain, spelt_value, value_of, written
from rung.answers.units import SMALLER, UNITS
from rung.types import Short

# A final answer stands at the end, or alone; what lies far before both is reasoning.
HEAD, TAIL = 2000, 12_000
MOST_OPTIONS = 200
LETTERS = "ABCDEFGHIJ"
_LONGEST_OPTION = 2000

_IS = r"[*_]{0,3}\s{0,2}(?:(?:is|are|would be|should be|must be|will be)\b\s{0,2}:?|[:=])[*_]{0,3}"
_ANSWER = re.compile(rf"\banswer\b{_IS}|####", re.IGNORECASE)
# Results are many on the way to a number, and choices are named where they are weighed; a label is named once.
_MARKER = re.compile(
    rf"\b(?:answer|result|solution|option|choice|label|category|intent|sentiment|class)\b{_IS}|####", re.IGNORECASE
)
_MARKUP = re.compile(r"\\[()\[\]]|[*`]|\$(?!\d)|^#+\s|(?<!\w)_|_(?!\w)")
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s?\{([^{}]{0,200})\}")
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n+")
_QUOTED_LAST = re.compile(r"[`\"*\u201c]([^`\"*\u201c\u201d]{1,60})[`\"*\u201d]{1,3}[\s.]*$")
_BEGINS = re.compile(r"(?:to|first|let|we|step|since|given|if|start)\b", re.IGNORECASE)
# "no idea" and the like are no word for no.
_POLE = re.compile(r"\b(yes|no(?!\s(?:idea|clue|doubt|way|one|more|longer|information)\b)|true|false)\b", re.IGNORECASE)
_NEGATED = re.compile(r"(?:\bnot|\bcannot|n['\u2019]t)\s(?:be\s|\w{1,12}ly\s|quite\s)?(true|false)\b", re.IGNORECASE)
# Thousands set apart by plain blanks, where there is no other number.
_GROUPED = re.compile(r"\D*+\d{1,3}(?: \d{3})+\D*+")
# A comma that can only stand before decimals: "2,5", "0,125", "1.000,50".
_DECIMAL = re.compile(r"(?<![\w.,(\[])(\d{1,3}(?:\.\d{3})+|\d++),(?:(?<=\b0,)(?=\d)|(?=\d{1,2}\b))(\d++)(?![,.]?\d)")
_DOTTED = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{3}){2,}+(?![.,]?\d)")
# Powers of ten, which lose their sign with markdown's.
_TIMES_POWER = re.compile(r"(?<=\d)\s?[*x\u00b7\u22c5]\s?10\^\{?(-?\d{1,4})\}?(?!\w)")
_POWER = re.compile(r"(?<![\w.^*])10\^\{?(-?\d{1,4})\}?(?!\w)")
# m^2, \text{cm}^3: no number of its own.
_UNIT_POWER = re.compile(r"(?<=[A-Za-z}])\^(?:\{-?[1-3]\}|-?[1-3]\b(?![/.]\d))")
_AND_HALF = re.compile(r"(?<=\d)\sand\s(?:a|one)\shalf\b", re.IGNORECASE)
# One measure in two units.
_SIDE_BY_SIDE = re.compile(
    r"(?<![\w.,/])(\d{1,6}) ?([a-z]{1,7}),?(?: and)? (\d{1,4}) ?([a-z]{1,7})\b(?!\.\d)", re.IGNORECASE
)
_DENIED = re.compile(rf"\b(?:not|rather than|instead of)\s{NUMBER.pattern}", re.IGNORECASE)
_DENYING = ("ot ", "ather than ", "nstead of ")
# Two whole numbers to choose from.
_EITHER = re.compile(
    r"(?<![\w.,/$€£-])(\d{1,15}),?\s\(?or\s(?:maybe\s|perhaps\s|possibly\s)?(\d{1,15})\b"
    r"(?![%.,/:]\d|%|\^|\s?\*{1,2}\s?\d|\s(?:dozen|percent)\b)"
)
# "12 apples (8 + 4)": how a number came about, or what else it might be.
_ASIDE = re.compile(r"(\d%?(?:\s[a-z]{1,20}){0,2})\s\([^()]{1,200}\)", re.IGNORECASE)
# "20 out of 50 (40%)", "2^5 (32)", "3 dozen (36)": there it is what the words or signs before it come to.
_WORTH = re.compile(
    r"\d(?:/| out of (?:the )?)\d[^()]{0,40}\(\d[\d.]*%\)"
    r"|(?:\^|\u221a|\bchoose\s)\d{1,9}\s\(\d|\d\s(?:dozens?|pairs|tens|hundreds)\s\(\d"
)
# What makes another number of the word before it.
_PART = re.compile(
    r"[\s-](?:half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?|dozens?)\b|\sand\sa\s(?:half|third|quarter)\b",
    re.IGNORECASE,
)
_NEAR = re.compile(
    r"[\s:*_$€£\\(\[{=~≈]*+(?:(?:about|approximately|exactly|roughly|a|total|of|is|that)\s+){0,3}[$€£\s]*+$",
    re.IGNORECASE,
)
_LETTER = re.compile(
    r"[\s:*_\"'`$\\({\[<]*+(?:(?i:option|choice|letter|answer)\s*+:?\s*+)?[\s*_\"'`({\[\\]*+([A-J])(?![\w'\u2019])(?P<after>[\s*_\"'`$\\]*+[).:,;\]}>]|[\s*_\"'`$\\]*+$|\s*[-\u2013\u2014]\s|(?=\s))"
)
# What is said of a letter that is not the answer.
_REJECTED = re.compile(
    r"[\s*_\"'`]*+(?:is|was|can)(?:n['\u2019]t|not|\s(?:not|never|incorrect|invalid|wrong|false))\b"
    r"|[).:][\s*_\"'`]*+(?:is|was)\s(?:incorrect|invalid|wrong|not\s(?:the\s)?(?:correct|right|best|answer))\b"
)
_LETTER_LOWER = re.compile(r"[\s:*_\"'`]*+\(?([a-j])(?:\)|\.?\s*$)")
_NUMBERED = re.compile(r"\s*(?:answer|option|solution|ending|choice)\s?([1-9])\b", re.IGNORECASE)
_IS_CORRECT = re.compile(
    r"\(?\b([A-J])\b[).:]?[^.\n]{0,120}?\bis (?:therefore |thus |the )?(?:most |only )?"
    r"(?:correct|right|best|appropriate|accurate|answer)",
    re.MULTILINE,
)
_LINE_LETTER = re.compile(
    r"^[\s*_>-]{0,6}(?:option |answer |choice )?\(?([A-J])(?:[).:](?!\w)|\s*$)", re.MULTILINE | re.IGNORECASE
)
_LAST_LETTER = re.compile(r"\b(?:so|choose|select|pick|with|is|be|option|thus|hence)\s+\(?([A-J])\b[)*.\s]*$")
_BRACKETED = re.compile(r"(?<!\w)(?<!not )\(([A-J])\)(?! (?:is|was) (?:not|incorrect|wrong|false)\b)")


def extract(text: str, asked: Short, options: Sequence[str] = ()) -> str | None:
    """The final answer, in one form a kind: numbers as exact digits, choices as a capital letter, yes/no/true/false as
    said, labels as they stand. `options` are the texts of a choice's options, or the labels that are allowed. For a
    question that asks for no short answer: only what is expressly marked as the answer. None: there is none."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n{text[-TAIL:]}"
    if not text.strip():
        return None
    match asked:
        case "number":
            return _number(text)
        case "choice":
            return _choice(text, options)
        case "yesno":
            return _pole(text)
        case "label":
            return _label(text, options)
    return boxed(text) or _marked_value(text)


def bare(text: str) -> str:
    """`text` without the marks of markdown and LaTeX, and without quotes and a full stop around it."""
    text = _MARKUP.sub("", _LATEX_TEXT.sub(r"\1", text)).strip()
    text = text.rstrip(".").strip() if not text.endswith("..") else text
    return text.strip(" \t\"'\u201c\u201d\u2018\u2019`")


def _after_markers(text: str, marker: re.Pattern[str] = _ANSWER) -> list[str]:
    """What follows each mark of a final answer, the last first: the rest of its line, or the next line that speaks."""
    if marker is _ANSWER and "####" not in text and "answer" not in text.casefold():
        return []
    rests = []
    for match in list(marker.finditer(text))[:-9:-1]:
        lines = text[match.end() : match.end() + 600].split("\n")
        rest = next((line for line in lines[:4] if bare(line)), "")
        if rest:
            rests.append(rest)
    return rests


def _marked_value(text: str) -> str | None:
    for rest in _after_markers(text):
        if value := bare(boxed(rest) or rest):
            return value
    return None


def _sentences(text: str) -> list[str]:
    return [s for s in _SENTENCE.split(text) if s.strip()]


# numbers


def _number(text: str) -> str | None:
    text = plain(joined(text))
    if _GROUPED.fullmatch(text):
        text = re.sub(r"(?<=\d) (?=\d)", "", text)
    for value, said in _numbers(_figures(text)):
        if value is not None:
            return None if _hedged(value, said) else written(value)
    return None


def _numbers(text: str) -> Iterator[tuple[Fraction | None, str]]:
    """What each way of telling a number finds, the surest way first, and in what it is said."""
    if box := boxed(text):
        yield _last_value(box), box
    for rest in _after_markers(text):
        yield _marked_number(rest, text), rest
    yield _said_last(_MARKUP.sub("", text))


def _hedged(value: Fraction, said: str) -> bool:
    """Whether it is said as one of two to choose from, and not by itself too."""
    either = _EITHER.search(said) if "or " in said else None
    if not either or either[1] == either[2] or value not in {int(either[1]), int(either[2])}:
        return False
    return all(other != value for _, other in _matches(said[: either.start()] + said[either.end() :]))


def _figures(text: str) -> str:
    """`text` with numbers in the one form in which they are read, and without those that it denies."""
    text = _DECIMAL.sub(lambda m: f"{m[1].replace('.', '')}.{m[2]}", text)
    text = _DOTTED.sub(lambda m: m[0].replace(".", ""), text)
    if " half" in text:
        text = _AND_HALF.sub(" 1/2", text)
    text = _SIDE_BY_SIDE.sub(_in_the_smaller, text)
    if "10^" in text:
        text = _POWER.sub(r"1e\1", _TIMES_POWER.sub(r"e\1", text))
    if "^" in text:
        text = _UNIT_POWER.sub("", text)
    kept = _DENIED.sub("", text) if any(words in text for words in _DENYING) else text
    return kept if kept == text or _matches(kept) else text


def _in_the_smaller(match: re.Match[str]) -> str:
    """3 hours 25 minutes -> 205 minutes; what is no such measure as it is."""
    many, larger, few, smaller = match.groups()
    each = SMALLER.get((UNITS.get(larger.lower(), ""), UNITS.get(smaller.lower(), "")))
    return f"{int(many) * each + int(few)} {smaller}" if each and int(few) < each else match[0]


def _matches(text: str) -> list[tuple[int, Fraction]]:
    """Where each number of `text` starts, and its value; words only where no digits are."""
    found = [(m.start(), v) for m in NUMBER.finditer(text) if (v := value_of(m)) is not None]
    return found or list(_spelt(text))


def _spelt(text: str) -> Iterator[tuple[int, Fraction]]:
    for match in WORD_NUMBER.finditer(text):
        if not _PART.match(text, match.end()):
            at = match.start()
            negative = text.endswith("-", 0, at) and not text[at - 2 : at - 1].isalnum()
            yield at, Fraction(spelt_value(match[0])) * (-1 if negative else 1)


def _last_value(text: str) -> Fraction | None:
    """The number after the last equals sign that has one, else the last number."""
    found = _matches(text)
    if not found:
        return None
    equals = text.rfind("=")
    return next((value for at, value in found if at > equals >= 0), found[-1][1])


def _marked_number(rest: str, text: str) -> Fraction | None:
    """The number that a mark of the final answer is followed by. What is not the end of `text` may be the beginning of
    a reasoning: there the number must follow at once, or be the only one."""
    sentence = next((s for s in _sentences(rest) if _matches(s)), "")
    found = _matches(sentence)
    if not found:
        return None
    at, first = found[0]
    if "=" not in sentence and _NEAR.match(sentence[:at]):
        return first
    ends_there = text.rstrip().endswith(rest.rstrip())
    return _last_value(sentence) if ends_there or (len(found) == 1 and not _BEGINS.match(bare(rest))) else None


def _said_last(text: str) -> tuple[Fraction | None, str]:
    """The number of the last sentence that has one, and that; of several, the one that was computed last before."""
    sentences = _sentences(text)
    for i in range(len(sentences) - 1, -1, -1):
        sentence = sentences[i] if _WORTH.search(sentences[i]) else _ASIDE.sub(r"\1", sentences[i])
        found = _matches(sentence)
        if not found:
            continue
        if "=" in sentence or len(found) == 1:
            return _last_value(sentence), sentences[i]
        computed = _computed(sentences[:i])
        values = [value for _, value in found]
        return computed if computed in values else values[-1], sentences[i]
    return None, ""


def _computed(sentences: Sequence[str]) -> Fraction | None:
    """The number after the last equals sign."""
    for sentence in reversed(sentences):
        equals = sentence.rfind("=")
        if equals >= 0 and (found := _matches(sentence[equals + 1 :])):
            return found[0][1]
    return None


# choices


def _choice(text: str, options: Sequence[str]) -> str | None:
    return next((letter for letter in _letters(text, options) if letter), None)


def _letters(text: str, options: Sequence[str]) -> Iterator[str | None]:
    """What each way of naming a choice finds, the surest way first."""
    yield _letter(bare(boxed(text) or ""), options)
    for rest in (*_after_markers(text), *_after_markers(text, _MARKER)):
        yield _letter(rest, options)
    yield from reversed([str(letter) for letter in _IS_CORRECT.findall(text[-4000:])])
    lines = text.strip().split("\n")
    # a text that goes through the options begins its lines with their letters, and means none of them
    if len(set(_LINE_LETTER.findall(text))) <= 1:
        yield _letter(lines[0], options)
        yield _letter(lines[-1], options)
    last = (_sentences(text) or [""])[-1]
    bracketed = {str(letter) for letter in _BRACKETED.findall(last)}
    yield bracketed.pop() if len(bracketed) == 1 else None
    closing = _LAST_LETTER.search(last[-80:])
    yield _known(closing[1], options) if closing else None
    yield _by_text(last, options)
    yield _by_text(text, options)


def _letter(text: str, options: Sequence[str]) -> str | None:
    """The letter that `text` begins with, or the letter of the option it names."""
    text = _LATEX_TEXT.sub(r"\1", text)
    if called := _called(text, options):
        return called
    if numbered := _NUMBERED.match(text):
        return _called(numbered[0], options) or LETTERS[int(numbered[1]) - 1]
    match = _LETTER.match(text)
    if match and _REJECTED.match(text, match.end(1)):
        return None
    if match and not (match[1] in "AI" and not match["after"] and re.match(r"\s+[a-z]", text[match.end(1) :])):
        return _known(match[1], options)
    if lower := _LETTER_LOWER.match(text):
        return _known(lower[1].upper(), options)
    return _by_text(text, options)


def _called(text: str, options: Sequence[str]) -> str | None:
    """The letter of the option that `text` is, word for word, also where it begins as a letter or number does: "A. A.
    Milne", "Option 1"."""
    said = words_of(text[:_LONGEST_OPTION])
    if len(said) < 2:
        return None
    letters = [letter for letter, option in zip(LETTERS, options, strict=False) if words_of(option) == said]
    return letters[0] if len(letters) == 1 else None


def _known(letter: str, options: Sequence[str]) -> str | None:
    return letter if not options or ord(letter) - ord("A") < len(options) else None


def _by_text(text: str, options: Sequence[str]) -> str | None:
    """The one option whose text is found in `text`; an option inside another that is found too does not count."""
    index = _one_of(text, options)
    return None if index is None or index >= len(LETTERS) else LETTERS[index]


def _one_of(text: str, options: Sequence[str]) -> int | None:
    """The place of the option that `text` begins with, or else of the only one that it names."""
    said = f"{_named(text)} "
    named = [_named(option) for option in options[:MOST_OPTIONS]]
    found = [i for i, words in enumerate(named) if words and f" {words} " in f" {said}"]
    whole = [i for i in found if not any(i != j and f" {named[i]} " in f" {named[j]} " for j in found)]
    first = [i for i in whole if said.startswith(f"{named[i]} ") and not said.startswith(f"{named[i]} or ")]
    chosen = first if len(first) == 1 else whole
    return chosen[0] if len(chosen) == 1 else None


def _named(text: str) -> str:
    """Its words, "not" and what is denied as one: "not spam" names no spam."""
    return re.sub(r"\bnot (?=\w)", "not_", words_of(text))


def words_of(text: str) -> str:
    """Options and labels are told apart by these."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


# yes and no


def _pole(text: str) -> str | None:
    text = _NEGATED.sub(lambda m: " false" if m[1].lower() == "true" else " true", text)
    box = boxed(text)
    first = re.match(rf"\W*{_POLE.pattern}(?!\s*(?:or|and|/)\s*(?:no|yes|false|true))", text, re.IGNORECASE)
    rests = _after_markers(text)
    for candidate in [box or "", *rests]:
        if pole := _POLE.search(candidate):
            return pole[1].lower()
    if first:
        return first[1].lower()
    for sentence in (*reversed(_sentences(text)[-2:]), text):
        found = {str(pole).lower() for pole in _POLE.findall(sentence)}
        if len(found) == 1:
            return found.pop()
    return None


# labels


def _label(text: str, options: Sequence[str]) -> str | None:
    lines = [line for line in text.split("\n") if bare(line)]
    candidates = [c for c in (boxed(text), *_after_markers(text, _MARKER)) if c] or lines[-1:]
    for candidate in candidates:
        index = _one_of(candidate, options)
        if index is not None:
            return options[index]
    if options:
        index = _one_of(text, options)
        return None if index is None else options[index]
    said = candidates[0] if candidates else ""
    quoted = _QUOTED_LAST.search(said[-100:])
    value = bare(quoted[1] if quoted else said)
    # more words than a value has: a sentence that names none
    return value if 0 < len(value) <= 120 else None
