import asyncio
from math import exp, log
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rung.answers import asked
from rung.types import Answer, Choice, Estimate, Features, Verdict
from rung.verdicts import Known, verify
from rung.verdicts.signals import SIGNALS, signals_of
from rung.verdicts.verifier import _look
from rung.verdicts.weights import FITTED, INDEPENDENCE, PRAISE, WEIGHTS, independence, weights_for
from tests.unit.conftest import FEATURES

SUM = "Joan has 12 shells and finds 30 more. How many shells does she have?"
ESTIMATES = {name: Estimate(right_prob=p) for name, p in {"a": 0.6, "b": 0.6, "weak": 0.3, "calc": 0.9}.items()}


def _features(question: str, max_tokens: int | None = None) -> Features:
    return replace(FEATURES, max_tokens=max_tokens, short=asked(question))


def _says(text: str, reasoner: str = "a", **rest: Any) -> Answer:
    signals = rest.pop("signals", {})
    choice = Choice(text=text, **{"finish": "stop", **rest})
    return Answer(reasoner=reasoner, choices=(choice,), signals=signals)


async def _verdicts(question: str, *answers: Answer, **body: Any) -> list[Verdict]:
    body = {"messages": [{"role": "user", "content": question}], **body}
    return list(await verify(_features(question, body.get("max_tokens")), ESTIMATES, answers, body))


async def _prob(question: str, answer: Answer, **body: Any) -> float:
    return (await _verdicts(question, answer, **body))[0].right_prob


def test_each_signal_has_a_weight_and_each_weight_a_signal() -> None:
    assert SIGNALS.keys() == WEIGHTS.keys() >= PRAISE.keys()


def test_what_was_fitted_moves_known_signals_and_turns_none_around() -> None:
    assert FITTED.common.keys() <= SIGNALS.keys()
    for cell, moved in FITTED.cells.items():
        assert moved.keys() <= {*SIGNALS, "offset"}
        kind, task = cell.split(" ")
        for name, (against, praise) in weights_for(kind, task).by_signal.items():
            assert against * WEIGHTS[name] >= 0
            assert abs(praise) <= abs(against)


def test_who_is_not_known_is_judged_by_the_common_weights() -> None:
    common = {name: weight + FITTED.common.get(name, 0.0) for name, weight in WEIGHTS.items()}
    unknown = weights_for("endpoint", "no such task")
    assert {name: against for name, (against, _) in unknown.by_signal.items()} == common
    assert unknown.offset == 0.0


def test_a_witness_of_another_way_is_worth_more_than_one_of_the_same() -> None:
    assert independence("program", "think", "number") == independence("think", "program", "number")
    assert independence("brief", "think", "number") > independence("brief", "local", "choice") >= 0
    assert independence("", "endpoint", "") == INDEPENDENCE


async def test_program_and_think_that_agree_are_surer_than_either_and_doubted_where_they_differ() -> None:
    known = Known(kinds={"a": "program", "b": "think"})
    body = {"messages": [{"role": "user", "content": SUM}]}

    async def probs(*answers: Answer) -> list[float]:
        return [one.right_prob for one in await verify(_features(SUM), ESTIMATES, answers, body, known)]

    (alone,) = await probs(_says("42", "a"))
    agreed = await probs(_says("42", "a"), _says("42", "b"))
    differ = await probs(_says("42", "a"), _says("18", "b"))
    assert max(differ) < alone < min(agreed)
    assert agreed[0] > 0.75


