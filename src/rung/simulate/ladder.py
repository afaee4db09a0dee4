"""A config's ladder with its real lanes and composites, over modelled leaves."""

from collections import Counter
from collections.abc import Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from rung.bootstrap.build import HasUpstreams, Leaf, Makers, build_leaves, build_rungs, leaf_profile
from rung.clock import Clock
from rung.config import Config
from rung.config.schema import EndpointConfig, LocalConfig
from rung.lanes import Pool
from rung.reasoners.base import Reasoner
from rung.reasoners.local.engine import Engine
from rung.runtime import Ladder
from rung.simulate.processor import LocalSpeed, Processor
from rung.simulate.reasoners import Modelled, ModelledEndpoint, ModelledLocal, ModelledSpecialist, Size, Work
from rung.simulate.server import EndpointSpeed, Server


class Speeds(Struct, frozen=True, kw_only=True):
    """How fast the modelled leaves are. Of a local model `step_tokens` are its entry's; an endpoint is as fast as its
    entry says, unless `endpoints` names it."""

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
        seeds = Random(work.seed)  # noqa: S311  no secret
        makers = Makers(leaf=self._leaf, rng=lambda: Random(seeds.random()))  # noqa: S311
        parts = build_leaves(config, clock, {}, makers)
        self.ladder = Ladder(build_rungs(config, parts), clock)

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
                speed = replace(self._speeds.local, step_tokens=entry.step_tokens)
                beside = list(self._processors.values())
                processor = Processor(speed, entry.slots, self._clock, beside=beside)
                self._processors[id(engine)] = processor
            made = ModelledLocal(real.name, real.abilities, self._work, processor)
        elif isinstance(entry, EndpointConfig):
            assert isinstance(real, HasUpstreams)
            there = self._speeds.endpoints.get(real.name) or EndpointSpeed(
                first_s=max(entry.first_token_s, 1e-3), tokens_per_s=entry.tokens_per_s, at_once=entry.concurrency
            )
            servers = {name: Server(there.at_once, self._clock) for name in real.upstreams}
            made = ModelledEndpoint(real.name, real.abilities, self._work, there, servers)
        else:
            made = ModelledSpecialist(
                real.name, real.abilities, self._work, leaf_profile(real.name, entry, self._config)
            )
        self.leaves[real.name] = made
        return made
