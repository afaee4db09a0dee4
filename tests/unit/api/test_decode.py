import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.api.body import MAX_DEPTH, check, parse_object
from rung.api.decode import AUTO, Arrival, decode, request_of
from rung.api.shape import ALLOWED, ChatBody, FeedbackBody, Message, ResponseFormat, WishesBody
from rung.errors import BadRequest, RequestError, RungError, UnknownModel
from rung.types import Request, Wishes

KNOWN = ("calc", "fast", "vote")


def arrival(**headers: str) -> Arrival:
    raw = {f"x-rung-{k.replace('_', '-')}".encode(): v.encode() for k, v in headers.items()}
    return Arrival(id="chatcmpl-1", tenant="local", at_s=100.0, headers=raw)


def read(headers: dict[str, str] | None = None, **changes: Any) -> Request:
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]} | changes
    came = arrival(**(headers or {}))
    return request_of(decode(body, came.headers), came, KNOWN, 300.0)


def test_a_plain_request() -> None:
    request = read(temperature=0.5, seed=7, user="u", mirostat=2)
    assert request.id == "chatcmpl-1"
    assert request.model == "auto"
    assert request.arrived_s == 100.0
    assert request.deadline_s == 400.0
    assert request.wishes == Wishes()
    assert request.body == {
        "model": "auto",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "seed": 7,
        "user": "u",
        "mirostat": 2,  # not OpenAI's, passed on
    }


