import json

import pytest
from typer.testing import CliRunner

from rung.cli.app import app

CONFIG = """
reasoners:
  calc: {kind: symbolic}
  near: {kind: local, model: qwen2.5-coder-1.5b-instruct}
  brief: {kind: brief, of: near}
  far: {kind: endpoint, base_url: "http://there/v1", model: m, concurrency: 4}
"""


@pytest.fixture
def arguments(tmp_path):
    (tmp_path / "rung.yaml").write_text(CONFIG)
    rows = "\n".join(f"{at},{100 + at % 7 * 40},{20 + at % 5 * 9}" for at in range(60))
    (tmp_path / "trace.csv").write_text(f"arrival_s,prompt_tokens,completion_tokens\n{rows}\n")
    return ["simulate", "--trace", str(tmp_path / "trace.csv"), "--config", str(tmp_path / "rung.yaml")]


def test_every_request_is_accounted_for(arguments):
    told = CliRunner().invoke(app, [*arguments, "--json", "--load", "2"])
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    for row in result["tables"]["class"]:
        endings = ("answered", "refused", "unfit", "late", "failed")
        assert row["requests"] == sum(row[ending] for ending in endings)
    assert sum(row["requests"] for row in result["tables"]["class"]) == 60
    again = json.loads(CliRunner().invoke(app, [*arguments, "--json", "--load", "2"]).stdout)
    assert again["tables"] == result["tables"]


def test_a_lane_has_what_all_rungs_over_it_got(arguments):
    tables = json.loads(CliRunner().invoke(app, [*arguments, "--json", "--load", "2"]).stdout)["tables"]
    lanes, rungs = ({row["name"]: row for row in tables[name]} for name in ("lane", "rung"))
    assert set(lanes) == {"calc", "near", "far"}
    assert rungs["brief"]["answered"] > 0, "which has no lane of its own"
    assert lanes["near"]["answered"] == sum(rungs[name]["answered"] for name in ("near", "brief") if name in rungs)
    for column in ("tokens", "wasted_tokens"):
        assert sum(row[column] for row in lanes.values()) == sum(row[column] for row in tables["class"])


def test_tables_for_people(arguments):
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert "critical" in told.stdout
    assert "times real time" in told.stdout


def test_of_what_comes_at_once_no_load_is_told(arguments, tmp_path):
    rows = "5,100,20\n" * 6
    (tmp_path / "trace.csv").write_text(f"arrival_s,prompt_tokens,completion_tokens\n{rows}")
    told = CliRunner().invoke(app, [*arguments, "--load", "3"])
    assert told.exit_code == 0, told.output
    assert "6 requests, all at the same moment" in told.stdout
    assert "times what the ladder can do" not in told.stdout
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["goodput"] is None


def test_times_are_those_that_can_be_worked_out_by_hand(tmp_path):
    """Far apart: 0.05 s, then 70 tokens read at 70/s, and all written but the first at 30/s."""
    (tmp_path / "rung.yaml").write_text(
        "reasoners: {near: {kind: local, model: qwen2.5-coder-1.5b-instruct, slots: 1}}"
    )
    rows = "\n".join(f"{at},70,{1 + 30 * at},60000" for at in range(4))
    (tmp_path / "trace.csv").write_text(f"arrival_s,prompt_tokens,completion_tokens,deadline_ms\n{rows}\n")
    arguments = ["--trace", str(tmp_path / "trace.csv"), "--config", str(tmp_path / "rung.yaml"), "--load", "0.1"]
    told = CliRunner().invoke(app, ["simulate", *arguments, "--json"])
    (row,) = json.loads(told.stdout)["tables"]["lane"]
    assert row["answered"] == row["met"] == 4
    assert row["p50_s"] == pytest.approx(1.05 + 30 * 0.0333, abs=0.01)
    assert row["p99_s"] == pytest.approx(1.05 + 90 * 0.0333, abs=0.01)
    assert row["tokens"] == 4 * 70 + 1 + 31 + 61 + 91


def test_a_function_for_questions_of_its_own_answers_none_of_those_that_are_made_up(arguments, tmp_path):
    (tmp_path / "own.py").write_text("async def answer(messages): ...")
    entry = '  mine: {kind: function, call: "own.py:answer", strength: 0.99}\n'
    for told, answers in (("", False), (", general: true", True)):
        (tmp_path / "rung.yaml").write_text(CONFIG + entry.replace("}", told + "}"))
        lanes = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["tables"]["lane"]
        assert ("mine" in {lane["name"] for lane in lanes}) == answers


def test_a_picture(arguments, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    told = CliRunner().invoke(app, [*arguments, "--plot", str(picture)])
    assert told.exit_code == 0, told.output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("place", "said"), [("nowhere/p.png", "no folder"), ("picture.txt", "neither")])
def test_a_picture_that_cannot_be_is_told_before_anything_is_done(arguments, tmp_path, place, said):
    told = CliRunner().invoke(app, [*arguments, "--plot", str(tmp_path / place)])
    assert told.exit_code == 2
    assert said in told.output
    assert "times real time" not in told.output


def test_a_picture_for_which_there_is_no_room(arguments, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "p.png").mkdir()
    told = CliRunner().invoke(app, [*arguments, "--plot", str(tmp_path / "p.png")])
    assert "cannot be written" in str(told.exception)


def test_no_column_is_cut_where_nothing_is_a_terminal(arguments):
    told = CliRunner().invoke(app, arguments).stdout
    assert all(name in told for name in ("interactive", "requests", "answered", "refused", "failed", "right", "wasted"))


def test_arrivals_of_no_tokens(arguments, tmp_path):
    (tmp_path / "trace.csv").write_text("arrival_s,prompt_tokens,completion_tokens\n0,0,0\n1,0,0\n")
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output


def test_what_is_no_trace(arguments, tmp_path):
    (tmp_path / "trace.csv").write_text("hello\n")
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code != 0
