import json
from pathlib import Path

import pytest

from rung.cli.explain import known_by, right, what_next
from rung.types import Correction, Decision, Estimate, Option


def option(name: str, reserve: float | None, *, abstain_prob: float = 0.0, excluded: str = "") -> Option:
    return Option(
        reasoner=name,
        reserve=reserve,
        cost_usd=0.001,
        estimate=Estimate(right_prob=0.8, abstain_prob=abstain_prob),
        excluded=excluded,
    )


def decision(*options: Option, first: str | None = None, error: str = "") -> Decision:
    return Decision(id="x", model="auto", preset="balanced", options=options, first=first, error=error)


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (
            decision(option("a", 0.9), option("b", 0.86), option("c", 0.5), first="a"),
            "`a` is asked first. As things stand, `b` is worth calling until the answer in hand is 86% sure.",
        ),
        (
            decision(option("a", 0.99, abstain_prob=0.7), option("b", 0.4), first="a"),
            "`a` is asked first. If it abstains, `b` is next. As things stand, `b` is worth calling until the answer in"
            " hand is 40% sure.",
        ),
        (
            decision(option("a", 0.9), option("b", -0.2), option("c", None, excluded="down: no"), first="a"),
            "`a` is asked first. Once there is an answer, `b` is not worth its cost.",
        ),
        (decision(option("a", 0.9), first="a"), "`a` is asked first. There is nothing else to ask."),
        (decision(option("a", None, excluded="down"), error="nobody can (a: down)"), "nobody can (a: down)"),
    ],
)
def test_the_rule_in_words(taken: Decision, said: str) -> None:
    assert what_next(taken) == said


@pytest.mark.parametrize(
    ("estimate", "chance", "source"),
    [
        (Estimate(right_prob=0.8), "80%", "prior"),
        (
            Estimate(right_prob=0.5, right_sd=0.1, source="learned", outcomes=1200),
            "50% (31-69)",
            "learned, 1,200 outcomes",
        ),
        (Estimate(right_prob=0.0, right_sd=0.1), "0%", "prior"),
        (
            Estimate(right_prob=0.9, right_sd=0.05, correction=Correction(base_prob=0.8, outcomes=31)),
            "90% (75-96)",
            "prior; from 80% by 31 said right or wrong",
        ),
        (
            Estimate(right_prob=0.4, correction=Correction(base_prob=0.8, outcomes=20, forgotten=200), source="config"),
            "40%",
            "config; from 80% by 20 said right or wrong since it changed, 200 before that forgotten",
        ),
    ],
)
def test_where_an_estimate_comes_from(estimate: Estimate, chance: str, source: str) -> None:
    assert (right(estimate), known_by(estimate)) == (chance, source)


def test_a_decision_is_shown_without_anyone_being_called(own: Path, run) -> None:
    result = run("explain", "How far is [it]?", "--config", str(own))
    assert result.exit_code == 0
    assert "No Rung serves" in result.output
    assert "echo" in result.output
    assert "`echo` is asked first. There is nothing else to ask." in result.output


@pytest.mark.parametrize(("question", "graded"), [("Tell me of the sea.", True), ("Is water wet? yes or no", False)])
def test_it_says_where_right_is_a_matter_of_degree(own: Path, run, question: str, graded: bool) -> None:
    assert ("how good it is" in run("explain", question, "--config", str(own)).output) == graded


def test_options_that_are_none_say_why(place: Path, run) -> None:
    (place / "rung.yaml").write_text(
        "reasoners: {brief: {kind: brief, of: cloud},"
        " cloud: {kind: endpoint, base_url: 'http://127.0.0.1:1/v1', model: m}}\nserver: {port: 0}"
    )
    result = run("explain", "Why is the sky blue?")
    assert "brief: only for questions with a short checkable answer" in result.output
    assert result.exit_code == 0


def test_json_is_the_whole_decision(own: Path, run) -> None:
    result = run("explain", "hi", "-c", str(own), "--json", "--preset", "best")
    said = json.loads(result.stdout)
    assert (said["first"], said["preset"]) == ("echo", "best")
    assert said["features"]["language"] == "en"


def test_an_unknown_model_is_an_error_that_names_the_known(own: Path, run) -> None:
    result = run("explain", "hi", "-c", str(own), "--model", "nope")
    assert "Known are: auto, auto:economy, auto:balanced, auto:best, echo." in str(result.exception)


LIKE = """
reasoners:
  provider-large-model-2026-a: {kind: endpoint, base_url: "http://127.0.0.1:9/v1", model: m, first_token_s: 1}
  provider-large-model-2026-b: {kind: endpoint, base_url: "http://127.0.0.1:9/v1", model: m, first_token_s: 1}
"""


def test_names_that_begin_alike_are_told_apart(place: Path, run) -> None:
    (place / "rung.yaml").write_text(LIKE)
    shown = run("explain", "-c", "rung.yaml", "Why is the sky blue?").stdout
    assert "…" not in shown
    assert "-2026-a" in shown
    assert "-2026-b" in shown


def test_what_loads_nothing_is_not_waited_for_where_nothing_serves(place: Path, run) -> None:
    (place / "rung.yaml").write_text(LIKE)
    said = json.loads(run("explain", "-c", "rung.yaml", "--json", "Why is the sky blue?").stdout)
    assert {option["estimate"]["wait_s"] for option in said["options"]} == {0.0}


def test_a_solver_comes_first_where_nothing_serves_as_where_one_does(place: Path, run) -> None:
    (place / "rung.yaml").write_text(
        "reasoners:\n  calc: {kind: symbolic}\n  brief: {kind: brief, of: fast}\n"
        "  fast: {kind: local, model: qwen2.5-coder-1.5b-instruct}\nserver: {port: 1}\n"
    )
    assert json.loads(run("explain", "--json", "What is 15% of 80?").stdout)["first"] == "calc"
    assert "`calc` is asked first. If it abstains, `fast`" in run("explain", "Why is the sky blue?").stdout
