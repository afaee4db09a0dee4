"""What does Rung add to a call?

    gateway.py [--rounds 7] [--seconds 3] [--growth-requests 100000]

Both sides stand in front of the same nginx, which answers at once with the same JSON, and are pressed by wrk with one
thread, in turns: Rung (a real `rung serve` with `model: auto` over three endpoints, routing, exact cache, ledger,
metrics and log on; every prompt new, so every one is missed by the cache) and a bare proxy in Python
(bare_proxy.py). Then the same prompt again and again: Rung's exact cache against a bare ASGI server that parses the
body and answers. Then streams of a reasoner asked by name: time to the first chunk. Ratios are taken within a round;
figures are medians over the rounds, intervals their spread (10th to 90th percentile).

LiteLLM takes part if RUNG_BENCH_LITELLM names a virtual environment with `litellm[proxy]`, Portkey if
RUNG_BENCH_PORTKEY names a folder with `@portkey-ai/gateway` under node_modules. `cpu_vs_bare` compares the servers'
processor time a request, which a busy machine disturbs least. `import_s` is `import rung.cli` beyond a bare Python's
start. Other work on the machine spoils the figures: `load_average` tells of it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from operator import sub, truediv
from pathlib import Path
from statistics import median, quantiles
from urllib.request import urlopen

import results
from gateway_sides import Ports, Side, bare, litellm, missing, portkey, rung, upstream, upstream_requests
from msgspec.structs import replace
from wrk import Load, Target, first_chunk_ms, press

SEED = 0  # nothing is drawn
CONNECTIONS = (1, 16, 64)
STREAMS = 200
BOTH = ("rung", "bare")

STARTS = {"bare": bare, "rung": rung, "litellm": litellm, "portkey": portkey}

Series = dict[str, list[float]]


class Bench:
    """The sides that run, and what was seen of them round by round."""

    def __init__(self, folder: Path, ports: Ports, sides: dict[str, Side], seconds: int) -> None:
        self._folder = folder
        self._ports = ports
        self._seconds = seconds
        self._runs = 0
        self._sides = sides
        self.series: Series = defaultdict(list)

    def press(self, target: Target, connections: int, seconds: int | None = None) -> Load:
        self._runs += 1
        return press(target, self._folder, connections, seconds or self._seconds, f"r{self._runs}")

    def round(self, number: int) -> None:
        """Every measure of every side once; who begins changes from round to round."""
        for connections in CONNECTIONS:
            # At 64 some of the others answer nothing at all within the time of a measure.
            for name in _turned(list(self._sides if connections <= 16 else BOTH), number):
                self._miss(name, connections)
        for name in _turned(list(BOTH), number):
            self._hit(name)
        for name in _turned(list(BOTH), number):
            target = replace(self._sides[name].target, model="stream")
            self.series[f"{name}_first_chunk_ms"].append(first_chunk_ms(target, f"s{number}", STREAMS))

    def _miss(self, name: str, connections: int) -> None:
        side = self._sides[name]
        before_s = side.cpu_s()
        load = self.press(side.target, connections)
        for figure in ("rps", "p50_ms", "p99_ms"):
            self.series[f"{name}_{figure}_c{connections}"].append(getattr(load, figure))
        self.series[f"{name}_cpu_us_c{connections}"].append((side.cpu_s() - before_s) / load.requests * 1e6)

    def _hit(self, name: str) -> None:
        target = replace(self._sides[name].target, unique=False)
        if name == "bare":
            target = replace(target, path="/hit")
        calls, load = self.counted(target, 16)
        if calls > load.requests / 100:  # the very first one is no hit, and the measure before may leave a few behind
            raise SystemExit(f"{calls} of {load.requests} equal requests to {name} reached the upstream")
        self.series[f"{name}_hit_rps"].append(load.rps)

    def counted(self, target: Target, connections: int) -> tuple[int, Load]:
        """How many calls reached the upstream meanwhile, and what wrk saw."""
        before = upstream_requests(self._ports)
        load = self.press(target, connections)
        return upstream_requests(self._ports) - before - 1, load  # the last look is counted too

    def growth_mb(self, requests: int) -> float:
        """What many requests leave behind in Rung, once 10,000 have filled what is bounded."""
        side = self._sides["rung"]
        done = 0
        while done < 10_000:
            done += self.press(side.target, 16).requests
        before, done = side.memory_mb(), 0
        while done < requests:
            done += self.press(side.target, 16).requests
        return side.memory_mb() - before


def _turned(names: list[str], number: int) -> list[str]:
    turn = number % len(names)
    return names[turn:] + names[:turn]


def compared(seen: Series) -> Series:
    """Round by round, Rung against the others."""
    found: Series = {}
    for c in CONNECTIONS:
        rps, p50 = f"rps_c{c}", f"p50_ms_c{c}"
        found[f"rps_vs_bare_c{c}"] = _each(truediv, seen[f"rung_{rps}"], seen[f"bare_{rps}"])
        found[f"p50_added_ms_c{c}"] = _each(sub, seen[f"rung_{p50}"], seen[f"bare_{p50}"])
        cpu = f"cpu_us_c{c}"
        found[f"cpu_vs_bare_c{c}"] = _each(truediv, seen[f"rung_{cpu}"], seen[f"bare_{cpu}"])
        for other in ("litellm", "portkey"):
            if seen.get(f"{other}_{rps}"):
                found[f"rps_vs_{other}_c{c}"] = _each(truediv, seen[f"rung_{rps}"], seen[f"{other}_{rps}"])
    tails = {side: _each(truediv, seen[f"{side}_p99_ms_c64"], seen[f"{side}_p50_ms_c64"]) for side in BOTH}
    found["p99_over_p50_c64_vs_bare"] = _each(truediv, tails["rung"], tails["bare"])
    found["exact_hit_vs_bare"] = _each(truediv, seen["rung_hit_rps"], seen["bare_hit_rps"])
    found["stream_first_chunk_added_ms"] = _each(sub, seen["rung_first_chunk_ms"], seen["bare_first_chunk_ms"])
    return found


def _each(combine: Callable[[float, float], float], ours: list[float], theirs: list[float]) -> list[float]:
    return [combine(a, b) for a, b in zip(ours, theirs, strict=True)]


def spread(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    deciles = quantiles(values, n=10, method="inclusive")
    return deciles[0], deciles[-1]


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


def run(rounds: int, seconds: int, growth_requests: int) -> None:
    ports = Ports()
    alone = {"load_average": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        stack.enter_context(upstream(folder, ports))
        sides: dict[str, Side] = {}
        for name, start in STARTS.items():
            if side := stack.enter_context(start(folder, ports)):
                sides[name] = side
            else:
                print(f"{name} does not take part: see the top of {Path(__file__).name}")
        bench = Bench(folder, ports, sides, seconds)
        twice = second_calls(sides["rung"])
        calls, load = bench.counted(sides["rung"].target, 4)
        twice = second_calls(sides["rung"]) - twice
        # wrk leaves as many unanswered as it has connections; of the second calls that lanes count, some are dropped
        # before they reach the upstream
        if not 0 <= calls - load.requests <= 4 + twice:
            seen = f"{calls} to the upstream, with {twice} second calls"
            raise SystemExit(f"{load.requests} requests to Rung were {seen}: nothing can be compared")
        for number in range(rounds):
            bench.round(number)
            print(f"round {number + 1} of {rounds}: " + _line(bench.series), flush=True)
        growth_mb = bench.growth_mb(growth_requests)
        alone |= {"memory_growth_mb": growth_mb, "memory_mb": sides["rung"].memory_mb()}
        alone |= {f"ready_s.{name}": side.ready_s for name, side in sides.items()}
        alone["ready_s"] = alone.pop("ready_s.rung")
    report(bench.series, alone | {"import_s": import_s()}, rounds)


def _line(seen: Series) -> str:
    found = compared({name: values[-1:] for name, values in seen.items()})
    return ", ".join(f"{name} {value:.3g}" for name, (value,) in found.items())


def report(seen: Series, alone: dict[str, float], rounds: int) -> None:
    by_round = compared(seen)
    figures = {name: median(values) for name, values in by_round.items()} | alone
    intervals = {name: spread(values) for name, values in by_round.items()}
    detail = {
        "intervals": "10th to 90th percentile of the rounds",
        "rounds": {name: [round(value, 3) for value in values] for name, values in seen.items()},
    }
    for name, value in figures.items():
        low, high = intervals.get(name, (value, value))
        print(f"{name:32} {value:10.3f}   {low:.3f} .. {high:.3f}")
    results.write("gateway", figures, intervals=intervals, detail=detail, seed=SEED, n=rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each measure")
    parser.add_argument("--growth-requests", type=int, default=100_000)
    options = parser.parse_args()
    if lacking := missing():
        raise SystemExit(f"{' and '.join(lacking)} must be installed first, e.g. `apt-get install {' '.join(lacking)}`")
    run(options.rounds, options.seconds, options.growth_requests)


if __name__ == "__main__":
    main()
