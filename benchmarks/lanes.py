"""Does everyone get through in time when more is asked than can be done?

Recorded arrivals at 0.5 to 3 times what one reasoner can do, in virtual time: first come first served, round robin
between tenants, and Rung's real lanes under its real climb, over the same modelled reasoner. A tenth of the requests is
critical. Two scenes: `local`, a model of 1.5B on two cores whose two slots share the processor (Azure's conversations
as far as they fit its context), and `endpoint`, a server that takes 16 calls at once (Mooncake's; reading is not
counted). With the peers, too, clients leave at their deadline, whether they wait or are being served.

Deadlines are feasible: a request that is alone takes a fraction of its own, and two mean requests fit beside it.
Goodput is the work of answers in time against what the reasoner does in the same time when it is never idle, both in
seconds of a full reasoner, so that preferring short requests gains nothing.

    python benchmarks/lanes.py [--n 1000] [--seed 0]       needs RUNG_DATA (default ../shared/data)
"""

import argparse
import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from results import write

from rung.clock import LoopClock
from rung.config import Config, parse_config
from rung.errors import ReasonerError
from rung.reasoners.base import closing
from rung.simulate import (
    Arrival,
    Asked,
    Climbing,
    DrawnVerdicts,
    EndpointSpeed,
    Mix,
    ModelledLadder,
    Outcome,
    Replayed,
    Size,
    Speeds,
    Work,
    read_trace,
    replay,
    run,
    scaled,
    workload,
)
from rung.simulate.experiment import goodput
from rung.simulate.report import by_class, row
from rung.types import Call, Chunk

LOADS = (0.5, 1.0, 1.5, 2.0, 3.0)
SIDES = ("fifo", "round robin", "rung")
IMAGE = Path(__file__).parent.parent / "docs" / "img" / "lanes.png"
CONTEXT = 4096
PLACES = {"local": 2, "endpoint": 16}
CONFIGS = {
    "local": {"only": {"kind": "local", "model": "qwen2.5-coder-1.5b-instruct", "context_tokens": CONTEXT}},
    "endpoint": {"only": {"kind": "endpoint", "base_url": "http://there/v1", "model": "m", "concurrency": 16}},
}
TRACES = {"local": "azure2023_conv.csv", "endpoint": "mooncake_conversation.jsonl"}
# Times the class's base deadline.
PATIENCE = {"critical": 1.0, "interactive": 1.5, "batch": 4.0}
TENANTS = {"heavy": 0.75, "light": 0.25}


