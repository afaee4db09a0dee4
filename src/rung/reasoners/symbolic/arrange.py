"""Tokens as they were read -> as the grammar takes them: where sentences end, what functions are of, signs left out."""

from typing import Final

from lark import Token

from rung.reasoners.symbolic.errors import NotUnderstood

# After one of these an operand is complete: what follows may multiply it without a sign, and "a" is an article.
OPERAND_ENDS: Final = frozenset(
    ["NUM", "NAME", "_RPAR", "PI", "SQUARED", "CUBED", "NTH_POWER", "BANG", "_RBRACK", "INFINITY", "BASED"]
)
OPENS: Final = frozenset(
    ["ASK", "SOLVE", "FACTOR", "SIMPLIFY", "EXPAND", "COLLECT", "DIFFERENTIATE", "INTEGRATE", "IS", "DO", "WHICH",
     "SORT", "ROUND", "CONVERT", "HOW_MANY", "LET", "SUPPOSE", "WEEKDAY", "FAR", "FAST", "HOW_LONG", "HOW_OLD", "OWNED"]
)  # fmt: skip
_JOINS: Final = frozenset(["AND", "OR", "GIVEN", "TO_NEAREST", "ROUNDED", "AND_GIVE", "UPTO", "ORDER"])
# What may be meant to go into the argument of a function without brackets.
_RAISES: Final = frozenset(["POWER", "BANG", "SQUARED", "CUBED", "NTH_POWER", "WPOWER", "PERCENT"])
_BINDS: Final = frozenset(["TIMES", "DIVIDED", "WTIMES", "WDIVIDED", "WPLUS", "WMINUS"])
_POWERS: Final = (["TO", "ORD"], ["WPOWER", "ORD"])
_BY_RATE: Final = frozenset(["ASK", "HOW_MANY", "HOW_LONG", "FAR"])
_PRECISIONS: Final = (["NUM", "DECIMALS"], ["NUM", "FIGURES"])


def arranged(made: list[Token]) -> list[Token]:
    return _with_products(_with_arguments(_with_sentences(_asked_last(_with_rate(made)))))


def _with_rate(made: list[Token]) -> list[Token]:
    """`60 words per minute: how many words in 2.5 hours` states the rate first."""
    rest = made[3:] if [token.type for token in made[2:3]] == ["_END"] else made[2:]
    if [token.type for token in made[:2]] == ["NUM", "UNIT"] and "/" in made[1] and rest and rest[0].type in _BY_RATE:
        return [Token("SUPPOSE", ""), *made[:2], Token("_END", ""), *rest]
    return made


def _asked_last(made: list[Token]) -> list[Token]:
    """`2x + 1 = 7. Solve for x.` as "... What is x?"."""
    stated, name = made[:-3], made[-1:]
    if [token.type for token in made[-3:-1]] != ["SOLVE", "FOR"] or not any(token.type == "EQ" for token in stated):
        return made
    while stated[-1].type in {"_END", "_COMMA"}:
        stated.pop()
    return [*stated, Token("_END", "."), Token("ASK", "what is"), *name]


def _with_sentences(made: list[Token]) -> list[Token]:
    """A comma before a new sentence ends the last; before a joining word it says nothing."""
    result: list[Token] = []
    for at, token in enumerate(made):
        following = made[at + 1] if at + 1 < len(made) else None
        if token.type == "_COMMA" and following is not None:
            if following.type in OPENS:
                result.append(Token("_END", ","))
                continue
            if following.type in _JOINS:
                continue
        if token.type in OPENS and at and made[at - 1].type == "TIME" and made[at - 1].endswith("."):
            result.append(Token("_END", "."))  # of `It is 3 p.m.`
        if token.type == "ASK" and at and made[at - 1].type in OPERAND_ENDS and made[0].type in {"SUPPOSE", "LET"}:
            result.append(Token("_END", ""))
        if token.type == "POWER_WORD":
            if [made_before.type for made_before in result[-2:]] not in _POWERS:
                raise NotUnderstood("a power of nothing")
            order = result.pop()
            result[-1] = Token("NTH_POWER", order.value, end_pos=token.end_pos)
            continue
        if (
            token.type == "TO"
            and [later.type for later in made[at + 1 : at + 2]] == ["ORD"]
            and _stands_alone(made, at)
        ):
            continue
        if token.type == "ORD" and at and made[at - 1].type == "TO" and _stands_alone(made, at - 1):
            result.append(Token("NTH_POWER", token.value, start_pos=token.start_pos, end_pos=token.end_pos))
            continue
        if token.type == "TO" and [later.type for later in made[at + 1 : at + 3]] in _PRECISIONS:
            result.append(Token("UPTO", "to"))
            continue
        result.append(token)
    return result


