"""A rung that is killed, hung or slowed under load; keys that are limited; full lanes. All over real connections."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rung import Rung
from rung.config import parse_config

FAST = {"kind": "endpoint", "tokens_per_s": 200, "first_token_s": 0.2}
QUESTION = "Why is the sky blue?"


@pytest.fixture
async def rung_of(upstream: Any, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    made: list[Rung] = []

    async def make(reasoners: dict[str, dict[str, Any]], **rest: Any) -> Rung:
        entries = {name: {**FAST, "base_url": upstream.base_url, "model": name, **e} for name, e in reasoners.items()}
        ledger = {"path": str(tmp_path / "ledger.sqlite")}
        made.append(Rung(parse_config({"reasoners": entries, "ledger": ledger, **rest}, source="test")))
        await made[-1].start()
        return made[-1]

    yield make
    for rung in made:
        await rung.close()


def by(field: Callable[[Any], str], acts: dict[str, Any]) -> Any:
    """An act for each model, or each key."""
    return lambda received: acts[field(received)](received)


def slowly(act: Any) -> Any:
    """Slow to begin: what has begun to stream stays where it is."""

    async def later(received: Any) -> Any:
        await asyncio.sleep(30.0)
        return await act(received)

    return later


def model(received: Any) -> str:
    name: str = received.body["model"]
    return name


async def ask(rung: Rung, name: str, **options: Any) -> str:
    reply = await rung.reply(f"{QUESTION} ({name})", **{"cache": "off", "deadline_ms": 6000, **options})
    return reply.answer.reasoner


@pytest.mark.parametrize("fault", ["killed", "failing", "hung", "slowed"])
@pytest.mark.parametrize("stream", [False, True])
async def test_no_request_is_lost_that_another_rung_can_answer(
    rung_of: Any, upstream: Any, fault: str, stream: bool
) -> None:
    rung = await rung_of({"first": {"strength": 0.95}, "other": {"strength": 0.6}})
    fine = upstream.says("fine")
    upstream.play(by(model, {"first": fine, "other": fine}))
    more = {"stream": True} if stream else {}
    assert set(await asyncio.gather(*(ask(rung, f"a{i}", **more) for i in range(12)))) == {"first"}
    bad = {
        "killed": upstream.resets(),
        "failing": upstream.refuses(503),
        "hung": upstream.hangs(),
        "slowed": slowly(fine),
    }[fault]
    upstream.play(by(model, {"first": bad, "other": fine}))
    answered = Counter(await asyncio.gather(*(ask(rung, f"b{i}", **more) for i in range(24))))
    assert answered["other"] == 24
    assert (await rung.explain(QUESTION)).first == "other", "and the next are not sent there"


# An upstream that is a process of its own: says its port, then answers in a moment; from SIGUSR1 on in half a minute.
SERVER = """
import asyncio, signal
from aiohttp import web
from conftest import Upstream

async def main():
    takes_s, fine, server = [0.1], Upstream.says("fine"), Upstream()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: takes_s.append(30.0))

    async def act(received):
        await asyncio.sleep(takes_s[-1])
        return await fine(received)

    server.play(act)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
SIGNALS = {"killed": signal.SIGKILL, "hung": signal.SIGSTOP, "slowed": signal.SIGUSR1}
CLIENTS = 8
PLACES = 4
WITHIN_S = 6.0


@asynccontextmanager
async def process_of_its_own() -> AsyncIterator[tuple[str, Process]]:
    path = os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, stdout=PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}/v1", process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("fault", SIGNALS)
