"""What does Rung take of the processor for a call, beside what a bare proxy takes?

    inside.py [--rounds 40] [--calls 320]

Both run in this one process, in turns, in front of the same nginx, each request handed to the app as a server would: 16
at once, as in gateway.py, but without the server's own part, wrk and the system's scheduling. Figures are the lowest of
the rounds, in microseconds of processor time a request, so that a busy machine disturbs them little: `loop` of the
event loop's thread, `cpu` of all threads, the ledger's too. `miss`: every prompt is new; `hit`: always the same, beside
a bare app that parses and answers; `stream`: a stream of a reasoner asked by name.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import results
import uvloop
from bare_proxy import Proxy
from gateway_sides import RUNG_CONFIG, Ports, upstream
from wrk import Target, body

from rung.api import make_app
from rung.bootstrap import Rung
from rung.cli.serve import spare_collector, spare_generators
from rung.config import load_config
from rung.telemetry import configure_logs

SEED = 0  # nothing is drawn
AT_ONCE = 16
CHAT = "/v1/chat/completions"

App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


async def ask(app: App, path: str, raw: bytes) -> None:
    """One request, in a task of its own as under a server."""
    gone = asyncio.Event()
    messages = [{"type": "http.request", "body": raw, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if not messages:
            await gone.wait()
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    headers.append((b"content-length", str(len(raw)).encode()))
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await asyncio.create_task(app(scope, receive, send))
    if sent[0]["status"] != 200:
        raise SystemExit(f"a request was not answered: {sent}")


async def round_us(app: App, path: str, bodies: list[bytes]) -> tuple[float, float]:
    """Microseconds a request: of this thread, and of all."""

    async def some(at: int) -> None:
        for raw in bodies[at::AT_ONCE]:
            await ask(app, path, raw)

    before, before_all = time.thread_time(), time.process_time()
    await asyncio.gather(*(some(at) for at in range(AT_ONCE)))
    after, after_all = time.thread_time(), time.process_time()
    return (after - before) / len(bodies) * 1e6, (after_all - before_all) / len(bodies) * 1e6


def bodies(mode: str, tag: str, calls: int) -> list[bytes]:
    target = Target(port=0, model="stream" if mode == "stream" else "auto", stream=mode == "stream")
    return [body(target, "of all" if mode == "hit" else f"{tag}-{at}").encode() for at in range(calls)]


async def measured(folder: Path, ports: Ports, rounds: int, calls: int) -> dict[str, float]:
    config = folder / "rung.yaml"
    config.write_text(RUNG_CONFIG.format(up=ports.up_url, streaming=ports.streaming_url, folder=folder, cache_mb=64))
    rung = Rung(load_config(config))
    app = make_app(rung, rung.metrics, rung.clock)
    bare = Proxy(ports.up_url + "/chat/completions", ports.streaming_url + "/chat/completions")
    figures: dict[str, float] = {}
    async with rung:
        spare_collector()
        spare_generators()
        for mode in ("miss", "hit", "stream"):
            ours, theirs = [], []
            for number in range(-1, rounds):
                asked = bodies(mode, f"r{number}", calls)
                one = await round_us(app, CHAT, asked)
                other = await round_us(bare, "/hit" if mode == "hit" else CHAT, asked)
                if number >= 0:  # the first only warms up
                    ours.append(one)
                    theirs.append(other)
            figures |= {f"{mode}_loop_us": min(loop for loop, _ in ours), f"{mode}_cpu_us": min(cpu for _, cpu in ours)}
            figures[f"{mode}_bare_us"] = min(loop for loop, _ in theirs)
    await bare.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=320, help="of each round")
    options = parser.parse_args()
    ports = Ports()
    with tempfile.TemporaryDirectory() as temporary, upstream(Path(temporary), ports):
        folder = Path(temporary)
        with (folder / "log").open("w") as log, redirect_stderr(log):
            configure_logs(format="json")
            figures = uvloop.run(measured(folder, ports, options.rounds, options.calls))
    for name, value in figures.items():
        print(f"{name:16} {value:8.1f}")
    results.write("inside", figures, intervals={}, detail="lowest of the rounds", seed=SEED, n=options.rounds)


if __name__ == "__main__":
    main()
