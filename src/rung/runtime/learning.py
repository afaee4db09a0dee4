"""What feedback says of the reasoners, and what is therefore expected of them on the next question."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from math import hypot

import structlog
from msgspec import Struct
from msgspec.structs import replace

from rung.errors import LedgerError
from rung.estimators.online import HALF_LIFE, KEPT, Offsets, Outcome, forget, forgotten_now, offsets
from rung.ledger import Graded, Ledger
from rung.odds import logit, sigmoid
from rung.reasoners.wording import question_of
from rung.routing import Profile, Speed, estimate
from rung.runtime.nearest import PastQuestion, nearest, past_of, with_new
from rung.telemetry import Metrics
from rung.types import Correction, Decision, Estimate, Features, Past, Request
from rung.verdicts.trust import Scored, Trust, trust

_log = structlog.get_logger(__name__)
_AT_ONCE = Speed(wait_s=0.0, first_s=0.0, prompt_s_per_token=0.0, completion_s_per_token=0.0)
# Scored questions among which the nearest are looked for, while requests wait.
_QUESTIONS = 500
# Outcomes over KEPT before the oldest are dropped, all at once.
_SLACK = KEPT // 4
# A reasoner's decisions that are looked at when all is read again.
_LATEST = KEPT + _SLACK


class Bases(Struct, frozen=True):
    """What is expected of reasoners before any outcome moves it: by their profiles, or by an artefact, which `origins`
    names for the reasoners that it knows."""

    profiles: Mapping[str, Profile]
    origins: Mapping[str, str] = {}

    def outcome(self, graded: Graded) -> tuple[str, Outcome] | None:
        """Whose answer was scored, and what that says; None where it says nothing of what serves now.

        A profile may have changed since: what it expects is asked again. What an artefact expected of a question stands
        in the decision, and says nothing beside another artefact, which may have been made from the same outcome.
        """
        decision = graded.decision
        name, features, e = decision.answered_by, decision.features, _estimate_of(decision)
        if name is None or features is None or e is None or decision.right_prob is None:
            return None
        # A solver knows itself which questions it can answer.
        if not self.is_current(name, e) or self.profiles[name].kind == "symbolic":
            return None
        return name, Outcome(
            task=features.task,
            base=logit(self.today(name, features, e).right_prob),
            evidence=logit(decision.right_prob) - logit(e.right_prob),
            score=graded.score,
            trust=_trust_of(decision),
            source=e.source,
        )

    def is_current(self, name: str, then: Estimate) -> bool:
        """Whether the reasoner serves now, and the estimate is by what is known of it now; a solver's always is."""
        profile = self.profiles.get(name)
        return profile is not None and (profile.kind == "symbolic" or then.origin == self.origins.get(name, ""))

    def today(self, name: str, features: Features, then: Estimate) -> Estimate:
        """What was expected of a question, before outcomes moved it, with a profile's part as it is today."""
        base = then.correction.base_prob if then.correction else then.right_prob
        profile = self.profiles.get(name)
        if profile is not None and not then.origin:
            base = estimate(profile, features, _AT_ONCE).right_prob
        return replace(then, right_prob=base, correction=None)


def corrected(known: Mapping[str, Offsets], name: str, task: str, expected: Estimate) -> Estimate:
    """The estimate, moved by what outcomes say of its reasoner."""
    of = known.get(name)
    if of is None:
        return expected
    offset, base = of.on(task), expected.right_prob
    right = sigmoid(logit(base) + offset.believed)
    # How sure the base is of this question, which outcomes of others do not tell, and how sure they are of theirs.
    own_sd = expected.right_sd / (base * (1 - base)) if expected.right_sd else 0.0
    return replace(
        expected,
        right_prob=right,
        right_sd=right * (1 - right) * hypot(own_sd, offset.believed_sd),
        correction=Correction(base_prob=base, outcomes=of.outcomes, forgotten=of.forgotten),
    )


def _estimate_of(decision: Decision) -> Estimate | None:
    return next((option.estimate for option in decision.options if option.reasoner == decision.answered_by), None)


def _trust_of(decision: Decision) -> float:
    """The trust by which the served answer's evidence was scaled."""
    verdicts = [step.verdict for step in decision.steps if step.reasoner == decision.answered_by and step.verdict]
    return verdicts[-1].signals.get("trust", 1.0) if verdicts else 1.0


