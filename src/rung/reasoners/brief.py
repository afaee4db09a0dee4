"""Asks the rung below for the final answer only: the cheapest way to a short, checkable answer."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from rung.answers import asked, names_no_unit
from rung.reasoners.base import Abilities
from rung.reasoners.composite import Composite
from rung.reasoners.wording import max_tokens_of, question_of, with_line
from rung.types import Call, Chunk, Json

MAX_TOKENS = 32

# Measured with Qwen2.5-Coder-1.5B-Instruct: docs/experiments.md.
LINES = {
    "choice": "Answer with the letter of the right choice only.",
    "yesno": "Answer with one word only.",
    "number": "Answer with the final number only.",
    "label": "Answer with the label only.",
    "": "Give the final answer only, without explanation.",
}
# Where only the answer can tell what its number counts.
MEASURE = "Answer with the final number and its unit only."


def _shortened(body: Json) -> dict[str, Any]:
    question = question_of(body)
    short = asked(question)
    changed = with_line(body, MEASURE if short == "number" and names_no_unit(question) else LINES[short])
    if not short:
        return changed
    changed.pop("max_completion_tokens", None)
    return {**changed, "max_tokens": min(MAX_TOKENS, max_tokens_of(body) or MAX_TOKENS)}


class Brief(Composite):
    """An option only where the question asks for a short answer. Asked by name for anything else, it asks for brevity
    but leaves the length to the user's own bound."""

    @property
    def abilities(self) -> Abilities:
        return msgspec.structs.replace(
            self._of.abilities, tools=False, json_object=False, json_schema=False, short_only=True
        )

    def answer(self, call: Call) -> AsyncIterator[Chunk]:
        return self._below(msgspec.structs.replace(call, body=_shortened(call.body)))
