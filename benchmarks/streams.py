"""Do a hundred streams at once keep up with their upstream?

    streams.py [--streams 100] [--chunks-per-s 50] [--seconds 10] [--rounds 3]

An upstream (paced.py) writes a chunk of every stream each 20 ms, and says in it when. The client sees by how much later
it has it: straight from the upstream, through the bare proxy (bare_proxy.py), and through a real `rung serve` that is
asked for the reasoner by name, in turns. A stream falls behind if its lag grows: `drift_ms` is the median lag of the
last second less that of the second one, `late_share` the share of chunks that came later than the next was due. Streams
begin spread over one pace, so that their chunks do. Before it is measured a side serves short streams, so that
connections are open and Rung's limit knows the upstream. Lags are of all rounds together, `_added_` figures medians of
differences within a round; intervals are the lowest and the highest round.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import results
import uvloop
from gateway_sides import Process, bare_proxy, free_port, rung_serve, running
from msgspec import Struct

HERE = Path(__file__).parent
SEED = 0  # nothing is drawn
RUNG_CONFIG = """
reasoners: {{up: {{kind: endpoint, model: up, base_url: "{url}", concurrency: 256}}}}
ledger: {{path: {folder}/ledger.db}}
"""
SIDES = ("direct", "bare", "rung")
_MARK = re.compile(rb"@(\d+):(\d+)@")
_MARK_BYTES = 64  # a mark is shorter
_WARM_CHUNKS, _WARM_TIMES = 5, 4


class Seen(Struct, frozen=True):
    """A chunk: when it came, in nanoseconds, its lag, and how late the upstream was with it, in milliseconds."""

    at_ns: int
    lag_ms: float
    upstream_late_ms: float


class Reading(asyncio.Protocol):
    """One stream, read to its end."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self._head = b""
        self.seen: list[Seen] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.asked_ns = time.monotonic_ns()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        if not self._head:
            self._head = data
        data = self._rest + data
        end = 0
        for mark in _MARK.finditer(data):
            end = mark.end()
            self.seen.append(Seen(now_ns, (now_ns - int(mark[1])) / 1e6, int(mark[2]) / 1e3))
        self._rest = data[max(end, len(data) - _MARK_BYTES) :]
        if b"[DONE]" in self._rest and not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"a stream ended early: {self._head[:300]!r} {exc or ''}"))


