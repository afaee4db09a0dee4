"""How much does the beginning of a real answer tell of whether the whole will be right?

    beginnings.py record [--items dev|report] [--n 120] [--minutes 30]   a local model's answers, piece by piece, as a
                                                                        stream brings them; picks up where it stopped
    beginnings.py figures [--items dev|report]

`record` streams the answers of `fast` (see hybrid.py) and keeps each piece with its signals under `recorded/`.
`figures` looks at each answer as a held stream is looked at, after 8, 16, 32 ... pieces, and at its end. Of the answers
that go on beyond a look it prints how well what was seen so far (the log-odds that the verdict moved from what was
expected) tells right ones from wrong ones, how well the verdict on the whole does, and which share of what that tells
(d' squared) is still open: `OPEN_SHARE`, which the rule goes by, was taken to be 0.8.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple

from graded import Item, Part, right, sampled
from hybrid import MAX_TOKENS, RECORDED, SEED, Recording, prompt_key
from hybrid_figures import Row, bootstrap
from judged import MODEL, auc, discrimination, estimates_of, judge
from results import write
from shared import until_ready

from rung import Rung
from rung.config import parse_config
from rung.odds import logit
from rung.reasoners.base import collect
from rung.routing import OPEN_SHARE, features_of
from rung.runtime.hold import LOOKS
from rung.types import Chunk, Reply
from rung.verdicts import early_verdict

NAME = "fast"
RESAMPLES = 1000
# Of fewer answers that are right, or wrong, nothing is said.
LEAST = 8


class Look(NamedTuple):
    """What was seen of an answer, as log-odds: after some pieces of it, and of the whole."""

    item: str
    early: float
    whole: float
    right: bool


@asynccontextmanager
async def serving() -> AsyncIterator[Rung]:
    with TemporaryDirectory() as folder:
        given = {
            "reasoners": {NAME: {"kind": "local", "model": MODEL}},
            "cache": {"exact": {"max_mb": 0}},
            "ledger": {"path": f"{folder}/ledger.db"},
        }
        async with Rung(parse_config(given, source="beginnings", env={})) as rung:
            await until_ready(rung)
            yield rung


async def streamed(rung: Rung, item: Item) -> Row:
    request = rung.request(item.prompt, model=NAME, stream=True, streaming="eager", max_tokens=MAX_TOKENS)
    pieces: list[Chunk] = []
    async with aclosing(rung.runtime.run(request)) as events:
        async for event in events:
            if isinstance(event, Chunk):
                pieces.append(event)
            elif isinstance(event, Reply):
                choice, signals = event.answer.choices[0], event.answer.signals
    return {
        **{"item": item.id, "group": item.group, "reasoner": NAME, "sample": 0, "prompt": prompt_key(item.prompt)},
        **{
            "text": choice.text,
            "reasoning": choice.reasoning,
            "finish": choice.finish,
            "steps": [{"verdict": {"signals": dict(signals)}}],
        },
        "pieces": [[p.text, dict(p.signals)] for p in pieces if p.text],
    }


async def record(part: Part, n: int, minutes: float) -> None:
    recording = Recording(RECORDED / f"beginnings-{part}.jsonl")
    ends_s = time.monotonic() + 60 * minutes
    async with serving() as rung:
        for at, item in enumerate(sampled(part, n, SEED)):
            if time.monotonic() > ends_s:
                break
            if not recording.has(item, NAME, 0):
                recording.add(await streamed(rung, item))
            print(f"{at + 1}/{n} {item.id}", flush=True)


async def looks_at(item: Item, row: Row) -> dict[int, Look]:
    """After how many pieces it was looked at, the last of them before its end."""
    body = {"messages": [{"role": "user", "content": item.prompt}]}
    features = features_of(body)
    prior = estimates_of(features)[NAME].right_prob
    (whole,) = await judge(item, [row])
    chunks = [Chunk(text=text, signals=signals) for text, signals in row["pieces"]]
    found = {}
    for count in sorted(LOOKS):
        if count >= len(chunks):
            break
        verdict = early_verdict(features, "local", prior, collect(NAME, chunks[:count]), body)
        moved = (logit(v.right_prob) - logit(prior) for v in (verdict, whole.verdict))
        found[count] = Look(item.id, *moved, right(item, row["text"]))
    return found


def open_share(looks: Sequence[Look]) -> float:
    """Of what the verdict on the whole tells, d' squared, what the beginning does not; nan if it tells nothing."""
    early, whole = (discrimination([(look[at], look.right) for look in looks]) for at in (1, 2))
    return 1 - (max(early, 0.0) / whole) ** 2 if whole > 0 else float("nan")


async def figures(part: Part, n: int) -> None:
    items = {item.id: item for item in sampled(part, n, SEED)}
    rows = Recording(RECORDED / f"beginnings-{part}.jsonl").taken(items.values())
    by_look: dict[int, list[Look]] = {}
    for row in rows:
        for count, look in (await looks_at(items[row["item"]], row)).items():
            by_look.setdefault(count, []).append(look)
    told: dict[str, float] = {"rule": OPEN_SHARE}
    bounds: dict[str, tuple[float, float]] = {}
    print(f"{'pieces':>6} {'answers':>8} {'right':>6} {'AUC so far':>11} {'of the whole':>13}   still open")
    for count, looks in by_look.items():
        if not LEAST <= sum(look.right for look in looks) <= len(looks) - LEAST:
            continue
        said = open_share(looks)
        low, high = bootstrap(len(looks), lambda at, looks=looks: open_share([looks[i] for i in at]), RESAMPLES)
        early, whole = (auc([(look[at], look.right) for look in looks]) for at in (1, 2))
        told |= {f"n.{count}": len(looks), f"auc_early.{count}": early, f"auc_whole.{count}": whole}
        told[f"open_share.{count}"], bounds[f"open_share.{count}"] = said, (low, high)
        share = fmean(look.right for look in looks)
        aucs = f"{early:>11.3f} {whole:>13.3f}"
        print(f"{count:>6} {len(looks):>8} {share:>6.2f} {aucs}   {said:.2f} ({low:.2f} to {high:.2f})")
    print(write(f"beginnings-{part}", told, bounds, {"items": part, "model": MODEL}, SEED, len(rows)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["record", "figures"])
    parser.add_argument("--items", choices=["dev", "report"], default="report")
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--minutes", type=float, default=30.0)
    args = parser.parse_args()
    asyncio.run(record(args.items, args.n, args.minutes) if args.mode == "record" else figures(args.items, args.n))


if __name__ == "__main__":
    main()
