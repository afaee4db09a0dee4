"""Does it pick right? Real outcomes of many models, replayed: every question is judged by estimates that were fitted to
other questions (five folds, the same question always in the same fold).

    routing.py [--sets routellm mixed9 mmlupro] [--embedding] [--only PART] [--seed 0]

Reads RUNG_DATA/routing. Sides: chance, the best single model, Rung's stack of estimators, an oracle, and the usual
routers: ridge regression on words (TF-IDF), nearest neighbours, a perceptron with a hidden layer. With `--embedding`
the stack has sentence embeddings as `rung eval --embedding` makes them, the last two read embeddings of longer pieces
(254 tokens), and there is ridge regression on these and the sum of TF-IDF, neighbours and ridge besides; else they read
Rung's own topics. Nobody looks at an answer, except in the figures with `auc`, where verdicts are drawn
(benchmarks/replay.py).

`--only` measures one part, of the stack alone, into a file of its own: `verdicts` (these), the learning `curves`, the
`ablation` (the stack against itself without each of its estimators), or how long `decisions` take (on a quiet machine).

Predictions are kept in benchmarks/.routing, by what they were made with. What was chosen (estimators, penalties) was
chosen by cross-validation inside four of these five folds: the figures of the one are blind, of the four a little kind.
"""

import argparse
import asyncio
import hashlib
import inspect
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import replay
import results
import routers
from msgspec import structs
from numpy.typing import NDArray
from pyarrow import parquet
from shared import data_path

from rung.config import load_config
from rung.embedding import sentences
from rung.estimators import bases, figures, reading, space, stack, trees
from rung.estimators.artefact import FORMAT, About, load, save
from rung.estimators.bases import BASES
from rung.estimators.evaluate import predict
from rung.estimators.learned import Learned
from rung.estimators.outcomes import Outcomes, folds
from rung.estimators.reading import read
from rung.estimators.space import Points, Reader, Space
from rung.estimators.stack import fit
from rung.reasoners.local import weights
from rung.reasoners.local.catalogue import ENCODERS
from rung.reasoners.local.progress import unwatched

Array = NDArray[Any]
Figures = dict[str, float]
Intervals = dict[str, tuple[float, float]]
Judge = Callable[[int, Array, Array], Array]
HERE = Path(__file__).parent
KEPT = HERE / ".routing"
FOLDS = 5
# Outcomes to learn from, by how often they are drawn, and the questions that each draw is judged by.
DRAWS = {50: 10, 200: 60, 1000: 5}
TOLD = 2000
AUC, VERDICTS = 0.8, 3
ENCODER, LONGER = "all-minilm-l6-v2", 254
FILES = {"routellm": "routellm_2models", "mixed9": "mixed_9models", "mmlupro": "mmlu_pro_29models"}
# Active parameters in billions where the name does not say them.
PARAMETERS = {
    "Mixtral-8x7B-Instruct-v0.1": 13, "Mixtral-8x7B-v0.1": 13, "Phi-3-mini-4k-instruct": 3.8, "c4ai-command-r-v01": 35,
    "jamba-1.5-large": 94,
}  # fmt: skip


class Set(NamedTuple):
    """`costs` [questions, models] are what an answer takes, in parameters in billions, times its length where it is
    known; `embedded` [questions, dimensions], if there are any, are the other routers' embeddings."""

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


def read_set(name: str, *, embedding: bool = False) -> Set:
    table = parquet.read_table(data_path("routing", f"{FILES[name]}.parquet")).to_pydict()
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
    questions = tuple(q for q, keep in zip(table["question"], kept, strict=True) if keep)
    known = Outcomes(
        questions=questions, reasoners=tuple(models), scores=scores,
        embedded=embedded(name, questions, None) if embedding else None,
    )  # fmt: skip
    longer = embedded(name, questions, LONGER) if embedding else None
    return Set(name, known, np.array(table["task"])[kept], costs, longer)


