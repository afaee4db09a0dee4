"""A graded file, and what a reasoner's answers to it amount to."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from math import ceil, sqrt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from rung.answers.grading import Grader, grade
from rung.answers.schemas import fits, frozen, parsed
from rung.errors import BadRequest
from rung.reasoners.code.asking import code_in
from rung.reasoners.code.given import assertions_in
from rung.sandbox import Jail
from rung.types import Json, Usage

Ending = Literal["right", "wrong", "abstained", "failed"]
BINS = 10
_Z95 = 1.959964


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of a graded file. `answer` is the right one, or the tests that code has to pass; `choices` are the options
    of a `letter` or the values of an `exact` answer; `schema` is one that is asked for."""

    question: Annotated[str, Meta(min_length=1)]
    answer: Annotated[str, Meta(min_length=1)]
    grader: Grader | Literal["json", "tests"]
    choices: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None

    @property
    def params(self) -> Json:
        """What the question is asked with."""
        if self.schema is None:
            return {}
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": self.schema}}}

    async def is_right(self, text: str) -> bool:
        """Raises Unavailable where code is to be run and cannot be isolated."""
        if self.grader == "tests":
            code = code_in(text)
            return bool(code) and (await Jail().run(code, assertions_in(self.answer))).whole
        if self.grader == "json":
            is_json, value = parsed(text)
            gold = parsed(self.answer)[1]
            return is_json and bool(value == gold and frozen(value) == frozen(gold))
        return grade(text, self.answer, self.grader, self.choices)

    def is_sound(self) -> bool:
        """Whether there is an answer that it would mark right."""
        if self.grader == "tests":
            tests = assertions_in(self.answer)  # nothing else is run, and nothing twice
            return bool(tests) and set("\n".join(tests).split()) == set(self.answer.split())
        if self.grader == "json":
            is_json, value = parsed(self.answer)
            return is_json and (self.schema is None or bool(fits(value, self.schema)))
        return grade(f"Answer: {self.answer}", self.answer, self.grader, self.choices)


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of an item: `right_prob` is the verdict on the answer, `usage` what it took, also for no answer."""

    ending: Ending
    seconds: float
    right_prob: float | None = None
    usage: Usage = Usage()
    reason: str = ""


class Scores(Struct, frozen=True, kw_only=True):
    """Of all items: `right_share` with its 95% interval (Wilson), the shares of abstentions and failures, and the mean
    of USD. Of those answered: `accuracy`; `ece`, how far the verdicts' probabilities are from the shares right; seconds
    by nearest rank; the mean of tokens written."""

    n: int
    right: int
    wrong: int
    abstained: int
    failed: int
    right_share: float
    interval: tuple[float, float]
    accuracy: float | None
    abstained_share: float
    ece: float | None
    p50_s: float | None
    p95_s: float | None
    mean_usd: float
    mean_tokens: float | None


def read_items(raw: bytes, source: str) -> list[Item]:
    """The items of a JSONL file. Raises BadRequest naming `source` and the line."""
    items = []
    for number, line in enumerate(raw.removeprefix(BOM_UTF8).splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = msgspec.json.decode(line, type=Item)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest(
                f'{source}, line {number}: {error}. A line is {{"question": "...", "answer": "...", "grader": '
                '"number"}, the grader being number, letter, exact, symbolic, json or tests, and `choices` or a '
                "`schema` where there are some."
            ) from None
        if not item.is_sound():
            raise BadRequest(
                f"{source}, line {number}: the grader {item.grader!r} would not mark {item.answer!r} itself right; "
                "mend one of them."
            )
        items.append(item)
    if not items:
        raise BadRequest(f"{source} holds no items.")
    return items


def scores(outcomes: Sequence[Outcome]) -> Scores:
    counts = {
        ending: sum(one.ending == ending for one in outcomes) for ending in ("right", "wrong", "abstained", "failed")
    }
    answered = [one for one in outcomes if one.ending in {"right", "wrong"}]
    n = len(outcomes)
    return Scores(
        n=n,
        **counts,
        right_share=counts["right"] / n if n else 0.0,
        interval=wilson(counts["right"], n),
        accuracy=counts["right"] / len(answered) if answered else None,
        abstained_share=counts["abstained"] / n if n else 0.0,
        ece=ece([(one.right_prob, one.ending == "right") for one in answered if one.right_prob is not None]),
        p50_s=rank([one.seconds for one in answered], 0.5),
        p95_s=rank([one.seconds for one in answered], 0.95),
        mean_usd=_mean([one.usage.usd for one in outcomes]) or 0.0,
        mean_tokens=_mean([one.usage.completion_tokens for one in answered]),
    )


def ece(judged: Iterable[tuple[float, bool]]) -> float | None:
    """The expected calibration error over BINS bins of equal width: the mean, weighted by a bin's share, of the
    distance between its mean probability and its share right (Guo et al. 2017, arXiv:1706.04599). It is biased upwards
    where bins hold few."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for prob, right in judged:
        bins.setdefault(min(int(prob * BINS), BINS - 1), []).append((prob, right))
    n = sum(map(len, bins.values()))
    if not n:
        return None
    return sum(abs(sum(prob for prob, _ in one) - sum(right for _, right in one)) for one in bins.values()) / n


def rank(values: Iterable[float], share: float) -> float | None:
    """The quantile by nearest rank."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)) - 1, 0)] if ordered else None


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95% score interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    share, spread = hits / of, _Z95**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
