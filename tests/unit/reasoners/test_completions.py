from typing import Any

import pytest

from rung.config.schema import Price
from rung.errors import Malformed
from rung.reasoners.base import collect
from rung.reasoners.completions import Reading, estimated, priced, whole
from rung.types import Chunk, Usage

BODY = {"messages": [{"role": "user", "content": "12345678"}]}


def reading(**price: float) -> Reading:
    return Reading("cloud", BODY, Price(**price))


def piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"delta": delta, "finish_reason": finish, **more}],
    }


def test_a_whole_answer_is_one_chunk_with_its_usage() -> None:
    wire = {
        "id": "c",
        "model": "m",
        "system_fingerprint": "fp",
        "choices": [
            {"message": {"role": "assistant", "content": "hi", "refusal": None}, "finish_reason": "stop", "seed": 3}
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 6},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }
    assert whole(reading(), wire) == [
        Chunk(
            text="hi",
            finish="stop",
            usage=Usage(prompt_tokens=10, completion_tokens=4, cached_tokens=6, reasoning_tokens=2),
            extra={"system_fingerprint": "fp"},
            choice_extra={"seed": 3},
            delta_extra={"refusal": None},
        )
    ]


def test_tool_calls_of_a_whole_answer_get_the_index_of_deltas() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    wire = {"choices": [{"message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}]}
    chunks = whole(reading(), wire)
    assert chunks[0].tool_calls == ({"index": 0, **calls[0]},)
    assert collect("cloud", chunks).choices[0].tool_calls == tuple(calls)


def test_tool_calls_in_pieces_with_every_key_in_every_piece() -> None:
    one = reading()
    pieces = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": None}},
        {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": '{"x":'}},
        {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": " 1}"}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        {"index": 1, "function": None},
    ]
    chunks = [chunk for call in pieces for chunk in one.read(piece({"tool_calls": [call]}))]
    assert [chunk.tool_calls for chunk in chunks] == [(call,) for call in pieces]
    assert collect("cloud", chunks).choices[0].tool_calls == (
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    )


@pytest.mark.parametrize("told", ["a", ""], ids=["ids", "no ids"])
def test_streamed_tool_calls_without_an_index_are_told_apart(told: str) -> None:
    one = reading()
    pieces: list[dict[str, Any]] = [
        {"id": told, "function": {"name": "f", "arguments": '{"x":'}},
        {"function": {"arguments": " 1}"}},
        {"id": told and "b", "function": {"name": "f", "arguments": "{}"}},
    ]
    chunks = [chunk for call in pieces for chunk in one.read(piece({"tool_calls": [call]}))]
    assert [chunk.tool_calls[0]["index"] for chunk in chunks] == [0, 0, 1]
    assert collect("cloud", chunks).choices[0].tool_calls == (
        {"id": told, "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": told and "b", "function": {"name": "f", "arguments": "{}"}},
    )


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}], ids=["empty", "null", "none"])
def test_the_usage_may_come_without_choices(choices: dict[str, Any]) -> None:
    one = reading()
    one.read(piece({"content": "hi"}, "stop"))
    assert one.read({**choices, "usage": {"prompt_tokens": 3, "completion_tokens": 1}}) == []
    assert one.end(said_so=True)[-1].usage == Usage(prompt_tokens=3, completion_tokens=1)
    with pytest.raises(Malformed, match="has no `choices`"):
        one.read({"object": "error", "message": "no"})


def test_content_may_come_in_parts() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "2 + 2"}, {"type": "text", "text": " is 4"}]}
    told = [thought, {"type": "text", "text": "It is "}, {"type": "text", "text": "4."}, {"type": "text"}]
    choice = {"message": {"role": "assistant", "content": told}, "finish_reason": "stop"}
    answer = collect("cloud", whole(reading(), {"choices": [choice]})).choices[0]
    assert (answer.text, answer.reasoning) == ("It is 4.", "2 + 2 is 4")


def test_what_deltas_have_a_piece_of_is_put_together() -> None:
    deltas: list[dict[str, Any]] = [
        {"refusal": None, "function_call": {"name": "f", "arguments": ""}, "annotations": [{"n": 1}], "tag": "new"},
        {"refusal": "I can", "function_call": {"arguments": '{"x"'}, "audio": {"id": "a", "data": "AA"}},
        {"refusal": "not.", "function_call": {"name": None, "arguments": ": 1}"}, "audio": {"data": "BB", "id": "a"}},
        {"refusal": None, "function_call": None, "annotations": [{"n": 2}], "tag": "new"},
    ]
    one = reading()
    chunks = [chunk for delta in deltas for chunk in one.read(piece(delta))]
    assert [chunk.delta_extra for chunk in chunks] == deltas
    assert collect("cloud", chunks).choices[0].extra == {
        "refusal": "I cannot.",
        "function_call": {"name": "f", "arguments": '{"x": 1}'},
        "audio": {"id": "a", "data": "AABB"},
        "annotations": [{"n": 1}, {"n": 2}],
        "tag": "new",
    }


