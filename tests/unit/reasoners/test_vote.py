import asyncio
from contextlib import aclosing

import pytest

from rung.errors import Abstained, TimedOut, Unavailable
from rung.reasoners.vote import TEMPERATURE, Vote
from rung.types import Chunk, Usage

SUM = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"


def sure(text, logprob):
    return [Chunk(text=text, signals={"mean_logprob": logprob})]


async def test_stops_once_the_majority_is_decided(scripted, calling, whole):
    below = scripted(["It is 7."], ["The answer is 7.0"], ["never asked"])
    answer = await whole(Vote("vote", below.answer, below), calling(SUM))
    assert len(below.calls) == 2
    assert answer.signals == {"agreement": 1.0, "samples": 2.0}
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.usd) == (20, 2, 1.0)
    assert answer.choices[0].finish == "stop"


async def test_a_third_sample_settles_a_disagreement(scripted, calling, whole):
    below = scripted(["It is 8."], ["It is 7."], ["So 7"])
    answer = await whole(Vote("vote", below.answer, below), calling(SUM))
    assert len(below.calls) == 3
    assert answer.text in ("It is 7.", "So 7")
    assert answer.signals["agreement"] == pytest.approx(2 / 3)


async def test_the_surest_of_the_agreeing_samples_speaks(scripted, calling, whole):
    below = scripted(sure("7 perhaps", -2.0), sure("It is 7.", -0.1))
    answer = await whole(Vote("vote", below.answer, below), calling(SUM))
    assert answer.text == "It is 7."
    assert answer.signals["mean_logprob"] == -0.1


async def test_samples_differ_by_their_seeds_and_come_again_for_the_same_call(scripted, calling, whole):
    below = scripted(["7"], ["8"], ["9"], ["7"], ["8"], ["9"])
    for _ in range(2):
        await whole(Vote("vote", below.answer, below), calling(SUM, temperature=0))
    seeds = [call.body["seed"] for call in below.calls]
    assert len(set(seeds[:3])) == 3
    assert seeds[:3] == seeds[3:]
    assert [call.body["temperature"] for call in below.calls[:3]] == [0, TEMPERATURE, TEMPERATURE]


async def test_seeds_stay_in_their_range(scripted, calling, whole):
    below = scripted(["7"], ["8"], ["9"])
    await whole(Vote("vote", below.answer, below), calling(SUM, seed=2**63 - 1))
    assert [call.body["seed"] for call in below.calls][:2] == [2**63 - 1, -(2**63)]


async def test_the_users_seed_and_temperature_are_heeded(scripted, calling, whole):
    below = scripted(["7"])
    await whole(Vote("vote", below.answer, below), calling(SUM))
    assert "temperature" not in below.calls[0].body, "the rung below has a temperature of its own"
    below.calls.clear()
    await whole(Vote("vote", below.answer, below), calling(SUM, temperature=0.3, seed=40))
    assert [(call.body["seed"], call.body["temperature"]) for call in below.calls] == [(40, 0.3), (41, 0.3)]


async def test_no_vote_on_a_question_without_a_short_answer(scripted, calling, whole):
    below = scripted(["Once ", "upon"])
    call = calling("Write a poem about ladders.")
    answer = await whole(Vote("vote", below.answer, below), call)
    assert below.calls == [call]
    assert (answer.text, dict(answer.signals)) == ("Once upon", {})


async def test_samples_without_an_answer_agree_on_nothing(scripted, calling, whole):
    below = scripted(["no idea"], ["who knows"], ["ask Tom"])
    answer = await whole(Vote("vote", below.answer, below), calling(SUM))
    assert answer.text
    assert "agreement" not in answer.signals


async def test_a_failed_sample_costs_only_itself(scripted, calling, whole):
    below = scripted(["It is 7."], [Unavailable("gone")], ["7 it is."])
    answer = await whole(Vote("vote", below.answer, below), calling(SUM))
    assert answer.signals == {"agreement": 1.0, "samples": 2.0}


async def test_a_sample_that_hangs_may_be_given_up_where_the_vote_can_do_without(scripted, calling, whole):
    below = scripted(["It is 7."], ["It is 8."], ["7 it is."])
    await whole(Vote("vote", below.answer, below), calling(SUM))
    assert [call.elsewhere for call in below.calls] == [True, True, True]
    below = scripted([TimedOut("silent")], [TimedOut("silent")], ["7 it is."])
    await whole(Vote("vote", below.answer, below), calling(SUM))
    assert [call.elsewhere for call in below.calls] == [True, True, False]


async def test_fails_when_every_sample_does(scripted, calling, whole):
    below = scripted([Abstained("not mine")])
    with pytest.raises(Abstained, match="not mine"):
        await whole(Vote("vote", below.answer, below), calling(SUM))
    assert below.closed == len(below.calls)


async def test_leaving_early_stops_every_sample(scripted, calling):
    below = scripted(["It is ", "7."])
    below.gate = asyncio.Event()
    vote = Vote("vote", below.answer, below)

    async def ask():
        async with aclosing(vote.answer(calling(SUM))) as chunks:
            async for _ in chunks:
                pass

    task = asyncio.create_task(ask())
    await below.busy.acquire()
    await below.busy.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert below.closed == 2


async def test_what_failed_samples_cost_is_told(scripted, calling, whole):
    lost = Unavailable("gone", usage=Usage(completion_tokens=7, usd=0.25))
    below = scripted(["It is 7."], [lost], ["7 it is."])
    assert (await whole(Vote("vote", below.answer, below), calling(SUM))).usage.usd == 1.25
