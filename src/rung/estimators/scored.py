"""Outcomes out of the ledger's scored decisions, for the estimators that learn from questions."""

from collections.abc import Sequence

import numpy as np

from rung.errors import ConfigError
from rung.estimators.outcomes import LEAST, Outcomes
from rung.ledger import Graded
from rung.reasoners.wording import question_of


def outcomes_of(graded: Sequence[Graded]) -> Outcomes:
    """Of the decisions whose questions were kept. An answer that was looked at and not served counts by its verdict:
    served ones look right, and are right more often than all.

    Raises ConfigError where there are too few questions, or fewer than two reasoners.
    """
    rows = [(question_of(one.question), one) for one in graded if one.question is not None]
    rows = [(question, one) for question, one in rows if question.strip()]
    scores = [_scores(one) for _, one in rows]
    reasoners = tuple(sorted({name for row in scores for name in row}))
    different = len({question for question, _ in rows})
    if different < LEAST or len(reasoners) < 2:
        raise ConfigError(
            f"an artefact needs {LEAST} scored questions that differ, whose texts were kept (`ledger.text: true`), "
            f"answered by two rungs or more; there are {different}, answered by {', '.join(reasoners) or 'none'}"
        )
    table = np.full((len(rows), len(reasoners)), np.nan, np.float32)
    tokens = np.full_like(table, np.nan)
    for at, ((_, one), row) in enumerate(zip(rows, scores, strict=True)):
        for name, score in row.items():
            table[at, reasoners.index(name)] = score
        for step in one.decision.steps:
            if step.verdict is not None and step.reasoner in row and step.usage.completion_tokens:
                tokens[at, reasoners.index(step.reasoner)] = step.usage.completion_tokens
    known = bool((~np.isnan(tokens)).any(0).all())
    return Outcomes(
        questions=tuple(question for question, _ in rows),
        reasoners=reasoners,
        scores=table,
        tokens=tokens if known else None,
    )


def _scores(graded: Graded) -> dict[str, float]:
    """By reasoner, of those that answered. An answer out of the cache is its first decision's."""
    decision = graded.decision
    answered = {step.reasoner: step.verdict.right_prob for step in decision.steps if step.verdict is not None}
    if decision.answered_by in answered:
        answered[decision.answered_by] = graded.score
    return answered
