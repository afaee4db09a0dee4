from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.answers import asked
from rung.answers.schemas import fits, is_schema
from rung.errors import BadRequest
from rung.routing import features_of
from rung.tasks import TASKS, schema_of


def put(name: str, /, **given: Any) -> dict[str, Any]:
    task = TASKS[name]
    return task.put(msgspec.convert(given, task.input))


def read(name: str, said: str, /, **given: Any) -> Any:
    task = TASKS[name]
    output = task.read(msgspec.convert(given, task.input), said)
    told = None if output is None else msgspec.to_builtins(output)
    assert told is None or fits(told, schema_of(task.output))
    return told


def question_of(body: dict[str, Any]) -> str:
    (message,) = body["messages"]
    return str(message["content"])


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_whole(name: str) -> None:
    task = TASKS[name]
    assert task.name == name
    for shape in (task.input, task.output):
        assert is_schema(schema_of(shape))
    assert fits(task.example, schema_of(task.input)) is True
    assert question_of(put(name, **task.example))


@pytest.mark.parametrize("name", TASKS)
@given(text=st.text(max_size=200))
def test_any_answer_is_read_or_not_one(name: str, text: str) -> None:
    read(name, text, **TASKS[name].example)


@pytest.mark.parametrize(
    ("name", "kind"), [("choose", "choice"), ("classify", "label"), ("yesno", "yesno"), ("number", "number")]
)
def test_the_rule_sees_what_is_asked_for(name: str, kind: str) -> None:
    assert features_of(put(name, **TASKS[name].example)).short == kind


def test_choose() -> None:
    given = {"question": "Which?", "options": ["an apple", "a stone"], "context": "Fruit."}
    assert question_of(put("choose", **given)) == (
        "Fruit.\n\nWhich?\nOptions:\n(A) an apple\n(B) a stone\nAnswer with the letter."
    )
    for text in ("B", "(B) a stone", "The answer is B.", "a stone"):
        assert read("choose", text, **given) == {"choice": "a stone", "index": 1}
    for text in ("", "C", "either", "I cannot tell."):
        assert read("choose", text, **given) is None


def test_classify() -> None:
    given = {"text": "My card is gone", "labels": ["card lost", "card", "Rates"], "about": "Bank intents."}
    assert question_of(put("classify", **given)).startswith("Bank intents.\n\nLabels:\n- card lost\n- card\n")
    assert read("classify", "card lost", **given) == {"label": "card lost"}
    assert read("classify", "Label: rates.", **given) == {"label": "Rates"}
    assert read("classify", "none of them", **given) is None


def test_yesno() -> None:
    assert asked(question_of(put("yesno", question="The sky, blue?"))) == "yesno"
    assert read("yesno", "Yes, it is.", question="?") == {"answer": True}
    assert read("yesno", "False", question="?") == {"answer": False}
    assert read("yesno", "Yes or no, who knows.", question="?") is None


def test_number() -> None:
    assert question_of(put("number", question="What is 15% of 80?")) == "What is 15% of 80?"
    assert question_of(put("number", question="Mount Everest?")) == "Mount Everest?\n\nAnswer with a number."
    assert read("number", "The answer is 1/3.", question="?") == {"value": pytest.approx(1 / 3), "exact": "1/3"}
    assert read("number", "about 1.5 million", question="?") == {"value": 1.5e6, "exact": "1500000"}
    assert read("number", "many", question="?") is None
    assert read("number", "1e399", question="?") is None, "no float comes near it"


def test_answer() -> None:
    assert read("answer", " Paris ", question="?") == {"answer": "Paris"}
    assert read("answer", " \n", question="?") is None


TEXT = "ACME Ltd, 5 March 2018. Total: $8.20"
SCHEMA = {
    "type": "object",
    "properties": {"company": {"type": "string"}, "total": {"type": "number"}, "vat": {"type": "string"}},
    "required": ["company", "total", "vat"],
    "additionalProperties": False,
}


def test_extract_gives_what_stands_in_the_text() -> None:
    body = put("extract", text=TEXT, schema=SCHEMA)
    assert body["response_format"]["json_schema"]["schema"]["properties"]["vat"] == {"type": ["string", "null"]}
    said = '{"company": "Acme Ltd", "total": 8.2, "vat": "GB 123"}'
    assert read("extract", said, text=TEXT, schema=SCHEMA) == {
        "values": {"company": "Acme Ltd", "total": 8.2, "vat": None},
        "missing": ["vat"],
    }
    for text in ('{"company": "Acme Ltd"}', "[]", "ACME", '{"company": 1, "total": 8.2, "vat": null}'):
        assert read("extract", text, text=TEXT, schema=SCHEMA) is None


# Few enough as given, too many once each may be null.
ALMOST_TOO_MANY = {f"a{i}": {"anyOf": [{"type": "string"}, {"type": "integer"}]} for i in range(320)}


@pytest.mark.parametrize(
    ("name", "given", "param"),
    [
        ("choose", {"question": "?", "options": ["a", "a "]}, "input.options[1]"),
        ("classify", {"text": "t", "labels": ["C++", "c"]}, "input.labels[1]"),
        ("classify", {"text": "t", "labels": ["a", "!!"]}, "input.labels[1]"),
        ("extract", {"text": "t", "schema": {"type": "string"}}, "input.schema"),
        ("extract", {"text": "t", "schema": {"type": "object"}}, "input.schema"),
        ("extract", {"text": "t", "schema": {"type": "object", "properties": {"a": {"type": "x"}}}}, "input.schema"),
        ("extract", {"text": "t", "schema": {"type": "object", "properties": {"a": {"$ref": "#/b"}}}}, "input.schema"),
        ("extract", {"text": "t", "schema": {"type": "object", "properties": ALMOST_TOO_MANY}}, "input.schema"),
    ],
)
def test_what_the_shape_alone_cannot_refuse(name: str, given: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        put(name, **given)
    assert caught.value.param == param
