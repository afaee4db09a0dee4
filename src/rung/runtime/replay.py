"""What the ledger says of estimates: how right they were, and what today's would have done. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from rung.ledger import Graded
from rung.odds import sigmoid
from rung.reasoners.base import Abilities
from rung.routing import PRESETS, Candidate, Prices, Try, Weighed, next_action, weigh
from rung.runtime.learning import Bases, Heard, corrected
from rung.types import Decision, Estimate, Option

_BINS = 15
# Parts of which each is judged by what the others say.
_PARTS = 5


class Mean(Struct, frozen=True):
    """A mean and half of its 95% interval, by the normal approximation."""

    value: float
    within: float


class Calibration(Struct, frozen=True, kw_only=True):
    """`error` is the expected calibration error over 15 bins, `brier` the mean square error."""

    error: float
    brier: float


class Share(Struct, frozen=True, kw_only=True):
    """One reasoner's scored answers: their mean score, and what verdicts expected as they were served, without any
    outcome, and by the outcomes before each."""

    reasoner: str
    scored: int
    score: float
    served: float
    before: float
    online: float


class Value(Struct, frozen=True, kw_only=True):
    """Of `decisions` decisions: score, USD and seconds of a policy."""

    decisions: int
    score: Mean
    usd: Mean
    seconds: Mean


class Replay(Struct, frozen=True, kw_only=True):
    """`unknown` decisions say nothing of what serves now. `served`, `before` and `online` are how right verdicts were:
    as they were given, without any outcome, and moved by the outcomes before each; `better` is by how much the mean
    square error of the last is below that of the second.

    `other` counts the decisions that today's estimates would begin otherwise, by what they began with and would begin
    with; `same` is what came of all others. `then` and `now` are the values of both policies, by a doubly robust
    estimate over the decisions on which what today's would begin with had a chance, if on any another had, else None.
    There today's are learned anew for each part of the decisions from the others: by those that heard of a decision,
    its luck would pass for merit.
    """

    decisions: int
    unknown: int
    shares: tuple[Share, ...]
    served: Calibration
    before: Calibration
    online: Calibration
    better: Mean
    other: tuple[tuple[str, str, int], ...]
    same: Value | None
    then: Value | None
    now: Value | None
    gain: Mean | None


class _Scored(Struct, frozen=True):
    reasoner: str
    score: float
    served: float
    before: float
    online: float


class _Choice(Struct, frozen=True):
    """A decision with what was called first, and what would be."""

    decision: Decision
    score: float
    began: Option
    would: Option
    propensity: float


def replay(graded: Sequence[Graded], bases: Bases) -> Replay | None:
    """Of scored decisions, oldest first; None where none of them says anything of what serves now."""
    heard = Heard(bases)
    scored: list[_Scored] = []
    for one in graded:
        if (found := bases.outcome(one)) is None:
            continue
        name, outcome = found
        of = heard.offsets.get(name)
        moved = of.on(outcome.task).believed if of else 0.0
        before = outcome.base + outcome.evidence
        served = one.decision.right_prob or 0.0
        scored.append(_Scored(name, one.score, served, sigmoid(before), sigmoid(before + moved)))
        heard.take([one])
    if not scored:
        return None
    choices = [choice for one in graded if (choice := _choice(one, heard, bases)) is not None]
    other = Counter((c.began.reasoner, c.would.reasoner) for c in choices if c.began.reasoner != c.would.reasoner)
    same = [c for c in choices if c.began.reasoner == c.would.reasoner]
    gains = [(s.before - s.score) ** 2 - (s.online - s.score) ** 2 for s in scored]
    by_chance = any(c.propensity < 1 for c in choices)
    then, now, gain = _off_policy(_unseen(graded, bases)) if by_chance else (None, None, None)
    return Replay(
        decisions=len(scored),
        unknown=len(graded) - len(scored),
        shares=_shares(scored),
        served=_calibration([(s.served, s.score) for s in scored]),
        before=_calibration([(s.before, s.score) for s in scored]),
        online=_calibration([(s.online, s.score) for s in scored]),
        better=_mean(gains),
        other=tuple((*pair, count) for pair, count in other.most_common()),
        same=_value(same, [1.0] * len(same)) if same else None,
        then=then,
        now=now,
        gain=gain,
    )


def _shares(scored: Iterable[_Scored]) -> tuple[Share, ...]:
    by_name: dict[str, list[_Scored]] = {}
    for one in scored:
        by_name.setdefault(one.reasoner, []).append(one)
    return tuple(
        Share(
            reasoner=name,
            scored=len(of),
            score=_average(s.score for s in of),
            served=_average(s.served for s in of),
            before=_average(s.before for s in of),
            online=_average(s.online for s in of),
        )
        for name, of in sorted(by_name.items(), key=lambda item: -len(item[1]))
    )


def _unseen(graded: Sequence[Graded], bases: Bases) -> list[_Choice]:
    """Each decision with what would be called first by estimates that have not heard what came of it."""
    choices = []
    for part in range(_PARTS):
        heard = Heard(bases)
        heard.take([one for at, one in enumerate(graded) if at % _PARTS != part])
        choices += [_choice(one, heard, bases) for one in graded[part::_PARTS]]
    return [choice for choice in choices if choice is not None]


def _choice(graded: Graded, heard: Heard, bases: Bases) -> _Choice | None:
    """None where the rule chose nothing, since a reasoner was named or the answer came from the cache, and where what
    would be expected of an option today is not known: another artefact serves."""
    decision = graded.decision
    prices = next((prices for name, prices in PRESETS.items() if name == decision.preset), None)
    options = {
        o.reasoner: o
        for o in decision.options
        if not o.excluded and o.estimate is not None and o.reasoner in bases.profiles
    }
    if prices is None or len(options) < 2 or not decision.steps or decision.features is None:
        return None
    weighed = []
    for option in options.values():
        assert option.estimate is not None
        if not bases.is_current(option.reasoner, option.estimate):
            return None
        base = bases.today(option.reasoner, decision.features, option.estimate)
        today = corrected(heard.offsets, option.reasoner, decision.features.task, base)
        weighed.append(_weighed(option, option.estimate, today, prices))
    action = next_action(weighed, None, None)
    assert isinstance(action, Try)
    first = decision.steps[0]
    if first.reasoner not in options:
        return None
    return _Choice(decision, graded.score, options[first.reasoner], options[action.reasoner], first.propensity)


def _weighed(option: Option, then: Estimate, today: Estimate, prices: Prices) -> Weighed:
    """With the reserve it had, moved by what the estimates say otherwise today: nothing else that went into it, as how
    its lane stood and what verdicts were seen to do, is another's to change."""
    candidate = Candidate(name=option.reasoner, abilities=Abilities(), estimate=today)
    now = weigh(candidate, prices)
    if option.reserve is None:
        return now
    moved = now.reserve - weigh(replace(candidate, estimate=then), prices).reserve
    return replace(now, reserve=option.reserve + moved)


