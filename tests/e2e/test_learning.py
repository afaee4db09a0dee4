"""What users say over HTTP, and what is decided then: the real server, functions for reasoners."""

import asyncio
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

WAIT_S = 60
OWN = """
async def first(call):
    return "the first one's answer"

async def second(call):
    return "the second one's answer"
"""
ASKED = {"model": "auto", "messages": [{"role": "user", "content": "Why is the sky blue?"}], "rung": {"cache": "off"}}


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    (folder / "own.py").write_text(OWN)
    entries = {
        name: {"kind": "function", "call": f"own.py:{name}", "general": True, "strength": strength}
        for name, strength in (("first", 0.8), ("second", 0.6))
    }
    (folder / "rung.yaml").write_text(
        yaml.safe_dump({"reasoners": entries, "ledger": {"path": str(folder / "ledger.sqlite")}})
    )
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("rung"),
        *("serve", "--config", str(folder / "rung.yaml"), "--port", "0"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    address = None
    async with asyncio.timeout(WAIT_S):
        while address is None and (line := (await process.stderr.readline()).decode()):
            address = re.search(r"serves on (http://\S+?);", line)
    assert address is not None
    rest = asyncio.create_task(process.stderr.read())
    try:
        async with aiohttp.ClientSession(address[1]) as http:
            yield http
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(WAIT_S):
            await rest
            assert await process.wait() == 0


async def post(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with http.post(path, json=body) as response:
        assert response.status == 200, await response.text()
        told: dict[str, Any] = await response.json()
        return told


def estimate(decision: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(o["estimate"] for o in decision["options"] if o["reasoner"] == name)
    return found


async def test_what_users_say_changes_the_next_decision_within_two_seconds_and_outlives_the_process(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as http:
        before = await post(http, "/v1/explain", ASKED)
        assert before["first"] == "first"
        for nth in range(8):
            answer = await post(http, "/v1/chat/completions", ASKED)
            if answer["model"] == "second":
                break
            said_s = time.monotonic()
            await post(http, "/v1/feedback", {"decision_id": answer["id"], "correct": False})
            after = await post(http, "/v1/explain", ASKED)
            assert time.monotonic() - said_s < 2
            assert estimate(after, "first")["right_prob"] < estimate(before, "first")["right_prob"]
            assert estimate(after, "first")["correction"]["outcomes"] == nth + 1
            before = after
        assert answer["model"] == "second"
        assert before["first"] == "second"
    async with serving(tmp_path) as http:
        again = await post(http, "/v1/explain", ASKED)
        assert again["first"] == "second"
        for name in ("first", "second"):
            assert estimate(again, name)["right_prob"] == estimate(before, name)["right_prob"]
