"""Config -> ladder. Leaves whose entry did not change are taken over from the ladder before, warm as they are."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from rung.clock import Clock
from rung.config import Config
from rung.config.lanes import Lanes
from rung.config.schema import (
    BriefConfig,
    CodeConfig,
    EndpointConfig,
    ExtractConfig,
    FunctionConfig,
    LocalConfig,
    ProgramConfig,
    SymbolicConfig,
    ThinkConfig,
    VoteConfig,
    shown,
)
from rung.errors import ConfigError, ReasonerError
from rung.estimators.calibrated import Calibrated, Calibration, read_file
from rung.estimators.prior import shipped
from rung.lanes import Batcher, Lane, Pace, Pool, Setup
from rung.reasoners.base import Below, Reasoner
from rung.reasoners.brief import Brief
from rung.reasoners.code import Code
from rung.reasoners.composite import heard
from rung.reasoners.endpoint import Endpoint
from rung.reasoners.extract import Extract
from rung.reasoners.function import Function
from rung.reasoners.local.engine import Engine, EngineSpec
from rung.reasoners.local.memory import Memory
from rung.reasoners.local.progress import unwatched
from rung.reasoners.local.reasoner import Local
from rung.reasoners.program import Program
from rung.reasoners.symbolic import Symbolic
from rung.reasoners.think import Think
from rung.reasoners.vote import Vote
from rung.routing import Profile
from rung.runtime import Learned, Rung
from rung.types import Answer, Call, Expected

if TYPE_CHECKING:
    from rung.estimators.learned import Embed

Composite = BriefConfig | ThinkConfig | VoteConfig | ProgramConfig | CodeConfig | ExtractConfig
Leaf = SymbolicConfig | LocalConfig | EndpointConfig | FunctionConfig

# Seconds before anything, a token read, a token written: first guesses, replaced by what the lane measures.
_SYMBOLIC_PACE = Pace(first_s=0.005, prompt_s_per_token=0.0, completion_s_per_token=0.0)
FUNCTION_PACE = Pace(first_s=0.1, prompt_s_per_token=0.0, completion_s_per_token=0.0)
# A model of 1.5B parameters at four bits on two cores.
_LOCAL_PACE = Pace(first_s=0.05, prompt_s_per_token=1 / 70, completion_s_per_token=1 / 30)


@runtime_checkable
class HasUpstreams(Protocol):
    """A reasoner with several addresses or keys, which its lane chooses from."""

    upstreams: Mapping[str, Below]


@runtime_checkable
class TakesBatches(Protocol):
    """A reasoner that answers several calls at once."""

    async def answer_batch(self, calls: Sequence[Call]) -> Sequence[Answer | ReasonerError]: ...


class Makers(Struct, frozen=True, kw_only=True):
    """How a simulation differs: `leaf` takes a real reasoner with its entry and, if it is local, its engine, and gives
    what stands in for it; `engine` makes such engines; `rng` gives each lane its chances."""

    leaf: Callable[[Reasoner, Leaf, Engine | None], Reasoner] = lambda real, entry, engine: real
    engine: Callable[[EngineSpec, Clock, Memory | None], Engine] = Engine
    rng: Callable[[], Random] = Random


_REAL = Makers()


class Part(Struct, frozen=True):
    """A leaf that serves. `entry` is what it was built from: an equal entry needs no new one. `shares` is equal for
    leaves over one engine or one quota."""

    entry: tuple[Leaf, object, Lanes, object]
    lane: Lane
    engine: Engine | None = None
    shares: object = None


def build_leaves(
    config: Config,
    clock: Clock,
    old: Mapping[str, Part],
    makers: Makers = _REAL,
    memory: Memory | None = None,
) -> dict[str, Part]:
    """`memory` is what new engines load into. Raises ConfigError; then nothing was started, and `old` serves on."""
    calibrations = calibrations_of(config)
    engines = {part.engine.spec: part.engine for part in old.values() if part.engine is not None}
    pools = {part.shares: part.lane.pool for part in old.values()}
    leaves: dict[str, tuple[Reasoner, Engine | None]] = {}
    for name, entry in config.reasoners.items():
        if isinstance(entry, Composite) or _unchanged(name, entry, config, old):
            continue
        engine = None
        if isinstance(entry, LocalConfig):
            assert config.models_dir is not None
            spec = EngineSpec.of(entry, config.models_dir)
            engine = engines.setdefault(spec, makers.engine(spec, clock, memory))
        leaves[name] = makers.leaf(_leaf(name, entry, engine, clock), entry, engine), engine
    # Only now, when nothing can go wrong any more: a lane joins its pool, which may be one that serves.
    parts: dict[str, Part] = {}
    for name, entry in config.reasoners.items():
        if isinstance(entry, Composite):
            continue
        if name not in leaves:
            parts[name] = old[name]
            continue
        reasoner, engine = leaves[name]
        shares, places = _places(entry, config)
        pool = pools.setdefault(shares, Pool(places, clock))
        setup = _setup(reasoner, entry, pool, config.lanes, clock)
        if name in calibrations and (pace := calibrations[name].pace) is not None:
            setup = replace(
                setup,
                pace=Pace(
                    first_s=pace.first_s,
                    prompt_s_per_token=pace.prompt_s_per_token,
                    completion_s_per_token=pace.completion_s_per_token,
                ),
            )
        if engine is not None:
            setup = replace(setup, wake=engine.wake)
        lane = Lane(reasoner, setup, clock, makers.rng())
        if engine is not None:
            engine.askers.add(lane)
        parts[name] = Part(_made_from(entry, config), lane, engine, shares)
    return parts


def _made_from(entry: Leaf, config: Config) -> tuple[Leaf, object, Lanes, object]:
    answers = entry.model_copy(update={"auto": True, "strength": None})
    return answers, config.models_dir, config.lanes, _places(entry, config) if isinstance(entry, LocalConfig) else None


def _unchanged(name: str, entry: Leaf, config: Config, old: Mapping[str, Part]) -> bool:
    return name in old and old[name].entry == _made_from(entry, config)


def _places(entry: Leaf, config: Config) -> tuple[object, int]:
    """What the leaf shares with others, something of its own if nothing, and how many calls that takes at once."""
    if isinstance(entry, LocalConfig | EndpointConfig) and entry.pool is not None:
        places = config.lanes.pools[entry.pool]
        return ("pool", entry.pool, places), places
    if isinstance(entry, LocalConfig):
        # One machine: as many as the model with most slots takes by itself.
        models = (one for one in config.reasoners.values() if isinstance(one, LocalConfig) and one.pool is None)
        places = max(one.slots for one in models)
        return ("machine", places), places
    if isinstance(entry, EndpointConfig):
        return object(), entry.concurrency * len(entry.addresses) * len(entry.keys)
    if isinstance(entry, SymbolicConfig):
        return object(), entry.workers
    assert isinstance(entry, FunctionConfig)
    # One batch runs while the next gathers.
    return object(), 2 * entry.batch if entry.batch > 1 else entry.concurrency


def _leaf(name: str, entry: Leaf, engine: Engine | None, clock: Clock) -> Reasoner:
    if isinstance(entry, LocalConfig) and engine is not None:
        return Local(name, engine, entry.temperature)
    if isinstance(entry, EndpointConfig):
        return Endpoint(name, entry, clock)
    if isinstance(entry, FunctionConfig):
        return Function(name, entry)
    assert isinstance(entry, SymbolicConfig)
    return Symbolic(name, entry)


def _setup(reasoner: Reasoner, entry: Leaf, pool: Pool, bounds: Lanes, clock: Clock) -> Setup:
    if isinstance(entry, EndpointConfig):
        assert isinstance(reasoner, HasUpstreams)
        return Setup(
            pool=pool,
            pace=Pace(
                first_s=entry.first_token_s, prompt_s_per_token=0.0, completion_s_per_token=1 / entry.tokens_per_s
            ),
            bounds=bounds,
            upstreams=reasoner.upstreams,
            most=entry.concurrency,
            weight=entry.weight,
            twice=True,
        )
    if isinstance(entry, LocalConfig):
        slots = entry.slots
        return Setup(pool=pool, pace=_LOCAL_PACE, bounds=bounds, weight=entry.weight, shared=True, slots=slots)
    if isinstance(entry, SymbolicConfig):
        return Setup(pool=pool, pace=_SYMBOLIC_PACE, bounds=bounds)
    upstreams: dict[str, Below] = {}
    if entry.batch > 1 and isinstance(reasoner, TakesBatches):
        upstreams[reasoner.name] = Batcher(reasoner.answer_batch, entry.batch, clock).answer
    return Setup(pool=pool, pace=FUNCTION_PACE, bounds=bounds, upstreams=upstreams)


class Artefact(Struct, frozen=True, kw_only=True):
    """What is said of a question and who answers it, and what that is in, by each reasoner that it knows."""

    learned: Learned | None = None
    origins: Mapping[str, str] = {}


def build_learned(config: Config) -> Artefact:
    """By the config's artefact, where it knows a reasoner; else by what probes found out. Raises
    ConfigError, also for an artefact that knows nobody here."""
    artefact, calibrated = _artefact(config), _calibrated(config)
    if artefact.learned is None or calibrated.learned is None:
        return artefact if calibrated.learned is None else calibrated
    first, then = artefact.learned, calibrated.learned

    async def both(question: str) -> Mapping[str, Expected]:
        return {**await then(question), **await first(question)}

    return Artefact(learned=both, origins={**calibrated.origins, **artefact.origins})


def _artefact(config: Config) -> Artefact:
    path = config.estimates.artefact
    if path is None:
        return Artefact()
    try:
        from rung.estimators.artefact import load  # noqa: PLC0415  numpy is heavy, and an extra
        from rung.estimators.learned import Learned as Estimates  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("estimates.artefact needs numpy: pip install 'rung[learn]'") from error
    model, about = load(path)
    learned = Estimates(model, about, _embed(about.embedding, config) if about.embedding else None)
    if not set(learned.about.reasoners) & set(config.reasoners):
        known, here = ", ".join(learned.about.reasoners), ", ".join(config.reasoners)
        raise ConfigError(f"{path} knows {known}, none of which is on this ladder: {here}")
    return Artefact(learned=learned, origins=dict.fromkeys(learned.about.reasoners, learned.origin))


def _embed(name: str, config: Config) -> "Embed":
    """Raises ConfigError and WeightsError."""
    try:
        from rung.embedding import opened  # noqa: PLC0415  onnxruntime is heavy, and an extra
    except ImportError as error:
        raise ConfigError(f"{config.estimates.artefact} needs an embedding: pip install 'rung[embed]'") from error
    assert config.models_dir is not None
    return opened(name, config.models_dir, unwatched()).one


def _calibrated(config: Config) -> Artefact:
    known = calibrations_of(config)
    if not known:
        return Artefact()
    calibrated = Calibrated(shipped(), known)

    async def learned(question: str) -> Mapping[str, Expected]:
        return calibrated(question)

    return Artefact(learned=learned, origins=calibrated.origins)


def calibrations_of(config: Config) -> Mapping[str, Calibration]:
    """Those of reasoners that are what they were when they were asked. Raises ConfigError."""
    assert config.estimates.calibration is not None
    return {
        name: one
        for name, one in read_file(config.estimates.calibration).reasoners.items()
        if name in config.reasoners and one.whole and one.of == mark_of(name, config)
    }


def profile_of(name: str, config: Config) -> Profile:
    """Of any entry."""
    entry = config.reasoners[name]
    if isinstance(entry, Composite):
        return _composite_profile(name, entry, profile_of(entry.of, config))
    return leaf_profile(name, entry, config)


_NOT_ITS_ANSWERS = {
    "auto", "strength", "price", "timeouts", "tokens_per_s", "first_token_s", "concurrency", "pool", "api_key",
    "api_keys", "weight", "slots", "step_tokens", "threads", "workers", "batch",
}  # fmt: skip


def mark_of(name: str, config: Config) -> str:
    """Tells whether a reasoner answers as it did: the same for the same entry and the same ones below it, whatever they
    cost, how fast they are and how many they take at once."""
    entries = []
    at: str | None = name
    while at is not None:
        entry = config.reasoners[at]
        entries.append(entry.model_dump_json(exclude=_NOT_ITS_ANSWERS))
        at = getattr(entry, "of", None)
    return hashlib.blake2b("\n".join(entries).encode(), digest_size=8).hexdigest()


def build_rungs(config: Config, parts: Mapping[str, Part]) -> list[Rung]:
    """The ladder in the config's order, composites over their leaves."""
    made: dict[str, Rung] = {}
    for name in config.reasoners:
        _rung(name, config, parts, made)
    return [made[name] for name in config.reasoners]


