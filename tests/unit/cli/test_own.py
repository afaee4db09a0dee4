"""How `rung chat` finds the Rung that serves."""

from pathlib import Path

import pytest

from rung.cli.own import how_to_reach
from rung.config import Config, parse_config


def served(**server: object) -> Config:
    return parse_config({"reasoners": {"calc": {"kind": "symbolic"}}, "server": server}, source="test", env={})


@pytest.mark.parametrize(
    ("here", "server", "told"),
    [
        (None, {}, ""),
        (None, {"host": "0.0.0.0"}, ""),
        (None, {"port": 9000}, " --url http://127.0.0.1:9000"),
        ("server: {port: 9000}", {"port": 9000}, ""),
        ("server: {port: 9000}", {}, " --url http://127.0.0.1:8080"),
        ("server: 5", {}, " --url http://127.0.0.1:8080"),
    ],
)
def test_a_server_is_named_where_chat_would_not_look(
    here: str | None, server: dict[str, object], told: str, place: Path
) -> None:
    if here is not None:
        (place / "rung.yaml").write_text(f"reasoners: {{calc: {{kind: symbolic}}}}\n{here}\n")
    assert how_to_reach(served(**server)) == told
