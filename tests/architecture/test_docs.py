"""The documents are about this house: their links lead somewhere, and what they list is what there is."""

import re
from pathlib import Path

import pytest
import typer.main
import yaml

from rung import errors
from rung.cli.app import COMMANDS, app
from rung.config import parse_config
from rung.telemetry import Metrics

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = [path for path in (ROOT / "src" / "rung").iterdir() if path.is_dir() and (path / "__init__.py").exists()]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of each heading, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [t for t in targets if not t.startswith(("http://", "https://")) and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_anchors_are_headings(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text())
    missing = [
        (path, anchor) for path, anchor in targets if anchor not in anchors(page.parent / path if path else page)
    ]
    assert not missing


def test_the_architecture_names_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert not [room.name for room in ROOMS if f"`{room.name}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_a_page_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


def test_yaml_in_the_quickstart_is_config() -> None:
    for block in blocks(ROOT / "docs" / "quickstart.md", "yaml"):
        raw = {"reasoners": {"calc": {"kind": "symbolic"}}, **yaml.safe_load(block)}
        parse_config(raw, source="quickstart", env={"ANNAS_KEY": "a", "BENS_KEY": "b"})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    (section,) = re.findall(rf"^## rung {name}\b.*?(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    command = typer.main.get_command(app).get_command(None, name).real()
    wanted = [option for part in command.params for option in part.opts if option.startswith("--")]
    assert not [option for option in wanted if f"`{option}`" not in section and option not in said_elsewhere(name)]


def test_every_error_that_a_client_may_see_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "http.md").read_text()
    (section,) = re.findall(r"^## Errors\b.*?(?=^## )", page, re.DOTALL | re.MULTILINE)
    codes = {
        error.code for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.RungError)
    }
    assert not [code for code in codes if code and f"`{code}`" not in section]


def test_every_figure_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "http.md").read_text()
    section = page.partition("\n## Figures\n")[2]
    names = re.findall(r"^# TYPE (\S+)", Metrics().render([]).decode(), re.MULTILINE)
    assert names
    assert not [name for name in names if f"`{name}`" not in section]


def said_elsewhere(name: str) -> set[str]:
    """`explain` takes chat's options, as its section says."""
    return {"--model", "--preset", "--url", "--config", "--json"} if name == "explain" else set()
