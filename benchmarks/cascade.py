"""What does looking at the answer add, its own cost counted? Real outcomes replayed, with verdicts drawn at an AUC of
0.80 (`benchmarks/replay.py`), estimates of each question by models that have not seen it.

    cascade.py [--sets mixed9 mmlupro] [--looks 0.0001 0.01] [--seed 0]

Sides: the rule; routing by the same estimates without a look; cascades with one threshold, of whatever models are best
for that, each answer passed on unless its verdict is sure enough; and escalation from any one model to the best single
one where a judge, the best single one itself, is not sure enough. The last two start from a model's own mean score, not
from the question, and their models and thresholds are chosen with hindsight, which is kind to them.

A look costs 0.01% of what an answer of the best single model does (Rung's own signals: less than 0.1 ms beside seconds)
or 1% of it (code that is run, a verifier that is a model), a judge's 10% (it reads question and answer, and writes a
word). Reads RUNG_DATA/routing and the predictions of `benchmarks/routing.py`.
"""

import argparse
import itertools

import numpy as np
import replay
import results
from replay import Replay
from routing import Figures, Folds, Intervals, read_set, stacked

AUC = 0.8
LOOKS = (0.0001, 0.01)
JUDGE = 0.10


def sides(at: Folds, look: float, seed: int) -> dict[str, Replay]:
    """By name; the rule first. `look` is a share of what the best single model's answer costs."""
    scores, costs = at.data.known.scores, at.data.costs.mean(0)
    best = int(scores.mean(0).argmax())
    d, told = replay.DISCRIMINATION[AUC], replay.draw(scores, replay.DISCRIMINATION[AUC], seed)
    right = at.across("stack", stacked(at)).astype(float)
    looked, judged = costs + look * costs[best], costs + JUDGE * costs[best]
    replay.check(right[:50], told[:50], looked, 1 / float(looked.max()), d)
    places = sorted(zip(costs.tolist(), scores.mean(0).tolist(), range(len(costs)), strict=True))
    # No model that is dearer than another and no better has a place in a chain.
    useful = [j for i, (_, score, j) in enumerate(places) if all(score > s for _, s, _ in places[:i])]
    chains = [c for size in (1, 2, 3) for c in itertools.combinations(useful, size)]
    pairs = [(j, best) for j in useful if j != best]
    return {
        "rule": replay.rule(right, told, scores, looked, d),
        "route_only": replay.route(right, scores, costs),
        "fixed_threshold": replay.thresholds(told, scores, looked, chains),
        "judge": replay.thresholds(told, scores, judged, pairs),
    }


def compare(name: str, at: Folds, look: float, seed: int, out: Figures, bounds: Intervals) -> None:
    rng, by = np.random.default_rng(seed), sides(at, look, seed)
    best = int(at.data.known.scores.mean(0).argmax())
    dearest = float(at.data.costs[:, best].mean())
    span = np.linspace(float(at.data.costs.mean(0).min()) + look * dearest, dearest, 40)
    print(f"\n{name}, a look at {look:.2%}: the rule's score less, from the cheapest to the best single's cost")
    for side, other in list(by.items())[1:]:
        found = replay.lead(by["rule"], other, span, rng)
        key = f"gain_over_{side}.{name}.look_{look:g}"
        out[key], bounds[key], out[f"least_{key}"] = found.mean, (found.low, found.high), found.least
        print(f"  {side:<16} {found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f}), least {found.least:+.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=["mixed9", "mmlupro"], default=["mixed9", "mmlupro"])
    parser.add_argument("--looks", nargs="+", type=float, default=list(LOOKS), help="shares of the best single's cost")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    out: Figures = {"verifier_auc": AUC}
    bounds: Intervals = {}
    n = 0
    for name in args.sets:
        at = Folds(read_set(name), args.seed)
        n += len(at.fold)
        for look in args.looks:
            compare(name, at, look, args.seed, out, bounds)
    for side in ("route_only", "fixed_threshold", "judge"):
        found = [out[f"gain_over_{side}.{name}.look_{look:g}"] for name in args.sets for look in args.looks]
        out[f"gain_over_{side}"] = min(found)
    config = {"sets": args.sets, "looks": args.looks, "judge": JUDGE}
    print(f"\n{results.write('cascade', out, bounds, config, args.seed, n)}")


if __name__ == "__main__":
    main()
