import logging
import re
from importlib import resources

import lark
import pytest

from rung.reasoners.symbolic import parse
from rung.reasoners.symbolic.phrasings import PHRASES
from rung.reasoners.symbolic.vocabulary import spelled_out

GRAMMAR = resources.files("rung.reasoners.symbolic").joinpath("grammar.lark").read_text("utf-8")
TERMINALS = set(re.findall(r"\b_?[A-Z][A-Z_]+\b", re.sub(r"//.*", "", GRAMMAR)))


def test_no_token_is_read_in_two_ways(caplog: pytest.LogCaptureFixture) -> None:
    """Lark settles a conflict of its grammar by itself, and only logs it."""
    caplog.set_level(logging.DEBUG, logger=lark.logger.name)
    lark.Lark(f"{GRAMMAR}\n%declare {' '.join(sorted(TERMINALS))}", parser="lalr", lexer=parse._Ready, debug=True)
    assert "conflict" not in caplog.text.lower()


def test_every_phrasing_is_of_a_terminal_of_the_grammar() -> None:
    by_the_lexer = {"POWER_WORD"}  # becomes part of another token
    assert set(PHRASES) - by_the_lexer <= TERMINALS


def test_a_phrase_of_the_notation_is_every_way_to_say_it() -> None:
    assert set(spelled_out("a/b c? d")) == {("a", "c", "d"), ("b", "c", "d"), ("a", "d"), ("b", "d")}


def test_no_phrase_has_the_word_that_the_lexer_drops() -> None:
    for meanings in PHRASES.values():
        groups = meanings.values() if isinstance(meanings, dict) else [meanings]
        assert not [phrase for phrases in groups for phrase in phrases if "the" in re.split("[ /?]", phrase)]