class Queueing:
    """A policy of our own in front of the same reasoner: `places` calls at once, the next by `choose`; a client leaves
    at its deadline."""

    def __init__(self, modelled: ModelledLadder, work: Work, places: int, turns: str) -> None:
        self._answer = modelled.leaves["only"].answer
        self._work = work
        self._free = places
        self._round_robin = turns == "round robin"
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def __call__(self, asked: Asked) -> Outcome:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._work.sizes[asked.id] = asked.size
        ending, answered = "late", None
        try:
            async with asyncio.timeout(asked.deadline_s):
                await self._turn(asked.tenant if self._round_robin else "all")
                try:
                    answered = await self._whole(asked, began_s)
                    ending = "answered"
                finally:
                    self._next()
        except TimeoutError:
            pass
        except ReasonerError:
            ending = "failed"
        return Outcome(
            asked=asked,
            ending=ending,
            total_s=loop.time() - began_s,
            by="only" if answered else "",
            tokens=asked.size.prompt_tokens + asked.size.completion_tokens if answered else 0,
            spent=sum(self._work.spent.get(asked.id, {}).values()),
        )

    async def _whole(self, asked: Asked, began_s: float) -> list[Chunk]:
        body = asked.request(began_s, stream=True).body
        call = Call(id=asked.id, body=body, deadline_s=began_s + asked.deadline_s, stream=True)
        async with closing(self._answer(call)) as chunks:
            return [chunk async for chunk in chunks]

    async def _turn(self, line: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(line, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()
            raise

    def _next(self) -> None:
        """The first of the line whose turn it is; a line that was served goes to the end."""
        for line in list(self._waiting):
            waiting = self._waiting.pop(line)
            while waiting and waiting[0].done():
                waiting.popleft()
            if waiting:
                waiting.popleft().set_result(None)
                self._waiting[line] = waiting
                return
        self._free += 1


class Scene:
    """One reasoner, one trace."""

    def __init__(self, name: str, n: int, seed: int) -> None:
        self.name = name
        self.seed = seed
        self.config: Config = parse_config({"reasoners": CONFIGS[name]}, source=name, env={})
        self.speeds = Speeds(endpoints={"only": EndpointSpeed(at_once=16)})
        folder = Path(os.environ.get("RUNG_DATA", "../shared/data")) / "traces"
        if not (folder / TRACES[name]).exists():
            sys.exit(f"{folder / TRACES[name]} is missing: set RUNG_DATA to the folder that has traces/")
        self.arrivals = [a for a in read_trace(folder / TRACES[name], 2 * n) if self._fits(a)][:n]

    def _fits(self, arrival: Arrival) -> bool:
        return self.name == "endpoint" or arrival.prompt_tokens + arrival.completion_tokens < CONTEXT - 100

    def asked(self, load: float, patience: float = 1.0) -> tuple[list[Asked], list[float]]:
        """The requests, and the seconds of a full reasoner that each takes."""
        probe = ModelledLadder(self.config, self.speeds, Work(self.seed), LoopClock())
        sizes = [Size(a.prompt_tokens, a.completion_tokens) for a in self.arrivals]
        work_s = [probe.work_s(size) for size in sizes]
        # At full load each of the places works at this share of the speed that a request alone has.
        slowdown = PLACES[self.name] * sum(work_s) / sum(map(probe.alone_s, sizes))
        mean_s = slowdown * sum(map(probe.alone_s, sizes)) / len(sizes)
        mix = Mix(
            deadline_s=lambda priority, size: (
                patience * PATIENCE[str(priority)] * (3 * slowdown * probe.alone_s(size) + 3 * mean_s)
            ),
            tenants=TENANTS,
        )
        return workload(scaled(self.arrivals, work_s, load), mix, self.seed), work_s

    def played(
        self, side: str, asked: Sequence[Asked], watch: Callable[[ModelledLadder], Any] | None = None
    ) -> Replayed:
        async def play() -> Replayed:
            work = Work(self.seed)
            modelled = ModelledLadder(self.config, self.speeds, work, LoopClock())
            if side == "rung":
                for leaf in modelled.leaves.values():
                    await leaf.start()
                serve: Any = Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "balanced")
            else:
                serve = Queueing(modelled, work, PLACES[self.name], side)
            if watch is not None:
                watch(modelled)
            return await replay(asked, serve)

        return run(play())


def share_met(outcomes: Sequence[Outcome], priority: str) -> float:
    mine = [o for o in outcomes if o.asked.priority == priority]
    return sum(o.met for o in mine) / len(mine)


def figures_of(replayed: Replayed, asked: list[Asked], work_s: list[float]) -> dict[str, Any]:
    outcomes = replayed.outcomes
    everyone = row("all", outcomes)
    return {
        "met": {name: round(share_met(outcomes, name), 4) for name in PATIENCE},
        "met_all": round(everyone.met / everyone.requests, 4),
        "goodput": round(goodput(outcomes, work_s), 4),
        "wasted_share": round(everyone.wasted_tokens / max(everyone.tokens, 1), 4),
        "lost": sum(o.ending == "failed" for o in outcomes) + len(asked) - len(outcomes),
        "refused": everyone.refused,
        "given_up": everyone.late,
        "seconds": {r.name: [r.p50_s and round(r.p50_s, 2), r.p99_s and round(r.p99_s, 2)] for r in by_class(outcomes)},
        "speedup": round(replayed.speedup, 1),
    }


def fairness(scene: Scene, side: str) -> dict[str, float]:
    """The widest gap that opens between the tokens served to the two tenants while both have requests waiting, against
    the bound of Sheng et al. 2024: 2 max(w_p L_input, w_q M), L_input the longest prompt, M the tokens that may run.
    One class and three hundred times the patience, so that nothing but the queue decides; three times the capacity, of
    which the light tenant alone asks for more than its half."""
    asked, _ = scene.asked(3.0, patience=300.0)
    asked = [type(a)(**{f: getattr(a, f) for f in a.__struct_fields__} | {"priority": "interactive"}) for a in asked]
    served = dict.fromkeys(TENANTS, 0.0)
    gaps: list[float] = []
    outcomes: list[Outcome] = []
    open_ = dict.fromkeys(TENANTS, 0)
    tenant_of = {a.id: a.tenant for a in asked}
    most = max(a.size.prompt_tokens + a.size.completion_tokens for a in asked)

    async def play() -> None:
        work = Work(scene.seed)
        modelled = ModelledLadder(scene.config, scene.speeds, work, LoopClock())
        did = work.did

        def counted(body: Any, reasoner: str, tokens: int) -> None:
            did(body, reasoner, tokens)
            served[tenant_of[body["user"]]] += tokens
            # Backlogged: more is open than could be running.
            if min(open_.values()) > PLACES[scene.name]:
                gaps.append(served["heavy"] - served["light"])

        work.did = counted  # type: ignore[method-assign]
        policy: Any = (
            Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, "balanced")
            if side == "rung"
            else Queueing(modelled, work, PLACES[scene.name], side)
        )

        async def serve(one: Asked) -> Outcome:
            open_[one.tenant] += 1
            try:
                return await policy(one)
            finally:
                open_[one.tenant] -= 1

        outcomes.extend((await replay(asked, serve)).outcomes)

    run(play())
    longest = max(a.size.prompt_tokens for a in asked)
    return {
        "gap_tokens": max(gaps) - min(gaps) if gaps else 0.0,
        "bound_tokens": 2.0 * max(longest, PLACES[scene.name] * most),
        "moments": float(len(gaps)),
        "answered": float(sum(o.ending == "answered" for o in outcomes)),
    }


