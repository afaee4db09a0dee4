"""What does holding a stream cost in time to the first token, and what quality does it keep?

    holding.py modelled [--n 400]   questions of known odds to modelled rungs, on virtual time, through the real rule,
                                    climb and lanes: the same questions, answers and verdicts for every way of sending
    holding.py seen [--n 400]       the same answers, not streamed: what it brings to go by how verdicts were seen to
                                    fall where d' was guessed too low, as of an endpoint that nobody knows
    holding.py difficulty           real outcomes of many models: how well a verdict on some tells of another, by the
                                    shares of their moves added up, or taken as correlated
    holding.py live [--n 12]        a small real model (smollm2-135m) on this machine, each question sent all ways

`modelled`: three rungs whose chance to be right falls with a difficulty that the estimates see, and which err together
for reasons they do not. Verdicts are calibrated; what tokens, refusals and false steps tell of a beginning is part of
what they tell of the whole. `value` is what the presets price: v for a right answer, less USD, less the reader's wait
for the first token. The model is too small to be right, so `live` tells of times only.
"""

import argparse
import asyncio
import math
import random
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from graded import sampled
from msgspec.structs import replace
from results import write
from shared import data_path, until_ready

from rung import Rung as Whole
from rung.clock import LoopClock
from rung.config import parse_config
from rung.lanes import Lane, Pace, Pool, Setup
from rung.odds import logit, sigmoid
from rung.reasoners.base import Abilities, Status
from rung.routing import PRESETS, Profile, Seen, Verdicted, difficulty_shift
from rung.runtime import Judge, Ladder, Looked, Rung
from rung.runtime.climb import Climb
from rung.runtime.plan import make_plan
from rung.simulate import run
from rung.types import (
    Answer,
    Call,
    Chunk,
    Commit,
    Estimate,
    Features,
    Json,
    Preset,
    Reply,
    Request,
    Streaming,
    Usage,
    Verdict,
    Wishes,
)
from rung.verdicts.weights import weights_for

IMG = Path(__file__).parent.parent / "docs" / "img"
WAYS: tuple[Streaming, ...] = ("whole", "held", "eager")
SEED = 11
QUESTION = "Joan has 12 shells and finds 30 more. How many shells does she have in all?"
# How much of what makes rungs err is common to them and unseen.
TOGETHER = 0.35
# What the mean token tells: its spread, and from that and its weight how far right and wrong answers lie apart.
SPREAD = 0.6
# Shares of wrong and of right answers that show a false step, and that refuse.
FALSE_STEP = (0.25, 0.02)
REFUSES = (0.08, 0.004)
# d' of what the whole answer tells beside.
REST = 1.4
MEAN_TOKENS = 150


class Kind(NamedTuple):
    """A rung: log-odds to be right at the mean difficulty, seconds to the first token and for each, USD a token."""

    name: str
    log_odds: float
    first_s: float
    token_s: float
    usd: float


RUNGS = (
    Kind("small", 0.9, 0.3, 1 / 30, 0.0),
    Kind("middle", 1.6, 0.5, 1 / 80, 6e-7),
    Kind("large", 2.6, 0.8, 1 / 50, 1e-5),
)


class Said(NamedTuple):
    """What a rung answers to a question, and the log-odds that its verdict adds to what was expected."""

    words: tuple[str, ...]
    mean_logprob: float
    right: bool
    evidence: float


