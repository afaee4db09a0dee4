"""Signals and priors in, the chance that each answer is right out."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from math import log
from typing import Any

import msgspec
from msgspec import Struct

from rung.answers import extract, options_of
from rung.odds import sigmoid
from rung.reasoners.wording import question_of
from rung.types import Answer, Estimate, Features, Json, Verdict
from rung.verdicts.agreement import Said, support
from rung.verdicts.arithmetic import LOOK_CHARS, read
from rung.verdicts.signals import Seen, signals_of
from rung.verdicts.weights import weights_for

Verify = Callable[[Features, Mapping[str, Estimate], Sequence[Answer], Json], Coroutine[Any, None, tuple[Verdict, ...]]]

# What was computed exactly; no other signal says more about it.
EXACT_RIGHT_PROB = 0.995
# For a reasoner that nobody has an estimate of.
UNKNOWN_RIGHT_PROB = 0.5
# No verdict is surer than this, either way.
SUREST = 0.995
# Log-odds up to which evidence is a matter of trust.
DOUBTED = 3.0


class Known(Struct, frozen=True, kw_only=True):
    """What is known of the reasoners whose answers are judged: their kinds by name, as the config calls them, and
    the trust in what is seen of a reasoner's answers to a type of task, as `Trust` has it; 1 if not given."""

    kinds: Mapping[str, str] = {}
    trust: Callable[[str, str], float] | None = None

    def kind(self, reasoner: str) -> str:
        return self.kinds.get(reasoner, "")


async def verify(
    features: Features,
    estimates: Mapping[str, Estimate],
    answers: Sequence[Answer],
    body: Json,
    known: Known = Known(),  # noqa: B008  frozen
) -> tuple[Verdict, ...]:
    """One verdict for each of `answers`, in their order, with all of them in hand.

    right_prob = sigmoid(logit(prior) + sum of weight * signal + what the others' answers add), the prior being the
    reasoner's own estimate: where there is no signal, it stands. `estimates` are by reasoner's name, as they were
    before any answer. A verdict's signals are those of the reasoner itself, as it gave them, and those of SIGNALS;
    `others` are log-odds. Where `trust` is not 1 it is a signal too, and has scaled what is added.
    """
    seen = [_look(features, answer, body) for answer in answers]
    alone = [_alone(one, estimates.get(one.answer.reasoner), known) for one in seen]
    if len(alone) == 1:
        return (alone[0],)
    said = [Said(s.final, v.right_prob, known.kind(s.answer.reasoner)) for s, v in zip(seen, alone, strict=True)]
    return tuple(_joined(verdict, support(at, said, features.short)) for at, verdict in enumerate(alone))


def _look(features: Features, answer: Answer, body: Json) -> Seen:
    choice = answer.choices[0]
    options = options_of(question_of(body)) if features.short in {"choice", "label"} else ()
    text = f"{choice.reasoning[-LOOK_CHARS:]}\n{choice.text[-LOOK_CHARS:]}"
    return Seen(
        body=body,
        features=features,
        answer=answer,
        choice=choice,
        text=text,
        working=read(text),
        final=extract(choice.text, features.short, options),
    )


def _alone(seen: Seen, estimate: Estimate | None, known: Known) -> Verdict:
    """The verdict on an answer by itself."""
    prior = UNKNOWN_RIGHT_PROB if estimate is None else estimate.right_prob
    if seen.answer.signals.get("exact") and seen.choice.text.strip():
        return Verdict(right_prob=max(prior, EXACT_RIGHT_PROB), signals=seen.answer.signals)
    signals = signals_of(seen)
    weights = weights_for(known.kind(seen.answer.reasoner), seen.features.task)
    by_signal = weights.by_signal
    moved = sum([by_signal[name][value > 0] * value for name, value in signals.items()]) if signals else 0.0
    if "least_token" in signals:
        moved += weights.offset
    signals = {**seen.answer.signals, **signals}
    if known.trust is not None and (trust := known.trust(seen.answer.reasoner, seen.features.task)) != 1:
        signals["trust"] = trust
        moved = _scaled(moved, trust)
    return Verdict(right_prob=shifted(prior, moved), signals=signals)


def _joined(verdict: Verdict, moved: float | None) -> Verdict:
    if moved is None:
        return verdict
    moved = _scaled(moved, verdict.signals.get("trust", 1.0))
    signals = {**verdict.signals, "others": moved}
    if "exact" in verdict.signals:
        return msgspec.structs.replace(verdict, signals=signals)
    return msgspec.structs.replace(verdict, right_prob=shifted(verdict.right_prob, moved), signals=signals)


def _scaled(moved: float, trust: float) -> float:
    """What goes beyond DOUBTED stands: an empty answer is wrong whatever was learned."""
    doubted = min(max(moved, -DOUBTED), DOUBTED)
    return moved + (trust - 1) * doubted


def shifted(prob: float, by: float) -> float:
    if not by:
        return prob
    prob = min(max(prob, 1 - SUREST), SUREST)
    return min(sigmoid(log(prob / (1 - prob)) + by), SUREST)
