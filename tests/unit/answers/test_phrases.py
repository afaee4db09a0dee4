"""The quick way of looking finds what the slow way finds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.answers import demands
from rung.answers.phrases import Phrase, Phrases, holds, whole_words, words_in

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
        (demands.REASONS.phrases, "and briefly explain"),
        (demands.REASONS.phrases, "show me? no: show your working"),
        (demands.CODE, "select name, sum(price) from orders"),
        (demands.LABEL.phrases, "classify the mail of this customer, as far as it can be told at all, into groups"),
        (demands.LABEL.phrases, "respond with the single best category"),
        (demands.EXPRESSION.phrases, "find the n'th term"),
        (demands.EXPRESSION.phrases, "what is sin(x) here"),
    ],
)
def test_a_demand_is_found_in_a_short_text_and_in_a_long_one(phrases, text, filler):
    assert any(phrase.search(f"{filler}{text}. {filler}") for phrase in phrases)


def test_a_word_is_held_inside_a_longer_one():
    assert holds("classification", ("label", "classif"))
    assert not holds("", ("label",))


def told(text):
    words = words_in(text)
    return whole_words(text, words, frozenset(words))


@pytest.mark.parametrize(
    "phrase",
    [
        phrase
        for group in (demands.REASONS, demands.LABEL, demands.AS_NUMBER, demands.EXPRESSION)
        for phrase in group.phrases
    ],
)
@given(data=st.data())
def test_no_match_of_a_phrase_is_without_what_it_needs(phrase, data):
    pattern = phrase._pattern
    text = data.draw(st.from_regex(pattern)).lower()
    for match in pattern.finditer(text):
        words = told(match[0])
        assert all(not needed.isdisjoint(words) for needed in phrase.needs)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (demands.OPEN, demands.OPEN_WORDS),
        (demands.ASKS_HOW_MUCH, demands.ASKING_WORDS),
        (demands.ASKS_WHAT, demands.ASKING_WORDS),
    ],
)
@given(data=st.data())
def test_no_match_of_a_demand_is_without_its_words(pattern, words, data):
    text = data.draw(st.from_regex(pattern)).lower()
    assert all(told(match[0]) & words for match in pattern.finditer(text))


@given(st.data())
def test_no_code_is_without_its_words_and_signs(data):
    for phrase in demands.CODE:
        text = data.draw(st.from_regex(phrase._pattern)).lower()
        assert all(
            set(match[0]) & set("`<#") or told(match[0]) & demands.CODE_WORDS
            for match in phrase._pattern.finditer(text)
        )


@given(
    st.lists(
        st.sampled_from(["explain", "your", "why", "whys", "label", "e\u0301", "+", "#", "_", "2", " ", ".", "\n"]),
        max_size=30,
    ).map("".join)
)
def test_several_phrases_are_found_where_one_of_them_is(text):
    group = Phrases(
        Phrase(("explain",), r"\bexplain\b", needs=("explain",)),
        Phrase(("why",), r"\byour[ ]why\b", needs=("why", "your")),
    )
    slow = re.search(r"\bexplain\b|\byour why\b", text)
    assert group.found(text, told(text)) == bool(slow)


def test_words_are_told_from_what_stands_between_signs():
    assert words_in("c++ and c# or x2, 3d d'accord") == ["c++", "and", "c#", "or", "x2", "accord"]
    assert told("a label+value") >= {"label", "value"}
    assert words_in("stra\u00dfe \u00e9t\u00e9 2 a") == ["stra", "\u00dfe", "\u00e9t\u00e9"]
