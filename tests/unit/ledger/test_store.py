import sqlite3
from contextlib import closing

import pytest

from rung.errors import LedgerError
from rung.ledger import store
from rung.ledger.rows import packed, row_of
from rung.ledger.store import Store
from rung.types import Feedback


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def row(decision):
    return lambda name: row_of(packed(decision(name), "anna", 1.0, None))


def filled(path, row):
    opened = Store(path)
    opened.write_decisions([row(f"d{i}") for i in range(200)])
    assert opened.write_feedback([(Feedback(decision_id="d7", score=0.5, tenant="anna"), 2.0)]) == [True]
    opened.close()


def test_what_was_written_is_there_after_opening_again(path, row):
    filled(path, row)
    opened = Store(path)
    opened.write_decisions([row("d7"), row("d200")])
    opened.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (201,)
        assert connection.execute("SELECT decision_id, score FROM feedback").fetchall() == [("d7", 0.5)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _noise(path, row):
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)


def _cut(path, row):
    filled(path, row)
    path.write_bytes(path.read_bytes()[: 4096 * 5])


def _other_program(path, row):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.commit()


def _newer(path, row):
    filled(path, row)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(_noise, "damaged"), (_cut, "damaged"), (_other_program, "another program"), (_newer, "newer Rung")],
)
def test_a_file_that_is_no_good_is_refused_and_left_alone(path, row, spoil, says):
    spoil(path, row)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=says) as caught:
        Store(path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_refused(path):
    path.mkdir()
    with pytest.raises(LedgerError, match=r"ledger\.path"):
        Store(path)


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(LedgerError, match=r"ledger\.path"):
        Store(tmp_path / "state" / "ledger.db")


def test_an_older_file_is_brought_forward_with_all_it_holds(path, row, monkeypatch):
    filled(path, row)
    later = (*store._MIGRATIONS, ("ALTER TABLE feedback ADD COLUMN source TEXT NOT NULL DEFAULT 'user'",))
    monkeypatch.setattr(store, "_MIGRATIONS", later)
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT score, source FROM feedback").fetchall() == [(0.5, "user")]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(later),)


def test_a_migration_that_fails_changes_nothing(path, row, monkeypatch):
    filled(path, row)
    wrong = (*store._MIGRATIONS, ("ALTER TABLE feedback ADD COLUMN source TEXT", "ALTER TABLE nowhere ADD COLUMN x"))
    monkeypatch.setattr(store, "_MIGRATIONS", wrong)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        Store(path)
    monkeypatch.undo()
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert "source" not in [c[1] for c in connection.execute("PRAGMA table_info(feedback)")]


def test_a_batch_that_fails_leaves_no_part_behind(path, row):
    opened = Store(path)
    with pytest.raises(sqlite3.IntegrityError):
        opened.write_decisions([*(row(f"d{i}") for i in range(100)), (None,) * len(row("d"))])
    opened.write_decisions([row("after")])
    opened.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM decisions").fetchall() == [("after",)]
