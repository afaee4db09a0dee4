import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from rung.api.encode import ChunkWriter, completion, error_body, error_event, error_headers
from rung.errors import (
    AllFailed,
    BadRequest,
    Busy,
    DeadlineExceeded,
    LedgerError,
    NotReady,
    RateLimited,
    RungError,
    Unavailable,
)
from rung.reasoners.base import collect
from rung.types import Answer, Choice, Chunk, Decision, Usage
from tests.unit.api.conftest import ANSWER, CHUNKS, FEATURES, USAGE

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
LOGPROB = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
DECISION = Decision(id="chatcmpl-1", model="auto", preset="best", features=FEATURES, options=(), first="fast")


def whole(answer: Answer, debug: Decision | None = None) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(completion("chatcmpl-1", 1700, answer, debug))
    ChatCompletion.model_validate(parsed, strict=True)
    return parsed


def stream(*chunks: Chunk, include_usage: bool = False, debug: Decision | None = None) -> list[Any]:
    writer = ChunkWriter("chatcmpl-1", 1700, "fast", include_usage=include_usage)
    raw = b"".join(writer.chunk(chunk) for chunk in chunks) + writer.end(USAGE, debug)
    lines = raw.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    for event in events:
        ChatCompletionChunk.model_validate(event, strict=True)
    return events


def test_a_whole_completion() -> None:
    assert whole(ANSWER) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700,
        "model": "fast",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
        "system_fingerprint": None,
    }


def test_everything_a_choice_can_hold() -> None:
    one = Choice(tool_calls=(CALL,), reasoning="hm", finish="tool_calls", extra={"x": 1}, choice_extra={"filter": {}})
    two = Choice(text="Hi", logprobs=(LOGPROB,), finish="length")
    told = whole(Answer(reasoner="fast", choices=(one, two), extra={"system_fingerprint": "fp", "id": "not ours"}))
    assert told["id"] == "chatcmpl-1"
    assert told["system_fingerprint"] == "fp"
    first, second = told["choices"]
    assert first["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "x": 1,
        "reasoning_content": "hm",
        "tool_calls": [CALL],
    }
    assert (first["filter"], first["finish_reason"]) == ({}, "tool_calls")
    assert (second["index"], second["finish_reason"]) == (1, "length")
    assert second["logprobs"]["content"] == [LOGPROB]


def test_a_silent_answer_is_an_empty_string() -> None:
    assert whole(Answer(reasoner="fast", choices=(Choice(),)))["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize("said", [{"refusal": "I cannot."}, {"function_call": {"name": "f", "arguments": "{}"}}])
def test_what_stands_in_place_of_a_text_has_none_beside_it(said: dict[str, Any]) -> None:
    choice = Choice(finish="stop", extra=said)
    message = whole(Answer(reasoner="fast", choices=(choice,)))["choices"][0]["message"]
    assert message == {"role": "assistant", "refusal": None, "content": None, **said}


def test_the_decision_on_demand() -> None:
    told = whole(ANSWER, DECISION)["rung"]
    assert (told["id"], told["preset"], told["features"]["needs"]) == ("chatcmpl-1", "best", ["tools"])


def test_a_stream() -> None:
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700,
        "model": "fast",
        "system_fingerprint": None,
    }
    deltas = [({"role": "assistant", "content": "Hello"}, None), ({"content": " there"}, None), ({}, "stop")]
    assert stream(*CHUNKS) == [
        head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
        for delta, finish in deltas
    ]


def test_usage_in_a_stream() -> None:
    *chunks, last = stream(*CHUNKS, include_usage=True)
    assert [chunk["usage"] for chunk in chunks] == [None, None, None]
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 5


def test_the_decision_in_the_last_chunk() -> None:
    *chunks, last = stream(*CHUNKS, debug=DECISION)
    assert all("rung" not in chunk for chunk in chunks)
    assert (last["choices"], last["rung"]["id"]) == ([], "chatcmpl-1")


def test_choices_side_by_side_each_begin_with_the_role() -> None:
    told = stream(
        Chunk(index=1, text="b"),
        Chunk(index=0, reasoning="hm"),
        Chunk(index=1, text="B", logprobs=(LOGPROB,)),
        Chunk(index=0, text="a", finish="stop"),
        Chunk(index=1, finish="length"),
    )
    choices = [event["choices"][0] for event in told]
    assert [c["index"] for c in choices] == [1, 0, 1, 0, 1]
    assert [c["delta"].get("role") for c in choices] == ["assistant", "assistant", None, None, None]
    assert choices[1]["delta"] == {"role": "assistant", "content": "", "reasoning_content": "hm"}
    assert choices[2]["logprobs"]["content"] == [LOGPROB]
    assert choices[3]["finish_reason"] == "stop"


