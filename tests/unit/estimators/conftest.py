"""Outcomes of three reasoners on two kinds of question: `sums` is best at sums, `all` at the other and over all."""

from random import Random

import numpy as np
import pytest
from msgspec import structs

from rung.estimators.outcomes import Outcomes

KINDS = {
    "sums": (["add", "subtract", "multiply", "total", "price", "apples", "minutes"], (0.45, 0.65, 0.95)),
    "past": (["king", "war", "treaty", "century", "empire", "battle", "capital"], (0.3, 0.85, 0.1)),
}
REASONERS = ("small", "all", "sums")


def made(count: int, seed: int = 0, *, told: bool = True) -> Outcomes:
    """`told`: whether a question's words say which kind it is."""
    random = Random(seed)
    questions, scores = [], []
    for i in range(count):
        kind, other = ("sums", "past") if i % 2 else ("past", "sums")
        words = random.choices(KINDS[kind if told or random.random() < 0.5 else other][0], k=4)
        words += random.choices(["the", "of", "what", "is", "how", "many", "did"], k=5)
        random.shuffle(words)
        questions.append(" ".join(words) + "?")
        scores.append([float(random.random() < p) for p in KINDS[kind][1]])
    return Outcomes(questions=tuple(questions), reasoners=REASONERS, scores=np.array(scores, np.float32))


def meaning(outcomes: Outcomes, seed: int = 0) -> Outcomes:
    """With embeddings that tell which kind of question each is, as it is made: every second one is of one kind."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.3, (len(outcomes.questions), 8)).astype(np.float32)
    vectors[1::2, 0] += 1
    return structs.replace(outcomes, embedded=vectors)


@pytest.fixture
def outcomes() -> Outcomes:
    return made(400)


@pytest.fixture
def unseen() -> Outcomes:
    return made(300, seed=1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
