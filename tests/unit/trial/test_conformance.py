"""That each check can fail: reasoners that break one promise each, and a sound one that keeps all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rung.errors import Abstained, Unavailable
from rung.reasoners.base import Abilities, Status
from rung.trial import COLD, WARM, Broken, NotApplicable, Subject
from rung.types import Call, Chunk, Usage

END = Chunk(finish="stop", usage=Usage(completion_tokens=1))
Say = Callable[[str, Call], AsyncIterator[Chunk]]


class Sound:
    name = "fake"
    abilities = Abilities(context_tokens=4096)

    def __init__(self) -> None:
        self.status = Status(state="cold", note="not started")

    async def start(self) -> None:
        self.status = Status(state="warm")

    async def close(self) -> None:
        self.status = Status(state="down", note="closed")

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        if self.status.state != "warm":
            raise Unavailable("not started")
        question = call.body["messages"][-1]["content"]
        if "foreign" in question:
            raise Abstained("not mine")
        async for chunk in self.said(question, call):
            yield chunk

    async def said(self, question: str, call: Call) -> AsyncIterator[Chunk]:
        yield Chunk(text=question)
        if "long" in question:
            await asyncio.Event().wait()
        yield END


def subject_of(reasoner: Any, **more: Any) -> Subject:
    known = {"questions": {"one": "one", "two": "two"}, "long": "a long one", "foreign": "foreign"}
    return Subject(reasoner=reasoner, parts=(reasoner,), **known | more)


@pytest.mark.parametrize("check", WARM)
async def test_a_sound_one_keeps_all(check: str) -> None:
    subject = subject_of(Sound())
    async with subject.running():
        try:
            await WARM[check](subject)
        except NotApplicable as reason:
            assert "does not claim" in str(reason)  # noqa: PT017


@pytest.mark.parametrize("check", COLD)
async def test_a_sound_ones_life(check: str) -> None:
    await COLD[check](subject_of(Sound()))


def saying(*chunks: Chunk) -> type[Sound]:
    class Saying(Sound):
        abilities = Abilities(n=True, logprobs=True, tools=True, json_object=True, json_schema=True)

        async def said(self, question: str, call: Call) -> AsyncIterator[Chunk]:
            for chunk in chunks:
                yield chunk

    return Saying


ONE = Chunk(text="one two")
ENTRY = {"token": "a", "logprob": 0.5, "bytes": None, "top_logprobs": []}


@pytest.mark.parametrize(
    ("check", "chunks", "words"),
    [
        ("streamed_answers", (Chunk(text="something else"), END), "holds"),
        ("streamed_answers", (ONE,), "ended once"),
        ("streamed_answers", (ONE, Chunk(finish="stop"), END), "ended once"),
        ("streamed_answers", (ONE, Chunk(finish="eos", usage=Usage())), "`stop` or `length`"),
        ("whole_answers", (ONE, Chunk(finish="stop")), "usage is told once"),
        ("whole_answers", (ONE, Chunk(usage=Usage()), Chunk(finish="stop")), "usage is told once"),
        ("whole_answers", (ONE, Chunk(finish="stop", usage=Usage(usd=-1.0))), "less than nothing"),
        ("whole_answers", (ONE, Chunk(finish="stop", usage=Usage(cached_tokens=9))), "less than nothing"),
        ("several_at_once", (Chunk(text="one"), END), "its own question"),
        ("choices", (ONE, END), "two choices"),
        ("logprobs", (ONE, END), "gives some"),
        ("logprobs", (Chunk(logprobs=({"token": "a"},)), END), "OpenAI's fields"),
        ("logprobs", (Chunk(logprobs=(ENTRY,)), END), "at most 0"),
        ("json_schema", (Chunk(text='{"word": 3}'), END), "fits the schema"),
        ("json_object", (Chunk(text="[1]"), END), "JSON object"),
        ("tools", (ONE, END), "called once"),
        ("cancelled_streaming", (ONE, END), "nothing was left to stop"),
    ],
)
async def test_a_promise_that_is_broken_is_named(check: str, chunks: tuple[Chunk, ...], words: str) -> None:
    subject = subject_of(saying(*chunks)(), stopped=asyncio.Event().wait)
    async with subject.running():
        with pytest.raises(Broken, match=words):
            await WARM[check](subject)


class TellsTheQuestion(Sound):
    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        raise Abstained(f"not mine: {call.body['messages'][-1]['content']}")
        yield


class NeverAbstains(Sound):
    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        yield ONE


@pytest.mark.parametrize(("kind", "words"), [(TellsTheQuestion, "quote"), (NeverAbstains, "not its own")])
async def test_a_wrong_abstention(kind: type[Sound], words: str) -> None:
    subject = subject_of(kind())
    async with subject.running():
        with pytest.raises(Broken, match=words):
            await WARM["abstention"](subject)


class SwallowsCancellation(Sound):
    async def said(self, question: str, call: Call) -> AsyncIterator[Chunk]:
        yield Chunk(text=question)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield END


async def test_a_cancellation_that_is_swallowed() -> None:
    subject = subject_of(SwallowsCancellation())
    async with subject.running():
        with pytest.raises(Broken, match="cancellation"):
            await WARM["cancelled_whole"](subject)


class AlwaysWarm(Sound):
    async def close(self) -> None:
        pass


async def test_a_life_that_does_not_end() -> None:
    with pytest.raises(Broken, match="once closed"):
        await COLD["its_life"](subject_of(AlwaysWarm()))
    started = Sound()
    await started.start()
    with pytest.raises(Broken, match="before its start"):
        await COLD["its_life"](subject_of(started))