def embedded(name: str, questions: Sequence[str], tokens: int | None) -> Array:
    """By Rung's encoder, kept on disk; `tokens` other than its own number of them."""
    sources = inspect.getsource(sentences) + "\0".join(questions)
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{name}-{hashlib.sha256(sources.encode()).hexdigest()[:16]}-embedded-{tokens or 'own'}.npy"
    if path.exists():
        return np.load(path)
    begun = time.perf_counter()
    out = encoder(tokens)(questions)
    np.save(path, out)
    print(f"  [{name} embedded, {tokens or 'own'} tokens: {time.perf_counter() - begun:.0f} s]", file=sys.stderr)
    return out


def encoder(tokens: int | None = None) -> sentences.Sentences:
    folder = load_config(None).models_dir
    assert folder is not None
    watch = unwatched()
    network, tokenizer = (weights.obtain(file, folder, watch) for file in ENCODERS[ENCODER].files)
    return sentences.Sentences(network, tokenizer, *([tokens] if tokens else []))


def kept(data: Set, made: str, name: str) -> Path:
    """Where something is kept that was made from the set as `made` says, and by the code as it stands."""
    sources = "".join(inspect.getsource(m) for m in (bases, reading, space, stack, trees, routers))
    digest = hashlib.sha256(
        f"{made} {data.known.digest()} {data.known.embedded is not None} {sources}".encode()
    ).hexdigest()[:16]
    KEPT.mkdir(exist_ok=True)
    return KEPT / f"{data.name}-{digest}-{name}"


class Folds:
    """The set placed once a fold, for all methods."""

    def __init__(self, data: Set, seed: int) -> None:
        self.data, self.seed = data, seed
        self.fold = folds(data.known.questions, FOLDS, np.random.default_rng(seed))
        self.stack = "stack" if data.known.embedded is None else "embedded stack"
        self._placed: dict[int, tuple[Points, Points]] = {}

    def parts(self, f: int) -> tuple[Array, Array]:
        return np.flatnonzero(self.fold != f), np.flatnonzero(self.fold == f)

    def placed(self, f: int) -> tuple[Points, Points]:
        if f not in self._placed:
            seen, unseen = (read([self.data.known.questions[i] for i in part]) for part in self.parts(f))
            reader = Reader(Space.fit(seen, np.random.default_rng(self.seed)))
            self._placed[f] = reader.place(seen), reader.place(unseen)
        return self._placed[f]

    def across(self, name: str, judge: Judge) -> Array:
        """Scores expected [questions, models] by `judge(fold, seen, unseen)`, kept on disk by name and source."""
        path = kept(self.data, f"{name} {self.seed} {inspect.getsource(judge)}", f"{name}.npy")
        if path.exists():
            return np.load(path)
        out, begun = np.empty(self.data.known.scores.shape, np.float32), time.perf_counter()
        for f in range(FOLDS):
            seen, unseen = self.parts(f)
            out[unseen] = judge(f, seen, unseen)
        np.save(path, out)
        print(f"  [{self.data.name} {name}: {time.perf_counter() - begun:.0f} s]", file=sys.stderr)
        return out


def stacked(at: Folds, names: Sequence[str] = tuple(BASES), *, embedding: bool = True) -> Judge:
    known = at.data.known if embedding else structs.replace(at.data.known, embedded=None)

    def stack_of(_: int, seen: Array, unseen: Array) -> Array:
        model = fit(known.take(seen), np.random.default_rng(at.seed), names)
        asked = known.take(unseen)
        return predict(model, asked.questions, asked.embedded)

    return stack_of


def ablated(at: Folds) -> dict[str, Array]:
    """The stack, and without each of its parts."""
    rest = {name: [other for other in BASES if other != name] for name in BASES}
    less = {f"without {name}": at.across(f"{at.stack} without {name}", stacked(at, of)) for name, of in rest.items()}
    return {"stack": at.across(at.stack, stacked(at)), **less}