async def test_trust_scales_what_is_seen_but_nothing_is_never_right() -> None:
    body = {"messages": [{"role": "user", "content": SUM}]}

    async def prob(trust: float, *answers: Answer) -> Verdict:
        known = Known(trust=lambda reasoner, task: trust if (reasoner, task) == ("a", "open") else 1.0)
        return (await verify(_features(SUM), ESTIMATES, answers, body, known))[0]

    good = _says("12 + 30 = 42. She has 42 shells.", signals={"mean_logprob": -0.01, "min_logprob": -0.1})
    without, half, whole = [await prob(trust, good) for trust in (0.0, 0.5, 1.0)]
    assert without.right_prob == pytest.approx(0.6)
    assert without.right_prob < half.right_prob < whole.right_prob
    assert half.signals["trust"] == 0.5
    assert "trust" not in whole.signals
    assert await prob(1.0, good) == (await verify(_features(SUM), ESTIMATES, [good], body))[0]
    other = _says("42", "b")
    doubted, believed = await prob(0.5, good, other), await prob(1.0, good, other)
    assert doubted.right_prob < believed.right_prob
    assert (await prob(0.0, _says(""))).right_prob < 0.01


async def test_a_judges_word_moves_by_its_log_odds_as_far_as_it_is_trusted() -> None:
    body = {"messages": [{"role": "user", "content": SUM}]}

    async def moved(word: float, trust: float) -> float:
        known = Known(trust=lambda reasoner, task: trust)
        said = [_says("42"), _says("42", signals={"judge": word})]
        (without,), (judged,) = [await verify(_features(SUM), ESTIMATES, [one], body, known) for one in said]
        assert judged.signals["judge"] == word
        log_odds = [log(p / (1 - p)) for p in (without.right_prob, judged.right_prob)]
        return log_odds[1] - log_odds[0]

    for word in (-1.4, 0.8):
        assert await moved(word, 1.0) == pytest.approx(word)
        assert await moved(word, 0.5) == pytest.approx(word / 2)
    empty = _says("", signals={"judge": 2.0})
    assert (await verify(_features(SUM), ESTIMATES, [empty], body))[0].right_prob < 0.01


async def test_the_kind_of_a_reasoner_chooses_its_weights() -> None:
    cell = next(cell for cell, moved in FITTED.cells.items() if moved.get("offset") and cell.startswith("brief "))
    answer = _says("42", signals={"mean_logprob": -0.2, "min_logprob": -0.5, "first_token_prob": 0.9})
    features = msgspec.structs.replace(_features(SUM), task=cell.split(" ")[1])
    body = {"messages": [{"role": "user", "content": SUM}]}
    (told,) = await verify(features, ESTIMATES, [answer], body, Known(kinds={"a": "brief"}))
    (untold,) = await verify(features, ESTIMATES, [answer], body)
    assert told.signals == untold.signals
    assert told.right_prob != untold.right_prob


async def test_without_signals_the_prior_stands() -> None:
    (verdict,) = await _verdicts("Tell me about whales.", _says("Whales are large."))
    assert verdict == Verdict(right_prob=0.6, signals={})


async def test_an_unknown_reasoner_is_even_odds() -> None:
    assert await _prob("Tell me about whales.", _says("Whales are large.", "stranger")) == 0.5


@pytest.mark.parametrize(
    ("answer", "signal"),
    [
        (_says(""), "empty"),
        (_says(" \n"), "empty"),
        (_says("She has 12 and", finish="length"), "cut_off"),
        (_says("I'm sorry, but I can't help with that."), "refusal"),
        (_says("As an AI language model, I have no shells. 42"), "refusal"),
        (_says("Many.", finish="content_filter"), "refusal"),
        (_says("A lot of shells."), "no_answer"),
        (_says("It is 42 or so, but I don't know."), "unsure"),
        (_says("She has 42 shells and then she goes home. " * 12), "repetition"),
        (_says("12 + 30 = 52. She has 52 shells."), "wrong_arithmetic"),
        (_says("She has -3 shells."), "implausible"),
        (_says("She has 2.5 shells."), "implausible"),
    ],
)
async def test_what_speaks_against_an_answer(answer: Answer, signal: str) -> None:
    (verdict,) = await _verdicts(SUM, answer)
    assert verdict.signals[signal] > 0
    assert verdict.right_prob < 0.45


