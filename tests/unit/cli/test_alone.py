"""What is put to the test alone needs nobody else of its config."""

import json

import numpy as np
import pytest

from rung.cli.alone import alone
from rung.config import load_config
from rung.errors import ConfigError

CONFIG = {
    "reasoners": {
        "new": {"kind": "function", "call": "own.py:answer", "general": True},
        "old": {"kind": "function", "call": "own.py:answer", "general": True},
    }
}


@pytest.fixture
def written(place):
    def write(**more):
        (place / "own.py").write_text("async def answer(messages):\n    return '4'\n")
        (place / "rung.yaml").write_text(json.dumps({**CONFIG, **more}))

    return write


@pytest.mark.parametrize("command", [["test", "reasoner", "new", "--load", "0"], ["calibrate", "new", "--probes", "3"]])
def test_a_judge_beside_it_is_not_needed(run, written, command):
    written(judge={"reasoner": "old"})
    told = run(*command)
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize("command", [["test", "reasoner", "new", "--load", "0"], ["calibrate", "new", "--probes", "3"]])
def test_nor_is_it_refused_by_what_was_learned_of_others(run, place, written, command):
    rng = np.random.default_rng(1)
    rows = "\n".join(f"What is {i} plus {i * 7 % 13}?,{rng.integers(2)},{rng.integers(2)}" for i in range(120))
    (place / "outcomes.csv").write_text(f"question,score|old,score|older\n{rows}\n")
    assert run("eval", "--outcomes", "outcomes.csv", "--out", "learned", "--no-curve").exit_code == 0
    written(estimates={"artefact": "learned"})
    told = run(*command)
    assert told.exit_code == 0, told.output
    assert alone(load_config(None), "old", place).estimates.artefact, "what is known of it counts"
    (place / "learned").write_bytes(b"no artefact")
    with pytest.raises(ConfigError):
        alone(load_config(None), "new", place)
