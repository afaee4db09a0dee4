"""The served OpenAPI document drives the real server: nothing breaks, and what comes back is as documented."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from rung.api.openapi import OPERATIONS
from rung.api.shape import ChatBody

CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 25
# What has a meaning only beside other fields, or needs what no reasoner here can: seldom sound when drawn at random.
PAIRED = {"response_format", "stream_options", "tool_choice", "tools", "top_logprobs", "logprobs", "n"}
QUESTION = {"messages": [{"role": "user", "content": "What is 3 * 4?"}]}
OWN = """\
async def answer(messages):
    return "Yes: the answer is 12. A"
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "own_fuzzed.py").write_text(OWN)
    config = {
        "reasoners": {"own": {"kind": "function", "call": "own_fuzzed:answer", "general": True}},
        "ledger": {"path": str(folder / "ledger.sqlite")},
        "models_dir": str(folder / "models"),
        "server": {"max_body_mb": 0.1},
    }
    (folder / "rung.yaml").write_text(yaml.safe_dump(config))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("rung"), "serve", "--config", folder / "rung.yaml", "--port", "0"],
            stderr=log,
            env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        )
    try:
        yield _listening(process, folder / "log")
    finally:
        process.terminate()
        assert process.wait(30) == 0
        assert '"unexpected"' not in (folder / "log").read_text()


def _listening(process: "subprocess.Popen[bytes]", log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"serves on (http://\S+?);", log.read_text()):
            return found[1]
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def schema(address: str) -> Any:
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.id)
def test_nothing_breaks(schema: Any, address: str, one: Any, mode: GenerationMode) -> None:
    operation = schema[one.path][one.method.upper()]
    if mode is GenerationMode.NEGATIVE and one.body is None:
        pytest.skip("takes nothing that could be wrong")

    statuses = Counter[int]()

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode), st.booleans())
    def fuzz(case: Any, mended: bool) -> None:
        if mended and one.body is ChatBody and isinstance(case.body, dict):
            case.body = {key: value for key, value in case.body.items() if key not in PAIRED} | QUESTION
        response = case.call(base_url=address, timeout=20)
        statuses[response.status_code] += 1
        assert response.status_code != 500, response.text
        case.validate_response(response, checks=CHECKS)

    fuzz()
    names_what_is_there = "{name}" not in one.path and one.path != "/v1/feedback"
    assert statuses[200] or mode is GenerationMode.NEGATIVE or not names_what_is_there
