"""Fits the verifier's weights to graded answers of `dev` items, and writes them where the package reads them.

    fit_verifier.py [--write] [--ablate]

Logistic regression with the estimate's log-odds as offset, so that without signals the estimate stands:

    logit p = logit(prior) + sum over signals of (hand-set + common + cell) * signal + the cell's offset

and, with others' answers in hand, `independence` times what an independent witness would add, summed over witnesses,
`independence` being a hand-set value with what is fitted for the short answer's kind and for the pair of reasoners'.
What is fitted, for all answers, for a cell (kind of reasoner and type of task) and for witnesses, is drawn to 0 by
ridge penalties: what few answers say changes little. The penalties are those under which questions that were not
fitted to are foretold best (10 folds, all answers to a question in one). `--ablate` leaves out one signal after the
other. Nothing here sees a `report` item.
"""

import argparse
import asyncio
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from graded import part_of
from judged import KINDS, MODEL, Judged, asked, auc, calibration_error, discrimination, judge
from numpy.typing import NDArray

from rung.answers import extract, options_of, same
from rung.routing.strengths import SEEN
from rung.verdicts import weights
from rung.verdicts.agreement import move
from rung.verdicts.signals import SIGNALS
from rung.verdicts.weights import INDEPENDENCE, PRAISE, WEIGHTS, Fitted, pair_of

HERE = Path(__file__).parent
TARGET = Path(str(weights.__file__)).with_name("fitted.json")
FOLDS = 10
COMMON_PENALTIES = (4.0, 8.0, 16.0)
CELL_PENALTIES = (8.0, 16.0, 32.0)
WITNESS_PENALTIES = (8.0, 32.0, 128.0, 512.0)
# Of the discriminations that strengths.py guesses.
GUESS_SD = 0.5
NEWTON_STEPS = 30

Vector = NDArray[np.float64]


class Data:
    """Answers as a design matrix: a column for each signal, and for each signal and the offset of each cell."""

    def __init__(self, judged: Sequence[Judged], without: str = "") -> None:
        rows = [_columns(one, without) for one in judged]
        self.names = sorted({name for row in rows for name in row})
        place = {name: at for at, name in enumerate(self.names)}
        self.x = np.zeros((len(rows), len(self.names)))
        for i, row in enumerate(rows):
            for name, value in row.items():
                self.x[i, place[name]] = value
        self.right = np.array([float(one.right) for one in judged])
        by_hand = [sum(_value(n, v) * WEIGHTS[n] for n, v in _signals(one, without).items()) for one in judged]
        self.offset = np.array([log(one.prior / (1 - one.prior)) for one in judged]) + np.array(by_hand)
        questions = sorted({one.item.id.partition("#")[0] for one in judged})
        random.Random(0).shuffle(questions)
        fold = {question: at % FOLDS for at, question in enumerate(questions)}
        self.fold = np.array([fold[one.item.id.partition("#")[0]] for one in judged])

    def fitted(self, penalties: tuple[float, float], use: NDArray[np.bool_]) -> Vector:
        penalty = np.array([penalties["|" in name] for name in self.names])
        return newton(self.x[use], self.right[use], self.offset[use], penalty)

    def held_out(self, penalties: tuple[float, float]) -> Vector:
        """The chance stated for each answer by what was fitted to the other folds."""
        probs = np.zeros(len(self.right))
        for fold in range(FOLDS):
            out = self.fold == fold
            moved = self.fitted(penalties, ~out)
            probs[out] = 1 / (1 + np.exp(-(self.offset[out] + self.x[out] @ moved)))
        return np.clip(probs, 0.005, 0.995)

    def best(self) -> tuple[float, float]:
        grid = [(common, cell) for common in COMMON_PENALTIES for cell in CELL_PENALTIES]
        return min(grid, key=lambda penalties: loss(self.held_out(penalties), self.right))


def loss(probs: Vector, right: Vector) -> float:
    """Mean log loss, nats."""
    return float(-np.mean(right * np.log(probs) + (1 - right) * np.log(1 - probs)))