def methods(at: Folds) -> dict[str, Array]:
    """Scores expected [questions, models], by method; Rung's first."""
    known, embedded = at.data.known, at.data.embedded
    scores = known.scores

    def vectors(f: int, seen: Array, unseen: Array) -> tuple[Array, Array]:
        if embedded is not None:
            return embedded[seen], embedded[unseen]
        there, here = at.placed(f)
        return there.places, here.places

    def words(f: int, seen: Array, _: Array) -> Array:
        there, here = at.placed(f)
        return bases.fit_linear(there, scores[seen], np.random.default_rng(at.seed)).predict(here)

    def nearest(k: int) -> Judge:
        def near(f: int, seen: Array, unseen: Array) -> Array:
            x, z = vectors(f, seen, unseen)
            return routers.neighbours(x, scores[seen], z, k)

        return near

    def perceptron(f: int, seen: Array, unseen: Array) -> Array:
        x, z = vectors(f, seen, unseen)
        return routers.perceptron(x, scores[seen], z, np.random.default_rng(at.seed))

    def embedded_linear(f: int, seen: Array, unseen: Array) -> Array:
        x, z = vectors(f, seen, unseen)
        return routers.linear(x, scores[seen], z)

    on = "MiniLM" if embedded is not None else "topics"
    out = {"stack": at.across(at.stack, stacked(at))}
    if known.embedded is not None:
        out["stack without embedding"] = at.across("stack", stacked(at, embedding=False))
    out["TF-IDF linear"] = at.across("TF-IDF linear", words)
    out["kNN-40"] = at.across(f"kNN-40 {on}", nearest(40))
    out["kNN-100"] = at.across(f"kNN-100 {on}", nearest(100))
    out["MLP"] = at.across(f"MLP {on}", perceptron)
    if embedded is not None:
        out["MiniLM linear"] = at.across("MiniLM linear", embedded_linear)
        three = [out[name] - out[name].mean(1, keepdims=True) for name in ("TF-IDF linear", "kNN-100", "MiniLM linear")]
        out["three-way sum"] = sum(part / part.std() for part in three)  # type: ignore[assignment]
    return out


def measure_two(at: Folds, by: Mapping[str, Array], rng: np.random.Generator) -> tuple[Figures, Intervals]:
    """RouteLLM's outcomes: APGR."""
    strong, weak = at.data.known.scores.T
    parts = {"": np.ones(len(weak), bool), "_mmlu": at.data.tasks != "gsm8k", "_gsm8k": at.data.tasks == "gsm8k"}
    out, bounds = {}, {}
    by = {**by, "chance": rng.random((len(weak), 2)), "oracle": at.data.known.scores}
    print(f"\n{'RouteLLM, APGR':<20} {'both':>18} {'MMLU':>7} {'GSM8K':>7}   stack less this")
    ours = by["stack"][:, 0] - by["stack"][:, 1]
    for name, right in by.items():
        gain = right[:, 0] - right[:, 1]
        values = [figures.apgr(gain[p], weak[p], strong[p]) for p in parts.values()]
        label = "routellm_apgr" + ("" if name == "stack" else f".{name}")
        out |= dict(zip([f"{label}{part}" for part in parts], values, strict=True))

        def one(i: Array, gain: Array = gain) -> float:
            return figures.apgr(gain[i], weak[i], strong[i])

        def better(i: Array, gain: Array = gain) -> float:
            return figures.apgr(ours[i], weak[i], strong[i]) - figures.apgr(gain[i], weak[i], strong[i])

        low, high = bounds[label] = figures.interval(one, len(weak), rng, 400)
        line = f"{name:<20} {values[0]:.4f} ({low:.3f}-{high:.3f}) {values[1]:.4f} {values[2]:.4f}"
        if name not in {"stack", "oracle"}:
            key = f"routellm_apgr_less.{name}"
            out[key], bounds[key] = better(np.arange(len(weak))), figures.interval(better, len(weak), rng, 400)
            line += f"   {out[key]:+.4f} ({bounds[key][0]:+.4f} to {bounds[key][1]:+.4f})"
        print(line)
    return out, bounds