TEXT = [{"type": "text", "text": "x"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": TEXT}]},
        {"messages": [{"role": "user", "content": [*TEXT, {"type": "image_url", "image_url": {"url": "data:x"}}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}]},
        {
            "messages": [
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "4"},
            ]
        },
        {"messages": [{"role": "assistant", "tool_calls": [CALL]}]},
        {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "y"}]},
        {"temperature": None, "stop": None, "tools": None, "stream": None, "rung": None},
        {"temperature": 0, "top_p": 1, "frequency_penalty": -2},
        {"stop": "x"},
        {"stop": ["a", "b", "c", "d"]},
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tool_choice": "none"},
        {"logprobs": True, "top_logprobs": 20},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}},
        {"metadata": {"a": "b"}},
        {"n": 128},
    ],
)
def test_taken(changes: dict[str, Any]) -> None:
    assert read(**changes).body.items() >= {k: v for k, v in changes.items() if k != "rung"}.items()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        ({"messages": [{"role": "assistant", "content": [{"type": "refusal"}]}]}, "messages[0].content[0].refusal"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "tool_calls": []}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages[0].tool_calls[0].function"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f"}}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"messages": [{"role": "tool", "content": "4"}]}, "messages[0].tool_call_id"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"max_completion_tokens": 10**30}, "max_completion_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"seed": 2**63}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
        ),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 1}, "logprobs"),
        ({"user": 3}, "user"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
        ({"metadata": {str(i): "x" for i in range(17)}}, "metadata"),
        ({"logit_bias": {"1": "x"}}, "logit_bias[...]"),
        ({"rung": "best"}, "rung"),
        ({"rung": {"max_usd": -1}}, "rung.max_usd"),
        ({"rung": {"deadline_ms": 0}}, "rung.deadline_ms"),
        ({"rung": {"min_quality": 1.1}}, "rung.min_quality"),
        ({"rung": {"preset": "cheap"}}, "rung.preset"),
        ({"rung": {"cache": True}}, "rung.cache"),
        ({"rung": {"max_ud": 1}}, "rung.max_ud"),
    ],
)
def test_refused(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as e:
        read(**changes)
    assert e.value.param == param
    assert f"`{param}`" in e.value.message
    assert e.value.message.endswith((".", "?"))
    assert "$" not in e.value.message


def test_messages_are_in_plain_words() -> None:
    with pytest.raises(BadRequest, match=r"^`temperature` must be a number or null, not a string\.$"):
        read(temperature="hot")
    with pytest.raises(BadRequest, match=r"^`temperature` must be a number <= 2.0\.$"):
        read(temperature=3)
    with pytest.raises(BadRequest, match=r"^`messages\[0\].role` must be one of system, developer, user, "):
        read(messages=[{"role": "x", "content": "y"}])
    with pytest.raises(BadRequest, match=r"^`rung.max_ud` is not known; did you mean `max_usd`\?$"):
        read(rung={"max_ud": 1})


def test_the_model_may_not_be_left_out() -> None:
    with pytest.raises(BadRequest, match=r"`model` is missing") as e:
        decode({"messages": [{"role": "user", "content": "Hi"}]}, {})
    assert e.value.param == "model"


def test_an_unknown_model_is_told_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(UnknownModel) as e:
        read(model="fst")
    assert "`fst` does not exist; did you mean `fast`? Known are: auto, " in e.value.message
    assert all(name in e.value.message for name in (*AUTO, *KNOWN))
    assert e.value.param == "model"


@pytest.mark.parametrize(("model", "preset"), AUTO.items())
def test_a_preset_named_by_the_model(model: str, preset: str | None) -> None:
    request = read(model=model)
    assert (request.model, request.wishes.preset) == ("auto", preset)
    assert request.body["model"] == model
    assert read(model=model, rung={"preset": "best"}).wishes.preset == "best"


def test_wishes_in_the_body_and_in_headers_which_win() -> None:
    said = {"max_usd": 0.5, "deadline_ms": 2000, "min_quality": 0.9, "preset": "best", "cache": "off"}
    request = read(rung=said)
    assert request.wishes == Wishes(max_usd=0.5, deadline_ms=2000, min_quality=0.9, preset="best", cache="off")
    assert request.deadline_s == 102.0
    assert "rung" not in request.body
    request = read({"max_usd": "0.1", "cache": "refresh", "debug": "true"}, rung=said)
    assert request.wishes == Wishes(max_usd=0.1, deadline_ms=2000, min_quality=0.9, preset="best", cache="refresh")


@pytest.mark.parametrize("name", ["max_usd", "deadline_ms", "min_quality"])
def test_a_bound_beside_the_bodys_own_fields_is_not_passed_on_as_if_it_held(name: str) -> None:
    with pytest.raises(BadRequest, match=f"^`{name}` holds only inside `rung`") as e:
        read(**{name: 0.5})
    assert e.value.param == name
    assert f"`x-rung-{name.replace('_', '-')}`" in e.value.message


@pytest.mark.parametrize("name", ["max_usd", "deadline_ms", "min_quality"])
def test_a_bound_that_is_null_is_none(name: str) -> None:
    """Nor is it passed on: an endpoint may not know the field."""
    request = read(**{name: None})
    assert request.wishes == Wishes()
    assert name not in request.body


def test_names_that_endpoints_know_too_are_passed_on() -> None:
    theirs = {"preset": "@preset/mine", "priority": 3, "cache": {"ttl": 5}, "session_id": "s"}
    request = read(**theirs)
    assert request.wishes == Wishes()
    assert {name: request.body[name] for name in theirs} == theirs


def test_whether_to_stream_and_how_are_two_things() -> None:
    assert read(rung={"stream": "whole"}).wishes == Wishes(streaming="whole")
    request = read({"stream": "eager"}, stream=True, rung={"stream": "whole"})
    assert request.stream
    assert request.wishes == Wishes(streaming="eager")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"max_usd": "lots"}, "`x-rung-max-usd` must be a number"),
        ({"max_usd": "nan"}, "`x-rung-max-usd` must be a number"),
        ({"max_usd": "-1"}, "`x-rung-max-usd` must be a number >= 0"),
        ({"deadline_ms": "inf"}, "`x-rung-deadline-ms` must be a number <= 86400000"),
        ({"cache": "no"}, "`x-rung-cache` must be one of use, refresh, off"),
        ({"preset": "x\xff"}, "`x-rung-preset` must be one of"),
        ({"priority": "urgent"}, "`x-rung-priority` must be one of critical, interactive, batch, a number from 0 to 9"),
        ({"priority": "10"}, "`x-rung-priority` must be"),
        ({"priority": "\xb2"}, "`x-rung-priority` must be"),
        ({"stream": "now"}, "`x-rung-stream` must be one of whole, held, eager"),
        ({"priority": "-1"}, "`x-rung-priority` must be one of critical"),
        ({"max_ud": "1"}, "`x-rung-max-ud` is not known; did you mean `x-rung-max-usd`?"),
    ],
)
def test_wrong_headers(headers: dict[str, str], words: str) -> None:
    with pytest.raises(BadRequest) as e:
        read(headers)
    assert words in e.value.message
    assert e.value.param == "x-rung-" + next(iter(headers)).replace("_", "-")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
        b'{"a": ' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
    ],
)
def test_no_object(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_object(raw)


def test_what_is_read_can_be_written_again() -> None:
    deep = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    for raw in (deep, b'{"a":123456789012345678901234567890,"b":18446744073709551615}', b'{"a":"\\u0000"}'):
        assert msgspec.json.encode(parse_object(raw)) == raw


def test_allowed_words_are_the_shapes_own() -> None:
    for shape, field in ((Message, "role"), (ResponseFormat, "type"), (WishesBody, "preset"), (WishesBody, "cache")):
        words = shape.__annotations__[field]
        for word in ALLOWED[field]:
            assert word in str(words)
    for word in ALLOWED["tool_choice"][:3]:
        assert word in str(ChatBody.__annotations__["tool_choice"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [*ChatBody.__struct_fields__, "rung"]


def near(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values with the right keys in them, so that the checks behind the first are reached."""
    message = st.fixed_dictionaries(
        {"role": st.sampled_from(ALLOWED["role"])},
        optional={name: inner for name in Message.__struct_fields__ if name != "role"},
    )
    parts = st.lists(
        st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(["text", "image_url", "x"]), "text": inner, "image_url": inner}
        ),
        max_size=2,
    )
    message = message | st.builds(lambda m, p: m | {"content": p}, message, parts)
    wishes = st.dictionaries(st.sampled_from([*WishesBody.__struct_fields__, "x"]), inner, max_size=3)
    return st.builds(
        lambda base, more: base | more,
        st.fixed_dictionaries(
            {"model": st.sampled_from(["auto", "fast", "x"]), "messages": st.lists(message, max_size=3)}
        ),
        st.dictionaries(st.sampled_from(FIELDS[2:]), inner, max_size=4) | st.fixed_dictionaries({"rung": wishes}),
    )


@given(JSON | near(JSON))
def test_any_json_is_a_request_or_the_callers_error(value: Any) -> None:
    raw = json.dumps(value).encode()
    try:
        body = parse_object(raw)
        request = request_of(decode(body, {}), arrival(), KNOWN, 300.0)
    except RequestError as e:
        json.dumps([e.message, e.param]).encode()
    else:
        assert request.messages
        assert math.isfinite(request.deadline_s)
        msgspec.json.encode(request.body)


@given(st.binary(max_size=64))
def test_any_bytes_are_an_object_or_the_callers_error(raw: bytes) -> None:
    try:
        assert isinstance(parse_object(raw), dict)
    except BadRequest as e:
        msgspec.json.encode(e.message)


@given(st.sampled_from(["max_usd", "deadline_ms", "min_quality", "preset", "cache", "x"]), st.binary(max_size=12))
def test_any_header_is_a_wish_or_the_callers_error(name: str, value: bytes) -> None:
    came = {b"x-rung-" + name.replace("_", "-").encode(): value}
    try:
        decode({"model": "auto", "messages": [{"role": "user", "content": "x"}]}, came)
    except BadRequest as e:
        msgspec.json.encode([e.message, e.param])


@given(JSON | st.dictionaries(st.sampled_from([*FeedbackBody.__struct_fields__, "x"]), JSON, max_size=4))
def test_any_json_is_feedback_or_the_callers_error(value: Any) -> None:
    try:
        check(parse_object(json.dumps(value).encode()), FeedbackBody)
    except RungError as e:
        msgspec.json.encode([e.message, e.param])


@pytest.mark.parametrize(("said", "meant"), [("critical", "critical"), ("batch", "batch"), ("0", 0), ("7", 7)])
def test_priority(said: str, meant: str | int) -> None:
    assert read({"priority": said}).wishes.priority == meant
    assert read(rung={"priority": meant}).wishes.priority == meant
    assert read().wishes.priority is None


@pytest.mark.parametrize("said", ["urgent", 10, -1, 1.5])
def test_wrong_priority(said: Any) -> None:
    with pytest.raises(BadRequest) as e:
        read(rung={"priority": said})
    assert e.value.param == "rung.priority"
