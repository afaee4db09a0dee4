"""Would another look at an answer pay? A model asked whether an answer is right, yes or no.

    judging.py record [--minutes 6]   recorded short answers of `dev` items, put to `fast`; picks up where it stopped
    judging.py figures                what its word tells beside what the verdict knows already, and what it costs

Of an item's answers each that differs is put once. The word is the chance of "yes" against that of "no" as first token.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from fit_verifier import newton
from graded import Item
from hybrid import RECORDED, serving
from hybrid_figures import bootstrap
from judged import Judged, Row, Scored, asked, auc, discrimination, judge

from rung.answers import asked as short_of
from rung.answers import extract, options_of, same

HERE = Path(__file__).parent
ANSWERS = RECORDED / "judging.jsonl"
WORDINGS = {
    "proposed": "{question}\n\nProposed answer: {answer}\n\nIs the proposed answer right? Answer yes or no.",
    "grade": "Question: {question}\n\nA student answered: {answer}\n\nIs that correct? Answer yes or no.",
}
# What a second of waiting costs against what a right answer is worth, at the preset `balanced`.
SECOND = 0.015


def put(judge_of: str, question: str, answer: str) -> str:
    return WORDINGS[judge_of].format(question=question, answer=answer)


def answers() -> Iterator[tuple[Item, str, list[Row]]]:
    """Each short answer that was given to an item, and who gave it."""
    for one in asked("dev"):
        short, options = short_of(one.item.prompt), options_of(one.item.prompt)
        found: list[tuple[str, list[Row]]] = []
        for row in one.rows.values():
            final = extract(row["text"], short, options) if short else None
            if final is None:
                continue
            group = next((rows for said, rows in found if same(said, final)), None)
            if group is None:
                found.append((final, [row]))
            else:
                group.append(row)
        for final, rows in found:
            yield one.item, final, rows


def known() -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = map(json.loads, ANSWERS.read_text().splitlines()) if ANSWERS.exists() else ()
    return {(row["item"], row["answer"], row["wording"]): row for row in rows}


async def record(minutes: float) -> None:
    ends_s, have = time.monotonic() + 60 * minutes, known()
    wanted = [(item, final, wording) for item, final, _ in answers() for wording in WORDINGS]
    random.Random(0).shuffle(wanted)
    wanted.sort(key=lambda one: one[2] != "proposed")
    async with serving(None) as rung:
        for item, final, wording in wanted:
            if time.monotonic() > ends_s:
                return
            if (item.id, final, wording) in have:
                continue
            began_s = time.perf_counter()
            told = await rung.word(put(wording, item.prompt, final))
            row = {"item": item.id, "answer": final, "wording": wording, **told}
            row["seconds"] = round(time.perf_counter() - began_s, 3)
            with ANSWERS.open("a") as file:
                file.write(json.dumps(row) + "\n")


def yes_share(tops: list[dict[str, Any]]) -> float:
    """0..1; a half where neither word is among the likeliest."""
    chance = {"yes": 0.0, "no": 0.0}
    for top in tops:
        word = top["token"].strip().lower()
        if word in chance:
            chance[word] += exp(top["logprob"])
    whole = sum(chance.values())
    return chance["yes"] / whole if whole else 0.5


async def figures() -> None:
    have = known()
    for wording in WORDINGS:
        judged: list[tuple[Judged, float]] = []
        seconds = []
        for item, final, rows in answers():
            word = have.get((item.id, final, wording))
            if word is None:
                continue
            seconds.append(word["seconds"])
            share = min(max(yes_share(word["tops"]), 0.001), 0.999)
            for row in rows:
                (one,) = await judge(item, [row])
                judged.append((one, log(share / (1 - share))))
        if judged:
            told(wording, judged, seconds)


def told(wording: str, judged: list[tuple[Judged, float]], seconds: list[float]) -> None:
    """Alone, and added to the verdict with a weight of its own, fitted to nine tenths of the items at a time."""
    for label, kept in (
        ("all", judged),
        ("unsure", [one for one in judged if 0.3 < one[0].verdict.right_prob < 0.9]),
        ("word", [one for one in judged if one[0].item.group == "word"]),
        ("choice", [one for one in judged if one[0].item.group == "choice"]),
    ):
        if len(kept) < 20:
            continue
        said = np.array([word for _, word in kept])
        rights = np.array([float(one.right) for one, _ in kept])
        stated = np.clip([one.verdict.right_prob for one, _ in kept], 0.005, 0.995)
        offset = np.log(stated / (1 - stated))
        names = sorted({one.item.id for one, _ in kept})
        fold = np.array([names.index(one.item.id) % 10 for one, _ in kept])
        x = np.stack([said, np.ones(len(said))], axis=1)
        joint = np.zeros(len(said))
        for at in range(10):
            out = fold == at
            moved = newton(x[~out], rights[~out], offset[~out], np.array([1.0, 1.0]))
            joint[out] = offset[out] + x[out] @ moved
        alone, verdict, both = (list(zip(values, rights > 0, strict=True)) for values in (said, offset, joint))
        low, high = _gain(verdict, both)
        print(
            f"{wording:<9} {label:<7} n={len(kept)} AUC: its word {auc(alone):.3f} (d' {discrimination(alone):.2f}), "
            f"verdict {auc(verdict):.3f}, both {auc(both):.3f} (gain {low:+.3f} to {high:+.3f}); "
            f"{fmean(seconds):.1f} s, worth {SECOND * fmean(seconds):.3f} of a right answer"
        )


def _gain(verdict: Scored, both: Scored) -> tuple[float, float]:
    return bootstrap(len(both), lambda at: auc([both[i] for i in at]) - auc([verdict[i] for i in at]), 500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["record", "figures"])
    parser.add_argument("--minutes", type=float, default=6.0)
    args = parser.parse_args()
    asyncio.run(record(args.minutes) if args.mode == "record" else figures())


if __name__ == "__main__":
    main()
