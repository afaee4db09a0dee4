"""When a judge's word is worth its price, on ladders of any shape."""

from functools import cache
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rung.odds import logit, sigmoid
from rung.routing import Stop, Weighed, next_action
from rung.routing.judging import Doubt, evidence, gain, matters, words
from rung.routing.reserve import reserve, verdict_points

shares = st.floats(0.05, 1.0)
probs = st.floats(0.01, 0.99)
tells = st.floats(0.5, 0.99)


@st.composite
def boxes(draw):
    """Points of any shape, the chance that there is an answer, and its cost."""
    values = sorted(draw(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3, unique=True)), reverse=True)
    weights = [draw(shares) for _ in values]
    points = tuple((q, w / sum(weights)) for q, w in zip(values, weights, strict=True))
    return points, draw(shares), draw(st.floats(0.0, 0.5))


ladders = st.lists(boxes(), max_size=3)


def weighed_of(ladder):
    return [
        Weighed(name=str(i), reserve=reserve(points, answers, cost), cost=cost, points=points, answer_prob=answers)
        for i, (points, answers, cost) in enumerate(ladder)
    ]


def doubt(right_prob, tells, ladder=(), **more):
    options = weighed_of(ladder)
    same = {"options": options, "if_yes": options, "if_no": options}
    return Doubt(**{"right_prob": right_prob, "tells": tells, **same, **more})


def box_after(box, then, kept):
    """Expected value of opening it with `kept` in hand and going on by `then`."""
    points, answers, cost = box
    return answers * sum(w * then(max(q, kept)) for q, w in points) + (1 - answers) * then(kept) - cost


def best_value(ladder, in_hand):
    """By trying all that could be done, without a judge."""

    @cache
    def value(left, kept):
        tries = [box_after(ladder[i], lambda k, i=i: value(left - {i}, k), kept) for i in left]
        return max([kept, *tries])

    return value(frozenset(range(len(ladder))), in_hand)


@settings(max_examples=300)
@given(ladders, probs, tells, st.none() | probs)
def test_it_is_what_two_stages_of_trying_everything_bring(ladder, right_prob, judge, next_prob):
    assume(all(w.reserve >= -1 for w in weighed_of(ladder)))
    other = -1.0 if next_prob is None else next_prob
    yes = right_prob * judge + (1 - right_prob) * (1 - judge)
    after_yes, after_no = right_prob * judge / yes, right_prob * (1 - judge) / (1 - yes)
    asked = yes * best_value(ladder, max(after_yes, other)) + (1 - yes) * best_value(ladder, max(after_no, other))
    unasked = best_value(ladder, max(right_prob, other))
    found = gain(doubt(right_prob, judge, ladder, next_prob=next_prob))
    assert found == pytest.approx(asked - unasked, abs=1e-9)


@given(ladders, probs, tells, st.none() | probs)
def test_a_word_is_never_worth_less_than_nothing(ladder, right_prob, judge, next_prob):
    assert gain(doubt(right_prob, judge, ladder, next_prob=next_prob)) >= -1e-12


@given(ladders, probs, tells, st.none() | probs)
def test_a_word_that_tells_nothing_or_comes_of_what_is_known_is_worth_nothing(ladder, right_prob, judge, next_prob):
    known = [doubt(sure, judge, ladder, next_prob=next_prob) for sure in (0.0, 1.0)]
    for one in (doubt(right_prob, 0.5, ladder, next_prob=next_prob), *known):
        assert gain(one) == pytest.approx(0.0, abs=1e-12)
        assert not matters(one)


@given(ladders, probs, tells, st.floats(0, 0.3), st.none() | probs)
def test_who_tells_more_is_worth_more(ladder, right_prob, judge, more, next_prob):
    better = min(judge + more, 0.99)
    less = gain(doubt(right_prob, judge, ladder, next_prob=next_prob))
    assert gain(doubt(right_prob, better, ladder, next_prob=next_prob)) >= less - 1e-12


@given(probs, tells)
def test_nothing_is_worth_asking_where_there_is_nothing_else_to_do(right_prob, judge):
    alone = doubt(right_prob, judge)
    assert gain(alone) == pytest.approx(0.0, abs=1e-12)
    assert not matters(alone)


def test_it_matters_where_the_word_decides_between_serving_and_going_on():
    rival = (((0.9, 1.0),), 1.0, 0.2)  # reserve 0.7
    assert matters(doubt(0.65, 0.8, [rival]))
    assert gain(doubt(0.65, 0.8, [rival])) > 0.05
    for sure in (0.2, 0.95):
        assert not matters(doubt(sure, 0.8, [rival]))


def test_the_next_best_in_hand_is_something_else_to_do():
    assert gain(doubt(0.65, 0.8, next_prob=0.6)) == pytest.approx(
        sum(w * max(p, 0.6) for p, w in words(0.65, 0.8)) - 0.65
    )
    assert matters(doubt(0.65, 0.8, next_prob=0.6))


def test_a_bound_on_quality_is_what_the_rule_takes_it_for():
    """Nothing is worth its cost here; below the bound it is called all the same, unless the judge says yes."""
    rival = (((0.6, 1.0),), 1.0, 0.4)
    assert not matters(doubt(0.75, 0.8, [rival]))
    assert matters(doubt(0.75, 0.8, [rival], min_quality=0.9))


