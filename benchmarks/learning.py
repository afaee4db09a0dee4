"""What does it bring that outcomes move the estimates at once, and can it hurt?

    learning.py [--sets mixed9 routellm mmlupro] [--seeds 6] [--questions 2000] [--plot FILE]

Reads RUNG_DATA/routing: real outcomes of many models, replayed one question after the other, in an order that the seed
draws. The ladder knows a chance for each model and question, asks the one that is likeliest right, and is told that
one's score, no other's. `frozen` keeps its chances, `online` moves them by what it was told, `trials` also tries
another now and then (a loss of 0.05 at most), `best` is the best single model in hindsight, of each half where they
differ.

Guesses: `right` are each model's mean score, `wrong` these moved by N(0, 0.7) log-odds, `learned` an artefact fitted to
1,000 other questions; in `swapped`, from the middle on, the best model answers as the one in the middle of the ranking
would, and the other way round.

The `ladder` is simulated: three rungs at prices of 0.02, 0.1 and 0.4 of a right answer, a verdict on each answer, the
real rule, and a score for one answer in three, of those that were served. Its figures are the worth of an answer less
what it cost, in right answers.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import results
from numpy.typing import NDArray
from pyarrow import parquet
from shared import data_path

from rung.estimators.evaluate import predict
from rung.estimators.online import KEPT, Offset, Outcome, forget, offsets
from rung.estimators.outcomes import Outcomes
from rung.estimators.stack import fit
from rung.odds import logit, sigmoid
from rung.routing import Try, Weighed, chances, explore, features_of, next_action
from rung.routing.explore import RATE
from rung.routing.reserve import reserve, verdict_points

SEED = 0
FILES = {"mixed9": "mixed_9models", "routellm": "routellm_2models", "mmlupro": "mmlu_pro_29models"}
GUESSES = ("right", "wrong", "learned")
POLICIES = ("frozen", "online", "trials")
MOST_LOSS = 0.05
LEARNED_FROM = 1000
# Offsets are fitted anew after every outcome up to so many, and then after every fifth: as good, and quicker.
EACH = 50


class Replayed(NamedTuple):
    """Questions in order: their tasks, `scores` [questions, models], and what is expected [questions, models]."""

    tasks: Sequence[str]
    scores: NDArray[np.float64]
    base: NDArray[np.float64]
    source: str


class Knowing:
    """What one policy knows of the models."""

    def __init__(self, count: int) -> None:
        self._outcomes: list[list[Outcome]] = [[] for _ in range(count)]
        self._forgotten = [0] * count
        self._offsets = [offsets([])] * count
        self.changes = 0

    def on(self, model: int, task: str) -> Offset:
        return self._offsets[model].on(task)

    def told(self, model: int, outcome: Outcome) -> None:
        kept = self._outcomes[model]
        kept.append(outcome)
        if (now := forget(kept, self._forgotten[model])) > self._forgotten[model]:
            self._forgotten[model], self.changes = now, self.changes + 1
        if len(kept) < EACH or len(kept) % 5 == 0:
            self._offsets[model] = offsets(kept, self._forgotten[model])
        if len(kept) > KEPT:
            del kept[0]
            self._forgotten[model] = max(0, self._forgotten[model] - 1)


def follow(replayed: Replayed, policy: str, rng: Random) -> tuple[NDArray[np.float64], int]:
    """The score of each question, and how often a model seemed to have changed."""
    count = replayed.scores.shape[1]
    knowing, got = Knowing(count), np.empty(len(replayed.tasks))
    for at, task in enumerate(replayed.tasks):
        base = replayed.base[at]
        moved = base if policy == "frozen" else [base[m] + knowing.on(m, task).believed for m in range(count)]
        chosen = int(np.argmax(moved))
        if policy == "trials":
            worst = sigmoid(moved[chosen]) - MOST_LOSS
            others = [m for m in range(count) if m != chosen and sigmoid(moved[m]) >= worst]
            if others and rng.random() < RATE:
                chosen = rng.choice(others)
        got[at] = replayed.scores[at, chosen]
        if policy != "frozen":
            knowing.told(
                chosen,
                Outcome(task=task, base=base[chosen], evidence=0.0, score=got[at], source=replayed.source),
            )
    return got, knowing.changes


def replays(known: Outcomes, tasks: Sequence[str], guess: str, count: int, seed: int) -> Replayed:
    """As many questions as there are up to `count`, in an order of the seed's."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(known.questions))
    here = order[: min(count, len(order) - LEARNED_FROM)]
    scores = known.scores[here].astype(float)
    if guess == "learned":
        model = fit(known.take(order[-LEARNED_FROM:]), rng)
        base = np.vectorize(logit)(predict(model, [known.questions[i] for i in here]).astype(float))
    else:
        mean = np.vectorize(logit)(known.scores.mean(0).astype(float))
        base = np.tile(mean + (rng.normal(0, 0.7, len(mean)) if guess == "wrong" else 0.0), (len(here), 1))
    return Replayed([tasks[i] for i in here], scores, base, "learned" if guess == "learned" else "prior")


