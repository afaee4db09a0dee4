"""What `reasoners.base.Reasoner` promises, as checks over any reasoner: the tests run them over every kind that there
is, `rung test reasoner` over the one that is named."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from rung.answers.schemas import fits, parsed
from rung.errors import Abstained, ReasonerError
from rung.reasoners.base import Below, Reasoner, closing, collect
from rung.types import Answer, Call, Chunk, Json

WARM_S: Final = 100.0
STOP_S: Final = 30.0
SCHEMA: Final = {
    "type": "object",
    "properties": {"word": {"type": "string", "maxLength": 12}},
    "required": ["word"],
    "additionalProperties": False,
}
WORD: Final = {"type": "json_schema", "json_schema": {"name": "word", "strict": True, "schema": SCHEMA}}


class Broken(AssertionError):
    """What was promised is not kept; says what."""


class NotApplicable(Exception):
    """The check has nothing to say of this reasoner; says why."""


class Part(Protocol):
    async def start(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(kw_only=True)
class Subject:
    """A reasoner, not yet started, and what is known of its answers.

    `answer` is the way it is asked, its own if not given. `questions`: questions and what their answers must hold (""
    if that cannot be foreseen); `params` go into every body, `forms` into that of their question. `foreign`: one that
    it abstains from, if there is one; `long`: one that keeps it at work until it is left; `stopped` waits until that
    work has stopped (where that is not given, it may be that the work does not take long), and `began` until it has
    begun (or else its first chunk says so); `long_begins`: a chunk comes before it is done. `for_a_word` asks for a
    word, in JSON. `parts` are what its life begins and ends with. `deadline_s` is that of every call: one that has long
    passed, where no lane looks at it.
    """

    reasoner: Reasoner
    questions: Mapping[str, str]
    parts: Sequence[Part] = ()
    answer: Below | None = None
    params: Json = field(default_factory=dict)
    forms: dict[str, Json] = field(default_factory=dict)
    long: str = ""
    long_begins: bool = True
    began: Callable[[], Awaitable[object]] | None = None
    stopped: Callable[[], Awaitable[object]] | None = None
    foreign: str = ""
    for_a_word: str = "Name a word."
    deadline_s: float = 0.0

    async def warm(self) -> None:
        async with asyncio.timeout(WARM_S):
            while self.reasoner.status.state != "warm":  # noqa: ASYNC110  a status can only be looked at
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for part in self.parts:
            await part.start()
        try:
            await self.warm()
            yield
        finally:
            for part in self.parts:
                await part.close()

    def call(self, question: str, *, stream: bool = True, **body: Any) -> Call:
        asked = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 16}
        whole = {**asked, **self.params, **self.forms.get(question, {}), **body}
        return Call(id=f"call {question}", body=whole, deadline_s=self.deadline_s, stream=stream)

    async def chunks_of(self, call: Call) -> list[Chunk]:
        async with closing((self.answer or self.reasoner.answer)(call)) as chunks:
            return [chunk async for chunk in chunks]

    async def answer_of(self, call: Call) -> Answer:
        return collect(self.reasoner.name, await self.chunks_of(call))

    def reading(self, call: Call) -> Any:
        return closing((self.answer or self.reasoner.answer)(call))


Check = Callable[[Subject], Awaitable[None]]


def _expect(holds: object, promise: str) -> None:
    if not holds:
        raise Broken(promise)


def _needs(subject: Subject, ability: str) -> None:
    if not getattr(subject.reasoner.abilities, ability):
        raise NotApplicable(f"does not claim {ability}")


def _said(answer: Answer) -> str:
    return answer.choices[0].reasoning + answer.choices[0].text


def _asks(subject: Subject) -> None:
    if not subject.questions:
        raise NotApplicable("no question is known that it answers")


async def _answers(subject: Subject, stream: bool) -> None:
    for question, holds in subject.questions.items():
        chunks = await subject.chunks_of(subject.call(question, stream=stream))
        answer = collect("x", chunks)
        _expect(holds in _said(answer), "an answer holds what the question asks for")
        ends = Counter(chunk.index for chunk in chunks if chunk.finish)
        _expect(ends == {0: 1}, "the one choice is ended once")
        _expect(answer.choices[0].finish in {"stop", "length"}, "an answer ends by `stop` or `length`")
        told = [at for at, chunk in enumerate(chunks) if chunk.usage]
        _expect(told == [len(chunks) - 1], "usage is told once, with the last chunk")
        usage = answer.usage
        least = min(usage.prompt_tokens, usage.completion_tokens, usage.usd, usage.busy_s)
        _expect(least >= 0 and usage.cached_tokens <= usage.prompt_tokens, "usage is no less than nothing")


async def streamed_answers(subject: Subject) -> None:
    """Each question, streamed: answered, ended and counted."""
    _asks(subject)
    await _answers(subject, True)


async def whole_answers(subject: Subject) -> None:
    """Each question, whole: answered, ended and counted."""
    _asks(subject)
    await _answers(subject, False)


async def several_at_once(subject: Subject) -> None:
    """Answers at the same time do not mix."""
    _asks(subject)
    asked = list(subject.questions.items()) * 3
    answers = await asyncio.gather(*(subject.answer_of(subject.call(question)) for question, _ in asked))
    for (_, holds), answer in zip(asked, answers, strict=True):
        _expect(holds in _said(answer), "each answer is to its own question")


async def closed_early(subject: Subject) -> None:
    """Closing the iterator stops the work."""
    if not subject.long:
        raise NotApplicable("no question is known that keeps it at work")
    if not subject.long_begins:
        raise NotApplicable("gives its first chunk when the work is done: there is nothing to close in between")
    async with subject.reading(subject.call(subject.long, max_tokens=4000)) as chunks:
        await anext(chunks)
    await _stopped(subject)
    await _answers(subject, True)


async def cancelled_streaming(subject: Subject) -> None:
    """Cancelling a streamed answer stops the work."""
    await _cancelled(subject, True)


async def cancelled_whole(subject: Subject) -> None:
    """Cancelling a whole answer stops the work."""
    await _cancelled(subject, False)


async def _cancelled(subject: Subject, stream: bool) -> None:
    if not subject.long:
        raise NotApplicable("no question is known that keeps it at work")
    task = await _at_work(subject, subject.call(subject.long, stream=stream, max_tokens=4000))
    task.cancel()
    await asyncio.wait([task], timeout=STOP_S)
    _expect(task.done() and task.cancelled(), "a cancellation is passed on at once")
    await _stopped(subject)
    await _answers(subject, stream)


async def _stopped(subject: Subject) -> None:
    if subject.stopped is not None:
        async with asyncio.timeout(STOP_S):
            await subject.stopped()


async def _at_work(subject: Subject, call: Call) -> asyncio.Task[None]:
    """An answer that is being read, and will be until it is left."""
    first = asyncio.Event()

    async def read() -> None:
        async with subject.reading(call) as chunks:
            async for _ in chunks:
                first.set()
        if subject.stopped is None:
            raise NotApplicable("answers the long question too soon to be stopped")
        raise Broken("the long question was answered: nothing was left to stop")

    task = asyncio.create_task(read())
    begun = asyncio.ensure_future((subject.began or first.wait)())
    await asyncio.wait([task, begun], timeout=STOP_S, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    if task.done():
        task.result()
    return task


async def abstention(subject: Subject) -> None:
    """What is not its own it abstains from before the first chunk, in words that quote nothing."""
    if not subject.foreign:
        raise NotApplicable("no question is known that it abstains from")
    async with subject.reading(subject.call(subject.foreign)) as chunks:
        try:
            await anext(chunks)
        except Abstained as abstained:
            _expect(subject.foreign not in abstained.message, "an abstention does not quote the question")
            return
    raise Broken("it abstains from what is not its own")


async def choices(subject: Subject) -> None:
    """Several choices, each of them ended."""
    _needs(subject, "n")
    _asks(subject)
    for stream in (True, False):
        answer = await subject.answer_of(subject.call(next(iter(subject.questions)), stream=stream, n=2))
        _expect([bool(choice.finish) for choice in answer.choices] == [True, True], "n: 2 gives two choices that end")


async def logprobs(subject: Subject) -> None:
    """Log-probabilities, in OpenAI's form."""
    _needs(subject, "logprobs")
    _asks(subject)
    for stream in (True, False):
        question = next(iter(subject.questions))
        answer = await subject.answer_of(subject.call(question, stream=stream, logprobs=True))
        entries = answer.choices[0].logprobs
        _expect(entries, "logprobs: true gives some")
        for entry in entries:
            _expect({"token", "logprob", "bytes", "top_logprobs"} <= entry.keys(), "an entry has OpenAI's fields")
            _expect(entry["logprob"] <= 0, "a log-probability is at most 0")


