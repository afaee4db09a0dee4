"""What reasoners made of questions: read from a file, checked, and folded for cross-validation."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from rung.errors import ConfigError, why_unread
from rung.estimators.reading import Floats, Ints

_FORM = (
    "`question`, and `score|NAME`, 0 to 1, for each reasoner; `usd|NAME`, `seconds|NAME` and `tokens|NAME` may follow"
)
LEAST = 20
# As programs write truth values into a csv; parquet has them as they are.
_SAID = {"True": 1.0, "False": 0.0, "true": 1.0, "false": 0.0, "TRUE": 1.0, "FALSE": 0.0}
# Of a csv's fields, in characters: as many as the module can take everywhere. Its own bound is 131,072.
_LONGEST = 2**31 - 1


class Outcomes(Struct, frozen=True, kw_only=True):
    """`scores` [questions, reasoners] are in 0..1, NaN where a reasoner was not asked. `usd`, `seconds` and `tokens`
    are what an answer took, of the same shape, NaN where it is not known; None where nothing is. `embedded` are the
    questions' embeddings [questions, dimensions]; None where none is used."""

    questions: tuple[str, ...]
    reasoners: tuple[str, ...]
    scores: Floats
    usd: Floats | None = None
    seconds: Floats | None = None
    tokens: Floats | None = None
    ignored: tuple[str, ...] = ()
    embedded: Floats | None = None

    def take(self, at: Ints) -> "Outcomes":
        """The questions `at`, in that order."""
        return Outcomes(
            questions=tuple(self.questions[i] for i in at),
            reasoners=self.reasoners,
            scores=self.scores[at],
            usd=None if self.usd is None else self.usd[at],
            seconds=None if self.seconds is None else self.seconds[at],
            tokens=None if self.tokens is None else self.tokens[at],
            embedded=None if self.embedded is None else self.embedded[at],
        )

    def costs(self) -> Mapping[str, Floats]:
        """What answers cost, by unit: USD and seconds, as far as they are known and anything costs any; tokens where
        neither is. A gap is filled with its reasoner's mean."""
        found: dict[str, Floats] = {}
        for unit in ("usd", "seconds", "tokens"):
            known: Floats | None = getattr(self, unit)
            if known is not None and np.nanmax(known) > 0 and not (found and unit == "tokens"):
                found[unit] = np.where(np.isnan(known), np.nanmean(known, axis=0), known).astype(np.float32)
        return found

    def digest(self) -> str:
        """SHA-256 of questions, names and scores."""
        sha = hashlib.sha256("\0".join([*self.reasoners, *self.questions]).encode("utf-8", "surrogatepass"))
        sha.update(np.ascontiguousarray(self.scores).tobytes())
        return sha.hexdigest()


def read_outcomes(path: Path) -> Outcomes:
    """From a .parquet or .csv file. Raises ConfigError, with what is wrong and where."""
    if not path.exists():
        raise ConfigError(f"there is no file {path}")
    if path.suffix == ".parquet":
        columns = _parquet(path)
    elif path.suffix == ".csv":
        columns = _csv(path)
    else:
        raise ConfigError(f"{path}: outcomes are read from .parquet or .csv")
    return _checked(path, columns)


def _parquet(path: Path) -> dict[str, Sequence[Any]]:
    try:
        import pyarrow  # noqa: PLC0415  heavy, and an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("parquet needs pyarrow: pip install 'rung[learn]', or write a .csv") from error
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: cannot be read as parquet: {error}") from error
    return {name: table[name].to_pylist() for name in table.column_names}