def swapped(replayed: Replayed) -> Replayed:
    scores, half = replayed.scores.copy(), len(replayed.scores) // 2
    order = np.argsort(-scores.mean(0), kind="stable")
    best, middle = order[0], order[len(order) // 2]
    scores[half:, [best, middle]] = scores[half:, [middle, best]]
    return replayed._replace(scores=scores)


def best_of(scores: NDArray[np.float64], halves: bool) -> NDArray[np.float64]:
    parts = np.array_split(scores, 2) if halves else [scores]
    return np.concatenate([part[:, part.mean(0).argmax()] for part in parts])


class Ladder(NamedTuple):
    """Three rungs: their true chances before and after the middle, what is guessed of them, what they cost as a share
    of a right answer, and the d' of their verdicts."""

    before: tuple[float, ...] = (0.55, 0.7, 0.9)
    after: tuple[float, ...] = (0.55, 0.7, 0.9)
    guessed: tuple[float, ...] = (0.55, 0.7, 0.9)
    costs: tuple[float, ...] = (0.02, 0.1, 0.4)
    sees: float = 1.2


LADDERS = {
    "ladder_right": Ladder(),
    "ladder_wrong": Ladder(guessed=(0.8, 0.5, 0.9)),
    "ladder_swapped": Ladder(after=(0.2, 0.7, 0.9)),
}


def climbs(ladder: Ladder, policy: str, count: int, seed: int) -> tuple[NDArray[np.float64], int]:
    """The worth of each answer less what it cost. Chance is the same for all policies of a seed."""
    draws, chance = Random(f"{seed}"), Random(f"{seed} {policy}")
    knowing, worth = Knowing(3), np.empty(count)
    for at in range(count):
        true = ladder.before if at < count // 2 else ladder.after
        right = [draws.random() < p for p in true]
        seen = [draws.gauss(ladder.sees * r, 1) for r in right]
        told = draws.random() < 1 / 3
        expected = [_moved(ladder, knowing, m, policy) for m in range(3)]
        points = [verdict_points(p, ladder.sees) for p in expected]
        weighed = [
            Weighed(
                name=str(m), reserve=reserve(points[m], 1.0, ladder.costs[m]), cost=ladder.costs[m], points=points[m]
            )
            for m in range(3)
        ]
        verdicts: dict[int, float] = {}
        action = next_action(weighed, None, None)
        if policy == "trials" and isinstance(action, Try):
            action = explore(weighed, action, chances(weighed, action, MOST_LOSS), chance.random())
        while isinstance(action, Try):
            m = int(action.reasoner)
            verdicts[m] = sigmoid(logit(expected[m]) + ladder.sees * seen[m] - ladder.sees**2 / 2)
            left = [w for w in weighed if int(w.name) not in verdicts]
            action = next_action(left, max(verdicts.values()), None)
        served = max(verdicts, key=lambda m: verdicts[m])
        worth[at] = right[served] - sum(ladder.costs[m] for m in verdicts)
        if told and policy != "frozen":
            evidence = logit(verdicts[served]) - logit(expected[served])
            base = logit(ladder.guessed[served])
            knowing.told(served, Outcome(task="", base=base, evidence=evidence, score=float(right[served])))
    return worth, knowing.changes


def _moved(ladder: Ladder, knowing: Knowing, model: int, policy: str) -> float:
    base = ladder.guessed[model]
    return base if policy == "frozen" else sigmoid(logit(base) + knowing.on(model, "").believed)


class Figures:
    """Means and paired differences over seeds, and the course of the scores for the plot."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.courses: dict[str, dict[str, list[float]]] = {}
        self.changes: dict[str, float] = {}

    def add(self, name: str, got: dict[str, list[NDArray[np.float64]]], changes: list[int]) -> None:
        """`got` are scores by policy and seed. The interval is over seeds: orders and guesses are theirs."""
        for policy, runs in got.items():
            self.figures[f"{name}_{policy}"] = float(np.mean([run.mean() for run in runs]))
        self.changes[name] = float(np.mean(changes))
        for policy in ("online", "trials"):
            paired = zip(got[policy], got["frozen"], strict=True)
            gains = np.array([(run - frozen).mean() for run, frozen in paired])
            within = results.within(gains.tolist())
            key = f"{name}_{policy}_gain"
            self.figures[key] = float(gains.mean())
            self.intervals[key] = (float(gains.mean() - within), float(gains.mean() + within))
        self.courses[name] = {
            policy: [float(part.mean()) for part in np.array_split(np.mean(runs, axis=0), 20)]
            for policy, runs in got.items()
        }
        gain, (low, high) = self.figures[f"{name}_online_gain"], self.intervals[f"{name}_online_gain"]
        tried = self.figures[f"{name}_trials_gain"]
        means = "  ".join(f"{policy} {self.figures[f'{name}_{policy}']:.3f}" for policy in got)
        print(
            f"{name:24} {means}  online {gain:+.3f} ({low:+.3f} to {high:+.3f}), trials {tried:+.3f}, "
            f"{self.changes[name]:.1f} changes",
            flush=True,
        )


def measure(of: Callable[[str, int], tuple[NDArray[np.float64], int]], seeds: int) -> tuple[Any, list[int]]:
    got: dict[str, list[NDArray[np.float64]]] = {policy: [] for policy in POLICIES}
    changes = []
    for seed in range(seeds):
        for policy in POLICIES:
            run, seemed = of(policy, seed)
            got[policy].append(run)
            if policy == "online":
                changes.append(seemed)
    return got, changes


def measure_set(figures: Figures, name: str, seeds: int, count: int) -> None:
    table = parquet.read_table(data_path("routing", f"{FILES[name]}.parquet"))
    questions = tuple(table["question"].to_pylist())
    whole = [c for c in table.column_names if c.startswith("score|") and not np.isnan(table[c].to_numpy()).any()]
    models = [c.removeprefix("score|") for c in whole]
    scores = np.stack([table[f"score|{m}"].to_numpy() for m in models], 1).astype(np.float32)
    known = Outcomes(questions=questions, reasoners=tuple(models), scores=scores)
    tasks = [features_of({"messages": [{"role": "user", "content": q}]}).task for q in questions]
    for guess in (*GUESSES, "swapped"):
        made = [replays(known, tasks, "right" if guess == "swapped" else guess, count, seed) for seed in range(seeds)]
        made = [swapped(one) for one in made] if guess == "swapped" else made
        got, changes = measure(lambda policy, seed, made=made: follow(made[seed], policy, Random(seed)), seeds)
        got["best"] = [best_of(one.scores, guess == "swapped") for one in made]
        figures.add(f"{name}_{guess}", got, changes)


_SHOWN = {
    "mixed9_right": "nine models, right guesses",
    "mixed9_wrong": "nine models, wrong guesses",
    "mixed9_swapped": "nine models, two swapped half way",
    "ladder_swapped": "a ladder, cheap rung breaks half way",
}


def plot(courses: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """How much better than the guesses left alone: the mean over the last quarter of the questions asked by then, since
    questions differ more than policies do."""
    from matplotlib.figure import Figure  # noqa: PLC0415  heavy, and only wanted for the picture

    shown = [name for name in _SHOWN if name in courses]
    figure = Figure(figsize=(3.3 * len(shown), 3.2), layout="constrained")
    axes = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    for axis, name in zip(axes, shown, strict=True):
        frozen = np.array(courses[name]["frozen"])
        window = len(frozen) // 4
        for policy, label in (("online", "moved by outcomes"), ("trials", "and with trials")):
            more = 100 * (np.array(courses[name][policy]) - frozen)
            smooth = [more[max(at - window + 1, 0) : at + 1].mean() for at in range(len(more))]
            axis.plot((np.arange(len(more)) + 1) * 100 / len(more), smooth, label=label)
        axis.axhline(0, color="grey", linestyle=":")
        axis.set_title(_SHOWN[name], fontsize=10)
        axis.set_xlabel("% of the questions")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("score over guesses left alone, points")
    axes[0].legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(FILES), choices=list(FILES))
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    figures = Figures()
    for name, ladder in LADDERS.items():
        got, changes = measure(lambda policy, seed, of=ladder: climbs(of, policy, 3 * args.questions, seed), args.seeds)
        figures.add(name, got, changes)
    for name in args.sets:
        measure_set(figures, name, args.seeds, args.questions)
    if args.plot:
        plot(figures.courses, args.plot)
    detail = {"seeds": args.seeds, "changes_seen": figures.changes, "courses": figures.courses}
    print(results.write("learning", figures.figures, figures.intervals, detail, SEED, args.questions))


if __name__ == "__main__":
    main()
