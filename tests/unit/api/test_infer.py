import threading
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from rung.answers.schemas import fits
from rung.tasks import TASKS
from rung.types import Answer, Choice, Usage

YESNO = {"task": "yesno", "input": {"question": "Is 91 prime?"}}


@dataclass
class Says:
    runtime: Any

    def __call__(self, text: str, finish: str = "stop") -> None:
        self.runtime.answer = Answer(reasoner="fast", choices=(Choice(text=text, finish=finish),), usage=Usage())


@pytest.fixture
def says(runtime: Any) -> Says:
    return Says(runtime)


async def test_a_task_is_asked_as_a_chat_completion_and_its_output_comes_back(client, runtime, says) -> None:
    says("No, it is 7 times 13.")
    got = await client.ask("POST", "/v1/infer", {**YESNO, "model": "auto:best", "rung": {"deadline_ms": 5000}})
    assert got.status == 200
    (request,) = runtime.requests
    assert request.body["messages"] == [{"role": "user", "content": "Is 91 prime?\n\nAnswer yes or no."}]
    assert (request.model, request.wishes.preset, request.wishes.deadline_ms) == ("auto", "best", 5000)
    assert got.json["output"] == {"answer": False}
    assert (got.json["object"], got.json["task"], got.json["model"]) == ("inference", "yesno", "fast")
    assert got.json["id"] == got.headers["x-rung-decision-id"] == request.id
    assert got.headers["x-rung-reasoner"] == "fast"
    assert "rung" not in got.json


async def test_the_decision_on_wish_and_headers_win(client, runtime, says) -> None:
    says("yes")
    headers = {"x-rung-debug": "true", "x-rung-priority": "batch"}
    got = await client.ask("POST", "/v1/infer", {**YESNO, "rung": {"priority": "critical"}}, headers)
    assert got.json["rung"]["options"]
    assert runtime.requests[0].wishes.priority == "batch"


@pytest.mark.parametrize(
    ("text", "finish", "word"), [("Who knows.", "stop", "does not say"), ("Yes", "length", "cut off")]
)
async def test_what_cannot_be_read_is_an_error_that_quotes_nothing(client, says, text, finish, word) -> None:
    says(text, finish)
    got = await client.ask("POST", "/v1/infer", YESNO)
    assert got.status == 502
    assert got.error["code"] == "malformed_answer"
    assert word in got.error["message"]
    assert "knows" not in got.error["message"]
    assert got.headers["x-rung-decision-id"]


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"task": "yesnt"}, 404, "task"),
        ({"task": None}, 400, "task"),
        ({"input": None}, 400, "input"),
        ({"input": {}}, 400, "input.question"),
        ({"input": {"question": 3}}, 400, "input.question"),
        ({"input": {"question": "  "}}, 400, "input.question"),
        ({"input": {"question": "?", "contxt": "a"}}, 400, "input.contxt"),
        ({"task": "choose", "input": {"question": "?", "options": ["a"]}}, 400, "input.options"),
        ({"task": "choose", "input": {"question": "?", "options": ["a", 1]}}, 400, "input.options[1]"),
        ({"task": "choose", "input": {"question": "?", "options": ["a", "b\nc"]}}, 400, "input.options[1]"),
        ({"task": "extract", "input": {"text": "a", "schema": {"type": "object"}}}, 400, "input.schema"),
        ({"messages": []}, 400, "messages"),
        ({"model": "nobody"}, 404, "model"),
        ({"rung": {"preset": "cheap"}}, 400, "rung.preset"),
        ({"rung": {"max": 1}}, 400, "rung.max"),
    ],
)
async def test_wrong_input_names_the_field(client, runtime, change, status, param) -> None:
    body = {key: value for key, value in {**YESNO, **change}.items() if value is not None}
    got = await client.ask("POST", "/v1/infer", body)
    assert (got.status, got.error["param"]) == (status, param)
    assert not runtime.requests


async def test_who_wishes_what_is_not_known_is_told_the_wishes(client) -> None:
    got = await client.ask("POST", "/v1/infer", {**YESNO, "rung": {"session_id": "s"}})
    assert got.error["message"].endswith(
        "known are cache, deadline_ms, max_usd, min_quality, preset, priority, stream."
    )
    got = await client.ask("POST", "/v1/infer", {**YESNO, "max_usd": 1})
    assert got.error["message"].endswith("known are input, model, rung, task.")


async def test_the_tasks_are_listed_with_schemas_that_their_examples_fit(client) -> None:
    got = await client.ask("GET", "/v1/tasks")
    assert [task["id"] for task in got.json["data"]] == list(TASKS)
    for task in got.json["data"]:
        assert fits(task["example"]["input"], task["input"]) is True
        one = await client.ask("GET", f"/v1/tasks/{task['id']}")
        assert one.json == task
    missing = await client.ask("GET", "/v1/tasks/none")
    assert (missing.status, missing.error["code"]) == (404, "task_not_found")


async def test_only_post(client) -> None:
    got = await client.ask("GET", "/v1/infer")
    assert (got.status, got.headers["allow"]) == (405, "POST")


async def test_a_cached_answer_has_no_verdict_but_an_output(client, runtime, says) -> None:
    says("yes")
    runtime.commit = replace(runtime.commit, cache="exact")
    got = await client.ask("POST", "/v1/infer", YESNO)
    assert got.headers["x-rung-cache"] == "exact"
    assert (got.json["output"], got.json["right_prob"]) == ({"answer": True}, None)


@pytest.mark.parametrize(("pages", "aside"), [(1, False), (2000, True)])
async def test_a_long_text_is_looked_at_where_nobody_waits(client, says, monkeypatch, pages, aside) -> None:
    task, looking = TASKS["extract"], []

    def noted(given: Any, text: str) -> Any:
        looking.append(threading.current_thread())
        return task.read(given, text)

    monkeypatch.setitem(TASKS, "extract", replace(task, read=noted))
    says('{"total": 8.2}')
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    asked = {"task": "extract", "input": {"text": "Total: 8.20\n" * pages, "schema": schema}}
    got = await client.ask("POST", "/v1/infer", asked)
    assert got.json["output"] == {"values": {"total": 8.2}, "missing": []}
    assert [thread is not threading.current_thread() for thread in looking] == [aside]
