"""The options that a question lists."""

import re

from rung.answers.phrases import holds

# A question's demand stands at its beginning or its end; a long text in between is material.
HEAD, TAIL = 3000, 6000

_LETTERED_LINE = re.compile(r"^[ \t>*-]{0,6}\(?([A-J])([).:]|\s[-:])\**[ \t]*(?=\S)", re.MULTILINE)
_LOWER_LINE = re.compile(r"^[ \t]{0,4}\(?([a-j])([).])[ \t]*(?=\S)", re.MULTILINE)
# Ways to mark options, the surest first, each with how the second option is marked then, its letter first.
_MARKS = (
    (_LETTERED_LINE, "B", ("B)", "B.", "B:", "B ", "B\t")),
    (_LOWER_LINE, "b", ("b)", "b.")),
    (re.compile(r"(?<!\w)\(([A-J])()\)[ \t]*(?=\S)"), "B", ("(B)",)),
    (re.compile(r"(?<![\w(])([A-J])()\)[ \t]*(?=\S)"), "B", ("B)",)),
    (re.compile(r"(?<![\w(.])([A-J])([.:])[ \t]+(?=\S)"), "B", ("B.", "B:")),
    (re.compile(r"(?<!\w)\(([a-j])()\)[ \t]*(?=\S)"), "b", ("(b)",)),
    (re.compile(r"(?<!\w)answer([1-9])():[ \t]*(?=\S)", re.IGNORECASE), "2", ("2:",)),
)
_CHOOSING = re.compile(
    r"\b(?:which|choose|select|pick|correct|best|answer|options?|choices?|letter|following|what|who|where|when)\b|_{2,}",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"\banswer format\s*:\s*([^\n/]{1,40}(?:/[^\n/]{1,40}){1,19})", re.IGNORECASE)
_ONE_OF = re.compile(
    r"\b(?:(?:one of|into|as|choose from)\b[^:?\n.]{0,60}:"
    r"|(?:intents?|categories|classes|labels|topics|options|choices)\b[^:?\n.]{0,60}[:?])[ \t]*([^\n]{3,4000})",
    re.IGNORECASE,
)
_BULLETS = re.compile(
    r"\b(?:intents?|categories|classes|labels|topics|options|choices|values)\b[^:?\n]{0,60}[:?]?[ \t]*\n"
    r"((?:[ \t]*[-*\u2022][ \t]+[^\n]{1,80}(?:\n|$)){2,200})",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\n[ \t]*[-*\u2022][ \t]")
# Every list is led in by one of these.
_LISTING = (
    "as",  # in most texts
    "one of",
    "into",
    "choose from",
    "intent",
    "categories",
    "classes",
    "labels",
    "topics",
    "options",
    "choices",
    "values",
)
# "..., neutral. Reply with one word."; no other sentence: a label may be "Prof. Smith", and a story goes on.
_SENTENCE = re.compile(
    r"[.?!]\s+(?=(?:Answer|Reply|Respond|Return|Output|Give|Say|Write|Print|Use|Choose|Pick|Only|Just|No|Do|Which|What"
    r"|Please|Text|Message|Input|Sentence|Question)\b)"
)
_BETWEEN = re.compile(r"\s*(?:,\s*or\s|,\s*and\s|[,;|]|\sor\s)\s*")


def ends(question: str) -> str:
    """`question` without the middle of a long text."""
    question = question.strip()
    return question if len(question) <= HEAD + TAIL else f"{question[:HEAD]}\n{question[-TAIL:]}"


def options_of(question: str) -> tuple[str, ...]:
    """The texts of the options A, B, C... that a question lists, or the labels it allows, in order; else empty."""
    question = ends(question)
    marks = options_at(question)
    bounds = [*(m.start() for m in marks[1:]), len(question)]
    texts = (question[m.end() : end].partition("\n")[0] for m, end in zip(marks, bounds, strict=False))
    return tuple(text.strip(" \t,;*") for text in texts) or listed_labels(question, question.lower())


def options_at(text: str) -> list[re.Match[str]]:
    """Where options A, B, C... are marked: in a row from A, each once, and after a question to choose by."""
    if not _may_list(text):
        return []
    for pattern, letter, second in _MARKS:
        if letter not in text or not holds(text, second):
            continue
        found = list(pattern.finditer(text))
        letters = "".join(m[1] for m in found).upper()
        if len(found) < 2 or not ("ABCDEFGHIJ".startswith(letters) or "123456789".startswith(letters)):
            continue
        before = text[: found[0].start()].strip()
        # "A. Smith", "A: hello" and lower letters have other uses: there must be three, or words that ask to choose
        sure = found[0][2] not in {".", ":"} and letters[0] == found[0][1]
        asks = bool(_CHOOSING.search(before)) or before.endswith(("?", ":"))
        if not before or not (asks or sure or pattern is _LETTERED_LINE):
            continue
        if len(found) > 2 or (asks and sure):
            return found
    return []


def _may_list(text: str) -> bool:
    """Whether a second option may be there. A single character is found ten times as quickly as two are."""
    if "B" in text or (")" in text and "b)" in text):
        return True
    return ("\n" in text and "b." in text) or (":" in text and "2:" in text)


def listed_labels(text: str, lower: str) -> tuple[str, ...]:
    """The values of "Answer format: a/b/c", or of a list like "one of these intents: a, b, c", in a line or below each
    other; else empty. `lower` is `text` lower-cased."""
    if not (":" in text or "?" in text or "\n" in text):
        return ()
    if "answer format" in lower and (form := _FORMAT.search(text)):
        return tuple(value.strip().rstrip(".") for value in form[1].split("/"))
    if not holds(lower, _LISTING):
        return ()
    if _BULLET.search(text) and (bullets := _BULLETS.search(text)):
        return tuple(line.strip(" \t-*\u2022") for line in bullets[1].splitlines())
    for line in text.split("\n"):
        # what is listed follows a colon or a question mark, and takes three characters at least
        if ":" in line[:-3] or "?" in line[:-3]:
            for listed in _ONE_OF.finditer(line):
                if values := _values(listed[1]):
                    return values
    return ()


def _values(listed: str) -> tuple[str, ...]:
    values = [v.strip(" .?\"'`[]()") for v in _BETWEEN.split(_SENTENCE.split(listed, 1)[0])]
    fit = 2 <= len(values) <= 200 and all(0 < len(v) <= 80 and len(v.split()) <= 4 for v in values)
    return tuple(values) if fit else ()