@pytest.mark.parametrize(
    "text", ["As an air mass rises, it cools.", "As an artificial sweetener it is safe.", "Sorry, it is 42."]
)
async def test_what_begins_like_a_refusal_is_none(text: str) -> None:
    (verdict,) = await _verdicts("Tell me about it.", _says(text))
    assert "refusal" not in verdict.signals


async def test_nothing_is_never_right() -> None:
    assert await _prob(SUM, _says("", "calc")) < 0.01


async def test_what_the_working_leaves_out_speaks_against_it() -> None:
    used = await _prob(SUM, _says("12 + 30 = 42. She has 42 shells."))
    unused = await _prob(SUM, _says("12 + 31 = 43. She has 43 shells."))
    assert unused < 0.5 < used


async def test_a_broken_number_is_no_surprise_where_broken_numbers_are_given() -> None:
    question = "Ann picked 0.5 of a bushel, Bob 0.25. How many bushels did they pick?"
    assert await _prob(question, _says("0.75")) == 0.6


async def test_what_speaks_for_an_answer_moves_little() -> None:
    (verdict,) = await _verdicts(SUM, _says("First 12 + 30 = 42. Then 42 + 0 = 42. So she has 42 shells."))
    assert verdict.signals == {"wrong_arithmetic": 0.0, "checked_arithmetic": 1.0, "concludes": 1.0}
    assert 0.6 < verdict.right_prob < 0.8


async def test_a_cut_that_the_user_asked_for_weighs_less() -> None:
    cut = _says("Whales are large", finish="length")
    assert await _prob("Tell me about whales.", cut) < await _prob("Tell me about whales.", cut, max_tokens=4) < 0.6


async def test_form_asked_for() -> None:
    form = {"response_format": {"type": "json_object"}}
    assert await _prob("Give JSON.", _says("{}"), **form) > 0.6
    assert await _prob("Give JSON.", _says("Sure! {}"), **form) < 0.02


