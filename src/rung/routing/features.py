"""What a request is like, from its text alone, in microseconds."""

import re
from typing import Any

from rung.answers.demands import TELLING as DEMANDING
from rung.answers.instructions import bind
from rung.answers.phrases import whole_words, word_set, words_in
from rung.answers.question import asked_in, reads_off
from rung.reasoners.wording import instructions_of, max_tokens_of, question_of
from rung.types import Features, Json, Short

# Only this much of a long text is looked at closely, half from each end: what is asked stands there.
_LOOK_CHARS = 4000

_NUMBER = re.compile(r"\d\d*(?:[.,]\d+)*")
# Makes a blank of each byte that is in no number.
_NUMBERS_ONLY = bytes(byte if byte in b"0123456789.," else ord(" ") for byte in range(256))
# Patterns that begin with one of few characters are found several times quicker.
_OPERATION = re.compile(
    r"[-+*/^=\\\d\u00d7\u00f7\u2212\u221a](?:(?<=\d)\s?[-+*/^=%\u00d7\u00f7\u2212]"
    r"|(?<=[-+*/^=\u00d7\u00f7\u2212]) ?[\d(]|(?<=\\)frac|(?<=\u221a))"
)
# One of these stands in every operation.
_SIGNS = "-+*/^=%\u00d7\u00f7\u2212\u221a\\"
_FUNCTION = re.compile(r"\([a-z]\)(?<=\b[a-z]\([a-z]\))")
# Each with a sign that stands in it: one character is found ten times as quickly as several are.
_CODE_MARKS = (("`", "```"), ("#", "#include"), (">", "=>"), ("<", "</"), ("*", "select * from"))
_LANGUAGES = frozenset(
    ["python", "javascript", "typescript", "java", "rust", "golang", "sql", "bash", "c++", "php", "ruby", "kotlin"]
)
_PROGRAMS = frozenset(["function", "script", "code", "program", "query", "class", "method", "regex", "algorithm"])
# Beside the name of a language.
_PROGRAMMING = _PROGRAMS | {"implement", "debug", "refactor"}
_MAKING = frozenset(["write", "implement", "fix", "debug", "refactor"])
# People train by programs, and write scripts of films, codes of conduct and class schedules.
_OTHER_KINDS = (
    "training|workout|exercise|fitness|diet|study|film|movie|play|tv|television|radio|video|wedding|sales|dress"
)
_MAKE_PROGRAM = re.compile(
    r"\b(?:write|implement|fix|debug|refactor)\b(?:.{0,40}\b(?:functions?|regex)\b"
    rf"|\s(?:(?!(?:{_OTHER_KINDS})\b)(?:[^\s.?!]|\.(?=\w)){{1,20}}\s){{0,6}}"
    r"(?:script|code|program|query|class|method)\b"
    r"(?!-|\s(?:of conduct|(?:letter|schedule|note|reunion|trip|meeting|president|diagram)s?)\b))"
)
# Asks what something is; nothing is to be written.
_ABOUT = re.compile(
    r"\s*(?:what(?:'s|\sis|\sare)\s(?:an?|the)|which)\s(?!.*\b(?:this|these|my|following|below"
    r"|(?:way|code|functions?|query|queries|scripts?|regex|programs?|algorithm)(?:\sin\s\w+)?\s(?:to|that|for))\b)"
)
# Where there are formulas, "write the function" may ask for one.
_SURELY_PROGRAM = re.compile(
    r"\b(?:write|implement|fix|debug|refactor)\b.{0,40}"
    r"\b(?:script|code|program|query|regex|functions? (?:that|to|which|called|named))\b|\bassert "
)
_MATHS_WORDS = word_set(
    """calculate compute evaluate simplify solve factor expand derivative differentiate integral integrate limit sqrt
    percent remainder divided times plus minus multiply multiplied prime composite divisor divisors round rounded
    nearest digit convert equation polynomial probability prob sort closest mean median matrix multiple factors
    sum product root squared cubed let suppose"""
)
_STEPS = word_set(
    """if then each every per than twice half third quarter remaining left after before total altogether because
    however although prove explain compare step why"""
)
_TASKS = (
    ("translate", frozenset(["translate", "translation"])),
    ("summarise", frozenset(["summarise", "summarize", "summary", "tldr"])),
    ("write", frozenset(["write", "compose", "draft", "brainstorm"])),
)

_SCRIPTS = (
    ("ja", re.compile("[぀-ヿ]")),
    ("ko", re.compile("[가-힯]")),
    ("zh", re.compile("[一-鿿]")),
    ("ru", re.compile("[Ѐ-ӿ]")),
    ("ar", re.compile("[؀-ۿ]")),
    ("hi", re.compile("[ऀ-ॿ]")),
)
_LATIN = (
    ("en", frozenset(["the", "of", "and", "is", "what", "how", "to", "in", "a", "for", "that", "are"])),
    ("de", frozenset(["der", "die", "das", "und", "ist", "wie", "was", "ein", "eine", "nicht", "zu", "mit"])),
    ("fr", frozenset(["le", "la", "les", "et", "est", "que", "une", "des", "dans", "pour", "quel", "combien"])),
    ("es", frozenset(["el", "los", "las", "es", "que", "una", "por", "para", "con", "cuántos", "cómo", "qué"])),
)
# The words that are counted for mathematics or for steps.
_COUNTED = _MATHS_WORDS | _STEPS
_LATIN_WORDS = frozenset().union(*(words for _, words in _LATIN))
# The first stands where nothing tells of another.
_OTHER_LATIN = _LATIN_WORDS - _LATIN[0][1]
# All words that tell something; of no text more is kept than which of them it has.
_TELLING = _COUNTED.union(DEMANDING, _OTHER_LATIN, _PROGRAMS, _LANGUAGES, _MAKING, *(words for _, words in _TASKS))