async def read(port: int, streams: int, chunks: int, chunks_per_s: float) -> list[Reading]:
    """All streams at once. Raises RuntimeError if one is not whole."""
    body = json.dumps(
        {"model": "up", "stream": True, "max_tokens": chunks, "messages": [{"role": "user", "content": "Go on."}]}
        | {"rung": {"cache": "off"}}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n"
    request = f"{head}content-type: application/json\r\n\r\n".encode() + body
    loop = asyncio.get_running_loop()
    readings = []
    for _ in range(streams):
        _, reading = await loop.create_connection(lambda: Reading(request), "127.0.0.1", port)
        readings.append(reading)
        await asyncio.sleep(1 / chunks_per_s / streams)
    await asyncio.gather(*(reading.done for reading in readings))
    if lacking := [len(reading.seen) for reading in readings if len(reading.seen) != chunks]:
        raise RuntimeError(f"{len(lacking)} streams had other than {chunks} chunks: {lacking[:5]}")
    return readings


class Round(Struct, frozen=True):
    """What one side did: lags in order of size, and the rest."""

    lags_ms: list[float]
    drift_ms: float
    first_chunk_worst_ms: float
    upstream_late_p99_ms: float
    cpu_share: float


async def measured(port: int, process: Process, options: argparse.Namespace) -> Round:
    for _ in range(_WARM_TIMES):
        await read(port, options.streams, _WARM_CHUNKS, options.chunks_per_s)
    before_s, began_s = process.cpu_s(), time.perf_counter()
    chunks = round(options.seconds * options.chunks_per_s)
    readings = await read(port, options.streams, chunks, options.chunks_per_s)
    cpu_share = (process.cpu_s() - before_s) / (time.perf_counter() - began_s)
    second = round(options.chunks_per_s)
    early = [seen.lag_ms for reading in readings for seen in reading.seen[second : 2 * second]]
    last = [seen.lag_ms for reading in readings for seen in reading.seen[-second:]]
    every = [seen for reading in readings for seen in reading.seen]
    return Round(
        lags_ms=sorted(seen.lag_ms for seen in every),
        drift_ms=median(last) - median(early),
        first_chunk_worst_ms=max((reading.seen[0].at_ns - reading.asked_ns) / 1e6 for reading in readings),
        upstream_late_p99_ms=at(sorted(seen.upstream_late_ms for seen in every), 0.99),
        cpu_share=cpu_share,
    )


def at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def figures_of(rounds: dict[str, list[Round]], every_ms: float) -> tuple[dict[str, float], dict[str, list[float]]]:
    figures: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    for side, seen in rounds.items():
        lags = sorted(lag for each in seen for lag in each.lags_ms)
        figures |= {f"lag_p50_ms.{side}": at(lags, 0.5), f"lag_p99_ms.{side}": at(lags, 0.99)}
        figures |= {f"lag_worst_ms.{side}": lags[-1], f"late_share.{side}": sum(x > every_ms for x in lags) / len(lags)}
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            by_round = [at(each.lags_ms, share) for each in seen]
            intervals[f"lag_{name}_ms.{side}"] = [min(by_round), max(by_round)]
        for name in ("drift_ms", "first_chunk_worst_ms", "upstream_late_p99_ms", "cpu_share"):
            by_round = [getattr(each, name) for each in seen]
            figures[f"{name}.{side}"] = median(by_round)
            intervals[f"{name}.{side}"] = [min(by_round), max(by_round)]
    for share, name in ((0.5, "lag_p50_added_ms"), (0.99, "lag_p99_added_ms")):
        pairs = zip(rounds["rung"], rounds["bare"], strict=True)
        by_round = [at(ours.lags_ms, share) - at(theirs.lags_ms, share) for ours, theirs in pairs]
        figures[name] = median(by_round)
        intervals[name] = [min(by_round), max(by_round)]
    return figures, intervals


def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        port, bare_port, rung_port = (free_port() for _ in range(3))
        command = [sys.executable, str(HERE / "paced.py"), str(port), str(options.chunks_per_s)]
        url = f"http://127.0.0.1:{port}/v1"
        upstream = stack.enter_context(running(command, folder / "paced.log", f"http://127.0.0.1:{port}/"))
        bare = stack.enter_context(bare_proxy(folder, bare_port, url, url))
        config = RUNG_CONFIG.format(url=url, folder=folder)
        rung = stack.enter_context(rung_serve(folder, rung_port, config))
        sides = {"direct": (port, upstream), "bare": (bare_port, bare), "rung": (rung_port, rung)}
        rounds: dict[str, list[Round]] = {side: [] for side in SIDES}
        for number in range(options.rounds):
            turn = number % len(SIDES)
            for side in SIDES[turn:] + SIDES[:turn]:
                seen = uvloop.run(measured(*sides[side], options))
                rounds[side].append(seen)
                shown = ", ".join(f"{name} {at(seen.lags_ms, q):.2f}" for name, q in (("p50", 0.5), ("p99", 0.99)))
                print(f"round {number + 1}: {side:6} lag ms {shown}, worst {seen.lags_ms[-1]:.2f}", flush=True)
    figures, intervals = figures_of(rounds, 1000 / options.chunks_per_s)
    for name, value in figures.items():
        print(f"{name:32} {value:10.4f}  {intervals.get(name, '')}")
    detail = {"intervals": "lowest and highest round", "streams": options.streams, "seconds": options.seconds}
    detail |= {"chunks_per_s": options.chunks_per_s}
    print(f"written to {results.write('streams', figures, intervals, detail, SEED, options.rounds)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--chunks-per-s", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each stream is; at least 3")
    parser.add_argument("--rounds", type=int, default=3)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
