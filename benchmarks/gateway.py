"""What does Rung add to a call?

    gateway.py [--peers] [--rounds 7] [--seconds 3] [--growth 50000 200000]

All sides stand in front of the same nginx, which answers at once with the same JSON or the same stream, and are
pressed by wrk with one thread, in turns, over 1, 16, 64 and 256 connections: Rung (a real `rung serve` with `model:
auto` over three endpoints, routing, exact cache, ledger, metrics and log on; every prompt new, so every one is missed
by the cache; streams of a reasoner asked by name), a bare proxy in Python (bare_proxy.py), nginx as a reverse proxy
and, with --peers, LiteLLM and Portkey, which are installed for it (gateway_peers.py). Then the same prompt again and
again: Rung's exact cache against a bare ASGI server that parses the body and answers. Then streams over one
connection: time to the first chunk, and for each chunk. Ratios and differences are taken within a round; figures are
medians over the rounds, intervals their spread (10th to 90th percentile). Last, with an exact cache that is soon full,
what many requests leave behind in Rung's memory; `--growth 0 0` leaves that out.

`cpu_vs_bare` compares the servers' processor time a request, which a busy machine disturbs least. `import_s` is
`import rung.cli` beyond a bare Python's start. A measure in which a peer failed a request, or answered fewer than there
were connections, gives no figure; where Rung, bare or nginx fails a request the benchmark ends. Other work on the
machine spoils the figures: `load_average` tells of it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from gateway_figures import BOTH, CONNECTIONS, OWN, Series, headline, report
from gateway_sides import Ports, Side, bare, litellm, missing, nginx, portkey, rung, upstream, upstream_requests
from msgspec.structs import replace
from upstream import CHUNKS
from wrk import Failed, Load, Target, pace, press

STREAMS = 200
STARTS = {"nginx": nginx, "bare": bare, "rung": rung}
PEERS = {"litellm": litellm, "portkey": portkey}


class Bench:
    """The sides that run, and what was seen of them round by round: None where a measure failed."""

    def __init__(self, folder: Path, ports: Ports, sides: dict[str, Side], seconds: int) -> None:
        self._folder = folder
        self._ports = ports
        self._seconds = seconds
        self._runs = 0
        self._sides = sides
        self.series: Series = defaultdict(list)
        self.failures: list[str] = []

    def press(self, target: Target, connections: int, seconds: int | None = None) -> Load:
        self._runs += 1
        return press(target, self._folder, connections, seconds or self._seconds, f"r{self._runs}")

    def round(self, number: int) -> None:
        """Every measure of every side once; who begins changes from round to round."""
        names = list(self._sides)
        for connections in CONNECTIONS:
            for name in _turned(names, number):
                self._whole(name, connections)
            for name in _turned(names, number):
                self._streams(name, connections)
        for name in _turned(list(BOTH), number):
            self._hit(name)
        for name in _turned(names, number):
            self._pace(name, number)

    def _whole(self, name: str, connections: int) -> None:
        side = self._sides[name]
        before_s = side.process.cpu_s()
        load = self._tried(name, side.target, connections)
        for figure in ("rps", "p50_ms", "p99_ms"):
            self.series[f"{name}_{figure}_c{connections}"].append(load and getattr(load, figure))
        cpu_us = load and (side.process.cpu_s() - before_s) / load.requests * 1e6
        self.series[f"{name}_cpu_us_c{connections}"].append(cpu_us)

    def _streams(self, name: str, connections: int) -> None:
        load = self._tried(name, self._sides[name].stream, connections)
        self.series[f"{name}_streams_ps_c{connections}"].append(load and load.rps)

    def _tried(self, name: str, target: Target, connections: int) -> Load | None:
        """A peer that does not answer every connection once in the time of a measure is given five times as much."""
        for seconds in (self._seconds, 5 * self._seconds):
            try:
                load = self.press(target, connections, seconds)
                if name in OWN or load.requests >= connections:
                    return load
                problem = f"{load.requests} answers within {seconds} s"
            except Failed as failed:
                if name in OWN:
                    raise
                problem = str(failed)
        self.failures.append(f"{name} c={connections}{' streaming' * target.stream}: {problem}")
        return None

    def _hit(self, name: str) -> None:
        target = replace(self._sides[name].target, unique=False)
        if name == "bare":
            target = replace(target, path="/hit")
        self._settle()
        calls, load = self.counted(target, 16)
        if calls > load.requests / 100:  # the very first one is no hit
            raise SystemExit(f"{calls} of {load.requests} equal requests to {name} reached the upstream")
        self.series[f"{name}_hit_rps"].append(load.rps)

    def _settle(self) -> None:
        """Until what the measure before left in flight has reached the upstream."""
        seen, now = -1, upstream_requests(self._ports)
        while now != seen + 1:  # each look is counted
            time.sleep(0.5)
            seen, now = now, upstream_requests(self._ports)

    def counted(self, target: Target, connections: int) -> tuple[int, Load]:
        """How many calls reached the upstream meanwhile, and what wrk saw."""
        before = upstream_requests(self._ports)
        load = self.press(target, connections)
        return upstream_requests(self._ports) - before - 1, load  # the last look is counted too

    def _pace(self, name: str, number: int) -> None:
        try:
            seen = pace(self._sides[name].stream, f"s{number}", STREAMS)
        except (Failed, TimeoutError) as problem:
            if name in OWN:
                raise
            self.failures.append(f"{name}, streams one by one: {problem}")
            seen = None
        self.series[f"{name}_first_chunk_ms"].append(seen and seen.first_ms)
        self.series[f"{name}_chunk_us"].append(seen and seen.rest_ms / CHUNKS * 1000)


def _turned(names: list[str], number: int) -> list[str]:
    turn = number % len(names)
    return names[turn:] + names[:turn]


def import_s() -> float:
    def once(statement: str) -> float:
        started_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        return time.perf_counter() - started_s

    return median(once("import rung.cli") - once("pass") for _ in range(7))


def second_calls(side: Side) -> int:
    """Hedges and retries that Rung's lanes have made since its start, by its own metrics."""
    with urlopen(f"http://127.0.0.1:{side.target.port}/metrics") as scrape:
        lines = scrape.read().decode().splitlines()
    counted = [line for line in lines if re.match(r'rung_lane_calls_total\{.*"(hedged|retried)"', line)]
    return sum(int(float(line.rpartition(" ")[2])) for line in counted)


