"""The lanes in front of the real local model: a real `rung serve` whose only rung is llama.cpp, asked over HTTP.

First, requests of the same kind are asked by as many clients as keep the model busy: that is its capacity. Then they
come as they were recorded (Azure, the part that reports), at twice that. Sizes are a fortieth of the recorded prompts
and a twentieth of the answers, so that a few hundred fit into minutes; each asks for a list that would never end, so
that its answer is as long as it may be. Deadlines follow from the capacity: in the mean time that a request takes with
all slots in use, the critical ones have six of it, and the other classes as in `PATIENCE`.
"""

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import aiohttp
from lanes_figures import Interval
from lanes_scene import PATIENCE, PLACES, TENANTS, Queueing, Window, arrivals_of, figures_of
from msgspec import Struct
from msgspec.structs import replace
from results import write

from rung.simulate import Arrival, Asked, LocalSpeed, Mix, Outcome, Size, replay, scaled, workload
from rung.simulate.replay import Ending, Serve
from rung.trial.graded import wilson

MODEL = "qwen2.5-coder-1.5b-instruct"
SLOTS = PLACES["local"]
LOAD = 2.0
# Tokens of the words around a request's list, and of the chat's own marks.
_AROUND = 60
_MEASURED = 28  # requests of the measure of the capacity, after the first few
_MEASURE_S = 75.0  # and no longer than so
_ENDS_S = 30.0
_KEYS = {tenant: f"key-of-{tenant}-tenant" for tenant in TENANTS}
_ENDINGS: dict[int, Ending] = {200: "answered", 429: "refused", 504: "late"}
_WORDS = ["red", "green", "blue", "black", "white", "pink", "brown", "grey", "gold", "silver"]


class Asking:
    """One client of the server for everybody: `auto`, as its class, tenant and deadline say, or, with `plain`, as one
    who has none of these."""

    def __init__(self, session: aiohttp.ClientSession, *, plain: bool = False) -> None:
        self._session = session
        self._plain = plain

    async def __call__(self, asked: Asked) -> Outcome:
        loop = asyncio.get_running_loop()
        wishes = {} if self._plain else {"priority": asked.priority, "deadline_ms": round(asked.deadline_s * 1000)}
        body = {
            "model": "auto",
            "messages": [{"role": "user", "content": _prompt(asked)}],
            "max_tokens": asked.size.completion_tokens,
            "rung": {"cache": "off", **wishes},
        }
        began_s = loop.time()
        headers = {"authorization": f"Bearer {_KEYS[asked.tenant]}"}
        async with self._session.post("/v1/chat/completions", json=body, headers=headers) as response:
            reply = await response.json()
        total_s = loop.time() - began_s
        if response.status == 429 and "retry-after" not in response.headers:
            raise SystemExit("A refusal came without Retry-After.")
        tokens = sum(reply["usage"][kind] for kind in ("prompt_tokens", "completion_tokens")) if response.ok else 0
        ending = _ENDINGS.get(response.status, "failed")
        why = "" if response.ok else str(reply["error"]["message"])
        return Outcome(asked=asked, ending=ending, total_s=total_s, by="only" if tokens else "", tokens=tokens, why=why)


def _prompt(asked: Asked) -> str:
    words = cycle(_WORDS)
    colours = " ".join(next(words) for _ in range(asked.size.prompt_tokens))
    return f"List {asked.id}: {colours}. Write out this list again and again, word by word, and never stop."


