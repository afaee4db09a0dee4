"""What can be known of a reasoner without any outcome of its own?

    coldstart.py make                   fits the prior that ships with the package, and writes it
    coldstart.py replay [--draws 12]    recorded models taken as new: placed by few answers, then routed among

    coldstart.py simulate [--draws 12]  ladders of four simulated reasoners, placed by 60 probes, then routed among
    coldstart.py tasks                  how hard the shipped prior takes our own probes to be, and how hard they are

Reads RUNG_DATA/routing. The replay's priors are fitted without the set in question, and without questions that it
shares with the others; the shipped one is fitted to all. A third of a set is to place models by, the rest to route.
Verdicts are drawn as if of an AUC of 0.80 (z ~ N(1.19 right, 1)), and the rule climbs by reserve. What is compared is
the value of answers less their cost, for what a right answer may be worth, from the cheapest model's cost to 50 times
the dearest's.
"""

import argparse
import hashlib
import inspect
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import results
from coldstart_prior import (
    SHOWN,
    SOURCES,
    Set,
    about,
    centred,
    domain,
    fit,
    fit_domains,
    make,
    packed,
    read_set,
    seen,
    shown_probes,
    stem,
)
from numpy.typing import NDArray
from routing import parameters

from rung.answers.layout import listed_labels
from rung.cli.calibrator import Pool, item_of
from rung.estimators import prior
from rung.estimators.ability import GENERAL_SD, OWN_SD, Ability, Item, Placement
from rung.estimators.calibrated import expected
from rung.estimators.figures import calibration_error
from rung.estimators.prior import DOMAINS, Placed, Prior, Weights, shipped
from rung.probes import TEMPLATES
from rung.routing import Profile, Speed, estimate, features_of, ordinary

Array = NDArray[Any]
KEPT = Path(__file__).parent / ".routing"
# Probes that models are placed by, and what is known of models that were there before: answers to so many.
ASKED, KNOWN = (60, 120), 1000
VALUES = 10
MOST_ROUTED = 3000
D = 1.19
NEW = Profile(name="new", kind="endpoint")
KINDS = [(template, level) for template in TEMPLATES for level in range(len(template.halfway))]
AT_ONCE = Speed(wait_s=0.0, first_s=0.0, prompt_s_per_token=0.0, completion_s_per_token=0.0)


def prior_without(name: str, sets: Sequence[Set]) -> Prior:
    """Fitted to the other sets; kept on disk by what it was made with."""
    others = [one for one in sets if one.name != name]
    source = "".join(map(inspect.getsource, (fit, fit_domains, centred, seen, domain, prior)))
    made = hashlib.sha256(f"{name}{about(others).data}{source}{shown_probes()}".encode()).hexdigest()[:16]
    path = KEPT / f"prior-{name}-{made}.msgpack"
    if not path.exists():
        own = next(one for one in sets if one.name == name)
        without = frozenset(map(stem, own.questions))
        rest = [one.take(np.array([stem(q) not in without for q in one.questions])) for one in others]
        fitted = centred(fit(rest), [one for one in rest if one.name != "mmlupro"])
        KEPT.mkdir(exist_ok=True)
        path.write_bytes(msgspec.msgpack.encode(packed(fitted, fit_domains(rest), about(rest))))
    return Prior(msgspec.msgpack.decode(path.read_bytes(), type=Weights))


# Figures, and the intervals of some.
Measured = tuple[dict[str, float], dict[str, tuple[float, float]]]


class Recorded(NamedTuple):
    """A set as the replay sees it: `static` is what Rung expects of any endpoint that it does not know [questions]."""

    name: str
    placed: Sequence[Placed]
    scores: Array
    costs: Array
    static: Array


def recorded(one: Set, by: Prior) -> Recorded:
    """Complete models with a known size, and questions that all of them were asked."""
    kept = [i for i, m in enumerate(one.models) if not m.startswith("gemini") and m != "DeepSeek-Coder-V2"]
    costs = np.array([parameters(one.models[i]) for i in kept])
    features = [features_of({"messages": [{"role": "user", "content": q}]}) for q in one.questions]
    static = np.array([estimate(NEW, f, AT_ONCE).right_prob for f in features])
    return Recorded(one.name, [by.place(q) for q in one.questions], one.scores[:, kept], costs, static)


def placement(data: Recorded, model: int, at: Array) -> Placement:
    """Of a model, by its answers to the questions `at`."""
    guess = ordinary(NEW)
    assert guess is not None
    ability = Ability(len(DOMAINS), guess)
    for i in at:
        placed = data.placed[i]
        domain = placed.domains.index(max(placed.domains))
        ability.observe(Item(domain=domain, difficulty=placed.difficulty), float(data.scores[i, model]))
    return ability.placement()