class Hands:
    """Answers with others to the same question in hand: each with each, and each with all. `alone` is the chance stated
    for each by what was not fitted to it."""

    def __init__(self, judged: Sequence[Judged], alone: Vector, fold: NDArray[np.int_]) -> None:
        questions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, one in enumerate(judged):
            questions[one.item.id, one.item.prompt].append(at)
        self.judged, self.alone = judged, alone
        found = [(at, by) for places in questions.values() for at in places for by in _witnesses(at, places)]
        rows = [(at, columns) for at, by in found if (columns := self._columns(at, by))]
        self.at = [at for at, _ in rows]
        self.names = sorted({name for _, columns in rows for name in columns})
        self.x = np.array([[columns.get(name, 0.0) for name in self.names] for _, columns in rows])
        self.offset = np.log(alone[self.at] / (1 - alone[self.at])) + INDEPENDENCE * self.x[:, 0]
        self.right = np.array([float(judged[at].right) for at in self.at])
        self.fold = fold[self.at]

    def _columns(self, at: int, by: Sequence[int]) -> dict[str, float]:
        """What independent witnesses would add: "" for all together, and by what it is tempered by."""
        mine, columns = self.judged[at], defaultdict[str, float](float)
        for i in by:
            other = self.judged[i]
            if _final(mine) is None or _final(other) is None:
                continue
            agrees = same(str(_final(mine)), str(_final(other)))
            moved = move(agrees, float(self.alone[i]), mine.features.short)
            pair = pair_of(KINDS[mine.reasoner], KINDS[other.reasoner])
            for name in ("", mine.features.short, pair):
                columns[name] += moved
        return columns

    def fitted(self, penalty: float, use: NDArray[np.bool_]) -> dict[str, float]:
        free = [at for at, name in enumerate(self.names) if name]
        moved = newton(self.x[use][:, free], self.right[use], self.offset[use], np.full(len(free), penalty))
        return {self.names[at]: round(float(value), 3) for at, value in zip(free, moved, strict=True)}

    def held_out(self, penalty: float) -> Vector:
        probs = np.zeros(len(self.right))
        for fold in range(FOLDS):
            out = self.fold == fold
            moved = self.fitted(penalty, ~out)
            added = self.x[out] @ np.array([moved.get(name, 0.0) for name in self.names])
            probs[out] = 1 / (1 + np.exp(-(self.offset[out] + added)))
        return np.clip(probs, 0.005, 0.995)


def _witnesses(at: int, places: Sequence[int]) -> list[list[int]]:
    others = [place for place in places if place != at]
    return [[other] for other in others] + ([others] if len(others) > 1 else [])


def _final(one: Judged) -> str | None:
    return extract(one.text, one.features.short, options_of(one.item.prompt))


def newton(x: Vector, right: Vector, offset: Vector, penalty: Vector) -> Vector:
    """Penalised logistic regression by Newton's method; it converges, since the objective is convex."""
    moved = np.zeros(x.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(offset + x @ moved)))
        gradient = x.T @ (right - p) - penalty * moved
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        moved = moved + step
        if np.abs(step).max() < 1e-8:
            break
    return moved


def cell_of(one: Judged) -> str:
    return f"{KINDS[one.reasoner]} {one.features.task}"


def _signals(one: Judged, without: str = "") -> dict[str, float]:
    return {n: v for n, v in one.verdict.signals.items() if n in SIGNALS and n != without}


def _value(name: str, value: float) -> float:
    return value * (PRAISE.get(name, 1.0) if value > 0 else 1.0)


def _columns(one: Judged, without: str) -> dict[str, float]:
    signals = {name: _value(name, value) for name, value in _signals(one, without).items()}
    columns = dict(signals) | {f"{cell_of(one)}|{name}": value for name, value in signals.items()}
    if "least_token" in one.verdict.signals:
        columns[f"{cell_of(one)}|offset"] = 1.0
    return columns


async def answers() -> list[Judged]:
    judged = [one for it in asked("dev") for row in it.rows.values() for one in await judge(it.item, [row])]
    assert all(part_of(one.item.id.partition("#")[0]) == "dev" for one in judged)
    return [one for one in judged if "exact" not in one.verdict.signals]


def told(label: str, judged: Sequence[Judged], probs: Iterable[float]) -> str:
    def figures(of: str) -> str:
        scored = [(p, one.right) for p, one in both if of in ("", one.item.group)]
        loss = -sum(log(p if r else 1 - p) for p, r in scored) / len(scored)
        return f"{loss:.3f} | {auc(scored):.3f} | {calibration_error(scored):.3f}"

    both = list(zip(probs, judged, strict=True))
    return f"| {label} | {figures('')} | {figures('word')} |"


