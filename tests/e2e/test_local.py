"""The smallest real model under the real llama.cpp, in its child process."""

import asyncio
import json
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rung import Rung
from rung.clock import RealClock
from rung.config import default_config, parse_config
from rung.errors import Unavailable, UpstreamRefusedRequest, WeightsError
from rung.reasoners.base import closing, collect
from rung.reasoners.local import weights
from rung.reasoners.local.engine import Engine, EngineSpec
from rung.reasoners.local.memory import needed_bytes
from rung.reasoners.local.progress import unwatched
from rung.reasoners.local.pulse import Pulse
from rung.reasoners.local.reasoner import Local
from rung.types import Answer, Call, Chunk, Commit, Reply

pytestmark = pytest.mark.model

NAME = "smollm2-135m-instruct"
WAIT_S = 60
LONG = "Tell me all about the sea, its fish and its ships. " * 60


@pytest.fixture(scope="session")
def model_path() -> Path:
    folder = default_config().models_dir
    assert folder is not None
    try:
        return weights.obtain(weights.named(NAME), folder, unwatched())
    except WeightsError as error:
        pytest.skip(error.message)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110 - what a system shows can only be looked at
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(model_path: Path, context_tokens: int, **more: int) -> AsyncIterator[Local]:
    async with up(Engine(spec_of(model_path, context_tokens, **more), RealClock())) as local:
        yield local


def spec_of(model_path: Path, context_tokens: int, **more: int) -> EngineSpec:
    folder = model_path.parent
    return EngineSpec(model=NAME, path=None, folder=folder, context_tokens=context_tokens, slots=2, threads=1, **more)


@asynccontextmanager
async def up(engine: Engine) -> AsyncIterator[Local]:
    local = Local("small", engine)
    await local.start()
    await until(lambda: local.status.state == "warm")
    yield local
    await local.close()


@pytest.fixture
async def local(model_path: Path) -> AsyncIterator[Local]:
    async with running(model_path, 1024) as local:
        yield local