class Heard:
    """All that counts of what was heard: by reasoner, its outcomes by their decisions' places, oldest first, however
    late they were told."""

    def __init__(self, bases: Bases) -> None:
        self.bases = bases
        self.seq = 0
        self.offsets: Mapping[str, Offsets] = {}
        self.trusts: Mapping[str, Trust] = {}
        self.questions: tuple[PastQuestion, ...] = ()
        self._outcomes: dict[str, dict[int, Outcome]] = {}
        self._forgotten: dict[str, int] = {}
        # The place of the last that was dropped.
        self._dropped: dict[str, int] = {}

    def take(self, graded: Iterable[Graded], changed: Callable[[str, int], None] | None = None) -> None:
        """Heavy where much is said at once. `changed` is told of a reasoner that seems to have changed, and how many of
        its outcomes were forgotten for that."""
        touched, seen = set(), []
        for one in graded:
            if (past := past_of(one)) is not None:
                seen.append(past)
            self.seq = max(self.seq, one.seq)
            if (found := self.bases.outcome(one)) is not None:
                name, outcome = found
                touched.add(name)
                self._put(name, one.begun, outcome, changed)
        fresh = {name: offsets(self._list(name), self._forgotten.get(name, 0)) for name in touched}
        self.offsets = {**self.offsets, **fresh}
        self.questions = with_new(self.questions, seen, _QUESTIONS)
        self.trusts = {**self.trusts, **{name: self._trust(name) for name in touched}}

    def _put(self, name: str, begun: int, outcome: Outcome, changed: Callable[[str, int], None] | None) -> None:
        kept = self._outcomes.setdefault(name, {})
        if begun in kept:  # said again, of the same answer
            kept[begun] = outcome
            if self._forgotten.get(name):
                self._forgotten[name] = forgotten_now(self._list(name))
            return
        if begun <= self._dropped.get(name, 0):
            return
        late = begun < next(reversed(kept), 0)
        kept[begun] = outcome
        if late:
            kept = self._outcomes[name] = dict(sorted(kept.items()))
            if sum(place < begun for place in kept) < self._forgotten.get(name, 0):
                self._forgotten[name] += 1
        before = self._forgotten.get(name, 0)
        if (now := forget(self._list(name), before)) > before:
            self._forgotten[name] = now
            if changed is not None:
                changed(name, now - before)
        if len(kept) > KEPT + _SLACK:
            for old in list(islice(kept, len(kept) - KEPT)):
                del kept[old]
                self._dropped[name] = old
            self._forgotten[name] = max(0, self._forgotten.get(name, 0) - _SLACK - 1)

    def _trust(self, name: str) -> Trust:
        counted = self._list(name)[self._forgotten.get(name, 0) :]
        return trust(
            [Scored(task=o.task, base=o.base, evidence=o.evidence / o.trust, score=o.score) for o in counted],
            half_life=HALF_LIFE,
        )

    def _list(self, name: str) -> list[Outcome]:
        return list(self._outcomes[name].values())


class Learning:
    """Owns what is learned while serving. It all follows from the ledger, so that a restart changes nothing.

    `correct` and `trust` are asked for each rung and each answer, and read only what is swapped whole; the rest is done
    in a thread, by one at a time.
    """

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._heard = Heard(Bases({}))
        self._offsets: Mapping[str, Offsets] = {}
        self._trusts: Mapping[str, Trust] = {}
        self._one_at_a_time = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    def correct(self, name: str, features: Features, expected: Estimate) -> Estimate:
        """The estimate, moved by what outcomes say of the reasoner."""
        return corrected(self._offsets, name, features.task, expected) if self._offsets else expected

    def trust(self, name: str, task: str) -> float:
        """How far to go by what is seen of the reasoner's answers."""
        of = self._trusts.get(name)
        return of.on(task) if of is not None else 1.0

    def nearest(self, request: Request, features: Features) -> tuple[Past, ...]:
        """The scored questions of the same tenant that are most like the one that is asked. Milliseconds."""
        own = (one for one in self._heard.questions if one.tenant == request.tenant)
        return nearest(question_of(request.body), features, own)

    async def hear(self) -> None:
        """Takes in what was said since it was last called; the next estimate knows of it. What cannot be read now is
        said in the log, and taken in the next time. Goes on to its end if who waits for it is cancelled."""
        task = asyncio.create_task(self._hear())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)

    async def _hear(self) -> None:
        async with self._one_at_a_time:
            before = self._heard
            heard = await self._taken(before)
            if self._heard is before:  # no other serves since
                self.serve(heard)

    async def rebased(self, bases: Bases) -> Heard:
        """What was said, held against `bases`: all is read again where they are others than now, as at the start. What
        serves stays until `serve`, and goes on to hear."""
        return self._heard if bases == self._heard.bases else await self._taken(Heard(bases))

    def serve(self, heard: Heard) -> None:
        """The next estimate is by this."""
        self._heard, self._offsets, self._trusts = heard, heard.offsets, heard.trusts
        self._metrics.outcomes.learned({name: (of.common.believed, of.outcomes) for name, of in heard.offsets.items()})

    async def _taken(self, heard: Heard) -> Heard:
        """With what was said since."""
        try:
            graded = await self._ledger.graded(after=heard.seq, latest=_LATEST)
        except LedgerError as error:
            _log.warning("outcomes not learned from yet", problem=error.message)
            return heard
        if any(one.seq <= heard.seq for one in graded):  # the ledger was begun anew
            heard = Heard(heard.bases)
        # At a start, what changed is long known.
        told = self._changed if heard.seq else None
        await asyncio.to_thread(heard.take, graded, told)
        return heard

    def _changed(self, name: str, forgotten: int) -> None:
        _log.warning("a reasoner seems to have changed", reasoner=name, outcomes_forgotten=forgotten)
        self._metrics.outcomes.changed(name)
