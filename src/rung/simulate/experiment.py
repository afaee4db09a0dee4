"""One replay of a trace over a config's ladder."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from rung.clock import LoopClock
from rung.config import Config
from rung.errors import BadRequest
from rung.simulate.ladder import ModelledLadder, Speeds
from rung.simulate.loop import run
from rung.simulate.processor import LocalSpeed
from rung.simulate.quality import DrawnVerdicts
from rung.simulate.reasoners import Size, Work
from rung.simulate.replay import Climbing, Outcome, replay
from rung.simulate.report import Row, by_class, by_kind, by_lane, by_rung
from rung.simulate.trace import read_trace, scaled
from rung.simulate.workload import Mix, workload
from rung.types import Priority

# Deadlines of a trace that states none: so many times what the request would take alone, and the mean request.
_PATIENCE = {"critical": 5.0, "interactive": 10.0, "batch": 30.0}


class Experiment(Struct, frozen=True, kw_only=True):
    """The first `most` arrivals of `trace`, at `load` times what the ladder can do. `stream`: clients read along."""

    trace: Path
    load: float = 1.0
    most: int | None = None
    seed: int = 0
    local: LocalSpeed = LocalSpeed()
    stream: bool = True


class Result(Struct, frozen=True, kw_only=True):
    """`goodput` is the work of the answers that met their deadlines, as a share of what the ladder could have done
    while requests came: answers that come after the last arrival count for nothing. None where all came at once: there
    is no load then either."""

    load: float
    outcomes: tuple[Outcome, ...]
    goodput: float | None
    virtual_s: float
    real_s: float
    speedup: float
    tables: dict[str, list[Row]]


def experiment(config: Config, wanted: Experiment) -> Result:
    """Raises BadRequest for a trace that cannot be read, or a ladder with specialists only."""
    return run(_experiment(config, wanted))


async def _experiment(config: Config, wanted: Experiment) -> Result:
    work = Work(wanted.seed)
    modelled = ModelledLadder(config, Speeds(local=wanted.local), work, LoopClock())
    await modelled.start()
    arrivals = read_trace(wanted.trace, wanted.most)
    work_s = [modelled.work_s(Size(a.prompt_tokens, a.completion_tokens)) for a in arrivals]
    if not all(work_s):
        raise BadRequest("nothing here can take any question: `auto` needs a local model or an endpoint")
    arrivals = scaled(arrivals, work_s, wanted.load)
    alone_s = [modelled.alone_s(Size(a.prompt_tokens, a.completion_tokens)) for a in arrivals]
    mean_s = sum(alone_s) / len(alone_s)

    def deadline_s(priority: Priority, size: Size) -> float:
        return _PATIENCE.get(str(priority), _PATIENCE["batch"]) * (modelled.alone_s(size) + mean_s) / 2

    asked = workload(arrivals, Mix(deadline_s=deadline_s), wanted.seed)
    serve = Climbing(modelled.ladder, DrawnVerdicts(work).verify, work, config.server.preset, stream=wanted.stream)
    replayed = await replay(asked, serve)
    return Result(
        load=wanted.load,
        outcomes=replayed.outcomes,
        goodput=goodput(replayed.outcomes, work_s) if arrivals[-1].at_s else None,
        virtual_s=replayed.virtual_s,
        real_s=replayed.real_s,
        speedup=replayed.speedup,
        tables={
            "class": by_class(replayed.outcomes),
            "lane": by_lane(replayed.outcomes),
            "rung": by_rung(replayed.outcomes),
            "question": by_kind(replayed.outcomes),
        },
    )


def goodput(outcomes: Sequence[Outcome], work_s: Sequence[float]) -> float:
    """Of the time between the first and the last arrival, what share was work, at full capacity, for answers that came
    in it and met their deadlines. `work_s` is by outcome: the seconds of all reasoners together that it took."""
    last_s = max(outcome.asked.at_s for outcome in outcomes)
    met_s = sum(
        seconds
        for outcome, seconds in zip(outcomes, work_s, strict=True)
        if outcome.met and outcome.asked.at_s + outcome.total_s <= last_s
    )
    return met_s / max(last_s, 1e-9)
