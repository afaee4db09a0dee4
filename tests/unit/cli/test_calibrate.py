"""`rung calibrate` in this process, over functions that know the probes."""

import asyncio
import json

import pytest

from rung.bootstrap import Rung
from rung.config import load_config
from rung.errors import BadRequest, ConfigError

# `broken` fails from its twentieth call on until the file `mended` is there.
OWN_CODE = """\
import pathlib
from rung.errors import Abstained, Malformed
from rung.probes import TEMPLATES
from rung.types import Chunk, Usage

KNOWN = {}
for t in TEMPLATES:
    for level in range(len(t.halfway)):
        for seed in (0, 1):
            for number in range(40):
                probe = t.probe(level, seed, number)
                KNOWN[probe.question] = probe
calls = []

async def clever(messages):
    return "The answer is " + KNOWN[messages[-1]["content"]].made.answer

async def dull(messages):
    return "I have no idea."

async def silent(messages):
    return None

async def sums(messages):
    probe = KNOWN[messages[-1]["content"]]
    return probe.made.answer if probe.template.domain == "maths" else None

def spent():
    with pathlib.Path("spent").open("a") as file:
        file.write("x")
    return Usage(completion_tokens=5, usd=0.01)

async def paid(call):
    calls.append(1)
    if len(calls) % 2:
        raise Abstained("not mine", usage=spent())
    if len(calls) == 8:
        raise Malformed("no words", usage=spent())
    return Chunk(text="7", finish="stop", usage=spent())

async def broken(messages):
    if not pathlib.Path("mended").exists():
        calls.append(1)
        if len(calls) >= 20:
            raise ValueError
    return KNOWN[messages[-1]["content"]].made.answer
"""


@pytest.fixture
def ladder(place, monkeypatch):
    def written(*names, **more):
        (place / "knowing.py").write_text(OWN_CODE)
        entries = {name: {"kind": "function", "call": f"knowing.py:{name}", "general": True, **more} for name in names}
        (place / "rung.yaml").write_text(json.dumps({"reasoners": {"calc": {"kind": "symbolic"}, **entries}}))

    return written


def kept(place):
    return json.loads((place / ".local" / "state" / "rung" / "calibration.json").read_text())["reasoners"]


def test_each_is_placed_and_served_by(run, place, ladder):
    ladder("clever", "dull")
    told = run("calibrate", "--probes", "30", "--json")
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    clever, dull = (said[name]["placement"]["right_share"] for name in ("clever", "dull"))
    assert clever > 0.85
    assert dull < 0.25
    assert len(said["clever"]["answered"]) == 30
    assert said["clever"] == kept(place)["clever"]
    assert {one["domain"] for one in said["clever"]["answered"]} == {"maths", "logic", "facts", "reading", "code"}

    rung = Rung(load_config(None))
    options = {o.reasoner: o.estimate for o in asyncio.run(rung.explain("What is the capital of Peru?")).options}
    assert (options["clever"].source, options["clever"].outcomes) == ("calibrated", 30)
    assert options["clever"].right_prob > 0.7
    assert options["dull"].right_prob < 0.4
    assert options["clever"].right_sd > 0
    pace = kept(place)["clever"]["pace"]
    assert 0 < pace["first_s"] < 0.1, "the guess for a function"
    assert rung.runtime.rung("clever").lane.pace.first_s == pace["first_s"]
    told = run("explain", "What is the capital of Peru?", env={"COLUMNS": "200"})
    assert "calibrated, 30 probes" in told.output


def test_for_people(run, ladder):
    ladder("clever")
    told = run("calibrate", "clever", "--probes", "12")
    assert told.exit_code == 0, told.output
    for words in (
        "of ordinary questions right (95%",
        "by domain: maths",
        "12 probes: 12 right",
        "s an answer",
        "Written:",
    ):
        assert words in told.output


def test_no_question_and_no_answer_is_kept(run, place, ladder):
    ladder("clever")
    run("calibrate", "--probes", "12")
    one = kept(place)["clever"]["answered"][0]
    assert set(one) == {"key", "domain", "task", "ending", "tokens", "seconds", "usd"}


def test_broken_off_it_goes_on(run, place, ladder):
    ladder("broken")
    told = run("calibrate", "--probes", "30")
    assert isinstance(told.exception, ConfigError)
    assert "failed 5 times" in told.exception.message
    begun = kept(place)["broken"]
    assert (len(begun["answered"]), begun["whole"]) == (19, False)
    (place / "mended").touch()
    told = run("calibrate", "--probes", "30")
    assert told.exit_code == 0, told.output
    assert "goes on after 19 probes" in told.output
    whole = kept(place)["broken"]
    assert whole["answered"][:19] == begun["answered"]
    assert (len(whole["answered"]), whole["whole"]) == (30, True)
    assert len({one["key"] for one in whole["answered"]}) == 30


def test_what_is_calibrated_anew_serves_by_what_it_was_until_that_is_over(run, place, ladder):
    ladder("broken")
    (place / "mended").touch()
    run("calibrate", "--probes", "30")
    before = kept(place)["broken"]
    (place / "mended").unlink()
    assert isinstance(run("calibrate", "broken", "--probes", "30").exception, ConfigError)
    assert kept(place)["broken"] == before
    assert run("calibrate").exit_code == 0
    (place / "mended").touch()
    told = run("calibrate", "broken", "--probes", "30")
    assert "goes on after 19 probes" in told.output
    assert (kept(place)["broken"]["seed"], kept(place)["broken"]["whole"]) == (1, True)


