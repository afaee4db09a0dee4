import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rung.errors import ContextExceeded, UpstreamRefusedRequest
from rung.reasoners.base import collect
from rung.reasoners.local.engine import Engine
from rung.reasoners.local.reasoner import Local, _Choice, _ToolChoice
from rung.types import Answer, Call, Chunk


@pytest.fixture
async def local(engine_of: Callable[[str], Engine]) -> AsyncIterator[Local]:
    local = Local("fast", engine_of("says"))
    await local.start()
    async with asyncio.timeout(30):
        while local.status.state != "warm":  # noqa: ASYNC110 - a status can only be looked at
            await asyncio.sleep(0.005)
    yield local
    await local.close()


async def asked(local: Local, **body: Any) -> Answer:
    call = Call(id="1", body={"messages": [{"role": "user", "content": "Hi"}], **body}, deadline_s=0.0)
    return collect(local.name, [chunk async for chunk in local.answer(call)])


async def test_an_answer_with_its_usage_and_signals(local: Local) -> None:
    answer = await asked(local)
    assert answer.text == "Hello"
    assert answer.choices[0].finish == "stop"
    assert answer.choices[0].logprobs == (), "they were not asked for"
    assert answer.extra == {}, "what only llama.cpp says stays here"
    usage = answer.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.busy_s) == (9, 4, 2, 0.5)
    assert answer.signals["mean_logprob"] == pytest.approx(-0.75)


async def test_a_stream_tells_its_signals_on_the_way() -> None:
    def told(stream: bool) -> list[dict[str, float]]:
        choice = _Choice(0, Call(id="1", body={"messages": []}, deadline_s=0.0, stream=stream))
        token = {"token": "a", "logprob": -0.5}
        return [dict(choice.read(Chunk(text="a", logprobs=(token,))).signals) for _ in range(17)]

    assert [i + 1 for i, signals in enumerate(told(True)) if signals] == [4, 8, 16]
    assert told(True)[7]["mean_logprob"] == pytest.approx(-0.5)
    assert not any(told(False))


async def test_logprobs_are_given_to_who_asks(local: Local) -> None:
    answer = await asked(local, logprobs=True, top_logprobs=1)
    assert answer.choices[0].logprobs[0] == {
        "token": "Hel",
        "logprob": -0.5,
        "bytes": [1],
        "top_logprobs": [{"token": "Hel", "logprob": -0.5, "bytes": [1]}],
    }


async def test_choices_share_one_prompt(local: Local) -> None:
    answer = await asked(local, n=3)
    assert [choice.text for choice in answer.choices] == ["Hello"] * 3
    assert answer.usage.prompt_tokens == 9
    assert answer.usage.completion_tokens == 6
    assert answer.usage.busy_s == pytest.approx(1.5)


class Endless:
    """An engine whose model loses itself."""

    def __init__(self, engine: Engine) -> None:
        self.spec = engine.spec
        self.closed = False

    async def answer(self, body: dict[str, Any]) -> AsyncIterator[Chunk]:
        del body
        try:
            while True:
                yield Chunk(text="There must be a mistake in them. ", logprobs=({"token": "a", "logprob": -0.1},))
        finally:
            self.closed = True


@pytest.mark.timeout(10)
async def test_a_model_that_loses_itself_is_cut_off(engine_of: Callable[[str], Engine]) -> None:
    endless = Endless(engine_of("says"))
    answer = await asked(Local("fast", endless))  # type: ignore[arg-type]
    assert endless.closed
    assert answer.choices[0].finish == "length"
    assert 2000 <= len(answer.text) < 2400
    assert answer.usage.completion_tokens == len(answer.text) // 33
    assert answer.usage.busy_s > 0
    assert answer.signals["mean_logprob"] == pytest.approx(-0.1)
    assert answer.signals["usage_estimated"] == 1.0