def call(question: str, **body: Any) -> Call:
    return Call(
        id="1",
        body={"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 12, **body},
        deadline_s=0.0,
    )


async def asked(local: Local, question: str, **body: Any) -> Answer:
    return collect(local.name, [chunk async for chunk in local.answer(call(question, **body))])


async def test_answers_with_usage_signals_and_logprobs(local: Local) -> None:
    answer = await asked(local, "What is the capital of France?", logprobs=True, top_logprobs=2)
    assert answer.text
    assert answer.usage.completion_tokens > 3
    assert answer.usage.busy_s > 0
    assert answer.signals["min_logprob"] <= answer.signals["mean_logprob"] <= 0
    assert 0 < answer.signals["first_token_prob"] <= 1
    entries = answer.choices[0].logprobs
    assert "".join(entry["token"] for entry in entries).startswith(answer.text)
    assert all(len(entry["top_logprobs"]) == 2 for entry in entries)


async def test_keeps_to_a_schema(local: Local) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "capital": {"type": "boolean"}},
        "required": ["city", "capital"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    answer = await asked(local, "Which city? Answer in JSON.", response_format=form, max_tokens=60)
    assert json.loads(answer.text).keys() == {"city", "capital"}


async def test_calls_a_tool_within_its_schema(local: Local) -> None:
    """Even a model that understands nothing of it: the grammar holds it."""
    unit = {"type": "string", "enum": ["celsius", "kelvin"]}
    parameters = {"type": "object", "properties": {"unit": unit}, "required": ["unit"]}
    tool = {"type": "function", "function": {"name": "thermometer", "parameters": parameters}}
    answer = await asked(local, "How warm is it?", tools=[tool], tool_choice="required", max_tokens=60)
    (choice,) = answer.choices
    assert choice.finish == "tool_calls"
    assert choice.tool_calls[0]["function"]["name"] == "thermometer"
    assert json.loads(choice.tool_calls[0]["function"]["arguments"])["unit"] in {"celsius", "kelvin"}


async def test_seeds_repeat_choices_differ_and_stop_stops(local: Local) -> None:
    body: dict[str, Any] = {"n": 3, "seed": 5, "temperature": 1.5}
    once = await asked(local, "Name a fish.", **body)
    again = await asked(local, "Name a fish.", **body)
    texts = [choice.text for choice in once.choices]
    assert texts == [choice.text for choice in again.choices]
    assert len(set(texts)) > 1
    counted = await asked(local, "Say: one two three", stop=[" "])
    assert " " not in counted.text
    assert counted.choices[0].finish == "stop"


async def test_the_context_bounds_prompt_and_answer(model_path: Path) -> None:
    async with running(model_path, 256) as local:
        with pytest.raises(UpstreamRefusedRequest, match="context of 256 tokens"):
            await asked(local, LONG)
        question = "Tell me all about the sea. " * 30
        answer = await asked(local, question, max_tokens=None, logit_bias=[[2, False]])  # the token that would end it
        assert answer.choices[0].finish == "length"
        assert answer.usage.prompt_tokens + answer.usage.completion_tokens == 256


@pytest.fixture
async def slots_busy(local: Local) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """How many slots are at work, by llama.cpp's own account."""
    server = local._engine._client._server  # type: ignore[union-attr]
    async with aiohttp.ClientSession(headers={"Authorization": server.headers["Authorization"]}) as session:

        async def busy() -> int:
            async with session.get(server.base_url.removesuffix("/v1") + "/slots") as response:
                return sum(slot["is_processing"] for slot in await response.json())

        yield busy


async def freed(busy: Callable[[], Awaitable[int]], at_most: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while await busy() > at_most:  # noqa: ASYNC110 - its account can only be looked at
            await asyncio.sleep(0.02)


async def test_an_answer_that_is_left_frees_its_slot(local: Local, slots_busy: Callable[[], Awaitable[int]]) -> None:
    async with closing(local.answer(call("Tell me a long story.", max_tokens=900, logit_bias=[[2, False]]))) as chunks:
        await anext(chunks)
        assert await slots_busy() == 1
    await freed(slots_busy, 0)


async def test_a_prompt_that_nobody_waits_for_is_not_read_to_its_end(
    local: Local, slots_busy: Callable[[], Awaitable[int]]
) -> None:
    """Beside a neighbour that streams, whose tokens would keep llama.cpp from looking who has gone."""

    async def read(question: str, **body: Any) -> int:
        usage = (await asked(local, question, **body)).usage
        return usage.cached_tokens

    neighbour = asyncio.create_task(read("Tell me a story.", max_tokens=900, logit_bias=[[2, False]]))
    reading = asyncio.create_task(read(LONG, max_tokens=1))
    async with asyncio.timeout(WAIT_S):
        while await slots_busy() < 2:  # noqa: ASYNC110 - its account can only be looked at
            await asyncio.sleep(0.02)
    reading.cancel()
    await asyncio.wait([reading])
    await freed(slots_busy, 1)
    assert not neighbour.done(), "it would have kept its slot to the end"
    neighbour.cancel()
    await asyncio.wait([neighbour])
    await freed(slots_busy, 0)


@pytest.mark.parametrize(("step_tokens", "least", "most"), [(32, 8, 20), (256, 0, 7)])
async def test_answers_go_on_between_the_pieces_of_a_long_prompt(
    model_path: Path, step_tokens: int, least: int, most: int
) -> None:
    async with running(model_path, 1024, step_tokens=step_tokens) as local:
        written = 0

        async def write() -> None:
            nonlocal written
            body = call("Tell me a long story.", max_tokens=900, logit_bias=[[2, False]])
            async with closing(local.answer(body)) as chunks:
                async for chunk in chunks:
                    written += bool(chunk.text)

        writing = asyncio.create_task(write())
        await until(lambda: written)
        before = written
        usage = (await asked(local, LONG[:1300], max_tokens=1)).usage
        between = written - before
        writing.cancel()
        await asyncio.wait([writing])
    assert 350 <= usage.prompt_tokens <= 370, "twelve pieces, or two"
    assert usage.cached_tokens < 32
    assert least <= between <= most


async def test_a_stream_is_sent_in_all_ways_and_tells_its_signals_on_the_way(model_path: Path, tmp_path: Path) -> None:
    small = {"kind": "local", "path": str(model_path), "context_tokens": 512, "strength": 0.8}
    rungs = {"small": small, "think": {"kind": "think", "of": "small", "strength": 0.75}}
    given = {"reasoners": rungs, "cache": {"exact": {"max_mb": 0}}, "ledger": {"path": str(tmp_path / "l.db")}}
    said = {}
    async with Rung(parse_config(given, source="test", env={})) as rung:
        await until(lambda: rung.runtime.readiness().ready)
        for way in ("whole", "held", "eager"):
            request = rung.request("How many legs do 3 cats have?", stream=True, max_tokens=40, streaming=way)
            events = [event async for event in rung.runtime.run(request)]
            commit, *chunks, reply = events
            assert isinstance(commit, Commit)
            assert isinstance(reply, Reply)
            assert "".join(c.text for c in chunks if isinstance(c, Chunk)) == reply.answer.text != ""
            assert commit.reasoner == reply.decision.answered_by == reply.answer.reasoner
            said[way] = commit, chunks
    commit, chunks = said["eager"]
    assert commit.live
    assert any("mean_logprob" in c.signals for c in chunks if not c.finish)


async def test_a_killed_child_breaks_its_answers_and_comes_back(local: Local) -> None:
    async with closing(local.answer(call("Tell me a long story.", max_tokens=900, logit_bias=[[2, False]]))) as chunks:
        await anext(chunks)
        pid = local._engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Unavailable, match="SIGKILL"):
            async for _ in chunks:
                pass
    await until(lambda: local._engine.pid not in {None, pid} and local.status.state == "warm")
    assert (await asked(local, "What is the capital of France?")).text


async def test_a_child_that_reads_or_writes_is_not_taken_for_one_that_hangs(model_path: Path) -> None:
    engine = Engine(spec_of(model_path, 1024), RealClock(), pulse=Pulse(every_s=0.01, longest_s=5.0, awaited_s=2.0))
    async with up(engine) as local:
        pid = engine.pid
        answers = [asked(local, f"{LONG} {i}", max_tokens=60, logit_bias=[[2, False]]) for i in range(3)]
        assert [bool(answer.text) for answer in await asyncio.gather(*answers)] == [True] * 3
        assert engine.pid == pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: engine.pid not in {None, pid} and local.status.state == "warm")
        assert (await asked(local, "What is the capital of France?")).text


