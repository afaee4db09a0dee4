"""Outcomes out of the ledger's scored decisions, for the estimators that learn from questions."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from rung.errors import ConfigError
from rung.estimators.outcomes import LEAST, Outcomes, different
from rung.ledger import Graded
from rung.reasoners.wording import question_of


def outcomes_of(graded: Sequence[Graded]) -> Outcomes:
    """Of the decisions whose questions were kept and that called somebody who answered. An answer that was looked at
    and not served counts by its verdict: served ones look right, and are right more often than all.

    Raises ConfigError where there are too few questions, or fewer than two reasoners.
    """
    rows = [(question_of(one.question), one, _scores(one)) for one in graded if one.question is not None]
    rows = [(question, one, scores) for question, one, scores in rows if question.strip() and scores]
    reasoners = tuple(sorted({name for _, _, scores in rows for name in scores}))
    questions = tuple(question for question, _, _ in rows)
    count = different(questions)
    if count < LEAST or len(reasoners) < 2:
        raise ConfigError(
            f"an artefact needs {LEAST} scored questions that differ, whose texts were kept (`ledger.text: true`), "
            f"answered by two rungs or more; there are {count}, answered by {', '.join(reasoners) or 'none'}"
        )
    table = np.full((len(rows), len(reasoners)), np.nan, np.float32)
    usd, seconds, tokens = (np.full_like(table, np.nan) for _ in range(3))
    for at, (_, one, scores) in enumerate(rows):
        for name, score in scores.items():
            table[at, reasoners.index(name)] = score
        for step in one.decision.steps:
            if step.outcome == "answered" and step.usage.completion_tokens:
                place = at, reasoners.index(step.reasoner)
                usd[place], seconds[place] = step.usage.usd, step.ended_s - step.started_s
                tokens[place] = step.usage.completion_tokens
    outcomes = Outcomes(questions=questions, reasoners=reasoners, scores=table)
    known = bool((~np.isnan(tokens)).any(0).all())
    return replace(outcomes, usd=usd, seconds=seconds, tokens=tokens) if known else outcomes


def _scores(graded: Graded) -> dict[str, float]:
    """By reasoner, of those that answered. An answer out of the cache is its first decision's."""
    decision = graded.decision
    answered = {step.reasoner: step.verdict.right_prob for step in decision.steps if step.verdict is not None}
    if decision.answered_by in answered:
        answered[decision.answered_by] = graded.score
    return answered
