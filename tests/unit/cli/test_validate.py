import json
from pathlib import Path

import pytest


def write(place: Path, text: str) -> str:
    (place / "rung.yaml").write_text(text)
    return "rung.yaml"


def test_a_good_file(place: Path, run) -> None:
    write(place, "reasoners: {calc: {kind: symbolic}, fast: {kind: local, model: smollm2-135m-instruct}}")
    result = run("validate")
    assert result.exit_code == 0
    assert result.output == "rung.yaml is fine. The ladder: calc, fast.\n"


def test_no_file_is_no_problem(run) -> None:
    result = run("validate")
    assert result.exit_code == 0
    assert "the built-in ladder serves: calc, brief, fast, program, think, vote" in result.output


def test_a_named_file_that_is_not_there_is_one(run) -> None:
    result = run("validate", "other.yaml")
    assert result.exit_code == 1
    assert "other.yaml: cannot be read" in result.stderr


def test_every_problem_is_told(place: Path, run) -> None:
    write(place, "reasoners: {calc: {kind: symbolic, worker: 2}}\nserver: {prot: 1}")
    result = run("validate")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "rung.yaml: reasoners.calc.worker: unknown key; did you mean `workers`?",
        "rung.yaml: server.prot: unknown key; did you mean `port`?",
        "2 problems in rung.yaml; docs/reference/config.md says what may stand where.",
    ]


def test_a_model_that_nobody_knows(place: Path, run) -> None:
    write(place, "reasoners: {fast: {kind: local, model: gpt-9}}")
    result = run("validate")
    assert result.exit_code == 1
    assert "rung.yaml: reasoners.fast.model: there is no model `gpt-9`" in result.stderr


@pytest.mark.parametrize(
    ("text", "ok", "count"),
    [("reasoners: {calc: {kind: symbolic}}", True, 0), ("reasoners: {calc: {kind: no}}", False, 1)],
)
def test_json(place: Path, run, text: str, ok: bool, count: int) -> None:
    write(place, text)
    result = run("validate", "--json")
    said = json.loads(result.stdout)
    assert (said["ok"], len(said["problems"]), said["file"]) == (ok, count, "rung.yaml")
    assert result.exit_code == (not ok)


def test_code_of_ones_own_that_is_not_there(place: Path, run) -> None:
    write(place, "reasoners: {mine: {kind: function, call: 'mine.py:answer'}}")
    result = run("validate")
    assert result.exit_code == 1
    assert f"rung.yaml: reasoners.mine.call: there is no file {place / 'mine.py'}" in result.stderr
    (place / "mine.py").touch()
    assert run("validate").exit_code == 0


def test_weights_of_ones_own_that_are_not_there(place: Path, run) -> None:
    write(place, "reasoners: {mine: {kind: local, path: mine.gguf}}")
    result = run("validate")
    assert result.exit_code == 1
    assert "rung.yaml: reasoners.mine.path: there is no file mine.gguf" in result.stderr
    (place / "mine.gguf").touch()
    assert run("validate").exit_code == 0


def test_an_artefact_that_is_not_there(place: Path, run) -> None:
    """`rung serve` refuses to start by such a file."""
    write(place, "reasoners: {calc: {kind: symbolic}}\nestimates: {artefact: learned.rung}")
    result = run("validate")
    assert result.exit_code == 1
    assert "rung.yaml: estimates.artefact: there is no file learned.rung" in result.stderr
    (place / "learned.rung").touch()
    assert run("validate").exit_code == 0


def test_code_of_ones_own_that_cannot_be_there(place: Path, run) -> None:
    write(place, f"reasoners: {{mine: {{kind: function, call: '{'a' * 300}.py:answer'}}}}")
    assert "there is no file" in run("validate").stderr
