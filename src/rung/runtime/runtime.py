"""The request's way, on one page: recall, climb, commit, record."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from rung.cache import ExactCache, Flights, Kept, key_of, served_from_cache
from rung.clock import Clock, in_a_task
from rung.errors import DeadlineExceeded, RungError
from rung.ledger import Ledger, RecordedText
from rung.reasoners.base import spell
from rung.runtime.climb import Climb
from rung.runtime.judge import Judge
from rung.runtime.ladder import Ladder, Rung
from rung.runtime.learning import Learning
from rung.runtime.plan import Plan, decision_of, limits_of, make_plan, preset_of, with_trial
from rung.telemetry import Metrics
from rung.types import (
    Answer,
    Commit,
    Decision,
    Event,
    Expected,
    Feedback,
    LaneStats,
    Preset,
    Readiness,
    ReasonerInfo,
    Reply,
    Request,
    Streaming,
)
from rung.verdicts import Verify

# A score below says that the answer was wrong.
_WRONG = 0.5
_GONE = "the client went away"


class Stores(Struct, frozen=True, kw_only=True):
    """What outlives a reload. `flights` joins requests that are the same while the first is being answered; without
    `learning`, feedback is kept and moves no estimate."""

    cache: ExactCache
    flights: Flights[Event]
    ledger: Ledger
    metrics: Metrics
    learning: Learning | None = None


class Policy(Struct, frozen=True, kw_only=True):
    """What a config decides beside the ladder. `epoch` changes whenever an old answer should not be served again.
    `most_loss` is what trying another rung may cost a request, as a share of a right answer's value; `draw` gives
    numbers in 0..1. `judge` is one of the ladder's, if there is any."""

    epoch: str
    preset: Preset
    keep_text: bool
    most_loss: float = 0.0
    draw: Callable[[], float] = lambda: 1.0
    streaming: Streaming = "held"
    judge: Judge | None = None


class _Way:
    """A request while it is being answered. Whatever ends it, `left` is told, with the error if it is one. `key` is
    empty where no other answer may serve; `climbs` are its own: none where it shares another's."""

    def __init__(self, request: Request, left: Callable[["_Way", BaseException | None], None]) -> None:
        self.request = request
        self.key = b""
        self.climbs: list[Climb] = []
        self.decision: Decision | None = None
        self.answer: Answer | None = None
        self._left = left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self._left(self, error)


