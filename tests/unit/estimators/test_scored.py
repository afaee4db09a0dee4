"""What scored decisions say of who answered, and of nobody else."""

import math

import pytest
from msgspec.structs import replace

from rung.errors import ConfigError
from rung.estimators.outcomes import LEAST
from rung.estimators.scored import outcomes_of
from rung.ledger import Graded
from rung.types import Decision, Step, Usage, Verdict


def step(name, outcome, tokens, right_prob=None):
    verdict = None if right_prob is None else Verdict(right_prob=right_prob)
    usage = Usage(completion_tokens=tokens, usd=0.5)
    return Step(reasoner=name, reserve=0.5, outcome=outcome, started_s=0.0, ended_s=1.0, usage=usage, verdict=verdict)


def graded(number, *steps):
    decision = Decision(id=str(number), model="auto", preset="balanced", steps=steps, answered_by=steps[-1].reasoner)
    question = {"messages": [{"role": "user", "content": f"What is {number} + 1?"}]}
    return Graded(begun=number, seq=number, wall_s=0.0, score=1.0, decision=decision, question=question)


def test_a_judges_step_is_no_answer_of_its_own():
    """`large` judges what `small` says; on half of the questions it answers itself."""
    small, word = step("small", "answered", 90, 0.4), step("large", "judged", 1)
    own = step("large", "answered", 200, 0.9)
    ends = ([small, word, step("small", "answered", 90, 0.8)], [small, word, own, step("large", "unjudged", 2)])
    known = outcomes_of([graded(n, *ends[n % 2][:3]) for n in range(LEAST)])
    at = known.reasoners.index("large")
    assert [math.isnan(score) for score in known.scores[:2, at]] == [True, False]
    assert known.tokens is not None
    assert known.tokens[1, at] == 200


def test_a_word_that_came_after_its_own_answer_does_not_count_as_its_tokens():
    steps = [step("large", "answered", 200, 0.5), step("small", "answered", 90, 0.6), step("large", "judged", 1)]
    known = outcomes_of([graded(n, *steps) for n in range(LEAST)])
    assert known.tokens is not None
    assert set(known.tokens[:, known.reasoners.index("large")]) == {200.0}


def test_an_answer_that_was_dropped_half_way_says_how_likely_it_was_right_and_not_how_long():
    begun, own = step("small", "dropped", 8, 0.2), step("large", "answered", 200, 0.9)
    whole = step("small", "answered", 90, 0.8)
    known = outcomes_of([graded(n, *([begun, own] if n % 2 else [whole])) for n in range(LEAST)])
    at = known.reasoners.index("small")
    assert known.scores[:2, at].tolist() == pytest.approx([1.0, 0.2])
    for took, whole_took in ((known.tokens, 90), (known.usd, 0.5), (known.seconds, 1.0)):
        assert took is not None
        assert took[0, at] == whole_took
        assert math.isnan(took[1, at])
    assert list(known.costs()) == ["usd", "seconds"]


def test_an_answer_out_of_the_cache_is_no_question_to_learn_from():
    asked = [graded(n, step("small", "answered", 90, 0.4), step("large", "answered", 90, 0.8)) for n in range(LEAST)]
    kept = [
        replace(one, decision=replace(one.decision, steps=(), cache="exact"))
        for one in (graded(n, step("small", "answered", 90, 0.4)) for n in range(LEAST, 2 * LEAST))
    ]
    assert len(outcomes_of([*asked, *kept]).questions) == LEAST
    with pytest.raises(ConfigError, match="there are 1,"):
        outcomes_of([asked[0], *kept])
