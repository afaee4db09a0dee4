"""Which reasoners may be called on a request, and what each call is worth."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from rung.odds import logit, sigmoid
from rung.reasoners.base import Abilities
from rung.routing.prices import Prices
from rung.routing.reserve import Moves, Points, measured_points, reserve, verdict_points
from rung.types import Estimate, Features, Option

# How far reasoners are right on the same questions, beyond what was expected: the correlation of their outcomes. A hard
# question is hard for all, and most of all for the same model asked in another way.
SHARED_DIFFICULTY = 0.3
SAME_MIND = 0.8
# How far what a request is taken to have in tokens may be off: fewer for plain words, and for what one token repeats.
_TOKENS_OFF = 1.5
# Log-odds a probability, where a chance is even.
LOG_ODDS = 4.0


class Candidate(Struct, frozen=True, kw_only=True):
    """A reasoner as it stands now. `down` says why it cannot be called at all; `ready_in_s` is the time until it is
    warm, which the estimate's wait counts in, or asked again; `congestion` is its lane's price in USD for a second that
    it is busy. Candidates of one `mind` are the same model working at the same length: they err on the same questions.
    `moves` are where verdicts on its answers went, if enough were seen, and `look_s` is what a look takes. Who comes
    back in place of waiting in its lane has its turn `later_s` later. Its answers to such tasks were `longer` times as
    long as expected, which the estimate counts in."""

    name: str
    abilities: Abilities
    estimate: Estimate
    down: str = ""
    ready_in_s: float = 0.0
    later_s: float = 0.0
    congestion: float = 0.0
    note: str = ""
    mind: str = ""
    moves: Moves = ()
    look_s: float = 0.0
    longer: float = 1.0

    @property
    def up(self) -> bool:
        return not (self.down or self.ready_in_s)


class Limits(Struct, frozen=True, kw_only=True):
    """What is left: seconds to the deadline, and USD."""

    left_s: float
    left_usd: float | None = None

    def after(self, e: Estimate) -> "Limits":
        """What a call leaves if it takes as long as nine in ten do."""
        left_usd = None if self.left_usd is None else self.left_usd - e.usd
        return Limits(left_s=self.left_s - e.wait_s - e.p90_s, left_usd=left_usd)


class Weighed(Struct, frozen=True, kw_only=True):
    """An option with its reserve; `cost` is kappa / v, as a share of a right answer's value. `points` are what the
    verdict may be if it answers, which it does with `answer_prob`."""

    name: str
    reserve: float
    cost: float
    points: Points
    answer_prob: float = 1.0


def weigh(candidate: Candidate, prices: Prices, shift: float = 0.0, *, blind: bool = False) -> Weighed:
    """`shift` moves the estimate, in log-odds, by what the verdicts so far said of the question. `blind`: nobody will
    look at the answer before it is sent."""
    e = candidate.estimate
    right = sigmoid(logit(e.right_prob) + shift) if shift else e.right_prob
    # It abstains, fails or answers, each at a cost of its own; a failure is taken to need an answer's time.
    abstains, stays = e.abstain_prob, 1 - e.abstain_prob
    fails = stays * e.fail_prob
    answers = stays - fails
    abstain_s = abstains * e.abstain_s
    seconds = e.wait_s + stays * e.service_s + abstain_s + answers * candidate.look_s
    usd = answers * e.usd + fails * e.fail_usd + abstains * e.abstain_usd
    usd += candidate.congestion * (stays * e.busy_s + abstain_s)
    cost = (usd + prices.second_usd * seconds) / prices.value_usd
    points = verdict_points(right, 0.0) if blind else verdict_of(candidate, right)
    worth = reserve(points, answers, cost)
    return Weighed(name=candidate.name, reserve=worth, cost=cost, points=points, answer_prob=answers)


def verdict_of(candidate: Candidate, right_prob: float, share: float = 1.0) -> Points:
    """What the verdict on its answer may be, as it was seen or else as d' has it. `share` is how much of what a verdict
    tells (d' squared) is still to come."""
    if candidate.moves:
        return measured_points(right_prob, candidate.moves, share)
    return verdict_points(right_prob, candidate.estimate.discrimination * share**0.5)


def right_after(candidate: Candidate, seen: Sequence["Seen"]) -> float:
    """Its chance to be right after the verdicts on others."""
    right = candidate.estimate.right_prob
    return sigmoid(logit(right) + difficulty_shift(candidate.mind, seen)) if seen else right


def exclusion(candidate: Candidate, features: Features, limits: Limits, *, named: bool = False) -> str:
    """Why the candidate is no option for the request; empty if it is one.

    A reasoner that was asked for by name is held only to what it can do at all, and to being ready before the deadline.
    What it may just hold, tokens being counted roughly, is for itself to say then.
    """
    abilities = candidate.abilities
    if features.needs and (missing := lacking(abilities, features)):
        return f"cannot take {', '.join(missing)}"
    if features.prompt_tokens >= abilities.context_tokens and (not named or too_long(abilities, features)):
        return f"holds {abilities.context_tokens} tokens, the request has about {features.prompt_tokens}"
    if candidate.down:
        return f"down: {candidate.down}"
    if candidate.ready_in_s > limits.left_s:
        return f"not ready: {candidate.note or 'loading'}" if candidate.ready_in_s else "no time is left"
    if features.max_tokens is not None and features.max_tokens < abilities.least_tokens and not named:
        return f"needs {abilities.least_tokens} tokens, max_tokens is {features.max_tokens}"
    return "" if named else _should_not(abilities, candidate.estimate, features, limits)


def too_long(abilities: Abilities, features: Features) -> bool:
    """Whether it surely does not hold the request."""
    return features.prompt_tokens >= _TOKENS_OFF * abilities.context_tokens


def _should_not(abilities: Abilities, e: Estimate, features: Features, limits: Limits) -> str:
    if abilities.short_only and not features.short:
        return "only for questions with a short checkable answer, in a form that no instructions bind"
    if abilities.schema_only and "json_schema" not in features.needs:
        return "only where a JSON schema is asked for"
    if abilities.tasks and features.task not in abilities.tasks:
        return f"only for {', '.join(sorted(abilities.tasks))}"
    if limits.left_usd is not None and e.usd > (left_usd := max(limits.left_usd, 0.0)):
        return f"would cost about {e.usd:.6f} USD, {left_usd:.6f} left"
    needed_s = e.wait_s + e.p90_s
    if needed_s > limits.left_s:
        return f"may need {_short(needed_s)} s, {_short(max(limits.left_s, 0.0))} s left"
    return ""


def _short(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f}"
    return f"{seconds:.2g}" if seconds >= 0.001 or not seconds else "less than 0.001"


def lacking(abilities: Abilities, features: Features) -> list[str]:
    return sorted(need for need in features.needs if not getattr(abilities, need))


def sort_options(options: Iterable[Option]) -> tuple[Option, ...]:
    """Best first, the excluded last; for people."""
    return tuple(sorted(options, key=lambda o: (o.reserve is None, -(o.reserve or 0.0), o.reasoner)))


class Seen(Struct, frozen=True):
    """A verdict so far: by whose mind, and the chance of being right that was expected and that was found."""

    mind: str
    expected_prob: float
    found_prob: float


def difficulty_shift(mind: str, seen: Sequence[Seen]) -> float:
    """Log-odds by which the estimate of a reasoner of `mind` moves after the verdicts on others.

    That another is known to be right, not wrong, is worth a factor psi of one's odds (Plackett 1965); a verdict that
    moved the other's chance by m has told m of that, so that the shift is ln(psi) m to first order. It has a bound, as
    it must: the surest verdict tells no more than whether the other is right. ln(psi) is 4 times the correlation where
    chances are even. Of several verdicts each counts by what it adds: c' C^-1 m, with the correlations above. Two that
    say the same count for little more than one."""
    moves = [LOG_ODDS * (one.found_prob - one.expected_prob) for one in seen]
    if len(moves) > 1:
        together = [[_shared(one.mind, other.mind) for other in seen] for one in seen]
        for i, row in enumerate(together):
            row[i] = 1.0
        moves = _solve(together, moves)
    return sum(_shared(mind, one.mind) * move for one, move in zip(seen, moves, strict=True))


def _shared(mind: str, other: str) -> float:
    return SAME_MIND if mind == other else SHARED_DIFFICULTY


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """x with matrix x = right, by elimination; the matrix is positive definite, so that no pivot is 0."""
    n = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for row in rows[i + 1 :]:
            factor = row[i] / pivot[i]
            for j in range(i, n + 1):
                row[j] -= factor * pivot[j]
    for i in reversed(range(n)):
        known = sum(rows[i][j] * rows[j][n] for j in range(i + 1, n))
        rows[i][n] = (rows[i][n] - known) / rows[i][i]
    return [row[n] for row in rows]
