"""The interface of everything that answers, and how its chunks become an answer."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any, Protocol

from msgspec import Struct

from rung.types import Answer, Call, Choice, Chunk, Json, ReasonerState, Usage


class Abilities(Struct, frozen=True, kw_only=True):
    """What a reasoner can do; what a request needs filters the options.

    `context_tokens` bounds prompt and answer together. `general`: takes any question; a specialist abstains from what
    is not its own. `exact`: what it answers is computed, not guessed. `short_only`: an option only where the question
    asks for a short checkable answer, `schema_only`: only where a JSON schema is asked for. `tasks`: an option only for
    these, as Features names them; empty: for any. `least_tokens`: an option only where `max_tokens` lets it write so
    many.
    """

    streaming: bool = True
    tools: bool = False
    json_object: bool = False
    json_schema: bool = False
    logprobs: bool = False
    images: bool = False
    n: bool = False
    context_tokens: int = 8192
    general: bool = True
    exact: bool = False
    short_only: bool = False
    schema_only: bool = False
    tasks: frozenset[str] = frozenset()
    least_tokens: int = 0


class Status(Struct, frozen=True, kw_only=True):
    """`note` says, for people, what is waited for or what is wrong; `ready_in_s` is an estimate, if there is one."""

    state: ReasonerState
    note: str = ""
    ready_in_s: float | None = None


class Reasoner(Protocol):
    """Something that answers.

    `answer` yields at least one chunk with `finish` set per choice, and one with `usage` (its last, or with it). It
    raises a ReasonerError when it cannot: Abstained before the first chunk, anything else at any time. Closing or
    cancelling the iterator stops the work behind it at once. It never looks at `deadline_s` to shorten an answer; who
    calls it enforces the deadline. `start` returns at once when work goes on in the background (`status` tells); both
    `start` and `close` may be called once.
    """

    @property
    def name(self) -> str: ...

    @property
    def abilities(self) -> Abilities: ...

    @property
    def status(self) -> Status: ...

    async def start(self) -> None: ...

    def answer(self, call: Call) -> AsyncIterator[Chunk]: ...

    async def close(self) -> None: ...


# How a composite calls the rung below it: through that rung's lane, so that only leaves hold permits.
Below = Callable[[Call], AsyncIterator[Chunk]]


def closing(chunks: AsyncIterator[Chunk]) -> aclosing[AsyncGenerator[Chunk, None]]:
    """Sees to it that an answer which is left early stops the work behind it: an async generator that is merely dropped
    is only closed once it is collected."""
    generator: Any = chunks
    return aclosing(generator)


# Of a refusal, a legacy function_call and audio: what deltas have a piece of. Other texts are whole in each.
_IN_PIECES = frozenset({"refusal", "arguments", "data", "transcript"})


class _Open:
    """A choice while its chunks arrive."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.tool_calls: dict[int, dict[str, Any]] = {}
        self.logprobs: list[Json] = []
        self.finish = ""
        self.extras: list[Json] = []
        self.choice_extra: dict[str, Any] = {}

    def add(self, chunk: Chunk) -> None:
        self.text.append(chunk.text)
        self.reasoning.append(chunk.reasoning)
        self.logprobs.extend(chunk.logprobs)
        self.finish = chunk.finish or self.finish
        if chunk.delta_extra:
            self.extras.append(chunk.delta_extra)
        self.choice_extra.update(chunk.choice_extra)
        for delta in chunk.tool_calls:
            self._add_tool_call(delta)

    def _add_tool_call(self, delta: Json) -> None:
        at = delta.get("index", len(self.tool_calls))
        whole = self.tool_calls.setdefault(at, {})
        for key, value in delta.items():
            if key == "function" and value is not None:
                function = whole.setdefault("function", {"name": "", "arguments": ""})
                for part, piece in value.items():
                    if piece is None:  # some servers repeat every key in every delta
                        continue
                    joins = part == "arguments" and isinstance(piece, str)
                    function[part] = function.get(part, "") + piece if joins else piece
            elif key != "index" and value is not None:
                whole[key] = value

    def closed(self) -> Choice:
        return Choice(
            text="".join(self.text),
            reasoning="".join(self.reasoning),
            tool_calls=tuple(self.tool_calls[i] for i in sorted(self.tool_calls)),
            logprobs=tuple(self.logprobs),
            finish=self.finish,
            extra=_joined(self.extras),
            choice_extra=self.choice_extra,
        )


def _joined(deltas: Sequence[Json]) -> dict[str, Any]:
    """What deltas say together of what is no text of the answer."""
    said: dict[str, list[Any]] = {}
    for delta in deltas:
        for key, value in delta.items():
            said.setdefault(key, []).append(value)
    return {key: _together(key, values) for key, values in said.items()}


def _together(key: str, values: list[Any]) -> Any:
    told = [value for value in values if value is not None]
    if len(told) < 2:
        return told[0] if told else None
    if all(isinstance(value, dict) for value in told):
        return _joined(told)
    if all(isinstance(value, list) for value in told):
        return list(chain.from_iterable(told))
    if key in _IN_PIECES and all(isinstance(value, str) for value in told):
        return "".join(told)
    return told[-1]


def collect(reasoner: str, chunks: Iterable[Chunk]) -> Answer:
    """The whole answer that a sequence of chunks spells out."""
    if isinstance(chunks, list) and len(chunks) == 1 and not chunks[0].tool_calls:
        return _said_at_once(reasoner, chunks[0])
    open_choices: dict[int, _Open] = {}
    usage = Usage()
    signals: dict[str, float] = {}
    extra: dict[str, Any] = {}
    for chunk in chunks:
        open_choices.setdefault(chunk.index, _Open()).add(chunk)
        usage = usage + chunk.usage if chunk.usage else usage
        signals.update(chunk.signals)
        extra.update(chunk.extra)
    choices = tuple(open_choices[i].closed() for i in sorted(open_choices)) or (Choice(),)
    return Answer(reasoner=reasoner, choices=choices, usage=usage, signals=signals, extra=extra)


def _said_at_once(reasoner: str, chunk: Chunk) -> Answer:
    """What most answers that nobody streams are made of."""
    choice = Choice(
        text=chunk.text,
        reasoning=chunk.reasoning,
        logprobs=chunk.logprobs,
        finish=chunk.finish,
        extra=chunk.delta_extra,
        choice_extra=chunk.choice_extra,
    )
    usage = chunk.usage or Usage()
    return Answer(reasoner=reasoner, choices=(choice,), usage=usage, signals=chunk.signals, extra=chunk.extra)


def spell(answer: Answer) -> Iterator[Chunk]:
    """The chunks that `collect` makes `answer` of: how a whole answer is sent to a client that asked for a stream."""
    last = len(answer.choices) - 1
    for index, choice in enumerate(answer.choices):
        yield Chunk(
            index=index,
            text=choice.text,
            reasoning=choice.reasoning,
            tool_calls=tuple({"index": i, **call} for i, call in enumerate(choice.tool_calls)),
            logprobs=choice.logprobs,
            finish=choice.finish,
            usage=answer.usage if index == last else None,
            signals=answer.signals if index == last else {},
            extra=answer.extra if index == last else {},
            choice_extra=choice.choice_extra,
            delta_extra=choice.extra,
        )