def _csv(path: Path) -> dict[str, Sequence[Any]]:
    csv.field_size_limit(_LONGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            columns: dict[str, list[Any]] = {name: [] for name in rows.fieldnames or ()}
            if len(columns) < len(rows.fieldnames or ()):
                raise ConfigError(f"{path}: a column stands twice")
            for row in rows:
                if None in row or None in row.values():
                    raise ConfigError(f"{path}: line {rows.line_num} has not as many values as there are columns")
                for name, value in row.items():
                    columns[name].append(value)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {why_unread(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read as csv: {why_unread(error)}") from error
    except csv.Error as error:
        raise ConfigError(f"{path}: cannot be read as csv: {error}") from error
    return dict(columns)


def _checked(path: Path, columns: Mapping[str, Sequence[Any]]) -> Outcomes:
    reasoners = tuple(name.removeprefix("score|") for name in columns if name.startswith("score|"))
    if "question" not in columns or len(reasoners) < 2:
        raise ConfigError(f"{path}: must have the columns {_FORM}; at least two reasoners. It has {', '.join(columns)}")
    if "" in reasoners:
        raise ConfigError(f"{path}: a column `score|` names no reasoner")
    odd = next((i for i, q in enumerate(columns["question"]) if not isinstance(q, str | None)), None)
    if odd is not None:
        raise ConfigError(f"{path}: row {odd + 1}: the question is no text")
    questions = tuple(q or "" for q in columns["question"])
    empty = next((i for i, q in enumerate(questions) if not q.strip()), None)
    if empty is not None:
        raise ConfigError(f"{path}: row {empty + 1} has no question")
    scores = np.stack([_numbers(path, f"score|{r}", columns) for r in reasoners], axis=1)
    if (scores < 0).any() or (scores > 1).any():
        row, column = np.argwhere((scores < 0) | (scores > 1))[0]
        raise ConfigError(f"{path}: row {row + 1}, score|{reasoners[column]}: must lie between 0 and 1")
    costs: dict[str, Floats | None] = {}
    for unit in ("usd", "seconds", "tokens"):
        named = [f"{unit}|{r}" for r in reasoners]
        costs[unit] = (
            np.stack([_numbers(path, n, columns) for n in named], axis=1) if set(named) <= set(columns) else None
        )
    if (count := different(questions)) < LEAST:
        raise ConfigError(f"{path}: has {count} different questions; at least {LEAST} are needed to say anything")
    known = [unit for unit, figures in costs.items() if figures is not None]
    used = {"question", *(f"{kind}|{r}" for kind in ("score", *known) for r in reasoners)}
    return Outcomes(
        questions=questions,
        reasoners=reasoners,
        scores=scores,
        **costs,
        ignored=tuple(name for name in columns if name not in used),
    )


def _numbers(path: Path, name: str, columns: Mapping[str, Sequence[Any]]) -> Floats:
    out = np.full(len(columns[name]), np.nan)
    for i, value in enumerate(columns[name]):
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            out[i] = float(_SAID.get(value, value))
        except (TypeError, ValueError):
            raise ConfigError(f"{path}: row {i + 1}, {name}: `{value}` is no number") from None
    if np.isnan(out).all():
        raise ConfigError(f"{path}: {name} is empty")
    if np.nanmax(np.abs(out), initial=0.0) > np.finfo(np.float32).max or (
        not name.startswith("score|") and (out < 0).any()
    ):
        raise ConfigError(f"{path}: {name}: must be finite and not negative")
    return out.astype(np.float32)


def folds(questions: Sequence[str], count: int, rng: np.random.Generator) -> Ints:
    """The fold of each question, 0 to `count` - 1; the same question is always in the same fold."""
    drawn = rng.permutation(different(questions)) % count
    return drawn[numbered(questions)].astype(np.int64)


def numbered(questions: Sequence[str]) -> Ints:
    """A number from 0 for each question. Those that differ by capitals or white space alone are one: who has seen the
    one has seen the other."""
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(" ".join(q.split()).casefold(), len(numbers)) for q in questions]
    return np.array(found, np.int64)


def different(questions: Sequence[str]) -> int:
    """How many questions there are, each counted once."""
    return int(numbered(questions).max(initial=-1)) + 1
