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
        "Anna has 12 apples. She gives a third of them to Ben and buys 3 bags of 5 apples. How many "
        "apples does Anna have now?",
        "start = 12\ngiven = start / 3\nbought = 3 * 5\nanswer = start - given + bought\n",
    ),
    (
        "A pen costs $2 and a book costs 40% more than a pen. Tom buys 5 pens and 2 books with a $20 "
        "note. How much change does he get?",
        "pen = 2\nbook = pen * 1.40\ncost = 5 * pen + 2 * book\nanswer = 20 - cost\n",
    ),
    (
        "67 people go on a trip by bus. Each bus seats 15. How many buses do they need?",
        "buses = 67 / 15\nanswer = math.ceil(buses)\n",
    ),
    (
        "Mia reads 20 pages on each of the 5 weekdays and twice as many on each day of the weekend. Her "
        "book has 540 pages. How many weeks does she need?",
        "weekdays = 5 * 20\nweekend = 2 * (2 * 20)\nweek = weekdays + weekend\nanswer = 540 / week\n",
    ),
    (
        "Sue scored 80 and 92 in two tests. What must she score in the third to average 90?",
        "total = 3 * 90\nanswer = total - 80 - 92\n",
    ),
    (
        "Leo has some marbles. He loses half of them, then finds 6, and now has 20. How many did he have at first?",
        "before_finding = 20 - 6\nanswer = before_finding * 2\n",
    ),
    (
        "A farm has 3 times as many hens as ducks, and 5 fewer geese than ducks. There are 24 hens. How "
        "many birds are there altogether?",
        "hens = 24\nducks = hens / 3\ngeese = ducks - 5\nanswer = hens + ducks + geese\n",
    ),
    (
        "A phone plan costs $10 a month plus 5 cents a minute. Kim called for 2 hours each month. What "
        "did she pay in a year, in dollars?",
        "minutes = 2 * 60\nmonth = 10 + 0.05 * minutes\nanswer = 12 * month\n",
    ),
)
# Of a request's fields, those about the answer's text, which is not what the model writes here.
_OF_THE_TEXT: Final = frozenset({"stop", "n", "logprobs", "top_logprobs", "max_completion_tokens", "response_format"})


def first(body: Json) -> dict[str, Any]:
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
