import asyncio
import json

import pytest

from rung.errors import BadRequest, ConfigError

GRADED = """\
{"question": "1: yes", "answer": "yes", "grader": "exact"}
{"question": "12", "answer": "12", "grader": "number"}
{"question": "13", "answer": "14", "grader": "number"}
{"question": "break", "answer": "1", "grader": "number"}
"""
# Each breaks one promise, or all.
BROKEN = """\
import asyncio
from rung.types import Chunk

async def unended(messages):
    yield Chunk(text="a", finish="stop")
    yield Chunk(text="b", finish="stop")

async def failing(messages):
    raise ValueError

async def silent(messages):
    await asyncio.sleep(1000)

async def endless(messages):
    while True:
        yield "a"
        await asyncio.sleep(0.01)
"""


@pytest.fixture
def graded(place):
    path = place / "graded.jsonl"
    path.write_text(GRADED)
    return str(path)


def test_a_card_for_people(run, own, graded):
    told = run("test", "reasoner", "echo", "--config", str(own), "--graded", graded, "--load", "8")
    assert told.exit_code == 0, told.output
    for words in ("0 broken", "2 of 4 right", "1 failed", "ECE", "p50", "USD", "8 at once", "memory"):
        assert words in told.output
    assert not list(own.parent.glob("**/ledger*")), "its calls are no decisions of the user's"


LATE = """\
import asyncio

async def answer(asked):
    with open("asked", "a") as file:
        file.write("." * len(asked))
    await asyncio.sleep(1.2 if "late" in str(asked) else 0.02)
    return ["4"] * len(asked)
"""


def test_the_load_has_its_time_however_long_the_graded_questions_took(run, place, monkeypatch):
    """And the memory that is told is what is held after both."""
    (place / "late.py").write_text(LATE)
    entry = {"kind": "function", "call": "late.py:answer", "general": True, "batch": 2}
    (place / "rung.yaml").write_text(json.dumps({"reasoners": {"late": entry}}))
    items = [{"question": question, "answer": "4", "grader": "number"} for question in ("1", "2", "3", "late")]
    (place / "graded.jsonl").write_text("\n".join(map(json.dumps, items)))
    monkeypatch.setattr("rung.cli.test._HOUR_S", 1.0)
    monkeypatch.setattr("rung.cli.test.tree_bytes", lambda _: (place / "asked").stat().st_size)
    told = run("test", "reasoner", "late", "--graded", "graded.jsonl", "--load", "8", "--json")
    card = json.loads(told.stdout)
    assert [level["failed"] for level in card["load"]] == [{}] * 4
    assert card["memory_mb"] == len((place / "asked").read_text()) / 1e6


PAID = """\
from rung.errors import Abstained, Malformed
from rung.types import Chunk, Usage

async def answer(call):
    asked, usage = call.body["messages"][-1]["content"], Usage(completion_tokens=5, usd=0.01)
    if asked == "abstain":
        raise Abstained("not mine", usage=usage)
    if asked == "fail":
        raise Malformed("no words", usage=usage)
    return Chunk(text=asked, finish="stop", usage=usage)
"""


def test_what_is_paid_for_no_answer_is_told_too(run, place):
    (place / "paid.py").write_text(PAID)
    (place / "rung.yaml").write_text('{"reasoners": {"paid": {"kind": "function", "call": "paid.py:answer"}}}')
    items = [{"question": question, "answer": "4", "grader": "exact"} for question in ("4", "5", "abstain", "fail")]
    (place / "graded.jsonl").write_text("\n".join(map(json.dumps, items)))
    told = run("test", "reasoner", "paid", "--graded", "graded.jsonl", "--load", "0")
    assert "0.010000 USD a question, 5 tokens an answer" in told.output


def test_a_card_for_programs(run, own, graded):
    told = run("test", "reasoner", "echo", "--config", str(own), "--graded", graded, "--load", "0", "--json")
    card = json.loads(told.stdout)
    results = {one["check"]: one["result"] for one in card["conformance"]}
    assert results["its_life"] == results["streamed_answers"] == results["several_at_once"] == "kept"
    assert results["tools"] == "not applicable"
    assert (card["graded"]["right"], card["graded"]["wrong"], card["graded"]["failed"]) == (2, 1, 1)
    assert card["load"] == []


@pytest.mark.parametrize(("name", "words"), [("unended", "ended once"), ("failing", "ValueError")])
def test_a_broken_promise_is_told_and_is_the_exit_code(run, own, name, words):
    (own.parent / "own_broken.py").write_text(BROKEN)
    own.write_text(f"reasoners: {{mine: {{kind: function, call: 'own_broken.py:{name}', general: true}}}}\n")
    told = run("test", "reasoner", "mine", "--config", str(own), "--load", "0")
    assert told.exit_code == 1, told.output
    assert words in told.output


@pytest.mark.parametrize("name", ["silent", "endless"])
def test_one_that_never_comes_to_an_end_is_told_of(run, own, monkeypatch, name):
    monkeypatch.setattr("rung.cli.test._ANSWER_S", 0.2)
    monkeypatch.setattr("rung.cli.test._CHECK_S", 1.0)
    (own.parent / "own_broken.py").write_text(BROKEN)
    own.write_text(f"reasoners: {{mine: {{kind: function, call: 'own_broken.py:{name}', general: true}}}}\n")
    told = run("test", "reasoner", "mine", "--config", str(own), "--load", "0")
    assert told.exit_code == 1, told.output
    assert "no whole answer came within 0.2 s" in told.output