def _rung(name: str, config: Config, parts: Mapping[str, Part], made: dict[str, Rung]) -> Rung:
    if name in made:
        return made[name]
    entry = config.reasoners[name]
    if isinstance(entry, Composite):
        below = _rung(entry.of, config, parts, made)
        reasoner = _composite(name, entry, below)
        rung = Rung(
            reasoner=reasoner,
            profile=_composite_profile(name, entry, below.profile),
            lane=below.lane,
            call=reasoner.answer,
            auto=entry.auto,
            about=f"{entry.kind} over {entry.of}",
        )
    else:
        lane = parts[name].lane
        rung = Rung(
            reasoner=lane.reasoner,
            profile=leaf_profile(name, entry, config),
            lane=lane,
            call=lane.call,
            auto=entry.auto,
            about=_about(entry),
        )
    made[name] = rung
    return rung


def _composite(name: str, entry: Composite, below: Rung) -> Reasoner:
    call = heard(below.call) if below.reasoner is below.lane.reasoner else below.call
    if isinstance(entry, BriefConfig):
        return Brief(name, call, below.reasoner)
    if isinstance(entry, ExtractConfig):
        return Extract(name, call, below.reasoner)
    if isinstance(entry, ThinkConfig):
        return Think(name, call, below.reasoner)
    if isinstance(entry, ProgramConfig):
        return Program(name, call, below.reasoner, entry)
    if isinstance(entry, CodeConfig):
        return Code(name, call, below.reasoner, entry)
    return Vote(name, call, below.reasoner, entry.samples)


