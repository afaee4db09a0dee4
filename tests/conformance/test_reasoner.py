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

STOP_S = 30.0

Subject = Any
CallOf = Any


@pytest.fixture
def call() -> CallOf:
    """A call whose deadline has passed long ago: a reasoner never looks at it."""

    def make(question: str, *, stream: bool = True, **body: Any) -> Call:
        body = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 16, **body}
        return Call(id=f"call {question}", body=body, deadline_s=0.0, stream=stream)

    return make


async def chunks_of(subject: Subject, call: Call) -> list[Chunk]:
    async with closing(subject.reasoner.answer(call)) as chunks:
        return [chunk async for chunk in chunks]


async def answer_of(subject: Subject, call: Call) -> Answer:
    return collect(subject.reasoner.name, await chunks_of(subject, call))


def said(answer: Answer) -> str:
    return answer.choices[0].reasoning + answer.choices[0].text


async def answers(subject: Subject, call: CallOf, stream: bool) -> None:
    """Each question: held what it must, ended once, and its usage told once, at the end."""
    for question, holds in subject.questions.items():
        chunks = await chunks_of(subject, call(question, stream=stream))
        answer = collect("x", chunks)
        assert holds in said(answer)
        assert Counter(chunk.index for chunk in chunks if chunk.finish) == {0: 1}
        assert answer.choices[0].finish in {"stop", "length"}
        assert [at for at, chunk in enumerate(chunks) if chunk.usage] == [len(chunks) - 1]
        usage = answer.usage
        assert min(usage.prompt_tokens, usage.completion_tokens, usage.usd, usage.busy_s) >= 0
        assert usage.cached_tokens <= usage.prompt_tokens


@pytest.mark.parametrize("stream", [True, False])
async def test_each_question_is_answered_ended_and_counted(subject: Subject, call: CallOf, stream: bool) -> None:
    await answers(subject, call, stream)


async def test_answers_at_the_same_time_do_not_mix(subject: Subject, call: CallOf) -> None:
    asked = list(subject.questions.items()) * 3
    answers = await asyncio.gather(*(answer_of(subject, call(question)) for question, _ in asked))
    for (_, holds), answer in zip(asked, answers, strict=True):
        assert holds in said(answer)


async def at_work(subject: Subject, call: Call) -> asyncio.Task[None]:
    """An answer that is being read, and will be until it is left."""
    first = asyncio.Event()

    async def read() -> None:
        async with closing(subject.reasoner.answer(call)) as chunks:
            async for _ in chunks:
                first.set()
        raise AssertionError("the long question was answered: nothing was left to stop")

    task = asyncio.create_task(read())
    async with asyncio.timeout(STOP_S):
        await (subject.began or first.wait)()
    return task


async def test_closing_the_iterator_stops_the_work(cold: Subject, call: CallOf) -> None:
    if not cold.long_begins:
        pytest.skip("gives its first chunk when the work is done: there is nothing to close in between")
    async with cold.running():
        async with closing(cold.reasoner.answer(call(cold.long, max_tokens=4000))) as chunks:
            await anext(chunks)
        async with asyncio.timeout(STOP_S):
            await cold.stopped()
        await answers(cold, call, True)


@pytest.mark.parametrize("stream", [True, False])
async def test_cancelling_stops_the_work(subject: Subject, call: CallOf, stream: bool) -> None:
    task = await at_work(subject, call(subject.long, stream=stream, max_tokens=4000))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(STOP_S):
        await subject.stopped()
    await answers(subject, call, stream)


async def test_it_abstains_before_the_first_chunk(cold: Subject, call: CallOf) -> None:
    if not cold.foreign:
        assert cold.reasoner.abilities.general, "a specialist abstains from something"
        return
    async with cold.running(), closing(cold.reasoner.answer(call(cold.foreign))) as chunks:
        with pytest.raises(Abstained) as caught:
            await anext(chunks)
    assert cold.foreign not in caught.value.message


async def test_its_life(cold: Subject, call: CallOf) -> None:
    """Cold; started at once, the rest in the background; warm; and no longer warm once closed."""
    question = next(iter(cold.questions))
    assert cold.reasoner.status.state == "cold"
    assert cold.reasoner.status.note
    async with asyncio.timeout(STOP_S):
        for part in cold.parts:
            await part.start()
    await asyncio.sleep(0)
    assert cold.reasoner.status.state in {"loading", "warm"}
    await cold.warm()
    assert await answer_of(cold, call(question))
    for part in cold.parts:
        await part.close()
    assert cold.reasoner.status.state != "warm"
    assert cold.reasoner.status.note


async def test_asking_before_the_start_is_a_clear_error_or_an_answer(cold: Subject, call: CallOf) -> None:
    try:
        answer = await answer_of(cold, call(next(iter(cold.questions))))
        assert answer.choices[0].finish
    except ReasonerError as error:
        assert error.message  # noqa: PT017
    finally:
        for part in cold.parts:
            await part.close()


def needs(subject: Subject, ability: str) -> None:
    """Skips a kind that does not claim to be able to, before it is started."""
    if not getattr(subject.reasoner.abilities, ability):
        pytest.skip(f"does not claim {ability}")


async def test_choices(cold: Subject, call: CallOf) -> None:
    needs(cold, "n")
    async with cold.running():
        for stream in (True, False):
            answer = await answer_of(cold, call(next(iter(cold.questions)), stream=stream, n=2))
            assert [bool(choice.finish) for choice in answer.choices] == [True, True]


async def test_logprobs(cold: Subject, call: CallOf) -> None:
    needs(cold, "logprobs")
    async with cold.running():
        for stream in (True, False):
            answer = await answer_of(cold, call(next(iter(cold.questions)), stream=stream, logprobs=True))
            entries = answer.choices[0].logprobs
            assert entries
            for entry in entries:
                assert {"token", "logprob", "bytes", "top_logprobs"} <= entry.keys()
                assert entry["logprob"] <= 0


SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string", "maxLength": 12}},
    "required": ["word"],
    "additionalProperties": False,
}


async def test_json_schema(cold: Subject, call: CallOf) -> None:
    needs(cold, "json_schema")
    async with cold.running():
        wanted = {"type": "json_schema", "json_schema": {"name": "word", "strict": True, "schema": SCHEMA}}
        for stream in (True, False):
            answer = await answer_of(cold, call("Name a word.", stream=stream, response_format=wanted, max_tokens=60))
            jsonschema.validate(json.loads(answer.text), SCHEMA)


async def test_json_object(cold: Subject, call: CallOf) -> None:
    needs(cold, "json_object")
    async with cold.running():
        wanted = {"type": "json_object"}
        answer = await answer_of(cold, call("Name a word, in JSON.", response_format=wanted, max_tokens=60))
        assert answer.choices[0].finish == "length" or isinstance(json.loads(answer.text), dict)


async def test_tools(cold: Subject, call: CallOf) -> None:
    needs(cold, "tools")
    async with cold.running():
        tool = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
        for stream in (True, False):
            answer = await answer_of(
                cold, call("Look up a word.", stream=stream, tools=[tool], tool_choice="required", max_tokens=100)
            )
            (found,) = answer.choices[0].tool_calls
            assert found["function"]["name"] == "look_up"
            assert isinstance(json.loads(found["function"]["arguments"]), dict)
            assert found["id"]
            assert answer.choices[0].finish == "tool_calls"


async def test_it_says_what_it_is(cold: Subject) -> None:
    assert cold.reasoner.name
    assert cold.reasoner.abilities.context_tokens >= 256