def small(arrivals: Sequence[Arrival]) -> list[Arrival]:
    return [
        replace(
            arrival,
            prompt_tokens=max(arrival.prompt_tokens // 40, 1),
            completion_tokens=max(arrival.completion_tokens // 20, 4),
        )
        for arrival in arrivals
    ]


def work_s(asked: Sequence[Asked] | Sequence[Arrival]) -> list[float]:
    """What each adds to a processor that is always busy, in seconds of the reference machine: only ratios count."""
    sizes = [one.size if isinstance(one, Asked) else Size(one.prompt_tokens, one.completion_tokens) for one in asked]
    return [LocalSpeed().busy_s(size.prompt_tokens + _AROUND, size.completion_tokens, SLOTS) for size in sizes]


class Capacity(Struct, frozen=True):
    """`work_per_s`: of `work_s`, done in a second; `call_s`: what a call takes with all slots in use."""

    work_per_s: float
    requests_per_s: float
    call_s: float
    asked: int


async def capacity(session: aiohttp.ClientSession, arrivals: Sequence[Arrival]) -> Capacity:
    """Twice as many clients as slots, each with its next request as soon as it has its answer; counted from when all
    of them have had one, until the first finds nothing more to ask, or no time."""
    mix = Mix(deadline_s=lambda _priority, _size: 300.0, tenants=TENANTS)
    waiting = [replace(one, id=f"c{one.id}") for one in reversed(workload(arrivals, mix, seed=0))]
    ask, clients = Asking(session, plain=True), 2 * SLOTS
    loop = asyncio.get_running_loop()
    done: list[tuple[float, Asked]] = []
    until_s = loop.time() + _MEASURE_S

    async def client() -> None:
        while waiting and (loop.time() < until_s or len(done) < 3 * clients):
            outcome = await ask(waiting.pop())
            if outcome.ending != "answered":
                raise SystemExit(f"The capacity cannot be measured: {outcome.why}")
            done.append((loop.time(), outcome.asked))

    await asyncio.gather(*(client() for _ in range(clients)))
    counted = done[clients : len(done) - clients]
    seconds = counted[-1][0] - done[clients - 1][0]
    total_s = sum(work_s([asked for _, asked in counted]))
    per_s = len(counted) / seconds
    return Capacity(total_s / seconds, per_s, SLOTS / per_s, len(counted))


async def local(model: str, seconds: float, side: str, window: Window) -> None:
    """Measures, overloads, says and writes what came of it."""
    arrivals = small(window.cut(arrivals_of("local", "azure")))
    async with serving(model) as session:
        most = _MEASURED + 4 * SLOTS
        can = await capacity(session, arrivals[-most:])
        print(f"capacity: {can.requests_per_s:.2f} requests/s, {can.call_s:.2f} s a call, by {can.asked} requests")
        asked = coming(arrivals, can, seconds, window.seed)
        ask: Serve = Asking(session)
        if side != "rung":
            ask = Queueing(Asking(session, plain=True), lambda _: 0, SLOTS, side)
        replayed = await replay(asked, ask)
    outcomes = replayed.outcomes
    # Seconds of this machine, not of the reference one.
    figures = figures_of(outcomes, [s / can.work_per_s for s in work_s(asked)])
    figures.pop("wasted", None)  # what was begun for those without an answer is not told over HTTP
    critical = [o for o in outcomes if o.asked.priority == "critical"]
    met = sum(o.met for o in critical)
    intervals: dict[str, Interval] = {"met.critical": wilson(met, len(critical))}
    figures |= {"critical_asked": len(critical), "critical_missed": len(critical) - met}
    figures |= {"capacity_requests_per_s": can.requests_per_s, "call_s": can.call_s, "load": LOAD}
    answered = [o for o in outcomes if o.ending == "answered"]
    figures["tokens_an_answer"] = sum(o.tokens for o in answered) / max(len(answered), 1)
    for key, value in figures.items():
        print(f"{key:26} {value:9.3f}  {intervals.get(key, '')}")
    for why in {o.why for o in outcomes if o.ending == "failed"}:
        print(f"failed: {why}")
    detail = {"model": model, "side": side, "seconds": replayed.virtual_s, "patience": PATIENCE}
    name = "lanes-local" if side == "rung" else f"lanes-local-{side.replace(' ', '-')}"
    if model == MODEL:
        print(f"written to {write(name, figures, intervals, detail, window.seed, len(outcomes))}")


def coming(arrivals: Sequence[Arrival], can: Capacity, seconds: float, seed: int) -> list[Asked]:
    """The first arrivals, as many as are `LOAD` times what can be done in `seconds`."""
    total_s, n = 0.0, 0
    for each_s in work_s(arrivals):
        if total_s >= LOAD * seconds * can.work_per_s:
            break
        total_s, n = total_s + each_s, n + 1
    mine = arrivals[:n]
    mix = Mix(deadline_s=lambda priority, _size: 6 * PATIENCE[str(priority)] * can.call_s, tenants=TENANTS)
    return workload(scaled(mine, [s / can.work_per_s for s in work_s(mine)], LOAD), mix, seed)


@asynccontextmanager
async def serving(model: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A Rung of our own, ready, on a free port, whose tenants have keys."""
    keys = ", ".join(f"{tenant}: {key}" for tenant, key in _KEYS.items())
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        probe.close()
        config = Path(folder) / "rung.yaml"
        config.write_text(
            f"reasoners: {{only: {{kind: local, model: {model}, slots: {SLOTS}}}}}\n"
            f"server: {{api_keys: {{{keys}}}}}\nledger: {{path: {folder}/ledger.sqlite}}\nlog: {{level: error}}\n"
        )
        command = [str(Path(sys.executable).parent / "rung"), "serve", "--config", str(config), "--port", str(port)]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        try:
            timeout = aiohttp.ClientTimeout(total=900)
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(
                f"http://127.0.0.1:{port}", timeout=timeout, connector=connector
            ) as session:
                await _until_ready(session, process)
                yield session
        finally:
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_ENDS_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _until_ready(session: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(300):
        while process.returncode is None:
            try:
                async with session.get("/health/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    raise SystemExit(f"`rung serve` ended with {process.returncode}: is the model here (`rung models get`)?")
