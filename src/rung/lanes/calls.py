"""A lane's calls under way, each from its permit to its end: read, made a second time, given up."""

from math import inf
from typing import Protocol

from rung.clock import Clock
from rung.config.lanes import Lanes
from rung.errors import Disconnected, RateLimited, ReasonerError, TimedOut, Unavailable, Upstream
from rung.lanes.budget import Budget
from rung.lanes.hedge import Hedge, Late, may_run_twice
from rung.lanes.queue import Ticket
from rung.lanes.target import Run, Target
from rung.lanes.upstreams import Upstreams
from rung.types import Call, Chunk


class Host(Protocol):
    """The lane, as its calls see it."""

    @property
    def idle(self) -> bool:
        """Whether a place is free that nobody waits for."""

    def begin(self, ticket: Ticket, target: Target, call: Call) -> Run:
        """Takes a place and calls `target`."""

    def answered(self, run: Run) -> None:
        """A call came to its end."""

    def failed(self) -> None:
        """A call did not: its upstream may be left alone from now on."""


class Calls:
    """Retries and hedges (`twice`: may there be any?) are within budgets: for each call that begins, shares of one."""

    def __init__(self, host: Host, upstreams: Upstreams, clock: Clock, bounds: Lanes, *, twice: bool) -> None:
        self.retried = 0
        self.hedged = 0
        # Those that may end as lost.
        self.silent: set[Hedge] = set()
        self._host = host
        self._upstreams = upstreams
        self._now = clock.monotonic
        self._bounds = bounds.hedge
        self._twice = twice
        self._retries = Budget(bounds.retry.share)
        self._hedges = Budget(bounds.hedge.share if twice else 0.0)
        self._late: dict[bool, Late] = {}

    async def first(self, runs: list[Run]) -> tuple[Run, Chunk | None]:
        """The call that answers, and its first chunk: of another upstream where one failed before it said anything, or
        was slow to. `runs` has the call that was begun; every other one that is made is added."""
        self._retries.earned()
        self._hedges.earned()
        while True:
            run = runs[-1]
            try:
                after_s = self._hedge_after_s(run)
                if after_s is None:
                    return run, await self.next(run)
                start, patience = lambda: self._second(runs), lambda: self._patience_s(runs)
                return await Hedge(self.next, start, patience, after_s, self.silent).race(run)
            except ReasonerError as error:
                again = self._again(run, error, first=len(runs) == 1)
                if again is None:
                    raise
                if not run.ended:
                    await self.give_up(run)
                runs.append(again)

    async def next(self, run: Run) -> Chunk | None:
        """The next chunk; None at the end. Raises what the upstream raises."""
        try:
            chunk = await anext(run.chunks, None)
        except ReasonerError as error:
            run.failed(error)
            self._host.failed()
            raise
        if chunk is None:
            run.answered()
            self._host.answered(run)
            if self._twice and run.watch.first_s is not None and run.permit.ticket.service_s > 0:
                self._spoke_after(run, run.after_s + run.watch.first_s)
        else:
            run.saw(chunk)
        return chunk

    async def give_up(self, run: Run) -> None:
        """Stops a call that is left before its end. A probe that was taken for lost says what is usual, too: else what
        has become slow for good would be taken for lost for ever."""
        watch, lost_s, silent_s = run.watch, self._lost_after_s(run), self._now() - run.watch.started_s
        await run.close(lost_s)
        if run.permit.probe and watch.first_s is None and silent_s >= lost_s:
            self._spoke_after(run, silent_s)
        self._host.failed()

    def lose_silent(self) -> None:
        for race in tuple(self.silent):
            race.lose()

    def _again(self, failed: Run, error: ReasonerError, *, first: bool) -> Run | None:
        """The same call at another upstream, or on another connection to the same, if that may help and the budget
        allows it. The place in the pool is kept while it changes over."""
        call = failed.call
        retriable = isinstance(error, Unavailable | TimedOut | RateLimited) or (
            isinstance(error, Upstream) and (error.upstream_status >= 500 or error.upstream_status in {0, 408})
        )
        if not retriable or failed.watch.first_s is not None or not may_run_twice(call):
            return None
        now_s = self._now()
        ticket = failed.permit.ticket
        same = failed.permit.target
        target = same if isinstance(error, Disconnected) else self._upstreams.pick(ticket, now_s, but=same)
        if target is None or now_s + ticket.service_s > call.deadline_s:
            return None
        # A new connection is never stale: no outage is fed by that, and after a restart all that were kept are.
        if not self._retries.spend() and not (first and isinstance(error, Disconnected)):
            return None
        failed.permit.release(pump=False)  # the place goes straight to the second
        self.retried += 1
        return self._host.begin(ticket, target, call)

    def _second(self, runs: list[Run]) -> Run | None:
        """A hedge for the last of `runs`, if a place is free that nobody waits for."""
        first, now_s = runs[-1], self._now()
        ticket = first.permit.ticket
        if first.ended or not self._host.idle:
            return None
        pick = self._upstreams.pick
        target = pick(ticket, now_s, but=first.permit.target) or pick(ticket, now_s)
        if target is None or not self._hedges.spend():
            return None
        self.hedged += 1
        second = self._host.begin(ticket, target, first.call)
        second.after_s = second.watch.started_s - first.watch.started_s
        runs.append(second)
        return second

    def _spoke_after(self, run: Run, silent_s: float) -> None:
        late = self._late.get(run.watch.stream)
        if late is None:
            late = self._late[run.watch.stream] = Late(self._bounds)
        late.seen(silent_s, run.service_s)

    def _hedge_after_s(self, run: Run) -> float | None:
        """Seconds without a word after which a second call is worth its cost."""
        late = self._late.get(run.watch.stream)
        if late is None or not may_run_twice(run.call):
            return None
        return late.after_s(run.service_s)

    def _lost_after_s(self, run: Run) -> float:
        """Seconds without a word after which a call is taken for lost; infinite where that cannot be told."""
        late = self._late.get(run.watch.stream)
        return inf if late is None else late.lost_after_s(run.service_s)

    def _patience_s(self, runs: list[Run]) -> float:
        """As many for the last of `runs`, if anybody else can be asked in its place: where a second one is silent too
        it may be the question."""
        run = runs[-1]
        if run.call.elsewhere:
            return self._lost_after_s(run)
        may = len(runs) == 1 and self._retries.left
        other = self._upstreams.pick(run.permit.ticket, self._now(), but=run.permit.target) if may else None
        return inf if other is None else self._lost_after_s(run)
