"""The way into one reasoner: door, queue, permit, call."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from math import inf
from random import Random

from msgspec import Struct

from rung.clock import Clock
from rung.config.lanes import Lanes
from rung.errors import Overloaded, ReasonerError, TimedOut, Unavailable
from rung.lanes.calls import Calls
from rung.lanes.congestion import Price
from rung.lanes.intime import InTime, Soonest
from rung.lanes.lookout import Lookout
from rung.lanes.pace import Pace
from rung.lanes.pool import Pool
from rung.lanes.queue import Queue, Rank, Ticket
from rung.lanes.reading import short_first
from rung.lanes.shed import Throttle
from rung.lanes.target import Permit, Run, Target
from rung.lanes.upstreams import Upstreams
from rung.reasoners.base import Below, Reasoner, Status
from rung.types import CRITICAL, INTERACTIVE, Call, Chunk, LaneStats

# What a call takes of which nothing is predicted, until some were seen.
_GUESSED_TOKENS = 256.0


class Setup(Struct, frozen=True, kw_only=True):
    """What makes lanes differ. `upstreams` are where its calls go, the reasoner itself if there are none; `most`
    bounds the adaptive limit of each (None: only the pool bounds it). `weight` is its share of the pool. `shared`:
    calls side by side share one processor, so that each is slower, and prompts are read in an order of the lane's
    choice. `twice`: a call may be made a second time, for a hedge. `slots` are what a model takes at once, through
    whichever lane; `wake` tells it while it is cold, again and again, that calls wait for it."""

    pool: Pool
    pace: Pace
    bounds: Lanes = Lanes()
    upstreams: Mapping[str, Below] = {}
    most: int | None = None
    weight: float = 1.0
    shared: bool = False
    twice: bool = False
    slots: int | None = None
    wake: Callable[[], None] | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """How a new call would fare: the reasoner's status as its upstreams leave it, seconds to wait for those ahead, and
    until one that comes back instead has its turn, the pace and by how much those at its side slow it, and USD for a
    second of one of its places."""

    status: Status
    wait_s: float
    back_s: float
    pace: Pace
    slowdown: float
    congestion: float


class Lane:
    """Lets a leaf's calls through in their order, as many at once as it takes, and learns its pace.

    Composites have none: one that held a permit while it waited for the calls it makes would deadlock its pool.
    """

    def __init__(self, reasoner: Reasoner, setup: Setup, clock: Clock, rng: Random) -> None:
        self.reasoner = reasoner
        self.pool = setup.pool
        self.wake = setup.wake
        self._setup = setup
        self._clock = clock
        self._now = clock.monotonic
        self._bounds = setup.bounds
        upstreams = setup.upstreams or {reasoner.name: reasoner.answer}
        targets = [Target(name, answer, setup.pace, setup.bounds, setup.most) for name, answer in upstreams.items()]
        self._upstreams = Upstreams(targets, rng, None if setup.slots is None else self._slot_free)
        self._only = self._upstreams.only
        self._open = self._upstreams.open
        self._calls = Calls(self, self._upstreams, clock, setup.bounds, twice=setup.twice)
        self._queue = Queue(setup.bounds.queue)
        self._throttle = Throttle(setup.bounds.shed, rng)
        self._price = Price(setup.bounds.congestion)
        self._mean_s = 0.0
        self._mean_tokens = _GUESSED_TOKENS
        self._in_time = InTime()
        self._soonest = Soonest()
        self._lookout = Lookout(reasoner, self._queue, self.pool.pump, self._turn_away, setup.wake)
        self._counts = dict.fromkeys(("served", "refused", "shed", "expired"), 0)
        self.pool.join(self, setup.weight)

    # What the rule is told.

    @property
    def running(self) -> int:
        return self._upstreams.running

    @property
    def waiting(self) -> int:
        return self._queue.n

    @property
    def in_use(self) -> bool:
        """Whether a call runs or waits."""
        return self._queue.n > 0 or self.running > 0

    @property
    def urgent(self) -> bool:
        """Whether a critical call waits."""
        return self._queue.waits(CRITICAL)

    @property
    def pace(self) -> Pace:
        """That of the upstream that would be done first."""
        return self._upstreams.pace(self._now())

    @property
    def slowdown(self) -> float:
        """By how much a call that starts now is slowed by those at its side."""
        return float(min(self.pool.running + 1, self.pool.capacity)) if self._setup.shared else 1.0

    @property
    def congestion(self) -> float:
        """USD for a second of one of its places."""
        return self._congestion(self._now())

    @property
    def status(self) -> Status:
        """The reasoner's, unless its upstreams are left alone, or it is only just being tried again."""
        status = self.reasoner.status
        if status.state != "warm":
            return status
        return self._upstreams.trouble(self._now(), self._usual_s) or status

    def standing(self, priority: int = INTERACTIVE, tenant: str = "", deadline_s: float = inf) -> Standing:
        """All that the rule is told of it at once."""
        now_s, only = self._now(), self._only
        free = not self._queue.n and self.pool.room and self._open(now_s)
        wait_s, back_s = (0.0, 0.0) if free else self._newcomer_waits_s(priority, tenant, deadline_s)
        return Standing(
            status=self.reasoner.status if free else self.status,
            wait_s=wait_s,
            back_s=back_s,
            pace=self.pace if only is None else only.pace,
            slowdown=self.slowdown if self._setup.shared else 1.0,
            congestion=self._congestion(now_s),
        )

    def _newcomer_waits_s(self, priority: int, tenant: str, deadline_s: float) -> tuple[float, float]:
        ticket = Ticket(
            priority=priority,
            tenant=tenant,
            deadline_s=deadline_s,
            since_s=self._now(),
            prompt_tokens=0,
            tokens=0,
            service_s=self._usual_s,
        )
        return self._waits_s(ticket)

    def stats(self) -> LaneStats:
        now_s = self._now()
        return LaneStats(
            reasoner=self.reasoner.name,
            queued=len(self._queue),
            running=self.running,
            limit=self._places(now_s),
            congestion=self._congestion(now_s),
            breakers=self._upstreams.breakers(now_s),
            hedged=self._calls.hedged,
            retried=self._calls.retried,
            **self._counts,
        )

    # The way in.

    async def call(self, call: Call) -> AsyncIterator[Chunk]:
        """The reasoner's chunks, once it is its turn. Raises what the reasoner raises; Unavailable when it is down or
        left alone; Overloaded, with the seconds after which it would have fitted, when its turn would come too late
        for the deadline; TimedOut when its deadline passes before its turn.
        """
        now_s = self._now()
        ticket = self._ticket(call, now_s)
        permit = self._admit(ticket, now_s) or await self._turn(ticket, call)
        runs = [self._run(permit, call)]
        try:
            run, chunk = await self._calls.first(runs)
            while chunk is not None:
                yield chunk
                chunk = await self._calls.next(run)
        finally:
            for run in runs:
                if run.ended:
                    run.permit.release()
                else:
                    await self._calls.give_up(run)
            self._load_changed(self._now())

    def _ticket(self, call: Call, now_s: float) -> Ticket:
        pace = self.pace if self._only is None else self._only.pace
        slowdown = self.slowdown if self._setup.shared else 1.0
        return Ticket(
            priority=call.priority,
            tenant=call.tenant,
            deadline_s=call.deadline_s,
            since_s=now_s,
            prompt_tokens=call.prompt_tokens,
            tokens=(call.prompt_tokens + call.completion_tokens) or self._mean_tokens,
            service_s=pace.seconds(call.prompt_tokens, call.completion_tokens) * slowdown,
        )

    def _admit(self, ticket: Ticket, now_s: float) -> Permit | None:
        """A permit if there is one at once; None if it may wait."""
        status = self.reasoner.status
        if status.state == "down":
            raise Unavailable(
                f"{self.reasoner.name} is down: {status.note or 'no reason known'}", retry_after_s=status.ready_in_s
            )
        target = self._upstreams.pick(ticket, now_s)
        if target is None and not self._upstreams.usable(now_s):
            raise self._left_alone(now_s)
        if self.pool.running and now_s + ticket.service_s > ticket.deadline_s:
            self._refuse_if_never_in_time(ticket, now_s)
        self._throttle.offered(ticket, now_s)
        may_read = not self.pool.reading_long or not self._is_long(ticket)
        if target is not None and status.state == "warm" and not self._queue.n and self.pool.room and may_read:
            self._queue.passed(ticket)
            self._throttle.accepted(ticket)
            return self._permit(ticket, target, now_s)
        wait_s, back_s = (waits_s + (status.ready_in_s or 0.0) for waits_s in self._waits_s(ticket))
        if self._throttle.sheds(ticket):
            self._counts["shed"] += 1
            raise Overloaded(f"{self.reasoner.name} is overloaded", retry_after_s=max(wait_s, 1.0))
        late_s = now_s + wait_s + ticket.service_s - ticket.deadline_s
        if late_s > 0 and wait_s > 0:
            self._counts["refused"] += 1
            message = f"{self.reasoner.name} would answer {late_s:.1f} s after the deadline"
            raise Overloaded(message, retry_after_s=max(late_s + back_s - wait_s, 1.0))
        return None

    def _refuse_if_never_in_time(self, ticket: Ticket, now_s: float) -> None:
        """Whose prompt alone takes longer to read than it has: by name it would slow others down until its deadline.
        Where there are none it is tried: what was kept of it, by itself or another before, cannot be told."""
        soonest_s = self._soonest.least * self.pace.seconds(ticket.prompt_tokens, 0)
        if now_s + soonest_s > ticket.deadline_s:
            self._counts["refused"] += 1
            left_s = max(ticket.deadline_s - now_s, 0.0)
            raise TimedOut(f"{self.reasoner.name} needs {soonest_s:.1f} s to read this, {left_s:.1f} s are left")

    async def _turn(self, ticket: Ticket, call: Call) -> Permit:
        """Waits in the queue for a permit; leaves it at once when the deadline passes or the caller does."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Permit] = loop.create_future()
        ticket.turn = turn
        self._push(ticket)
        timer = loop.call_later(call.patient_until_s - self._now(), self._expire, ticket)
        try:
            self._load_changed(self._now())
            self.pool.pump()
            if self.reasoner.status.state != "warm":
                self._lookout.until_warm()
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                turn.result().unused()  # its turn came in the moment it left
            raise
        finally:
            timer.cancel()
            if self._queue.remove(ticket):
                self._load_changed(self._now())

    def _push(self, ticket: Ticket) -> None:
        drain_s = (self._queue.service_s + self._usual_s) / self._places(self._now())
        try:
            displaced = self._queue.push(ticket)
        except Overloaded as full:
            self._counts["refused"] += 1
            raise Overloaded(f"{self.reasoner.name}: {full.message}", retry_after_s=max(drain_s, 1.0)) from None
        self._throttle.accepted(ticket)
        for other in displaced:
            self._counts["shed"] += 1
            self._throttle.given_up(other)
            self._refuse(other, Overloaded(f"{self.reasoner.name} is overloaded", retry_after_s=max(drain_s, 1.0)))

    def _expire(self, ticket: Ticket) -> None:
        if self._queue.remove(ticket):
            self._counts["expired"] += 1
            self._throttle.given_up(ticket)
            status = self.reasoner.status
            why = f"was not ready: {status.note or status.state}" if status.state != "warm" else "was busy"
            self._refuse(ticket, TimedOut(f"{self.reasoner.name} {why} until too late"))
            self._load_changed(self._now())

    @staticmethod
    def _refuse(ticket: Ticket, error: ReasonerError) -> None:
        if ticket.turn is not None and not ticket.turn.done():
            ticket.turn.set_exception(error)

    # What the pool asks.

    def rank(self, now_s: float) -> Rank | None:
        if not self._queue.n:
            return None
        if not self._open(now_s):
            self._lookout.until_over(self._upstreams.reopens_in_s(now_s))
            return None
        if self.reasoner.status.state != "warm":
            self._lookout.until_warm()
            return None
        return self._queue.rank(now_s)

    def start_next(self, now_s: float) -> float | None:
        while (ticket := self._queue.pop(now_s, lambda waiting: self._choose(waiting, now_s))) is not None:
            turn = ticket.turn
            assert turn is not None, "who waits has a turn"
            target = self._upstreams.pick(ticket, now_s)
            if turn.done() or target is None:
                self._queue.charge(ticket, -ticket.tokens)
                continue
            crowd = self._queue.higher_s(INTERACTIVE) > ticket.service_s * self._places(now_s)
            needed_s = self._in_time.needed(critical=ticket.priority == CRITICAL, crowd=crowd) * ticket.service_s
            if self._queue and now_s + needed_s > ticket.deadline_s:
                self._queue.charge(ticket, -ticket.tokens)
                self._counts["expired"] += 1
                self._throttle.given_up(ticket)
                late_s = now_s + needed_s - ticket.deadline_s
                message = f"{self.reasoner.name} was busy until too late"
                self._refuse(ticket, Overloaded(message, retry_after_s=max(late_s, 1.0)))
                continue
            turn.set_result(self._permit(ticket, target, now_s))
            self._served_beside(ticket, ticket.tokens)
            return ticket.service_s
        return None

    def _served_beside(self, ticket: Ticket, tokens: float) -> None:
        if self.pool.shared:
            for other in self._rivals():
                other._queue.served_beside(ticket, tokens)

    def _others(self) -> list["Lane"]:
        return [one for one in self.pool.members if one is not self and isinstance(one, Lane)]

    def _rivals(self) -> list["Lane"]:
        """Others with calls that wait for a place: those of a model that is not warm wait for that."""
        return [one for one in self._others() if one._queue.n and one.reasoner.status.state == "warm"]

    def _choose(self, waiting: Iterator[Ticket], now_s: float) -> Ticket | None:
        if not self._setup.shared:
            return next(waiting, None)
        long = float(self._bounds.long_prompt_tokens) if self.pool.reading_long else None
        return short_first(waiting, now_s, self.pool.capacity, long_tokens=long)

    def _is_long(self, ticket: Ticket) -> bool:
        return self._setup.shared and ticket.prompt_tokens >= self._bounds.long_prompt_tokens

    def _permit(self, ticket: Ticket, target: Target, now_s: float) -> Permit:
        permit = Permit(self.pool, target, ticket, long=self._setup.shared and self._is_long(ticket))
        self._load_changed(now_s)
        return permit

    # What its calls ask of it.

    @property
    def idle(self) -> bool:
        return not self._queue.n and self.pool.room

    def begin(self, ticket: Ticket, target: Target, call: Call) -> Run:
        return self._run(self._permit(ticket, target, self._now()), call)

    def answered(self, run: Run) -> None:
        now_s, watch, ticket = self._now(), run.watch, run.permit.ticket
        self._counts["served"] += 1
        took_s = now_s - watch.started_s
        if self._queue.n and ticket.service_s > 0:
            self._in_time.took(took_s / ticket.service_s)
        if self._setup.shared and watch.first_s is not None:
            self._soonest.took(watch.first_s / max(self.pace.seconds(ticket.prompt_tokens, 0), 1e-6))
        self._mean_s = took_s if self._mean_s == 0.0 else self._mean_s + 0.2 * (took_s - self._mean_s)
        if watch.usage is not None:
            tokens = watch.usage.prompt_tokens + watch.usage.completion_tokens
            self._queue.charge(ticket, tokens - ticket.tokens)
            self._served_beside(ticket, tokens - ticket.tokens)
            self._mean_tokens += 0.2 * (tokens - self._mean_tokens)

    def failed(self) -> None:
        """Those that wait for an upstream that is now left alone, or for a late word of it, had better go elsewhere."""
        now_s = self._now()
        if (self._queue or self._calls.silent) and not self._upstreams.usable(now_s):
            self._turn_away(self._left_alone(now_s))
            self._calls.lose_silent()

    def _run(self, permit: Permit, call: Call) -> Run:
        slowdown = float(min(self.pool.running, self.pool.capacity)) if self._setup.shared else 1.0
        return Run(permit, call, self._clock, slowdown=slowdown)

    # How it stands.

    def _slot_free(self) -> bool:
        slots = self._setup.slots or 0
        if self.pool.running < slots:  # no more are its model's, and every request comes by here
            return True
        beside = sum([lane.running for lane in self._others() if lane.wake == self.wake])
        return self.running + beside < slots

    def _left_alone(self, now_s: float) -> ReasonerError:
        status = self.status
        return Unavailable(f"{self.reasoner.name} is down: {status.note}", retry_after_s=status.ready_in_s)

    def _turn_away(self, error: ReasonerError) -> None:
        for ticket in list(self._queue):
            self._queue.remove(ticket)
            self._refuse(ticket, type(error)(error.message, retry_after_s=error.retry_after_s))
        self._load_changed(self._now())

    def _places(self, now_s: float) -> int:
        """How many calls may run at once."""
        room, slots = self.pool.capacity, self._setup.slots
        return self._upstreams.places(room if slots is None or slots > room else slots, now_s)

    @property
    def _usual_s(self) -> float:
        """What calls took of late; as predicted, before there were any."""
        return self._mean_s or self.pace.seconds(0, 0) * self.slowdown

    def _waits_s(self, ticket: Ticket) -> tuple[float, float]:
        """Until a place is free and those ahead are served: where it waits here, and where it comes back instead."""
        others = [(other._queue, other._setup.weight / self._setup.weight) for other in self._rivals()]
        waiting_s, back_s = self._queue.ahead_s(ticket, others)
        places = self._places(self._now())
        return (waiting_s + self._usual_s) / places, (back_s + self._usual_s) / places

    def _congestion(self, now_s: float) -> float:
        if self.pool.shared:
            self._load_changed(now_s)  # by the pool's other lanes
        return self._price.usd_per_s(now_s)

    def _load_changed(self, now_s: float) -> None:
        # A pool's load is that of all its lanes: each call puts its delay on all of them.
        n = self._queue.n + (sum([other._queue.n for other in self._rivals()]) if self.pool.shared else 0)
        self._price.load_is((self.pool.running + n) / self._places(now_s), now_s)

    async def start(self) -> None:
        await self.reasoner.start()

    async def close(self) -> None:
        """Turns away who waits, and closes the reasoner."""
        self._turn_away(Unavailable(f"{self.reasoner.name} was closed"))
        self._lookout.close()
        self.pool.leave(self)
        await self.reasoner.close()