class Refusing:
    """An engine whose llama.cpp refuses."""

    def __init__(self, engine: Engine, error: UpstreamRefusedRequest) -> None:
        self.spec = engine.spec
        self.asked: dict[str, Any] = {}
        self._error = error

    async def answer(self, body: dict[str, Any]) -> AsyncIterator[Chunk]:
        self.asked = body
        raise self._error
        yield Chunk()


async def test_a_prompt_that_is_too_long_is_told_with_the_limit(engine_of: Callable[[str], Engine]) -> None:
    refusing = Refusing(engine_of("says"), ContextExceeded("exceeds the available context size", upstream_status=400))
    with pytest.raises(ContextExceeded, match=r"longer than its context of 512 tokens.*context_tokens") as error:
        await asked(Local("fast", refusing))  # type: ignore[arg-type]
    assert error.value.param == "messages"


async def test_only_fields_that_mean_something_here_are_sent(engine_of: Callable[[str], Engine]) -> None:
    refusing = Refusing(engine_of("says"), UpstreamRefusedRequest("no", upstream_status=400))
    with pytest.raises(UpstreamRefusedRequest, match="no"):
        await asked(Local("fast", refusing), temperature=0.5, id_slot=3, model="auto", user="me", stream=True)  # type: ignore[arg-type]
    assert refusing.asked.keys() == {"messages", "temperature", "logprobs", "top_logprobs", "return_progress"}


@pytest.mark.parametrize(("given", "sent"), [("", []), (["", "a"], ["a"]), (["a"], ["a"]), ("ab", "ab"), (None, None)])
def test_an_empty_stop_stops_nothing(given: Any, sent: Any) -> None:
    choice = _Choice(0, Call(id="1", body={"messages": [], "stop": given}, deadline_s=0.0))
    assert choice.asked()["stop"] == sent


@pytest.mark.parametrize("index", [0, 127])
def test_a_calls_id_is_short_enough_for_openai(index: int) -> None:
    tool = {"type": "function", "function": {"name": "clock"}}
    body = {"messages": [{"role": "user", "content": "What time is it?"}], "tools": [tool]}
    said = '{"tool": "clock", "arguments": {}}'
    ids = {
        _ToolChoice(index, Call(id=id_, body=body, deadline_s=0.0))
        .read(Chunk(text=said, finish="stop"))
        .tool_calls[0]["id"]
        for id_ in ("chatcmpl-01a22c76fd59d980e508e4ea7f00f264", "chatcmpl-01a22c76fd59d980e508e4ea7f00f265")
    }
    assert len(ids) == 2
    assert all(len(id_) <= 40 for id_ in ids)


async def test_the_older_functions_are_refused_and_not_passed_over(local: Local) -> None:
    with pytest.raises(UpstreamRefusedRequest, match="not the older") as error:
        await asked(local, functions=[{"name": "clock"}])
    assert error.value.param == "functions"


CUSTOM = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "sql", "arguments": '"select 1"'}}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"role": "user", "content": "hi", "name": None}, {"role": "user", "content": "hi"}),
        ({"role": "user", "content": "hi", "name": "Ada"}, {"role": "user", "content": "hi", "name": "Ada"}),
        (
            {
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": "No."}, {"type": "text", "text": "Sorry."}],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "No."}, {"type": "text", "text": "Sorry."}]},
        ),
        (
            {"role": "assistant", "content": None, "refusal": "No."},
            {"role": "assistant", "content": "No.", "refusal": "No."},
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [CUSTOM]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
        ),
        (
            {"role": "assistant", "tool_calls": [CALL], "function_call": None},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
        ),
    ],
)
async def test_messages_are_told_as_llama_cpp_reads_them(
    engine_of: Callable[[str], Engine], given: dict[str, Any], read: dict[str, Any]
) -> None:
    refusing = Refusing(engine_of("says"), UpstreamRefusedRequest("no", upstream_status=400))
    with pytest.raises(UpstreamRefusedRequest):
        await asked(Local("fast", refusing), messages=[given])  # type: ignore[arg-type]
    assert refusing.asked["messages"] == [read]
