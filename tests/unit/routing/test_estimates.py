import msgspec
import pytest

from rung.odds import logit
from rung.routing import Profile, Speed, at_speed, estimate, features_of, ordinary
from rung.routing.strengths import QWEN_1_5B, SEEN
from rung.types import Expected

SPEED = Speed(wait_s=1.0, first_s=0.1, prompt_s_per_token=0.01, completion_s_per_token=0.03)


def features(text, **body):
    return features_of({"messages": [{"role": "user", "content": text}], **body})


def test_what_was_seen_of_a_model_is_used():
    e = estimate(
        Profile(name="fast", kind="local", model=QWEN_1_5B), features("Is water wet? Answer yes or no."), SPEED
    )
    assert e.right_prob == pytest.approx(SEEN[QWEN_1_5B]["local"]["yesno"].right_prob, abs=0.15)
    assert estimate(Profile(name="x", kind="endpoint"), features("hello"), SPEED).source == "prior"


def test_the_users_own_word_wins():
    profile = Profile(name="x", kind="endpoint", strength=0.99)
    e = estimate(profile, features("hello"), SPEED)
    assert e.source == "config"
    assert e.right_prob > 0.95


def test_time_and_money_follow_tokens():
    profile = Profile(name="x", kind="endpoint", input_usd_per_token=1e-6, output_usd_per_token=1e-5)
    short, long = (estimate(profile, features("hello", max_tokens=n), SPEED) for n in (5, 100))
    assert long.usd - short.usd == pytest.approx(95e-5)
    assert long.service_s - short.service_s == pytest.approx(95 * 0.03)
    assert short.wait_s == 1.0


def test_a_vote_costs_its_samples_and_a_held_machine_costs_money():
    one = estimate(Profile(name="f", kind="local", usd_per_busy_s=0.01), features("How many is 2 apples?"), SPEED)
    vote = estimate(
        Profile(name="v", kind="vote", leaf_kind="local", samples=3, usd_per_busy_s=0.01),
        features("How many is 2 apples?"),
        SPEED,
    )
    assert 2 * one.service_s < vote.service_s < 3 * one.service_s
    assert one.usd == pytest.approx(0.01 * one.busy_s)


def test_solvers_expect_to_abstain_from_prose():
    calc = Profile(name="calc", kind="symbolic")
    prose, maths = (estimate(calc, features(t), SPEED) for t in ("Tell me about the sea.", "What is 3 * (4 + 5)?"))
    assert prose.abstain_prob > 0.9
    assert maths.abstain_prob < 0.5


def test_who_waits_for_a_solver_waits_as_for_any_other():
    calc = Profile(name="calc", kind="symbolic")
    prose = features("Tom has 3 apples and buys 4 more. How many apples does he have?")
    loading = estimate(calc, prose, SPEED)
    assert loading.wait_s == 1.0
    assert at_speed(loading, calc, 20, msgspec.structs.replace(SPEED, wait_s=0.0)).wait_s == 0.0


def test_open_questions_leave_the_verdict_blind():
    profile = Profile(name="x", kind="endpoint")
    assert estimate(profile, features("Explain how a vaccine works."), SPEED).discrimination == 0
    assert estimate(profile, features("Is water wet? Answer yes or no."), SPEED).discrimination > 0


def test_what_takes_steps_is_not_for_the_brief():
    easy, hard = (
        "Tom has 5 apples and buys 7 more. How many apples has he?",
        "Each of 12 boxes holds 7 more than twice the " * 4,
    )
    shares = {
        kind: [
            estimate(Profile(name=kind, kind=kind, model=QWEN_1_5B), features(t), SPEED)
            for t in (easy, f"{easy} {hard}")
        ]
        for kind in ("brief", "think")
    }
    assert shares["brief"][0].right_prob > 0.5
    assert shares["brief"][1].right_prob < 0.1
    assert shares["think"][0].completion_tokens < shares["think"][1].completion_tokens


def test_reasoning_first_is_not_for_open_questions():
    fast, think = (
        estimate(Profile(name=k, kind=k, leaf_kind="local", model=QWEN_1_5B), features("Tell me about whales."), SPEED)
        for k in ("local", "think")
    )
    assert think.right_prob < fast.right_prob
    assert think.service_s > fast.service_s


def test_solvers_over_a_model_may_abstain_and_that_takes_as_long_as_answering():
    question = features("Tom has 3 apples and buys 4 more. How many apples does he have?")
    below = Profile(name="x", kind="endpoint", leaf_kind="endpoint", input_usd_per_token=1e-6)
    program = Profile(name="p", kind="program", leaf_kind="endpoint", input_usd_per_token=1e-6)
    alone, e = (estimate(p, question, SPEED) for p in (below, program))
    assert e.usd > 10 * alone.usd, "the examples are paid for each time"
    twice = Profile(name="p", kind="program", leaf_kind="endpoint", samples=2)
    assert estimate(twice, question, SPEED).completion_tokens == 2 * e.completion_tokens
    assert 0 < e.abstain_prob < 0.5
    assert e.abstain_s == e.service_s > 0
    assert e.completion_tokens < alone.completion_tokens
    assert e.right_prob > alone.right_prob


