"""`rung eval` in this process: what it prints, what it writes, and that a ladder serves by it."""

import asyncio
import json
import subprocess
import sys

import pytest

from rung.bootstrap import Rung
from rung.config import parse_config
from rung.errors import ConfigError, WeightsError
from rung.estimators.artefact import load


def test_for_people(run, outcomes):
    told = run("eval", "--outcomes", str(outcomes), "--out", "learned.rung")
    assert told.exit_code == 0, told.output
    for part in (
        "best single reasoner, all",
        "gain over the best single",
        "of its cost",
        "single reasoners, mixed",
        "by outcomes",
        "artefact: learned",
        "SIGHUP",
    ):
        assert part in told.stdout


def test_for_programs_the_same_each_time(run, outcomes):
    one, two = (run("eval", "--outcomes", str(outcomes), "--json", "--no-curve") for _ in range(2))
    assert one.exit_code == 0, one.output
    assert one.stdout == two.stdout
    said = json.loads(one.stdout)
    assert said["best"] == "all"
    assert said["routed_score"] > said["best_score"]
    assert said["curve"] == []


def test_what_was_never_asked_of_all(run, place):
    rows = "".join(f"What is {i}?,1,\n" if i % 2 else f"What is {i}?,,1\n" for i in range(40))
    (place / "gaps.csv").write_text("question,score|a,score|b\n" + rows)
    told = run("eval", "--outcomes", "gaps.csv", "--no-curve")
    assert isinstance(told.exception, ConfigError)
    assert "0 questions are scored for every reasoner" in str(told.exception)


def test_where_not_all_were_asked_it_says_of_how_many_the_scores_are(run, place):
    rows = "".join(f"What is {i}?,{i % 2},{'' if i % 3 else 1}\n" for i in range(75))
    (place / "gaps.csv").write_text("question,score|a,score|b\n" + rows)
    told = run("eval", "--outcomes", "gaps.csv", "--no-curve")
    assert "75 questions, 2 reasoners" in told.stdout
    assert "over the 25 questions that all were asked" in told.stdout


def test_of_a_thousand_columns_that_are_not_used_some_are_named(run, place):
    more = "".join(f",e{i}" for i in range(1000))
    rows = "".join(f"What is {i}?,{i % 2},1{',0' * 1000}\n" for i in range(30))
    (place / "o.csv").write_text(f"question,score|a,score|b{more}\n{rows}")
    told = run("eval", "--outcomes", "o.csv", "--no-curve")
    assert "not used: e0, e1," in told.stdout
    assert ", e19 and 980 more." in told.stdout


