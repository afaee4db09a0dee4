"""`rung calibrate` as a user meets it: broken off by Ctrl-C and gone on with; and over the smallest real model."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
import yaml

from rung.config import default_config
from rung.errors import WeightsError
from rung.reasoners.local import weights
from rung.reasoners.local.progress import unwatched

RUNG = (sys.executable, "-c", "from rung.cli import main; main()")
SLOW = """\
import asyncio

async def slow(messages):
    await asyncio.sleep(0.05)
    return "I do not know."
"""
WAIT_S = 100.0


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNG_", "XDG_"))}
    return {**kept, "RUNG_STATE": str(tmp_path / "state")}


def calibration(tmp_path: Path, name: str) -> dict:
    try:
        return json.loads((tmp_path / "state" / "calibration.json").read_text())["reasoners"][name]
    except FileNotFoundError:
        return {"answered": []}


async def calibrating(*args: str, env: dict[str, str], cwd: Path) -> asyncio.subprocess.Process:
    pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *RUNG, "calibrate", *args, env=env, cwd=cwd, stdin=none, stdout=pipe, stderr=pipe
    )


async def test_ctrl_c_loses_nothing(tmp_path, env):
    (tmp_path / "own.py").write_text(SLOW)
    entry = {"kind": "function", "call": "own.py:slow", "general": True}
    (tmp_path / "rung.yaml").write_text(yaml.safe_dump({"reasoners": {"slow": entry}}))
    process = await calibrating("--probes", "40", env=env, cwd=tmp_path)
    async with asyncio.timeout(WAIT_S):
        while len(calibration(tmp_path, "slow")["answered"]) < 3:  # noqa: ASYNC110  a file can only be looked at
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
    assert process.returncode != 0
    assert "broken off" in out.decode()
    begun = calibration(tmp_path, "slow")
    assert not begun["whole"]
    process = await calibrating("--probes", "40", env=env, cwd=tmp_path)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert f"goes on after {len(begun['answered'])} probes" in out.decode()
    whole = calibration(tmp_path, "slow")
    assert whole["whole"]
    assert len(whole["answered"]) == 40
    assert whole["answered"][: len(begun["answered"])] == begun["answered"]
    assert whole["placement"]["interval"][1] < 0.3


@pytest.mark.model
async def test_the_smallest_model_is_placed_low(tmp_path, env):
    folder = default_config().models_dir
    assert folder is not None
    try:
        weights.obtain(weights.named("smollm2-135m-instruct"), folder, unwatched())
    except WeightsError as error:
        pytest.skip(error.message)
    entry = {"kind": "local", "model": "smollm2-135m-instruct", "slots": 1, "threads": 1}
    (tmp_path / "rung.yaml").write_text(yaml.safe_dump({"reasoners": {"small": entry}, "models_dir": str(folder)}))
    process = await calibrating("--probes", "16", "--json", env=env, cwd=tmp_path)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    small = json.loads(out)["small"]
    assert small["placement"]["interval"][1] < 0.4
    assert len(small["answered"]) == 16
    assert sum(one["tokens"] for one in small["answered"]) > 0