def test_what_is_calibrated_is_not_asked_again_unless_named(run, place, ladder):
    ladder("clever")
    run("calibrate", "--probes", "12")
    before = kept(place)["clever"]
    assert run("calibrate", "--probes", "14").exit_code == 0
    assert kept(place)["clever"] == before
    assert run("calibrate", "clever", "--probes", "14").exit_code == 0
    assert (kept(place)["clever"]["seed"], len(kept(place)["clever"]["answered"])) == (1, 14)


def test_another_reasoner_of_the_same_name_is_a_new_one(run, place, ladder):
    ladder("clever", "dull")
    run("calibrate", "clever", "--probes", "12")
    text = (place / "rung.yaml").read_text()
    (place / "rung.yaml").write_text(text.replace("knowing.py:clever", "knowing.py:silent"))
    options = {
        o.reasoner: o.estimate
        for o in asyncio.run(Rung(load_config(None)).explain("What is the capital of Peru?")).options
    }
    assert options["clever"].source == "prior"


def test_abstentions_are_told_apart(run, place, ladder):
    ladder("sums", "dull")
    told = run("calibrate", "sums", "--probes", "60")
    assert told.exit_code == 0, told.output
    options = {}
    for question in ("What is 12% of 350?", "What is the capital of Peru?"):
        estimates = {o.reasoner: o.estimate for o in asyncio.run(Rung(load_config(None)).explain(question)).options}
        options[question] = estimates["sums"].abstain_prob
    few, many = options.values()
    assert few < 0.2
    assert many > 0.6


def test_what_is_spent_without_an_answer_counts_too(run, place, ladder):
    ladder("paid")
    told = run("calibrate", "--max-usd", "0.3")
    assert told.exit_code == 0, told.output
    spent = len((place / "spent").read_text())
    assert 25 <= spent <= 30
    assert f"{spent / 100:.4f} USD in all" in told.stdout


def test_where_no_probe_is_for_it_the_bound_is_not_blamed(run, ladder, monkeypatch):
    """As for `code` where nothing isolates: those that ask for code are left out."""
    monkeypatch.setattr("rung.cli.calibrator.takes", lambda *_: False)
    ladder("dull")
    assert "answers none of the probes" in run("calibrate", "--max-usd", "1").exception.message


def test_one_that_cannot_be_placed_keeps_no_other_from_it(run, place, ladder):
    ladder("silent", "dull")
    told = run("calibrate", "--probes", "12")
    assert isinstance(told.exception, ConfigError)
    assert "silent answers none" in told.exception.message
    assert "dull: " in told.stdout
    assert kept(place)["dull"]["whole"]


def test_who_answers_nothing_cannot_be_placed(run, ladder):
    ladder("silent")
    told = run("calibrate")
    assert isinstance(told.exception, ConfigError)
    assert "answers none" in told.exception.message


def test_a_solver_is_not_calibrated(run, ladder):
    ladder("clever")
    assert isinstance(run("calibrate", "calc").exception, BadRequest)


def test_where_there_are_only_solvers_nothing_is_written(run, ladder, place):
    ladder()
    told = run("calibrate")
    assert told.exit_code == 0
    assert "nothing to calibrate" in told.stdout
    assert "Written" not in told.stdout


def test_an_unknown_name_is_told(run, ladder):
    ladder("clever")
    told = run("calibrate", "clevr")
    assert isinstance(told.exception, ConfigError)
    assert "did you mean `clever`" in told.exception.message


class TestMoney:
    @pytest.fixture
    def priced(self, place):
        def written(base_url):
            price = {"input_usd_per_mtok": 1000.0, "output_usd_per_mtok": 1000.0}
            entry = {"kind": "endpoint", "base_url": base_url, "model": "m", "price": price}
            (place / "rung.yaml").write_text(json.dumps({"reasoners": {"cloud": entry}}))

        return written

    def test_is_asked_for(self, run, priced):
        priced("http://127.0.0.1:9/v1")
        told = run("calibrate", stdin="n\n")
        assert isinstance(told.exception, BadRequest), "nobody is at this keyboard"
        assert "80.00 USD at most" in told.exception.message
        told = run("calibrate", "--max-usd", "0.5")
        assert "0.50 USD at most" in told.exception.message
        assert "0.00 USD at most" in run("calibrate", "--max-usd", "0").exception.message

    def test_is_not_spent_beyond_its_bound(self, run, priced, place):
        priced("http://127.0.0.1:9/v1")
        told = run("calibrate", "--yes", "--max-usd", "0.2")
        assert "--max-usd 0.2 is reached" in told.output
        assert isinstance(told.exception, ConfigError), "no probe was asked"
        assert "less than a probe" in told.exception.message, "what it would answer is not known"


def test_what_is_learned_from_the_users_own_outcomes_wins(run, place, ladder):
    pytest.importorskip("scipy")
    ladder("clever", "dull", "sums")
    assert run("calibrate", "clever", "dull", "--probes", "12").exit_code == 0
    rows = [f"{word} {number}?,{number % 2},{word == 'how'}" for number in range(30) for word in ("what", "how")]
    text = "question,score|dull,score|sums\n" + "\n".join(rows) + "\n"
    (place / "outcomes.csv").write_text(text.replace("True", "1").replace("False", "0"))
    assert run("eval", "--outcomes", "outcomes.csv", "--out", "learned.rung", "--no-curve").exit_code == 0
    config = json.loads((place / "rung.yaml").read_text())
    (place / "rung.yaml").write_text(json.dumps({**config, "estimates": {"artefact": "learned.rung"}}))
    known = {o.reasoner: o.estimate for o in asyncio.run(Rung(load_config(None)).explain("what 7?")).options}
    assert {name: known[name].source for name in ("clever", "dull", "sums")} == {
        "clever": "calibrated",
        "dull": "learned",
        "sums": "learned",
    }
    assert known["clever"].outcomes == 12
    assert known["dull"].outcomes == 60
