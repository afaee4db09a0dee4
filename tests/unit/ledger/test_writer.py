"""What every writer keeps to: the one in this process, and the one in a process of its own."""

import os
import sqlite3
from contextlib import closing

import pytest

from rung.errors import LedgerError
from rung.ledger.process import ProcessWriter
from rung.ledger.rows import packed
from rung.ledger.writer import LocalWriter
from rung.types import Feedback


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture(params=[LocalWriter, ProcessWriter])
def writer(request, path):
    it = request.param(path)
    yield it
    it.close()


@pytest.fixture
def row(decision):
    return lambda name, **changes: packed(decision(name, **changes), "anna", 1.5, None)


def kept(path, what="id"):
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute(f"SELECT {what} FROM decisions ORDER BY rowid")]


def test_what_was_written_is_in_the_file_on_return(writer, path, row):
    writer.write_decisions([row(f"d{i}") for i in range(600)])
    assert kept(path) == [f"d{i}" for i in range(600)]


def test_values_come_through_as_they_were(writer, path, row):
    error = 'nul \x00, "quotes", \u2603 and \U0001f600'
    writer.write_decisions([row("d1", error=error, right_prob=0.1 + 0.2, total_s=1e-9, quality_reached=False)])
    assert kept(path, "error") == [error]
    assert kept(path, "right_prob") == [0.1 + 0.2]
    assert kept(path, "total_s") == [1e-9]
    assert kept(path, "quality_reached") == [0]


def test_of_two_rows_with_one_id_the_first_is_kept(writer, path, row):
    writer.write_decisions([row("d1", answered_by="calc")])
    writer.write_decisions([row("d1", answered_by="cloud"), row("d2")])
    assert kept(path) == ["d1", "d2"]
    assert kept(path, "answered_by") == ["calc", "calc"]


def test_feedback_tells_for_which_there_is_a_decision(writer, row):
    writer.write_decisions([row("d1")])
    known = Feedback(decision_id="d1", score=0.5, comment="\u2603", tenant="anna")
    other_tenant = Feedback(decision_id="d1", score=0.5, tenant="bert")
    assert writer.write_feedback([(known, 2.0), (other_tenant, 2.0)]) == [True, False]


def test_what_time_does_not_mend_is_told_apart(writer, path):
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    with pytest.raises(LedgerError, match="damaged or no SQLite file"):
        writer.probe()


def test_after_an_error_it_writes_again_as_soon_as_it_can(writer, path, row):
    writer.write_decisions([row("d1")])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            writer.write_decisions([row("d2")])
        other.execute("COMMIT")
    writer.write_decisions([row("d2")])
    assert kept(path) == ["d1", "d2"]


def test_a_file_that_was_taken_away_is_missed_and_begun_anew(writer, path, row):
    writer.write_decisions([row("d1")])
    for each in path.parent.glob("ledger.db*"):
        each.unlink()
    with pytest.raises(sqlite3.OperationalError, match="taken away"):
        writer.write_feedback([(Feedback(decision_id="d1", score=1.0, tenant="anna"), 2.0)])
    writer.write_decisions([row("d2")])
    assert kept(path) == ["d2"]


def test_a_file_that_was_replaced_is_not_written_past(writer, path, row):
    writer.write_decisions([row("d1")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)
    with pytest.raises(sqlite3.OperationalError, match="replaced"):
        writer.probe()
    writer.write_decisions([row("d2")])
    assert kept(path) == ["d1", "d2"]


def test_a_file_that_was_cut_short_is_refused(writer, path, row):
    writer.write_decisions([row("d1")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.probe()  # sees how long it is now
    os.truncate(path, 5000)
    with pytest.raises(sqlite3.OperationalError, match="cut short"):
        writer.write_decisions([row("d2")])
    with pytest.raises((LedgerError, sqlite3.Error)):
        writer.write_decisions([row("d2")])


def test_closed_it_can_be_used_again(writer, path, row):
    writer.write_decisions([row("d1")])
    writer.close()
    writer.close()
    writer.write_decisions([row("d2")])
    assert kept(path) == ["d1", "d2"]