def _off_policy(choices: Sequence[_Choice]) -> tuple[Value | None, Value | None, Mean | None]:
    """Both policies' values and the gain in score, where chance had a say (Dudik, Langford & Li, 2011, "Doubly Robust
    Policy Evaluation and Learning"): what the estimates expect of today's choice, put right by what came of it where it
    was taken, which weighs the more the less likely that was."""
    able = [c for c in choices if _chance(c) > 0]
    if not any(c.propensity < 1 for c in able):
        return None, None, None
    weights = [1 / c.propensity if c.began.reasoner == c.would.reasoner else 0.0 for c in able]
    then, now = _value(able, [1.0] * len(able)), _value(able, weights)
    after = _put_right(
        [_right(c.would) for c in able], [_right(c.began) for c in able], [c.score for c in able], weights
    )
    gain = _mean([new - c.score for new, c in zip(after, able, strict=True)])
    return then, now, gain


def _chance(choice: _Choice) -> float:
    """The chance that what would be called first was."""
    if choice.would.propensity is not None:
        return choice.would.propensity
    return 1.0 if choice.would.reasoner == choice.began.reasoner else 0.0


def _value(choices: Sequence[_Choice], weights: Sequence[float]) -> Value:
    """Weights of 1 throughout give what was seen, whatever was expected."""
    seen: Mapping[str, tuple[Callable[[Option], float], Callable[[_Choice], float]]] = {
        "score": (_right, lambda c: c.score),
        "usd": (lambda o: _known(o).usd, lambda c: c.decision.usage.usd),
        "seconds": (lambda o: _known(o).wait_s + _known(o).service_s, lambda c: c.decision.total_s),
    }
    on_policy = all(weight == 1 for weight in weights)
    means = {}
    for name, (expected, came) in seen.items():
        began, got = [expected(c.began) for c in choices], [came(c) for c in choices]
        would = began if on_policy else [expected(c.would) for c in choices]
        means[name] = _mean(_put_right(would, began, got, weights))
    return Value(decisions=len(choices), **means)


def _put_right(
    would: Sequence[float], began: Sequence[float], came: Sequence[float], weights: Sequence[float]
) -> list[float]:
    return [w + weight * (c - b) for w, b, c, weight in zip(would, began, came, weights, strict=True)]


def _known(option: Option) -> Estimate:
    assert option.estimate is not None
    return option.estimate


def _right(option: Option) -> float:
    return _known(option).right_prob


def _calibration(pairs: Sequence[tuple[float, float]]) -> Calibration:
    off = [0.0] * _BINS
    for prob, score in pairs:
        off[min(int(prob * _BINS), _BINS - 1)] += prob - score
    return Calibration(
        error=sum(map(abs, off)) / len(pairs), brier=_average((prob - score) ** 2 for prob, score in pairs)
    )


def _average(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / len(given)


def _mean(values: Sequence[float]) -> Mean:
    mean = _average(values)
    variance = sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
    return Mean(mean, 1.96 * math.sqrt(variance / len(values)))