class Runtime:
    def __init__(self, ladder: Ladder, stores: Stores, policy: Policy, verify: Verify, clock: Clock) -> None:
        self._ladder = ladder
        self._stores = stores
        self._policy = policy
        self._verify = verify
        self._clock = clock
        self._in_flight = 0
        self.unused = asyncio.Event()
        self.unused.set()

    async def run(self, request: Request) -> AsyncGenerator[Event, None]:
        """One Commit, then the answer's chunks if the request streams, then one Reply.

        Raises RungError: before the Commit nothing was answered, after it a live stream broke. Closing the iterator
        stops all work at once, unless another request waits for the same answer.
        """
        with self._let_in(request) as way:
            kept = self._recall(way)
            if kept is not None:
                commit, reply = self._recalled(way, kept)
                yield commit
                for chunk in spell(reply.answer) if request.stream else ():
                    yield chunk
                yield reply
                return
            learned = await self._ladder.expected(request.body)
            if not way.key:
                await in_a_task()
            begun = False
            while True:
                try:
                    async with aclosing(self._work(way, learned)) as events:
                        async for event in events:
                            begun = True
                            yield self._seen(way, event)
                except DeadlineExceeded:
                    if begun or not self._has_longer(way):
                        raise
                else:
                    return

    async def whole(self, request: Request) -> tuple[Commit, Reply]:
        """The Commit and the Reply that `run` gives of a request that does not stream, with fewer steps between."""
        with self._let_in(request) as way:
            kept = self._recall(way)
            if kept is not None:
                return self._recalled(way, kept)
            learned = await self._ladder.expected(request.body)
            if way.key:
                flights = self._stores.flights
                events: Sequence[Event] = ()
                while not events:
                    try:
                        events = await flights.all_of(
                            self._flight(way), lambda: self._climb(request, way.climbs, learned)
                        )
                    except DeadlineExceeded:
                        if not self._has_longer(way):
                            raise
            else:
                await in_a_task()
                async with aclosing(self._climb(request, way.climbs, learned)) as work:
                    events = [event async for event in work]
            first, last = events
            commit, reply = self._seen(way, first), self._seen(way, last)
            assert isinstance(commit, Commit)
            assert isinstance(reply, Reply)
            return commit, reply

    def _work(self, way: "_Way", learned: Mapping[str, Expected]) -> AsyncGenerator[Event, None]:
        def start() -> AsyncGenerator[Event, None]:
            return self._climb(way.request, way.climbs, learned)

        return self._stores.flights.join(self._flight(way), start) if way.key else start()

    def _has_longer(self, way: "_Way") -> bool:
        """Whether it was another's deadline that passed, while this request has time to ask anew."""
        return not way.climbs and way.request.deadline_s > self._clock.monotonic()

    def _recall(self, way: "_Way") -> Kept | None:
        use = way.request.wishes.cache
        if use != "off":
            way.key = key_of(way.request, self._policy.epoch)
        kept = self._stores.cache.get(way.key) if use == "use" else None
        if kept is not None and kept.without and not all(map(self._ladder.is_down, kept.without)):
            return None
        return kept

    def _flight(self, way: "_Way") -> Hashable:
        """What requests must have in common to share one climb."""
        request, wishes = way.request, way.request.wishes
        # Another runtime's work ends with its own requests, and so do the leaves that a reload took from it.
        return (
            *(self, way.key, wishes.deadline_ms, wishes.max_usd, wishes.priority),
            *(wishes.cache, request.stream, wishes.streaming),
        )

    def _climb(
        self, request: Request, climbs: list[Climb], learned: Mapping[str, Expected]
    ) -> AsyncGenerator[Event, None]:
        plan = self._plan(request, learned)
        if self._policy.most_loss and request.wishes.min_quality is None:
            plan = with_trial(plan, self._policy.most_loss, self._policy.draw(), limits_of(request, self._clock))
        climb = Climb(request, plan, self._ladder, self._verify, self._clock, self._policy.judge)
        climbs.append(climb)
        return climb.events()

    def _plan(self, request: Request, learned: Mapping[str, Expected]) -> Plan:
        policy = self._policy
        return make_plan(request, self._ladder, self._clock, policy.preset, policy.streaming, learned)

    def _recalled(self, way: "_Way", kept: Kept, reasoner_s: float = 0.0) -> tuple[Commit, Reply]:
        """What a request sees of an answer that another's climb gave: the same, at no further cost. `reasoner_s` is
        what reasoners took for that while it may have waited."""
        request, answer = way.request, served_from_cache(kept.answer)
        total_s = self._clock.monotonic() - request.arrived_s
        way.answer = answer
        way.decision = Decision(
            id=request.id,
            model=request.model,
            preset=preset_of(request, self._policy.preset),
            answered_by=answer.reasoner,
            quality_reached=kept.quality_reached,
            cache="exact",
            usage=answer.usage,
            total_s=total_s,
            reasoner_s=min(reasoner_s, total_s),
        )
        commit = Commit(reasoner=answer.reasoner, cache="exact", live=False)
        return commit, Reply(answer=answer, decision=way.decision)

    def _seen(self, way: "_Way", event: Event) -> Event:
        """An event of a climb, of another's if this request has none of its own, as the request sees it."""
        if isinstance(event, Reply):
            kept = Kept(event.answer, event.decision.quality_reached)
            if not way.climbs:
                return self._recalled(way, kept, event.decision.reasoner_s)[1]
            way.decision, way.answer = event.decision, event.answer
            if way.key:
                self._keep(way, kept)
        elif not way.climbs and isinstance(event, Commit):
            return msgspec.structs.replace(event, cache="exact")
        return event

    def _keep(self, way: "_Way", kept: Kept) -> None:
        """For others who ask the same, as far as it is what they would be answered."""
        climb, cache = way.climbs[0], self._stores.cache
        if climb.settled:
            cache.put(way.key, kept)
        elif without := climb.without:
            before = cache.get(way.key)
            if before is None or before.without:  # else those that are down had their say
                cache.put(way.key, msgspec.structs.replace(kept, without=without))

    def _let_in(self, request: Request) -> "_Way":
        if not self._in_flight:
            self.unused.clear()
        self._in_flight += 1
        return _Way(request, self._left)

    def _left(self, way: "_Way", error: BaseException | None) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self.unused.set()
        if way.key and way.answer is not None:
            self._stores.cache.served(way.request.id, way.key)
        if error is not None and self._goes_on(way, error):
            return
        self._record(way, self._decided(way, error))

    def _goes_on(self, way: "_Way", error: BaseException) -> bool:
        """Whether others wait for what this request began before it left: it is recorded once that has ended, since
        what is spent until then is spent on no other's account."""
        if not way.climbs or way.answer is not None or not isinstance(error, asyncio.CancelledError | GeneratorExit):
            return False

        def ended(events: Sequence[Event]) -> None:
            climb, last = way.climbs[0], events[-1] if events else None
            if isinstance(last, Reply) and last.decision.id == way.request.id:
                self._keep(way, Kept(last.answer, last.decision.quality_reached))
            self._record(way, climb.decision(error=_GONE))

        return bool(way.key) and self._stores.flights.when_ended(self._flight(way), ended)

    def _record(self, way: "_Way", decision: Decision) -> None:
        request, text = way.request, None
        if self._policy.keep_text:
            text = RecordedText(question=request.body, answer=way.answer.text if way.answer else "")
        self._stores.ledger.record(decision, tenant=request.tenant, text=text)
        self._stores.metrics.observe(decision)

    def _decided(self, way: "_Way", error: BaseException | None) -> Decision:
        """What is recorded of a request that ended with `error`, if with one."""
        if isinstance(error, RungError):
            why = error.message or type(error).__name__
        elif way.decision is not None:
            return way.decision
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            why = _GONE
        else:
            why = "cancelled"
        if way.climbs:
            return way.climbs[0].decision(error=why)
        request, total_s = way.request, self._clock.monotonic() - way.request.arrived_s
        preset = preset_of(request, self._policy.preset)
        return Decision(id=request.id, model=request.model, preset=preset, error=why, total_s=total_s)

    async def explain(self, request: Request) -> Decision:
        """The decision that would be taken now; nobody is called. Raises UnknownModel."""
        plan = self._plan(request, await self._ladder.expected(request.body))
        decision, learning = decision_of(request, plan), self._stores.learning
        if learning is None:
            return decision
        return msgspec.structs.replace(decision, nearest=learning.nearest(request, plan.features))

    async def feedback(self, feedback: Feedback) -> None:
        """Durable on return, and known to the next decision; an answer that was wrong is not served to who asks the
        same again. Raises UnknownDecision and LedgerError."""
        await self._stores.ledger.feedback(feedback)
        if feedback.score < _WRONG:
            self._stores.cache.retract(feedback.decision_id)
        if self._stores.learning is not None:
            await self._stores.learning.hear()

    def rung(self, name: str) -> Rung:
        """One of the ladder's, to be asked alone. Raises UnknownModel."""
        return self._ladder.asked_for(name)[0]

    def reasoners(self) -> tuple[ReasonerInfo, ...]:
        return self._ladder.listing()

    def lanes(self) -> tuple[LaneStats, ...]:
        return self._ladder.lanes()

    def readiness(self) -> Readiness:
        listed = self._ladder.listing()
        problems = []
        # A rung that is cold gives its memory to another, and is loaded when it is asked for.
        if not any(r.general and r.state in {"warm", "cold"} for r in listed):
            states = "; ".join(f"{r.name}: {r.note or r.state}" for r in listed if r.general)
            none = "the ladder has none: add a model or an endpoint, or say `general: true` of a function of your own"
            problems.append(f"no rung that takes any question is warm ({states or none})")
        if self._stores.ledger.problem:
            problems.append(self._stores.ledger.problem)
        loading = tuple(f"{r.name}: {r.note or r.state}" for r in listed if r.state == "loading")
        return Readiness(ready=not problems, problems=tuple(problems), loading=loading)
