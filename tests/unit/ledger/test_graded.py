import sqlite3
from contextlib import asynccontextmanager, closing

import pytest
from msgspec.structs import replace

from rung.clock import RealClock
from rung.errors import LedgerError
from rung.ledger import Ledger, RecordedText, read_graded
from rung.types import Feedback


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a ledger?.db"


@asynccontextmanager
async def opened(path):
    ledger = Ledger(path, RealClock())
    await ledger.start()
    yield ledger
    await ledger.close()


async def say(ledger, name, score):
    await ledger.feedback(Feedback(decision_id=name, score=score))


async def test_a_decision_is_read_as_it_was_made(path, decision):
    made = decision("d1")
    async with opened(path) as ledger:
        ledger.record(made, tenant="local", text=RecordedText(question={"messages": []}, answer="12"))
        ledger.record(decision("d2"), tenant="local")
        await say(ledger, "d1", 0.25)
        [graded] = await ledger.graded(after=0, latest=10)
    assert graded.decision == made
    assert (graded.score, graded.question) == (0.25, {"messages": []})
    assert read_graded(path) == [graded]


async def test_a_decision_keeps_its_place_however_late_it_is_spoken_of(path, decision):
    async with opened(path) as ledger:
        for name in ("d1", "d2", "d3"):
            ledger.record(decision(name), tenant="local")
        for name in ("d3", "d1", "d2"):
            await say(ledger, name, 1.0)
        known = await ledger.graded(after=0, latest=10)
        assert [one.decision.id for one in known] == ["d1", "d2", "d3"]
        assert [one.decision.id for one in await ledger.graded(after=0, latest=2)] == ["d2", "d3"]


async def test_the_last_word_counts(path, decision):
    async with opened(path) as ledger:
        for name in ("d1", "d2", "d3"):
            ledger.record(decision(name), tenant="local")
            await say(ledger, name, 1.0)
        await say(ledger, "d1", 0.0)
        known = await ledger.graded(after=0, latest=10)
        assert [(one.decision.id, one.score) for one in known] == [("d1", 0.0), ("d2", 1.0), ("d3", 1.0)]
        assert [(one.begun, one.seq) for one in known] == [(1, 4), (2, 2), (3, 3)]
        assert [one.decision.id for one in await ledger.graded(after=3, latest=10)] == ["d1"]
        assert [one.decision.id for one in await ledger.graded(after=0, latest=2)] == ["d2", "d3"]
        assert await ledger.graded(after=4, latest=10) == []
        late = known[-1].wall_s
        assert {one.decision.id for one in read_graded(path, since_s=late)} <= {"d1", "d3"}
        assert read_graded(path, since_s=late + 3600) == []


async def test_who_is_seldom_asked_is_not_crowded_out(path, decision):
    async with opened(path) as ledger:
        made = [replace(decision("rare"), answered_by="strong")]
        made += [replace(decision(f"d{n}"), answered_by="weak") for n in range(5)]
        made += [replace(decision(f"kept{n}"), answered_by="strong", cache="exact") for n in range(3)]
        for one in made:
            ledger.record(one, tenant="local")
            await say(ledger, one.id, 1.0)
        known = await ledger.graded(after=0, latest=2)
    assert [one.decision.id for one in known] == ["rare", "d3", "d4", "kept1", "kept2"]


@pytest.mark.parametrize(
    ("column", "holds"),
    [
        ("options", '[{"rung": 1}]'),
        ("question", "5"),
        ("question", '{"messages": 5}'),
        ("question", '{"messages": [7]}'),
        ("question", '{"messages": [{"content": [{"text": 1}]}]}'),
    ],
)
async def test_what_cannot_be_read_is_left_out(path, decision, column, holds):
    async with opened(path) as ledger:
        for name in ("d1", "d2"):
            ledger.record(decision(name), tenant="local")
            await say(ledger, name, 1.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE decisions SET {column} = ? WHERE id = 'd1'", [holds])
    assert [one.decision.id for one in read_graded(path)] == ["d2"]


def test_no_file_has_nothing_and_another_file_is_an_error(path):
    assert read_graded(path) == []
    path.write_text("no database, and long enough to be none at all" * 9)
    with pytest.raises(LedgerError, match=r"cannot be read"):
        read_graded(path)
