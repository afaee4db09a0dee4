"""What stands before the conformance suites: each kind of reasoner, made ready, with what is known of its answers.

A kind is an async context manager `(upstream, tmp_path) -> Subject` in `KINDS`; to add one, write it and list it there.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

from rung.clock import RealClock
from rung.config import default_config
from rung.config.schema import CodeConfig, EndpointConfig, FunctionConfig, LocalConfig, ProgramConfig, SymbolicConfig
from rung.reasoners.base import Reasoner
from rung.reasoners.brief import Brief
from rung.reasoners.code import Code
from rung.reasoners.endpoint import Endpoint
from rung.reasoners.extract import Extract
from rung.reasoners.function import Function
from rung.reasoners.local.engine import Engine, EngineSpec
from rung.reasoners.local.reasoner import Local
from rung.reasoners.program import Program
from rung.reasoners.symbolic import Symbolic
from rung.reasoners.think import Think
from rung.reasoners.vote import Vote
from rung.sandbox import Jail
from rung.trial import Subject
from rung.trial.conformance import WORD
from rung.types import Call

ECHOED = {
    "What is the first word?": "first",
    "Say yes or no: is é😀\u2028Ω unicode?": "é😀\u2028Ω",
    "And 12 * 12?": "12 * 12",
}


def _over_an_endpoint(
    upstream: Any, over: Callable[[Endpoint], Reasoner] | None, says: Callable[[str], str] | None = None
) -> Subject:
    """The endpoint itself, or what is built over it; upstream echoes, or says what is made of the question, and hangs
    when it is asked to wait."""

    begun = asyncio.Event()

    def waits(received: Any) -> bool:
        return "wait" in received.body["messages"][-1]["content"]

    async def act(received: Any) -> Any:
        if not waits(received):
            act = upstream.says(says(received.body["messages"][-1]["content"])) if says else upstream.echoes()
            return await act(received)
        begun.set()
        return await upstream.hangs("I ")(received)

    async def stopped() -> None:
        for received in filter(waits, upstream.received):
            await received.gone.wait()

    upstream.play(act)
    config = EndpointConfig(kind="endpoint", base_url=upstream.base_url, model="m", images=True)
    endpoint = Endpoint("cloud", config, RealClock())
    reasoner = over(endpoint) if over else endpoint
    return Subject(
        reasoner=reasoner,
        questions=ECHOED,
        long="Please wait.",
        began=begun.wait,
        stopped=stopped,
        parts=(endpoint, reasoner) if over else (endpoint,),
    )


@asynccontextmanager
async def endpoint(upstream: Any) -> AsyncIterator[Subject]:
    yield _over_an_endpoint(upstream, None)


@asynccontextmanager
async def brief(upstream: Any) -> AsyncIterator[Subject]:
    yield _over_an_endpoint(upstream, lambda below: Brief("brief", below.answer, below))


@asynccontextmanager
async def think(upstream: Any) -> AsyncIterator[Subject]:
    yield _over_an_endpoint(upstream, lambda below: Think("think", below.answer, below))


@asynccontextmanager
async def vote(upstream: Any) -> AsyncIterator[Subject]:
    subject = _over_an_endpoint(upstream, lambda below: Vote("vote", below.answer, below))
    subject.long, subject.long_begins = "Yes or no: will you wait?", False
    yield subject


@asynccontextmanager
async def program(upstream: Any) -> AsyncIterator[Subject]:
    def over(below: Endpoint) -> Program:
        return Program("program", below.answer, below, ProgramConfig(kind="program", of="below"))

    subject = _over_an_endpoint(
        upstream, over, lambda question: f"answer = {' + '.join(re.findall('[0-9]+', question))}"
    )
    subject.questions = {
        "Tom has 3 apples and buys 4 more. How many apples does he have?": "7",
        "How many legs do 12 cats and 30 birds have in total?": "42",
    }
    subject.long, subject.long_begins = "Tom has 3 apples and buys 4 more. How many will wait for him?", False
    subject.foreign = "Who wrote Hamlet?"
    yield subject


@asynccontextmanager
async def code(upstream: Any) -> AsyncIterator[Subject]:
    allowed = not (await Jail().isolation()).whole

    def over(below: Endpoint) -> Code:
        config = CodeConfig(kind="code", of="below", allow_unisolated=allowed, time_limit_s=60.0)
        return Code("code", below.answer, below, config)

    def says(question: str) -> str:
        name = re.findall(r"function (\w+)", question)[0]
        return f"```python\ndef {name}(x):\n    return x + 1\n```"

    subject = _over_an_endpoint(upstream, over, says)
    subject.questions = {
        "Write a function successor.\nassert successor(1) == 2": "def successor(x):",
        "Write a function after.\nassert after(5) == 6": "passed: assert after(5) == 6",
    }
    subject.long, subject.long_begins = "Write a function wait.\nassert wait(1) == 2", False
    subject.foreign = "Who wrote Hamlet?"
    yield subject


@asynccontextmanager
async def function(upstream: Any) -> AsyncIterator[Subject]:
    del upstream
    begun, ended = asyncio.Event(), asyncio.Event()

    async def answer(messages: list[dict[str, str]]) -> AsyncIterator[str]:
        text = messages[-1]["content"]
        if "foreign" in text:
            return
        try:
            for word in text.split(" "):
                yield f"{word} "
            if "wait" in text:
                begun.set()
                await asyncio.Event().wait()
        finally:
            if "wait" in text:
                ended.set()

    module = sys.modules["users_own"] = ModuleType("users_own")
    module.answer = answer  # type: ignore[attr-defined]
    config = FunctionConfig(kind="function", call="users_own:answer")
    mine = Function("mine", config)
    yield Subject(
        reasoner=mine,
        questions=ECHOED,
        long="Please wait.",
        stopped=ended.wait,
        parts=(mine,),
        began=begun.wait,
        foreign="foreign",
    )
    del sys.modules["users_own"]


@asynccontextmanager
async def extract(upstream: Any) -> AsyncIterator[Subject]:
    subject = _over_an_endpoint(
        upstream,
        lambda below: Extract("extract", below.answer, below),
        lambda question: json.dumps({"word": question.split()[3] if "word" in question else "made up"}),
    )
    subject.questions = {"The word is ladder.": '{"word": "ladder."}', "The word is é😀ß": "é😀ß"}
    subject.params = {"response_format": WORD}
    subject.for_a_word = "The word is rung"
    subject.foreign = "Say something."
    subject.long, subject.long_begins = "The word is wait", False
    yield subject


@asynccontextmanager
async def symbolic(upstream: Any) -> AsyncIterator[Subject]:
    """One worker, so that a second answer waits for the first to end or to be stopped."""
    del upstream
    calc = Symbolic("calc", SymbolicConfig(kind="symbolic", workers=1, time_limit_s=60.0))

    async def begun() -> None:
        """Nothing tells when the worker has the question; at whatever stage it is left, the work has to stop."""
        await asyncio.sleep(0.1)

    yield Subject(
        reasoner=calc,
        questions={"What is 37 * 43?": "1591", "What is 2^100?": "1267650600228229401496703205376"},
        long="Factor x^400 + 7*x^173 + 3*x*y^191 - 1",
        stopped=lambda: _asked(calc, "What is 1 + 1?"),
        parts=(calc,),
        began=begun,
        long_begins=False,
        foreign="Who wrote Hamlet?",
    )


@asynccontextmanager
async def local(upstream: Any) -> AsyncIterator[Subject]:
    """Real weights, the smallest. One slot, so that a second answer waits for the first to end or to be stopped."""
    del upstream
    folder = default_config().models_dir
    assert folder
    config = LocalConfig(kind="local", model="smollm2-135m-instruct", slots=1)
    small = Local("small", Engine(EngineSpec.of(config, folder), RealClock()))
    questions = {"What is the capital of France?": "", "Say é😀\u2028Ω again.": ""}
    story = "Tell me a very long story about a king."
    yield Subject(reasoner=small, questions=questions, long=story, stopped=lambda: _asked(small, "Hi"), parts=(small,))


async def _asked(reasoner: Reasoner, question: str) -> None:
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": 1}
    async for _ in reasoner.answer(Call(id="next", body=body, deadline_s=0.0)):
        pass


Kind = Callable[[Any], AbstractAsyncContextManager[Subject]]
KINDS: dict[str, Kind] = {
    "endpoint": endpoint,
    "extract": extract,
    "function": function,
    "brief": brief,
    "think": think,
    "vote": vote,
    "program": program,
    "code": code,
    "symbolic": symbolic,
}


@pytest.fixture(params=[*KINDS, pytest.param("local", marks=pytest.mark.model)])
async def cold(request: pytest.FixtureRequest, upstream: Any) -> AsyncIterator[Subject]:
    async with {**KINDS, "local": local}[request.param](upstream) as subject:
        yield subject


@pytest.fixture
async def subject(cold: Subject) -> AsyncIterator[Subject]:
    async with cold.running():
        yield cold