def measure_many(at: Folds, by: Mapping[str, Array], rng: np.random.Generator) -> tuple[Figures, Intervals]:
    """Share of the gap to the oracle that is closed where cost does not count, and the frontier where it does."""
    scores, costs, name = at.data.known.scores, at.data.costs.mean(0), at.data.name
    best = int(scores.mean(0).argmax())
    hull = figures.singles(scores, at.data.costs)
    top, oracle = float(scores[:, best].mean()), float(scores.max(1).mean())
    out, bounds = {f"{name}_best": top, f"{name}_oracle": oracle}, {}
    span = np.linspace(hull[0].cost, hull[-1].cost, 50)
    ours, mine = replay.route(by["stack"], scores, costs), figures.routed(by["stack"], scores)
    print(f"\n{name}: best single {top:.4f}, oracle {oracle:.4f}")
    print(
        f"{'':<20} {'score':>6} {'gap closed':>23} {'over singles':>13} {'least':>7} {'cost at best':>12}   stack less"
    )
    for method, right in by.items():
        label = "" if method == "stack" else f".{method}"
        routed, route = figures.routed(right, scores), replay.route(right, scores, costs)
        gap = (routed - scores[:, best]) / (oracle - top)
        low, high = figures.interval(lambda i, g=gap: float(g[i].mean()), len(gap), rng)
        over = np.array([figures.score_at(route.places(), c) - figures.score_at(hull, c) for c in span])
        at_best = figures.cost_at(route.places(), top) / float(costs[best])
        out[f"{name}_gap_closed{label}"], bounds[f"{name}_gap_closed{label}"] = float(gap.mean()), (low, high)
        out[f"{name}_area_over_singles{label}"] = float(over.mean())
        out[f"{name}_least_over_singles{label}"] = float(over.min())
        out[f"{name}_cost_at_best_quality{label}"] = at_best
        line = f"{method:<20} {routed.mean():.4f} {gap.mean():>6.1%} ({low:>6.1%} to {high:>6.1%})"
        line += f" {over.mean():>13.4f} {over.min():>7.4f} {at_best:>12.0%}"
        if method != "stack":
            less = (mine - routed) / (oracle - top)
            key, above = f"{name}_gap_closed_less.{method}", replay.lead(ours, route, span, rng)
            out[key], bounds[key] = (
                float(less.mean()),
                figures.interval(lambda i, d=less: float(d[i].mean()), len(less), rng),
            )
            key = f"{name}_frontier_over.{method}"
            out[key], bounds[key], out[f"{key}.least"] = above.mean, (above.low, above.high), above.least
            line += f"   gap {less.mean():+.1%} ({bounds[f'{name}_gap_closed_less.{method}'][0]:+.1%} to "
            line += f"{bounds[f'{name}_gap_closed_less.{method}'][1]:+.1%}), frontier {above.mean:+.4f} "
            line += f"({above.low:+.4f} to {above.high:+.4f}), least {above.least:+.4f}"
        print(line)
    return out, bounds


def with_verdicts(at: Folds, right: Array) -> tuple[Figures, Intervals]:
    """What the rule reaches with verdicts of an AUC; at the one that is asked for, the mean over draws of them, with
    95% over questions, the rule's prices as they are."""
    scores, costs, name = at.data.known.scores, at.data.costs.mean(0), at.data.name
    out: Figures = {f"residual_correlation.{name}": together(right, scores)}
    bounds: Intervals = {}
    print(f"{name}: what is left over of two models' scores goes together by {out[f'residual_correlation.{name}']:.2f}")
    for auc, d in replay.DISCRIMINATION.items():
        sides = []
        for draw in range(VERDICTS if auc == AUC else 1):
            told = replay.draw(scores, d, at.seed + draw)
            replay.check(right[:10], told[:10], costs, 1 / float(costs.max()), d)
            sides.append(replay.rule(right, told, scores, costs, d).on_hull())
        keys = [f"{name}_{kind}_auc{auc * 100:.0f}" for kind in ("accuracy_at_best_cost", "cost_at_best_quality")]
        found = beside_best(sides, scores, costs, np.arange(len(scores)))
        out |= dict(zip(keys, found, strict=True))
        if auc == AUC:
            rng = np.random.default_rng(at.seed)
            drawn = [beside_best(sides, scores, costs, rng.integers(0, len(scores), len(scores))) for _ in range(200)]
            spread = np.quantile(drawn, [0.025, 0.975], axis=0).T.tolist()
            bounds |= {key: (low, high) for key, (low, high) in zip(keys, spread, strict=True)}
        print(
            f"{name}: verdicts of AUC {auc}: {found[0]:.4f} at the best single's cost, its score at {found[1]:.1%} of "
            f"its cost {[bounds.get(key) for key in keys]}"
        )
    return out, bounds


