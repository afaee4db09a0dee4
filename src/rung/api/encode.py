"""Answers, chunks, decisions and errors -> the bytes of OpenAI's chat completions."""

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from rung.errors import DeadlineExceeded, RungError, Unauthorized
from rung.types import Answer, Choice, Chunk, Decision, Json, Usage

DONE: Final = b"data: [DONE]\n\n"
WAITING: Final = b": waiting\n\n"

to_json: Final = msgspec.json.Encoder().encode

_IN_PLACE: Final = {"refusal", "function_call", "audio"}
_RESERVED: Final = {"id", "object", "created", "model", "choices", "usage", "rung"}

Headers = list[tuple[bytes, bytes]]


def completion(id_: str, created_s: int, answer: Answer, debug: Decision | None) -> bytes:
    """A whole chat completion. `debug` adds the decision under `rung`."""
    body = {
        "id": id_,
        "object": "chat.completion",
        "created": created_s,
        "model": answer.reasoner,
        "choices": [_choice(index, choice) for index, choice in enumerate(answer.choices)],
        "usage": usage(answer.usage),
        "system_fingerprint": None,
    }
    if answer.extra:
        body |= _unreserved(answer.extra)
    if debug is not None:
        body["rung"] = debug
    return to_json(body)


def _unreserved(extra: Json) -> Json:
    """What an upstream added, but for the fields that are ours to say."""
    return {key: value for key, value in extra.items() if key not in _RESERVED} if extra else extra


def _choice(index: int, choice: Choice) -> Json:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": choice.text or _instead_of_text(choice.tool_calls, choice.extra),
        "refusal": None,
        **choice.extra,
    }
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = choice.tool_calls
    return {
        **choice.choice_extra,
        "index": index,
        "message": message,
        "logprobs": _logprobs(choice.logprobs),
        "finish_reason": choice.finish or "stop",
    }


def _instead_of_text(tool_calls: Sequence[Json], extra: Json) -> str | None:
    """The content where there is no text: null if something else is said in its place."""
    said = tool_calls or not _IN_PLACE.isdisjoint(key for key, value in extra.items() if value)
    return None if said else ""


def _logprobs(entries: tuple[Json, ...]) -> Json | None:
    return {"content": entries, "refusal": None} if entries else None


def usage(used: Usage) -> Json:
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
    }


class ChunkWriter:
    """The SSE events of one stream of chat completion chunks."""

    def __init__(self, id_: str, created_s: int, model: str, *, include_usage: bool) -> None:
        self._head: Json = {
            "id": id_,
            "object": "chat.completion.chunk",
            "created": created_s,
            "model": model,
            "system_fingerprint": None,
        }
        self._include_usage = include_usage
        self._begun: set[int] = set()

    def chunk(self, chunk: Chunk) -> bytes:
        """The event of a chunk; empty if it holds nothing that a client is shown."""
        delta = self._delta(chunk)
        if not (delta or chunk.finish or chunk.logprobs or chunk.choice_extra or chunk.extra):
            return b""
        if chunk.index not in self._begun:
            self._begun.add(chunk.index)
            delta = {"role": "assistant", "content": _instead_of_text(chunk.tool_calls, chunk.delta_extra), **delta}
        choice = {
            **chunk.choice_extra,
            "index": chunk.index,
            "delta": delta,
            "logprobs": _logprobs(chunk.logprobs),
            "finish_reason": chunk.finish or None,
        }
        return self._event([choice], chunk.extra, {"usage": None} if self._include_usage else {})

    @staticmethod
    def _delta(chunk: Chunk) -> dict[str, Any]:
        delta: dict[str, Any] = {**chunk.delta_extra}
        if chunk.text:
            delta["content"] = chunk.text
        if chunk.reasoning:
            delta["reasoning_content"] = chunk.reasoning
        if chunk.tool_calls:
            # A replayed call is whole and may have lost its place, which a stream must name.
            delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(chunk.tool_calls)]
        return delta

    def end(self, used: Usage, debug: Decision | None) -> bytes:
        """What follows the last chunk: the usage and the decision, where asked for, and the end's mark."""
        tail: dict[str, Any] = {}
        if self._include_usage:
            tail["usage"] = usage(used)
        if debug is not None:
            tail["rung"] = debug
        return (self._event([], {}, tail) if tail else b"") + DONE

    def _event(self, choices: list[Json], extra: Json, tail: Json) -> bytes:
        body = {**self._head, "choices": choices, **tail, **_unreserved(extra)}
        return _written(to_json(body))


# What ends a line for clients that read text by Python's `splitlines`, as httpx's and requests' do.
_LINE_ENDS: Final = [(end.encode(), b"\\u%04x" % ord(end)) for end in ("\x85", "\u2028", "\u2029")]


def _written(data: bytes) -> bytes:
    """An event of `data`, which is JSON, on one line whatever is taken for its end."""
    if not data.isascii():
        for end, escaped in _LINE_ENDS:
            data = data.replace(end, escaped)
    return b"data: " + data + b"\n\n"


def error_body(error: RungError) -> bytes:
    return to_json({"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}})


def error_event(error: RungError) -> bytes:
    return _written(error_body(error))


def error_headers(error: RungError) -> Headers:
    """What an error says beside its body. Seconds to wait are whole and rounded up; a 429 or 503 that names none says
    1."""
    if isinstance(error, Unauthorized):
        return [(b"www-authenticate", b"Bearer")]
    if isinstance(error, DeadlineExceeded):  # else OpenAI's clients wait as long once more, and again
        return [(b"x-should-retry", b"false")]
    wait_s = error.retry_after_s
    if wait_s is None and error.status not in {429, 503}:
        return []
    return [(b"retry-after", str(max(1, math.ceil(wait_s or 1))).encode())]
