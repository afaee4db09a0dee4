"""One question and talks, answered in this process; tests/e2e/test_cli.py asks a server."""

import asyncio
import json
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec.structs import replace

from rung.cli.chat import Talk, in_a_line
from rung.cli.loop import loop_in_thread
from rung.cli.reach import Thought, Wanted
from rung.clock import RealClock
from rung.errors import BadRequest, Unavailable
from rung.types import Decision, Usage

DECISION = Decision(
    id="x", model="auto", preset="balanced", answered_by="fast", right_prob=0.724, usage=Usage(usd=0.0000521)
)


class Scripted:
    """A place that says what it is told to; `asked` are the messages it was asked with."""

    about = "A test."

    def __init__(self, *said: str | Decision | Exception) -> None:
        self.said = said
        self.asked: list[list[object]] = []
        self.waits: tuple[str, ...] = ()

    async def answer(self, wanted: Wanted) -> AsyncGenerator[str | Decision, None]:
        self.asked.append(list(wanted.messages))
        for piece in self.said:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def explain(self, wanted: Wanted) -> Decision:
        raise NotImplementedError

    async def loading(self) -> tuple[str, ...]:
        return self.waits


def test_one_question(own: Path, run) -> None:
    result = run("chat", "Hello there", "-c", str(own))
    assert result.exit_code == 0
    assert result.stdout.strip() == "1: Hello there"
    assert result.stderr.startswith("echo · ")
    assert result.stderr.rstrip().endswith(" USD")


def test_a_talk_keeps_its_history_and_survives_an_error(own: Path, run) -> None:
    result = run("chat", "-c", str(own), stdin="one\n\ntwo\nbreak\nthree\n")
    assert result.exit_code == 0
    assert [line.strip() for line in result.stdout.splitlines()] == ["1: one", "2: two", "3: three"]
    assert "ValueError" in result.stderr


def test_halves_of_characters_are_no_question(own: Path, run) -> None:
    result = run("chat", "-c", str(own), stdin=b"\xff\xfe\ntwo\n")
    assert [line.strip() for line in result.stdout.splitlines()] == ["1: two"]
    assert "not in UTF-8" in result.stderr
    for command in ("chat", "explain"):
        assert isinstance(run(command, "caf\udce9", "-c", str(own)).exception, BadRequest)


def test_a_question_that_fails_is_an_error(own: Path, run) -> None:
    assert "ValueError" in str(run("chat", "break", "-c", str(own)).exception)


def test_json(own: Path, run) -> None:
    result = run("chat", "-c", str(own), "--json", stdin="one\ntwo\n")
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["answer"].strip() for one in said] == ["1: one", "2: two"]
    assert said[0]["decision"]["answered_by"] == "echo"


def test_the_way_to_an_answer_is_for_programs(place: Path, run) -> None:
    (place / "rung.yaml").write_text('{"reasoners": {"calc": {"kind": "symbolic"}}}')
    said = json.loads(run("chat", "-c", "rung.yaml", "--json", "Solve 2x+3=9").stdout)
    assert said["answer"] == "3"
    assert "Divide by 2: x = 3" in said["reasoning"]
    assert run("chat", "-c", "rung.yaml", "Solve 2x+3=9").stdout == "3\n"


async def test_markup_in_an_answer_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk(Scripted("[red]a[/red] ", "[b", DECISION), Wanted(messages=()), RealClock(), as_json=False)
    await talk.ask("hi")
    assert capsys.readouterr().out == "[red]a[/red] [b\n"


async def test_what_failed_is_forgotten() -> None:
    place = Scripted("part", Unavailable("gone"))
    talk = Talk(place, Wanted(messages=()), RealClock(), as_json=True)
    with pytest.raises(Unavailable):
        await talk.ask("one")
    place.said = ("fine", DECISION)
    await talk.ask("two")
    await talk.ask("three")
    assert place.asked[1] == [{"role": "user", "content": "two"}]
    assert [m["content"] for m in place.asked[2] if isinstance(m, dict)] == ["two", "fine", "three"]


async def test_what_is_waited_for_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = asyncio.Event()

    class Slow(Scripted):
        async def answer(self, wanted: Wanted) -> AsyncGenerator[str | Decision, None]:
            yield Thought("that is not shown")
            async with asyncio.timeout(10):
                await told.wait()
            yield "late"

        async def loading(self) -> tuple[str, ...]:
            told.set()
            return ("fast: loading weights [1/2]",)

    await Talk(Slow(), Wanted(messages=()), RealClock(), as_json=False).ask("hi")
    captured = capsys.readouterr()
    assert captured.out == "late\n"
    assert "fast: loading weights [1/2]" in captured.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "fast · 72% sure · 1.2 s · 0.000052 USD"),
        ({"right_prob": 0.999}, "fast · over 99% sure · 1.2 s · 0.000052 USD"),
        ({"cache": "exact", "right_prob": None, "usage": Usage()}, "fast · from the cache · 1.2 s · 0.000000 USD"),
        ({"quality_reached": False}, "fast · 72% sure · less than was asked for · 1.2 s · 0.000052 USD"),
    ],
)
def test_in_a_line(changes: dict[str, object], said: str) -> None:
    assert in_a_line(replace(DECISION, **changes), 1.23) == said


def test_ctrl_c_stops_what_runs_and_waits_for_its_end() -> None:
    ended = threading.Event()

    async def work() -> None:
        waiter = threading.main_thread().ident or 0
        while sys._current_frames()[waiter].f_code.co_name != "wait":  # noqa: ASYNC110  another thread's stack
            await asyncio.sleep(0)
        signal.pthread_kill(waiter, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    with loop_in_thread() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run(work())
        assert ended.is_set()
        assert loop.run(asyncio.sleep(0, "still works")) == "still works"