async def test_a_reasoner_that_falls_under_load_loses_no_request(rung_of: Any, upstream: Any, fault: str) -> None:
    """Clients, half of them streaming, ask one request after the other. In the middle of it, with every place of the
    reasoner taken and calls waiting for one, its process is killed, stopped, or made slow: those inside it, those that
    wait and those that come are all answered by the other within their deadlines."""
    upstream.play(upstream.says("fine"))
    async with process_of_its_own() as (url, process):
        rung = await rung_of(
            {"first": {"strength": 0.95, "base_url": url, "concurrency": PLACES}, "other": {"strength": 0.6}}
        )
        loop = asyncio.get_running_loop()
        fell, began_s, ended = asyncio.Event(), {}, {}

        async def one(name: str, stream: bool) -> None:
            began_s[name] = loop.time()
            by = await ask(rung, name, deadline_ms=WITHIN_S * 1000, **({"stream": True} if stream else {}))
            ended[name] = by, loop.time() - began_s[name]

        async def client(at: int) -> None:
            n = 0
            while not fell.is_set():
                await one(f"{fault} {at} {n}", at % 2 == 0)
                n += 1
            await one(f"{fault} {at} after", at % 2 == 0)

        clients = asyncio.gather(*map(client, range(CLIENTS)))

        def full() -> bool:
            (stats,) = (lane for lane in rung.runtime.lanes() if lane.reasoner == "first")
            return stats.running == PLACES and stats.queued > 0 and stats.served >= 2 * CLIENTS

        await until(full)
        under_way = set(began_s) - set(ended)
        process.send_signal(SIGNALS[fault])
        fell.set()
        await clients

    assert len(under_way) > PLACES
    assert set(ended) == set(began_s)
    assert {by for name, (by, _) in ended.items() if "after" in name} == {"other"}
    assert "other" in {ended[name][0] for name in under_way}
    assert max(took_s for _, took_s in ended.values()) <= WITHIN_S


async def test_429_cools_down_one_key_only(rung_of: Any, upstream: Any) -> None:
    def key(received: Any) -> str:
        authorization: str = received.headers["Authorization"]
        return authorization

    rung = await rung_of({"cloud": {"api_keys": ["sk-key-one", "sk-key-two"]}})
    refuses = upstream.refuses(429, headers={"Retry-After": "60"})
    upstream.play(by(key, {"Bearer sk-key-one": refuses, "Bearer sk-key-two": upstream.says("fine")}))
    for i in range(12):
        assert await ask(rung, f"c{i}") == "cloud"
    assert Counter(key(r) for r in upstream.received) == {"Bearer sk-key-one": 1, "Bearer sk-key-two": 12}
    (stats,) = rung.runtime.lanes()
    assert sorted(stats.breakers.values()) == ["closed", "open"]
    assert "sk-key" not in str(stats)


async def test_a_client_that_leaves_the_queue_frees_its_place_and_is_never_sent(rung_of: Any, upstream: Any) -> None:
    gate = asyncio.Event()
    rung = await rung_of({"cloud": {"concurrency": 1}}, lanes={"queue": {"max_requests": 1}})
    fine = upstream.says("fine")

    async def held(received: Any) -> Any:
        await gate.wait()
        return await fine(received)

    upstream.play(held)
    first = asyncio.create_task(ask(rung, "first"))
    await upstream.arrived(1)
    leaving = asyncio.create_task(ask(rung, "leaving"))
    await until(lambda: rung.runtime.lanes()[0].queued == 1)
    leaving.cancel()
    await until(lambda: rung.runtime.lanes()[0].queued == 0)
    staying = asyncio.create_task(ask(rung, "staying"))
    await until(lambda: rung.runtime.lanes()[0].queued == 1)
    gate.set()
    await asyncio.gather(first, staying)
    assert ["leaving" in str(r.body) for r in upstream.received] == [False, False]


async def test_who_is_critical_goes_first_through_a_full_lane(rung_of: Any, upstream: Any) -> None:
    gate = asyncio.Event()
    rung = await rung_of({"cloud": {"concurrency": 1}})
    fine = upstream.says("fine")

    async def held(received: Any) -> Any:
        await gate.wait()
        return await fine(received)

    upstream.play(held)
    tasks = [asyncio.create_task(ask(rung, "now"))]
    await upstream.arrived(1)
    for at, priority in enumerate(["batch", "interactive", 5, "critical"]):
        tasks.append(asyncio.create_task(ask(rung, f"is {priority}", priority=priority, deadline_ms=60_000)))
        await until(lambda: rung.runtime.lanes()[0].queued == at + 1)  # noqa: B023  awaited at once
    gate.set()
    await asyncio.gather(*tasks)
    order = [r.body["messages"][0]["content"].partition("(")[2] for r in upstream.received]
    assert order == ["now)", "is critical)", "is interactive)", "is batch)", "is 5)"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.005)
