import pytest

from rung.types import Decision, Estimate, Features, Option, Step, Usage, Verdict


@pytest.fixture
def decision():
    """Makes decisions by id."""

    def make(name="d1", **changes):
        whole = {
            "id": name,
            "model": "auto",
            "preset": "balanced",
            "features": Features(
                task="maths",
                complexity=0.4,
                language="en",
                prompt_tokens=12,
                max_tokens=None,
                turns=1,
                short="number",
                needs=frozenset({"logprobs"}),
            ),
            "options": (
                Option(reasoner="calc", reserve=0.9, cost_usd=0.0, estimate=Estimate(right_prob=0.99)),
                Option(reasoner="cloud", excluded="down"),
            ),
            "first": "calc",
            "steps": (
                Step(
                    reasoner="calc",
                    reserve=0.9,
                    outcome="answered",
                    started_s=0.001,
                    ended_s=0.002,
                    verdict=Verdict(right_prob=0.995, signals={"exact": 1.0}),
                ),
            ),
            "answered_by": "calc",
            "right_prob": 0.995,
            "usage": Usage(prompt_tokens=12, completion_tokens=3, usd=0.002),
            "total_s": 0.003,
        }
        return Decision(**(whole | changes))

    return make
