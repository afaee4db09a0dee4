"""How the prior of cold start is fitted to public outcomes (`coldstart.py`).

Log-odds of reasoner i on question x are ability[i] + ability[i, domain(x)] - difficulty(x), difficulty linear in words
and surface, all held to nothing (ridge).
"""

import hashlib
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet
from scipy.optimize import minimize
from scipy.sparse import csr_array, vstack
from shared import data_path

from rung.estimators.prior import BITS, DOMAINS, FORMAT, SURFACE, About, Prior, Weights, read
from rung.probes import TEMPLATES

Array = NDArray[Any]
SHIPPED = Path(__file__).parent.parent / "src" / "rung" / "estimators" / "prior.msgpack"
SOURCES = {
    "routellm": ("routellm_2models", "lm-sys/RouteLLM, Apache-2.0"),
    "mixed9": ("mixed_9models", "ulab-uiuc/LLMRouter, MIT"),
    "mmlupro": ("mmlu_pro_29models", "TIGER-AI-Lab/MMLU-Pro, Apache-2.0"),
}
# The same reasoner under two names links the sets' scales.
SAME = {"Mixtral-8x7B-Instruct-v0.1": "mixtral-8x7b-instruct", "Meta-Llama-3_1-8B-Instruct": "llama-3.1-8b-instruct"}
MATHS = frozenset([
    "elementary_mathematics", "high_school_mathematics", "college_mathematics", "math", "gsm8k", "agentverse-mgsm",
    "abstract_algebra", "high_school_statistics", "econometrics", "professional_accounting", "physics", "chemistry",
    "college_physics", "high_school_physics", "conceptual_physics", "electrical_engineering", "engineering",
    "high_school_chemistry", "college_chemistry",
])  # fmt: skip
LOGIC = frozenset(["formal_logic", "agentverse-logicgrid", "logical_fallacies", "commonsense_qa", "moral_scenarios"])
CODE = frozenset(["mbpp", "human_eval"])
# Ridge penalties: of words, of a reasoner's ability in a domain, of surface, of its general ability.
WORDS, OWN, LOOKS, GENERAL = 3.0, 3.0, 0.1, 0.05
# Questions of our own making that show what reading is like; the public outcomes hold next to none.
SHOWN = 40


class Set(NamedTuple):
    name: str
    questions: Sequence[str]
    models: Sequence[str]
    scores: Array
    domains: Array
    words: Any
    looks: Array

    def take(self, kept: Array) -> "Set":
        """The questions that are `kept`."""
        questions = [q for q, keep in zip(self.questions, kept, strict=True) if keep]
        at = np.flatnonzero(kept)
        return Set(self.name, questions, self.models, self.scores[at], self.domains[at], self.words[at], self.looks[at])


def domain(task: str, question: str) -> int:
    task = task.rsplit("/", maxsplit=1)[-1]
    if task in CODE:
        return DOMAINS.index("code")
    if task in MATHS:
        return DOMAINS.index("maths")
    if task in LOGIC:
        return DOMAINS.index("logic")
    if task == "commongen" or question.startswith("This question refers to the following"):
        return DOMAINS.index("reading")
    return DOMAINS.index("facts")


def seen(questions: Sequence[str]) -> tuple[Any, Array]:
    """Words [questions, 2**BITS] at unit length, and surfaces."""
    places, looks = zip(*map(read, questions), strict=True)
    sizes = np.array([len(one) for one in places])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.concatenate([sorted(one) for one in places])
    return csr_array((np.repeat(sizes**-0.5, sizes), columns, starts), shape=(len(places), 1 << BITS)), np.array(looks)


def read_set(name: str) -> Set:
    table = parquet.read_table(data_path("routing", f"{SOURCES[name][0]}.parquet")).to_pydict()
    models = [c.removeprefix("score|") for c in table if c.startswith("score|")]
    kept = ~np.array(table.get("contaminated", [False] * len(table["question"])), bool)
    scores = np.array([table[f"score|{m}"] for m in models], float).T[kept]
    questions = [q for q, keep in zip(table["question"], kept, strict=True) if keep]
    tasks = [t for t, keep in zip(table["task"], kept, strict=True) if keep]
    domains = np.array([domain(t, q) for t, q in zip(tasks, questions, strict=True)])
    return Set(name, questions, [SAME.get(m, m) for m in models], scores, domains, *seen(questions))


