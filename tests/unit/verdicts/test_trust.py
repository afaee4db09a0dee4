from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.verdicts.trust import Scored, Trust, trust


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def _drawn(n: int, slope: float, *, offset: float = 0.0, task: str = "open", seed: int = 1) -> list[Scored]:
    """Outcomes of a reasoner whose evidence deserves the trust `slope`."""
    rng = Random(seed)
    found = []
    for _ in range(n):
        base, evidence = rng.gauss(0.5, 0.7), rng.gauss(0.3, 1.5)
        right = rng.random() < _sigmoid(base + offset + slope * evidence)
        found.append(Scored(task=task, base=base, evidence=evidence, score=float(right)))
    return found


def _loss(scored: list[Scored], slope: float) -> float:
    probs = [min(max(_sigmoid(one.base + slope * one.evidence), 1e-9), 1 - 1e-9) for one in scored]
    return -sum(log(p if one.score else 1 - p) for p, one in zip(probs, scored, strict=True)) / len(scored)


def test_nothing_known_is_trusted_as_it_stands() -> None:
    assert trust([], 500) == Trust()
    assert trust([], 500).on("open") == 1.0


def test_a_few_outcomes_change_little() -> None:
    few = trust(_drawn(4, 0.0), 500).on("open")
    assert 0.6 < few < 1.3


@pytest.mark.parametrize("slope", [0.1, 0.5, 1.0, 1.6])
@pytest.mark.parametrize("offset", [-1.0, 0.0, 1.0])
def test_many_outcomes_find_what_the_evidence_is_worth_however_far_the_base_is_off(slope: float, offset: float) -> None:
    found = trust(_drawn(1500, slope, offset=offset), 1e9)
    assert found.common == pytest.approx(slope, abs=0.25)
    assert found.outcomes == 1500


def test_what_was_learned_foretells_others_better_and_does_no_harm_where_nothing_was_wrong() -> None:
    for slope, gains in ((0.2, True), (1.0, False)):
        learned = trust(_drawn(300, slope, seed=3), 500).on("open")
        others = _drawn(3000, slope, seed=4)
        assert (_loss(others, learned) < _loss(others, 1.0) - 0.02) == gains
        assert _loss(others, learned) < _loss(others, 1.0) + 0.01


def test_a_task_that_differs_has_a_trust_of_its_own() -> None:
    found = trust(_drawn(400, 1.0, task="open") + _drawn(400, 0.0, task="choice", seed=2), 1e9)
    assert found.on("choice") < found.common < found.on("open")
    assert found.on("never seen") == found.common


def test_late_outcomes_count_more() -> None:
    before, after = _drawn(400, 1.2), _drawn(400, 0.0, seed=2)
    assert trust(before + after, 100).common < trust(after + before, 100).common


@given(
    st.lists(
        st.builds(
            Scored,
            task=st.sampled_from(["a", "b"]),
            base=st.floats(-6, 6),
            evidence=st.floats(-12, 12),
            score=st.floats(0, 1),
        ),
        max_size=40,
    )
)
def test_evidence_is_never_turned_around_nor_dropped_nor_believed_without_bound(scored: list[Scored]) -> None:
    found = trust(scored, 500)
    assert all(0.1 <= value <= 2 for value in (found.common, *found.tasks.values()))
