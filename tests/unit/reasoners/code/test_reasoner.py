import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rung.config.schema import CodeConfig
from rung.errors import Abstained, Unable
from rung.reasoners.code import Code
from rung.sandbox import Isolation, Jail
from rung.types import Chunk

QUESTION = "Write a function that adds one to a number."
GIVEN = f"{QUESTION}\n\nassert successor(1) == 2\nassert successor(-1) == 0"
RIGHT = "```python\ndef successor(x):\n    return x + 1\n```"
WRONG = "```python\ndef successor(x):\n    return x - 1\n```"
TESTS = "assert successor(1) == 2\nassert successor(5) == 6"


@pytest.fixture
async def isolation() -> Isolation:
    return await Jail().isolation()


@pytest.fixture
async def made(scripted: Any, isolation: Isolation) -> AsyncIterator[Any]:
    """Makes a Code over a rung that says what it is told to."""
    codes = []

    def make(*scripts: Any, **config: Any) -> tuple[Code, Any]:
        below = scripted(*scripts)
        config = {"time_limit_s": 20.0, "allow_unisolated": not isolation.whole, **config}
        codes.append(Code("code", below.answer, below, CodeConfig(kind="code", of="below", **config)))
        return codes[-1], below

    yield make
    for code in codes:
        await code.close()


async def test_code_that_passes_the_tests_given_is_the_answer(made, calling, whole):
    code, below = made([Chunk(text=RIGHT, signals={"mean_logprob": -0.2})])
    answer = await whole(code, calling(GIVEN, temperature=0.5, stop=["x"]))
    assert answer.text == RIGHT
    assert answer.choices[0].finish == "stop"
    assert "passed: assert successor(1) == 2" in answer.choices[0].reasoning
    assert answer.signals == {
        "mean_logprob": -0.2,
        "tests": 2.0,
        "tests_passed": 1.0,
        "tests_given": 2.0,
        "mended": 0.0,
    }
    assert len(below.calls) == 1
    assert below.calls[0].body["messages"][0]["content"].startswith(GIVEN)
    assert below.calls[0].body["temperature"] == 0.5
    assert "stop" not in below.calls[0].body


async def test_code_that_fails_is_mended_once(made, calling, whole):
    code, below = made([WRONG], [RIGHT])
    answer = await whole(code, calling(GIVEN))
    assert answer.text == RIGHT
    assert answer.signals["mended"] == 1.0
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (20, 2)
    *_, written, mend = below.calls[1].body["messages"]
    assert written["content"] == WRONG
    assert "failed, AssertionError: successor(1) gave 0: assert successor(1) == 2" in mend["content"]


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        (WRONG, "gave 0"),
        ("I cannot.", "no Python"),
        ("```python\nimport nothing_such\n```", "ModuleNotFoundError"),
    ],
)
async def test_it_abstains_from_what_stays_wrong(made, calling, whole, script, seen):
    code, below = made([script])
    with pytest.raises(Abstained) as raised:
        await whole(code, calling(GIVEN))
    assert len(below.calls) == 2
    assert seen in below.calls[1].body["messages"][-1]["content"]
    assert "successor" not in raised.value.message


async def test_where_no_tests_are_given_the_model_writes_some(made, calling, whole):
    code, below = made([RIGHT], [TESTS])
    answer = await whole(code, calling(QUESTION))
    assert answer.text == RIGHT
    assert (answer.signals["tests"], answer.signals["tests_given"], answer.signals["tests_passed"]) == (2.0, 0.0, 1.0)
    assert "of its own making" in answer.choices[0].reasoning
    assert answer.usage.prompt_tokens == 20
    assert "assert successor(...)" in below.calls[1].body["messages"][-1]["content"]


async def test_code_that_fails_tests_of_its_own_making_is_given_with_the_evidence(made, calling, whole):
    code, below = made([RIGHT], ["assert successor(1) == 3\nassert successor(2) == 3"], [WRONG])
    answer = await whole(code, calling(QUESTION))
    assert answer.text == RIGHT, "the better of two"
    assert answer.signals["tests_passed"] == 0.5
    assert "failed, AssertionError: successor(1) gave 2" in answer.choices[0].reasoning
    assert answer.usage.prompt_tokens == 30
    assert len(below.calls) == 3


async def test_no_tests_at_all_are_told_as_such(made, calling, whole):
    code, _ = made([RIGHT], ["I know none."])
    answer = await whole(code, calling(QUESTION))
    assert (answer.signals["tests"], answer.signals["tests_passed"]) == (0.0, 0.0)
    assert "there was no test" in answer.choices[0].reasoning


async def test_a_test_of_its_own_that_does_not_call_what_it_wrote_is_none(made, calling, whole):
    code, _ = made([RIGHT], ["assert True\nassert 1 + 1 == 2\nassert solution(1) == 2\nassert successor(1) == 2"])
    answer = await whole(code, calling(QUESTION))
    assert (answer.signals["tests"], answer.signals["tests_passed"]) == (1.0, 1.0)


async def test_without_a_test_the_code_is_run_once(made, calling, whole, monkeypatch):
    runs = []
    run = Jail.run

    async def counted(jail, code, tests):
        runs.append(code)
        return await run(jail, code, tests)

    code, _ = made([RIGHT], ["assert True"], [RIGHT], ["assert True"])
    await whole(code, calling(QUESTION))  # asks the system once what it allows
    monkeypatch.setattr(Jail, "run", counted)
    answer = await whole(code, calling(QUESTION))
    assert (len(runs), answer.signals["tests"]) == (1, 0.0)


async def test_code_that_defines_nothing_is_not_tested(made, calling, whole):
    code, below = made(["```python\nx = 1\n```"])
    answer = await whole(code, calling(QUESTION))
    assert answer.signals["tests"] == 0.0
    assert len(below.calls) == 1


async def test_other_requests_are_not_its_own(made, calling, whole):
    code, below = made([RIGHT])
    for question in ("Write a poem.", "Write a function in Rust.", ""):
        with pytest.raises(Abstained):
            await whole(code, calling(question))
    assert not below.calls


async def test_where_code_cannot_be_isolated_it_refuses_before_it_asks(made, calling, whole, monkeypatch):
    async def open_(self: Jail) -> Isolation:
        return Isolation(namespaces="not allowed")

    monkeypatch.setattr(Jail, "isolation", open_)
    code, below = made([RIGHT], allow_unisolated=False)
    assert code.status.state == "warm"
    with pytest.raises(Unable, match="allow_unisolated"):
        await whole(code, calling(GIVEN))
    assert not below.calls
    assert code.status.state == "down"
    assert "namespaces: not allowed" in code.status.note
    code, below = made([RIGHT], allow_unisolated=True)
    await code.start()
    assert await code._probe
    assert code.status.state == "warm"


async def test_leaving_it_leaves_the_rung_below(made, calling):
    code, below = made(["```python\n", "x = 1\n```"])
    below.gate = asyncio.Event()

    async def ask() -> None:
        async for _ in code.answer(calling(GIVEN)):
            pass

    task = asyncio.ensure_future(ask())
    await below.busy.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert below.closed == 1
