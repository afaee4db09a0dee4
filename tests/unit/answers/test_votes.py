from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from rung.answers import Majority, majority


def test_answers_that_say_the_same_are_one_group() -> None:
    assert majority(["12", "13", "12.0"]) == Majority(answer="12", at=(0, 2), share=2 / 3, decided=True)


def test_the_speechless_count_against() -> None:
    assert majority([None, "12", None]).share == 1 / 3
    assert majority([None, None]) == Majority(answer=None, at=(), share=0.0, decided=True)
    assert not majority([None], to_come=1).decided


def test_two_of_three_decide() -> None:
    assert majority(["a", "a"], to_come=1).decided
    assert not majority(["a", "b"], to_come=1).decided
    assert not majority(["a"], to_come=2).decided


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=4), st.integers(0, 3))
def test_decided_means_that_no_rest_changes_the_winner(found: list[str | None], to_come: int) -> None:
    now = majority(found, to_come)
    winners = {majority([*found, *rest]).answer for rest in product(["a", "b", "c", "d", None], repeat=to_come)}
    assert now.decided == (winners == {now.answer})
