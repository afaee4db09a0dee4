"""Verdicts on answers that say nothing: whether each is right is drawn, and so is what the verifier sees of it."""

from collections.abc import Mapping, Sequence

from rung.odds import logit, sigmoid
from rung.simulate.reasoners import Work
from rung.types import Answer, Estimate, Features, Json, Verdict


class DrawnVerdicts:
    """Right with the estimate's own chance, apart for each reasoner and request; seen as the rule expects it to be:
    right and wrong answers score N(d, 1) and N(0, 1). `verify` is what a climb calls."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def verify(
        self, features: Features, estimates: Mapping[str, Estimate], answers: Sequence[Answer], body: Json
    ) -> tuple[Verdict, ...]:
        return tuple(self._verdict(estimates[answer.reasoner], answer.reasoner, body["user"]) for answer in answers)

    def _verdict(self, expected: Estimate, reasoner: str, request: str) -> Verdict:
        rng = self._work.drawn("right", request, reasoner)
        right = rng.random() < expected.right_prob
        d = expected.discrimination
        score = rng.gauss(d if right else 0.0, 1.0)
        seen = sigmoid(logit(expected.right_prob) + d * score - d * d / 2)
        return Verdict(right_prob=seen, signals={"right": float(right)}, source="modelled")
