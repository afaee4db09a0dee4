"""The quick way of looking finds what the slow way finds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.answers import demands
from rung.answers.phrases import Phrase, holds

PATTERN = r"\bgive\b[^.\n]{0,20}\breasons?\b"

PIECES = st.sampled_from(
    ["give", "reason", "reasons", "reasonable", " ", " ", ". ", "\n", "x" * 30, "the river bends "]
)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_a_phrase_is_found_where_its_pattern_finds_it(text):
    quick = Phrase(("reason",), PATTERN).search(text)
    slow = re.search(PATTERN, text)
    assert (quick and quick.span()) == (slow and slow.span())


def test_a_phrase_without_its_words_is_not_looked_for():
    assert Phrase(("other",), PATTERN).search("give a reason") is None


@pytest.mark.parametrize("filler", ["", "the river bends east below the town. " * 100])
@pytest.mark.parametrize(
    ("phrases", "text"),
    [
        (demands.REASONS, "and briefly explain"),
        (demands.REASONS, "show me? no: show your working"),
        (demands.CODE, "select name, sum(price) from orders"),
        (demands.LABEL, "classify the mail of this customer, as far as it can be told at all, into groups"),
        (demands.LABEL, "respond with the single best category"),
        (demands.EXPRESSION, "find the n'th term"),
        (demands.EXPRESSION, "what is sin(x) here"),
    ],
)
def test_a_demand_is_found_in_a_short_text_and_in_a_long_one(phrases, text, filler):
    assert any(phrase.search(f"{filler}{text}. {filler}") for phrase in phrases)


def test_a_word_is_held_inside_a_longer_one():
    assert holds("classification", ("label", "classif"))
    assert not holds("", ("label",))