async def json_schema(subject: Subject) -> None:
    """An answer that fits the schema asked for."""
    _needs(subject, "json_schema")
    for stream in (True, False):
        call = subject.call(subject.for_a_word, stream=stream, response_format=WORD, max_tokens=60)
        is_json, value = parsed((await subject.answer_of(call)).text)
        _expect(is_json and fits(value, SCHEMA), "the answer fits the schema that was asked for")


async def json_object(subject: Subject) -> None:
    """A JSON object where one is asked for."""
    _needs(subject, "json_object")
    call = subject.call("Name a word, in JSON.", response_format={"type": "json_object"}, max_tokens=60)
    answer = await subject.answer_of(call)
    whole = answer.choices[0].finish != "length"
    _expect(not whole or isinstance(parsed(answer.text)[1], dict), "the answer is a JSON object")


async def tools(subject: Subject) -> None:
    """A call of the tool that must be used."""
    _needs(subject, "tools")
    tool = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
    for stream in (True, False):
        call = subject.call("Look up a word.", stream=stream, tools=[tool], tool_choice="required", max_tokens=100)
        choice = (await subject.answer_of(call)).choices[0]
        _expect(len(choice.tool_calls) == 1, "the tool is called once")
        found = choice.tool_calls[0]
        _expect(found["function"]["name"] == "look_up" and found["id"], "a call has the tool's name and an id")
        _expect(isinstance(json.loads(found["function"]["arguments"]), dict), "its arguments are a JSON object")
        _expect(choice.finish == "tool_calls", "it ends by `tool_calls`")