def beside_best(sides: Sequence[replay.Replay], scores: Array, costs: Array, rows: Array) -> tuple[float, float]:
    """The score at the cost of the best single model, and the share of its cost that its score takes; means over
    `sides`, of the questions in `rows`."""
    mean = scores[rows].mean(0)
    best, reached = int(mean.argmax()), []
    for side in sides:
        places = replay.Replay(side.costs[:, rows], side.scores[:, rows]).places()
        share = figures.cost_at(places, float(mean[best])) / float(costs[best])
        reached.append((figures.score_at(places, float(costs[best])), share))
    score, share = np.mean(reached, axis=0).tolist()
    return score, share


def together(right: Array, scores: Array) -> float:
    """Correlation of two models' scores beyond what was expected of them, the mean over pairs: SHARED_DIFFICULTY."""
    rest = (scores - right) / np.sqrt(np.clip(right * (1 - right), 1e-3, None))
    return float(np.corrcoef(rest.T)[np.triu_indices(rest.shape[1], 1)].mean())


class Step(NamedTuple):
    """A point of a learning curve: gain over the best single model of all, and at its cost, with 95% intervals over
    draws; and over the model that looked best in the same outcomes."""

    outcomes: int
    gain: tuple[float, float, float]
    equal_cost: tuple[float, float, float]
    over_seen_best: float


def learning(at: Folds, right: Array) -> list[Step]:
    """From few outcomes, drawn `DRAWS` times; the last is all of four folds."""
    known, out = at.data.known, []
    best = int(known.scores.mean(0).argmax())
    for size, draws in DRAWS.items():
        found = []
        for draw in range(draws):
            rng = np.random.default_rng([at.seed, size, draw])
            seen, unseen = at.parts(draw % FOLDS)
            seen, unseen = rng.permutation(seen)[:size], rng.permutation(unseen)[:TOLD]
            model = fit(known.take(seen), rng)
            first = int(known.scores[seen].mean(0).argmax())
            asked = known.take(unseen)
            said = predict(model, asked.questions, asked.embedded)
            found.append([*gains(at, said, unseen, best), gains(at, said, unseen, first)[0]])
        out.append(_step(size, np.array(found)))
    parts = [at.parts(f)[1] for f in range(FOLDS)]
    found = [[*gains(at, right[here], here, best), gains(at, right[here], here, best)[0]] for here in parts]
    return [*out, _step(len(known.questions) - len(parts[0]), np.array(found))]


def gains(at: Folds, said: Array, questions: Array, over: int) -> tuple[float, float]:
    """Mean score of routing by what is `said`, less a single model's: without a look at cost, and for no more than its
    cost, at the price that is expected to give the most within it."""
    scores, costs = at.data.known.scores[questions], at.data.costs.mean(0)
    rows = np.arange(len(scores))
    within = (-1.0, 0.0)
    for price in replay.prices(costs[None, :]):
        chosen = (said - price * costs).argmax(1)
        if costs[chosen].mean() <= costs[over] * 1.0001:
            within = max(within, (float(said[rows, chosen].mean()), float(scores[rows, chosen].mean())))
    single = float(scores[:, over].mean())
    equal = within[1] - single if within[0] >= 0 else 0.0
    return float(figures.routed(said, scores).mean()) - single, equal


def _step(size: int, found: Array) -> Step:
    mean, error = found.mean(0), [results.within(draws) for draws in found.T.tolist()]
    gain, equal = ((float(m), float(m - e), float(m + e)) for m, e in zip(mean[:2], error[:2], strict=True))
    return Step(size, gain, equal, float(mean[2]))


