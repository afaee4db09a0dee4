"""What stands before the conformance suites: each kind of reasoner, made ready, with what is known of its answers.

A kind is an async context manager `(upstream, tmp_path) -> Subject` in `KINDS`; to add one, write it and list it there.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from rung.clock import RealClock
from rung.config.schema import EndpointConfig, FunctionConfig
from rung.reasoners.base import Reasoner
from rung.reasoners.brief import Brief
from rung.reasoners.endpoint import Endpoint
from rung.reasoners.function import Function
from rung.reasoners.think import Think
from rung.reasoners.vote import Vote

WARM_S = 60.0


@dataclass
class Subject:
    """A reasoner, not yet started.

    `questions`: questions and what their answers must hold; `foreign`: one that it abstains from, if there is one;
    `long`: one that keeps it at work until it is left, after a first chunk if `long_begins`; `began` and `stopped` wait
    until that work has. `parts` are what its life begins and ends with: itself and those below it.
    """

    reasoner: Reasoner
    questions: dict[str, str]
    long: str
    began: Callable[[], Awaitable[object]]
    stopped: Callable[[], Awaitable[object]]
    parts: tuple[Reasoner, ...]
    long_begins: bool = True
    foreign: str = ""

    async def warm(self) -> None:
        async with asyncio.timeout(WARM_S):
            while self.reasoner.status.state != "warm":  # noqa: ASYNC110 - a status can only be looked at
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        for part in self.parts:
            await part.close()


ECHOED = {
    "What is the first word?": "first",
    "Say yes or no: is é😀\u2028Ω unicode?": "é😀\u2028Ω",
    "And 12 * 12?": "12 * 12",
}


def _over_an_endpoint(upstream: Any, over: Callable[[Endpoint], Reasoner] | None) -> Subject:
    """The endpoint itself, or what is built over it; upstream echoes, and hangs when it is asked to wait."""

    begun = asyncio.Event()

    def waits(received: Any) -> bool:
        return "wait" in received.body["messages"][-1]["content"]

    async def act(received: Any) -> Any:
        if not waits(received):
            return await upstream.echoes()(received)
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
    yield Subject(mine, ECHOED, "Please wait.", begun.wait, ended.wait, parts=(mine,), foreign="foreign")
    del sys.modules["users_own"]


Kind = Callable[[Any], AbstractAsyncContextManager[Subject]]
KINDS: dict[str, Kind] = {"endpoint": endpoint, "function": function, "brief": brief, "think": think, "vote": vote}


@pytest.fixture(params=KINDS)
async def cold(request: pytest.FixtureRequest, upstream: Any) -> AsyncIterator[Subject]:
    async with KINDS[request.param](upstream) as subject:
        yield subject


@pytest.fixture
async def subject(cold: Subject) -> AsyncIterator[Subject]:
    for part in cold.parts:
        await part.start()
    await cold.warm()
    yield cold
    await cold.close()
