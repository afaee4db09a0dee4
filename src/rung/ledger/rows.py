"""A decision as a row of the ledger's table."""

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from rung.types import Decision, Json, Usage

Value = str | float | int | None
Row = tuple[Value, ...]

_json = msgspec.json.Encoder()
_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder()
_MAX_INTEGER = 2**63 - 1

COLUMNS = (
    "id",
    "wall_s",
    "tenant",
    "model",
    "preset",
    "task",
    "first",
    "answered_by",
    "right_prob",
    "quality_reached",
    "cache",
    "usd",
    "prompt_tokens",
    "completion_tokens",
    "total_s",
    "reasoner_s",
    "streamed_live",
    "error",
    "features",
    "options",
    "steps",
    "question",
    "answer",
)


class RecordedText(Struct, frozen=True, kw_only=True):
    """What was asked (the request's body) and answered: kept only where the config says `ledger.text: true`."""

    question: Json
    answer: str


def packed(decision: Decision, tenant: str, wall_s: float, text: RecordedText | None) -> bytes:
    """A decision on its way to the writer, in one piece, since each request waits for it; `wall_s` is seconds since the
    epoch when it was recorded. Raises ValueError, TypeError or OverflowError for what no file can hold."""
    question = _json.encode(text.question).decode() if text else None
    answer = storable(text.answer) if text else None
    try:
        return _pack.encode((decision, tenant, wall_s, question, answer))
    except OverflowError:
        steps = tuple([replace(step, usage=_bounded(step.usage)) for step in decision.steps])
        bounded = replace(decision, usage=_bounded(decision.usage), steps=steps)
        return _pack.encode((bounded, tenant, wall_s, question, answer))


def _bounded(usage: Usage) -> Usage:
    counts = {name: value for name, value in asdict(usage).items() if isinstance(value, int)}
    return replace(usage, **{name: min(count, _MAX_INTEGER) for name, count in counts.items()})


def row_of(packed: bytes) -> Row:
    """The values of COLUMNS. What is in the decision's parts is not looked at: it is written as JSON as it is."""
    d, tenant, wall_s, question, answer = _unpack.decode(packed)
    features, usage = d["features"], d["usage"]
    return (
        d["id"],
        wall_s,
        tenant,
        d["model"],
        d["preset"],
        features["task"] if features else None,
        d["first"],
        d["answered_by"],
        d["right_prob"],
        d["quality_reached"],
        d["cache"],
        usage["usd"],
        min(usage["prompt_tokens"], _MAX_INTEGER),
        min(usage["completion_tokens"], _MAX_INTEGER),
        d["total_s"],
        d["reasoner_s"],
        d["streamed_live"],
        d["error"],
        _json.encode(features).decode() if features else None,
        _json.encode(d["options"]).decode(),
        _json.encode(d["steps"]).decode(),
        question,
        answer,
    )


def storable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 file can hold."""
    return text.encode(errors="replace").decode()