def test_what_is_not_there(run, own):
    told = run("test", "reasoner", "ecko", "--config", str(own))
    assert isinstance(told.exception, ConfigError)
    assert "did you mean `echo`" in told.exception.message
    told = run("test", "reasoner", "echo", "--config", str(own), "--graded", "nothing.jsonl")
    assert isinstance(told.exception, BadRequest)


async def test_a_hosted_one_and_what_is_over_it(run, place, upstream, graded):
    upstream.play(upstream.echoes())
    (place / "rung.yaml").write_text(f"""
reasoners:
  cloud:
    {{kind: endpoint, model: m, base_url: {upstream.base_url}, price: {{input_usd_per_mtok: 1000}}, logprobs: false}}
  brief: {{kind: brief, of: cloud}}
  other: {{kind: endpoint, model: m, base_url: "http://127.0.0.1:9/v1"}}
""")
    told = await asyncio.to_thread(run, "test", "reasoner", "cloud", "--graded", graded, "--load", "4", "--json")
    assert told.exit_code == 0, told.output
    card = json.loads(told.stdout)
    results = {one["check"]: one["result"] for one in card["conformance"]}
    assert results["tools"] == results["json_schema"] == results["choices"] == "kept"
    assert results["logprobs"] == "not applicable"
    assert card["graded"]["mean_usd"] > 0
    assert [level["failed"] for level in card["load"]] == [{}] * 4
    told = await asyncio.to_thread(run, "test", "reasoner", "brief", "--load", "0")
    assert told.exit_code == 0, told.output
    upstream.play(upstream.refuses(401, "wrong key"))
    told = await asyncio.to_thread(run, "test", "reasoner", "cloud", "--load", "0")
    assert told.exit_code == 1, told.output
    assert "it_answers" in told.output


async def test_a_specialist_that_abstains_breaks_no_promise(run, place, upstream):
    upstream.play(upstream.says('{"word": "made up"}'))
    (place / "rung.yaml").write_text(f"""
reasoners:
  cloud: {{kind: endpoint, model: m, base_url: {upstream.base_url}}}
  extract: {{kind: extract, of: cloud}}
""")
    told = await asyncio.to_thread(run, "test", "reasoner", "extract", "--load", "0", "--json")
    assert told.exit_code == 0, told.output
    results = {one["check"]: one["result"] for one in json.loads(told.stdout)["conformance"]}
    assert (results["json_schema"], results["abstention"]) == ("not applicable", "kept")
    upstream.play(upstream.says('{"word": "ladder"}'))
    told = await asyncio.to_thread(run, "test", "reasoner", "extract", "--load", "0", "--json")
    results = {one["check"]: one["result"] for one in json.loads(told.stdout)["conformance"]}
    assert results["json_schema"] == results["whole_answers"] == "kept"


async def test_values_are_asked_for_by_the_schema_of_their_line(run, place, upstream):
    """Of `extract` too, which answers nothing else."""
    upstream.play(upstream.says('{"total": 8.2}'))
    (place / "rung.yaml").write_text(f"""
reasoners:
  cloud: {{kind: endpoint, model: m, base_url: {upstream.base_url}}}
  extract: {{kind: extract, of: cloud}}
""")
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    line = {"question": "TOTAL 8.20", "answer": '{"total": 8.2}', "grader": "json", "schema": schema}
    (place / "graded.jsonl").write_text(json.dumps(line))
    told = await asyncio.to_thread(
        run, "test", "reasoner", "extract", "--graded", "graded.jsonl", "--load", "4", "--json"
    )
    assert told.exit_code == 0, told.output
    card = json.loads(told.stdout)
    assert (card["graded"]["right"], card["graded"]["n"]) == (1, 1)
    assert {one["check"]: one["result"] for one in card["conformance"]}["streamed_answers"] == "kept"
    assert min(received.body["max_tokens"] for received in upstream.received) > 16, "a part of JSON is none"


async def test_each_question_is_asked_by_its_own_schema_under_load_too(run, place, upstream):
    upstream.play(upstream.says('{"total": 8.2}'))
    (place / "rung.yaml").write_text(
        f"reasoners: {{cloud: {{kind: endpoint, model: m, base_url: {upstream.base_url}, logprobs: false}}}}"
    )
    items = []
    for name in ("total", "sum", "paid"):
        schema = {"type": "object", "properties": {name: {"type": "number"}}}
        items.append({"question": f"{name} 8.20", "answer": "{}", "grader": "json", "schema": schema})
    (place / "graded.jsonl").write_text("\n".join(map(json.dumps, items)))
    await asyncio.to_thread(run, "test", "reasoner", "cloud", "--graded", "graded.jsonl", "--load", "8", "--json")
    loaded = [received.body for received in upstream.received[-8:]]
    assert len({body["messages"][-1]["content"] for body in loaded}) == 3
    for body in loaded:
        (name,) = body["response_format"]["json_schema"]["schema"]["properties"]
        assert body["messages"][-1]["content"] == f"{name} 8.20"