def said(kind: Kind, right_prob: float, luck: float, rng: random.Random) -> Said:
    """Right with `right_prob`, together with the others as `luck` (a normal variate that they share) has it."""
    own = math.sqrt(TOGETHER) * luck + math.sqrt(1 - TOGETHER) * rng.gauss(0, 1)
    right = own < statistics.NormalDist().inv_cdf(right_prob)
    weight = weights_for("endpoint", "word_problem").by_signal["mean_token"][1]
    middle = weight * SPREAD**2 / 2
    token = rng.gauss(middle if right else -middle, SPREAD)
    evidence = weight * token
    count = max(12, int(rng.gauss(MEAN_TOKENS, 40)))
    words = [f"so{i} " for i in range(count)]
    for share, beginning in ((FALSE_STEP, "12 + 30 = 52.\n"), (REFUSES, "I'm sorry, but I can't help with that. ")):
        seen = rng.random() < share[right]
        evidence += math.log(share[1] / share[0]) if seen else math.log((1 - share[1]) / (1 - share[0]))
        if seen:
            words[:1] = [beginning]
    score = rng.gauss(REST if right else 0.0, 1.0)
    evidence += REST * score - REST**2 / 2
    return Said(tuple(words), min(-0.15 + 0.15 * token, 0.0), right, evidence)


class Writer:
    """Writes what it was given for the question under way, a word at a time."""

    abilities = Abilities()
    status = Status(state="warm")

    def __init__(self, kind: Kind) -> None:
        self.name = kind.name
        self.kind = kind
        self.says = Said((), 0.0, False, 0.0)

    async def start(self) -> None:
        """Nothing loads."""

    async def close(self) -> None:
        """Nothing is open."""

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        await asyncio.sleep(self.kind.first_s)
        signals = {"mean_logprob": self.says.mean_logprob}
        for word in self.says.words:
            await asyncio.sleep(self.kind.token_s)
            yield Chunk(text=word, signals=signals)
        tokens = len(self.says.words)
        usage = Usage(prompt_tokens=20, completion_tokens=tokens, usd=tokens * self.kind.usd)
        yield Chunk(finish="stop", usage=usage)


class Outcome(NamedTuple):
    """`right_prob` is the verdict on what was served: calibrated here, so that it says the same as `right` with less
    chance in it."""

    right: bool
    right_prob: float
    usd: float
    first_s: float
    total_s: float
    dropped: bool
    early: bool
    judged: int


class World:
    """The ladder, told of one question at a time what each rung will say and how likely it is right."""

    def __init__(
        self,
        sees: float = math.hypot(REST, 1.0),
        looked: Looked | None = None,
        writers: Sequence[Writer] | None = None,
    ) -> None:
        """`sees` is d' as it is guessed; false steps and refusals tell about 1 beside REST. A writer that is none of
        RUNGS is called only by who knows it."""
        self._sees = sees
        self._clock = LoopClock()
        self._writers = {writer.name: writer for writer in writers or map(Writer, RUNGS)}
        self._odds: dict[str, float] = {}
        self._judge: Judge | None = None
        rungs = map(self._rung, self._writers.values())
        self._ladder = Ladder(rungs, self._clock, correct=self._estimate, looked=looked)

    def _rung(self, writer: Writer) -> Rung:
        kind = writer.kind
        pace = Pace(first_s=kind.first_s, prompt_s_per_token=0.0, completion_s_per_token=kind.token_s)
        lane = Lane(writer, Setup(pool=Pool(4, self._clock), pace=pace), self._clock, random.Random(1))
        profile = Profile(name=kind.name, kind="endpoint", strength=0.5, output_usd_per_token=kind.usd)
        return Rung(reasoner=writer, profile=profile, lane=lane, call=lane.call, auto=kind in RUNGS, about="")

    def _estimate(self, name: str, features: Features, guessed: Estimate) -> Estimate:
        share = MEAN_TOKENS / guessed.completion_tokens
        return replace(
            guessed,
            right_prob=self._odds[name],
            discrimination=self._sees,
            completion_tokens=MEAN_TOKENS,
            service_s=guessed.service_s * share,
            usd=guessed.usd * share,
        )

    async def _verify(
        self, features: Features, estimates: Mapping[str, Estimate], answers: Sequence[Answer], body: Json
    ) -> tuple[Verdict, ...]:
        found = (logit(self._odds[a.reasoner]) + self._writers[a.reasoner].says.evidence for a in answers)
        words = (a.signals.get("judge", 0.0) for a in answers)
        return tuple(Verdict(right_prob=sigmoid(sum(both))) for both in zip(found, words, strict=True))

    def put(self, number: int) -> None:
        """Settles what each rung will say to a question."""
        rng = random.Random(f"{SEED}/{number}")
        hard, luck = rng.gauss(0, 1), rng.gauss(0, 1)
        for kind in RUNGS:
            self._odds[kind.name] = min(max(sigmoid(kind.log_odds - 0.9 * hard), 0.02), 0.98)
            self._writers[kind.name].says = said(kind, self._odds[kind.name], luck, rng)

    async def asked(self, number: int, way: Streaming | None, preset: Preset) -> Outcome:
        """`way` is None where nobody streams."""
        self.put(number)
        now_s = self._clock.monotonic()
        request = Request(
            id=str(number),
            model="auto",
            body={"messages": [{"role": "user", "content": QUESTION}], "stream": way is not None},
            arrived_s=now_s,
            deadline_s=now_s + 600,
            wishes=Wishes(streaming=way),
        )
        plan = make_plan(request, self._ladder, self._clock, preset)
        climb = Climb(request, plan, self._ladder, self._verify, self._clock, self._judge)
        first_s = 0.0
        async with aclosing(climb.events()) as events:
            async for event in events:
                if isinstance(event, Commit):
                    first_s = self._clock.monotonic() - now_s
                elif isinstance(event, Reply):
                    decision = event.decision
        return Outcome(
            right=self._writers[decision.answered_by].says.right,
            right_prob=decision.right_prob,
            usd=decision.usage.usd,
            first_s=first_s,
            total_s=decision.total_s,
            dropped=any(step.outcome == "dropped" for step in decision.steps),
            early=decision.streamed_live,
            judged=sum(step.outcome == "judged" for step in decision.steps),
        )


