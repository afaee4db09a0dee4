from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.estimators.drift import LEAST, changed_at


def drawn(rng, *parts):
    return [float(rng.random() < prob) for count, prob in parts for _ in range(count)]


def flat(scores):
    return [sum(scores) / len(scores)] * len(scores)


def test_a_change_is_dated():
    scores = drawn(Random(1), (200, 0.9), (40, 0.4))
    assert abs(changed_at(flat(scores), scores) - 200) <= 5


def test_a_change_for_the_better_is_one_too():
    scores = drawn(Random(1), (200, 0.3), (60, 0.8))
    assert abs(changed_at(flat(scores), scores) - 200) <= 10


def test_harder_questions_are_no_change_where_that_was_expected():
    expected = [0.9] * 200 + [0.4] * 100
    scores = drawn(Random(1), (200, 0.9), (100, 0.4))
    assert changed_at(expected, scores) == 0
    assert changed_at(flat(scores), scores)


@pytest.mark.parametrize("count", [0, 1, 2 * LEAST - 1])
def test_nothing_is_said_of_few(count):
    assert changed_at([0.99] * count, [0.0] * count) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.floats(0, 1))
def test_what_is_given_back_lies_within(scores, prob):
    at = changed_at([prob] * len(scores), scores)
    assert at == 0 or LEAST <= at <= len(scores) - LEAST
