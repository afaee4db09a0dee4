"""Does it pick right? Real outcomes of many models, replayed: every question is judged by estimates that were fitted to
other questions (five folds, the same question always in the same fold).

    routing.py [--sets routellm mixed9 mmlupro] [--embeddings DIR] [--curve] [--seed 0]

Reads RUNG_DATA/routing. Route only: nobody looks at an answer. Sides: chance, the best single model, Rung's estimators
one by one and their stack, an oracle; with DIR, where NAME.npy holds a sentence embedding a question of NAME.parquet,
also the usual routers on it: nearest neighbours, ridge regression, and the sum of both with ridge regression on words.
Predictions are kept in benchmarks/.routing, by what they were made with.

Which estimators there are, and their penalties, were chosen on these same sets: the figures are a little kind to them.
"""

import argparse
import hashlib
import inspect
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import results
from numpy.typing import NDArray
from pyarrow import parquet

from rung.estimators import bases, figures, reading, space, stack, trees
from rung.estimators.artefact import FORMAT, About, load, save
from rung.estimators.bases import BASES
from rung.estimators.evaluate import learning_curve
from rung.estimators.learned import Learned
from rung.estimators.outcomes import Outcomes, folds
from rung.estimators.reading import read
from rung.estimators.space import Points, Reader, Space
from rung.estimators.stack import fit

Array = NDArray[Any]
HERE = Path(__file__).parent
KEPT = HERE / ".routing"
FOLDS = 5
NEIGHBOURS = 100
EMBEDDED_PENALTY = 10.0
FILES = {"routellm": "routellm_2models", "mixed9": "mixed_9models", "mmlupro": "mmlu_pro_29models"}
# Active parameters in billions where the name does not say them.
PARAMETERS = {
    "Mixtral-8x7B-Instruct-v0.1": 13, "Mixtral-8x7B-v0.1": 13, "Phi-3-mini-4k-instruct": 3.8, "c4ai-command-r-v01": 35,
    "jamba-1.5-large": 94,
}  # fmt: skip


class Set(NamedTuple):
    """`costs` [questions, models] are what an answer takes, in parameters in billions, times its length where it is
    known; `embedded` [questions, dimensions], if there are any."""

    name: str
    known: Outcomes
    tasks: Array
    costs: Array
    embedded: Array | None


def parameters(model: str) -> float:
    if model in PARAMETERS:
        return PARAMETERS[model]
    found = re.findall(r"(\d+(?:\.\d+)?)b\b", model.lower())
    if not found:
        sys.exit(f"benchmarks/routing.py does not know the size of {model}")
    return float(found[-1])


def read_set(name: str, embeddings: Path | None) -> Set:
    path = Path(os.environ.get("RUNG_DATA", "../shared/data")) / "routing" / f"{FILES[name]}.parquet"
    if not path.exists():
        sys.exit(f"{path} is missing: set RUNG_DATA to where the routing outcomes are")
    table = parquet.read_table(path).to_pydict()
    models = [c.removeprefix("score|") for c in table if c.startswith("score|")]
    if name == "mmlupro":
        models = [m for m in models if not m.startswith("gemini") and m != "DeepSeek-Coder-V2"]
    kept = ~np.array(table.get("contaminated", [False] * len(table["question"])), bool)
    scores = np.array([table[f"score|{m}"] for m in models], np.float32).T[kept]
    costs = np.ones_like(scores)
    if name != "routellm":
        costs *= np.array([parameters(m) for m in models], np.float32)
    if name == "mmlupro":
        costs *= np.array([table[f"chars|{m}"] for m in models], np.float32).T[kept].mean(0)
    embedded = None
    if embeddings is not None and (embeddings / f"{FILES[name]}.npy").exists():
        embedded = np.load(embeddings / f"{FILES[name]}.npy")[kept]
    questions = tuple(q for q, keep in zip(table["question"], kept, strict=True) if keep)
    known = Outcomes(questions=questions, reasoners=tuple(models), scores=scores)
    return Set(name, known, np.array(table["task"])[kept], costs, embedded)


