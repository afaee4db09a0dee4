"""What a probe is, and what makes them."""

import re
from collections.abc import Callable
from random import Random
from typing import Literal

from msgspec import Struct

from rung.answers import grade
from rung.answers.grading import Grader

Domain = Literal["maths", "logic", "facts", "reading", "code"]
DOMAINS: tuple[Domain, ...] = ("maths", "logic", "facts", "reading", "code")


class Made(Struct, frozen=True):
    """What a template makes of a level and chance: a question and its right answer. `choices` are what an `exact` or a
    `letter` answer is one of. Where there are `tests`, the answer is code that passes them, and `answer` is such.
    `besides` is a pattern of numbers that may be said with the answer and are not it."""

    question: str
    answer: str
    grader: Grader = "number"
    choices: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    besides: str = ""


class Probe(Struct, frozen=True, kw_only=True):
    """A question of a known kind: `key` is its template's name, its level and its number."""

    key: str
    template: "Template"
    level: int
    made: Made

    @property
    def question(self) -> str:
        return self.made.question

    @property
    def tests(self) -> tuple[str, ...]:
        """That an answer in code must pass; none where `is_right` tells."""
        return self.made.tests

    def is_right(self, text: str) -> bool:
        """Of a probe without tests."""
        made = self.made
        text = re.sub(made.besides, "", text) if made.besides else text
        return grade(text, made.answer, made.grader, made.choices)


class Template(Struct, frozen=True, kw_only=True):
    """Makes probes of one kind, on as many levels as there are abilities in `halfway`, the easiest first: one of that
    ability is halfway from guessing, which is right in a share of `floor`, to being always right. Abilities are the
    log-odds that an ordinary question is answered right, and one of ability t answers right with chance
    floor + (1 - floor) * sigma(discrimination * t - difficulty) (Birnbaum 1968)."""

    name: str
    domain: Domain
    halfway: tuple[float, ...]
    make: Callable[[int, Random], Made]
    discrimination: float = 1.5
    floor: float = 0.0

    def difficulty(self, level: int) -> float:
        return self.discrimination * self.halfway[level]

    def probe(self, level: int, seed: int, number: int) -> Probe:
        """The same for the same level, seed and number."""
        key = f"{self.name}/{level}/{number}"
        return Probe(key=key, template=self, level=level, made=self.make(level, Random(f"{seed}/{key}")))  # noqa: S311  no secret