def fitted_of(
    data: Data, judged: Sequence[Judged], penalties: tuple[float, float], witnesses: dict[str, float]
) -> Fitted:
    moved = data.fitted(penalties, np.ones(len(judged), dtype=bool))
    common: dict[str, float] = {}
    cells: dict[str, dict[str, float]] = defaultdict(dict)
    for name, value in zip(data.names, moved, strict=True):
        if abs(value) >= 0.005:
            cell, _, signal = name.rpartition("|")
            (cells[cell] if cell else common)[signal] = round(float(value), 3)
    for signals in cells.values():
        for name, moved_by in signals.items():
            signals[name] = _not_turned(name, common.get(name, 0.0), moved_by)
    seen = [(o.item.id, o.reasoner, o.right, o.prior, sorted(_signals(o).items())) for o in judged]
    return Fitted(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        answers=len(judged),
        items=len({one.item.id for one in judged}),
        data_sha256=hashlib.sha256(json.dumps(seen).encode()).hexdigest(),
        common_penalty=penalties[0],
        cell_penalty=penalties[1],
        common=common,
        cells=dict(sorted(cells.items())),
        witnesses=witnesses,
    )


def _not_turned(name: str, common: float, moved_by: float) -> float:
    """A weight that few answers would turn around is 0 in that cell."""
    by_hand = WEIGHTS.get(name, 0.0)
    turned = (by_hand + common + moved_by) * by_hand < 0
    return round(-by_hand - common, 3) if turned else moved_by


def _print_cells(judged: Sequence[Judged], probs: Vector) -> None:
    """What strengths.py calls discrimination: d' of the evidence, what the verdict adds to the estimate."""
    groups: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    for one, prob in zip(judged, probs, strict=True):
        evidence = float(prob) / (1 - float(prob)) * (1 - one.prior) / one.prior
        groups[KINDS[one.reasoner], one.features.task].append((log(evidence), one.right))
    print(f"\n{'kind':<9} {'task':<13} {'answers':>7}  right  d' held out  guessed  drawn to it")
    for (kind, task), scored in sorted(groups.items()):
        seen = SEEN[MODEL][kind].get(task)
        good = sum(r for _, r in scored)
        bad = len(scored) - good
        found = discrimination(scored)
        line = f"{kind:<9} {task:<13} {len(scored):>7} {good / len(scored):>6.2f} {found:>11.2f}"
        if seen is not None and good and bad:
            # d' of two samples has about this variance (Gourevitch and Galanter, 1967, at moderate d')
            precision, known = GUESS_SD**-2, 1 / (1 / good + 1 / bad + found**2 / 4 * (1 / good + 1 / bad))
            drawn = max(0.0, (precision * seen.discrimination + known * found) / (precision + known))
            line += f" {seen.discrimination:>8.2f} {drawn:>12.2f}"
        print(line)


def as_text(fitted: Fitted) -> str:
    """JSON, a line a cell."""
    plain: dict[str, Any] = {name: getattr(fitted, name) for name in Fitted.__struct_fields__}
    lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in plain.items() if k != "cells"]
    cells = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in fitted.cells.items())
    return "{\n" + ",\n".join(lines) + ',\n  "cells": {\n' + cells + "\n  }\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"to {TARGET.name}")
    parser.add_argument("--ablate", action="store_true")
    args = parser.parse_args()
    judged = asyncio.run(answers())
    data = Data(judged)
    penalties = data.best()
    probs = data.held_out(penalties)
    print("| | log loss | AUC | ECE | word: log loss | AUC | ECE |\n|---|---|---|---|---|---|---|")
    print(told("estimate alone", judged, [one.prior for one in judged]))
    print(told("hand-set weights", judged, np.clip(1 / (1 + np.exp(-data.offset)), 0.005, 0.995)))
    print(told(f"fitted, penalties {penalties[0]:g} and {penalties[1]:g}, held out", judged, probs))
    for name in SIGNALS if args.ablate else ():
        if any(name in one.verdict.signals for one in judged):
            print(told(f"without {name}", judged, Data(judged, without=name).held_out(penalties)))
    hands = Hands(judged, probs, data.fold)
    beside = [judged[at] for at in hands.at]
    tried = {penalty: hands.held_out(penalty) for penalty in WITNESS_PENALTIES}
    penalty = min(tried, key=lambda one: loss(tried[one], hands.right))
    print(told("with others in hand: alone", beside, probs[hands.at]))
    print(told(f"independence {INDEPENDENCE}", beside, np.clip(1 / (1 + np.exp(-hands.offset)), 0.005, 0.995)))
    print(told(f"independence fitted, penalty {penalty:g}, held out", beside, tried[penalty]))
    _print_cells(judged, probs)
    fitted = fitted_of(data, judged, penalties, hands.fitted(penalty, np.ones(len(hands.at), dtype=bool)))
    print("\n" + as_text(fitted))
    if args.write:
        TARGET.write_text(as_text(fitted))


if __name__ == "__main__":
    main()
