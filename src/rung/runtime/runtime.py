"""The request's way, on one page: recall, climb, commit, record."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec
from msgspec import Struct

from rung.cache import ExactCache, Flights, key_of, served_from_cache
from rung.clock import Clock
from rung.errors import RungError
from rung.ledger import Ledger, RecordedText
from rung.reasoners.base import spell
from rung.runtime.climb import Climb, Event, Verify
from rung.runtime.ladder import Ladder, Rung
from rung.runtime.learning import Learning
from rung.runtime.plan import Plan, decision_of, make_plan, with_trial
from rung.telemetry import Metrics
from rung.types import (
    Answer,
    Commit,
    Decision,
    Feedback,
    LaneStats,
    Preset,
    Readiness,
    ReasonerInfo,
    Reply,
    Request,
    Streaming,
)


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
    numbers in 0..1."""

    epoch: str
    preset: Preset
    keep_text: bool
    most_loss: float = 0.0
    draw: Callable[[], float] = lambda: 1.0
    streaming: Streaming = "held"


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
        decision = Decision(id=request.id, model=request.model, preset=self._policy.preset, error="cancelled")
        answer: Answer | None = None
        climbs: list[Climb] = []
        self._in_flight += 1
        self.unused.clear()
        try:
            use = request.wishes.cache
            key = key_of(request, self._policy.epoch) if use != "off" else b""
            hit = self._stores.cache.get(key) if use == "use" else None
            if hit is not None:
                for event in self._replay(request, hit):
                    if isinstance(event, Reply):
                        decision, answer = event.decision, event.answer
                    yield event
                return
            async with aclosing(self._work(request, key, climbs)) as events:
                async for event in events:
                    seen = event if climbs else self._followed(request, event)
                    if isinstance(seen, Reply):
                        decision, answer = seen.decision, seen.answer
                        if key and climbs and climbs[0].settled:
                            self._stores.cache.put(key, answer)
                    yield seen
        except RungError as error:
            decision = self._ended(request, climbs, error.message or type(error).__name__)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if answer is None:
                decision = self._ended(request, climbs, "the client went away")
            raise
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self.unused.set()
            self._record(request, decision, answer)

    def _work(self, request: Request, key: bytes, climbs: list[Climb]) -> AsyncGenerator[Event, None]:
        """A climb of the request's own, or, with a key, one that it shares with those that ask the same meanwhile."""
        if not key:
            return self._climb(request, climbs)
        wishes = request.wishes
        # Another runtime's work ends with its own requests, and so do the leaves that a reload took from it.
        flight = (
            *(self, key, wishes.deadline_ms, wishes.max_usd, wishes.priority),
            *(wishes.cache, request.stream, wishes.streaming),
        )
        return self._stores.flights.join(flight, lambda: self._climb(request, climbs))

    def _climb(self, request: Request, climbs: list[Climb]) -> AsyncGenerator[Event, None]:
        plan = self._plan(request)
        if self._policy.most_loss and request.wishes.min_quality is None:
            plan = with_trial(plan, self._policy.most_loss, self._policy.draw())
        climb = Climb(request, plan, self._ladder, self._verify, self._clock)
        climbs.append(climb)
        return climb.events()

    def _plan(self, request: Request) -> Plan:
        return make_plan(request, self._ladder, self._clock, self._policy.preset, self._policy.streaming)

    def _replay(self, request: Request, kept: Answer) -> list[Event]:
        answer = served_from_cache(kept)
        events: list[Event] = [Commit(reasoner=answer.reasoner, cache="exact", live=False)]
        if request.stream:
            events.extend(spell(answer))
        return [*events, Reply(answer=answer, decision=self._recalled(request, answer))]

    def _followed(self, request: Request, event: Event) -> Event:
        """What a request that joined another's climb sees of it: the same answer, at no further cost."""
        if isinstance(event, Commit):
            return msgspec.structs.replace(event, cache="exact")
        if isinstance(event, Reply):
            answer = served_from_cache(event.answer)
            return Reply(answer=answer, decision=self._recalled(request, answer))
        return event

    def _recalled(self, request: Request, answer: Answer) -> Decision:
        return Decision(
            id=request.id,
            model=request.model,
            preset=self._policy.preset,
            answered_by=answer.reasoner,
            cache="exact",
            usage=answer.usage,
            total_s=self._clock.monotonic() - request.arrived_s,
        )

    def _ended(self, request: Request, climbs: list[Climb], why: str) -> Decision:
        if climbs:
            return climbs[0].decision(error=why)
        total_s = self._clock.monotonic() - request.arrived_s
        return Decision(id=request.id, model=request.model, preset=self._policy.preset, error=why, total_s=total_s)

    def _record(self, request: Request, decision: Decision, answer: Answer | None) -> None:
        text = None
        if self._policy.keep_text:
            text = RecordedText(question=request.body, answer=answer.text if answer else "")
        self._stores.ledger.record(decision, tenant=request.tenant, text=text)
        self._stores.metrics.observe(decision)

    def explain(self, request: Request) -> Decision:
        """The decision that would be taken now; nobody is called. Raises UnknownModel."""
        plan = self._plan(request)
        decision, learning = decision_of(request, plan), self._stores.learning
        if learning is None:
            return decision
        return msgspec.structs.replace(decision, nearest=learning.nearest(request, plan.features))

    async def feedback(self, feedback: Feedback) -> None:
        """Durable on return, and known to the next decision. Raises UnknownDecision and LedgerError."""
        await self._stores.ledger.feedback(feedback)
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
            problems.append(f"no general rung is warm ({states or 'there is none'})")
        if self._stores.ledger.problem:
            problems.append(f"the ledger cannot write: {self._stores.ledger.problem}")
        loading = tuple(f"{r.name}: {r.note or r.state}" for r in listed if r.state == "loading")
        return Readiness(ready=not problems, problems=tuple(problems), loading=loading)
