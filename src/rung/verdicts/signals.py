"""What can be seen of one answer. Each signal is a pure function of what is Seen, in the range its docstring gives, or
None where it says nothing."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from math import exp, sqrt
from statistics import fmean

from msgspec import Struct

from rung.answers import reads_off
from rung.answers.numerals import as_number, numbers_in, plain
from rung.reasoners.wording import question_of
from rung.types import Answer, Choice, Features, Json
from rung.verdicts.arithmetic import Working
from rung.verdicts.formats import json_form, python_form, tools_form

_REFUSAL = re.compile(
    r"\W*(?:i'?m (?:really |very |so )?sorry,? (?:but|i can|i am|however)|sorry,? (?:but )?i\W"
    r"|i (?:can(?:no|')t|am unable to|am not able to|won't) (?:help|assist|provide|answer|do|comply"
    r"|fulfill|access|determine|process)"
    r"|as an? (?:ai\W|artificial intelligence|language model)|i apologi[sz]e,? but"
    r"|unfortunately,? i (?:can(?:no|')t|am unable|am not able))",
    re.IGNORECASE,
)
# What it begins with, in all its forms, and the characters after which it is seen whether one is one.
_REFUSALS_BEGIN = (
    *(f"i'm {how}sorry" for how in ("", "really ", "very ", "so ")),
    *("im sorry", "sorry", "i can't ", "i cannot ", "i am unable to", "i am not able to", "i won't ", "i apologi"),
    *("as an ai", "as a ai", "as an artificial", "as a language", "unfortunately, i ", "unfortunately i "),
)
_SEEN_CHARS = 80
_UNSURE = re.compile(
    r"\b(?:i (?:don't|do not) know|i'?m not sure|cannot be determined|can't be determined|not enough information"
    r"|insufficient information|none of the (?:above|options)|impossible to (?:say|tell|determine)|unclear)\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    r"\bhow many (?!hours|minutes|days|weeks|months|years|more|less|times|percent|points|dollars|miles|feet|inches"
    r"|acres|km|kilo|met(?:er|re)s|lit(?:er|re)s|gallons|cups|pounds|ounces|tons|grams)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_MARKS = re.compile(r"\A\W+")
_FEWEST_RUNS = 24
_UNTHINKABLE = 1e300


class Seen(Struct, frozen=True, kw_only=True):
    """An answer with what it is judged by: `choice` is its first, `text` the end of reasoning and text together,
    `working` the arithmetic in it, `final` the short answer extracted from the text, if there is one."""

    body: Json
    features: Features
    answer: Answer
    choice: Choice
    text: str
    working: Working
    final: str | None

    @property
    def question(self) -> str:
        return question_of(self.body)


Signal = Callable[[Seen], float | None]


def empty(seen: Seen) -> float | None:
    """1: neither text nor a tool call."""
    return None if seen.choice.text.strip() or seen.choice.tool_calls else 1.0


def cut_off(seen: Seen) -> float | None:
    """1: the model was stopped by a length it was not told; 0.5: by the user's own bound."""
    if seen.choice.finish != "length":
        return None
    return 1.0 if seen.features.max_tokens is None else 0.5


def refusal(seen: Seen) -> float | None:
    """1: begins with a refusal, or was stopped by a filter."""
    refused = seen.choice.finish == "content_filter" or _REFUSAL.match(seen.choice.text[:400].replace("\u2019", "'"))
    return 1.0 if refused else None


def refuses(beginning: str) -> bool | None:
    """Whether an answer that begins so is a refusal; None as long as it may become one."""
    said = _MARKS.sub("", beginning[:400].replace("\u2019", "'")).lower()
    if not any(said.startswith(words) or words.startswith(said) for words in _REFUSALS_BEGIN):
        return False
    if _REFUSAL.match(said):
        return True
    return None if len(said) < _SEEN_CHARS else False


def unsure(seen: Seen) -> float | None:
    """1: its last sentences say that it does not know."""
    return 1.0 if seen.features.short and _UNSURE.search(seen.choice.text[-400:].replace("\u2019", "'")) else None


def repetition(seen: Seen) -> float | None:
    """0..1: how much of the last 240 words repeats runs of six words from before; None below a quarter."""
    if len(seen.text) < _FEWEST_RUNS * 2:
        return None  # too few words, however short they are
    words = _WORD.findall(seen.text[-3000:].lower())[-240:]
    runs = list(zip(*(words[i:] for i in range(6)), strict=False))
    if len(runs) < _FEWEST_RUNS:
        return None
    repeated = 1 - len(set(runs)) / len(runs)
    return repeated if repeated > 0.25 else None


