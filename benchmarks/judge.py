"""Does it pay to ask a judge about answers in hand?

    judge.py [--n 4000]   the three modelled rungs of `holding.py`, not streamed, on virtual time through the real
                          rule, climb, judge and lanes: the same questions, answers and verdicts without a judge and
                          with one of each quality at each price, and with judges that are not what they are said
                          to be

A judge's price is a share of what an answer of the dearest rung costs, in USD and in seconds. Its word depends on
whether the answer is right and on nothing else: what it tells, nothing else that is seen of the answer tells. `value`
is what the presets price: v for a right answer, less USD, less seconds until the answer.
"""

import argparse
import asyncio
import math
import random
import statistics
from collections.abc import AsyncIterator
from typing import NamedTuple

from holding import MEAN_TOKENS, RUNGS, SEED, Kind, Outcome, World, Writer, paired
from results import write

from rung.odds import sigmoid
from rung.routing import PRESETS
from rung.runtime import Judge
from rung.simulate import run
from rung.types import Call, Chunk, Preset, Usage

DEAREST = RUNGS[-1]
# What a word is taken to write (rung.runtime.judge).
WORD_TOKENS = 2


class Word(NamedTuple):
    """What a judge is like: a yes to so many of right and of wrong answers, or, where these are None, a chance of yes
    that is as good as the AUC it is said to have."""

    tells: float
    cost: float
    right: float | None = None
    wrong: float | None = None

    def yes(self, right: bool, rng: random.Random) -> float:
        """0..1."""
        if self.right is None or self.wrong is None:
            d = math.sqrt(2) * statistics.NormalDist().inv_cdf(self.tells)
            return sigmoid(d * rng.gauss(d if right else 0.0, 1.0) - d * d / 2)
        return float(rng.random() < (self.right if right else self.wrong))


def plain(tells: float, cost: float) -> Word:
    return Word(tells, cost, tells, 1 - tells)


# By name: as in the first table, then told by chances, then worse than said, then saying yes to most.
JUDGES = {f"{tells:g} at {cost:.0%}": plain(tells, cost) for tells in (0.7, 0.8, 0.9) for cost in (0.01, 0.1)}
OTHERS = {
    "0.8 at 1%, by chances": Word(0.8, 0.01),
    "0.6 at 1%, said 0.8": Word(0.8, 0.01, 0.6, 0.4),
    "0.5 at 1%, said 0.8": Word(0.8, 0.01, 0.5, 0.5),
    "0.7 at 1%, yes to most": Word(0.7, 0.01, 0.95, 0.55),
}


class Whole(Writer):
    """Says all at once, when its time is over, and last what the answer is."""

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        tokens = len(self.says.words)
        await asyncio.sleep(self.kind.first_s + tokens * self.kind.token_s)
        usage = Usage(prompt_tokens=20, completion_tokens=tokens, usd=tokens * self.kind.usd)
        yield Chunk(text=self.text, signals={"mean_logprob": self.says.mean_logprob}, finish="stop", usage=usage)

    @property
    def text(self) -> str:
        """Each who is wrong is wrong in a way of its own."""
        number = 42 if self.says.right else 43 + len(self.says.words)
        return f"{''.join(self.says.words)}\nThe answer is {number}."


class Judging(Writer):
    """Says of whose answer it finds in the prompt what was settled before."""

    def __init__(self, kind: Kind, word: Word, writers: list[Whole]) -> None:
        super().__init__(kind)
        self._word = word
        self._writers = writers
        self.number = 0

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        await asyncio.sleep(self.kind.first_s)
        prompt = call.body["messages"][0]["content"]
        judged = next(writer for writer in self._writers if writer.text in prompt)
        yes = self._word.yes(judged.says.right, random.Random(f"{SEED}/{self.number}/{judged.name}/judge"))
        tops = [{"token": "yes", "logprob": math.log(max(yes, 1e-9))}]
        tops.append({"token": "no", "logprob": math.log(max(1 - yes, 1e-9))})
        usage = Usage(prompt_tokens=200, completion_tokens=1, usd=WORD_TOKENS * self.kind.usd)
        text = "yes" if yes >= 0.5 else "no"
        yield Chunk(text=text, logprobs=({"token": text, "top_logprobs": tops},), finish="stop", usage=usage)


class Judged(World):
    def __init__(self, word: Word | None) -> None:
        writers: list[Whole] = [Whole(kind) for kind in RUNGS]
        if word is None:
            super().__init__(writers=writers)
            return
        usd, seconds = MEAN_TOKENS * DEAREST.usd, DEAREST.first_s + MEAN_TOKENS * DEAREST.token_s
        kind = Kind("judge", 0.0, word.cost * seconds, 0.0, word.cost * usd / WORD_TOKENS)
        self._judging = Judging(kind, word, writers)
        super().__init__(writers=[*writers, self._judging])
        self._judge = Judge(self._ladder, "judge", word.tells)

    def put(self, number: int) -> None:
        super().put(number)
        if self._judge is not None:
            self._judging.number = number


def value(one: Outcome, preset: Preset) -> float:
    """As a share of a right answer's value."""
    prices = PRESETS[preset]
    return one.right - (one.usd + prices.second_usd * one.total_s) / prices.value_usd


async def played(n: int, preset: Preset, word: Word | None) -> list[Outcome]:
    world = Judged(word)  # none learns from what another saw
    return [await world.asked(number, None, preset) for number in range(n)]


def measured(n: int) -> None:
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    print(f"{'preset':10}{'judge':24}{'right':>7}{'mUSD':>7}{'s':>6}{'asked':>7}   value against none")
    for preset in PRESETS:
        without = run(played(n, preset, None))
        for name, word in {"none": None, **JUDGES, **OTHERS}.items():
            many = without if word is None else run(played(n, preset, word))
            told = {
                "accuracy": statistics.fmean(one.right for one in many),
                "usd": statistics.fmean(one.usd for one in many),
                "total_s": statistics.fmean(one.total_s for one in many),
                "asked": statistics.fmean(one.judged for one in many),
            }
            figures |= {f"{what}.{preset}.{name}": figure for what, figure in told.items()}
            gains = [value(a, preset) - value(b, preset) for a, b in zip(many, without, strict=True)]
            rights = [float(a.right) - float(b.right) for a, b in zip(many, without, strict=True)]
            said = ""
            for what, differences in (("value", gains), ("accuracy", rights)):
                key = f"{what}_over_none.{preset}.{name}"
                figures[key], intervals[key] = paired(differences)
                low, high = intervals[key]
                said += f"  {what} {figures[key]:+.4f} [{low:+.4f}, {high:+.4f}]"
            print(
                f"{preset:10}{name:24}{told['accuracy']:7.3f}{told['usd'] * 1000:7.3f}{told['total_s']:6.2f}"
                f"{told['asked']:7.2f} {said}",
                flush=True,
            )
    detail = {"rungs": [kind._asdict() for kind in RUNGS], "judges": {k: w._asdict() for k, w in JUDGES.items()}}
    detail["others"] = {name: word._asdict() for name, word in OTHERS.items()}
    print(write("judge", figures, intervals, detail, SEED, n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=4000)
    measured(parser.parse_args().n)


if __name__ == "__main__":
    main()