def modelled(n: int) -> None:
    async def played() -> dict[tuple[Preset, Streaming], list[Outcome]]:
        found = {}
        for preset in PRESETS:
            for way in WAYS:
                world = World()  # none learns from what another saw
                found[preset, way] = [await world.asked(i, way, preset) for i in range(n)]
        return found

    outcomes = run(played())
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    print(
        f"{'preset':10}{'way':8}{'right':>7}{'mUSD':>7}{'first s':>9}{'p95':>6}{'total s':>9}{'early':>7}{'dropped':>8}"
    )
    for (preset, way), many in outcomes.items():
        told = _told(many)
        figures |= {f"{name}.{preset}.{way}": value for name, value in told.items()}
        print(
            f"{preset:10}{way:8}{told['accuracy']:7.3f}{told['usd'] * 1000:7.3f}{told['first_mean_s']:9.2f}"
            f"{told['first_p95_s']:6.2f}{told['total_mean_s']:9.2f}{told['early']:7.2f}{told['dropped']:8.2f}"
        )
    for preset in PRESETS:
        for way in ("whole", "eager"):
            pairs = list(zip(outcomes[preset, "held"], outcomes[preset, way], strict=True))
            for name, of in (("value", _value(preset)), ("accuracy", _right), ("first_s", _first)):
                key = f"{name}_held_over_{way}.{preset}"
                figures[key], intervals[key] = paired([of(a) - of(b) for a, b in pairs])
                low, high = intervals[key]
                print(f"{key}: {figures[key]:+.5f} [{low:+.5f}, {high:+.5f}]")
    _plot(outcomes)
    detail = {"rungs": [kind._asdict() for kind in RUNGS], "rest": REST, "together": TOGETHER}
    print(write("holding", figures, intervals, detail, SEED, n))


class Blind(Looked):
    """Sees nothing of verdicts."""

    def saw(self, reasoner: str, task: str, verdict: Verdicted) -> None:
        """Forgets it."""


