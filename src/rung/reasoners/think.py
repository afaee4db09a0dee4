"""Asks the rung below to reason first, and tells the reasoning from the answer."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from rung.answers import asked, extract, options_of
from rung.reasoners.base import Abilities, Below, Reasoner, Status, closing
from rung.reasoners.wording import question_of, with_line
from rung.types import Call, Chunk, Json

MARKER = "Final answer:"

# Measured with Qwen2.5-Coder-1.5B-Instruct: docs/experiments.md.
SHORT_LINE = f'Think step by step. Then end with one line "{MARKER}" followed by the answer only.'
OPEN_LINE = f'First think about it step by step. Then write "{MARKER}" followed by your complete answer.'


class Until:
    """Cuts a stream of text at the first of some marks. What might be the beginning of a mark is held back until more
    has come; `.found` tells whether a mark has been seen. Case is ignored."""

    def __init__(self, marks: Sequence[str]) -> None:
        self._marks = [mark.lower() for mark in marks if mark]
        self._held = ""
        self.found = False

    def feed(self, text: str) -> tuple[str, str]:
        """What is now known to lie before a mark, and what follows it."""
        held = self._held + text
        lower = held.lower()
        hits = [(at, mark) for mark in self._marks if (at := lower.find(mark)) >= 0]
        if hits:
            at, mark = min(hits)
            self._held, self.found = "", True
            return held[:at], held[at + len(mark) :]
        longest = max((len(mark) for mark in self._marks), default=1) - 1
        tails = (n for n in range(min(longest, len(lower)), 0, -1))
        keep = next((n for n in tails if any(mark.startswith(lower[-n:]) for mark in self._marks)), 0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep], ""

    def rest(self) -> str:
        """What was held back, once no more will come."""
        held, self._held = self._held, ""
        return held


class _Split:
    """One answer of the rung below on its way apart: reasoning up to the marker, then the answer's own text, which
    ends at the user's stop sequences (the reasoning before it does not)."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._marker = Until([MARKER])
        self._stop = Until(stops)
        self._whole: list[str] = []
        self._shown = False

    def feed(self, text: str) -> tuple[str, str]:
        """The pieces of reasoning and of text that have become known."""
        self._whole.append(text)
        reasoning, after = ("", text) if self._marker.found else self._marker.feed(text)
        return reasoning, self._answer(after)

    def _answer(self, text: str) -> str:
        if self._stop.found:
            return ""
        before, _ = self._stop.feed(text)
        return self._show(before)

    def _show(self, text: str) -> str:
        text = text if self._shown else text.lstrip(" \t\r\n*")
        self._shown = self._shown or bool(text)
        return text

    def rest(self) -> tuple[str, str]:
        return self._marker.rest(), "" if self._stop.found else self._show(self._stop.rest())

    @property
    def answered(self) -> bool:
        return self._shown

    @property
    def whole(self) -> str:
        return "".join(self._whole)


def _stops(body: Json) -> list[str]:
    given = body.get("stop") or []
    return [given] if isinstance(given, str) else list(given)


class Think:
    """The user's `max_tokens` bounds reasoning and answer together. An answer that never says its marker is given
    whole, or as the short answer found in it: never empty."""

    def __init__(self, name: str, below: Below, of: Reasoner) -> None:
        self._name = name
        self._below = below
        self._of = of

    @property
    def name(self) -> str:
        return self._name

    @property
    def abilities(self) -> Abilities:
        return msgspec.structs.replace(self._of.abilities, tools=False, json_object=False, json_schema=False, n=False)

    @property
    def status(self) -> Status:
        return self._of.status

    async def start(self) -> None:
        """The rung below is started by its own entry."""

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        question = question_of(call.body)
        short = asked(question)
        body: dict[str, Any] = with_line(call.body, SHORT_LINE if short else OPEN_LINE)
        body.pop("stop", None)
        split = _Split(_stops(call.body))
        async with closing(self._below(msgspec.structs.replace(call, body=body))) as chunks:
            async for chunk in chunks:
                reasoning, text = split.feed(chunk.text)
                if chunk.finish:
                    last_reasoning, last_text = split.rest()
                    reasoning, text = reasoning + last_reasoning, text + last_text
                    if not split.answered:
                        text = (extract(split.whole, short, options_of(question)) if short else None) or split.whole
                yield msgspec.structs.replace(chunk, text=text, reasoning=chunk.reasoning + reasoning)

    async def close(self) -> None:
        """The rung below is closed by its own entry."""