def stem(question: str) -> str:
    """What is the same of a question that stands in two sets with other options."""
    return re.sub(r"\W+", "", re.split(r"\n\s*\(?A[).]", question)[0].lower())[:80]


class Fitted(NamedTuple):
    """`abilities` [models, 1 + domains]: the general one, and what each domain adds."""

    models: Sequence[str]
    abilities: Array
    words: Array
    looks: Array

    def difficulty(self, words: Any, looks: Array) -> Array:
        return words @ self.words + looks @ self.looks[:-1] + self.looks[-1]


class Cells(NamedTuple):
    """Known scores: of which question and model, in which domain, the score, and its weight: a question counts by the
    square root of how many were asked it."""

    question: Array
    model: Array
    domain: Array
    score: Array
    weight: Array


def cells(sets: Sequence[Set], models: Sequence[str]) -> Cells:
    parts, before = [], 0
    for one in sets:
        row, column = np.nonzero(~np.isnan(one.scores))
        weight = (~np.isnan(one.scores)).sum(1)[row] ** -0.5
        at = np.array([models.index(m) for m in one.models])[column]
        parts.append((row + before, at, one.domains[row], one.scores[row, column], weight))
        before += len(one.questions)
    return Cells(*map(np.concatenate, zip(*parts, strict=True)))


def fit(sets: Sequence[Set]) -> Fitted:
    models = sorted({m for one in sets for m in one.models})
    known = cells(sets, models)
    words, looks = vstack([one.words for one in sets]).tocsr(), np.vstack([one.looks for one in sets])
    mean, spread = looks.mean(0), looks.std(0) + 1e-3
    looks, turned = (looks - mean) / spread, words.T.tocsr()
    m, k, n = len(models), len(DOMAINS), words.shape[0]
    cuts = np.cumsum([m, m * k, 1 << BITS])
    penalty = np.repeat([GENERAL, OWN, WORDS, LOOKS], [m, m * k, 1 << BITS, SURFACE])
    own = known.model * k + known.domain

    def loss(p: Array) -> tuple[float, Array]:
        general, more, weights, on = np.split(p, cuts)
        odds = general[known.model] + more[own] - (words @ weights + looks @ on)[known.question]
        right = 1 / (1 + np.exp(-odds))
        wrong = known.weight * (right - known.score)
        value = float((known.weight * (np.logaddexp(0, odds) - known.score * odds)).sum() + (penalty * p * p).sum() / 2)
        back = np.bincount(known.question, -wrong, n)
        parts = np.bincount(known.model, wrong, m), np.bincount(own, wrong, m * k), turned @ back, looks.T @ back
        return value, np.concatenate(parts) + penalty * p

    p = minimize(loss, np.zeros(cuts[-1] + SURFACE), jac=True, method="L-BFGS-B", options={"maxiter": 150}).x
    general, more, weights, on = np.split(p, cuts)
    on = on / spread
    abilities = np.column_stack([general, more.reshape(m, k)])
    return Fitted(models, abilities, weights, np.append(on, -float(mean @ on)))


def centred(fitted: Fitted, ordinary: Sequence[Set]) -> Fitted:
    """With 0 as the mean difficulty of `ordinary` questions, each set counting the same."""
    mean = float(np.mean([fitted.difficulty(one.words, one.looks).mean() for one in ordinary]))
    looks = fitted.looks.copy()
    looks[-1] -= mean
    abilities = fitted.abilities.copy()
    abilities[:, 0] -= mean
    return fitted._replace(looks=looks, abilities=abilities)


def shown_probes() -> list[tuple[str, int]]:
    """Questions, and their domains."""
    kinds = [(template, level) for template in TEMPLATES for level in range(len(template.halfway))]
    return [
        (template.probe(level, -1, number).question, DOMAINS.index(template.domain))
        for template, level in kinds
        for number in range(SHOWN)
    ]


