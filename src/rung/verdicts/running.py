"""Code that comes unrun is run with the tests that the question gives, before its answer is judged."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from rung.errors import Unavailable
from rung.reasoners.code.asking import code_in
from rung.reasoners.code.given import given_tests
from rung.reasoners.wording import question_of
from rung.sandbox import Jail
from rung.types import Answer, Estimate, Features, Json, Verdict
from rung.verdicts.verifier import Verify

# Runs whose outcome is remembered: an answer is judged again whenever another comes beside it.
_REMEMBERED = 64


class Running:
    """`verify` of answers that tell how many of the given tests their code passes, as `code` tells of its own.

    Where code cannot be run, or there is none, or no test is given, the answer is judged as it came: no verdict is no
    word for it."""

    def __init__(self, verify: Verify, jail: Jail) -> None:
        self._verify = verify
        self._jail = jail
        self._remembered: OrderedDict[tuple[str, tuple[str, ...]], float | None] = OrderedDict()

    async def verify(
        self, features: Features, estimates: Mapping[str, Estimate], answers: Sequence[Answer], body: Json
    ) -> tuple[Verdict, ...]:
        if features.task == "code" and (tests := tuple(given_tests(question_of(body)))):
            answers = [await self._tested(answer, tests) for answer in answers]
        return await self._verify(features, estimates, answers, body)

    async def _tested(self, answer: Answer, tests: tuple[str, ...]) -> Answer:
        if "tests" in answer.signals or not (code := code_in(answer.text)):
            return answer
        key = (code, tests)
        if key not in self._remembered:
            self._remembered[key] = await self._passed(code, tests)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        passed = self._remembered[key]
        if passed is None:
            return answer
        told = {"tests": float(len(tests)), "tests_passed": passed, "tests_given": float(len(tests))}
        return replace(answer, signals={**answer.signals, **told})

    async def _passed(self, code: str, tests: tuple[str, ...]) -> float | None:
        """The share of tests that pass; None where nothing can be run."""
        try:
            tried = await self._jail.run(code, tests)
        except Unavailable:
            return None
        return 0.0 if tried.wrong else tried.passed / len(tests)
