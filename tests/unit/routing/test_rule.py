import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rung.reasoners.base import Abilities
from rung.routing import (
    PRESETS,
    Candidate,
    Limits,
    Seen,
    Stop,
    Try,
    Weighed,
    difficulty_shift,
    exclusion,
    next_action,
    weigh,
)
from rung.types import Estimate, Features
from tests.unit.conftest import FEATURES as PLAIN

FEATURES = replace(PLAIN, task="choice", prompt_tokens=100, short="choice")


def weighed(name, reserve, *, cost=0.1, points=((0.9, 0.5), (0.1, 0.5))):
    return Weighed(name=name, reserve=reserve, cost=cost, points=points)


def candidate(name="a", *, abilities=None, **estimate):
    known = {"right_prob": 0.6, "service_s": 2.0, "p90_s": 4.0, **estimate}
    return Candidate(name=name, abilities=abilities or Abilities(), estimate=Estimate(**known))


def test_the_highest_reserve_is_called_first():
    action = next_action([weighed("a", 0.4), weighed("b", 0.6)], None, None)
    assert isinstance(action, Try)
    assert action.reasoner == "b"


def test_ties_go_to_the_cheaper():
    action = next_action([weighed("a", 0.4, cost=0.3), weighed("b", 0.4, cost=0.1)], None, None)
    assert action.reasoner == "b"


def test_it_stops_when_what_is_in_hand_is_at_least_every_reserve():
    assert next_action([weighed("a", 0.4)], 0.4, None) == Stop(quality_reached=True)
    assert isinstance(next_action([weighed("a", 0.41)], 0.4, None), Try)


def test_having_no_answer_is_worse_than_any_price():
    assert isinstance(next_action([weighed("a", -7.0)], None, None), Try)


def test_below_min_quality_the_climb_goes_on_and_says_if_it_was_not_reached():
    assert isinstance(next_action([weighed("a", 0.1)], 0.5, 0.8), Try)
    assert next_action([], 0.5, 0.8) == Stop(quality_reached=False)


def test_live_only_when_no_verdict_could_make_a_later_rung_worth_calling():
    sure = ((0.7, 1.0),)
    assert next_action([weighed("a", 0.6, points=sure), weighed("b", 0.5)], None, None).live
    assert not next_action([weighed("a", 0.6), weighed("b", 0.5)], None, None).live
    assert next_action([weighed("a", 0.6)], None, None).live
    assert not next_action([weighed("a", 0.6, points=sure), weighed("b", 0.5)], None, 0.9).live


@given(st.lists(st.tuples(st.floats(-2, 1), st.floats(0, 1)), min_size=1, max_size=8), st.floats(0, 1))
def test_nothing_is_left_that_is_worth_its_cost(options, in_hand):
    many = [weighed(str(i), z, cost=c) for i, (z, c) in enumerate(options)]
    action = next_action(many, in_hand, None)
    best = max(z for z, _ in options)
    assert isinstance(action, Stop) == (in_hand >= best)
    if isinstance(action, Try):
        assert action.reserve == best


def test_what_cannot_take_the_request_says_why():
    plenty = Limits(left_s=100.0)

    def why(c, limits=plenty, **changes):
        known = {f: getattr(FEATURES, f) for f in FEATURES.__struct_fields__}
        return exclusion(c, Features(**{**known, **changes}), limits)

    assert why(candidate()) == ""
    assert "tools" in why(candidate(), needs=frozenset({"tools"}))
    assert "8192 tokens" in why(candidate(), prompt_tokens=9000)
    of_schemas = candidate(abilities=Abilities(json_schema=True, schema_only=True))
    assert "JSON schema" in why(of_schemas)
    assert not why(of_schemas, needs=frozenset({"json_schema"}))
    assert "short checkable" in why(candidate(abilities=Abilities(short_only=True)), short="")
    reasons = candidate(abilities=Abilities(least_tokens=64))
    assert "max_tokens is 8" in why(reasons, max_tokens=8)
    assert not why(reasons, max_tokens=64)
    assert not why(reasons, max_tokens=None)
    assert "may need 4.0 s" in why(candidate(), Limits(left_s=3.0))
    assert why(candidate(), Limits(left_s=0.03)).endswith("0.03 s left")
    assert why(candidate(), Limits(left_s=0.00002)).endswith("less than 0.001 s left")
    assert why(candidate(), Limits(left_s=-0.1)) == "no time is left"
    assert why(replace(candidate(), ready_in_s=2.0), Limits(left_s=-0.1)) == "not ready: loading"
    assert "would cost" in why(candidate(usd=0.5), Limits(left_s=100.0, left_usd=0.1))


def test_a_named_reasoner_is_held_only_to_what_it_can_do():
    brief = candidate(abilities=Abilities(short_only=True), usd=9.0)
    limits = Limits(left_s=1.0, left_usd=0.1)
    assert exclusion(brief, FEATURES, limits, named=True) == ""
    assert exclusion(brief, FEATURES, limits) != ""


def test_what_a_named_reasoner_may_just_hold_is_for_itself_to_say():
    def why(tokens):
        return exclusion(candidate(), replace(FEATURES, prompt_tokens=tokens), Limits(left_s=9.0), named=True)

    assert why(9000) == ""
    assert "8192 tokens" in why(12288)


def test_a_specialist_that_knows_its_limits_is_tried_first():
    solver = weigh(
        candidate("calc", right_prob=0.995, abstain_prob=0.9, discrimination=0.0, service_s=0.01), PRESETS["balanced"]
    )
    model = weigh(candidate("fast", service_s=8.0, p90_s=16.0), PRESETS["balanced"])
    assert next_action([model, solver], None, None).reasoner == "calc"


def test_a_hard_question_is_hard_for_all():
    worse, better = Seen("other", 0.6, 0.2), Seen("other", 0.6, 0.9)
    assert difficulty_shift("mine", [worse]) < 0 < difficulty_shift("mine", [better])
    assert difficulty_shift("mine", []) == 0
    assert difficulty_shift("other", [worse]) < difficulty_shift("mine", [worse])
    assert weigh(candidate(), PRESETS["best"], -1.0).reserve < weigh(candidate(), PRESETS["best"]).reserve


def test_the_surest_verdict_tells_no_more_of_others_than_whether_it_was_right():
    sure, surer = (difficulty_shift("mine", [Seen("other", 0.6, found)]) for found in (0.02, 0.0001))
    assert surer == pytest.approx(sure, rel=0.05)
    assert difficulty_shift("mine", [Seen("other", 0.995, 0.9999)]) == pytest.approx(0, abs=0.01)
