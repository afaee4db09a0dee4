"""Asks the rung below to reason first, and tells the reasoning from the answer."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from rung.answers import asked, extract, options_of
from rung.reasoners.base import Abilities, closing
from rung.reasoners.code.asking import code_in, wants_code
from rung.reasoners.composite import Composite
from rung.reasoners.wording import question_of, with_line
from rung.types import Call, Chunk, Json

MARKER = "Final answer:"
_BOLD = "**"
_PLAIN = (MARKER, "Final Answer:", "FINAL ANSWER:", "Final answer**:", "Final Answer**:")
_AS_WRITTEN = (*_PLAIN, *(f"{_BOLD}{mark}" for mark in _PLAIN))
_WRAPPED = re.compile(r"(\*{1,3}|`)([^*`\n]+)\1(\.?)")
# The end of what the marker stands in, as in "*Final answer:* 7".
_CLOSES = re.compile(r"\*{1,2}(?=\s|\Z)")

# The shortest kind of question took 60 on average: with less, what is cut off is still the reasoning.
_LEAST_TOKENS = 64

# Measured with Qwen2.5-Coder-1.5B-Instruct: docs/experiments.md.
SHORT_LINE = f'Think step by step. Then end with one line "{MARKER}" followed by the answer only.'
CODE_LINE = f'First think about it step by step, in words. Then write "{MARKER}" followed by the whole code.'
OPEN_LINE = f'First think about it step by step. Then write "{MARKER}" followed by your complete answer.'


class Until:
    """Cuts a stream of text at the mark that is whole first. What might be the beginning of a mark is held back until
    more has come; `.found` is the mark that was seen."""

    def __init__(self, marks: Sequence[str]) -> None:
        self._marks = [mark for mark in marks if mark]
        self._held = ""
        self.found = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What is now known to lie before a mark, and what follows it."""
        held = self._held + text
        hits = [(at + len(mark), at, mark) for mark in self._marks if (at := held.find(mark)) >= 0]
        if hits:
            _, at, mark = min(hits)
            self._held, self.found = "", mark
            return held[:at], held[at + len(mark) :]
        longest = max((len(mark) for mark in self._marks), default=1) - 1
        tails = (n for n in range(min(longest, len(held)), 0, -1))
        keep = next((n for n in tails if any(mark.startswith(held[-n:]) for mark in self._marks)), 0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep], ""

    def rest(self) -> str:
        """What was held back, once no more will come."""
        held, self._held = self._held, ""
        return held


class _Split:
    """One answer of the rung below on its way apart: reasoning up to the marker, then the answer's own text, which ends
    at the user's stop sequences (the reasoning before it does not). A short answer is held until it is whole. One that
    only speaks of the code that was asked for has that of the reasoning after it."""

    def __init__(self, question: str, stops: Sequence[str], *, code: bool) -> None:
        self._short = asked(question)
        self._code = code
        self._options = options_of(question)
        self._marker = Until(_AS_WRITTEN)
        self._stops = stops
        self._stop = Until(stops)
        self._whole = ""
        self._head: str | None = ""
        self._text = ""
        self._shown = 0

    def feed(self, text: str) -> tuple[str, str]:
        """The pieces of reasoning and of text that have become known."""
        self._whole += text
        reasoning, after = ("", text) if self._marker.found else self._marker.feed(text)
        if self._head is not None:
            after = self._begun(after)
        self._add(after)
        return reasoning, "" if self._short else self._new()

    def _add(self, after: str) -> None:
        if not self._text:
            after = after.lstrip()
        if after and not self._stop.found:
            self._text += self._stop.feed(after)[0]

    def _begun(self, after: str, *, whole: bool = False) -> str:
        """What has come of the answer, once it is known whether it begins with the end of the marker's bold type. That
        of a marker in an answer in bold type begins with the answer."""
        assert self._head is not None
        self._head = after[-1:] if self._head.isspace() and after.isspace() else self._head + after
        mark, head, words = self._marker.found, self._head, self._head.lstrip()
        if not mark or (not whole and _BOLD.startswith(words)):
            return ""
        self._head = None
        opened = mark.startswith(_BOLD) and _BOLD not in mark[len(_BOLD) :]
        if opened and head.startswith(_BOLD):
            return head[len(_BOLD) :]
        if closes := _CLOSES.match(head):
            return head[closes.end() :]
        return f"{_BOLD}{words}" if opened and words and not words.startswith(_BOLD) else head

    def end(self) -> tuple[str, str]:
        """The last pieces."""
        if self._head is not None:
            self._add(self._begun("", whole=True))
        self._text += "" if self._stop.found else self._stop.rest()
        if self._short and (wrapped := _WRAPPED.fullmatch(self._text.strip())):
            self._text = f"{wrapped[2]}{wrapped[3]}"
        if self._short and (not self._text or "\\" in self._text):
            said = self._text or self._whole
            self._text = extract(said, self._short, self._options) or self._text
        self._text = self._text or self._ended(self._whole) or self._whole
        if self._code and not self._stop.found and not code_in(self._text) and (code := code_in(self._whole)):
            self._text += self._ended(f"\n\n```python\n{code}\n```")
        return self._marker.rest(), self._new()

    def _ended(self, text: str) -> str:
        stop = Until(self._stops)
        return stop.feed(text)[0] + stop.rest()

    def _new(self) -> str:
        new, self._shown = self._text[self._shown :], len(self._text)
        return new


def _stops(body: Json) -> list[str]:
    given = body.get("stop") or []
    return [given] if isinstance(given, str) else list(given)


class Think(Composite):
    """The user's `max_tokens` bounds reasoning and answer together. An answer that never says its marker is given
    whole, up to the user's stop, or as the short answer found in it: never empty."""

    @property
    def abilities(self) -> Abilities:
        """No log-probabilities: they would be those of the reasoning, beside the text of the answer."""
        return msgspec.structs.replace(
            self._of.abilities,
            tools=False,
            json_object=False,
            json_schema=False,
            n=False,
            logprobs=False,
            least_tokens=_LEAST_TOKENS,
        )

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        question = question_of(call.body)
        short = bool(asked(question))
        code = not short and wants_code(question)
        line = SHORT_LINE if short else CODE_LINE if code else OPEN_LINE
        body: dict[str, Any] = with_line(call.body, line)
        body.pop("stop", None)
        split = _Split(question, _stops(call.body), code=code)
        async with closing(self._below(msgspec.structs.replace(call, body=body))) as chunks:
            async for chunk in chunks:
                reasoning, text = split.feed(chunk.text)
                if chunk.finish:
                    last_reasoning, last_text = split.end()
                    reasoning, text = reasoning + last_reasoning, text + last_text
                yield msgspec.structs.replace(chunk, text=text, reasoning=chunk.reasoning + reasoning)