def told_of(name: str, steps: Sequence[Step]) -> tuple[Figures, Intervals]:
    out: Figures = {}
    bounds: Intervals = {}
    for step in steps:
        print(f"  {step.outcomes:>6} outcomes: " + ", ".join(f"{k} {v}" for k, v in step._asdict().items()))
        for kind, (mean, low, high) in (("gain", step.gain), ("equal_cost", step.equal_cost)):
            key = f"{name}_{kind}_after.{step.outcomes}"
            out[key], bounds[key] = mean, (low, high)
    return out, bounds


def decision_ms(data: Set, seed: int) -> Figures:
    """Loading an artefact, and estimates of one prompt of about 200 tokens, all models at once; and the file's size."""
    lexical = data._replace(known=structs.replace(data.known, embedded=None))
    out = _decision_ms(lexical, seed, "lexical")
    return out if data.known.embedded is None else out | _decision_ms(data, seed, "embedded")


def _decision_ms(data: Set, seed: int, kind: str) -> Figures:
    path = kept(data, str(seed), f"{kind}.rung")
    if not path.exists():
        model = fit(data.known, np.random.default_rng(seed))
        about = About(
            format=FORMAT, rung="", made="", data="", outcomes=len(data.known.questions),
            reasoners=data.known.reasoners, bases=tuple(model.bases), metrics={},
            embedding=ENCODER if kind == "embedded" else "",
        )  # fmt: skip
        save(path, model, about)
    loads = []
    for _ in range(9):
        begun = time.perf_counter()
        load(path)
        loads.append(time.perf_counter() - begun)
    learned = Learned(*load(path), encoder().one if kind == "embedded" else None)
    prompts = [q for q in data.known.questions if 700 <= len(q) <= 900][:200]
    calls = asyncio.run(decided(learned, prompts * 3))
    out = {"p50": float(np.median(calls)) * 1e3, "load": float(np.median(loads)) * 1e3, "mb": path.stat().st_size / 1e6}
    print(f"{data.name}, {kind}: decision p50 {out['p50']:.3f} ms, load {out['load']:.0f} ms, {out['mb']:.1f} MB")
    return {
        f"decision_p50_ms_{kind}.{data.name}": out["p50"],
        f"load_ms_{kind}.{data.name}": out["load"],
        f"artefact_mb_{kind}.{data.name}": out["mb"],
    }


async def decided(learned: Learned, prompts: Sequence[str]) -> list[float]:
    """Seconds each took."""
    out = []
    for prompt in prompts:
        begun = time.perf_counter()
        await learned(prompt)
        out.append(time.perf_counter() - begun)
    return out


class Frontier(NamedTuple):
    """Of one set: (cost, score) of its single models, and by method along its frontier."""

    models: list[tuple[float, float]]
    methods: dict[str, list[tuple[float, float]]]


def frontier(at: Folds, by: Mapping[str, Array]) -> Frontier:
    scores, costs = at.data.known.scores, at.data.costs.mean(0)
    told = replay.draw(scores, replay.DISCRIMINATION[AUC], at.seed)
    sides = {
        "rule, verdicts of AUC 0.80": replay.rule(by["stack"], told, scores, costs, replay.DISCRIMINATION[AUC]),
        **{m: replay.route(by[m], scores, costs) for m in ("stack", "kNN-100", "MLP", "TF-IDF linear")},
    }
    models = list(zip(costs.tolist(), scores.mean(0).tolist(), strict=True))
    return Frontier(models, {label: figures.upper(side.places()) for label, side in sides.items()})


