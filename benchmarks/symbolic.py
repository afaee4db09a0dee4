"""How much of what is mathematics does `symbolic` answer, and how often is what it answers right?

Asks the rung itself, sandbox included, on the last 200 questions of each of the 54 modules of DeepMind's mathematics
data (`symbolic_interpolate.parquet`): the first 200 were looked at while the grammar was written, these were not. Then
on everything else in `graded_dev.parquet`, where it should say nothing or be right; on harder questions than either,
made and checked by `harder` (its seed 0 was looked at, this one was not); and on near misses, where it should say
nothing. An answer counts as right when it is the gold answer to the letter, when the set's own grader says so, or when
it passes its question's check. Last, how long the rung is gone after a question that has to be killed.

    python benchmarks/symbolic.py        needs RUNG_DATA (default: shared/data beside the checkout)
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from statistics import median, quantiles
from typing import Any

import pyarrow.parquet as pq
from harder import Question, harder, near_misses
from results import write
from shared import data_path

from rung.answers import grade
from rung.config.schema import SymbolicConfig
from rung.errors import Abstained
from rung.reasoners.symbolic import Symbolic
from rung.trial.graded import wilson
from rung.types import Call

HELD_OUT = 200
SEED = 7
A_FAMILY = 60
ENDLESS = "Factor x^400 + 7*x^173 + 3*x*y^191 - 1"


async def asked(calc: Symbolic, question: str) -> str | None:
    """The answer's text; None if it abstained."""
    body = {"messages": [{"role": "user", "content": question}]}
    try:
        return "".join([chunk.text async for chunk in calc.answer(Call(id="b", body=body, deadline_s=float("inf")))])
    except Abstained:
        return None


async def modules(calc: Symbolic, rows: list[dict[str, Any]]) -> tuple[dict[str, Any], list[float]]:
    """Counts and speed of each module, and every time in ms."""
    by_module: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_module.setdefault(row["module"], []).append(row)
    detail: dict[str, Any] = {}
    all_ms: list[float] = []
    for module, questions in sorted(by_module.items()):
        counted: Counter[str] = Counter()
        taken_ms = []
        for row in questions[-HELD_OUT:]:
            started = time.perf_counter()
            answer = await asked(calc, row["question"])
            taken_ms.append((time.perf_counter() - started) * 1000)
            counted["abstained" if answer is None else "right" if answer == row["answer"] else "wrong"] += 1
        all_ms += taken_ms
        answered = counted["right"] + counted["wrong"]
        detail[module] = {
            **counted,
            "coverage": answered / len(taken_ms),
            "precision": counted["right"] / answered if answered else None,
            "p50_ms": round(median(taken_ms), 3),
        }
        print(f"{module:36} {detail[module]}")
    return detail, all_ms


async def others(calc: Symbolic, rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How often it answered questions of the other families, and rightly."""
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        answer = await asked(calc, row["question"])
        if answer is None:
            outcome = "abstained"
        else:
            choices = tuple(row["choices"]) if row["choices"] is not None else ()
            outcome = "right" if grade(answer, row["gold"], row["grader"], choices) else "wrong"
            if outcome == "wrong":
                print(f"{row['family']}: {row['question'][:160]!r} -> {answer[:60]!r}, gold {row['gold']!r}")
        counted.setdefault(row["family"], Counter())[outcome] += 1
    return {family: dict(outcomes) for family, outcomes in counted.items()}


async def made(calc: Symbolic, questions: Iterable[Question]) -> tuple[dict[str, dict[str, int]], list[float]]:
    """Counts of each family, and every time in ms."""
    counted: dict[str, Counter[str]] = {}
    taken_ms = []
    for question in questions:
        started = time.perf_counter()
        answer = await asked(calc, question.text)
        taken_ms.append((time.perf_counter() - started) * 1000)
        outcome = "abstained" if answer is None else "right" if question.right(answer) else "wrong"
        if outcome == "wrong":
            print(f"{question.family}: {question.text[:300]!r} -> {answer!r:.100}")
        counted.setdefault(question.family, Counter())[outcome] += 1
    return {family: dict(outcomes) for family, outcomes in counted.items()}, taken_ms


async def recovery_ms(calc: Symbolic) -> float:
    """From the end of a question that took too long to the answer of the next."""
    await asked(calc, ENDLESS)
    started = time.perf_counter()
    await asked(calc, "What is 1 + 1?")
    return (time.perf_counter() - started) * 1000


def totals(families: dict[str, dict[str, int]]) -> tuple[int, int]:
    """Right, and answered."""
    right = sum(one.get("right", 0) for one in families.values())
    return right, right + sum(one.get("wrong", 0) for one in families.values())


async def main() -> None:
    files = [data_path("symbolic_interpolate.parquet"), data_path("graded_dev.parquet")]
    calc = Symbolic("calc", SymbolicConfig(kind="symbolic"))
    await calc.start()
    try:
        await asked(calc, "What is 1 + 1?")  # waits until the worker is warm
        detail, taken_ms = await modules(calc, pq.read_table(files[0]).to_pylist())
        families = await others(calc, pq.read_table(files[1]).to_pylist())
        hard, hard_ms = await made(calc, harder(SEED, A_FAMILY))
        misses, _ = await made(calc, near_misses(SEED, A_FAMILY // 3))
        gone_ms = median([await recovery_ms(calc) for _ in range(5)])
    finally:
        await calc.close()
    right, answered = totals(detail)
    n = len(taken_ms)
    foreign_right, foreign = totals(families)
    hard_right, hard_answered = totals(hard)
    figures = {
        "coverage": answered / n,
        "precision": right / answered,
        "p50_ms": round(median(taken_ms), 3),
        "p99_ms": round(quantiles(taken_ms, n=100)[98], 3),
        "elsewhere_answered": foreign,
        "elsewhere_precision": foreign_right / foreign if foreign else 1.0,
        "harder_coverage": hard_answered / len(hard_ms),
        "harder_precision": hard_right / hard_answered,
        "harder_p50_ms": round(median(hard_ms), 3),
        "harder_max_ms": round(max(hard_ms), 3),
        "near_misses": sum(misses["near misses"].values()),
        "near_misses_answered": totals(misses)[1],
        "recovery_ms": round(gone_ms, 3),
    }
    intervals = {
        "coverage": wilson(answered, n),
        "precision": wilson(right, answered),
        "elsewhere_precision": wilson(foreign_right, foreign),
        "harder_coverage": wilson(hard_answered, len(hard_ms)),
        "harder_precision": wilson(hard_right, hard_answered),
    }
    told = {"rows": f"last {HELD_OUT} of each module", "modules": detail, "families": families, "harder": hard}
    print(figures, write("symbolic", figures, intervals, told, seed=SEED, n=n))


if __name__ == "__main__":
    asyncio.run(main())
