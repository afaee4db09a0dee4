import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import pytest

from rung.errors import ReasonerError
from rung.reasoners.base import Abilities, Status, collect
from rung.types import Answer, Call, Chunk, Usage

Piece = str | Chunk | ReasonerError


class Scripted:
    """A rung below that says what it is told to: one script a call, the last one again when they run out."""

    name = "below"
    abilities = Abilities(tools=True, json_schema=True, json_object=True, n=True, logprobs=True, context_tokens=4096)
    status = Status(state="warm", note="as told")

    def __init__(self, *scripts: Iterable[Piece]) -> None:
        self.scripts = [list(script) for script in scripts]
        self.calls: list[Call] = []
        self.closed = 0
        self.gate: asyncio.Event | None = None
        self.busy = asyncio.Semaphore(0)

    async def start(self) -> None:
        raise AssertionError("a composite must not start the rung below")

    async def close(self) -> None:
        raise AssertionError("a composite must not close the rung below")

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        script = self.scripts[min(len(self.calls), len(self.scripts) - 1)]
        self.calls.append(call)
        try:
            for piece in script:
                if isinstance(piece, ReasonerError):
                    raise piece
                yield piece if isinstance(piece, Chunk) else Chunk(text=piece)
                if self.gate:
                    self.busy.release()
                    await self.gate.wait()
            yield Chunk(finish="stop", usage=Usage(prompt_tokens=10, completion_tokens=len(script), usd=0.5))
        finally:
            self.closed += 1


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def calling() -> Callable[..., Call]:
    def make(content: str | Sequence[Any], **body: Any) -> Call:
        return Call(id="r1", body={"messages": [{"role": "user", "content": content}], **body}, deadline_s=60.0)

    return make


@pytest.fixture
def whole() -> Callable[..., Any]:
    async def ask(reasoner: Any, call: Call) -> Answer:
        return collect(reasoner.name, [chunk async for chunk in reasoner.answer(call)])

    return ask
