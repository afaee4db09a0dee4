"""How a model is asked for a program. Measured with Qwen2.5-Coder-1.5B-Instruct: docs/experiments.md."""

from collections.abc import Sequence
from typing import Any, Final

from rung.reasoners.completions import texts
from rung.reasoners.wording import max_tokens_of
from rung.types import Json

MAX_TOKENS: Final = 256
SYSTEM: Final = (
    "Solve word problems with short Python programs. One line for each step, with names that say what a number is; "
    "the last line sets answer. Arithmetic only: no functions, no imports, no comments, no text."
)
# Question and program. They come before the question, so that a server that keeps prompts reads them once.
EXAMPLES: Final[Sequence[tuple[str, str]]] = (
    (
        "Anna has 12 apples. She gives a third of them to Ben and buys 3 bags of 5 apples. "
        "How many apples does Anna have now?",
        "apples = 12\ngiven = apples / 3\nbought = 3 * 5\nanswer = apples - given + bought\n",
    ),
    (
        "A pen costs $2 and a book costs 40% more than a pen. Tom buys 5 pens and 2 books with a $20 note. "
        "How much change does he get?",
        "pen = 2\nbook = pen * 1.40\ncost = 5 * pen + 2 * book\nanswer = 20 - cost\n",
    ),
)
# Lines of arithmetic, the last of which sets the answer; for servers that take a grammar (GBNF).
GRAMMAR: Final = r"""
root ::= line{0,24} "answer = " sum "\n"
line ::= name " = " sum "\n"
name ::= [a-z] [a-z_0-9]{0,30}
sum ::= product ((" + " | " - ") product){0,12}
product ::= factor ((" * " | " / " | " // " | " % " | " ** ") factor){0,12}
factor ::= "-"? (number | call | name | "(" sum ")")
call ::= ("round" | "min" | "max" | "abs" | "math.ceil" | "math.floor") "(" sum (", " sum){0,3} ")"
number ::= [0-9]{1,12} ("." [0-9]{1,6})?
"""
# Of a request's fields, those about the answer's text, which is not what the model writes here.
_OF_THE_TEXT: Final = frozenset({"stop", "n", "logprobs", "top_logprobs", "max_completion_tokens", "response_format"})


def first(body: Json, *, grammar: bool) -> dict[str, Any]:
    """The request for a program: the user's conversation, with instructions and examples before it."""
    messages = list(body["messages"])
    system = SYSTEM
    if messages[0].get("role") in {"system", "developer"}:
        system = "\n\n".join([SYSTEM, *texts({"messages": messages[:1]})])
        del messages[0]
    shown = [
        turn
        for question, program in EXAMPLES
        for turn in ({"role": "user", "content": question}, {"role": "assistant", "content": program})
    ]
    asked = {key: value for key, value in body.items() if key not in _OF_THE_TEXT}
    if grammar:
        asked["response_format"] = {"type": "grammar", "grammar": GRAMMAR}
    return {
        **asked,
        "messages": [{"role": "system", "content": system}, *shown, *messages],
        "max_tokens": min(MAX_TOKENS, max_tokens_of(body) or MAX_TOKENS),
    }


def again(asked: Json, written: str, wrong: str) -> dict[str, Any]:
    """The request to mend a program of which `wrong` says what is wrong with it."""
    mend = f"That is not right: {wrong}. Write the whole program again, mended."
    turns = [{"role": "assistant", "content": written}, {"role": "user", "content": mend}]
    return {**asked, "messages": [*asked["messages"], *turns]}
