import ast
from typing import Any

import pytest

from rung.reasoners.code.asking import code_in
from rung.types import Answer, Choice
from rung.verdicts.formats import json_form, python_form, tools_form

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


def test_tool_calls() -> None:
    tools = [{"type": "function", "function": {"name": "who", "parameters": PERSON}}]
    body = {"messages": [], "tools": tools}

    def call(name: str, arguments: str) -> tuple[Any, ...]:
        return ({"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}},)

    assert tools_form(_says(calls=call("who", '{"age": 3}')), body) is True
    assert tools_form(_says(calls=call("who", '{"age": "x"}')), body) is False
    assert tools_form(_says(calls=call("who", '{"age"')), body) is False
    assert tools_form(_says(calls=call("what", '{"age": 3}')), body) is False
    assert tools_form(_says(calls=call(["who"], "{}")), body) is False  # type: ignore[arg-type]
    assert tools_form(_says("no call"), body) is None
    assert tools_form(_says("no call"), {**body, "tool_choice": "required"}) is False


FUNCTION = "Write a Python function to double a number. It should pass:\nassert double(2) == 4"


@pytest.mark.parametrize(
    ("question", "text", "formed"),
    [
        (FUNCTION, "```python\ndef double(x):\n    return 2 * x\n```", True),
        (FUNCTION, "```python\nfrom mine import double\n```", True),
        (FUNCTION, "```python\ndef twice(x):\n    return 2 * x\n```", False),
        (FUNCTION, "```python\ndef double(x:\n    return 2 * x\n```", False),
        (FUNCTION, "I would multiply it by two.", False),
        ("Write a Python function to double a number.", "```\ndef twice(x):\n    return 2 * x\n```", True),
        ("Write a JavaScript function to double a number.", "```js\nconst double = x => 2 * x\n```", None),
        ("What is a function?", "It maps each thing to one.", None),
    ],
)
def test_python_that_was_asked_for(question: str, text: str, formed: bool | None) -> None:
    answer = Answer(reasoner="r", choices=(Choice(text=text),))
    assert python_form(answer, question) is formed


def test_code_is_parsed_once_however_often_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, parse = [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda code: parsed.append(code) or parse(code))
    answer, question = _says("```python\ndef once(x):\n    return x\n```"), "Write a Python function once."
    assert python_form(answer, question) is True
    first = len(parsed)
    assert python_form(answer, question) is True
    assert len(parsed) == first > 0


def test_code_of_a_length_that_others_would_wait_for_is_not_looked_at() -> None:
    text = "x = 1\n" * 20_000
    assert code_in(text) == ""
    assert python_form(_says(text), "Write a Python program.") is None
