import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from rung.config.schema import ProgramConfig
from rung.errors import Abstained, Unavailable
from rung.reasoners.program import Program
from rung.reasoners.program.asking import EXAMPLES, MAX_TOKENS
from rung.types import Chunk, Usage

APPLES = "Tom has 3 apples and buys 4 bags of 5. How many apples does Tom have?"
RIGHT = "bags = 4 * 5\nanswer = 3 + bags\n"
WRONG = "answer = 3 - 4 * 5\n"


@pytest.fixture
async def made(scripted: Any) -> AsyncIterator[Any]:
    """Makes a Program over a rung that says what it is told to."""
    programs = []

    def make(*scripts: Any, **config: Any) -> tuple[Program, Any]:
        below = scripted(*scripts)
        program = Program("program", below.answer, below, ProgramConfig(kind="program", of="below", **config))
        programs.append(program)
        return program, below

    yield make
    for program in programs:
        await program.close()


async def test_what_the_program_computes_is_the_answer(made, calling, whole):
    program, below = made([Chunk(text=RIGHT, signals={"mean_logprob": -0.2})])
    answer = await whole(program, calling(APPLES))
    assert answer.text == "23"
    assert answer.choices[0].reasoning == f"```python\n{RIGHT}```"
    assert answer.choices[0].finish == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 1)
    assert answer.signals == {"mean_logprob": -0.2, "unused_numbers": 0.0, "mended": 0.0}
    assert len(below.calls) == 1


async def test_the_conversation_is_kept_and_the_examples_come_first(made, calling, whole):
    program, below = made([RIGHT])
    turns = [
        {"role": "system", "content": "Bags hold 5."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": APPLES},
    ]
    await whole(program, calling("", messages=turns, max_tokens=4000, stop=["\n"], temperature=0.5, logprobs=True))
    body = below.calls[0].body
    system, *rest = body["messages"]
    assert system["content"].endswith("\n\nBags hold 5.")
    assert [turn["content"] for turn in rest[: 2 * len(EXAMPLES)]] == [text for pair in EXAMPLES for text in pair]
    assert rest[2 * len(EXAMPLES) :] == turns[1:]
    assert body["max_tokens"] == MAX_TOKENS
    assert body["temperature"] == 0.5
    assert not {"stop", "logprobs", "response_format"} & body.keys()


async def test_the_users_own_bound_is_heeded(made, calling, whole):
    program, below = made([RIGHT])
    await whole(program, calling(APPLES, max_tokens=100))
    assert below.calls[0].body["max_tokens"] == 100


async def test_a_number_that_goes_unused_is_told_the_verdict(made, calling, whole):
    program, _ = made(["answer = 3 + 4\n"])
    answer = await whole(program, calling(APPLES))
    assert (answer.text, answer.signals["unused_numbers"]) == ("7", 1.0)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (WRONG, "negative"),
        ("answer = 1 / 0", "division by zero"),
        ("import os\nanswer = 3", "`import` is not allowed"),
        ("I think it is 23.", "`answer` is never set"),
        ("answer = 7 * 9", "none of the numbers"),
    ],
)
async def test_a_program_is_mended_once(made, calling, whole, first, said):
    program, below = made([first], [RIGHT])
    answer = await whole(program, calling(APPLES))
    assert answer.text == "23"
    assert answer.signals["mended"] == 1.0
    assert answer.usage.prompt_tokens == 20
    *_, asked, written, mend = below.calls[1].body["messages"]
    assert (asked["content"], written["content"]) == (APPLES, first)
    assert said in mend["content"]


async def test_it_abstains_from_a_program_that_stays_wrong(made, calling, whole):
    program, below = made([WRONG])
    with pytest.raises(Abstained) as raised:
        await whole(program, calling(APPLES))
    assert len(below.calls) == 2
    assert "apples" not in raised.value.message


async def test_what_was_cut_off_is_not_mended(made, calling, whole):
    _, below = made([])

    async def cut_off(call: Any) -> AsyncIterator[Chunk]:
        below.calls.append(call)
        yield Chunk(text="bags = 4 *", finish="length", usage=Usage())

    program = Program("program", cut_off, below, ProgramConfig(kind="program", of="below"))
    with pytest.raises(Abstained):
        await whole(program, calling(APPLES, max_tokens=3))
    assert len(below.calls) == 1
    await program.close()


async def test_two_samples_must_agree(made, calling, whole):
    program, below = made([RIGHT], ["answer = 23.0 * 3 / 3\n"], samples=2)
    answer = await whole(program, calling(APPLES, seed=7))
    assert answer.text == "23"
    assert (answer.signals["agreement"], answer.signals["samples"]) == (1.0, 2.0)
    assert [(call.body.get("seed"), call.body.get("temperature")) for call in below.calls] == [(7, None), (8, 0.7)]
    program, below = made([RIGHT], ["answer = 3 + 4 + 5\n"], samples=2)
    with pytest.raises(Abstained, match="do not agree"):
        await whole(program, calling(APPLES))


@pytest.mark.parametrize(
    "question",
    [
        "Write a poem about 3 apples and 4 pears.",
        "Is 3 more than 4? Answer yes or no.",
        "What is the total amount on this receipt?\n\nTEA 3.00\nRYE 4.00\nTOTAL 7.00\nTHANK YOU",
        "",
    ],
)
async def test_other_questions_are_not_its_own(made, calling, whole, question):
    program, below = made([RIGHT])
    with pytest.raises(Abstained):
        await whole(program, calling(question))
    assert not below.calls


async def test_an_error_below_is_passed_on(made, calling, whole):
    program, _ = made([Unavailable("gone")])
    with pytest.raises(Unavailable, match="gone"):
        await whole(program, calling(APPLES))


async def test_leaving_it_leaves_the_rung_below(made, calling):
    program, below = made(["bags = 4 * 5\n", "answer = 3 + bags\n"])
    below.gate = asyncio.Event()

    async def ask() -> None:
        async with aclosing(program.answer(calling(APPLES))) as chunks:
            async for _ in chunks:
                pass

    task = asyncio.ensure_future(ask())
    await below.busy.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert below.closed == 1


def test_what_it_can(scripted):
    below = scripted(["x"])
    abilities = Program("program", below.answer, below, ProgramConfig(kind="program", of="below")).abilities
    assert abilities.short_only
    assert not abilities.general
    assert abilities.tasks == {"word_problem", "maths"}
    for ability in ("tools", "json_schema", "n", "logprobs"):
        assert not getattr(abilities, ability)
    assert abilities.context_tokens == below.abilities.context_tokens
