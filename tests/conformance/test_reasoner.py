"""What `reasoners.base.Reasoner` promises, over every kind that there is (see conftest.py)."""

import asyncio
import json
from collections import Counter
from typing import Any

import jsonschema
import pytest

from rung.errors import Abstained, ReasonerError
from rung.reasoners.base import closing, collect
from rung.types import Answer, Call, Chunk

STOP_S = 5.0

Subject = Any
CallOf = Any


@pytest.fixture
def call() -> CallOf:
    """A call whose deadline has passed long ago: a reasoner never looks at it."""

    def make(question: str, *, stream: bool = True, **body: Any) -> Call:
        body = {"messages": [{"role": "user", "content": question}], "temperature": 0, **body}
        return Call(id=f"call {question}", body=body, deadline_s=0.0, stream=stream)

    return make


async def chunks_of(subject: Subject, call: Call) -> list[Chunk]:
    async with closing(subject.reasoner.answer(call)) as chunks:
        return [chunk async for chunk in chunks]


async def answer_of(subject: Subject, call: Call) -> Answer:
    return collect(subject.reasoner.name, await chunks_of(subject, call))


def said(answer: Answer) -> str:
    return answer.choices[0].reasoning + answer.choices[0].text


@pytest.mark.parametrize("stream", [True, False])
async def test_each_question_is_answered_and_ended(subject: Subject, call: CallOf, stream: bool) -> None:
    for question, holds in subject.questions.items():
        chunks = await chunks_of(subject, call(question, stream=stream))
        answer = collect("x", chunks)
        assert holds in said(answer)
        ends = Counter(chunk.index for chunk in chunks if chunk.finish)
        assert ends == {0: 1}
        assert answer.choices[0].finish in {"stop", "length"}


@pytest.mark.parametrize("stream", [True, False])
async def test_usage_comes_once_at_the_end(subject: Subject, call: CallOf, stream: bool) -> None:
    for question in subject.questions:
        chunks = await chunks_of(subject, call(question, stream=stream))
        assert [at for at, chunk in enumerate(chunks) if chunk.usage] == [len(chunks) - 1]
        usage = chunks[-1].usage
        assert usage is not None
        assert min(usage.prompt_tokens, usage.completion_tokens, usage.usd, usage.busy_s) >= 0
        assert usage.cached_tokens <= usage.prompt_tokens


async def test_answers_at_the_same_time_do_not_mix(subject: Subject, call: CallOf) -> None:
    asked = list(subject.questions.items()) * 3
    answers = await asyncio.gather(*(answer_of(subject, call(question)) for question, _ in asked))
    for (_, holds), answer in zip(asked, answers, strict=True):
        assert holds in said(answer)
    for one, other in zip(answers, answers[len(subject.questions) :], strict=False):
        assert one.text == other.text


async def test_leaving_early_stops_the_work(subject: Subject, call: CallOf) -> None:
    async with closing(subject.reasoner.answer(call(subject.long))) as chunks:
        if subject.long_begins:
            await anext(chunks)
    if subject.long_begins:
        async with asyncio.timeout(STOP_S):
            await subject.stopped()
    await test_each_question_is_answered_and_ended(subject, call, True)


@pytest.mark.parametrize("stream", [True, False])
async def test_cancelling_stops_the_work(subject: Subject, call: CallOf, stream: bool) -> None:
    task = asyncio.create_task(chunks_of(subject, call(subject.long, stream=stream)))
    async with asyncio.timeout(STOP_S):
        await subject.began()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await subject.stopped()
    await test_each_question_is_answered_and_ended(subject, call, stream)


async def test_it_abstains_before_the_first_chunk(subject: Subject, call: CallOf) -> None:
    if not subject.foreign:
        assert subject.reasoner.abilities.general, "a specialist abstains from something"
        return
    async with closing(subject.reasoner.answer(call(subject.foreign))) as chunks:
        with pytest.raises(Abstained) as caught:
            await anext(chunks)
    assert subject.foreign not in caught.value.message


async def test_its_life(cold: Subject, call: CallOf) -> None:
    """Cold; started at once, the rest in the background; warm; and no longer warm once closed."""
    question = next(iter(cold.questions))
    assert cold.reasoner.status.state == "cold"
    assert cold.reasoner.status.note
    async with asyncio.timeout(STOP_S):
        for part in cold.parts:
            await part.start()
    assert cold.reasoner.status.state in {"loading", "warm"}
    await cold.warm()
    assert await answer_of(cold, call(question))
    await cold.close()
    assert cold.reasoner.status.state in {"cold", "down"}
    assert cold.reasoner.status.note


async def test_asking_before_the_start_is_a_clear_error_or_an_answer(cold: Subject, call: CallOf) -> None:
    try:
        await answer_of(cold, call(next(iter(cold.questions))))
    except ReasonerError as error:
        assert error.message  # noqa: PT017


async def test_choices(subject: Subject, call: CallOf) -> None:
    if not subject.reasoner.abilities.n:
        pytest.skip("not declared")
    for stream in (True, False):
        answer = await answer_of(subject, call(next(iter(subject.questions)), stream=stream, n=2))
        assert [bool(choice.finish) for choice in answer.choices] == [True, True]


async def test_logprobs(subject: Subject, call: CallOf) -> None:
    if not subject.reasoner.abilities.logprobs:
        pytest.skip("not declared")
    for stream in (True, False):
        answer = await answer_of(subject, call(next(iter(subject.questions)), stream=stream, logprobs=True))
        entries = answer.choices[0].logprobs
        assert entries
        for entry in entries:
            assert {"token", "logprob", "bytes", "top_logprobs"} <= entry.keys()
            assert entry["logprob"] <= 0


SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}


async def test_json_schema(subject: Subject, call: CallOf) -> None:
    if not subject.reasoner.abilities.json_schema:
        pytest.skip("not declared")
    wanted = {"type": "json_schema", "json_schema": {"name": "word", "strict": True, "schema": SCHEMA}}
    for stream in (True, False):
        answer = await answer_of(subject, call("Name a word.", stream=stream, response_format=wanted, max_tokens=60))
        jsonschema.validate(json.loads(answer.text), SCHEMA)


async def test_json_object(subject: Subject, call: CallOf) -> None:
    if not subject.reasoner.abilities.json_object:
        pytest.skip("not declared")
    wanted = {"type": "json_object"}
    answer = await answer_of(subject, call("Name a word, in JSON.", response_format=wanted, max_tokens=60))
    assert answer.choices[0].finish == "length" or isinstance(json.loads(answer.text), dict)


async def test_tools(subject: Subject, call: CallOf) -> None:
    if not subject.reasoner.abilities.tools:
        pytest.skip("not declared")
    tool = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
    for stream in (True, False):
        answer = await answer_of(
            subject, call("Look up a word.", stream=stream, tools=[tool], tool_choice="required", max_tokens=100)
        )
        (found,) = answer.choices[0].tool_calls
        assert found["function"]["name"] == "look_up"
        assert isinstance(json.loads(found["function"]["arguments"]), dict)
        assert found["id"]
        assert answer.choices[0].finish == "tool_calls"


async def test_it_says_what_it_is(cold: Subject) -> None:
    assert cold.reasoner.name
    assert cold.reasoner.abilities.context_tokens >= 256
