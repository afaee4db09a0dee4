import asyncio
import json
import sqlite3
import stat
from contextlib import asynccontextmanager, closing

import pytest
from structlog.testing import capture_logs

from rung.clock import RealClock
from rung.errors import BadRequest, LedgerError, UnknownDecision
from rung.ledger import Ledger, RecordedText, ledger, store
from rung.ledger.writer import LocalWriter
from rung.types import Feedback, Usage

WALL_S = 1_790_000_000.5


class FixedClock(RealClock):
    def wall(self):
        return WALL_S


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "ledger.db"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(store, "_BUSY_S", 0.01)
    monkeypatch.setattr(ledger, "_RETRY_S", 0.01)


@asynccontextmanager
async def opened(path, **options):
    it = Ledger(path, FixedClock(), writer=LocalWriter, **options)
    await it.start()
    try:
        yield it
    finally:
        await it.close()


def rows(path, sql="SELECT * FROM decisions ORDER BY rowid"):
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(r) for r in connection.execute(sql)]


def names(path):
    return [r["id"] for r in rows(path)]


@asynccontextmanager
async def locked(path):
    """Another program holds the file's write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- the ledger's thread tells nobody
            await asyncio.sleep(0.001)


async def test_a_decision_becomes_a_row_that_can_be_asked_for(path, decision):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        assert it.problem is None
    (row,) = rows(path)
    assert row["id"] == "d1"
    assert row["tenant"] == "anna"
    assert row["wall_s"] == WALL_S
    assert (row["model"], row["preset"], row["task"], row["first"]) == ("auto", "balanced", "maths", "calc")
    assert (row["answered_by"], row["right_prob"], row["quality_reached"]) == ("calc", 0.995, 1)
    assert (row["cache"], row["usd"], row["prompt_tokens"], row["completion_tokens"]) == ("miss", 0.002, 12, 3)
    assert (row["total_s"], row["streamed_live"], row["error"]) == (0.003, 0, "")
    assert json.loads(row["features"])["needs"] == ["logprobs"]
    assert json.loads(row["options"])[1]["excluded"] == "down"
    assert json.loads(row["steps"])[0]["verdict"]["signals"] == {"exact": 1.0}
    assert row["question"] is None
    assert row["answer"] is None


async def test_a_cached_answers_decision_has_neither_features_nor_options(path, decision):
    async with opened(path) as it:
        it.record(decision(features=None, options=(), steps=(), first=None, cache="exact"), tenant="anna")
    (row,) = rows(path)
    assert (row["task"], row["features"], row["options"], row["cache"]) == (None, None, "[]", "exact")


@pytest.mark.parametrize("keep", [True, False])
async def test_text_is_kept_only_where_given(path, decision, keep):
    body = {"messages": [{"role": "user", "content": "Who? \u2603"}]}
    async with opened(path) as it:
        it.record(decision(), tenant="anna", text=RecordedText(question=body, answer="Me \ud800") if keep else None)
    (row,) = rows(path)
    if keep:
        assert json.loads(row["question"]) == body
        assert row["answer"] == "Me ?"
    else:
        assert (row["question"], row["answer"]) == (None, None)
        assert b"Who?" not in path.read_bytes()


async def test_many_decisions_are_all_kept_in_order(path, decision):
    sent = [f"d{i}" for i in range(1500)]
    async with opened(path) as it:
        for i, name in enumerate(sent):
            it.record(decision(name), tenant="anna")
            if i % 100 == 0:
                await asyncio.sleep(0)
    assert names(path) == sent


async def test_the_same_decision_twice_is_one_row(path, decision):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        it.record(decision(answered_by="other"), tenant="anna")
    assert [r["answered_by"] for r in rows(path)] == ["calc"]


async def test_feedback_is_in_the_file_when_it_returns(path, decision):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        await it.feedback(Feedback(decision_id="d1", score=1.0, comment="yes", tenant="anna"))
        (row,) = rows(path, "SELECT * FROM feedback")
    assert (row["decision_id"], row["score"], row["comment"], row["wall_s"]) == ("d1", 1.0, "yes", WALL_S)


async def test_feedback_is_synced_to_the_disk(path, decision, monkeypatch):
    statements = []

    def watched(path, connect=store.connect):
        connection = connect(path)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(store, "connect", watched)
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))
    at = [s.split(" (")[0].split("\n")[0] for s in statements]
    assert at.index("PRAGMA synchronous = NORMAL") < at.index("INSERT INTO decisions")
    assert at.index("INSERT INTO decisions") < at.index("PRAGMA synchronous = FULL") < at.index("INSERT INTO feedback")


async def test_all_feedback_is_kept_and_the_latest_has_the_highest_number(path, decision):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        for score in (1.0, 0.0, 0.5):
            await it.feedback(Feedback(decision_id="d1", score=score, tenant="anna"))
    assert [r["score"] for r in rows(path, "SELECT score FROM feedback ORDER BY seq")] == [1.0, 0.0, 0.5]


@pytest.mark.parametrize(("name", "tenant"), [("d2", "anna"), ("d1", "bert"), ("\ud800", "anna")])
async def test_feedback_on_what_that_tenant_never_asked_is_refused(path, decision, name, tenant):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        with pytest.raises(UnknownDecision):
            await it.feedback(Feedback(decision_id=name, score=1.0, tenant=tenant))
    assert rows(path, "SELECT * FROM feedback") == []


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
async def test_a_score_outside_its_range_is_refused(path, decision, score):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        with pytest.raises(BadRequest, match="between 0 and 1"):
            await it.feedback(Feedback(decision_id="d1", score=score, tenant="anna"))


async def test_feedback_given_up_by_its_caller_is_kept_and_hurts_nobody(path, decision):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        given_up = asyncio.create_task(it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna")))
        await asyncio.sleep(0)
        given_up.cancel()
        await it.feedback(Feedback(decision_id="d1", score=0.0, tenant="anna"))
    assert [r["score"] for r in rows(path, "SELECT score FROM feedback ORDER BY seq")] == [1.0, 0.0]


async def test_a_locked_file_stops_nothing_and_is_caught_up_on(path, decision):
    async with opened(path) as it:
        async with locked(path):
            it.record(decision("d1"), tenant="anna")
            with pytest.raises(LedgerError, match="send the feedback again"):
                await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))
            assert "locked" in it.problem
            assert "1 decisions wait" in it.problem
            it.record(decision("d2"), tenant="anna")
        await until(lambda: it.problem is None)
        assert names(path) == ["d1", "d2"]
        await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))


async def test_the_log_says_once_that_it_cannot_be_written_and_once_that_it_is_again(path, decision):
    with capture_logs() as logs:
        async with opened(path) as it:
            async with locked(path):
                it.record(decision("d1"), tenant="anna")
                await until(lambda: it.problem)
                await asyncio.sleep(0.1)  # it was tried again by now
            await until(lambda: it.problem is None)
    assert [(line["log_level"], line["event"].partition(":")[0]) for line in logs] == [
        ("error", "ledger cannot be written"),
        ("info", "ledger is written again"),
    ]
    assert "locked" in logs[0]["problem"]


async def test_a_full_disk_stops_nothing_and_is_caught_up_on(path, decision, monkeypatch):
    room = [60]

    def small_disk(path, connect=store.connect):
        connection = connect(path)
        connection.execute(f"PRAGMA max_page_count = {room[0]}")
        return connection

    monkeypatch.setattr(store, "connect", small_disk)
    sent = [f"d{i}" for i in range(300)]
    async with opened(path) as it:
        for name in sent:
            it.record(decision(name), tenant="anna")
        await until(lambda: it.problem)
        assert "full" in it.problem
        room[0] = 10_000
        await until(lambda: it.problem is None)
    assert names(path) == sent
    assert it.dropped == 0


async def test_what_waits_is_bounded_and_the_rest_is_counted(path, decision):
    async with opened(path, max_waiting_bytes=100_000) as it:
        async with locked(path):
            for i in range(100):
                it.record(decision(f"d{i}"), tenant="anna")
            await until(lambda: it.problem and "wait" in it.problem)
            kept = 100 - it.dropped
            assert 0 < kept < 100
            assert f"{it.dropped} were dropped" in it.problem
        await until(lambda: it.problem is None)
        it.record(decision("late"), tenant="anna")
        await it.feedback(Feedback(decision_id="late", score=1.0, tenant="anna"))
    assert names(path) == [*(f"d{i}" for i in range(kept)), "late"]


async def test_long_texts_count_towards_the_bound(path, decision):
    long = RecordedText(question={"messages": [{"content": "a" * 30_000}]}, answer="b")
    async with opened(path, max_waiting_bytes=20_000) as it:
        it.record(decision(), tenant="anna", text=long)
    assert (names(path), it.dropped) == ([], 1)
    async with opened(path, max_waiting_bytes=20_000) as it:
        it.record(decision(), tenant="anna")
    assert (names(path), it.dropped) == (["d1"], 0)


async def test_a_decision_that_no_file_can_hold_is_counted_and_the_others_are_kept(path, decision):
    async with opened(path) as it:
        it.record(decision("d1"), tenant="anna")
        it.record(decision("d2", error="\ud800"), tenant="anna")
        it.record(decision("d3"), tenant="anna")
        await it.feedback(Feedback(decision_id="d3", score=1.0, tenant="anna"))
        assert it.dropped == 1
    assert names(path) == ["d1", "d3"]


async def test_tokens_beyond_any_integer_are_clamped(path, decision):
    async with opened(path) as it:
        it.record(decision(usage=Usage(prompt_tokens=10**30)), tenant="anna")
    assert rows(path)[0]["prompt_tokens"] == 2**63 - 1


async def test_a_file_locked_at_the_start_is_waited_for(path, decision):
    async with opened(path):
        pass
    async with locked(path):
        it = Ledger(path, FixedClock(), writer=LocalWriter)
        await it.start()
        it.record(decision(), tenant="anna")
        await until(lambda: it.problem)
    await until(lambda: it.problem is None)
    await it.close()
    assert names(path) == ["d1"]


async def test_a_problem_ends_by_itself_even_if_nothing_waits_to_be_written(path):
    async with opened(path):
        pass
    async with locked(path):
        it = Ledger(path, FixedClock(), writer=LocalWriter)
        await it.start()
        assert "locked" in it.problem
    await until(lambda: it.problem is None)
    await it.close()


async def test_a_file_that_may_not_be_written_is_a_problem_from_the_start(path, decision, monkeypatch):
    async with opened(path):
        pass
    read_only = ["ON"]

    def connect(path, connect=store.connect):
        connection = connect(path)
        connection.execute(f"PRAGMA query_only = {read_only[0]}")
        return connection

    monkeypatch.setattr(store, "connect", connect)
    async with opened(path) as it:
        assert "readonly" in it.problem
        it.record(decision(), tenant="anna")
        read_only[0] = "OFF"
        await until(lambda: it.problem is None)
    assert names(path) == ["d1"]


async def test_closing_tells_what_is_lost(path, decision):
    async with opened(path):
        pass
    it = Ledger(path, FixedClock(), writer=LocalWriter)
    await it.start()
    async with locked(path):
        it.record(decision(), tenant="anna")
        with pytest.raises(LedgerError, match="1 decisions lost"):
            await it.close()


async def test_after_closing_nothing_is_taken(path, decision):
    async with opened(path) as it:
        pass
    it.record(decision(), tenant="anna")
    assert it.dropped == 1
    with pytest.raises(LedgerError, match="closed"):
        await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))


async def test_decisions_recorded_before_the_start_are_kept(path, decision):
    it = Ledger(path, FixedClock(), writer=LocalWriter)
    it.record(decision(), tenant="anna")
    await it.start()
    await it.close()
    assert names(path) == ["d1"]


async def test_closing_what_never_started_is_fine(path):
    await Ledger(path, FixedClock()).close()
    assert not path.exists()


async def test_only_the_owner_can_read_it(path, decision):
    async with opened(path) as it:
        it.record(decision(), tenant="anna")
        await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))
        assert {stat.S_IMODE(f.stat().st_mode) for f in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_died_is_a_problem(path, decision, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    it = Ledger(path, FixedClock(), writer=LocalWriter)
    await it.start()
    monkeypatch.setattr(LocalWriter, "write_feedback", broken)
    it.record(decision(), tenant="anna")
    with pytest.raises(LedgerError):
        await it.feedback(Feedback(decision_id="d1", score=1.0, tenant="anna"))
    await until(lambda: it.problem)
    assert "stopped" in it.problem
    await it.close()
