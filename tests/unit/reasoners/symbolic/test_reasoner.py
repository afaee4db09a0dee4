import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from rung.config.schema import SymbolicConfig
from rung.errors import Abstained
from rung.reasoners.base import collect
from rung.reasoners.symbolic import Symbolic
from rung.types import Answer, Call


def call(*contents: Any, role: str = "user") -> Call:
    roles = ["user", "assistant"] * len(contents)
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    messages[-1]["role"] = role
    return Call(id="c", body={"messages": messages}, deadline_s=0.0)


@pytest.fixture(scope="module")
def make() -> Callable[..., Symbolic]:
    return lambda **options: Symbolic("calc", SymbolicConfig(kind="symbolic", **options))


@pytest.fixture
async def calc(make: Callable[..., Symbolic]) -> AsyncIterator[Symbolic]:
    reasoner = make(time_limit_s=1.0)
    await reasoner.start()
    yield reasoner
    await reasoner.close()


async def answer(calc: Symbolic, asked: Call) -> Answer:
    return collect("calc", [chunk async for chunk in calc.answer(asked)])


async def test_its_life(make: Callable[..., Symbolic]) -> None:
    calc = make(time_limit_s=30.0)
    assert calc.status.state == "cold"
    await calc.start()
    assert calc.status.state == "loading"
    first = await answer(calc, call("What is 37 * 43?"))
    assert (first.text, first.choices[0].finish, calc.status.state) == ("1591", "stop", "warm")
    assert first.choices[0].reasoning == "37 * 43 = 1591"
    assert (first.usage.completion_tokens, first.usage.reasoning_tokens) == (5, 4)
    parts = [{"type": "text", "text": "Solve 2*x = 8"}, {"type": "text", "text": "for x."}]
    assert (await answer(calc, call(parts))).text == "4"
    assert (await answer(calc, call("Hello", "Hi!", "What is 2 + 3?"))).text == "5"
    for foreign in (
        call("Who wrote Hamlet?"),
        call(""),
        call([{"type": "image_url", "image_url": {"url": "data:"}}]),
        call("What is 2 + 3?", role="assistant"),
        call("Let x = 3.", "Good.", "What is 2x + 3x?"),
        call("7" * 5000),
    ):
        with pytest.raises(Abstained):
            await answer(calc, foreign)
    job = asyncio.ensure_future(answer(calc, call("Factor x^400 + 7*x^173 + 3*x*y^191 - 1")))
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert (await answer(calc, call("What is 1 + 1?"))).text == "2"
    await calc.close()


async def test_steps_come_apart_from_the_answer_unless_they_are_asked_for(calc: Symbolic) -> None:
    asked = call("Solve 2x + 3 = 9. Show your work.")
    shown = await answer(calc, asked)
    assert shown.text.endswith("x = 3\nAnswer: 3")
    assert not shown.choices[0].reasoning
    for bound in ("max_tokens", "max_completion_tokens"):
        short = await answer(calc, msgspec.structs.replace(asked, body={**asked.body, bound: 8}))
        assert (short.text, short.choices[0].reasoning) == ("3", "")


async def test_instructions_that_it_cannot_follow_are_left_to_others(calc: Symbolic) -> None:
    asked = {"role": "user", "content": "What is 10 + 10?"}
    helpful = {"role": "system", "content": "You are a helpful assistant. Be concise."}
    assert (await answer(calc, Call(id="c", body={"messages": [helpful, asked]}, deadline_s=0.0))).text == "20"
    for said in ("All numbers are hexadecimal.", 'Reply in JSON: {"answer": ...}', "Give hints, never the answer."):
        body = {"messages": [{"role": "system", "content": said}, asked]}
        with pytest.raises(Abstained, match="instructions"):
            await answer(calc, Call(id="c", body=body, deadline_s=0.0))


async def test_what_takes_too_long_is_declined(calc: Symbolic) -> None:
    with pytest.raises(Abstained, match="1 s"):
        await answer(calc, call("Factor x^400 + 7*x^173 + 3*x*y^191 - 1"))
