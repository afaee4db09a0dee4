"""Decisions of which somebody said how right their answers were, read back from the file."""

import sqlite3
from pathlib import Path

import msgspec
from msgspec import Struct

from rung.errors import LedgerError
from rung.types import Decision, Features, Json, Option, Step, Usage

# A decision has its place by when it was taken, however late something is said of it; what was last said counts. `nth`
# counts a reasoner's own, newest first, and those that came out of the cache apart: of others, however many, none takes
# their place.
_HEARD = """SELECT heard.begun, said.seq, said.wall_s, said.score, decisions.* FROM (
        SELECT decisions.rowid AS begun, latest,
            row_number() OVER (PARTITION BY answered_by, cache = 'exact' ORDER BY decisions.rowid DESC) AS nth
        FROM (
            SELECT decision_id, max(seq) AS latest FROM feedback
            WHERE decision_id IN (
                SELECT decision_id FROM feedback
                WHERE seq > CASE WHEN ?1 <= (SELECT max(seq) FROM feedback) THEN ?1 ELSE 0 END AND wall_s >= ?2
            )
            GROUP BY decision_id
        ) JOIN decisions ON decisions.id = decision_id
    ) AS heard
    JOIN feedback AS said ON said.seq = heard.latest
    JOIN decisions ON decisions.rowid = heard.begun
    WHERE heard.nth <= ?3
    ORDER BY heard.begun"""
_features = msgspec.json.Decoder(Features)
_options = msgspec.json.Decoder(tuple[Option, ...])
_steps = msgspec.json.Decoder(tuple[Step, ...])


class _Part(Struct):
    text: str | None = None


class _Message(Struct):
    content: str | list[_Part] | None = None


class _Body(Struct):
    """A request's body, as far as it is looked at."""

    messages: list[_Message]


_shape = msgspec.json.Decoder(_Body)


class Graded(Struct, frozen=True, kw_only=True):
    """A decision and the score, in 0..1, that was last given to its answer, `wall_s` seconds after the epoch. `begun`
    orders decisions by when they were taken; `seq` is the number of what was last said. `question` is the
    request's body, where texts were kept."""

    begun: int
    seq: int
    wall_s: float
    score: float
    decision: Decision
    tenant: str = "local"
    question: Json | None = None


def read_graded(path: Path, *, after: int = 0, since_s: float = 0.0, latest: int = 1_000_000) -> list[Graded]:
    """Those of which something was said since `since_s`, in seconds since the epoch, and after number `after`, oldest
    first, and of each reasoner's the `latest`; none where there is no file. In one that has no number so high all is
    after it: it was begun anew. What another Rung wrote in a shape that this one cannot read is left out.

    Raises LedgerError.
    """
    if not path.exists():
        return []
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(_HEARD, (after, since_s, latest)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise LedgerError(f"The ledger {path} cannot be read ({error}); see ledger.path") from error
    read = (_graded(row) for row in rows)
    return [one for one in read if one is not None]


def _body(text: str) -> Json:
    """Raises DecodeError for what no request can have been."""
    _shape.decode(text)
    body: Json = msgspec.json.decode(text)
    return body


def _graded(row: sqlite3.Row) -> Graded | None:
    try:
        decision = Decision(
            id=row["id"],
            model=row["model"],
            preset=row["preset"],
            features=_features.decode(row["features"]) if row["features"] else None,
            options=_options.decode(row["options"]),
            first=row["first"],
            steps=_steps.decode(row["steps"]),
            answered_by=row["answered_by"],
            right_prob=row["right_prob"],
            quality_reached=bool(row["quality_reached"]),
            cache=row["cache"],
            usage=Usage(
                prompt_tokens=row["prompt_tokens"], completion_tokens=row["completion_tokens"], usd=row["usd"] or 0.0
            ),
            total_s=row["total_s"] or 0.0,
            reasoner_s=row["reasoner_s"] or 0.0,
            streamed_live=bool(row["streamed_live"]),
            error=row["error"],
        )
        question = _body(row["question"]) if row["question"] else None
    except msgspec.DecodeError:
        return None
    return Graded(
        begun=row["begun"],
        seq=row["seq"],
        wall_s=row["wall_s"],
        score=row["score"],
        decision=decision,
        tenant=row["tenant"],
        question=question,
    )
