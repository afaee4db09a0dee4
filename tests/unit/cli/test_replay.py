import asyncio
import json

import pytest

from rung.bootstrap import Rung
from rung.config import load_config

OWN = """
async def first(call):
    return "one"

async def second(call):
    return "two"
"""
CONFIG = """
reasoners:
  first: {{kind: function, call: "replayed.py:first", general: true, strength: 0.8}}
  second: {{kind: function, call: "replayed.py:second", general: true, strength: 0.6}}
ledger: {{path: "{ledger}", text: true}}
server: {{port: 0}}
"""


@pytest.fixture
def asked(place):
    """A ladder in this folder, and what asks it questions and scores the answers."""
    (place / "replayed.py").write_text(OWN)
    path = place / "rung.yaml"
    path.write_text(CONFIG.format(ledger=place / "ledger.sqlite"))

    def ask(*scores, model="auto", **wishes):
        async def all_of_them():
            async with Rung(load_config(path)) as rung:
                for nth, score in enumerate(scores):
                    question = f"Why is the sky {'blue' if nth % 2 else 'red'} over town number {nth} in the north?"
                    reply = await rung.reply(question, model=model, **wishes)
                    await rung.feedback(reply.decision.id, score)

        asyncio.run(all_of_them())

    return ask


def test_scored_decisions_judge_todays_estimates(asked, run):
    asked(*[0.0, 1.0] * 15)
    result = run("replay")
    assert result.exit_code == 0
    assert "30 scored decisions" in result.output
    assert "moved by the outcomes before" in result.output
    told = json.loads(run("replay", "--json").stdout)
    assert told["decisions"] == 30
    assert {share["reasoner"] for share in told["shares"]} <= {"first", "second"}


def test_nothing_scored_is_said_and_is_exit_code_1(asked, run):
    asked()
    result = run("replay")
    assert result.exit_code == 1
    assert "was scored yet" in result.output
    assert run("replay", "--json").stdout == "null\n"


def test_a_ledger_that_is_not_there_is_an_error(asked, run):
    result = run("replay", "--ledger", "none.sqlite")
    assert result.exit_code == 1
    assert "there is no ledger none.sqlite" in str(result.exception or result.output)


def test_since_leaves_out_what_was_said_before(asked, run):
    asked(1.0)
    none = run("replay", "--since", "2999-01-01")
    assert none.exit_code == 1
    assert "scored from 2999-01-01 on" in none.output
    told = run("replay", "--since", "2020-01-01")
    assert told.exit_code == 0
    assert told.output.startswith("1 scored decision. ")


def test_an_artefact_is_learned_where_texts_were_kept(asked, run, place):
    pytest.importorskip("scipy")
    asked(*[0.0, 1.0] * 15, model="first")
    asked(*[1.0, 0.0] * 15, model="second")
    result = run("replay", "--out", "learned.rung")
    assert result.exit_code == 0, result.output
    assert "60 questions, 2 reasoners" in result.output
    assert "Written: learned.rung" in result.output
    with (place / "rung.yaml").open("a") as file:
        file.write("estimates: {artefact: learned.rung}\n")
    told = json.loads(
        run("explain", "--json", "Why is the sky blue over town number 3?", "--config", "rung.yaml").stdout
    )
    assert {o["estimate"]["source"] for o in told["options"]} == {"learned"}
    assert {o["estimate"]["correction"] for o in told["options"]} == {None}, "what is in the artefact counts once"


def test_what_programs_read_is_json_also_where_an_artefact_is_learned(asked, run, place):
    pytest.importorskip("scipy")
    asked(*[0.0, 1.0] * 15, model="first")
    asked(*[1.0, 0.0] * 15, model="second")
    result = run("replay", "--json", "--out", "learned.rung")
    assert json.loads(result.stdout)["decisions"] == 60
    assert "Written: learned.rung" in result.stderr
    assert (place / "learned.rung").exists()


def test_where_all_were_asked_it_tells_what_eval_tells(asked, run):
    pytest.importorskip("scipy")
    asked(*[0.0, 1.0] * 15, min_quality=0.99)
    result = run("replay", "--out", "learned.rung")
    for part in ("gain over the best single", "in seconds a question", "by outcomes learned from"):
        assert part in result.output


def test_the_nearest_questions_are_shown(asked, run):
    asked(0.0, 1.0, 0.5)
    result = run("explain", "Why is the sky blue over town number 1 in the north?", "--config", "rung.yaml")
    assert result.exit_code == 0
    shown = result.output[result.output.index("nearest questions") :].splitlines()
    assert shown[2].split()[0] == "1.00"
    assert "Why is the sky blue over town number 1 in the north?" in shown[2]


def test_too_few_texts_are_said(asked, run):
    asked(1.0, 0.0)
    result = run("replay", "--out", "learned.rung")
    assert result.exit_code == 1
    assert "needs 20 scored questions" in str(result.exception or result.output)
