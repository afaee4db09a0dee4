import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import BadRequest
from rung.sandbox import Jail
from rung.trial import Outcome, read_items, scores
from rung.trial.graded import ece, rank, wilson
from rung.trial.memory import tree_bytes
from rung.types import Usage

LINE = b'{"question": "What is 3 * 4?", "answer": "12", "grader": "number"}\n'


async def test_items_are_read_and_marked() -> None:
    number, letter = read_items(
        LINE + b'\n{"question": "Which?", "answer": "B", "grader": "letter", "choices": ["x", "y"]}', "f"
    )
    assert await number.is_right("The answer is 12.")
    assert not await number.is_right("13")
    assert await letter.is_right("y")
    assert number.params == {}


async def test_values_are_asked_for_by_their_schema_and_marked_as_json() -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    line = {"question": "TOTAL 8.20", "answer": '{"total": 8.2}', "grader": "json", "schema": schema}
    (item,) = read_items(json.dumps(line).encode(), "f")
    assert item.params["response_format"]["json_schema"]["schema"] == schema
    assert await item.is_right('{ "total": 8.20 }')
    assert not await item.is_right('{"total": null}')
    assert not await item.is_right("8.2")


@pytest.mark.parametrize(
    ("gold", "said", "right"),
    [
        ('{"paid": true}', '{"paid": 1}', False),
        ('{"count": 1}', '{"count": true}', False),
        ('{"flags": [0, 2]}', '{"flags": [false, 2]}', False),
        ('{"count": 1}', '{"count": 1.0}', True),
        ('{"a": [1, {"b": null}], "c": 2}', '{"c": 2, "a": [1, {"b": null}]}', True),
        ('{"a": []}', '{"a": {}}', False),
    ],
)
async def test_a_number_is_no_truth_value(gold: str, said: str, right: bool) -> None:
    (item,) = read_items(json.dumps({"question": "?", "answer": gold, "grader": "json"}).encode(), "f")
    assert await item.is_right(said) is right


async def test_code_is_marked_by_tests_that_it_has_not_seen() -> None:
    line = {"question": "Write it.", "answer": "assert up(1) == 2\nassert up(-1) == 0", "grader": "tests"}
    (item,) = read_items(json.dumps(line).encode(), "f")
    if not (await Jail().isolation()).whole:
        pytest.skip("this system cannot isolate code")
    assert await item.is_right("Here it is:\n```python\ndef up(x):\n    return x + 1\n```")
    assert not await item.is_right("```python\ndef up(x):\n    return abs(x) + 1\n```")
    assert not await item.is_right("x + 1, of course")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "f holds no items"),
        (LINE + b"nonsense", "f, line 2"),
        (LINE + b'{"question": "?", "answer": "12", "grader": "teacher"}', "line 2.*teacher"),
        (LINE + b'{"question": "?", "answer": "12"}', "line 2.*grader"),
        (LINE + b'{"question": "?", "answer": "1", "grader": "number", "chioces": []}', "line 2.*chioces"),
        (b'{"question": "\xff"}', "line 1"),
        (LINE + b'{"question": "?", "answer": "abc", "grader": "number"}', "line 2.*'abc' itself right"),
        (b'{"question": "?", "answer": "{", "grader": "json"}', "line 1.*itself right"),
        (b'{"question": "?", "answer": "1", "grader": "json", "schema": {"type": "string"}}', "line 1.*itself right"),
        (b'{"question": "?", "answer": "up(1) == 2", "grader": "tests"}', "line 1.*itself right"),
        # what would not be run with them, or not at all
        (b'{"question": "?", "answer": "x = 1\\nassert up(x) == 2", "grader": "tests"}', "line 1.*itself right"),
        (b'{"question": "?", "answer": "assert up(1) == 2\\nassert up(", "grader": "tests"}', "line 1.*itself right"),
        (b'{"question": "?", "answer": "c", "grader": "exact", "choices": ["a", "b"]}', "line 1.*itself right"),
    ],
)
def test_a_wrong_line_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        read_items(raw, "f")


def test_scores() -> None:
    usage = Usage(completion_tokens=10, usd=0.5)
    found = scores(
        [
            Outcome(ending="right", seconds=1.0, right_prob=0.9, usage=usage),
            Outcome(ending="right", seconds=3.0, right_prob=0.9),
            Outcome(ending="wrong", seconds=2.0, right_prob=0.1),
            Outcome(ending="abstained", seconds=9.0, usage=usage),
            Outcome(ending="failed", seconds=9.0, usage=usage),
        ]
    )
    assert (found.n, found.right, found.wrong, found.abstained, found.failed) == (5, 2, 1, 1, 1)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.right_share == found.abstained_share * 2 == 0.4
    assert found.ece == pytest.approx(0.1)
    assert (found.p50_s, found.p95_s) == (2.0, 3.0)
    assert found.mean_usd == pytest.approx(1.5 / 5)
    assert found.mean_tokens == pytest.approx(10 / 3)


def test_nothing_answered_has_no_figures() -> None:
    found = scores([Outcome(ending="abstained", seconds=0.1)])
    assert (found.accuracy, found.ece, found.p50_s, found.mean_tokens) == (None, None, None, None)


def test_calibration_error() -> None:
    assert ece([(0.75, True)] * 3 + [(0.75, False)]) == pytest.approx(0.0)
    assert ece([(1.0, False)]) == 1.0
    assert ece([]) is None


def test_wilson_against_known_values() -> None:
    """R's prop.test(8, 10, correct = FALSE) gives 0.4901625 to 0.9433178."""
    assert wilson(8, 10) == (pytest.approx(0.4901625, abs=1e-6), pytest.approx(0.9433178, abs=1e-6))


@given(st.integers(0, 50), st.integers(1, 50))
def test_an_interval_holds_its_share(hits: int, of: int) -> None:
    hits = min(hits, of)
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of + 1e-12
    assert hits / of - 1e-12 <= high <= 1


def test_nearest_rank() -> None:
    assert rank([3, 1, 2], 0.5) == 2
    assert rank(range(1, 101), 0.95) == 95
    assert rank([], 0.5) is None


@pytest.mark.skipif(tree_bytes(os.getpid()) is None, reason="no /proc here")
def test_a_childs_memory_counts() -> None:
    before = tree_bytes(os.getpid())
    assert before
    hold = "import sys; held = bytearray(80_000_000); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        during = tree_bytes(os.getpid())
        child.communicate()
    assert during
    assert during - before > 60_000_000


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    line = b'{"question": "q", "answer": "5", "grader": "number"}'
    assert read_items(b"\xef\xbb\xbf" + line, "f") == read_items(line, "f")