def _stands_alone(made: list[Token], at: int) -> bool:
    """Whether `2 to the 10th` ends there or goes on with a sign: "power" is left out."""
    after = made[at + 2].type if at + 2 < len(made) else "_END"
    return made[at - 1].type in {"NUM", "NAME"} and after in {"_END", "PLUS", "MINUS", "WPLUS", "WMINUS", "_RPAR"}


def _with_arguments(made: list[Token]) -> list[Token]:
    """Brackets around what a function without them is of: `sin 2x`, `sqrt 16`."""
    result: list[Token] = []
    at = 0
    while at < len(made):
        token = made[at]
        result.append(token)
        at += 1
        said = token.type == "FUNC" and at < len(made) and made[at].type == "OF" and token.value.startswith("log_")
        at += said
        if token.type != "FUNC" or (at < len(made) and made[at].type in {"_LPAR", "POWER", "OF"}):
            continue
        argument = _argument(made, at)
        at += len(argument)
        if not argument:
            raise NotUnderstood("a function of nothing")
        _reaches_no_further(argument, made[at : at + 2], said)
        result += [Token("_LPAR", "("), *argument, Token("_RPAR", ")", end_pos=argument[-1].end_pos)]
    return result


def _argument(made: list[Token], at: int) -> list[Token]:
    argument: list[Token] = []
    while at < len(made) and made[at].type in {"NUM", "NAME", "PI", "DEGREES"}:
        if argument and (
            made[at].type == "NUM"
            or (made[at].type != "DEGREES" and made[at].start_pos not in {made[at - 1].end_pos, argument[0].end_pos})
        ):
            break
        argument.append(made[at])
        at += 1
    return argument


def _reaches_no_further(argument: list[Token], following: list[Token], said: bool) -> None:
    """Raises NotUnderstood for `sin pi/2`, `sqrt 4*9`, `ln x^2` and `log base 2 of 8 + 8`: the function may be of all
    of it. `sin x / x` and `sqrt 16 + 9` are what they look like. `said`: with "of"."""
    if not following:
        return
    sign, after = following[0].type, following[1:]
    far = after and after[0].type == "FUNC"
    near = argument[-1].type == "NAME" and after and (after[0].type == "_LPAR" or after[0].value in argument)
    doubtful = (
        sign in _RAISES or (sign in _BINDS and not far and not near) or (said and sign in {"PLUS", "MINUS"} and not far)
    )
    if doubtful:
        raise NotUnderstood("a function that may be of more than the next number")


def _with_products(made: list[Token]) -> list[Token]:
    """A sign wherever two operands stand side by side: `2x`, `(x+1)(x-1)`."""
    picking = any(token.type == "PICKING" for token in made)
    result: list[Token] = []
    for token in made:
        before = result[-1] if result else None
        if before is not None and before.type in OPERAND_ENDS and not picking:
            touches = token.start_pos == before.end_pos
            opens = token.type == "_LPAR" and before.type != "NAME" and (touches or before.type == "_RPAR")
            named = token.type in {"NAME", "PI", "FUNC"} and (
                touches or before.type in {"NUM", "_RPAR"} or token.type == "FUNC"
            )
            if opens or named:
                result.append(Token("JOINED", ""))
        result.append(token)
    return result
