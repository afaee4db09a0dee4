"""Which scored questions are most like the one that is asked: for people, to see what an estimate is made of. Pure."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from rung.ledger import Graded
from rung.reasoners.wording import question_of
from rung.types import Features, Past

_WORD = re.compile(r"\w+")
# Only this much of a question is compared, and this much of it shown.
_LOOK_CHARS = 4000
_SHOW_CHARS = 200
# Without texts: log-odds of complexity that count as much as a prompt of e times the length.
_COMPLEXITY = 5.0


class PastQuestion(Struct, frozen=True):
    """What is kept of a scored decision. `words` and `text` are empty where its question was not kept."""

    decision_id: str
    tenant: str
    reasoner: str
    score: float
    features: Features
    words: frozenset[str]
    text: str


def past_of(graded: Graded) -> PastQuestion | None:
    """None where nobody answered, or the answer came from the cache: its first decision is the one to show."""
    decision = graded.decision
    if decision.features is None or decision.answered_by is None:
        return None
    text = question_of(graded.question) if graded.question is not None else ""
    return PastQuestion(
        decision.id,
        graded.tenant,
        decision.answered_by,
        graded.score,
        decision.features,
        _words(text),
        " ".join(text[: 2 * _SHOW_CHARS].split())[:_SHOW_CHARS],
    )


def nearest(question: str, features: Features, among: Iterable[PastQuestion], count: int = 5) -> tuple[Past, ...]:
    """The `count` that are most alike, likest first. By the words they share, the rarer the more (the cosine of their
    inverse document frequencies); of questions whose texts were not kept, by task, language, length and complexity."""
    known, words = list(among), _words(question)
    seen = Counter(chain.from_iterable(one.words for one in known))
    # Squares of inverse document frequencies; a word that all have in common still counts.
    weight = {word: (math.log((1 + len(known)) / (1 + seen[word])) + 1) ** 2 for word in seen.keys() | words}
    own = sum(weight[word] for word in words)
    pasts = []
    for one in known:
        likeness = _shared(words, own, one.words, weight) if one.words else _alike(features, one.features)
        if likeness > 0:
            pasts.append(
                Past(
                    decision_id=one.decision_id,
                    reasoner=one.reasoner,
                    score=one.score,
                    likeness=round(min(likeness, 1.0), 3),
                    question=one.text,
                )
            )
    return tuple(sorted(pasts, key=lambda past: -past.likeness)[:count])


def _shared(words: frozenset[str], own: float, past: frozenset[str], weight: Mapping[str, float]) -> float:
    common = sum(map(weight.__getitem__, words & past))
    return common / math.sqrt(own * sum(map(weight.__getitem__, past))) if common else 0.0


def _alike(asked: Features, past: Features) -> float:
    if (asked.task, asked.language, asked.short) != (past.task, past.language, past.short):
        return 0.0
    longer = math.log((1 + asked.prompt_tokens) / (1 + past.prompt_tokens))
    return math.exp(-abs(longer) - _COMPLEXITY * abs(asked.complexity - past.complexity))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text[:_LOOK_CHARS].lower()))


def with_new(known: Sequence[PastQuestion], new: Iterable[PastQuestion], most: int) -> tuple[PastQuestion, ...]:
    """The latest `most`; what is said again of a decision takes the place of what was said."""
    by_id = {one.decision_id: one for one in known}
    by_id.update({one.decision_id: one for one in new})
    return tuple(by_id.values())[-most:]