def measure(at: Folds, by: Mapping[str, Array]) -> tuple[Figures, Intervals]:
    """All that is asked of one set, but for its learning curve."""
    rng, name = np.random.default_rng(at.seed), at.data.name
    out, bounds = (measure_two if name == "routellm" else measure_many)(at, by, rng)
    out[f"ece.{name}"] = figures.calibration_error(by["stack"], at.data.known.scores)
    pairs = zip(by["stack"].T, at.data.known.scores.T, strict=True)
    out[f"ece_worst_model.{name}"] = max(figures.calibration_error(p[:, None], s[:, None]) for p, s in pairs)
    print(f"calibration error {out[f'ece.{name}']:.4f}, of the worst model {out[f'ece_worst_model.{name}']:.4f}")
    scores, losses = at.data.known.scores, {}
    for method in (one for one in by if one.startswith(("stack", "without"))):
        p = np.clip(by[method], 0.005, 0.995)
        losses[method] = -(scores * np.log(p) + (1 - scores) * np.log(1 - p)).mean(1)
        out[f"log_loss.{name}{'' if method == 'stack' else f'.{method}'}"] = float(losses[method].mean())
        less = losses[method] - losses["stack"]
        if method != "stack":
            key, within = f"log_loss_less.{name}.{method}", partial(_mean_of, less)
            out[key], bounds[key] = float(less.mean()), figures.interval(within, len(less), rng)
            print(f"log loss, less than {method}: {out[key]:.4f} ({bounds[key][0]:.4f} to {bounds[key][1]:.4f})")
    return out, bounds


def _mean_of(values: Array, at: Array) -> float:
    return float(values[at].mean())


def ablate(sets: Sequence[str], seed: int, *, embedding: bool) -> None:
    """Measures the stack against itself without each of its parts, and writes it."""
    out: Figures = {}
    bounds: Intervals = {}
    n = 0
    for name in sets:
        at = Folds(read_set(name, embedding=embedding), seed)
        measured = measure(at, ablated(at))
        out, bounds, n = out | measured[0], bounds | measured[1], n + len(at.fold)
    out = {key: value for key, value in out.items() if np.isfinite(value)}
    print(f"\n{results.write('routing-ablation', out, bounds, {'sets': sets, 'embedding': embedding}, seed, n)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--embedding", action="store_true")
    parser.add_argument("--only", choices=["ablation", "verdicts", "curves", "decisions"])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.only == "ablation":
        ablate(args.sets, args.seed, embedding=args.embedding)
        return
    out: Figures = {}
    bounds: Intervals = {}
    curves: dict[str, list[Step]] = {}
    frontiers: dict[str, Frontier] = {}
    vectors: dict[str, str] = {}
    n = 0
    for name in args.sets:
        at = Folds(read_set(name, embedding=args.embedding), args.seed)
        n += len(at.fold)
        if args.only == "decisions":
            out |= decision_ms(at.data, at.seed)
            continue
        if args.only is None:
            by = methods(at)
            vectors[name] = "topics" if at.data.embedded is None else ENCODER
            measured = measure(at, by)
            out, bounds = out | measured[0] | decision_ms(at.data, at.seed), bounds | measured[1]
        else:
            by = {"stack": at.across(at.stack, stacked(at))}
        if name != "routellm":
            if args.only is None:
                frontiers[name] = frontier(at, by)
            if args.only != "curves":
                verdicts = with_verdicts(at, by["stack"].astype(float))
                out, bounds = out | verdicts[0], bounds | verdicts[1]
        if args.only != "verdicts":
            curves[name] = learning(at, by["stack"])
            told = told_of(name, curves[name])
            out, bounds = out | told[0], bounds | told[1]
    if args.only is None:
        out["ece_max"] = max(out[f"ece.{name}"] for name in args.sets)
    if args.only in {None, "decisions"}:
        for kind in ("lexical", "embedded")[: 1 + args.embedding]:
            out[f"decision_p50_ms_{kind}"] = max(out[f"decision_p50_ms_{kind}.{name}"] for name in args.sets)
    # What is never reached has an infinite cost, which JSON cannot say.
    out = {key: value for key, value in out.items() if np.isfinite(value)}
    detail = {"sets": args.sets, "vectors": vectors, "curves": curves, "frontiers": frontiers}
    print(f"\n{results.write('-'.join(filter(None, ('routing', args.only))), out, bounds, detail, args.seed, n)}")


if __name__ == "__main__":
    main()