def test_code_that_is_run_can_be_judged_where_the_model_alone_cannot():
    question = features("Write a Python function that adds two numbers.")
    assert question.task == "code"
    below, code = (Profile(name="x", kind=kind, leaf_kind="endpoint") for kind in ("endpoint", "code"))
    assert estimate(below, question, SPEED).discrimination == 0
    assert estimate(code, question, SPEED).discrimination > 0
    assert estimate(code, question, SPEED).completion_tokens > estimate(below, question, SPEED).completion_tokens


def test_outcomes_say_more_than_guesses_but_not_how_fast_a_lane_is():
    profile = Profile(name="x", kind="endpoint", strength=0.9, output_usd_per_token=1e-5)
    learned = Expected(right_prob=0.4, right_sd=0.05, completion_tokens=30, outcomes=700)
    e = estimate(profile, features("hello"), SPEED, learned)
    assert (e.right_prob, e.right_sd, e.source, e.outcomes) == (0.4, 0.05, "learned", 700)
    assert e.service_s == pytest.approx(0.1 + 0.01 * features("hello").prompt_tokens + 0.03 * 30)
    assert e.usd == pytest.approx(30e-5)
    assert at_speed(e, profile, 10, SPEED).right_sd == 0.05
    assert estimate(profile, features("hello", max_tokens=5), SPEED, learned).completion_tokens == 5


def test_tokens_that_outcomes_do_not_know_are_guessed():
    learned = Expected(right_prob=0.4, right_sd=0.05, completion_tokens=None, outcomes=700)
    profile = Profile(name="x", kind="endpoint")
    guessed = estimate(profile, features("hello"), SPEED).completion_tokens
    assert estimate(profile, features("hello"), SPEED, learned).completion_tokens == guessed


def test_a_solver_knows_itself_what_it_can_answer():
    learned = Expected(right_prob=0.1, right_sd=0.05, completion_tokens=None, outcomes=700)
    calc = Profile(name="calc", kind="symbolic")
    assert estimate(calc, features("2 + 2"), SPEED, learned) == estimate(calc, features("2 + 2"), SPEED)


def test_questions_of_a_task_that_is_easier_than_was_told_are_expected_right_more_often() -> None:
    learned = Expected(right_prob=0.4, right_sd=0.1, completion_tokens=None, outcomes=60, easier={"extract": 1.75})
    profile = Profile(name="x", kind="endpoint")
    receipt = features("What is the total on this receipt?\n\nCORNER SHOP\nTEA 2.00\nTOTAL 2.00")
    assert receipt.task == "extract"
    e = estimate(profile, receipt, SPEED, learned)
    assert logit(e.right_prob) == pytest.approx(logit(0.4) + 1.75)
    assert e.right_sd == pytest.approx(0.1 * e.right_prob * (1 - e.right_prob) / 0.24)
    assert estimate(profile, features("Is water wet? Answer yes or no."), SPEED, learned).right_prob == 0.4


CALIBRATED = Expected(
    right_prob=0.31,
    right_sd=0.1,
    completion_tokens=None,
    outcomes=60,
    source="calibrated",
    task_tokens={"yesno": 7.0, "write": 3.0},
    abstain_prob=0.05,
    ordinary=0.9,
)


def test_what_probes_found_out_replaces_the_guess():
    profile = Profile(name="x", kind="endpoint")
    e = estimate(profile, features("Is water wet? Answer yes or no."), SPEED, CALIBRATED)
    assert (e.right_prob, e.right_sd, e.source, e.outcomes) == (0.31, 0.1, "calibrated", 60)
    assert (e.completion_tokens, e.abstain_prob) == (7.0, 0.05)
    assert e.discrimination == estimate(profile, features("Is water wet? Answer yes or no."), SPEED).discrimination


def test_on_open_tasks_its_ordinary_strength_counts():
    text = features("Write a letter to my landlord about the heating.")
    calibrated = estimate(Profile(name="x", kind="endpoint"), text, SPEED, CALIBRATED)
    believed = estimate(Profile(name="x", kind="endpoint", strength=0.9), text, SPEED)
    assert calibrated.right_prob == believed.right_prob > 0.8
    assert calibrated.completion_tokens == believed.completion_tokens > 100
    assert (calibrated.source, calibrated.outcomes) == ("calibrated", 60)


def test_who_is_known_already_is_guessed_at_no_more():
    assert ordinary(Profile(name="calc", kind="symbolic")) is None
    assert ordinary(Profile(name="fast", kind="local", model=QWEN_1_5B)) is None
    assert ordinary(Profile(name="x", kind="endpoint")) == pytest.approx(1.386, abs=0.01)
    assert ordinary(Profile(name="x", kind="endpoint", strength=0.5)) == 0
    assert ordinary(Profile(name="v", kind="vote", leaf_kind="endpoint", below_strength=0.5)) == 0
