"""The ledger's file: its schema, its migrations and the statements that write it.

One table holds a row a decision; `features`, `options` and `steps` are JSON. `feedback` is a history: each word of a
user is a row of its own and the latest (highest `seq`) of a decision is what counts.

Durability: WAL with synchronous=NORMAL for decisions: a commit is handed to the operating system without waiting for
the disk, so it outlives the process (kill -9) and only a power cut can take the last seconds. Feedback is committed
with synchronous=FULL: on the disk before it is acknowledged, together with every decision written before it.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from rung.errors import LedgerError
from rung.ledger.rows import COLUMNS, Row
from rung.types import Feedback

_APPLICATION_ID = 0x52756E67  # "Rung"
_BUSY_S = 1.0
# SQLite before 3.32 takes at most 999 variables in a statement.
_ROWS_A_STATEMENT = 999 // len(COLUMNS)

# Entry n brings a file of version n to n + 1. Entries are never changed once released, only added.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE decisions (
            id TEXT PRIMARY KEY,
            wall_s REAL NOT NULL,
            tenant TEXT NOT NULL,
            model TEXT NOT NULL,
            preset TEXT NOT NULL,
            task TEXT,
            first TEXT,
            answered_by TEXT,
            right_prob REAL,
            quality_reached INTEGER NOT NULL,
            cache TEXT NOT NULL,
            usd REAL,
            prompt_tokens INTEGER NOT NULL,
            completion_tokens INTEGER NOT NULL,
            total_s REAL,
            reasoner_s REAL,
            streamed_live INTEGER NOT NULL,
            error TEXT NOT NULL,
            features TEXT,
            options TEXT NOT NULL,
            steps TEXT NOT NULL,
            question TEXT,
            answer TEXT
        )""",
        """CREATE TABLE feedback (
            seq INTEGER PRIMARY KEY,
            decision_id TEXT NOT NULL REFERENCES decisions (id),
            wall_s REAL NOT NULL,
            score REAL NOT NULL,
            comment TEXT NOT NULL
        )""",
        "CREATE INDEX feedback_of_decision ON feedback (decision_id)",
    ),
)

_ROW = f"({','.join('?' * len(COLUMNS))})"
_ADD_FEEDBACK = """INSERT INTO feedback (decision_id, wall_s, score, comment)
    SELECT id, ?, ?, ? FROM decisions WHERE id = ? AND tenant = ?"""


class Store:
    """One connection, used by one thread at a time.

    Opening raises LedgerError for what time does not mend (not a ledger, damaged, from a newer Rung, not to be
    opened at all); everything raises sqlite3.Error for what it may (full, locked, read-only).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._synchronous = ""
        _make_private(path)
        try:
            self._connection = connect(path)
        except sqlite3.OperationalError as error:
            raise _refusal(path, error) from error
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.close()
            if _is_damage(error):
                raise _refusal(path, error) from error
            raise
        except LedgerError:
            self.close()
            raise
        self._opened = os.stat(path)

    def write_decisions(self, rows: Sequence[Row]) -> None:
        """One transaction; a row whose id is there already changes nothing, so that a batch can be tried again."""
        self._look_for_file()
        self._set_synchronous("NORMAL")
        with _Transaction(self._connection):
            for start in range(0, len(rows), _ROWS_A_STATEMENT):
                part = rows[start : start + _ROWS_A_STATEMENT]
                # One statement for many rows: the interpreter's lock is handed back and forth once, not once a row.
                self._connection.execute(
                    f"INSERT INTO decisions ({','.join(COLUMNS)}) VALUES {','.join([_ROW] * len(part))}"  # noqa: S608 -- names and marks only
                    " ON CONFLICT (id) DO NOTHING",
                    [value for row in part for value in row],
                )

    def write_feedback(self, feedback: Sequence[tuple[Feedback, float]]) -> list[bool]:
        """On the disk on return. False: that tenant has no such decision. The float is seconds since the epoch."""
        self._look_for_file()
        self._set_synchronous("FULL")
        with _Transaction(self._connection):
            return [
                self._connection.execute(_ADD_FEEDBACK, (wall_s, f.score, f.comment, f.decision_id, f.tenant)).rowcount
                == 1
                for f, wall_s in feedback
            ]

    def probe(self) -> None:
        """Writes one page that changes nothing, to see that one can."""
        self._look_for_file()
        with _Transaction(self._connection):
            self._connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def close(self) -> None:
        self._connection.close()

    def _look_for_file(self) -> None:
        """SQLite goes on writing to a file that nobody can find any more."""
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            raise sqlite3.OperationalError("its file was taken away while it was open") from None
        if not os.path.samestat(now, self._opened) or now.st_size < self._opened.st_size:
            raise sqlite3.OperationalError("its file was replaced or cut short while it was open")
        self._opened = now

    def _set_synchronous(self, level: str) -> None:
        if level != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    def _prepare(self) -> None:
        version = self._version()
        self._connection.execute("PRAGMA journal_mode = WAL")
        # What a statement of many rows may have to take back is kept in memory, not in a file of its own.
        self._connection.execute("PRAGMA temp_store = MEMORY")
        self._connection.execute("PRAGMA fullfsync = ON")  # macOS: else its fsync stops at the drive's cache
        if version < len(_MIGRATIONS):
            with _Transaction(self._connection):
                # Read again under the lock: another process may have migrated it meanwhile.
                for steps in _MIGRATIONS[self._version() :]:
                    for step in steps:
                        self._connection.execute(step)
                self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def _version(self) -> int:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION_ID and (application or version or tables):
            raise LedgerError(f"{self._path} is another program's database; name another file in ledger.path")
        if version > len(_MIGRATIONS):
            raise LedgerError(
                f"{self._path} was written by a newer Rung (its version is {version}, this Rung knows up to "
                f"{len(_MIGRATIONS)}); update Rung, or name another file in ledger.path"
            )
        return int(version)


def connect(path: Path) -> sqlite3.Connection:
    """Opened in one thread and then used by the writer alone, hence `check_same_thread`."""
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


class _Transaction:
    """Holds the write lock from the first statement; commits, or rolls back when anything is raised."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            # Some errors (a full disk) have rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _make_private(path: Path) -> None:
    """The folder, and the file readable by its owner alone; SQLite gives its -wal and -shm files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be opened ({error.strerror}); see ledger.path") from error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _refusal(path: Path, error: sqlite3.DatabaseError) -> LedgerError:
    if _is_damage(error):
        return LedgerError(
            f"The ledger {path} is damaged or no SQLite file ({error}). It was left as it is: move it away to start a "
            f"new one, or save what can be read with `sqlite3 {path} .recover`"
        )
    return LedgerError(f"The ledger {path} cannot be opened ({error}); see ledger.path")