def no_answer(seen: Seen) -> float | None:
    """1: a short answer was asked for, and none is found."""
    return 1.0 if seen.features.short and seen.final is None and not seen.choice.tool_calls else None


def form(seen: Seen) -> float | None:
    """1: the JSON or the tool calls asked for are as asked; -1: they are not."""
    checks = [json_form(seen.answer, seen.body), tools_form(seen.answer, seen.body)]
    told = [check for check in checks if check is not None]
    return None if not told else (1.0 if all(told) else -1.0)


def copied(seen: Seen) -> float | None:
    """1: a value that was to be read off the question's text stands in it; -1: it does not."""
    if not seen.final or not reads_off(seen.question):
        return None
    number = _number(seen)
    stands = (
        _words(seen.final) in _words(seen.question) if number is None else number in numbers_in(plain(seen.question))
    )
    return 1.0 if stands else -1.0


def supported(seen: Seen) -> float | None:
    """-1..1: share of the values read off a text that stand in it, 0 at a half; what does not is taken out, but who
    made it up may have misread the rest."""
    found = seen.answer.signals.get("found")
    return None if found is None else 2 * found - 1


def vote(seen: Seen) -> float | None:
    """-1..1: share of a vote's samples behind the winner, 0 at two of three, 1 when all agree."""
    share, samples = seen.answer.signals.get("agreement"), seen.answer.signals.get("samples", 0.0)
    if share is None or samples < 2:
        return None
    return min(max((share - 2 / 3) * 3, -1.0), 1.0)


def judge(seen: Seen) -> float | None:
    """Log-odds: what a judge's word on it adds, where one was asked."""
    return seen.answer.signals.get("judge")


def passed_tests(seen: Seen) -> float | None:
    """1: code that passed every test that was given; -1: it did not. For tests of its own making, half of that, by the
    share that passed."""
    tests, share = seen.answer.signals.get("tests", 0.0), seen.answer.signals.get("tests_passed", 0.0)
    if not tests:
        return None
    if seen.answer.signals.get("tests_given"):
        return 1.0 if share == 1 else -1.0
    return share - 0.5


def code_form(seen: Seen) -> float | None:
    """1: Python was asked for, parses, and defines what the tests given call; -1: it does not. None where it was run
    with tests."""
    if seen.features.task != "code" or seen.answer.signals.get("tests"):
        return None
    formed = python_form(seen.answer, seen.question)
    return None if formed is None else (1.0 if formed else -1.0)


def left_out(seen: Seen) -> float | None:
    """1: a program that does without a number which the question gives."""
    return 1.0 if seen.answer.signals.get("unused_numbers") else None


def program_token(seen: Seen) -> float | None:
    """-1..1: as `mean_token`, of a program: nothing in it is there for style."""
    return mean_token(seen) if "unused_numbers" in seen.answer.signals else None


def repaired(seen: Seen) -> float | None:
    """1: a program or code that was wrong at first."""
    return 1.0 if seen.answer.signals.get("mended") else None


def first_token(seen: Seen) -> float | None:
    """-1..1: the probability of the first token of a short answer given alone, 0 at 0.7."""
    if not seen.features.short or len(seen.choice.text) > 60 or seen.choice.reasoning:
        return None
    prob = seen.answer.signals.get("first_token_prob")
    if prob is None and (logprobs := _logprobs(seen)):
        prob = exp(logprobs[0])
    return None if prob is None else (prob - 0.7) / (0.3 if prob >= 0.7 else 0.7)


def mean_token(seen: Seen) -> float | None:
    """-1..1: mean log-probability of a longer answer's tokens, 0 at -0.15, 1 at 0, -1 at -0.3 and below."""
    if seen.features.short and len(seen.choice.text) <= 60 and not seen.choice.reasoning:
        return None
    mean = seen.answer.signals.get("mean_logprob")
    if mean is None and (logprobs := _logprobs(seen)):
        mean = fmean(logprobs)
    return None if mean is None else min(max((mean + 0.15) / 0.15, -1.0), 1.0)


def least_token(seen: Seen) -> float | None:
    """-1.5..1: log-probability of the least likely token, 0 at -1.2, 1 at 0: one doubt is enough to go astray."""
    least = seen.answer.signals.get("min_logprob")
    if least is None and (logprobs := _logprobs(seen)):
        least = min(logprobs)
    return None if least is None else max((least + 1.2) / 1.2, -1.5)


