import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.lanes.pace import Pace

GUESS = Pace(first_s=0.1, prompt_s_per_token=0.01, completion_s_per_token=0.03)
KNOWN = Pace(first_s=0.1, prompt_s_per_token=0.01, completion_s_per_token=0.03, calls=10)
SIZES = [(100, 50), (900, 10), (20, 300), (400, 100)]


def taught(pace, true, calls=80, *, in_pieces):
    for n in range(calls):
        prompt, completion = SIZES[n % len(SIZES)]
        first_s = true.first_s + true.prompt_s_per_token * prompt
        total_s = first_s + true.completion_s_per_token * (completion - 1)
        pace = pace.after(
            prompt_tokens=prompt,
            completion_tokens=completion,
            first_s=first_s if in_pieces else None,
            total_s=total_s,
        )
    return pace


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_machine_that_is_faster_or_slower_is_learned(factor, in_pieces):
    true = Pace(
        first_s=0.1, prompt_s_per_token=GUESS.prompt_s_per_token * factor,
        completion_s_per_token=GUESS.completion_s_per_token * factor,
    )  # fmt: skip
    pace = taught(GUESS, true, in_pieces=in_pieces)
    for size in SIZES:
        assert pace.seconds(*size) == pytest.approx(true.seconds(*size), rel=0.15)
    assert pace.calls == 80


def test_reading_and_writing_are_told_apart_where_an_answer_comes_in_pieces():
    true = Pace(first_s=0.1, prompt_s_per_token=0.05, completion_s_per_token=0.005)
    pace = taught(GUESS, true, in_pieces=True)
    assert pace.prompt_s_per_token == pytest.approx(0.05, rel=0.01)
    assert pace.completion_s_per_token == pytest.approx(0.005, rel=0.01)


def test_of_a_server_elsewhere_reading_belongs_to_its_distance():
    true = Pace(first_s=0.7, prompt_s_per_token=0.0, completion_s_per_token=0.02)
    pace = taught(Pace(first_s=0.1, prompt_s_per_token=0.0, completion_s_per_token=0.01), true, in_pieces=True)
    assert pace.prompt_s_per_token == 0.0
    assert pace.first_s == pytest.approx(0.7, rel=0.01)


@pytest.mark.parametrize("factor", [0.05, 10.0])
def test_a_guess_that_was_far_off_is_mostly_left_within_a_few_calls(factor):
    true = Pace(first_s=0.1, prompt_s_per_token=0.01 * factor, completion_s_per_token=0.03 * factor)
    pace = taught(GUESS, true, calls=8, in_pieces=True)
    assert 1 / 5 < pace.seconds(400, 100) / true.seconds(400, 100) < 5


@pytest.mark.parametrize(("prompt", "completion"), [(20, 10), (5, 400), (800, 8)])
def test_few_tokens_that_waited_for_others_say_little(prompt, completion):
    """A short prompt behind a long one waits until that is read, and who writes beside one is slow for as long."""
    pace = KNOWN.after(
        prompt_tokens=prompt, completion_tokens=completion, first_s=14.0, total_s=14.0 + 0.5 * completion
    )
    assert pace.seconds(1000, 300) < 1.5 * KNOWN.seconds(1000, 300)


@given(
    prompt=st.integers(0, 100_000),
    completion=st.integers(0, 100_000),
    first_s=st.none() | st.floats(0, 1e4),
    more_s=st.floats(0, 1e4),
)
def test_one_call_moves_it_a_little_and_never_below_nothing(prompt, completion, first_s, more_s):
    pace = KNOWN.after(
        prompt_tokens=prompt, completion_tokens=completion, first_s=first_s, total_s=(first_s or 0.0) + more_s
    )
    assert min(pace.first_s, pace.prompt_s_per_token, pace.completion_s_per_token) >= 0.0
    assert pace.completion_s_per_token >= 0.75 * KNOWN.completion_s_per_token