def features_of(body: Json) -> Features:
    """Features of a checked chat completion body. Cost does not grow with the text beyond `_LOOK_CHARS`."""
    messages = body["messages"]
    text = question_of(body)
    if len(text) > _LOOK_CHARS:
        text = f"{text[: _LOOK_CHARS // 2]}\n{text[-_LOOK_CHARS // 2 :]}"
    lower = text.lower()
    words = words_in(lower)
    telling = _TELLING.intersection(words)
    counted = [] if telling.isdisjoint(_COUNTED) else [word for word in words if word in _COUNTED]
    numbers = _numbers(lower)
    code = _code(lower, telling)
    maths = _maths(lower, counted, len(words)) if numbers else 0.0
    asks: Short = ""
    if maths or not code:
        asks = asked_in(text.strip(), lower.strip(), whole_words(lower, words, telling))
    tokens, images = _sizes(messages)
    return Features(
        task=_task(lower, telling, asks, code, maths),
        complexity=_complexity(counted, len(words), numbers),
        language=_language(lower, words, telling),
        prompt_tokens=tokens,
        max_tokens=max_tokens_of(body),
        turns=[m["role"] for m in messages].count("user"),
        short="" if asks and bind(instructions_of(body)) else asks,
        needs=_needs(body, images=images),
        code=code,
        maths=maths,
    )


def _numbers(text: str) -> int:
    if text.isascii():
        # what is left of most texts is a tenth of their length
        text = b" ".join(text.encode().translate(_NUMBERS_ONLY).split()).decode()
    return len(_NUMBER.findall(text))


def _code(text: str, telling: frozenset[str]) -> float:
    marks = ("def " in text) + ("import " in text)
    for sign, mark in _CODE_MARKS:
        if sign in text and mark in text:
            marks += 1
    if not telling.isdisjoint(_LANGUAGES):
        marks += not telling.isdisjoint(_PROGRAMMING) and not _ABOUT.match(text)
    elif not telling.isdisjoint(_PROGRAMS) and not telling.isdisjoint(_MAKING) and _MAKE_PROGRAM.search(text):
        marks += 1
    return min(1.0, marks / 2)


def _maths(text: str, counted: list[str], words: int) -> float:
    """How much the question looks like one for a solver: its operations and mathematical words against its length."""
    marks = _count(counted, _MATHS_WORDS) + _operations(text)
    if "(" in text:
        marks += len(_FUNCTION.findall(text))
    return min(1.0, 5 * marks / (words + 6))


def _operations(text: str) -> int:
    if not (signs := [sign for sign in _SIGNS if sign in text]):
        return 0
    # from the first sign to the last, with what may stand around them: prose has few
    first, last = min(map(text.find, signs)), max(map(text.rfind, signs))
    return len(_OPERATION.findall(text, max(first - 2, 0), last + 6))


def _task(text: str, telling: frozenset[str], short: str, code: float, maths: float) -> str:
    if short in {"label", "number"} and reads_off(text):  # an invoice looks like sums
        return "extract"
    if short not in {"choice", "yesno"} and (maths >= 0.6 or code):
        # What code computes, and the tests that come with it, are full of numbers and signs. Of a program it may be
        # asked what it prints.
        named = telling & _LANGUAGES and "what" not in text
        sums = maths >= 0.6 and not (code and (named or _SURELY_PROGRAM.search(text)))
        return "maths" if sums else "code"
    if short:
        return "word_problem" if short == "number" else short
    for task, known in _TASKS:
        if not known.isdisjoint(telling):
            return task
    return "open"


def _complexity(counted: list[str], words: int, numbers: int) -> float:
    """0 for a greeting, about 0.5 for a word problem of four sentences, towards 1 for long texts of many conditions."""
    steps = _count(counted, _STEPS)
    load = words / 60 + numbers / 8 + steps / 6
    return load / (load + 2.5)


def _language(text: str, words: list[str], telling: frozenset[str]) -> str:
    if not text.isascii():
        for language, pattern in _SCRIPTS:
            if pattern.search(text):
                return language
    if telling.isdisjoint(_OTHER_LATIN):
        return _LATIN[0][0]
    seen = [word for word in words[:100] if word in _LATIN_WORDS]
    counts = [_count(seen, known) for _, known in _LATIN]
    return _LATIN[counts.index(max(counts))][0]


def _count(words: list[str], known: frozenset[str]) -> int:
    return sum(map(known.__contains__, words))


def _tokens(text: str) -> int:
    """About four bytes a token: four characters in English, two in Cyrillic, one or two in Chinese; mathematics and
    code take more."""
    return (len(text) if text.isascii() else len(text.encode(errors="replace"))) // 4 + 1


def _sizes(messages: list[Json]) -> tuple[int, bool]:
    """The tokens of all texts, and whether there is anything but text."""
    tokens, images = 0, False
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            tokens += _tokens(content) + 4
        elif isinstance(content, list):
            tokens += sum([_tokens(part["text"]) + 4 for part in content if part.get("type") == "text"])
            images = images or any(part.get("type") not in {"text", "refusal"} for part in content)
    return tokens, images


def _needs(body: Json, *, images: bool) -> frozenset[str]:
    needs: list[str] = []
    if (body.get("tools") and body.get("tool_choice") != "none") or (
        body.get("functions") and body.get("function_call") != "none"  # what tools were called before
    ):
        needs.append("tools")
    form: Any = (body.get("response_format") or {}).get("type")
    if form in {"json_object", "json_schema"}:
        needs.append(form)
    if body.get("logprobs"):
        needs.append("logprobs")
    if (body.get("n") or 1) > 1:
        needs.append("n")
    if images:
        needs.append("images")
    return frozenset(needs)
