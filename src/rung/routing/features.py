"""What a request is like, from its text alone, in microseconds."""

import re
from typing import Any

from rung.answers import asked
from rung.types import Features, Json

# Only this much of a long text is looked at closely, half from each end: what is asked stands there.
_LOOK_CHARS = 6000

_CODE = re.compile(
    r"```|\bdef \w+\(|\bclass \w+[:(]|\bimport \w+|#include|\bfunction \w+\(|=>|</\w+>|\bSELECT\b.+\bFROM\b"
    r"|\b(?:python|javascript|typescript|java|rust|golang|sql|bash|c\+\+) (?:function|script|code|program|query)\b"
    r"|\b(?:write|implement|fix|debug|refactor)\b.{0,40}\b(?:function|script|code|program|class|query|method)\b",
    re.IGNORECASE,
)
_MATHS_WORD = re.compile(
    r"\b(?:calculate|compute|evaluate|simplify|solve|factor|expand|derivative|differentiate|integral|integrate|limit"
    r"|square root|cube root|sqrt|percent|remainder|divided by|times|plus|minus|multiply|multiplied|prime|divisors?"
    r"|greatest common|highest common|least common|lowest common|round|nearest|digit|base \d+|convert|equation"
    r"|polynomial|probability|sort|closest|how many (?:days|minutes|seconds|hours|\w+meters)|mean|median|matrix"
    r"|let \w)\b",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"\d\s*[-+*/^=%\u00d7\u00f7\u2212]|[-+*/^=\u00d7\u00f7\u2212]\s*[\d(]|\b[a-z]\([a-z]\)|\*\*|\\frac|\u221a"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]{2,}")
_STEPS = re.compile(
    r"\b(?:if|then|each|every|per|than|twice|half|third|quarter|remaining|left|after|before|total|altogether|because"
    r"|however|although|prove|explain|compare|step by step|why)\b",
    re.IGNORECASE,
)
_EXTRACT = re.compile(r"\b(?:extract|find the|what is the (?:date|total|name|address|company))\b", re.IGNORECASE)
_TASKS = (
    ("translate", re.compile(r"\btranslat(?:e|ion)\b", re.IGNORECASE)),
    ("summarise", re.compile(r"\b(?:summari[sz]e|summary|tl;?dr)\b", re.IGNORECASE)),
    ("write", re.compile(r"\b(?:write|compose|draft|brainstorm)\b", re.IGNORECASE)),
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


def features_of(body: Json) -> Features:
    """Features of a checked chat completion body. Cost does not grow with the text beyond `_LOOK_CHARS`."""
    messages = body["messages"]
    question = _last_user_text(messages)
    near = (
        question if len(question) <= _LOOK_CHARS else f"{question[: _LOOK_CHARS // 2]}\n{question[-_LOOK_CHARS // 2 :]}"
    )
    words = len(_WORD.findall(near))
    numbers = len(_NUMBER.findall(near))
    operations = len(_OPERATION.findall(near))
    code = min(1.0, len(_CODE.findall(near)) / 2)
    maths = _maths(near, words, operations)
    short = "" if code and not maths else asked(near)
    return Features(
        task=_task(near, short, code, maths),
        complexity=_complexity(near, words, numbers),
        language=_language(near),
        prompt_tokens=sum(_tokens(text) + 4 for text in _texts(messages)),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        turns=sum(1 for m in messages if m["role"] == "user"),
        short=short,
        needs=_needs(body),
        code=code,
        maths=maths,
    )


def _maths(text: str, words: int, operations: int) -> float:
    """How much the question looks like one for a solver: its operations and mathematical words against its length."""
    marks = operations + len(_MATHS_WORD.findall(text))
    return min(1.0, 5 * marks / (words + 6))


def _task(text: str, short: str, code: float, maths: float) -> str:
    if short not in {"choice", "yesno"} and (maths >= 0.6 or code):
        return "maths" if maths >= 0.6 else "code"
    if short == "label" and _EXTRACT.search(text):
        return "extract"
    if short:
        return "word_problem" if short == "number" else short
    return next((task for task, pattern in _TASKS if pattern.search(text)), "open")


def _complexity(text: str, words: int, numbers: int) -> float:
    """0 for a greeting, about 0.5 for a word problem of four sentences, towards 1 for long texts of many conditions."""
    steps = len(_STEPS.findall(text))
    load = words / 60 + numbers / 8 + steps / 6
    return load / (load + 2.5)


def _language(text: str) -> str:
    if not text.isascii():
        for language, pattern in _SCRIPTS:
            if pattern.search(text):
                return language
    seen = text[:600].lower().split()
    best = max(_LATIN, key=lambda entry: sum(1 for word in seen if word in entry[1]))
    return best[0] if any(word in best[1] for word in seen) else "en"


def _tokens(text: str) -> int:
    """About four characters a token in English, one or two elsewhere; mathematics and code take more."""
    return len(text) // 4 + 1 if text.isascii() else int(len(text) / 2.2) + 1


def _texts(messages: list[Json]) -> list[str]:
    texts = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, list):
            texts.extend(part["text"] for part in content if part.get("type") == "text")
    return texts


def _last_user_text(messages: list[Json]) -> str:
    for message in reversed(messages):
        if message["role"] == "user":
            return "\n".join(_texts([message]))
    return ""


def _needs(body: Json) -> frozenset[str]:
    needs: list[str] = []
    if body.get("tools") and body.get("tool_choice") != "none":
        needs.append("tools")
    form: Any = (body.get("response_format") or {}).get("type")
    if form in {"json_object", "json_schema"}:
        needs.append(form)
    if body.get("logprobs"):
        needs.append("logprobs")
    if (body.get("n") or 1) > 1:
        needs.append("n")
    for message in body["messages"]:
        content = message.get("content")
        if isinstance(content, list) and any(part.get("type") not in {"text", "refusal"} for part in content):
            needs.append("images")
            break
    return frozenset(needs)