def seen(n: int) -> None:
    async def played() -> dict[tuple[Preset, str], list[Outcome]]:
        found = {}
        for preset in PRESETS:
            for name, sees, looked in (("guess", 0.6, Blind()), ("seen", 0.6, Looked()), ("told", 1.7, Blind())):
                world = World(sees, looked)
                found[preset, name] = [await world.asked(i, None, preset) for i in range(n)]
        return found

    outcomes = run(played())
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for (preset, name), many in outcomes.items():
        of = _expected_value(preset)
        figures[f"accuracy.{preset}.{name}"] = statistics.fmean(one.right_prob for one in many)
        figures[f"usd.{preset}.{name}"] = statistics.fmean(one.usd for one in many)
        pairs = zip(many, outcomes[preset, "guess"], strict=True)
        key = f"value_{name}_over_guess.{preset}"
        figures[key], intervals[key] = paired([of(a) - of(b) for a, b in pairs])
    for key, value in figures.items():
        low, high = intervals.get(key, (value, value))
        print(f"{key}: {value:+.5f} [{low:+.5f}, {high:+.5f}]")
    print(write("holding-seen", figures, intervals, {"guess": 0.6, "told": 1.7}, SEED, n))


def _told(many: Sequence[Outcome]) -> dict[str, float]:
    firsts = sorted(one.first_s for one in many)
    return {
        "accuracy": statistics.fmean(one.right for one in many),
        "usd": statistics.fmean(one.usd for one in many),
        "first_mean_s": statistics.fmean(firsts),
        "first_p95_s": firsts[int(0.95 * len(firsts))],
        "total_mean_s": statistics.fmean(one.total_s for one in many),
        "early": statistics.fmean(one.early for one in many),
        "dropped": statistics.fmean(one.dropped for one in many),
    }


def _value(preset: Preset) -> Callable[[Outcome], float]:
    """As a share of a right answer's value."""
    prices = PRESETS[preset]
    return lambda one: one.right - (one.usd + prices.second_usd * one.first_s) / prices.value_usd


def _expected_value(preset: Preset) -> Callable[[Outcome], float]:
    value = _value(preset)
    return lambda one: value(one) - one.right + one.right_prob


def _right(one: Outcome) -> float:
    return float(one.right)


def _first(one: Outcome) -> float:
    return one.first_s


