import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import UpstreamRefusedRequest
from rung.reasoners.local.tools import are_asked, older_are_asked, read, with_grammar

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"$ref": "#/$defs/City"}},
            "required": ["city"],
            "$defs": {"City": {"type": "string"}},
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}
QUESTION = {"role": "user", "content": "How warm is it in Paris?"}


def asked(*messages: dict[str, Any], **body: Any) -> dict[str, Any]:
    return with_grammar({"messages": list(messages or [QUESTION]), "tools": [WEATHER, CLOCK], **body})


def allows(grammar: dict[str, Any], reply: Any) -> bool:
    schema = grammar["response_format"]["json_schema"]["schema"]
    return bool(jsonschema.Draft202012Validator(schema).is_valid(reply))


def test_tools_are_asked_unless_they_may_not_be_called() -> None:
    assert are_asked({"tools": [CLOCK]})
    assert not are_asked({"tools": [CLOCK], "tool_choice": "none"})


def test_the_older_functions_are_told_from_tools() -> None:
    functions = [CLOCK["function"]]
    assert older_are_asked({"functions": functions})
    assert not older_are_asked({"functions": functions, "function_call": "none"})
    assert not older_are_asked({"functions": functions, "tools": [CLOCK]})
    assert not older_are_asked({"functions": []})
    assert not are_asked({"tools": []})
    assert not are_asked({})


PARIS = {"tool": "weather", "arguments": {"city": "Paris"}}


@pytest.mark.parametrize(
    ("choice", "may_answer", "may_call", "may_ask_the_time"),
    [
        (None, True, True, True),
        ("auto", True, True, True),
        ("required", False, True, True),
        ({"type": "function", "function": {"name": "weather"}}, False, True, False),
    ],
)
def test_the_grammar_leaves_what_the_choice_allows(
    choice: Any, may_answer: bool, may_call: bool, may_ask_the_time: bool
) -> None:
    grammar = asked(tool_choice=choice)
    assert allows(grammar, {"tool": "none", "answer": "Warm."}) is may_answer
    assert allows(grammar, PARIS) is may_call
    assert allows(grammar, {"tool": "clock", "arguments": {}}) is may_ask_the_time
    assert not allows(grammar, {"tool": "weather", "arguments": {"city": 7}}), "references still lead somewhere"
    assert not allows(grammar, {"tool": "weather", "arguments": {}})
    assert not allows(grammar, {"tool": "other", "arguments": {}})


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


NUMBER = {"type": "integer"}
NESTED = {
    **_object(a={"$ref": "#/$defs/A"}),
    "$defs": {"A": _object(b={"$ref": "#/$defs/B"}), "B": _object(x=NUMBER)},
}


@pytest.mark.parametrize(
    ("parameters", "right", "wrong"),
    [
        (NESTED, {"a": {"b": {"x": 1}}}, {"a": {"b": {"x": "1"}}}),
        (_object(next={"anyOf": [{"$ref": "#"}, {"type": "null"}]}), {"next": {"next": None}}, {"next": 1}),
        ({"$ref": "#/$defs/A", "$defs": {"A": _object(x=NUMBER)}}, {"x": 1}, {}),
        ({"anyOf": [_object(x=NUMBER), _object(y=NUMBER)]}, {"y": 1}, {}),
        ({"type": "object", "additionalProperties": NUMBER}, {"any": 1}, {"any": "1"}),
        ({"type": "object"}, {}, {"any": 1}),
    ],
)
def test_arguments_are_as_the_tool_declares_them_wherever_it_does(parameters: Any, right: Any, wrong: Any) -> None:
    grammar = asked(tools=[CLOCK, {"type": "function", "function": {"name": "put", "parameters": parameters}}])
    assert allows(grammar, {"tool": "put", "arguments": right})
    assert not allows(grammar, {"tool": "put", "arguments": wrong})


def test_references_in_what_is_asked_of_the_answer_lead_somewhere() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": NESTED}}
    grammar = asked(response_format=form)
    assert allows(grammar, {"tool": "none", "answer": {"a": {"b": {"x": 1}}}})
    assert not allows(grammar, {"tool": "none", "answer": {"a": {"b": {}}}})


