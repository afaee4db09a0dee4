"""Tokens -> a tree. The grammar is compiled once a process."""

import re
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer

from rung.reasoners.symbolic.errors import NotUnderstood
from rung.reasoners.symbolic.lexer import tokens
from rung.reasoners.symbolic.normal import normal
from rung.reasoners.symbolic.scope import Node
from rung.reasoners.symbolic.vocabulary import ASIDES


class _Ready(Lexer):
    """The tokens were made before."""

    def __init__(self, conf: Any) -> None:
        del conf

    def lex(self, lexer_state: Any, parser_state: Any = None) -> Any:
        del parser_state
        return iter(lexer_state)


@cache
def grammar() -> Lark:
    text = resources.files(__package__).joinpath("grammar.lark").read_text("utf-8")
    terminals = sorted(set(re.findall(r"\b_?[A-Z][A-Z_]+\b", re.sub(r"//.*", "", text))))
    return Lark(
        f"{text}\n%declare {' '.join(terminals)}",
        parser="lalr",
        lexer=_Ready,
        propagate_positions=True,
        maybe_placeholders=False,
    )


def parsed(text: str) -> tuple[Node, str, list[Token]]:
    """The tree of a whole question, the text its positions refer to, and its tokens. Raises NotUnderstood."""
    plain = normal("\n".join(line for line in text.split("\n") if not _is_aside(line)))
    found = tokens(plain)
    if not found:
        raise NotUnderstood("an empty question")
    try:
        tree: Any = grammar().parse(found)
    except (UnexpectedToken, UnexpectedInput):
        raise NotUnderstood("an order of words that it does not know") from None
    return tree, plain, found


def _is_aside(line: str) -> bool:
    """A line of its own that only asks for the form every answer has; the line before it may lack its full stop."""
    words = [word for word in re.findall(r"[^\W\d_]+|\S", line.lower()) if word not in _LEFT_OUT]
    aside = ASIDES.longest(words) if words else None
    return aside is not None and aside[0] == len(words)


_LEFT_OUT = frozenset([*".,:;!?*", "the"])