class Folds:
    """The set placed once a fold, for all methods."""

    def __init__(self, data: Set, seed: int) -> None:
        self.data, self.seed = data, seed
        self.fold = folds(data.known.questions, FOLDS, np.random.default_rng(seed))
        self._placed: dict[int, tuple[Points, Points]] = {}

    def parts(self, f: int) -> tuple[Array, Array]:
        return np.flatnonzero(self.fold != f), np.flatnonzero(self.fold == f)

    def placed(self, f: int) -> tuple[Points, Points]:
        if f not in self._placed:
            seen, unseen = (read([self.data.known.questions[i] for i in part]) for part in self.parts(f))
            reader = Reader(Space.fit(seen, np.random.default_rng(self.seed)))
            self._placed[f] = reader.place(seen), reader.place(unseen)
        return self._placed[f]

    def across(self, name: str, judge: Callable[[int, Array, Array], Array]) -> Array:
        """Scores expected [questions, models] by `judge(fold, seen, unseen)`, kept on disk by name and source."""
        sources = "".join(inspect.getsource(m) for m in (bases, reading, space, stack, trees)) + inspect.getsource(
            judge
        )
        text = f"{name} {self.seed} {self.data.known.digest()} {sources}"
        path = KEPT / f"{self.data.name}-{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npy"
        if path.exists():
            return np.load(path)
        out, begun = np.empty(self.data.known.scores.shape, np.float32), time.perf_counter()
        for f in range(FOLDS):
            seen, unseen = self.parts(f)
            out[unseen] = judge(f, seen, unseen)
        KEPT.mkdir(exist_ok=True)
        np.save(path, out)
        print(f"  [{self.data.name} {name}: {time.perf_counter() - begun:.0f} s]", file=sys.stderr)
        return out


