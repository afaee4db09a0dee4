"""What OpenAI's chat completions say, as chunks. Pure: objects in, chunks out."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import replace

from rung.config.schema import Price
from rung.errors import Malformed
from rung.types import Chunk, Json, Usage

_BYTES_PER_TOKEN = 4
_NOTHING = Chunk()


class _Logprobs(Struct):
    content: list[dict[str, Any]] | None = None


class _Function(Struct):
    name: str | None = None


class _ToolCall(Struct):
    index: int | None = None
    function: _Function | None = None


class _Delta(Struct):
    """What a message or a delta is known to hold; two names for reasoning are in use, and Mistral's models that reason
    say what they thought as a part of `content`."""

    role: Any = None
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(Struct):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Wire(Struct):
    choices: list[_Choice] | None = None
    id: Any = None
    object: Any = None
    created: Any = None
    model: Any = None
    usage: Any = None


# Of anything that is counted: more is nonsense, and too long for who reads it.
MOST_USED: Final = 2**40
_Count = Annotated[int, Meta(ge=0, le=MOST_USED)]


class _Details(Struct):
    cached_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None


class _Usage(Struct):
    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


_WIRE, _CHOICE, _DELTA = (frozenset(kind.__struct_fields__) for kind in (_Wire, _Choice, _Delta))


class Reading:
    """One answer while it is read: `read` each object that the server sends, then `end`.

    `name` is the reasoner's, for messages. Usage is held until the end and told once, since some servers repeat a
    running total in every chunk; where the server tells none it is estimated, and the
    signal `usage_estimated` is 1.
    """

    def __init__(self, name: str, body: Json, price: Price) -> None:
        self._name = name
        self._body = body
        self._price = price
        self._finished: dict[int, bool] = {}
        self._usage: Any = None
        self._written_bytes = 0
        self._unnumbered: dict[int, list[Any]] = {}

    @property
    def finished(self) -> bool:
        """Whether every choice seen so far has ended."""
        return bool(self._finished) and all(self._finished.values())

    def read(self, wire: Any) -> list[Chunk]:
        """The chunks of one `chat.completion` (one a choice) or `chat.completion.chunk`."""
        try:
            known = convert(wire, _Wire)
        except ValidationError as error:  # it names the place and the types, and quotes nothing
            raise Malformed(f"{self._name}: sent what is no chat completion: {error}") from None
        if known.choices is None and not known.usage:
            raise Malformed(f"{self._name}: sent what is no chat completion: it has no `choices`")
        self._usage = known.usage or self._usage
        # Beside the usage some servers leave them out, or say null.
        raws = wire.get("choices")
        chunks = [self._chunk(choice, raws[at], at) for at, choice in enumerate(known.choices or ())]
        if extra := _unknown(wire, _WIRE):
            chunks[:1] = [replace(chunks[0] if chunks else _NOTHING, extra=extra)]
        return [chunk for chunk in chunks if chunk != _NOTHING]

    def end(self, *, said_so: bool) -> list[Chunk]:
        """What is still owed: an end of each choice, and the usage.

        `said_so`: the server said that the answer is whole, so a choice that it never ended has ended now (finish
        "stop", signal `finish_assumed` 1). If it did not, such an answer was cut off, and that is an error.
        """
        if not self._finished:
            raise Malformed(f"{self._name}: sent no choice")
        unfinished = [index for index, finished in self._finished.items() if not finished]
        if unfinished and not said_so:
            raise Malformed(f"{self._name}: the answer was cut off before its end")
        chunks = [Chunk(index=index, finish="stop", signals={"finish_assumed": 1.0}) for index in unfinished]
        usage, signals = self.spent()
        return [*chunks, Chunk(index=max(self._finished), usage=usage, signals=signals)]

    def spent(self) -> tuple[Usage, Mapping[str, float]]:
        """The usage as told or, with a signal that says so, as estimated."""
        told = _told(self._usage)
        if told is not None:
            return priced(told, self._price), {}
        return priced(estimated(self._body, self._written_bytes), self._price), {"usage_estimated": 1.0}

    def _chunk(self, choice: _Choice, raw: dict[str, Any], at: int) -> Chunk:
        delta = choice.delta or choice.message or _Delta()
        raw_delta = raw.get("delta") or raw.get("message") or {}
        index = at if choice.index is None else choice.index
        content, finish = delta.content or "", choice.finish_reason or ""
        reasoning = delta.reasoning_content or delta.reasoning or ""
        if isinstance(content, str):
            text = content
        else:
            text, reasoning = _part(content, "text"), reasoning or _part(content, "thinking")
        self._finished[index] = bool(finish) or self._finished.get(index, False)
        self._written_bytes += _bytes(text + reasoning)
        return Chunk(
            index=index,
            text=text,
            reasoning=reasoning,
            tool_calls=self._numbered(index, raw_delta["tool_calls"]) if delta.tool_calls else (),
            logprobs=tuple(choice.logprobs.content or ()) if choice.logprobs else (),
            finish=finish,
            choice_extra=_unknown(raw, _CHOICE),
            delta_extra=_unknown(raw_delta, _DELTA),
        )

    def _numbered(self, choice: int, calls: list[dict[str, Any]]) -> tuple[Json, ...]:
        """Tool calls as deltas, each with its index: some servers leave it out, and whole answers have none. A call
        begins with an id or a name that is new."""
        if all(call.get("index") is not None for call in calls):
            return tuple(calls)
        ids, numbered = self._unnumbered.setdefault(choice, []), []
        for call in calls:
            id_, named = call.get("id"), (call.get("function") or {}).get("name")
            if id_ and id_ in ids:
                at = ids.index(id_)
            else:
                if id_ or named or not ids:
                    ids.append(id_)
                at = len(ids) - 1
            numbered.append(call if call.get("index") is not None else {**call, "index": at})
        return tuple(numbered)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _part(parts: list[Any], kind: str) -> str:
    """What parts of one kind say together, each a text or parts with texts."""
    said = [part.get(kind) for part in parts if isinstance(part, dict) and part.get("type") == kind]
    return "".join([_part(each, "text") if isinstance(each, list) else str(each or "") for each in said])


def _unknown(wire: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {} if known.issuperset(wire) else {key: value for key, value in wire.items() if key not in known}


def whole(reading: Reading, wire: Any) -> list[Chunk]:
    """One chunk a choice, the last with the usage."""
    chunks = reading.read(wire)
    if not (chunks and reading.finished):
        return [*chunks, *reading.end(said_so=True)]
    usage, signals = reading.spent()
    chunks[-1] = replace(chunks[-1], usage=usage, signals=signals)
    return chunks


def estimated(body: Json, written_bytes: int) -> Usage:
    """Usage where nobody counted: four bytes of UTF-8 a token."""
    read_bytes = sum(len(text.encode()) for text in texts(body))
    return Usage(
        prompt_tokens=-(-read_bytes // _BYTES_PER_TOKEN), completion_tokens=-(-written_bytes // _BYTES_PER_TOKEN)
    )


def priced(usage: Usage, price: Price) -> Usage:
    """USD: tokens read from a cache, the other tokens read, and the tokens written, each at its price a million."""
    cached_usd = price.cached_input_usd_per_mtok
    if cached_usd is None:
        cached_usd = price.input_usd_per_mtok
    fresh_tokens = usage.prompt_tokens - usage.cached_tokens
    micro_usd = fresh_tokens * price.input_usd_per_mtok + usage.cached_tokens * cached_usd
    micro_usd += usage.completion_tokens * price.output_usd_per_mtok
    return replace(usage, usd=micro_usd / 1e6) if micro_usd else usage


def texts(body: Json) -> Iterator[str]:
    """Every text that the messages of a request hold."""
    for message in body.get("messages", ()):
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        for part in parts:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def _told(usage: Any) -> Usage | None:
    """The usage as the server tells it, or None if it cannot be used."""
    try:
        told = convert(usage, _Usage)
    except ValidationError:
        return None
    cached, reasoning = told.prompt_tokens_details, told.completion_tokens_details
    return Usage(
        prompt_tokens=told.prompt_tokens,
        completion_tokens=told.completion_tokens,
        cached_tokens=min(cached.cached_tokens or 0, told.prompt_tokens) if cached else 0,
        reasoning_tokens=reasoning.reasoning_tokens or 0 if reasoning else 0,
    )