def right_by(data: Recorded, placements: Sequence[Placement], at: Array) -> Array:
    """Expected right [questions, models]."""
    rows = [[expected(data.placed[i], one.abilities, one.sds)[0] for one in placements] for i in at]
    return np.clip(np.array(rows), 0.005, 0.995)


class Reserves:
    """Of a model with the chance p to be right, for a cost as a share of a right answer's value (Weitzman 1979)."""

    def __init__(self) -> None:
        self._right = np.linspace(0.005, 0.995, 100)
        self._reserves = np.linspace(0, 1, 201)
        z = np.linspace(-5, 5 + D, 400)
        rows = []
        for p in self._right:
            chance = p * np.exp(-((z - D) ** 2) / 2) + (1 - p) * np.exp(-z * z / 2)
            gain = np.maximum(posterior(p, z)[None, :] - self._reserves[:, None], 0)
            rows.append((gain * chance).sum(1) / chance.sum())
        self._gains = np.array(rows)

    def __call__(self, right: Array, costs: Array) -> Array:
        near = np.rint((right - 0.005) / 0.01).astype(int)
        out = np.empty(right.shape)
        for at in np.unique(near):
            here = near == at
            out[here] = np.interp(costs[here], self._gains[at][::-1], self._reserves[::-1])
        return np.where(costs > right, right - costs, out)


def posterior(right: Any, z: Array) -> Array:
    return 1 / (1 + np.exp(-(np.log(right / (1 - right)) + D * z - D * D / 2)))


def climb(right: Array, costs: Array, scores: Array, z: Array, reserves: Reserves) -> Array:
    """Value less cost of each question, in right answers, by the rule; `costs` [models] are shares of their value."""
    shares = np.broadcast_to(costs, right.shape)
    reserve = reserves(right, shares)
    order, rows = np.argsort(-reserve, axis=1, kind="stable"), np.arange(len(right))
    held, value, going = np.full(len(right), -1.0), np.zeros(len(right)), np.ones(len(right), bool)
    spent = np.zeros(len(right))
    for step in range(right.shape[1]):
        model = order[:, step]
        going &= reserve[rows, model] > held
        spent += np.where(going, costs[model], 0)
        seen = posterior(right[rows, model], z[rows, model])
        better = going & (seen > held)
        held, value = np.where(better, seen, held), np.where(better, scores[rows, model], value)
    return value - spent


