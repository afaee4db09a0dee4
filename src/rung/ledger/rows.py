"""A decision as a row of the ledger's table."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from rung.types import Decision, Json

Value = str | float | int | None
Row = tuple[Value, ...]

_json = msgspec.json.Encoder()
_MAX_INTEGER = 2**63 - 1
# What a decision without text weighs while it waits in memory: the messages it is made of, measured at 3 to 6 KB.
_DECISION_BYTES = 6144

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


class Record(Struct, frozen=True, kw_only=True):
    """A decision on its way to the file. `wall_s` is seconds since the epoch when it was recorded."""

    decision: Decision
    tenant: str
    wall_s: float
    text: RecordedText | None

    @property
    def weight_bytes(self) -> int:
        return _DECISION_BYTES + (_weight_bytes(self.text.question) + 4 * len(self.text.answer) if self.text else 0)


def row_of(record: Record) -> Row:
    """The values of COLUMNS. Raises ValueError or TypeError if a part cannot be written as UTF-8 JSON."""
    d, text = record.decision, record.text
    row = (
        d.id,
        record.wall_s,
        record.tenant,
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
    # Raises here and not in the middle of a batch.
    f"{d.id}{record.tenant}{d.model}{d.preset}{d.first}{d.answered_by}{d.error}".encode()
    return row


def _weight_bytes(value: object) -> int:
    """At most what a JSON value takes in memory, near enough for a bound."""
    if isinstance(value, str):
        return 64 + 4 * len(value)
    if isinstance(value, Mapping):
        return 64 + sum(128 + _weight_bytes(v) for v in value.values())
    if isinstance(value, list | tuple):
        return 64 + sum(_weight_bytes(v) for v in value)
    return 32


def storable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 file can hold."""
    return text.encode(errors="replace").decode()
