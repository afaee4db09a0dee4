import pytest
from msgspec.structs import replace

from rung.ledger import Graded
from rung.runtime.nearest import nearest, past_of, with_new
from rung.types import Decision
from tests.unit.conftest import FEATURES


def features(task="open", complexity=0.3, prompt_tokens=20):
    return replace(FEATURES, task=task, complexity=complexity, prompt_tokens=prompt_tokens)


def graded(name, text=None, *, score=1.0, answered_by="one", of=None):
    decision = Decision(
        id=name, model="auto", preset="balanced", features=of or features(), answered_by=answered_by, right_prob=0.8
    )
    question = {"messages": [{"role": "user", "content": text}]} if text is not None else None
    return Graded(begun=1, seq=1, wall_s=1.0, score=score, decision=decision, question=question)


def ids(pasts):
    return [past.decision_id for past in pasts]


def test_the_same_question_is_nearest_and_rare_words_count_more():
    known = [
        past_of(graded("same", "What is the capital of Peru?")),
        past_of(graded("rare", "Is Peru large?")),
        past_of(graded("common", "What is the time?")),
        past_of(graded("other", "Sing something.")),
        *(past_of(graded(f"more {n}", f"What is the sum of {n} numbers?")) for n in range(10)),
    ]
    found = nearest("What is the capital of Peru?", features(), known)
    assert ids(found)[:2] == ["same", "rare"]
    assert "other" not in ids(found)
    assert found[0].likeness == 1
    assert found[0].question == "What is the capital of Peru?"
    assert ids(nearest("What is the capital of Peru?", features(), known, count=1)) == ["same"]


def test_few_questions_about_the_same_are_alike():
    known = [past_of(graded(f"{n}", f"When did the king begin war number {n}?")) for n in range(3)]
    found = nearest("When did the king begin war number 7?", features(), known)
    assert len(found) == 3
    assert all(0.5 < past.likeness < 1 for past in found)


def test_without_texts_questions_of_the_same_kind_are_near():
    known = [
        past_of(graded("far", of=features(complexity=0.9, prompt_tokens=900))),
        past_of(graded("near", of=features(complexity=0.31))),
        past_of(graded("another task", of=features("maths"))),
    ]
    found = nearest("What is the capital of Peru?", features(), known)
    assert ids(found) == ["near", "far"]
    assert {past.question for past in found} == {""}
    assert 0 < found[1].likeness < found[0].likeness <= 1


@pytest.mark.parametrize("text", ["", "?!"])
def test_a_question_without_words_is_like_none(text):
    assert nearest(text, features(), [past_of(graded("a", "What is the time?"))]) == ()


def test_long_questions_are_shown_shortened():
    assert len(past_of(graded("a", "word " * 500)).text) <= 200


def test_an_answer_from_the_cache_is_not_shown():
    one = graded("a")
    from_cache = Graded(
        begun=1,
        seq=1,
        wall_s=1.0,
        score=1.0,
        decision=Decision(id="a", model="auto", preset="balanced", answered_by="one"),
    )
    assert past_of(one) is not None
    assert past_of(from_cache) is None


def test_the_latest_are_kept_and_the_last_word_counts():
    a, b, c = (past_of(graded(name)) for name in "abc")
    again = past_of(graded("b", score=0.0))
    assert with_new([a, b], [c, again], 2) == (again, c)