def test_an_answer_is_allowed_where_its_schema_is_null() -> None:
    grammar = asked(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": None}})
    assert allows(grammar, {"tool": "none", "answer": 7})


def test_tools_that_are_no_functions_alone_are_refused() -> None:
    with pytest.raises(UpstreamRefusedRequest, match="none of the tools"):
        asked(tools=[{"type": "custom", "custom": {"name": "other"}}])


@pytest.mark.parametrize("given", [{"name": "sql", "input": 'select "a"'}, "odd", None])
def test_earlier_calls_of_tools_that_are_no_functions_are_told_too(given: Any) -> None:
    call = {"role": "assistant", "tool_calls": [{"id": "c1", "type": "custom", "custom": given}]}
    said = json.loads(asked(QUESTION, call)["messages"][2]["content"])
    assert said == (
        {"tool": "sql", "arguments": 'select "a"'} if isinstance(given, dict) else {"tool": "", "arguments": ""}
    )


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(UpstreamRefusedRequest, match="not among the tools"):
        asked(tool_choice={"type": "function", "function": {"name": "other"}})


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "function": "clock"},
        {"type": "function", "function": None},
        {"type": "function", "function": {"name": 7}},
        {"type": "allowed_tools", "allowed_tools": [CLOCK]},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [7]}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
        {"type": "custom", "custom": {"name": "clock"}},
    ],
)
def test_a_choice_that_names_nothing_is_refused(choice: Any) -> None:
    with pytest.raises(UpstreamRefusedRequest) as error:
        asked(tool_choice=choice)
    assert error.value.param == "tool_choice"


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_among_some_of_the_tools(mode: str) -> None:
    allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "clock"}}, {"type": "custom"}]}
    grammar = asked(tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert allows(grammar, {"tool": "clock", "arguments": {}})
    assert not allows(grammar, {"tool": "weather", "arguments": {"city": "Paris"}})
    assert allows(grammar, {"tool": "none", "answer": "Warm."}) == (mode == "auto")


def test_what_is_asked_of_the_answer_itself_still_holds() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}
    grammar = asked(response_format=form)
    assert allows(grammar, {"tool": "none", "answer": 7})
    assert not allows(grammar, {"tool": "none", "answer": "seven"})


def test_tools_are_told_in_one_system_message() -> None:
    grammar = asked({"role": "system", "content": "Be kind."}, QUESTION)
    system, user = grammar["messages"]
    assert system["content"].startswith("Be kind.")
    assert "Weather in a city" in system["content"]
    assert user == QUESTION
    assert "tools" not in grammar


def test_earlier_calls_and_results_are_told_in_words() -> None:
    function = {"name": "weather", "arguments": '{"city": "Paris"}'}
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    result = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "17 degrees"}]}
    said = {"role": "assistant", "content": "It is 17 degrees."}
    messages = asked(QUESTION, call, result, said, QUESTION)["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert json.loads(messages[2]["content"]) == PARIS
    assert messages[3]["content"] == "Result of weather: 17 degrees"
    assert json.loads(messages[4]["content"]) == {"tool": "none", "answer": "It is 17 degrees."}


def test_a_call_is_read_as_openais() -> None:
    chunk = read(json.dumps(PARIS), "call_1")
    (call,) = chunk.tool_calls
    assert (call["id"], call["type"], call["function"]["name"]) == ("call_1", "function", "weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    assert chunk.text == ""


def test_an_answer_is_read_as_text() -> None:
    assert read('{"tool": "none", "answer": "17 \\u00b0C"}', "c").text == "17 °C"
    assert json.loads(read('{"tool": "none", "answer": {"degrees": 17}}', "c").text) == {"degrees": 17}


@given(text=st.text(), cut=st.integers(0, 400))
def test_an_answer_that_was_cut_off_keeps_what_there_is(text: str, cut: int) -> None:
    whole = json.dumps({"tool": "none", "answer": text})
    said = read(whole[:cut], "c")
    assert said.tool_calls == ()
    assert text.startswith(said.text)
    longest = 12  # characters of JSON for one of text
    assert len(said.text) >= min(len(text), (cut - len('{"tool": "none", "answer": "')) // longest - 1)


def test_a_call_that_was_cut_off_is_none() -> None:
    chunk = read('{"tool": "weather", "arguments": {"city": "Pa', "c")
    assert chunk.text == ""
    assert chunk.tool_calls == ()
