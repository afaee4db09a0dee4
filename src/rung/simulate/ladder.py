"""A config's ladder with its real lanes and composites, over modelled leaves."""

from collections import Counter
from collections.abc import Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from rung.bootstrap.build import (
    FUNCTION_PACE,
    HasUpstreams,
    Leaf,
    Makers,
    build_leaves,
    build_rungs,
    calibrations_of,
    leaf_profile,
)
from rung.clock import Clock
from rung.config import Config
from rung.config.schema import EndpointConfig, LocalConfig
from rung.lanes import Pool
from rung.reasoners.base import Reasoner
from rung.reasoners.local.engine import Engine
from rung.reasoners.local.memory import Memory
from rung.routing import Speed
from rung.runtime import Ladder
from rung.simulate.engine import ModelledEngine
from rung.simulate.processor import LocalSpeed, Processor
from rung.simulate.reasoners import Modelled, ModelledEndpoint, ModelledLocal, ModelledSpecialist, Size, Work
from rung.simulate.server import EndpointSpeed, Server

# What takes no time at all, a file says, takes a little.
_LEAST_S = 1e-6


class Speeds(Struct, frozen=True, kw_only=True):
    """How fast the modelled leaves are that were not calibrated: those are as fast as they were then. Of a local model
    `step_tokens` are its entry's; an endpoint is as fast as its entry says, unless `endpoints` names it."""

    local: LocalSpeed = LocalSpeed()
    endpoints: Mapping[str, EndpointSpeed] = {}


class ModelledLadder:
    """`ladder` is what a climb is given; `leaves` are its modelled reasoners by name."""

    def __init__(self, config: Config, speeds: Speeds, work: Work, clock: Clock) -> None:
        self.leaves: dict[str, Modelled] = {}
        self._config = config
        self._speeds = speeds
        self._work = work
        self._clock = clock
        self._processors: dict[int, Processor] = {}
        self._paces = {name: one.pace for name, one in calibrations_of(config).items() if one.pace is not None}
        seeds = Random(work.seed)  # noqa: S311  no secret
        makers = Makers(leaf=self._leaf, engine=ModelledEngine, rng=lambda: Random(seeds.random()))  # noqa: S311
        memory_mb = config.machine.memory_mb
        self._memory = None if memory_mb is None else Memory(memory_mb * 2**20)
        parts = build_leaves(config, clock, {}, makers, self._memory)
        self.ladder = Ladder(build_rungs(config, parts), clock)

    async def start(self) -> None:
        """Loads, where memory is bounded, as many models as fit."""
        for leaf in self.leaves.values():
            await leaf.start()

    def work_s(self, size: Size) -> float:
        """The seconds of all reasoners together that a request of that size takes: so much time goes by for it, on
        average, while everything that `auto` may choose is busy. 0 if only specialists are there."""
        busy: dict[int, tuple[Modelled, Pool]] = {}
        for rung in self.ladder.rungs.values():
            leaf = self.leaves[rung.lane.reasoner.name]
            if rung.auto:
                busy[id(leaf.processor if isinstance(leaf, ModelledLocal) else leaf)] = leaf, rung.lane.pool
        places: Counter[Pool] = Counter()
        for leaf, pool in busy.values():
            places[pool] += leaf.places
        # What shares a pool has no more calls at once than that lets in, and local models share the machine.
        local = sum(isinstance(leaf, ModelledLocal) for leaf, _ in busy.values())
        total = 0.0
        for leaf, pool in busy.values():
            share = 1 / local if isinstance(leaf, ModelledLocal) else min(1.0, pool.capacity / (places[pool] or 1))
            total += leaf.per_s(size) * share
        return 1 / total if total else 0.0

    def alone_s(self, size: Size) -> float:
        """What the quickest general reasoner takes for it with nothing else to do."""
        times = (leaf.alone_s(size) for leaf in self.leaves.values() if not isinstance(leaf, ModelledSpecialist))
        return min(times, default=0.0)

    def _leaf(self, real: Reasoner, entry: Leaf, engine: Engine | None) -> Reasoner:
        made: Modelled
        if isinstance(entry, LocalConfig):
            processor = self._processors.get(id(engine))
            if processor is None:
                speed = replace(self._local_speed(real.name), step_tokens=entry.step_tokens)
                beside = list(self._processors.values())
                processor = Processor(speed, entry.slots, self._clock, beside=beside)
                self._processors[id(engine)] = processor
            bounded = engine if self._memory is not None else None
            made = ModelledLocal(real.name, real.abilities, self._work, processor, bounded)
        elif isinstance(entry, EndpointConfig):
            assert isinstance(real, HasUpstreams)
            there = self._speeds.endpoints.get(real.name) or self._endpoint_speed(real.name, entry)
            servers = {name: Server(there.at_once, self._clock) for name in real.upstreams}
            made = ModelledEndpoint(real.name, real.abilities, self._work, there, servers)
        else:
            profile = leaf_profile(real.name, entry, self._config)
            made = ModelledSpecialist(real.name, real.abilities, self._work, profile, self._function_speed(real.name))
        self.leaves[real.name] = made
        return made

    def _function_speed(self, name: str) -> Speed:
        pace = self._paces.get(name) or FUNCTION_PACE
        return Speed(
            wait_s=0.0,
            first_s=pace.first_s,
            prompt_s_per_token=pace.prompt_s_per_token,
            completion_s_per_token=pace.completion_s_per_token,
        )

    def _local_speed(self, name: str) -> LocalSpeed:
        known, pace = self._speeds.local, self._paces.get(name)
        if pace is None:
            return known
        return known.at(
            read_s=pace.prompt_s_per_token,
            write_s=max(pace.completion_s_per_token, _LEAST_S),
            shared=known.shared,
            start_s=pace.first_s,
            source=f"`rung calibrate {name}`",
        )

    def _endpoint_speed(self, name: str, entry: EndpointConfig) -> EndpointSpeed:
        first_s, tokens_per_s = entry.first_token_s, entry.tokens_per_s
        if (pace := self._paces.get(name)) is not None:
            first_s, tokens_per_s = pace.first_s, 1 / max(pace.completion_s_per_token, _LEAST_S)
        return EndpointSpeed(first_s=max(first_s, 1e-3), tokens_per_s=tokens_per_s, at_once=entry.concurrency)
