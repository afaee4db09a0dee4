"""What is found becomes a file that is right, whatever was found."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import chain, combinations
from pathlib import Path

import pytest
import yaml

from rung.cli import init as command
from rung.cli.offers import VARIABLES, OllamaModel, from_ollama, hosted, ollama_models
from rung.cli.written import config_text
from rung.config import parse_config
from rung.config.schema import EndpointConfig

TAGS = {
    "models": [
        {"name": "llama3.1:8b", "size": 4_900_000_000, "details": {"parameter_size": "8.0B"}},
        {"name": 'hf.co/Some Body/Model: "odd" #name', "size": 900_000_000, "details": {"parameter_size": "270M"}},
        {"name": "nomic-embed-text:latest", "size": 9_900_000_000},
        {"name": "qwen3:0.6b", "size": 500_000_000},
    ]
}


class _Ollama(BaseHTTPRequestHandler):
    said = b""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/tags" else 404)
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Ollama]]:
    with HTTPServer(("127.0.0.1", 0), _Ollama) as server:
        monkeypatch.setattr(command, "OLLAMA", ("127.0.0.1", server.server_port))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        _Ollama.said = json.dumps(TAGS).encode()
        yield _Ollama
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_ollama(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on the machine that tests."""
    monkeypatch.setattr(command, "OLLAMA", ("127.0.0.1", 1))


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))


def test_every_combination_is_a_right_file() -> None:
    """Entries do not depend on one another, but names must not meet and the text must stay YAML."""
    tags = [OllamaModel(name=str(m["name"]), size=int(str(m["size"]))) for m in TAGS["models"]]
    found = [from_ollama(()), from_ollama(tags)]
    count = 0
    for names in subsets(VARIABLES):
        env = dict.fromkeys(names, "secret-value")
        for local in found:
            offers = [*hosted(env), *local]
            text = config_text(offers, "2026-11-24")
            raw = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            config = parse_config(raw, source="f", env=env)
            assert list(config.reasoners) == [
                "calc",
                "brief",
                "fast",
                "program",
                "think",
                "vote",
                *(o.name for o in offers),
            ]
            assert "secret-value" not in text
            count += 1
    assert count == 2 * 2 ** len(VARIABLES)


def test_each_provider_has_its_own_key_and_price() -> None:
    env = {name: f"key of {name}" for name in VARIABLES}
    offers = hosted(env)
    config = parse_config(yaml.safe_load(config_text(offers, "today")), source="f", env=env)
    for offer in offers:
        entry = config.reasoners[offer.name]
        assert isinstance(entry, EndpointConfig)
        assert entry.api_key is not None
        assert entry.api_key.get_secret_value() == f"key of {offer.variable}"
        assert entry.price.output_usd_per_mtok == offer.output_usd_per_mtok > offer.input_usd_per_mtok > 0
        assert (entry.model, entry.base_url, entry.strength) == (offer.model, offer.base_url, offer.strength)


def test_either_of_geminis_variables_will_do_and_the_first_wins() -> None:
    assert {o.variable for o in hosted({"GOOGLE_API_KEY": "a"})} == {"GOOGLE_API_KEY"}
    assert {o.variable for o in hosted({"GOOGLE_API_KEY": "a", "GEMINI_API_KEY": "b"})} == {"GEMINI_API_KEY"}


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_no_key(value: str) -> None:
    assert hosted({"OPENAI_API_KEY": value}) == []


def test_nothing_found(place: Path, run) -> None:
    result = run("init")
    assert result.exit_code == 0
    assert "Found no API key (looked for OPENAI_API_KEY" in result.output
    assert run("validate").exit_code == 0
    assert "# cloud:" in (place / "rung.yaml").read_text()


def test_keys_and_an_ollama(place: Path, run, ollama: type[_Ollama], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "very-secret")
    result = run("init", "--path", "mine.yaml")
    assert result.exit_code == 0
    assert "Found: Mistral (MISTRAL_API_KEY), Ollama." in result.output
    text = (place / "mine.yaml").read_text()
    assert "very-secret" not in text + result.output
    assert run("validate", "mine.yaml").exit_code == 0
    names = list(yaml.safe_load(text)["reasoners"])
    assert names[6:8] == ["mistral-small", "mistral-large"]
    assert names[8:] == ["ollama-hf.co-some-body-model-odd-name", "ollama-llama3.1-8b"]


@pytest.mark.parametrize("said", [b"", b"<html>", b'{"models": 5}', b"{}", b'{"models": [{"size": 1}]}'])
def test_what_is_no_ollama_is_left_alone(ollama: type[_Ollama], said: bytes) -> None:
    ollama.said = said
    assert not ollama_models(*command.OLLAMA)


def test_a_file_that_is_there_stays(place: Path, run) -> None:
    (place / "rung.yaml").write_text("mine")
    result = run("init")
    assert "--force" in str(result.exception)
    assert (place / "rung.yaml").read_text() == "mine"
    assert run("init", "--force").exit_code == 0
    assert "calc" in (place / "rung.yaml").read_text()


def test_a_place_that_cannot_be_written(run) -> None:
    assert "cannot be written" in str(run("init", "--path", "no/such/folder.yaml").exception)
    assert "is a folder; name the file in it" in str(run("init", "--force", "--path", ".").exception)


def test_json_names_costs(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    result = run("init", "--json")
    said = json.loads(result.stdout)
    assert "very-secret" not in result.output
    assert said["file"] == "rung.yaml"
    assert [found["model"] for found in said["found"]] == ["gpt-4.1-mini", "gpt-4.1"]
    costs = said["typical_usd"]
    assert costs["calc"] == 0 < costs["openai-mini"] < costs["openai"]