def test_tool_calls_and_unknown_fields_in_a_stream() -> None:
    piece = {"index": 1, "function": {"arguments": "{"}}
    told = stream(
        Chunk(tool_calls=(CALL,)),
        Chunk(tool_calls=(piece,), delta_extra={"x": 1}, choice_extra={"y": 2}, extra={"z": 3, "model": "theirs"}),
        Chunk(extra={"timings": {}}),
    )
    first = {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **CALL}]}
    assert told[0]["choices"][0]["delta"] == first, "some clients show an empty text"
    assert told[1]["choices"][0]["delta"] == {"x": 1, "tool_calls": [piece]}
    assert (told[1]["choices"][0]["y"], told[1]["z"], told[1]["model"]) == (2, 3, "fast")
    assert told[2]["timings"] == {}


def test_an_event_is_one_line_for_clients_that_split_as_python_does() -> None:
    said = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\r\nh\u00e9\U0001f600"
    writer = ChunkWriter("chatcmpl-1", 1, "fast", include_usage=False)
    for event in (writer.chunk(Chunk(text=said)), error_event(RungError(said))):
        line, *rest = event.decode().splitlines()
        assert rest == [""]
        told = json.loads(line.removeprefix("data: "))
        assert said in (told["error"]["message"] if "error" in told else told["choices"][0]["delta"]["content"])


def test_chunks_with_nothing_to_show_are_left_out() -> None:
    assert stream(Chunk(usage=USAGE), Chunk(signals={"agreement": 1.0})) == []


WORDS = st.text(max_size=5)
PIECES = st.builds(
    Chunk,
    index=st.integers(0, 2),
    text=WORDS,
    reasoning=WORDS,
    finish=st.sampled_from(["", "", "stop", "length"]),
    logprobs=st.lists(st.just(LOGPROB), max_size=1).map(tuple),
    usage=st.none() | st.just(USAGE),
    delta_extra=st.dictionaries(st.sampled_from(["x", "y"]), WORDS, max_size=1),
)


@given(st.lists(PIECES, max_size=12))
def test_a_stream_spells_the_same_answer_as_the_whole(chunks: list[Chunk]) -> None:
    answer = collect("fast", chunks)
    heard: dict[int, dict[str, Any]] = {}
    for event in stream(*chunks):
        (choice,) = event["choices"]
        so_far = heard.setdefault(choice["index"], {"content": "", "reasoning_content": "", "logprobs": []})
        delta = choice["delta"]
        assert (delta.get("role") == "assistant") == (so_far.setdefault("seen", 0) == 0)
        so_far["seen"] += 1
        so_far["content"] += delta.get("content", "")
        so_far["reasoning_content"] += delta.get("reasoning_content", "")
        so_far["logprobs"] += (choice["logprobs"] or {"content": []})["content"]
        so_far["finish"] = choice["finish_reason"] or so_far.get("finish", "")
    told = whole(answer)["choices"]
    shown = [at for at in sorted({chunk.index for chunk in chunks}) if at in heard]
    for at in shown:
        choice = told[sorted({chunk.index for chunk in chunks}).index(at)]
        assert heard[at]["content"] == choice["message"]["content"]
        assert heard[at]["reasoning_content"] == choice["message"].get("reasoning_content", "")
        assert heard[at]["logprobs"] == (choice["logprobs"] or {"content": []})["content"]
        assert (heard[at]["finish"] or "stop") == choice["finish_reason"]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Busy("later", retry_after_s=1.2), "2"),
        (Busy("later"), "1"),
        (NotReady("later", retry_after_s=0.0), "1"),
        (NotReady("later", retry_after_s=90), "90"),
        (RateLimited("later"), "1"),
        (Unavailable("gone"), "1"),
        (LedgerError("full"), "1"),
        (AllFailed("none", retry_after_s=3.0), "3"),
        (AllFailed("none"), None),
        (DeadlineExceeded("late"), None),
        (BadRequest("no"), None),
    ],
)
def test_retry_after(error: RungError, seconds: str | None) -> None:
    assert dict(error_headers(error)).get(b"retry-after") == (seconds.encode() if seconds else None)


def test_an_errors_body() -> None:
    told = json.loads(error_body(Busy("Later.", param=None)))
    assert told == {"error": {"message": "Later.", "type": "rate_limit_error", "param": None, "code": "busy"}}


def test_usage_without_answer_tokens() -> None:
    told = whole(Answer(reasoner="fast", choices=(Choice(text="4"),), usage=Usage()))
    assert told["usage"]["total_tokens"] == 0


def test_who_was_late_is_not_to_be_asked_again_by_itself() -> None:
    assert dict(error_headers(DeadlineExceeded("late"))) == {b"x-should-retry": b"false"}
