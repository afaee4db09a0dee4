"""Does a trained classifier tell a question's task better than the rules of `features_of` do?

    tasktype.py [--most 400]

Questions whose task is known by where they come from, put as `graded.py` puts them: word problems, mathematics,
choices, yes or no, labels, values to read off a text, code, and what people ask a service as it came (open). The
classifiers are fitted to the `dev` part, and judged like the rules on the `report` part; then each source that is not
the only one of its task is left out of the fitting and judged alone, since users bring questions from elsewhere.
`--most` bounds each source. `linear` is ridge regression on words and pairs of words, `both` adds kernel ridge
regression on topics and surface (the estimators of `rung eval`, fitted to which task it is).
"""

import argparse
import csv
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import results
from graded import FAMILIES, part_of
from numpy.typing import NDArray
from shared import data_path

from rung.estimators.bases import fit_landmarks, fit_linear
from rung.estimators.reading import read
from rung.estimators.space import Reader, Space
from rung.routing import features_of

SEED = 0
GROUPS = {"word": "word_problem", "symbolic": "maths"}
FAMILY = {"arc-easy": "choice", "openbookqa": "choice", "boolq": "yesno"} | {
    f"receipt-{what}": "extract" for what in ("company", "date", "total")
}
TASKS = ("word_problem", "maths", "choice", "yesno", "label", "extract", "code", "open")

Classify = Callable[[Sequence[str]], list[str]]


class Asked(NamedTuple):
    text: str
    source: str
    task: str
    part: str


def questions(most: int) -> list[Asked]:
    folder, by_source = data_path(), defaultdict(list)
    for group, families in FAMILIES.items():
        for at, family in enumerate(families):
            for item in family(folder, random.Random(f"{SEED} {group} {at}")):
                source = item.family if group != "symbolic" else f"symbolic-{item.family.partition('__')[0]}"
                task = GROUPS.get(group) or FAMILY.get(item.family, "label")
                by_source[source].append(Asked(item.prompt, source, task, part_of(item.id.split("#")[0])))
    for line in (folder / "mbpp.jsonl").read_text().splitlines():
        row = json.loads(line)
        by_source["mbpp"].append(Asked(row["text"], "mbpp", "code", part_of(f"mbpp-{row['task_id']}")))
    for source, column in (("banking77_test", "text"), ("bitext_test", "utterance")):
        by_source[source] = [Asked(text, source, "open", part_of(text)) for text in _column(folder, source, column)]
    drawn = random.Random(SEED)
    return [one for rows in by_source.values() for one in drawn.sample(rows, min(most, len(rows)))]


def _column(folder: Path, name: str, column: str) -> list[str]:
    with (folder / "service" / f"{name}.csv").open(newline="") as file:
        return list(dict.fromkeys(row[column] for row in csv.DictReader(file)))


def rules(texts: Sequence[str]) -> list[str]:
    return [features_of({"messages": [{"role": "user", "content": text}]}).task for text in texts]


def trained(asked: Sequence[Asked], *, places: bool) -> Classify:
    rng = np.random.default_rng(SEED)
    seen = read([one.text for one in asked])
    reader = Reader(Space.fit(seen, rng))
    points = reader.place(seen)
    wanted = np.array([[one.task == task for task in TASKS] for one in asked], np.float32)
    bases = [fit_linear(points, wanted, rng)]
    if places:
        bases.append(fit_landmarks(points, wanted, rng))  # type: ignore[arg-type]

    def classify(texts: Sequence[str]) -> list[str]:
        at = reader.place(read(texts))
        said: NDArray[Any] = sum(base.predict(at) for base in bases)  # type: ignore[assignment]
        return [TASKS[i] for i in said.argmax(1)]

    return classify


def share(found: Sequence[str], asked: Sequence[Asked]) -> float:
    return sum(task == one.task for task, one in zip(found, asked, strict=True)) / len(asked)


def microseconds(classify: Classify, texts: Sequence[str]) -> float:
    """Of one question, asked one by one; the lowest of five rounds."""
    rounds = []
    for _ in range(5):
        begun = time.thread_time()
        for text in texts:
            classify([text])
        rounds.append((time.thread_time() - begun) / len(texts) * 1e6)
    return min(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=400)
    asked = questions(parser.parse_args().most)
    dev, report = ([one for one in asked if one.part == part] for part in ("dev", "report"))
    ways: dict[str, Callable[[Sequence[Asked]], Classify]] = {
        "rules": lambda _: rules,
        "linear": lambda fitted: trained(fitted, places=False),
        "both": lambda fitted: trained(fitted, places=True),
    }
    out: dict[str, float] = {}
    sources = sorted({one.source for one in asked})
    tasks = {one.source: one.task for one in asked}
    alone = [s for s in sources if sum(tasks[other] == tasks[s] for other in sources) > 1]
    print(f"{len(dev)} to fit, {len(report)} to judge\n{'':<20}" + "".join(f"{way:>9}" for way in ways))
    for way, make in ways.items():
        classify = make(dev)
        out[f"right.{way}"] = share(classify([one.text for one in report]), report)
        out[f"us.{way}"] = microseconds(classify, [one.text for one in report[::10]])
        for source in sources:
            of = [one for one in report if one.source == source]
            out[f"right.{way}.{source}"] = share(classify([one.text for one in of]), of)
        for source in alone:
            of = [one for one in report if one.source == source]
            fitted = make([one for one in dev if one.source != source])
            out[f"unseen.{way}.{source}"] = share(fitted([one.text for one in of]), of)
        out[f"unseen.{way}"] = float(np.mean([out[f"unseen.{way}.{source}"] for source in alone]))
    for label in ("right", "unseen", "us", *(f"right.{s}" for s in sources), *(f"unseen.{s}" for s in alone)):
        head, _, source = label.partition(".")
        keys = [f"{head}.{way}" + (f".{source}" if source else "") for way in ways]
        print(f"{label:<26}" + "".join(f"{out[key]:>9.3f}" for key in keys))
    print(results.write("tasktype", out, {}, {"sources": sources}, SEED, len(report)))


if __name__ == "__main__":
    main()
