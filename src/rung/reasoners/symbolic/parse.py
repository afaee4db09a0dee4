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
    """The tree of a whole question, the text its positions refer to, and its tokens, SHOWN among them
    where it asks for the way. Raises NotUnderstood."""
    lines = [(line, _aside(line)) for line in text.split("\n")]
    plain = normal("\n".join(line for line, aside in lines if not aside))
    found = tokens(plain)
    said = [token for token in found if token.type != "SHOWN"]
    if not said:
        raise NotUnderstood("an empty question")
    if any(aside == "SHOWN" for _, aside in lines):
        found.append(Token("SHOWN", ""))
    try:
        tree: Any = grammar().parse(said)
    except (UnexpectedToken, UnexpectedInput):
        raise NotUnderstood("an order of words that it does not know") from None
    return tree, plain, found


def _aside(line: str) -> str:
    """FILLER for a line of its own that only asks for the form every answer has, SHOWN for one that asks for the way;
    the line before it may lack its full stop."""
    words = [word for word in re.findall(r"[^\W\d_]+|\S", line.lower()) if word not in _LEFT_OUT]
    aside = ASIDES.longest(words) if words else None
    return aside[1] if aside is not None and aside[0] == len(words) else ""


_LEFT_OUT = frozenset([*".,:;!?*", "the"])