def picture(detail: dict[str, Any]) -> None:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  only wanted here
    except ImportError:
        print("no picture: matplotlib is missing (pip install matplotlib)")
        return
    shown = [
        ("critical: deadlines met", lambda f: f["met"]["critical"]),
        ("all: deadlines met", lambda f: f["met_all"]),
        ("goodput, share of capacity", lambda f: f["goodput"]),
        ("wasted work", lambda f: f["wasted_share"]),
    ]
    figure = Figure(figsize=(14, 6), layout="constrained")
    axes = figure.subplots(len(detail), len(shown), sharex=True, sharey=True, squeeze=False)
    for line, (scene, sides) in zip(axes, detail.items(), strict=True):
        for axis, (title, value) in zip(line, shown, strict=True):
            for side in SIDES:
                axis.plot(LOADS, [value(sides[side][str(load)]) for load in LOADS], marker="o", label=side)
            axis.set_title(f"{scene}: {title}", fontsize=10)
            axis.set_xlabel("load, times capacity")
            axis.set_ylim(0, 1.05)
    axes[0][0].legend()
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    detail: dict[str, Any] = {}
    fair: dict[str, Any] = {}
    for name in TRACES:
        scene = Scene(name, args.n, args.seed)
        detail[name] = {side: {} for side in SIDES}
        for load in LOADS:
            asked, work_s = scene.asked(load)
            for side in SIDES:
                figures = figures_of(scene.played(side, asked), asked, work_s)
                detail[name][side][str(load)] = figures
                shown = {key: figures[key] for key in ("met", "met_all", "goodput", "wasted_share", "lost", "speedup")}
                print(f"{name:9} {load:3g}x {side:12} {shown}", flush=True)
        fair[name] = {side: fairness(scene, side) for side in SIDES}
        for side in SIDES:
            print(f"{name:9} fairness {side:12} {fair[name][side]}", flush=True)
    picture(detail)
    rungs = {name: sides["rung"] for name, sides in detail.items()}
    everything = [figures for rung in rungs.values() for figures in rung.values()]
    worst = max(fair.values(), key=lambda sides: sides["rung"]["gap_tokens"] / sides["rung"]["bound_tokens"])["rung"]
    headline: dict[str, float] = {
        "critical_met_2x": min(rung["2.0"]["met"]["critical"] for rung in rungs.values()),
        "goodput_2x": min(rung["2.0"]["goodput"] for rung in rungs.values()),
        "fairness_gap_tokens": worst["gap_tokens"],
        "fairness_bound_tokens": worst["bound_tokens"],
        "lost": sum(figures["lost"] for figures in everything),
        "simulated_speedup": min(figures["speedup"] for figures in everything),
    }
    for name, sides in detail.items():
        for side in SIDES:
            headline[f"critical_met_2x.{name}.{side}"] = sides[side]["2.0"]["met"]["critical"]
            headline[f"goodput_2x.{name}.{side}"] = sides[side]["2.0"]["goodput"]
    path = write("lanes", headline, {}, {"scenes": detail, "fairness": fair}, args.seed, args.n)
    for key, value in headline.items():
        print(f"{key:40} {value:g}")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