def methods(at: Folds) -> dict[str, Array]:
    """Scores expected [questions, models], by method."""
    known = at.data.known
    scores = known.scores
    out: dict[str, Array] = {}
    for name, (fit_base, _) in BASES.items():

        def one(f: int, seen: Array, _: Array, fit_base: bases.Fit = fit_base) -> Array:
            there, here = at.placed(f)
            return fit_base(there, scores[seen], np.random.default_rng(at.seed)).predict(here)

        out[name] = at.across(name, one)

    def stacked(f: int, seen: Array, unseen: Array) -> Array:
        model = fit(known.take(seen), np.random.default_rng(at.seed))
        print(f"  fold {f}: {dict(zip(model.bases, zip(*model.weights, strict=True), strict=True))}", file=sys.stderr)
        return model.predict(Reader(model.space).place(read([known.questions[i] for i in unseen])))

    out["stack"] = at.across("stack", stacked)
    embedded = at.data.embedded
    if embedded is None:
        return out

    def neighbours(_: int, seen: Array, unseen: Array) -> Array:
        near = embedded[unseen] @ embedded[seen].T
        nearest = np.argpartition(-near, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        return scores[seen][nearest].mean(1)

    def linear(_: int, seen: Array, unseen: Array) -> Array:
        x, mean = embedded[seen], scores[seen].mean(0)
        left = x.T @ x + EMBEDDED_PENALTY * np.eye(x.shape[1], dtype=np.float32)
        return embedded[unseen] @ np.linalg.solve(left, x.T @ (scores[seen] - mean)) + mean

    out["embedded kNN-100"] = at.across("embedded kNN-100", neighbours)
    out["embedded linear"] = at.across("embedded linear", linear)
    own = [out[name] - out[name].mean(1, keepdims=True) for name in ("linear", "embedded kNN-100", "embedded linear")]
    out["three-way sum"] = sum(part / part.std() for part in own)  # type: ignore[assignment]
    return out


Figures = dict[str, float]
Intervals = dict[str, tuple[float, float]]


def measure_two(at: Folds, by: Mapping[str, Array], chance: np.random.Generator) -> tuple[Figures, Intervals]:
    """RouteLLM's outcomes: APGR."""
    strong, weak = at.data.known.scores.T
    parts = {"": np.ones(len(weak), bool), "_mmlu": at.data.tasks != "gsm8k", "_gsm8k": at.data.tasks == "gsm8k"}
    out, bounds = {}, {}
    by = {"chance": chance.random((len(weak), 2)), "oracle": at.data.known.scores, **by}
    print(f"\n{'RouteLLM, APGR':<20} {'both':>18} {'MMLU':>7} {'GSM8K':>7}")
    for name, right in by.items():
        gain = right[:, 0] - right[:, 1]
        values = [figures.apgr(gain[p], weak[p], strong[p]) for p in parts.values()]
        label = "routellm_apgr" + ("" if name == "stack" else f".{name}")
        out |= dict(zip([f"{label}{part}" for part in parts], values, strict=True))
        bounds[label] = figures.interval(
            lambda i, g=gain: figures.apgr(g[i], weak[i], strong[i]), len(weak), chance, 300
        )
        low, high = bounds[label]
        print(f"{name:<20} {values[0]:.4f} ({low:.3f}-{high:.3f}) {values[1]:.4f} {values[2]:.4f}")
    for other in ("linear", "landmarks", "trees", "embedded kNN-100", "three-way sum"):
        if other in by:
            ours, theirs = (by[n][:, 0] - by[n][:, 1] for n in ("stack", other))

            def better(i: Array, ours: Array = ours, theirs: Array = theirs) -> float:
                return figures.apgr(ours[i], weak[i], strong[i]) - figures.apgr(theirs[i], weak[i], strong[i])

            key = f"routellm_apgr_less.{other}"
            out[key], bounds[key] = better(np.arange(len(weak))), figures.interval(better, len(weak), chance, 300)
            print(f"stack less {other}: {out[key]:+.4f} ({bounds[key][0]:+.4f} to {bounds[key][1]:+.4f})")
    return out, bounds


def measure_many(at: Folds, by: Mapping[str, Array], chance: np.random.Generator) -> tuple[Figures, Intervals]:
    """Share of the gap to the oracle that is closed where cost does not count, and the frontier where it does."""
    scores, costs, name = at.data.known.scores, at.data.costs, at.data.name
    best = int(scores.mean(0).argmax())
    hull = figures.singles(scores, costs)
    out, bounds = {f"{name}_best": float(scores[:, best].mean()), f"{name}_oracle": float(scores.max(1).mean())}, {}
    span = np.linspace(hull[0].cost, hull[-1].cost, 50)
    print(f"\n{name}: best single {out[f'{name}_best']:.4f}, oracle {out[f'{name}_oracle']:.4f}")
    print(f"{'':<20} {'score':>6} {'gap closed':>22} {'area over singles':>18} {'least':>7} {'cost at best':>12}")
    for method, right in by.items():
        label = "" if method == "stack" else f".{method}"
        routed = figures.routed(right, scores)
        gap = out[f"{name}_oracle"] - out[f"{name}_best"]
        gain = (routed - scores[:, best]) / gap
        low, high = figures.interval(lambda i, g=gain: float(g[i].mean()), len(gain), chance)
        places = figures.frontier(right, scores, costs, costs.mean(0, keepdims=True))
        over = np.array([figures.score_at(places, c) - figures.score_at(hull, c) for c in span])
        at_best = figures.cost_at(places, out[f"{name}_best"]) / float(costs[:, best].mean())
        out[f"{name}_gap_closed{label}"], bounds[f"{name}_gap_closed{label}"] = float(gain.mean()), (low, high)
        out[f"{name}_area_over_singles{label}"] = float(over.mean())
        out[f"{name}_least_over_singles{label}"] = float(over.min())
        out[f"{name}_cost_at_best_quality{label}"] = at_best
        shares = f"{gain.mean():>6.1%} ({low:>6.1%} to {high:>6.1%})"
        print(f"{method:<20} {routed.mean():.4f} {shares} {over.mean():>18.4f} {over.min():>7.4f} {at_best:>12.0%}")
        if method not in {"stack", "three-way sum"}:
            ours = (figures.routed(by["stack"], scores) - routed) / gap
            key = f"{name}_gap_closed_less.{method}"
            bounds[key] = figures.interval(lambda i, d=ours: float(d[i].mean()), len(ours), chance)
            out[key] = float(ours.mean())
            print(f"  stack less {method}: {out[key]:+.1%} of the gap ({bounds[key][0]:+.1%} to {bounds[key][1]:+.1%})")
    return out, bounds


def decision_ms(data: Set, seed: int) -> Figures:
    """Loading an artefact, and estimates of one prompt of about 200 tokens, all models at once; and the file's size."""
    rng = np.random.default_rng(seed)
    model = fit(data.known, rng)
    path = KEPT / f"{data.name}.rung"
    about = About(
        format=FORMAT, rung="", made="", data="", outcomes=len(data.known.questions),
        reasoners=data.known.reasoners, bases=tuple(model.bases), metrics={},
    )  # fmt: skip
    KEPT.mkdir(exist_ok=True)
    save(path, model, about)
    loads, calls = [], []
    for _ in range(9):
        begun = time.perf_counter()
        load(path)
        loads.append(time.perf_counter() - begun)
    learned = Learned.load(path)
    prompts = [q for q in data.known.questions if 700 <= len(q) <= 900][:200]
    for prompt in prompts * 3:
        begun = time.perf_counter()
        learned(prompt)
        calls.append(time.perf_counter() - begun)
    out = {"p50": float(np.median(calls)) * 1e3, "load": float(np.median(loads)) * 1e3, "mb": path.stat().st_size / 1e6}
    print(f"{data.name}: decision p50 {out['p50']:.3f} ms, load {out['load']:.0f} ms, artefact {out['mb']:.1f} MB")
    return {
        f"decision_p50_ms_lexical.{data.name}": out["p50"],
        f"load_ms.{data.name}": out["load"],
        f"artefact_mb.{data.name}": out["mb"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--curve", action="store_true", help="learning curves too: minutes a set")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    out: Figures = {}
    bounds: Intervals = {}
    curves: dict[str, Any] = {}
    n = 0
    for name in args.sets:
        at = Folds(read_set(name, args.embeddings), args.seed)
        chance = np.random.default_rng(args.seed)
        by = methods(at)
        measured = (measure_two if name == "routellm" else measure_many)(at, by, chance)
        out, bounds, n = out | measured[0], bounds | measured[1], n + len(at.fold)
        out[f"ece.{name}"] = figures.calibration_error(by["stack"], at.data.known.scores)
        worst = max(
            figures.calibration_error(p[:, None], s[:, None])
            for p, s in zip(by["stack"].T, at.data.known.scores.T, strict=True)
        )
        print(f"calibration error {out[f'ece.{name}']:.4f}, of the worst calibrated model {worst:.4f}")
        out[f"ece_worst_model.{name}"] = worst
        out |= decision_ms(at.data, args.seed)
        if args.curve:
            curve = learning_curve(at.data.known, chance)
            curves[name] = [(p.outcomes, p.gain, p.deviation) for p in curve]
            print(
                "outcomes, gain over the best single:",
                [(p.outcomes, round(p.gain, 4), round(p.deviation, 4)) for p in curve],
            )
    out["ece_max"] = max(out[f"ece.{name}"] for name in args.sets)
    out["decision_p50_ms_lexical"] = max(out[f"decision_p50_ms_lexical.{name}"] for name in args.sets)
    path = results.write("routing", out, bounds, {"sets": args.sets, "curves": curves}, args.seed, n)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
