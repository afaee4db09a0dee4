from collections.abc import Sequence

import pytest

from rung.errors import Unavailable
from rung.routing import features_of
from rung.sandbox import Tried
from rung.types import Answer, Choice, Estimate, Verdict
from rung.verdicts import verify
from rung.verdicts.running import Running

QUESTION = (
    "Write a Python function to double a number. Your code should pass:\n\nassert double(2) == 4\nassert double(0) == 0"
)
BODY = {"messages": [{"role": "user", "content": QUESTION}]}
RIGHT = "```python\ndef double(x):\n    return 2 * x\n```"
WRONG = "```python\ndef double(x):\n    return x + 2\n```"


class _Jail:
    """Says what it was told to of a code, and counts."""

    def __init__(self, says: dict[str, Tried]) -> None:
        self._says = says
        self.ran: list[str] = []

    async def run(self, code: str, tests: Sequence[str]) -> Tried:
        assert tests == ("assert double(2) == 4", "assert double(0) == 0")
        self.ran.append(code)
        return next(tried for part, tried in self._says.items() if part in code)


class _Nothing:
    async def run(self, code: str, tests: Sequence[str]) -> Tried:
        raise Unavailable("no process can be had to run code in")


def _says(text: str, **signals: float) -> Answer:
    return Answer(reasoner="fast", choices=(Choice(text=text, finish="stop"),), signals=signals)


async def _verdicts(jail: object, *answers: Answer, body: dict[str, object] = BODY) -> tuple[Verdict, ...]:
    judge = jail if isinstance(jail, Running) else Running(verify, jail)  # type: ignore[arg-type]
    return await judge.verify(features_of(body), {"fast": Estimate(right_prob=0.6)}, answers, body)


@pytest.fixture
def jail() -> _Jail:
    return _Jail({"2 * x": Tried(tests=("", "")), "x + 2": Tried(tests=("", "AssertionError"))})


async def test_code_that_passes_the_given_tests_is_surer_and_code_that_fails_one_is_not_believed(jail: _Jail) -> None:
    right, wrong = await _verdicts(jail, _says(RIGHT), _says(WRONG))
    assert right.right_prob > 0.85
    assert wrong.right_prob < 0.2
    assert (right.signals["tests_passed"], wrong.signals["tests_passed"]) == (1.0, 0.5)


async def test_what_was_run_is_not_run_again(jail: _Jail) -> None:
    judge = Running(verify, jail)  # type: ignore[arg-type]
    first = await _verdicts(judge, _says(RIGHT))
    again = await _verdicts(judge, _says(RIGHT), _says(WRONG))
    assert first[0].signals["tests_passed"] == again[0].signals["tests_passed"]
    assert len(jail.ran) == 2
    await _verdicts(judge, _says(RIGHT, tests=2.0, tests_passed=1.0, tests_given=2.0))
    assert len(jail.ran) == 2, "`code` has run its own"


async def test_code_that_does_not_load_passes_nothing() -> None:
    (verdict,) = await _verdicts(_Jail({"2 * x": Tried(wrong="NameError", tests=(None, None))}), _says(RIGHT))
    assert verdict.right_prob < 0.2


async def test_where_nothing_can_be_run_there_is_no_word_for_or_against() -> None:
    (verdict,) = await _verdicts(_Nothing(), _says(RIGHT))
    (plain,) = await verify(features_of(BODY), {"fast": Estimate(right_prob=0.6)}, [_says(RIGHT)], BODY)
    assert verdict == plain


async def test_questions_without_tests_and_answers_without_code_are_left_alone(jail: _Jail) -> None:
    await _verdicts(jail, _says("I would multiply it by two."))
    body = {"messages": [{"role": "user", "content": "Write a Python function to double a number."}]}
    await _verdicts(jail, _says(RIGHT), body=body)
    assert jail.ran == []
