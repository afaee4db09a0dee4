import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rung.answers import asked
from rung.types import Answer, Choice
from rung.verdicts import early_verdict
from tests.unit.conftest import FEATURES

SUM = "Joan has 12 shells and finds 30 more. How many shells does she have?"


def prob(text: str, *, reasoning: str = "", mean_logprob: float | None = None) -> float:
    features = replace(FEATURES, task="word_problem", short=asked(SUM))
    signals = {} if mean_logprob is None else {"mean_logprob": mean_logprob}
    answer = Answer(reasoner="a", choices=(Choice(text=text, reasoning=reasoning),), signals=signals)
    return early_verdict(features, "local", 0.6, answer, {"messages": [{"role": "user", "content": SUM}]}).right_prob


def test_a_beginning_that_says_nothing_leaves_what_was_expected() -> None:
    assert prob("Joan has") == pytest.approx(0.6)


def test_a_refusal_shows_at_once() -> None:
    assert prob("I'm sorry, but I can't help with") < 0.2


def test_a_false_step_shows_before_the_end() -> None:
    wrong, right = "12 + 30 = 52.\nSo Joan", "12 + 30 = 42.\nSo Joan"
    assert prob(wrong) < 0.3 < prob(right)
    assert prob("", reasoning=wrong) < 0.3


@given(st.integers(0, 40))
def test_what_is_only_half_written_is_not_held_against_it(end: int) -> None:
    assert prob("First, 12 + 30 = 42. Then 42 - 12 = 30.\n"[:end]) >= 0.6 - 1e-9


def test_sure_tokens_speak_for_it_once_there_is_text_enough() -> None:
    text = "Joan starts with twelve shells, and then she finds thirty more shells, so"
    assert prob(text, mean_logprob=-0.3) < prob(text, mean_logprob=-0.15) < prob(text, mean_logprob=-0.01)
    assert prob("Joan", mean_logprob=-0.01) == pytest.approx(0.6)