def test_what_no_longer_fits_after_the_judge_is_lost():
    rival = (((0.9, 1.0),), 1.0, 0.1)
    options = weighed_of([rival])
    assert gain(Doubt(right_prob=0.5, tells=0.7, options=options, if_yes=[], if_no=[])) < 0


def test_a_no_is_worth_less_where_it_speaks_against_the_others_too():
    strong, weak = (weighed_of([(((right, 1.0),), 1.0, 0.1)]) for right in (0.9, 0.5))
    moved = doubt(0.7, 0.8, options=strong, if_yes=strong, if_no=weak)
    assert gain(moved) < gain(doubt(0.7, 0.8, options=strong, if_yes=strong, if_no=strong))


@given(probs, tells, st.floats(0, 1))
def test_a_word_moves_an_answer_as_far_as_the_judge_tells_at_most(right_prob, judge, yes):
    most = logit(judge)
    assert abs(evidence(yes, judge)) <= most + 1e-9
    assert evidence(1.0, judge) == pytest.approx(most)
    assert evidence(yes, judge) == pytest.approx(-evidence(1 - yes, judge), abs=1e-9)
    assert evidence(0.5, judge) == pytest.approx(0.0, abs=1e-12)
    assert abs(evidence(yes, judge)) <= abs(logit(yes)) + 1e-12


@given(probs, tells)
def test_the_chance_is_what_it_was_on_average_and_words_are_what_evidence_makes_of_it(right_prob, judge):
    (after_yes, yes), (after_no, no) = words(right_prob, judge)
    assert yes + no == pytest.approx(1)
    assert yes * after_yes + no * after_no == pytest.approx(right_prob)
    assert sigmoid(logit(right_prob) + evidence(1.0, judge)) == pytest.approx(after_yes, abs=1e-6)
    assert sigmoid(logit(right_prob) + evidence(0.0, judge)) == pytest.approx(after_no, abs=1e-6)


class Policies:
    """What is to be had with one judge, who may be asked once of each answer, at any time. An answer in hand is its
    chance and whether it was judged."""

    def __init__(self, ladder, judge, cost):
        self.ladder, self.judge, self.cost, self.weighed = ladder, judge, cost, weighed_of(ladder)
        self.by_the_rule, self.at_best = cache(self._by_the_rule), cache(self._at_best)

    def _judged(self, left, hand, at, then):
        rest = hand - {at}
        told = ((p, w) for p, w in words(at[0], self.judge))
        return sum(w * then(left, rest | {(p, True)}) for p, w in told) - self.cost

    def _opened(self, left, hand, i, then):
        points, answers, cost = self.ladder[i]
        fresh = sum(w * then(left - {i}, hand | {(q, False)}) for q, w in points)
        return answers * fresh + (1 - answers) * then(left - {i}, hand) - cost

    def _by_the_rule(self, left, hand):
        first, *others = sorted(hand, reverse=True)
        next_prob = others[0][0] if others else None
        options = [self.weighed[i] for i in left]
        same = {"options": options, "if_yes": options, "if_no": options}
        one = Doubt(right_prob=first[0], tells=self.judge, next_prob=next_prob, **same)
        if not first[1] and matters(one) and gain(one) > self.cost:
            return self._judged(left, hand, first, self.by_the_rule)
        action = next_action(options, first[0], None)
        if isinstance(action, Stop):
            return first[0]
        return self._opened(left, hand, int(action.reasoner), self.by_the_rule)

    def _at_best(self, left, hand):
        asked = [self._judged(left, hand, at, self.at_best) for at in hand if not at[1]]
        opened = [self._opened(left, hand, i, self.at_best) for i in left]
        return max([max(hand)[0], *asked, *opened])


@settings(max_examples=100)
@given(st.lists(boxes(), max_size=2), probs, tells, st.floats(0, 0.2))
def test_asking_by_it_brings_at_least_what_there_is_without_a_judge(ladder, in_hand, judge, cost):
    assume(all(w.reserve >= -1 for w in weighed_of(ladder)))
    policies = Policies(ladder, judge, cost)
    begun = frozenset(range(len(ladder))), frozenset({(in_hand, False)})
    found, best = policies.by_the_rule(*begun), policies.at_best(*begun)
    assert best_value(ladder, in_hand) - 1e-9 <= found <= best + 1e-9


def test_little_is_lost_against_the_best_order():
    """Of what a judge could bring at best, in whatever order it is asked and others are called."""
    rng = Random(3)
    found = best = 0.0
    for _ in range(200):
        rivals = []
        for _ in range(rng.choice([1, 2])):
            points = verdict_points(rng.uniform(0.4, 0.95), rng.choice([0.6, 1.2]))
            thirds = [points[len(points) * k // 3 : len(points) * (k + 1) // 3] for k in range(3)]
            masses = [sum(w for _, w in third) for third in thirds]
            coarse = tuple((sum(q * w for q, w in t) / mass, mass) for t, mass in zip(thirds, masses, strict=True))
            rivals.append((coarse, 1.0, rng.uniform(0.01, 0.3)))
        policies = Policies(rivals, rng.choice([0.7, 0.8, 0.9]), rng.choice([0.005, 0.02, 0.05]))
        in_hand = rng.uniform(0.2, 0.9)
        begun = frozenset(range(len(rivals))), frozenset({(in_hand, False)})
        without = best_value(rivals, in_hand)
        found += policies.by_the_rule(*begun) - without
        best += policies.at_best(*begun) - without
    assert 0.93 * best <= found <= best