def paired(differences: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The mean and its bootstrap interval of 95%."""
    rng = random.Random(SEED)
    means = sorted(statistics.fmean(rng.choices(differences, k=len(differences))) for _ in range(1000))
    return statistics.fmean(differences), (means[25], means[974])


def _plot(outcomes: Mapping[tuple[Preset, Streaming], Sequence[Outcome]]) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  after the backend is chosen

    figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    marks = {"economy": "s", "balanced": "o", "best": "D"}
    colors = {"whole": "#656d76", "held": "#1a7f37", "eager": "#bf8700"}
    for preset, mark in marks.items():
        points = [_told(outcomes[preset, way]) for way in WAYS]
        axes.plot([p["first_mean_s"] for p in points], [p["accuracy"] for p in points], color="#d0d7de", zorder=1)
        for way, point in zip(WAYS, points, strict=True):
            axes.scatter(point["first_mean_s"], point["accuracy"], marker=mark, color=colors[way], s=55, zorder=2)
    for way, color in colors.items():
        axes.scatter([], [], color=color, label=way)
    for preset, mark in marks.items():
        axes.scatter([], [], color="white", edgecolor="#1f2328", marker=mark, label=preset)
    axes.set_xlabel("seconds to the first token, mean")
    axes.set_ylabel("share right")
    axes.legend(frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMG / "holding.png", dpi=130)


def difficulty(n: int) -> None:
    """Mean log loss of what is expected of one model after drawn verdicts (AUC 0.80) on others to the same question."""
    import numpy as np  # noqa: PLC0415  heavy, and wanted here only
    import pyarrow.parquet as pq  # noqa: PLC0415

    figures: dict[str, float] = {}
    for name in ("mixed_9models", "mmlu_pro_29models"):
        table = pq.read_table(data_path("routing", f"{name}.parquet"))
        columns = [column for column in table.column_names if column.startswith("score|")]
        scores = np.column_stack([np.asarray(table[column].to_pylist(), dtype=float) for column in columns])
        scores = scores[~np.isnan(scores).any(1)]
        means = scores.mean(0).clip(0.02, 0.98)
        rng = random.Random(SEED)
        for count in (1, 2, 3, 5):
            losses: dict[str, list[float]] = {"none": [], "added": [], "correlated": []}
            for row in rng.sample(range(len(scores)), n):
                right = scores[row] > 0.5
                asked, *others = rng.sample(range(len(columns)), count + 1)
                seen = [_drawn(str(one), means[one], right[one], rng) for one in others]
                shifts = {
                    "none": 0.0,
                    "added": sum(difficulty_shift("", [one]) for one in seen),
                    "correlated": difficulty_shift("", seen),
                }
                for how, shift in shifts.items():
                    expected = sigmoid(logit(means[asked]) + shift)
                    losses[how].append(-math.log(max(expected if right[asked] else 1 - expected, 1e-4)))
            for how, values in losses.items():
                figures[f"log_loss.{name}.{count}.{how}"] = statistics.fmean(values)
    for key, value in figures.items():
        print(f"{key}: {value:.4f}")
    print(write("holding-difficulty", figures, {}, {"auc": 0.8}, SEED, n))


def _drawn(mind: str, expected_prob: float, right: bool, rng: random.Random) -> Seen:
    sees = 1.19
    score = rng.gauss(sees if right else 0.0, 1.0)
    return Seen(mind, expected_prob, sigmoid(logit(expected_prob) + sees * score - sees**2 / 2))


LIVE = {
    "reasoners": {
        "small": {"kind": "local", "model": "smollm2-135m-instruct", "strength": 0.8},
        "think": {"kind": "think", "of": "small", "strength": 0.75},
    },
    "cache": {"exact": {"max_mb": 0}},
    "ledger": {"path": str(Path(tempfile.gettempdir()) / "rung-holding.db")},
}


async def live(n: int) -> None:
    """The rungs' strengths are pretended: only how long a reader waits is looked at. At `best`, since with dearer
    seconds a slow machine leaves nothing to wait for, and everything is sent live."""
    items = [item for item in sampled("dev", 4 * n) if item.group == "word"][:n]
    firsts: dict[Streaming, list[float]] = {way: [] for way in WAYS}
    totals: dict[Streaming, list[float]] = {way: [] for way in WAYS}
    async with Whole(parse_config(LIVE, source="holding", env={})) as whole:
        await until_ready(whole)
        for turn, item in enumerate(items):
            for way in _in_turn(turn):
                request = whole.request(item.prompt, stream=True, streaming=way, max_tokens=64, preset="best")
                began_s = LoopClock().monotonic()
                async with aclosing(whole.runtime.run(request)) as events:
                    async for event in events:
                        if isinstance(event, Commit):
                            firsts[way].append(LoopClock().monotonic() - began_s)
                totals[way].append(LoopClock().monotonic() - began_s)
    figures = {f"first_median_s.{way}": statistics.median(firsts[way]) for way in WAYS}
    figures |= {f"total_median_s.{way}": statistics.median(totals[way]) for way in WAYS}
    for name, value in figures.items():
        print(f"{name}: {value:.2f}")
    print(write("holding-live", figures, {}, {"model": "smollm2-135m-instruct", "preset": "best"}, SEED, len(items)))


def _in_turn(turn: int) -> Iterator[Streaming]:
    return (WAYS[(turn + i) % len(WAYS)] for i in range(len(WAYS)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["modelled", "seen", "difficulty", "live"])
    parser.add_argument("--n", type=int)
    given: Any = parser.parse_args()
    if given.what == "modelled":
        modelled(given.n or 400)
    elif given.what == "difficulty":
        difficulty(given.n or 3000)
    elif given.what == "seen":
        seen(given.n or 400)
    else:
        asyncio.run(live(given.n or 12))


if __name__ == "__main__":
    main()
