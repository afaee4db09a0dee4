"""Does everyone get through in time when more is asked than can be done?

Recorded arrivals at 0.5 to 3 times what one reasoner can do: first come first served, round robin between tenants, and
Rung's real lanes under its real climb, over the same reasoner. A tenth of the requests is critical. Reasoners: `local`,
a model of 1.5B on two cores whose two slots share the processor, and `endpoint`, a server that takes 16 calls at once.
With the peers, too, clients leave at their deadline, whether they wait or are being served. Each figure is the mean
over windows of the trace that nothing was set on (`Window` in lanes_scene.py), with Student's 95% interval.

Deadlines are feasible: a request that is alone takes a fraction of its own, and two mean requests fit beside it.
Goodput is the work of answers in time against what the reasoner does in the same time when it is never idle, both in
seconds of a full reasoner, so that preferring short requests gains nothing.

    lanes.py                virtual time, modelled reasoners: everything above; writes the picture
    lanes.py --part dev     the same on the part of the traces that things may be set on; writes nothing
    lanes.py --real-time    a short window at twice the capacity on the real clock and in virtual time: do they agree?
    lanes.py --local        the real local model behind a real `rung serve`, at twice the capacity that it has just
                            been seen to have, within five minutes: lanes_local.py

Needs RUNG_DATA (default: shared/data beside the checkout).
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from lanes_figures import HEAD, MOST_WINDOWS, Interval, line_of, over_windows, picture
from lanes_local import MODEL, local
from lanes_scene import SIDES, Scene, Window, fairness, figures_of
from results import write

from rung.simulate import Outcome, Replayed, run
from rung.trial.graded import wilson

LOADS = (0.5, 1.0, 1.5, 2.0, 3.0)
# The lanes' figures were set on the `dev` parts of these.
SCENES = (("local", "azure"), ("endpoint", "mooncake"), ("local", "mooncake"), ("endpoint", "azure"))
Plays = dict[str, dict[str, dict[str, Any]]]


def virtual(args: argparse.Namespace) -> None:
    detail: Plays = {}
    fair: dict[str, dict[str, list[dict[str, float]]]] = {}
    critical: list[Outcome] = []
    n = 0
    print(HEAD)
    for reasoner, trace in SCENES:
        name = f"{reasoner}/{trace}"
        scenes = [Scene(reasoner, trace, Window(args.part, at, args.windows, args.n)) for at in range(args.windows)]
        n += sum(len(scene.arrivals) for scene in scenes)
        detail[name] = {side: {} for side in SIDES}
        for load in LOADS:
            for side in SIDES:
                plays = []
                for scene in scenes:
                    asked, work_s = scene.asked(load)
                    began_s = time.process_time()  # other work on the machine is not its own
                    replayed = run(scene.played(side, asked))
                    speedup = replayed.virtual_s / (time.process_time() - began_s)
                    plays.append(figures_of(replayed.outcomes, work_s) | {"speedup": speedup})
                    if (side, load) == ("rung", 2.0):
                        critical += [o for o in replayed.outcomes if o.asked.priority == "critical"]
                detail[name][side][str(load)] = over_windows(plays)
                print(line_of(name, load, side, detail[name][side][str(load)]), flush=True)
        fair[name] = {side: [fairness(scene, side) for scene in scenes] for side in SIDES}
        for side in SIDES:
            widest = max(fair[name][side], key=lambda one: one["gap_tokens"])
            print(f"{name:18} {side:12} gap {widest['gap_tokens']:.0f} of {widest['bound_tokens']:.0f} tokens at most")
    figures, intervals = headline(detail, fair, critical)
    for key, value in figures.items():
        print(f"{key:44} {value:10.4g}  {intervals.get(key, '')}")
    if args.part == "report":
        picture(detail)
        seed = Window(args.part, 0, args.windows, args.n).seed
        said = {"windows": args.windows, "requests_a_window_at_most": args.n, "scenes": detail, "fairness": fair}
        print(f"written to {write('lanes', figures, intervals, said, seed, n)}")


def headline(
    detail: Plays, fair: dict[str, dict[str, list[dict[str, float]]]], critical: Sequence[Outcome]
) -> tuple[dict[str, float], dict[str, Interval]]:
    """The worst scene's, and each scene's own."""
    figures: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    twice = {name: sides["rung"]["2.0"] for name, sides in detail.items()}
    for key, figure in (("critical_met_2x", "met.critical"), ("goodput_2x", "goodput")):
        worst = min((summary[figure] for summary in twice.values()), key=lambda found: found["mean"])
        figures[key], intervals[key] = worst["mean"], (worst["low"], worst["high"])
        for name, sides in detail.items():
            for side in SIDES:
                found = sides[side]["2.0"][figure]
                full = f"{key}.{name}.{side.replace(' ', '_')}"
                figures[full], intervals[full] = found["mean"], (found["low"], found["high"])
    met = sum(o.met for o in critical)
    figures |= {"critical_asked_2x": len(critical), "critical_met_2x_all_scenes": met / len(critical)}
    intervals["critical_met_2x_all_scenes"] = wilson(met, len(critical))
    gaps = [one for sides in fair.values() for one in sides["rung"]]
    widest = max(gaps, key=lambda one: one["gap_tokens"] / one["bound_tokens"])
    figures |= {"fairness_gap_tokens": widest["gap_tokens"], "fairness_bound_tokens": widest["bound_tokens"]}
    everything = [summary for sides in detail.values() for summary in sides["rung"].values()]
    figures["lost"] = sum(summary["lost"]["mean"] for summary in everything)
    figures["simulated_speedup"] = min(summary["speedup"]["mean"] for summary in everything)
    return figures, intervals


# How much faster than real the reasoners are for this, and how many requests fit into about a minute.
_FASTER = {"local": 20.0, "endpoint": 4.0}
_SHORT = {"local": 120, "endpoint": 600}


def real_time(args: argparse.Namespace) -> None:
    """All plays of the real clock run side by side: they wait, most of the time."""
    plays = {}
    for reasoner, trace in SCENES[:2]:
        scene = Scene(reasoner, trace, Window(args.part, 0, args.windows, _SHORT[reasoner]), _FASTER[reasoner])
        for side in SIDES:
            plays[f"{reasoner}/{trace}", side] = scene, scene.asked(2.0)

    async def together() -> list[Replayed]:
        return list(
            await asyncio.gather(*(scene.played(side, asked) for (_, side), (scene, (asked, _)) in plays.items()))
        )

    real = asyncio.run(together())
    figures: dict[str, float] = {}
    detail: dict[str, Any] = {}
    for ((name, side), (scene, (asked, work_s))), played in zip(plays.items(), real, strict=True):
        modelled = run(scene.played(side, asked))
        found = figures_of(played.outcomes, work_s), figures_of(modelled.outcomes, work_s)
        both = list(zip(played.outcomes, modelled.outcomes, strict=True))
        off = [abs(a.total_s - b.total_s) for a, b in both if a.ending == b.ending == "answered"]
        said = {
            "same_ending": sum(a.ending == b.ending for a, b in both) / len(both),
            "median_off_s": median(off),
            "met_off": found[0]["met"] - found[1]["met"],
            "critical_met_off": found[0]["met.critical"] - found[1]["met.critical"],
            "goodput_off": found[0]["goodput"] - found[1]["goodput"],
        }
        detail[f"{name} {side}"] = {"real": found[0], "virtual": found[1]}
        figures |= {f"{key}.{name}.{side.replace(' ', '_')}": round(value, 4) for key, value in said.items()}
        print(f"{name} {side}, {len(both)} requests in {played.real_s:.0f} s")
        for key in sorted(found[0].keys() & found[1].keys()):
            one, other = found[0][key], found[1][key]
            print(f"    {key:20} real {one:8.3f}   virtual {other:8.3f}   off by {one - other:+.3f}")
        print(
            f"    {said['same_ending']:.1%} end alike; answers are {said['median_off_s'] * 1000:.1f} ms apart (median)"
        )
    n = sum(len(asked) for _, (asked, _) in plays.values())
    print(f"written to {write('lanes-real-time', figures, {}, detail, Window(args.part, 0, args.windows, 1).seed, n)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000, help="requests a window at most")
    parser.add_argument("--windows", type=int, default=6, choices=range(1, MOST_WINDOWS + 1))
    parser.add_argument("--part", choices=["dev", "report"], default="report")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--real-time", action="store_true")
    mode.add_argument("--local", action="store_true")
    parser.add_argument("--model", default=MODEL, help="with --local")
    parser.add_argument("--seconds", type=float, default=120.0, help="with --local: of overload")
    parser.add_argument("--side", choices=SIDES, default="rung", help="with --local")
    args = parser.parse_args()
    if args.local:
        asyncio.run(local(args.model, args.seconds, args.side, Window(args.part, 0, args.windows, sys.maxsize)))
    elif args.real_time:
        real_time(args)
    else:
        virtual(args)


if __name__ == "__main__":
    main()