def _composite_profile(name: str, entry: Composite, below: Profile) -> Profile:
    return Profile(
        name=name,
        kind=entry.kind,
        leaf_kind=below.leaf_kind,
        model=below.model,
        strength=entry.strength,
        below_strength=below.strength if below.strength is not None else below.below_strength,
        input_usd_per_token=below.input_usd_per_token,
        output_usd_per_token=below.output_usd_per_token,
        usd_per_busy_s=below.usd_per_busy_s,
        samples=entry.samples if isinstance(entry, VoteConfig | ProgramConfig) else 1,
    )


def leaf_profile(name: str, entry: Leaf, config: Config) -> Profile:
    price = entry.price if isinstance(entry, EndpointConfig) else None
    return Profile(
        name=name,
        kind=entry.kind,
        leaf_kind=entry.kind,
        model=(entry.model or "") if isinstance(entry, LocalConfig | EndpointConfig) else "",
        strength=entry.strength,
        input_usd_per_token=price.input_usd_per_mtok / 1e6 if price else 0.0,
        output_usd_per_token=price.output_usd_per_mtok / 1e6 if price else 0.0,
        usd_per_busy_s=config.machine.usd_per_hour / 3600 if isinstance(entry, LocalConfig) else 0.0,
    )


def _about(entry: Leaf) -> str:
    if isinstance(entry, LocalConfig):
        return f"{entry.model or entry.path} on this machine"
    if isinstance(entry, EndpointConfig):
        return f"{entry.model} at {shown(entry.base_url)}"
    if isinstance(entry, FunctionConfig):
        return f"your own {entry.call.rpartition('/')[2]}"
    return "exact mathematics"


def policy_text(config: Config, origins: Mapping[str, str]) -> str:
    """What answers depend on, as text; secrets stay masked. `origins` name what estimates are learned from."""
    told = [f"{name}: {entry.model_dump_json()}" for name, entry in config.reasoners.items()]
    told.append(f"{config.server.preset}, {config.machine.usd_per_hour}, {sorted(origins.items())}")
    if config.judge.reasoner is not None:
        told.append(f"judge: {config.judge.model_dump_json()}")
    return "\n".join(told)
