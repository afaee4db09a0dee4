"""A decision as a row of the ledger's table."""

import msgspec
from msgspec import Struct

from rung.types import Decision, Json

Value = str | float | int | None
Row = tuple[Value, ...]

_json = msgspec.json.Encoder()
_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(tuple)
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


def row_of(d: Decision, tenant: str, wall_s: float, text: RecordedText | None) -> Row:
    """The values of COLUMNS; `wall_s` is seconds since the epoch when the decision was recorded. Raises ValueError or
    TypeError if a part cannot be written as JSON."""
    return (
        d.id,
        wall_s,
        tenant,
        d.model,
        d.preset,
        d.features.task if d.features else None,
        d.first,
        d.answered_by,
        d.right_prob,
        d.quality_reached,
        d.cache,
        d.usage.usd,
        min(d.usage.prompt_tokens, _MAX_INTEGER),
        min(d.usage.completion_tokens, _MAX_INTEGER),
        d.total_s,
        d.reasoner_s,
        d.streamed_live,
        d.error,
        _json.encode(d.features).decode() if d.features else None,
        _json.encode(d.options).decode() if d.options else "[]",
        _json.encode(d.steps).decode() if d.steps else "[]",
        _json.encode(text.question).decode() if text else None,
        storable(text.answer) if text else None,
    )


def packed(row: Row) -> bytes:
    """A row on its way to the writer. Raises ValueError if a part cannot be written as UTF-8."""
    return _pack.encode(row)


def unpacked(row: bytes) -> Row:
    values: Row = _unpack.decode(row)
    return values


def storable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 file can hold."""
    return text.encode(errors="replace").decode()