def replay(data: Recorded, draws: int, seed: int) -> Measured:
    """Differences of calibrated less static, by what a right answer is worth; intervals are over draws of who is asked
    what, of verdicts and of the questions that are routed."""
    rng, reserves = np.random.default_rng(seed), Reserves()
    values = np.geomspace(data.costs.min(), 50 * data.costs.max(), VALUES)
    less: dict[str, list[list[float]]] = {}
    off: dict[str, list[float]] = {}
    for _ in range(draws):
        order = rng.permutation(len(data.scores))
        pool, at = order[: len(order) // 3], order[len(order) // 3 :][:MOST_ROUTED]
        # Ties go to the first of the cheapest: which that is should not be the file's word.
        models = rng.permutation(data.scores.shape[1])
        scores, costs = data.scores[at][:, models], data.costs[models]
        z = rng.standard_normal(scores.shape) + D * scores
        static = np.repeat(data.static[at][:, None], len(models), axis=1)
        difficulty = np.array([data.placed[i].difficulty for i in at])[:, None]
        sides = {
            "static": static,
            "prior": np.repeat(1 / (1 + np.exp(difficulty - ordinary(NEW))), len(models), axis=1),
            "true strengths": np.repeat(data.scores[pool][:, models].mean(0)[None], len(at), axis=0),
        }
        for asked in (*ASKED, KNOWN):
            placed = [placement(data, m, rng.choice(pool, min(asked, len(pool)), replace=False)) for m in models]
            sides[f"calibrated {asked}"] = right_by(data, placed, at)
        for name, right in sides.items():
            off.setdefault(name, []).append(calibration_error(right.astype(np.float32), scores.astype(np.float32)))
        for asked in ASKED:
            one_new(sides, asked)
        worth = {
            name: [climb(right, costs / v, scores, z, reserves).mean() for v in values] for name, right in sides.items()
        }
        for name, told in worth.items():
            against = worth["one new, static"] if name.startswith("one new") else worth["static"]
            less.setdefault(name, []).append([a - b for a, b in zip(told, against, strict=True)])
    return summed(data.name, less, off)


def one_new(sides: dict[str, Array], asked: int) -> None:
    """Each model new in turn among others that are known. All turns over all questions would be as many replays: each
    turn has questions of its own, whose order is drawn."""
    known, new = sides[f"calibrated {KNOWN}"], sides[f"calibrated {asked}"]
    turn = np.arange(len(known)) % known.shape[1]
    rows = np.arange(len(known))
    for name, of in (("static", sides["static"]), (f"calibrated {asked}", new)):
        right = known.copy()
        right[rows, turn] = of[rows, turn]
        sides[f"one new, {name}"] = right


def summed(of: str, less: dict[str, list[list[float]]], off: dict[str, list[float]]) -> Measured:
    out: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    print(f"\n{of}, less than nothing known (95% over draws)")
    print(f"{'':<28}{'mean over values':>28} {'at the worst value':>28} {'ECE':>7}")
    for name, draws in less.items():
        told = np.array(draws)
        worst = int(told.mean(0).argmin())
        for label, each in (("mean", told.mean(1)), ("worst", told[:, worst])):
            key = f"{of}_{label}_gain.{name}"
            error = results.within(each.tolist())
            out[key], bounds[key] = float(each.mean()), (float(each.mean()) - error, float(each.mean()) + error)
        if name in off:
            out[f"{of}_ece.{name}"] = float(np.mean(off[name]))
        shown = [
            f"{out[k]:+.4f} ({bounds[k][0]:+.4f} to {bounds[k][1]:+.4f})"
            for k in (f"{of}_mean_gain.{name}", f"{of}_worst_gain.{name}")
        ]
        print(f"{name:<28}{shown[0]:>28} {shown[1]:>28} {out.get(f'{of}_ece.{name}', float('nan')):>7.3f}")
    return out, bounds


LADDERS, QUESTIONS = 4, 600
MOST_PROBES, WIDTH = 300, 0.07
# How far a simulated reasoner is off its ability with all questions of a kind: as far as a real one is.
KIND_SD = 0.6


def simulated(prior: Prior, questions: Sequence[str], rng: np.random.Generator) -> tuple[Recorded, Array]:
    """A ladder of endpoints whose abilities are as the model says, the abler the dearer but for chance, and what they
    make of questions as hard as `questions`, of their domains."""
    guess = ordinary(NEW)
    assert guess is not None
    at = rng.choice(len(questions), QUESTIONS, replace=False)
    placed = [prior.place(questions[i]) for i in at]
    features = [features_of({"messages": [{"role": "user", "content": questions[i]}]}) for i in at]
    static = np.array([estimate(NEW, f, AT_ONCE).right_prob for f in features])
    general = rng.normal(guess, GENERAL_SD, LADDERS)
    abilities = general[:, None] + rng.normal(0, OWN_SD, (LADDERS, len(DOMAINS)))
    domains = [rng.choice(len(DOMAINS), p=one.domains) for one in placed]
    odds = abilities[:, domains].T - np.array([one.difficulty for one in placed])[:, None]
    scores = (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(float)
    costs = np.exp(general + rng.normal(0, 0.5, LADDERS))
    return Recorded("simulated", placed, scores, costs, static), abilities


class Asked:
    """A simulated reasoner of true `abilities`, asked as `rung calibrate` asks, or for `chance` by chance."""

    def __init__(self, abilities: Array, rng: np.random.Generator) -> None:
        guess = ordinary(NEW)
        assert guess is not None
        self.ability = Ability(len(DOMAINS), guess)
        self._abilities, self._rng, self._pool = abilities, rng, Pool(int(rng.integers(1 << 30)))
        self._off = {template.name: float(rng.normal(0, KIND_SD)) for template in TEMPLATES}

    def ask(self, *, chance: bool = False) -> None:
        template, level = KINDS[self._rng.integers(len(KINDS))]
        if not chance and (probe := self._pool.next(self.ability)) is not None:
            self._pool.note(probe, abstained=False)
            template, level = probe.template, probe.level
        item = item_of(template, level)
        right = item.right_prob(float(self._abilities[item.domain]) + self._off[template.name])
        self.ability.observe(item, float(self._rng.random() < right), template.name)


def probed(abilities: Array, rng: np.random.Generator, probes: int) -> Placement:
    asked = Asked(abilities, rng)
    for _ in range(probes):
        asked.ask()
    return asked.ability.placement()


def simulate(
    questions: Sequence[str], draws: int, seed: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    rng, reserves = np.random.default_rng(seed), Reserves()
    less: dict[str, list[list[float]]] = {}
    off: dict[str, list[float]] = {}
    for _ in range(draws):
        data, abilities = simulated(shipped(), questions, rng)
        values = np.geomspace(data.costs.min(), 50 * data.costs.max(), VALUES)
        z = rng.standard_normal(data.scores.shape) + D * data.scores
        at = np.arange(QUESTIONS)
        placed = [probed(one, rng, ASKED[0]) for one in abilities]
        sides = {
            "static": np.repeat(data.static[:, None], LADDERS, axis=1),
            f"calibrated {ASKED[0]}": right_by(data, placed, at),
        }
        worth = {
            name: [climb(right, data.costs / v, data.scores, z, reserves).mean() for v in values]
            for name, right in sides.items()
        }
        for name, right in sides.items():
            off.setdefault(name, []).append(calibration_error(right.astype(np.float32), data.scores.astype(np.float32)))
            told = [a - b for a, b in zip(worth[name], worth["static"], strict=True)]
            less.setdefault(name, []).append(told)
    out, bounds = summed("simulated", less, off)
    return out | needed(rng, 3 * draws), bounds


def needed(rng: np.random.Generator, reasoners: int) -> dict[str, float]:
    """Probes until a simulated reasoner is placed as narrowly as `rung calibrate` asks for, by the next one's worth and
    by chance, and how many of the intervals and of the abilities' then hold."""
    guess = ordinary(NEW)
    assert guess is not None
    out: dict[str, float] = {}
    for by in ("worth", "chance"):
        counts, held, abilities_held = [], 0, 0
        for _ in range(reasoners):
            general = rng.normal(guess, GENERAL_SD)
            true = rng.normal(general, OWN_SD, len(DOMAINS))
            asked, count = Asked(true, rng), 0
            while count < MOST_PROBES and (count % 5 or asked.ability.placement().half_width > WIDTH):
                asked.ask(chance=by == "chance")
                count += 1
            placed = asked.ability.placement()
            share = float((1 / (1 + np.exp(-true))).mean())
            held += placed.interval[0] <= share <= placed.interval[1]
            abilities_held += int((np.abs(np.array(placed.abilities) - true) <= 1.96 * np.array(placed.sds)).sum())
            counts.append(count)
        out[f"probes_{by}_median"], out[f"probes_{by}_p90"] = np.quantile(counts, [0.5, 0.9]).tolist()
        out[f"interval_holds_{by}"] = held / reasoners
        out[f"ability_holds_{by}"] = abilities_held / reasoners / len(DOMAINS)
    for name, value in out.items():
        print(f"{name:<28}{value:>8.3f}")
    return out


def tasks() -> None:
    """Log-odds, means of SHOWN probes of each level: as the prior has them, and where half are answered right. Labels
    that are listed for other questions than those of logic are told apart."""
    by_prior, by_level = defaultdict(list), defaultdict(list)
    for template in TEMPLATES:
        for level, halfway in enumerate(template.halfway):
            for number in range(SHOWN):
                question = template.probe(level, -1, number).question
                task: str = features_of({"messages": [{"role": "user", "content": question}]}).task
                if task == "label" and template.domain != "logic" and listed_labels(question, question.lower()):
                    task = "label, listed"
                by_prior[task].append(shipped().place(question).difficulty)
                by_level[task].append(halfway)
    print(f"{'task':<14}{'probes':>8}{'prior':>8}{'level':>8}{'easier by':>11}")
    for task, told in sorted(by_prior.items()):
        mean, level = float(np.mean(told)), float(np.mean(by_level[task]))
        print(f"{task:<14}{len(told):>8}{mean:>8.2f}{level:>8.2f}{mean - level:>11.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "replay", "simulate", "tasks"])
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.what == "tasks":
        tasks()
        return
    sets = [read_set(name) for name in SOURCES]
    if args.what == "make":
        make(sets)
        return
    out: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    if args.what == "simulate":
        out, bounds = simulate(sets[0].questions, args.draws, args.seed)
        results.write("coldstart_simulated", out, bounds, {"draws": args.draws}, args.seed, args.draws * QUESTIONS)
        return
    for one in sets[1:]:
        data = recorded(one, prior_without(one.name, sets))
        difficulty = np.array([placed.difficulty for placed in data.placed])
        mean = data.scores.mean(1)
        out[f"{one.name}_difficulty_correlation"] = -float(np.corrcoef(difficulty, mean)[0, 1])
        out[f"{one.name}_static_correlation"] = float(np.corrcoef(data.static, mean)[0, 1])
        told, without = (out[f"{one.name}_{which}_correlation"] for which in ("difficulty", "static"))
        print(
            f"{one.name}: its ease as it is told goes with a question's mean score by {told:.3f}, static {without:.3f}"
        )
        measured = replay(data, args.draws, args.seed)
        out, bounds = out | measured[0], bounds | measured[1]
    path = results.write(
        "coldstart", out, bounds, {"draws": args.draws}, args.seed, sum(len(s.questions) for s in sets[1:])
    )
    print(f"\n{path}")


if __name__ == "__main__":
    main()
