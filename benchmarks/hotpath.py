"""What do the parts of a request's way cost?

    hotpath.py [--rounds 15]

Processor time of this process alone, so that other work on the machine disturbs it least; the lowest of the rounds,
each a few hundred calls. `request_us` is a whole `Runtime.run` in one process: exact cache (missing), features, rule
over three rungs, lanes, verdict, ledger and metrics, over reasoners that answer at once; `hit_us` the same with the
answer in the cache, `named_us` with a reasoner asked by name. No HTTP is in any of them: `gateway.py` measures that.
"""

import argparse
import asyncio
import io
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import redirect_stderr
from pathlib import Path
from random import Random

import results
import structlog
from wrk import QUESTION

from rung.cache import ExactCache, Flights
from rung.clock import RealClock
from rung.lanes import Lane, Pace, Pool, Setup
from rung.ledger import Ledger
from rung.reasoners.base import Abilities, Status
from rung.routing import (
    PRESETS,
    Candidate,
    Limits,
    Profile,
    Speed,
    estimate,
    exclusion,
    features_of,
    next_action,
    weigh,
)
from rung.runtime import Ladder, Policy, Rung, Runtime, Stores
from rung.telemetry import Metrics, configure_logs
from rung.types import Answer, Call, Choice, Chunk, Estimate, Request, Usage
from rung.verdicts import verify

SEED = 0  # nothing is drawn
ANSWER = "The capital of that country is Paris."
NOTES = "The river bends east below the old town, and the market moves to the square when it rains. "
# About 500 and 100,000 tokens: a question, with what it is about.
LONG = QUESTION % "7" + "\n\n" + NOTES * 19
VERY_LONG = QUESTION % "7" + "\n\n" + NOTES * 4350
SUM = (
    "A shop sells apples in boxes of 12 for $18 each and pears for $2.50 each. Nora buys 3 boxes of apples and twice "
    "as many pears as there are apples in one box. How much does she pay in total?"
)


class Stub:
    """A reasoner that answers at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.abilities = Abilities()
        self.status = Status(state="warm")

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        yield Chunk(text=ANSWER, finish="stop", usage=Usage(prompt_tokens=42, completion_tokens=8, usd=1e-5))


def _body(text: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}]}


def _profiles(n: int) -> list[Profile]:
    """Rungs that get dearer and better."""
    return [
        Profile(
            name=f"r{i}",
            kind="endpoint",
            leaf_kind="endpoint",
            strength=0.6 + 0.3 * i / n,
            input_usd_per_token=1e-7 * 3**i,
            output_usd_per_token=4e-7 * 3**i,
        )
        for i in range(n)
    ]


def rule(n: int) -> Callable[[], object]:
    """The rule among `n` reasoners whose candidates are known: reserves, and the choice."""
    features = features_of(_body(LONG))
    speed = Speed(wait_s=0.0, first_s=0.3, prompt_s_per_token=0.0, completion_s_per_token=0.02)
    candidates = [
        Candidate(name=p.name, abilities=Abilities(), estimate=estimate(p, features, speed)) for p in _profiles(n)
    ]
    limits = Limits(left_s=30.0, left_usd=None)
    prices = PRESETS["balanced"]

    def once() -> object:
        able = [c for c in candidates if not exclusion(c, features, limits)]
        return next_action([weigh(c, prices) for c in able], None, None)

    return once


class Way:
    """A runtime over three stubs, and requests to send through it."""

    def __init__(self, folder: Path) -> None:
        self._clock = RealClock()
        self.ledger = Ledger(folder / "ledger.db", self._clock)
        self._cache = ExactCache(16_000_000)
        stores = Stores(cache=self._cache, flights=Flights(), ledger=self.ledger, metrics=Metrics())
        policy = Policy(epoch="1", preset="balanced", keep_text=False)
        ladder = Ladder([self._rung(profile) for profile in _profiles(3)], self._clock)
        self._runtime = Runtime(ladder, stores, policy, verify, self._clock)
        self._sent = 0

    def _rung(self, profile: Profile) -> Rung:
        stub = Stub(profile.name)
        pace = Pace(first_s=0.3, prompt_s_per_token=0.0, completion_s_per_token=0.02)
        setup = Setup(pool=Pool(256, self._clock), pace=pace, most=256, twice=True)
        lane = Lane(stub, setup, self._clock, Random(SEED))
        return Rung(reasoner=stub, profile=profile, lane=lane, call=lane.call, auto=True, about="stub")

    async def ask(self, model: str, note: str) -> None:
        now_s = self._clock.monotonic()
        self._sent += 1
        request = Request(
            id=f"chatcmpl-{self._sent:024d}",
            model=model,
            body={"model": model, **_body(QUESTION % note)},
            arrived_s=now_s,
            deadline_s=now_s + 60,
        )
        await self._runtime.whole(request)

    async def lowest_us(self, model: str, rounds: int, calls: int, *, new: bool) -> float:
        found = []
        for _ in range(rounds):
            started_s = time.process_time()
            for _ in range(calls):
                await self.ask(model, str(self._sent) if new else "of all")
            found.append((time.process_time() - started_s) / calls)
            await asyncio.sleep(0.05)
        return min(found) * 1e6


def lowest_us(call: Callable[[], object], rounds: int, calls: int) -> float:
    found = []
    for _ in range(rounds):
        started_s = time.process_time()
        for _ in range(calls):
            call()
        found.append((time.process_time() - started_s) / calls)
    return min(found) * 1e6


async def log_line_us(rounds: int) -> float:
    """One request's line, into memory that is thrown away."""
    with redirect_stderr(io.StringIO()):
        configure_logs(format="json")
        log = structlog.get_logger("rung.api").bind()
        found = lowest_us(
            lambda: log.info(
                "chat", id=f"chatcmpl-{0:024d}", model="auto", reasoner="r1", status=200, error="", ms=1.25
            ),
            rounds,
            300,
        )
        await asyncio.sleep(0)  # lines are written at the end of a round of the loop
        return found