def every_request_is_one_call(bench: Bench, side: Side) -> None:
    """Else nothing could be compared."""
    twice = second_calls(side)
    calls, load = bench.counted(side.target, 4)
    twice = second_calls(side) - twice
    # wrk leaves as many unanswered as it has connections; of the second calls that lanes count, some are dropped
    # before they reach the upstream
    if not 0 <= calls - load.requests <= 4 + twice:
        seen = f"{calls} to the upstream, with {twice} second calls"
        raise SystemExit(f"{load.requests} requests to Rung were {seen}: nothing can be compared")


def growth(folder: Path, ports: Ports, first: int, last: int) -> list[tuple[int, float]]:
    """Requests served and memory in MB from the first `first` requests to the first `last`, each a little later:
    every prompt is new, and an exact cache of 1 MB has been full since a few hundred."""
    seen: list[tuple[int, float]] = []
    with rung(folder, ports, cache_mb=1) as side:
        done = 0
        while done < last:
            done += press(side.target, folder, 16, 3, f"g{done}").requests
            if done >= first:
                seen.append((done, side.process.memory_mb()))
                print(f"\rafter {done} requests {seen[-1][1]:.1f} MB", end="", flush=True)
    print()
    return seen


def run(options: argparse.Namespace) -> None:
    ports = Ports()
    alone = {"load_average": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        stack.enter_context(upstream(folder, ports))
        sides: dict[str, Side] = {}
        for name, start in (STARTS | (PEERS if options.peers else {})).items():
            with start(folder, ports):
                pass  # a first start compiles modules and fills the system's caches
            side = sides[name] = stack.enter_context(start(folder, ports))
            alone |= {f"ready_s.{name}": side.process.ready_s, f"memory_ready_mb.{name}": side.process.memory_mb()}
        bench = Bench(folder, ports, sides, options.seconds)
        every_request_is_one_call(bench, sides["rung"])
        for number in range(options.rounds):
            bench.round(number)
            last = {name: values[-1:] for name, values in bench.series.items()}
            print(f"round {number + 1} of {options.rounds}: {headline(last)}", flush=True)
        alone |= {f"memory_mb.{name}": side.process.memory_mb() for name, side in sides.items()}
    with tempfile.TemporaryDirectory() as temporary, upstream(Path(temporary), ports):
        seen = growth(Path(temporary), ports, *options.growth)
    if len(seen) > 1:
        alone["memory_growth_mb"] = seen[-1][1] - seen[0][1]
    report(bench.series, alone | {"import_s": import_s()}, {"growth": seen, "left_out": bench.failures})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="LiteLLM and Portkey too")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each measure")
    parser.add_argument("--growth", type=int, nargs=2, default=(50_000, 200_000), metavar=("FIRST", "LAST"))
    options = parser.parse_args()
    if lacking := missing():
        raise SystemExit(f"{' and '.join(lacking)} must be installed first, e.g. `apt-get install {' '.join(lacking)}`")
    run(options)


if __name__ == "__main__":
    main()