def wrong_arithmetic(seen: Seen) -> float | None:
    """0..1: root of the share of the text's computations that do not hold: one false step spoils what follows."""
    claims = seen.working.claims
    return sqrt(sum(not claim.holds for claim in claims) / len(claims)) if claims else None


def checked_arithmetic(seen: Seen) -> float | None:
    """1: at least two computations, and all hold."""
    claims = seen.working.claims
    return 1.0 if len(claims) > 1 and all(claim.holds for claim in claims) else None


def concludes(seen: Seen) -> float | None:
    """1: the final number is the result of the last computation; -1: of none of them."""
    results = seen.working.results
    if not results or (number := _number(seen)) is None:
        return None
    return 1.0 if number == results[-1] else (-1.0 if number not in results else None)


def implausible(seen: Seen) -> float | None:
    """1: "how many" of countable things, and the answer is negative, or broken where nothing in the question is."""
    question = seen.question[-2000:]
    if "how many " not in question.lower() or (number := _number(seen)) is None or not _HOW_MANY.search(question):
        return None
    broken = number.denominator > 1 and all(given.denominator == 1 for given in _given(seen))
    return 1.0 if number < 0 or broken else None


def unused(seen: Seen) -> float | None:
    """1: the working computes without a number that the question gives."""
    if seen.features.short != "number" or not seen.working.claims:
        return None
    return 1.0 if not set(_given(seen)) <= set(numbers_in(plain(seen.text))) else None


def _given(seen: Seen) -> list[Fraction]:
    return numbers_in(plain(seen.question[-2000:]))


def _logprobs(seen: Seen) -> list[float]:
    told = map(logprob_of, seen.choice.logprobs)
    return [value for value in told if value is not None]


def logprob_of(entry: Json) -> float | None:
    """None where it is nothing that a float can hold: an endpoint may leave it out, or write -9999 for a chance of
    nothing."""
    value = entry.get("logprob")
    return min(float(value), 0.0) if isinstance(value, int | float) and abs(value) < _UNTHINKABLE else None


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _number(seen: Seen) -> Fraction | None:
    return as_number(seen.final) if seen.features.short == "number" and seen.final else None


SIGNALS: Mapping[str, Signal] = {
    signal.__name__: signal
    for signal in (
        empty,
        cut_off,
        refusal,
        unsure,
        repetition,
        no_answer,
        form,
        copied,
        supported,
        vote,
        judge,
        passed_tests,
        code_form,
        left_out,
        program_token,
        repaired,
        first_token,
        mean_token,
        least_token,
        wrong_arithmetic,
        checked_arithmetic,
        concludes,
        implausible,
        unused,
    )
}
# What must be there for a signal to say anything; the others may always.
_OF_SHORT = {unsure, no_answer, first_token}
_OF_NUMBERS = {concludes, implausible, unused}
_OF_CODE = {code_form}
_OF_FORM = {form}
_OF_FINAL = {copied, concludes, implausible}
_OF_TOLD = {
    supported,
    vote,
    judge,
    passed_tests,
    left_out,
    program_token,
    repaired,
    first_token,
    mean_token,
    least_token,
}
_OF_WORKING = {wrong_arithmetic, checked_arithmetic, concludes, unused}


def signals_of(seen: Seen) -> dict[str, float]:
    """What each of SIGNALS says that says something, in their order. Most are not even asked: of a plain answer to an
    open question four are."""
    choice, features, body = seen.choice, seen.features, seen.body
    may_say = _may_say(
        features.short,
        features.task == "code",
        bool(choice.tool_calls or body.get("response_format") or body.get("tools")),
        bool(seen.final),
        bool(seen.answer.signals or choice.logprobs),
        bool(seen.working.results),
    )
    return {name: value for name, signal in may_say if (value := signal(seen)) is not None}


@cache
def _may_say(
    short: str, code: bool, formed: bool, final: bool, told: bool, worked: bool
) -> tuple[tuple[str, Signal], ...]:
    there = (
        (_OF_SHORT, bool(short)),
        (_OF_NUMBERS, short == "number"),
        (_OF_CODE, code),
        (_OF_FORM, formed),
        (_OF_FINAL, final),
        (_OF_TOLD, told),
        (_OF_WORKING, worked),
    )
    silent = {signal for signals, is_there in there if not is_there for signal in signals}
    return tuple((name, signal) for name, signal in SIGNALS.items() if signal not in silent)