async def test_the_door_is_locked(local: Local) -> None:
    server = local._engine._client._server  # type: ignore[union-attr]
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    async with (
        aiohttp.ClientSession(headers={"Origin": "https://evil.example"}) as session,
        session.post(f"{server.base_url}/chat/completions", json=body) as response,
    ):
        assert response.status == 401
        assert response.headers["Access-Control-Allow-Origin"] not in {"*", "https://evil.example"}


async def test_no_child_outlives_a_parent_that_was_killed(model_path: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from rung.clock import RealClock
        from rung.reasoners.local.engine import Engine, EngineSpec

        async def main():
            spec = EngineSpec(model=None, path=Path(sys.argv[1]), folder=Path("."), context_tokens=256, slots=1)
            engine = Engine(spec, RealClock())
            await engine.start()
            while engine.status.state != "warm":
                await asyncio.sleep(0.01)
            print(engine.pid, flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(program), str(model_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(WAIT_S):
        child = int(await parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(child))


async def test_two_models_share_memory_for_one(model_path: Path, tmp_path: Path) -> None:
    """Each is loaded when it is asked for, in place of the other, and what it takes is within what was counted."""
    entry = {"kind": "local", "model": NAME, "threads": 1}
    config = {
        "reasoners": {"small": {**entry, "context_tokens": 512}, "large": {**entry, "context_tokens": 1024}},
        "machine": {"memory_mb": needed_bytes(model_path, 2 * 1024) // 2**20 + 1},
        "models_dir": str(model_path.parent),
        "ledger": {"path": str(tmp_path / "ledger.sqlite")},
    }
    async with Rung(parse_config(config, source="test")) as rung:
        states = lambda: {info.name: info.state for info in rung.runtime.reasoners()}  # noqa: E731
        await until(lambda: sorted(states().values()) == ["cold", "warm"])
        assert rung.runtime.readiness().ready
        for name in ("small", "large", "large", "small"):
            reply = await rung.reply("What is the capital of France?", model=name, max_tokens=4, cache="off")
            assert reply.answer.reasoner == name
            assert states() == {"small": "cold", "large": "cold", name: "warm"}
            (child,) = children()
            assert resident_bytes(child) <= config["machine"]["memory_mb"] * 2**20  # type: ignore[index]
        (cold,) = (info for info in rung.runtime.reasoners() if info.state == "cold")
        assert "in place of another model" in cold.note


def children() -> list[int]:
    """llama.cpp processes of ours that run."""
    listed = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for file in listed for pid in file.read_text().split()]
    return [p for p in pids if alive(p) and b"rung.reasoners.local.child" in Path(f"/proc/{p}/cmdline").read_bytes()]


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def alive(pid: int) -> bool:
    """A zombie, which nobody has reaped yet, is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_broken_file_is_told(tmp_path: Path, model_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    with model_path.open("rb") as whole:
        broken.write_bytes(whole.read(3_000_000))
    spec = EngineSpec(model=None, path=broken, folder=tmp_path, context_tokens=256, slots=1)
    engine = Engine(spec, RealClock())
    await engine.start()
    await until(lambda: engine.status.state == "down")
    assert "corrupted or incomplete" in engine.status.note
    await engine.close()