async def description(subject: Subject) -> None:
    """It says what it is."""
    _expect(subject.reasoner.name, "it has a name")
    _expect(subject.reasoner.abilities.context_tokens >= 256, "its context holds a question")


async def its_life(subject: Subject) -> None:
    """Cold; started at once, the rest in the background; warm; and no longer warm once closed."""
    reasoner = subject.reasoner
    _expect(reasoner.status.state == "cold" and reasoner.status.note, "before its start it is cold, and says why")
    try:
        async with asyncio.timeout(STOP_S):
            for part in subject.parts:
                await part.start()
        await asyncio.sleep(0)
        _expect(reasoner.status.state in {"loading", "warm"}, "once started it is loading or warm")
        await subject.warm()
        if subject.questions:
            await subject.answer_of(subject.call(next(iter(subject.questions))))
    finally:
        for part in subject.parts:
            await part.close()
    _expect(reasoner.status.state != "warm" and reasoner.status.note, "once closed it is not warm, and says why")


async def asked_too_early(subject: Subject) -> None:
    """Asking before the start is a clear error or an answer."""
    _asks(subject)
    try:
        answer = await subject.answer_of(subject.call(next(iter(subject.questions))))
        _expect(answer.choices[0].finish, "an answer ends")
    except ReasonerError as error:
        _expect(error.message, "an error says what is wrong")
    finally:
        for part in subject.parts:
            await part.close()


def _named(*checks: Check) -> Mapping[str, Check]:
    return {check.__name__: check for check in checks}


# Over a subject that is warm, in any order; and over one that was never started, each over one of its own.
WARM: Final = _named(
    description,
    streamed_answers,
    whole_answers,
    several_at_once,
    closed_early,
    cancelled_streaming,
    cancelled_whole,
    abstention,
    choices,
    logprobs,
    json_schema,
    json_object,
    tools,
)
COLD: Final = _named(its_life, asked_too_early)
