"""Answers that were recorded, judged as Rung would: what `verifier.py` measures and `fit_verifier.py` fits to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import nan, sqrt
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any, NamedTuple

from graded import Item, Part, every, right
from hybrid import RECORDED, Recording
from hybrid import SEED as HYBRID_SEED
from hybrid_figures import signals_of, vote

from rung.routing import Profile, Speed, estimate, features_of
from rung.types import Answer, Choice, Estimate, Features, Verdict
from rung.verdicts import Known, verify
from rung.verdicts.signals import SIGNALS

Row = dict[str, Any]
MODEL = "qwen2.5-coder-1.5b-instruct"
KINDS = {"brief": "brief", "fast": "local", "think": "think", "vote": "vote", "program": "program"}
NO_WAIT = Speed(wait_s=0.0, first_s=0.1, prompt_s_per_token=0.01, completion_s_per_token=0.03)
# Of `hybrid.py`, of its first runs, and of `solvers.py`.
SEEDS = (HYBRID_SEED, 2, 5)
SAMPLES = 3


class Judged(NamedTuple):
    """`text` is the answer's; `prior` the estimate before it was seen."""

    item: Item
    text: str
    features: Features
    reasoner: str
    right: bool
    prior: float
    verdict: Verdict


class Asked(NamedTuple):
    """A question with what each reasoner answered to it; who abstained is not there."""

    item: Item
    rows: Mapping[str, Row]


def asked(part: Part, folder: Path = RECORDED) -> list[Asked]:
    """What `hybrid.py record` and `solvers.py record` recorded of a part, the first sample of each, and `vote` where
    the samples of `fast` decide one."""
    recordings = [Recording(path) for path in sorted(folder.glob(f"*-{part}.jsonl"))]
    found: dict[tuple[str, str], Asked] = {}
    for seed in SEEDS:
        items = {item.id: item for item in every(part, seed)}
        rows: dict[str, dict[tuple[str, int], Row]] = defaultdict(dict)
        for row in (row for recording in recordings for row in recording.of(items.values())):
            if row["reasoner"] in KINDS and row["finish"] != "abstained":
                rows[row["item"]].setdefault((row["reasoner"], row["sample"]), row)
        for name, taken in rows.items():
            found.setdefault((name, items[name].prompt), Asked(items[name], _whole(items[name], taken)))
    if not found:
        raise SystemExit(f"Nothing is recorded of {part} items; run hybrid.py record --items {part} first.")
    return [found[key] for key in sorted(found)]


def _whole(item: Item, taken: Mapping[tuple[str, int], Row]) -> dict[str, Row]:
    rows = {name: row for (name, sample), row in taken.items() if sample == 0}
    if "fast" in rows:
        voted = vote(item, [taken["fast", i] for i in range(SAMPLES) if ("fast", i) in taken])
        if voted is not None and "agreement" in voted:
            rows["vote"] = voted
    return rows


def answer_of(row: Row) -> Answer:
    signals = {name: value for name, value in signals_of(row).items() if name not in SIGNALS and name != "others"}
    if row["reasoner"] == "vote":
        signals["samples"] = float(row["samples"])
        if row["agreement"] is not None:
            signals["agreement"] = row["agreement"]
    choice = Choice(text=row["text"] or "", reasoning=row["reasoning"] or "", finish=row["finish"])
    return Answer(reasoner=row["reasoner"], choices=(choice,), signals=signals)


def estimates_of(features: Features) -> dict[str, Estimate]:
    profiles = (Profile(name=n, kind=k, leaf_kind="local", model=MODEL, samples=SAMPLES) for n, k in KINDS.items())
    return {profile.name: estimate(profile, features, NO_WAIT) for profile in profiles}


async def judge(item: Item, rows: Sequence[Row]) -> list[Judged]:
    """The verdicts on `rows` with all of them in hand."""
    body = {"messages": [{"role": "user", "content": item.prompt}]}
    features = features_of(body)
    estimates = estimates_of(features)
    verdicts = await verify(features, estimates, [answer_of(row) for row in rows], body, Known(kinds=KINDS))
    return [
        Judged(
            item=item,
            text=row["text"],
            features=features,
            reasoner=row["reasoner"],
            right=right(item, row["text"]),
            prior=estimates[row["reasoner"]].right_prob,
            verdict=verdict,
        )
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


Scored = Sequence[tuple[float, bool]]


def auc(scored: Scored) -> float:
    """Ties count half; nan where all are right or all wrong."""
    good, bad = [s for s, r in scored if r], [s for s, r in scored if not r]
    if not good or not bad:
        return nan
    return fmean((g > b) + (g == b) / 2 for g in good for b in bad)


def discrimination(scored: Scored) -> float:
    """d', as the rule means it: the distance of two normal distributions with this AUC = Phi(d' / sqrt 2)."""
    return sqrt(2) * NormalDist().inv_cdf(min(max(auc(scored), 0.01), 0.99))


def bins(scored: Scored, count: int = 10) -> list[Scored]:
    """Of equal width in the stated chance, the empty ones left out."""
    binned: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for score, was_right in scored:
        binned[min(int(score * count), count - 1)].append((score, was_right))
    return [binned[at] for at in sorted(binned)]


def calibration_error(scored: Scored, count: int = 10) -> float:
    """Mean distance of the stated chance from the share right, over `bins`, weighted by their size."""
    distances = [abs(fmean(s for s, _ in b) - fmean(r for _, r in b)) * len(b) for b in bins(scored, count)]
    return sum(distances) / len(scored)