def test_choices_are_told_apart() -> None:
    wire = {"choices": [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]}
    answer = collect("cloud", whole(reading(), wire))
    assert [(choice.text, choice.finish) for choice in answer.choices] == [("a", "stop"), ("b", "stop")]
    assert answer.signals["finish_assumed"] == 1.0


def test_a_stream_gives_chunks_as_they_are() -> None:
    entry = {"token": "hi", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    one = reading()
    assert one.read(piece({"role": "assistant", "content": ""})) == []
    assert one.read(piece({"reasoning_content": "hm"})) == [Chunk(reasoning="hm")]
    assert one.read(piece({"reasoning": "hm"})) == [Chunk(reasoning="hm")]
    assert one.read(piece({"content": "hi"}, logprobs={"content": [entry]})) == [Chunk(text="hi", logprobs=(entry,))]
    assert one.read(piece({"audio": 1})) == [Chunk(delta_extra={"audio": 1})]
    assert not one.finished
    assert one.read(piece({}, "length")) == [Chunk(finish="length")]
    assert one.finished


def test_a_running_total_of_usage_is_told_once() -> None:
    one = reading(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0)
    chunks: list[Chunk] = []
    for tokens in (1, 2):
        usage = {"prompt_tokens": 5, "completion_tokens": tokens}
        chunks += one.read({**piece({"content": "x"}, "stop" if tokens == 2 else None), "usage": usage})
    chunks += one.end(said_so=True)
    assert [chunk.usage for chunk in chunks if chunk.usage] == [
        Usage(prompt_tokens=5, completion_tokens=2, usd=pytest.approx(9e-6))
    ]


def test_missing_usage_is_estimated_and_says_so() -> None:
    one = reading()
    one.read(piece({"content": "éé!"}, "stop"))
    (last,) = one.end(said_so=True)
    assert last.usage == Usage(prompt_tokens=2, completion_tokens=2)
    assert last.signals == {"usage_estimated": 1.0}


HUGE = {"prompt_tokens": 10**30, "completion_tokens": 1}


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": "9"}, {"prompt_tokens": -1, "completion_tokens": 1}, HUGE, {}, None]
)
def test_usage_that_cannot_be_read_is_estimated(usage: Any) -> None:
    chunks = whole(reading(), {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": usage})
    assert chunks[-1].signals == {"usage_estimated": 1.0}


def test_a_stream_that_ends_too_early_is_no_answer() -> None:
    one = reading()
    one.read(piece({"content": "half"}))
    with pytest.raises(Malformed, match="cut off"):
        one.end(said_so=False)
    with pytest.raises(Malformed, match="no choice"):
        reading().end(said_so=True)


@pytest.mark.parametrize(
    "wire",
    [
        [],
        "text",
        None,
        {},
        {"choices": {}},
        {"choices": ["x"]},
        {"choices": [{"message": "x"}]},
        {"choices": [{"message": {"content": [1]}}]},
        {"choices": [{"message": {"tool_calls": 7}}]},
        {"choices": [{"message": {"tool_calls": ["x"]}}]},
        {"choices": [{"message": {"tool_calls": [{"function": "f"}]}}]},
        {"choices": [{"message": {"tool_calls": [{"index": "0"}]}}]},
        {"choices": [{"message": {}, "logprobs": {"content": 7}}]},
        {"choices": [{"message": {}, "logprobs": {"content": [7]}}]},
        {"choices": [{"message": {}, "index": "0"}]},
        {"choices": [{"message": {}, "finish_reason": 1}]},
    ],
)
def test_what_is_no_completion_is_malformed(wire: Any) -> None:
    with pytest.raises(Malformed, match=r"cloud: sent"):
        whole(reading(), wire)


def test_cost_counts_cached_tokens_at_their_own_price() -> None:
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=500_000, cached_tokens=400_000)
    assert priced(usage, Price(input_usd_per_mtok=2.0, output_usd_per_mtok=8.0)).usd == pytest.approx(6.0)
    price = Price(input_usd_per_mtok=2.0, output_usd_per_mtok=8.0, cached_input_usd_per_mtok=0.5)
    assert priced(usage, price).usd == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 4.0)


def test_estimates_read_the_text_parts_of_messages() -> None:
    parts = [{"type": "text", "text": "1234"}, {"type": "image_url", "image_url": {"url": "data:..."}}]
    body = {"messages": [{"role": "system", "content": "12345"}, {"role": "user", "content": parts}, {"role": "x"}]}
    assert estimated(body, 9) == Usage(prompt_tokens=3, completion_tokens=3)
