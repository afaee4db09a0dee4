"""Who writes the ledger's file: a store that is opened anew after an error."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rung.errors import LedgerError
from rung.ledger.rows import row_of
from rung.ledger.store import Store
from rung.types import Feedback


class Writer(Protocol):
    """Used by one thread at a time. Each method may raise LedgerError for what time does not mend and sqlite3.Error for
    what it may; then nothing of it was written, and it can be asked again."""

    def write_decisions(self, packed: Sequence[bytes]) -> None:
        """Decisions as `packed` has them. Of two with one id the first is kept."""
        ...

    def write_feedback(self, feedback: Sequence[tuple[Feedback, float]]) -> list[bool]:
        """On the disk on return. False: that tenant has no such decision. The float is seconds since the epoch."""
        ...

    def probe(self) -> None:
        """Whether anything could be written."""
        ...

    def close(self) -> None: ...


class LocalWriter:
    """In this process. Some errors leave a connection that will not work again, so after any it is opened anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: Store | None = None

    def write_decisions(self, packed: Sequence[bytes]) -> None:
        rows = [row_of(one) for one in packed]
        with self as store:
            store.write_decisions(rows)

    def write_feedback(self, feedback: Sequence[tuple[Feedback, float]]) -> list[bool]:
        with self as store:
            return store.write_feedback(feedback)

    def probe(self) -> None:
        with self as store:
            store.probe()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Store:
        if self._store is None:
            self._store = Store(self._path)
        return self._store

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, sqlite3.Error | LedgerError):
            self.close()
