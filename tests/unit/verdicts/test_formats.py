from typing import Any

import pytest

from rung.types import Answer, Choice
from rung.verdicts.formats import fits, json_form, tools_form

PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


def _says(text: str = "", calls: tuple[Any, ...] = ()) -> Answer:
    return Answer(reasoner="r", choices=(Choice(text=text, tool_calls=calls, finish="stop"),))


def test_json_object() -> None:
    body = {"messages": [], "response_format": {"type": "json_object"}}
    assert json_form(_says('{"a": 1}'), body) is True
    assert json_form(_says("[1]"), body) is False
    assert json_form(_says('```json\n{"a": 1}\n```'), body) is False
    assert json_form(_says("[" * 100_000), body) is False
    assert json_form(_says("{}"), {"messages": []}) is None


def test_json_schema() -> None:
    body = {"messages": [], "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}}
    assert json_form(_says('{"age": 3}'), body) is True
    assert json_form(_says('{"age": -3}'), body) is False
    assert json_form(_says('{"age"'), body) is False


def test_a_schema_that_is_none_gives_no_verdict() -> None:
    assert fits({}, {"type": "nonsense"}) is None
    assert fits({}, {"minimum": "three"}) is None


def test_no_reference_leaves_the_document() -> None:
    assert fits({}, {"$ref": "http://127.0.0.1:9/schema.json"}) is None
    assert fits({}, {"$ref": "file:///etc/passwd"}) is None


def test_schemas_that_never_end_give_no_verdict() -> None:
    assert fits({}, {"$ref": "#"}) is None
    doubling = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)} | {"d40": {}}
    assert fits({}, {"$ref": "#/$defs/d0", "$defs": doubling}) is None
    assert fits("a" * 40 + "!", {"pattern": "^(a+)+$"}) is True, "patterns are not matched"
    assert fits([[i] for i in range(5000)] + [{}], {"uniqueItems": True}) is True, "long lists are not compared"


def test_tool_calls() -> None:
    tools = [{"type": "function", "function": {"name": "who", "parameters": PERSON}}]
    body = {"messages": [], "tools": tools}

    def call(name: str, arguments: str) -> tuple[Any, ...]:
        return ({"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}},)

    assert tools_form(_says(calls=call("who", '{"age": 3}')), body) is True
    assert tools_form(_says(calls=call("who", '{"age": "x"}')), body) is False
    assert tools_form(_says(calls=call("who", '{"age"')), body) is False
    assert tools_form(_says(calls=call("what", '{"age": 3}')), body) is False
    assert tools_form(_says("no call"), body) is None
    assert tools_form(_says("no call"), {**body, "tool_choice": "required"}) is False


@pytest.mark.parametrize("value", [None, 1, "x", [], {}])
def test_an_empty_schema_takes_all(value: Any) -> None:
    assert fits(value, {}) is True