def verdict(text: str) -> Callable[[], object]:
    features = features_of(_body(text))
    answers = [Answer(reasoner="r0", choices=(Choice(text=ANSWER, finish="stop"),))]
    estimates = {"r0": Estimate(right_prob=0.6)}

    def once() -> None:
        asking = verify(features, estimates, answers, _body(text))
        try:
            asking.send(None)
        except StopIteration:
            return

    return once


async def measured(rounds: int) -> dict[str, float]:
    figures = {
        "rule_20_reasoners_us": lowest_us(rule(20), rounds, 300),
        "features_500_tokens_us": lowest_us(lambda: features_of(_body(LONG)), rounds, 100),
        "features_100k_tokens_ms": lowest_us(lambda: features_of(_body(VERY_LONG)), rounds, 5) / 1000,
        "features_short_us": lowest_us(lambda: features_of(_body(QUESTION % "7")), rounds, 200),
        "features_sum_us": lowest_us(lambda: features_of(_body(SUM)), rounds, 200),
        "verify_us": lowest_us(verdict(QUESTION % "7"), rounds, 300),
        "verify_sum_us": lowest_us(verdict(SUM), rounds, 200),
        "log_line_us": await log_line_us(rounds),
    }
    with tempfile.TemporaryDirectory() as folder:
        way = Way(Path(folder))
        await way.ledger.start()
        await way.ask("auto", "of all")
        figures["request_us"] = await way.lowest_us("auto", rounds, 200, new=True)
        figures["named_us"] = await way.lowest_us("r0", rounds, 200, new=True)
        figures["hit_us"] = await way.lowest_us("auto", rounds, 200, new=False)
        await way.ledger.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    figures = asyncio.run(measured(options.rounds))
    for name, value in figures.items():
        print(f"{name:26} {value:10.2f}")
    results.write("hotpath", figures, intervals={}, detail="lowest of the rounds", seed=SEED, n=options.rounds)


if __name__ == "__main__":
    main()