def fit_domains(sets: Sequence[Set]) -> tuple[Array, Array]:
    """Softmax regression of the domain on words and surface [2**BITS, domains], [SURFACE + 1, domains]."""
    shown = shown_probes()
    words, looks = seen([question for question, _ in shown])
    x = vstack([*(one.words for one in sets), words]).tocsr()
    z = np.vstack([*(one.looks for one in sets), looks])
    y = np.concatenate([*(one.domains for one in sets), [at for _, at in shown]])
    mean, spread, turned, k = z.mean(0), z.std(0) + 1e-3, x.T.tocsr(), len(DOMAINS)
    z = np.column_stack([(z - mean) / spread, np.ones(len(z))])
    wanted = np.eye(k)[y]
    weight = (np.bincount(y, minlength=k) ** -0.5)[y]
    weight *= len(y) / weight.sum()

    def loss(p: Array) -> tuple[float, Array]:
        a, b = p[: k << BITS].reshape(-1, k), p[k << BITS :].reshape(-1, k)
        odds = x @ a + z @ b
        odds -= odds.max(1, keepdims=True)
        chance = np.exp(odds)
        chance /= chance.sum(1, keepdims=True)
        off = weight[:, None] * (chance - wanted)
        value = -float((weight * np.log((chance * wanted).sum(1) + 1e-12)).sum())
        slope = np.concatenate([(turned @ off + 0.3 * a).ravel(), (z.T @ off + 0.3 * b).ravel()])
        return value + 0.15 * float((p * p).sum()), slope

    p = minimize(
        loss, np.zeros(k * ((1 << BITS) + SURFACE + 1)), jac=True, method="L-BFGS-B", options={"maxiter": 60}
    ).x
    a, b = p[: k << BITS].reshape(-1, k), p[k << BITS :].reshape(-1, k)
    on = b[:-1] / spread[:, None]
    return a, np.vstack([on, b[-1] - mean @ on])


def packed(fitted: Fitted, domains: tuple[Array, Array], about: About) -> Weights:
    words = np.column_stack([fitted.words, domains[0]])
    looks = np.column_stack([fitted.looks, domains[1]])
    scales = np.abs(words).max(0) / 127
    return Weights(
        about=about,
        scales=tuple(scales.tolist()),
        surface=tuple(map(tuple, looks[:-1].tolist())),
        offsets=tuple(looks[-1].tolist()),
        words=np.round(words / scales).astype(np.int8).tobytes(),
    )


def about(sets: Sequence[Set]) -> About:
    sha = hashlib.sha256()
    for one in sets:
        sha.update("\0".join([*one.models, *one.questions]).encode())
        sha.update(np.ascontiguousarray(one.scores).tobytes())
    return About(
        format=FORMAT,
        made=datetime.now(UTC).date().isoformat(),
        data=sha.hexdigest(),
        questions=sum(len(one.questions) for one in sets),
        reasoners=len({m for one in sets for m in one.models}),
        sources=tuple(SOURCES[one.name][1] for one in sets),
    )


def make(sets: Sequence[Set]) -> None:
    fitted = centred(fit(sets), [one for one in sets if one.name != "mmlupro"])
    weights = packed(fitted, fit_domains(sets), about(sets))
    SHIPPED.write_bytes(msgspec.msgpack.encode(weights))
    made = Prior(weights)
    print(f"{SHIPPED.name}: {SHIPPED.stat().st_size:,} bytes, {weights.about}")
    for model, (general, *more) in zip(fitted.models, fitted.abilities.tolist(), strict=True):
        print(
            f"{model:32} {general:+.2f} ",
            "  ".join(f"{d} {general + m:+.2f}" for d, m in zip(DOMAINS, more, strict=True)),
        )
    for one in sets:
        placed = [made.place(q) for q in one.questions]
        told = np.array([p.domains for p in placed]).argmax(1)
        b = np.array([p.difficulty for p in placed])
        print(
            one.name,
            "domain told right",
            round(float((told == one.domains).mean()), 3),
            "difficulty",
            b.mean().round(2),
            b.std().round(2),
        )
    took = []
    prompts = [q for q in sets[0].questions if 700 <= len(q) <= 900][:200]
    for prompt in prompts * 5:
        begun = time.perf_counter()
        made.place(prompt)
        took.append(time.perf_counter() - begun)
    print(f"a prompt of about 200 tokens is placed in {np.median(took) * 1e3:.3f} ms (p50)")
