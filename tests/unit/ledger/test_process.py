import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from rung.clock import RealClock
from rung.errors import LedgerError
from rung.ledger import Ledger, process
from rung.ledger.process import ProcessWriter
from rung.ledger.rows import packed
from rung.types import Feedback


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def row(decision):
    return lambda name: packed(decision(name), "anna", 1.5, None)


@pytest.fixture
def writer(path):
    it = ProcessWriter(path)
    yield it
    it.close()


def kept(path):
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT id FROM decisions ORDER BY rowid")]


def test_nothing_runs_before_there_is_something_to_write(path):
    it = ProcessWriter(path)
    it.close()
    assert it.pid is None
    assert not path.exists()


def test_closing_it_ends_its_process(writer):
    writer.probe()
    pid = writer.pid
    writer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_was_killed_is_told_of_and_replaced(writer, path, row):
    writer.write_decisions([row("d1")])
    killed = writer.pid
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(sqlite3.OperationalError, match="has ended"):
        writer.write_decisions([row("d2")])
    writer.write_decisions([row("d2")])
    assert writer.pid != killed
    assert kept(path) == ["d1", "d2"]


def test_one_that_hangs_is_not_waited_for_longer_than_it_may_take(writer, path, row):
    writer.write_decisions([row("d1")])
    writer._child._socket.settimeout(0.3)  # only now: a start may take longer
    hung = writer.pid
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(sqlite3.OperationalError, match="did not answer"):
        writer.write_decisions([row("d2")])
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    writer.write_decisions([row("d2")])
    assert kept(path) == ["d1", "d2"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_a_group_of_processes_does_not_end_it_before_its_parent(writer, path, row, number):
    writer.probe()
    pid = writer.pid
    os.kill(pid, number)
    writer.write_decisions([row("d1")])
    assert (writer.pid, kept(path)) == (pid, ["d1"])


def test_where_none_can_be_started_that_is_said(path, monkeypatch):
    monkeypatch.setattr(process.sys, "executable", str(path / "no-python"))
    with pytest.raises(LedgerError, match="cannot be started"):
        ProcessWriter(path).probe()


def test_a_file_in_the_working_folder_does_not_pass_for_a_library(path, tmp_path, monkeypatch, writer):
    (tmp_path / "sqlite3.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(tmp_path)
    writer.probe()
    assert path.exists()


def test_what_was_sent_before_the_parent_ended_is_written(path, row):
    ours, theirs = process.socket.socketpair()
    sent = process.frame(process.Decisions([row("d1")])) * 2
    with theirs:
        command = [sys.executable, "-P", "-m", "rung.ledger.child", str(path)]
        child = subprocess.Popen(command, stdin=theirs.fileno())
    with ours:
        ours.sendall(sent)
    assert child.wait(20) == 0
    assert kept(path) == ["d1"]


async def test_a_ledger_outlives_the_end_of_its_writer(path, decision):
    it = Ledger(path, RealClock())
    await it.start()
    it.record(decision("d1"), tenant="anna")
    await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))
    os.kill(it._writer.pid, signal.SIGKILL)
    it.record(decision("d2"), tenant="anna")
    with pytest.raises(LedgerError, match="send the feedback again"):
        await it.feedback(Feedback(decision_id="d2", score=1.0, tenant="anna"))
    await it.feedback(Feedback(decision_id="d2", score=1.0, tenant="anna"))
    assert it.problem is None
    await it.close()
    assert (kept(path), it.dropped) == (["d1", "d2"], 0)


def test_what_writes_loads_no_library_of_logs():
    code = "import sys, rung.ledger.child; sys.exit('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
