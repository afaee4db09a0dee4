from random import Random

import pytest
from msgspec.structs import replace

from rung.ledger import Graded
from rung.routing import Profile
from rung.runtime import Bases
from rung.runtime.replay import replay
from rung.types import Decision, Estimate, Option, Step, Usage, Verdict
from tests.unit.conftest import FEATURES

STRENGTHS = {"weak": 0.6, "strong": 0.55}
BASES = Bases({name: Profile(name=name, kind="endpoint", strength=strength) for name, strength in STRENGTHS.items()})


def graded(nth, score, began="weak", *, chances=None, model="auto", steps=True, estimates=STRENGTHS):
    chances = chances or {}
    options = tuple(
        Option(
            reasoner=name,
            reserve=right,
            estimate=Estimate(right_prob=right, service_s=1.0, usd=0.001, discrimination=0.0),
            propensity=chances.get(name),
        )
        for name, right in estimates.items()
    )
    step = Step(
        reasoner=began,
        reserve=0.5,
        outcome="answered",
        started_s=0,
        ended_s=1,
        verdict=Verdict(right_prob=estimates.get(began, 0.5)),
        propensity=chances.get(began, 1.0),
    )
    return Graded(
        begun=nth,
        seq=nth,
        wall_s=float(nth),
        score=score,
        decision=Decision(
            id=f"d{nth}",
            model=model,
            preset="balanced",
            features=FEATURES,
            options=options,
            first="weak",
            steps=(step,) if steps else (),
            answered_by=began,
            right_prob=estimates.get(began, 0.5),
            usage=Usage(usd=0.002),
            total_s=1.5,
        ),
    )


def test_nothing_is_said_of_nothing():
    assert replay([], BASES) is None
    assert replay([graded(1, 1.0, began="gone", estimates={"gone": 0.5})], BASES) is None


def test_outcomes_that_all_point_one_way_make_verdicts_better():
    rng = Random(0)
    found = replay([graded(nth, float(rng.random() < 0.2)) for nth in range(1, 301)], BASES)
    assert (found.decisions, found.unknown) == (300, 0)
    [share] = found.shares
    assert share.reasoner == "weak"
    assert share.score == pytest.approx(0.2, abs=0.05)
    assert share.before == pytest.approx(0.6, abs=0.01)
    assert abs(share.online - share.score) < 0.1
    assert found.online.error < 0.1 < found.before.error
    assert found.better.value > found.better.within > 0
    assert found.online.brier == pytest.approx(found.before.brier - found.better.value)


def test_what_was_not_left_to_chance_is_not_known():
    found = replay([graded(nth, 0.0) for nth in range(1, 51)], BASES)
    assert found.other == (("weak", "strong", 50),)
    assert (found.same, found.then, found.now, found.gain) == (None, None, None, None)


def test_what_would_begin_alike_is_known():
    found = replay([graded(nth, 1.0) for nth in range(1, 11)], BASES)
    assert found.other == ()
    assert (found.same.decisions, found.same.score.value) == (10, 1.0)
    assert (found.same.usd.value, found.same.seconds.value) == (pytest.approx(0.002), pytest.approx(1.5))


def test_estimates_that_have_not_moved_begin_as_they_did():
    """`strong` was first for what else the rule knew then: verdicts seen to tell more, and a lane less busy."""
    rows = [graded(nth, nth % 2, began="strong") for nth in range(1, 3)]
    reserves = {"weak": 0.5, "strong": 0.54}
    for row in rows:
        options = tuple(replace(o, reserve=reserves[o.reasoner]) for o in row.decision.options)
        found = replay([replace(row, decision=replace(row.decision, options=options, first="strong"))], BASES)
        assert found.other == ()


def test_who_serves_no_more_would_not_be_asked():
    found = replay([graded(nth, 1.0, estimates={**STRENGTHS, "gone": 0.9}) for nth in range(1, 4)], BASES)
    assert (found.other, found.same.decisions) == ((), 3)


def test_what_another_artefact_would_say_is_not_known():
    """`strong` is known by an artefact since; what it says of these questions nobody can tell any more."""
    found = replay([graded(nth, 0.0) for nth in range(1, 51)], Bases(BASES.profiles, {"strong": "2026-01-01 abc"}))
    assert (found.decisions, found.other, found.same) == (50, (), None)


def test_who_was_asked_by_name_was_not_chosen():
    only = {"weak": 0.6}
    found = replay([graded(nth, 1.0, estimates=only, model="weak") for nth in range(1, 5)], BASES)
    assert (found.decisions, found.other, found.same) == (4, (), None)


@pytest.mark.parametrize("seed", range(4))
def test_a_better_policy_is_found_better_from_trials_alone(seed):
    """`weak` is right on 0.3 and `strong` on 0.8 of the questions, but was tried on one in ten only."""
    rng, rows = Random(seed), []
    for nth in range(1, 801):
        began = "strong" if rng.random() < 0.1 else "weak"
        score = float(rng.random() < {"weak": 0.3, "strong": 0.8}[began])
        rows.append(graded(nth, score, began, chances={"weak": 0.9, "strong": 0.1}))
    found = replay(rows, BASES)
    assert sum(count for *_, count in found.other) > 600
    assert found.then.score.value == pytest.approx(0.35, abs=0.05)
    assert abs(found.now.score.value - 0.8) < 1.3 * found.now.score.within
    assert abs(found.gain.value - 0.45) < 1.3 * found.gain.within
    assert found.gain.value > found.gain.within


def test_luck_is_no_gain():
    """Both are right on 0.575 of the questions, so no policy gains anything; by few trials one may look better."""
    gains = []
    for seed in range(30):
        rng, rows = Random(seed), []
        for nth in range(1, 101):
            began = "strong" if rng.random() < 0.05 else "weak"
            rows.append(graded(nth, float(rng.random() < 0.575), began, chances={"weak": 0.95, "strong": 0.05}))
        found = replay(rows, BASES)
        gains.append(found.gain.value if found.gain else 0.0)
    mean = sum(gains) / len(gains)
    error = (sum((gain - mean) ** 2 for gain in gains) / len(gains)) ** 0.5 / len(gains) ** 0.5
    assert abs(mean) < 2.5 * error


def test_what_had_no_chance_is_left_out_of_the_comparison():
    chances = {"weak": 0.9, "strong": 0.1}
    tried = [graded(nth, 0.0, chances=chances) for nth in range(1, 41)]
    fixed = [graded(nth, 0.0) for nth in range(41, 61)]
    found = replay([*tried, *fixed], BASES)
    assert found.decisions == 60
    assert found.now.decisions == 40