async def test_what_cannot_be_checked_is_no_verdict() -> None:
    form = {"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "http://example.com/s"}}}}
    assert await _prob("Give JSON.", _says("{}"), **form) == 0.6


async def test_a_label_that_is_not_offered_is_no_answer() -> None:
    question = "Which intent fits best: lost_card, top_up, pin_change?\nMessage: where is my card"
    assert await _prob(question, _says("lost_card")) == 0.6
    assert await _prob(question, _says("card_gone")) < 0.1


async def test_a_value_that_the_text_does_not_have_is_made_up() -> None:
    receipt = "SHOP 24\nDATE 12/05/2018\nTOTAL 3.00\n\n"
    date, total = f"{receipt}Find the date on this receipt.", f"{receipt}What is the total on this receipt?"
    assert await _prob(date, _says("12/05/2018")) > 0.6
    assert await _prob(date, _says("The date is 12/06/2018")) < 0.2
    assert await _prob(total, _says("RM 3")) > 0.6
    assert await _prob(total, _says("4.00")) < 0.2


async def test_agreement_within_a_vote() -> None:
    def vote(share: float, samples: float) -> Answer:
        return _says("42", signals={"agreement": share, "samples": samples})

    probs = [await _prob(SUM, vote(share, n)) for share, n in ((1 / 3, 3), (2 / 3, 3), (1.0, 2))]
    assert probs[0] < probs[1] == 0.6 < probs[2]
    assert await _prob(SUM, vote(1.0, 1)) == 0.6, "one sample agrees with nobody"


async def test_values_that_were_not_in_the_text_speak_against_those_that_were() -> None:
    probs = [await _prob("What is it?", _says("{}", signals={"found": share})) for share in (0.2, 0.5, 1.0)]
    assert probs[0] < probs[1] == 0.6 < probs[2]


async def test_token_probabilities_of_a_short_answer() -> None:
    sure = _says("42", logprobs=({"token": "42", "logprob": -0.01},))
    torn = _says("42", logprobs=({"token": "42", "logprob": -1.5},))
    assert await _prob(SUM, torn) < 0.6 < await _prob(SUM, sure)
    assert await _prob(SUM, _says("42", signals={"first_token_prob": exp(-1.5), "min_logprob": -1.5})) == pytest.approx(
        await _prob(SUM, torn)
    )


@settings(deadline=None)
@given(
    st.text(max_size=200),
    st.text(max_size=200),
    st.sampled_from(["", "stop", "length", "tool_calls", "content_filter"]),
    st.lists(st.sampled_from([None, 0, -1.5, -9999.0, float("-inf"), float("nan")]), max_size=3),
    st.sampled_from([SUM, "Is ice cold? Answer yes or no.", "Which?\nA) x\nB) y", "Sing.", ""]),
)
def test_whatever_is_said_the_verdict_is_a_chance(
    text: str, reasoning: str, finish: str, logprobs: list[float | None], question: str
) -> None:
    told = tuple({"token": "x", "logprob": logprob} for logprob in logprobs)
    answer = _says(text, reasoning=reasoning, finish=finish, logprobs=told)
    for verdict in asyncio.run(_verdicts(question, answer, _says("12", "b"), _says("B", "weak"))):
        assert 0 < verdict.right_prob < 1


async def test_two_that_agree_rise_and_two_that_differ_fall() -> None:
    agree = await _verdicts(SUM, _says("42"), _says("The answer is 42.0 shells.", "b"))
    differ = await _verdicts(SUM, _says("42"), _says("The answer is 43.", "b"))
    assert all(v.right_prob > 0.7 for v in agree)
    assert all(v.right_prob < 0.5 for v in differ)


async def test_a_weak_witness_moves_a_strong_answer_little() -> None:
    strong, _ = await _verdicts(SUM, _says("42"), _says("43", "weak"))
    assert 0.5 < strong.right_prob < 0.6


async def test_two_wrong_poles_are_the_same_pole() -> None:
    question = "Is ice warmer than steam? Answer yes or no."
    number = await _verdicts(SUM, _says("42"), _says("42", "b"))
    pole = await _verdicts(question, _says("no"), _says("No.", "b"))
    assert pole[0].right_prob < number[0].right_prob


async def test_the_exact_stands_and_judges_the_others() -> None:
    exact = _says("42", "calc", signals={"exact": 1.0})
    calc, wrong = await _verdicts(SUM, exact, _says("43"))
    assert calc.right_prob >= 0.995
    assert wrong.right_prob < 0.25
    assert (await _verdicts(SUM, exact, _says("42")))[1].right_prob > 0.85


async def test_reasoning_kept_apart_is_checked_too() -> None:
    assert await _prob(SUM, _says("52", reasoning="12 + 30 = 52")) < 0.3


@pytest.mark.parametrize(
    ("signals", "value"),
    [
        ({}, None),
        ({"tests": 0.0, "tests_passed": 0.0, "tests_given": 0.0}, None),
        ({"tests": 2.0, "tests_passed": 1.0, "tests_given": 2.0}, 1.0),
        ({"tests": 2.0, "tests_passed": 0.5, "tests_given": 2.0}, -1.0),
        ({"tests": 3.0, "tests_passed": 1.0, "tests_given": 0.0}, 0.5),
        ({"tests": 4.0, "tests_passed": 0.25, "tests_given": 0.0}, -0.25),
    ],
)
async def test_tests_that_were_run_count(signals: dict[str, float], value: float | None) -> None:
    (verdict,) = await _verdicts("Write a function.", _says("```python\n```", signals=signals))
    assert verdict.signals.get("passed_tests") == value


async def test_a_program_that_leaves_numbers_out_or_was_mended_is_trusted_less() -> None:
    clean, *others = [
        (await _verdicts(SUM, _says("42", signals={"unused_numbers": unused, "mended": mended})))[0]
        for unused, mended in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    ]
    assert not {"left_out", "repaired"} & clean.signals.keys()
    assert [set(verdict.signals) & {"left_out", "repaired"} for verdict in others] == [{"left_out"}, {"repaired"}]
    assert all(verdict.right_prob < clean.right_prob for verdict in others)


async def test_a_programs_tokens_say_more_than_those_of_prose() -> None:
    def said(mean_logprob: float, **signals: float) -> Answer:
        return _says("42", reasoning="x" * 80, signals={"mean_logprob": mean_logprob, **signals})

    prose = [(await _verdicts(SUM, said(mean)))[0].right_prob for mean in (-0.01, -0.3)]
    program = [(await _verdicts(SUM, said(mean, unused_numbers=0.0)))[0].right_prob for mean in (-0.01, -0.3)]
    assert program[0] > prose[0] > prose[1] > program[1]


TEXTS = [
    "",
    "42",
    "She has 2.5 shells.",
    "12 + 30 = 42. 42 - 2 = 40. So 40.",
    "12 plus 30 equals 43",
    "lost_card",
    "I don't know, I'm sorry.",
    "Sorry, I can't help with that.",
    "{}",
    "```python\ndef f():\n    return 1\n```",
    "She goes home again and again. " * 10,
]
RECEIPT = "SHOP 24\nDATE 12/05/2018\nTOTAL 3.00\n\nWhat is the total on this receipt?"
QUESTIONS = [SUM, "Sing.", RECEIPT, "Is ice cold? Answer yes or no.", "Write a Python function f.\nassert f() == 1"]
TOLD = ["mean_logprob", "min_logprob", "first_token_prob", "agreement", "samples", "found", "tests", "tests_passed"]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@given(
    choice=st.builds(
        Choice,
        text=st.sampled_from(TEXTS),
        reasoning=st.sampled_from(TEXTS[:5]),
        finish=st.sampled_from(["stop", "length", "content_filter"]),
        logprobs=st.sampled_from([(), ({"token": "x", "logprob": -1.5},)]),
        tool_calls=st.sampled_from([(), ({"function": {"name": "f", "arguments": "{}"}},)]),
    ),
    signals=st.dictionaries(
        st.sampled_from([*TOLD, "tests_given", "unused_numbers", "mended"]), st.sampled_from([0, 0.5, 2])
    ),
    question=st.sampled_from(QUESTIONS),
    task=st.sampled_from(["open", "code"]),
    more=st.sampled_from(
        [{}, {"response_format": {"type": "json_object"}}, {"tools": [TOOL], "tool_choice": "required"}]
    ),
)
def test_no_signal_that_is_not_asked_would_say_anything(
    choice: Choice, signals: dict[str, float], question: str, task: str, more: dict[str, Any]
) -> None:
    features = msgspec.structs.replace(_features(question), task=task)
    answer = Answer(reasoner="a", choices=(choice,), signals=signals)
    seen = _look(features, answer, {"messages": [{"role": "user", "content": question}], **more})
    said = [(name, value) for name, signal in SIGNALS.items() if (value := signal(seen)) is not None]
    assert list(signals_of(seen).items()) == said


@pytest.mark.parametrize("by", [-1e308, -800.0, 800.0, 1e308])
async def test_evidence_beyond_all_bounds_is_no_error(by: float) -> None:
    prob = await _prob(SUM, _says("42", signals={"judge": by}))
    assert 0 <= prob <= 0.995


@pytest.mark.parametrize("logprob", [-(10**400), float("nan"), float("-inf"), "-1", None])
async def test_what_is_no_log_probability_says_nothing(logprob: Any) -> None:
    (verdict,) = await _verdicts(SUM, _says("42", logprobs=({"token": "42", "logprob": logprob},)))
    assert not verdict.signals.keys() & {"first_token", "mean_token", "least_token"}