def test_a_picture(run, outcomes, place):
    pytest.importorskip("matplotlib")
    told = run("eval", "--outcomes", str(outcomes), "--plot", "picture.png", "--no-curve")
    assert told.exit_code == 0, told.output
    assert (place / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_has_a_panel_for_what_there_is_and_plain_numbers(run, place):
    pytest.importorskip("matplotlib")
    rows = "".join(f"What is {i}?,{i % 2},{i % 3 == 0:d},{i % 5 == 0:d}\n" for i in range(80))
    (place / "o.csv").write_text("question,score|a,score|b,score|c\n" + rows)
    told = run("eval", "--outcomes", "o.csv", "--plot", "without.svg", "--no-curve")
    assert told.exit_code == 0, told.output
    assert "gain over" not in (place / "without.svg").read_text()
    told = run("eval", "--outcomes", "o.csv", "--plot", "with.svg")
    assert told.exit_code == 0, told.output
    drawn = (place / "with.svg").read_text()
    assert "gain over" in drawn
    assert "<!-- 64 -->" in drawn
    assert "mathdefault{10" not in drawn


def test_what_is_wrong_with_a_file(run, place):
    (place / "outcomes.csv").write_text("question,score|a\n")
    told = run("eval", "--outcomes", "outcomes.csv")
    assert isinstance(told.exception, ConfigError)


def ladder(place, *names):
    entries = {name: {"kind": "function", "call": "own_code:echo", "general": True} for name in names}
    raw = {"reasoners": entries, "estimates": {"artefact": str(place / "learned.rung")}}
    return parse_config(raw, source="test", env={"HOME": str(place)})


@pytest.mark.parametrize(("out", "said"), [("nowhere/l.rung", "no folder"), ("folder", "is a folder")])
def test_where_it_cannot_be_written_is_told_before_anything_is_learned(run, outcomes, place, out, said):
    """After minutes of learning, what was found out was lost with it."""
    (place / "folder").mkdir()
    for command in (["eval", "--outcomes", str(outcomes)], ["replay"]):
        told = run(*command, "--out", out)
        assert told.exit_code == 2
        assert said in told.stderr


async def test_a_ladder_serves_by_it(run, outcomes, own, place):
    assert run("eval", "--outcomes", str(outcomes), "--out", "learned.rung", "--no-curve").exit_code == 0
    async with Rung(ladder(place, "small", "all", "sums", "other")) as rung:
        decision = await rung.explain("add the total price of apples")
        known = {option.reasoner: option.estimate for option in decision.options}
        assert decision.first == "sums"
        assert known["sums"].source == "learned"
        assert known["sums"].outcomes == 160
        assert known["sums"].right_sd > 0
        assert known["other"].source == "prior"
        assert (await rung.explain("king of the empire at war")).first == "all"


@pytest.mark.model
async def test_a_ladder_serves_by_what_questions_mean(run, outcomes, own, place, encoder_folder):
    (place / "rung.yaml").write_text(f"models_dir: {encoder_folder}\nreasoners: {{small: {{kind: symbolic}}}}\n")
    told = run("eval", "--outcomes", str(outcomes), "--out", "learned.rung", "--no-curve", "--embedding")
    assert told.exit_code == 0, told.output
    served = ladder(place, "small", "all", "sums")
    async with Rung(served.model_copy(update={"models_dir": encoder_folder})) as rung:
        option = next(o for o in (await rung.explain("add the total price of apples")).options if o.reasoner == "sums")
        assert option.estimate.source == "learned"
        replies = await asyncio.gather(*(rung.reply(f"add the total price {i}") for i in range(20)))
        assert {reply.answer.reasoner for reply in replies} == {"sums"}
    with pytest.raises(WeightsError, match="rung models get all-minilm-l6-v2"):
        Rung(served)


def test_which_artefact_it_is_that_serves_is_explained(run, outcomes, own, place):
    assert run("eval", "--outcomes", str(outcomes), "--out", "learned.rung", "--no-curve").exit_code == 0
    entries = {
        name: {"kind": "function", "call": "own_code:echo", "general": True} for name in ("small", "sums", "new")
    }
    served = {"reasoners": entries, "estimates": {"artefact": "learned.rung"}, "server": {"port": 0}}
    (place / "rung.yaml").write_text(json.dumps(served))
    about = load(place / "learned.rung")[1]
    shown = run("explain", "king of the empire", "--config", "rung.yaml").stdout
    [told] = [line for line in shown.splitlines() if about.made in line]
    assert told.startswith(f"learned ({about.made} {about.data[:8]}): ")
    assert set(told.partition(": ")[2].split(", ")) == {"small", "sums"}


async def test_an_artefact_of_others_is_refused(run, outcomes, own, place):
    assert run("eval", "--outcomes", str(outcomes), "--out", "learned.rung", "--no-curve").exit_code == 0
    with pytest.raises(ConfigError, match="none of which is on this ladder"):
        Rung(ladder(place, "echo"))


@pytest.mark.parametrize("library", ["numpy", "aiohttp"])  # the second is for commands that ask a server
def test_what_serves_without_an_artefact_is_light(library):
    code = f"import sys, rung.bootstrap, rung.api, rung.cli.serve; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_numpy_it_says_what_to_install():
    code = "import sys; sys.modules['numpy'] = None; from rung.cli.app import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", code, "eval", "--outcomes", "o.csv"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "pip install 'rung[learn]'" in told.stderr
    assert "Traceback" not in told.stderr
