"""The upstreams of one lane, all alike: which of them may be called, and which is."""

from collections.abc import Callable, Sequence
from math import inf
from random import Random

from rung.lanes.pace import Pace
from rung.lanes.queue import Ticket
from rung.lanes.target import Target
from rung.reasoners.base import Status
from rung.types import BreakerState


class Upstreams:
    """`open` tells whether one may be called now: if `slot_free` says so too, where it is given. `only` is the single
    one, if there are no more."""

    def __init__(self, targets: Sequence[Target], rng: Random, slot_free: Callable[[], bool] | None = None) -> None:
        self.only = targets[0] if len(targets) == 1 else None
        # Every request asks: the shortest way to the answer.
        self.open: Callable[[float], bool] = self.only.open if self.only is not None else self._any_open
        if slot_free is not None:
            any_open = self.open
            self.open = lambda now_s: slot_free() and any_open(now_s)
        self._targets = tuple(targets)
        self._rng = rng

    @property
    def running(self) -> int:
        return sum(target.running for target in self._targets)

    def pace(self, now_s: float) -> Pace:
        """That of the upstream that would be done first."""
        if self.only is not None:
            return self.only.pace
        usable = [t for t in self._targets if t.open(now_s)] or self._targets
        return min(usable, key=lambda t: t.done_in_s(0.0)).pace

    def pick(self, ticket: Ticket, now_s: float, *, but: Target | None = None) -> Target | None:
        """Of two by chance the one that would be done first (power of two choices); None if none may be called."""
        if (only := self.only) is not None:
            return only if only is not but and self.open(now_s) else None
        usable = [t for t in self._targets if t is not but and t.open(now_s)]
        if len(usable) > 2:
            usable = self._rng.sample(usable, 2)
        return min(usable, key=lambda t: t.done_in_s(ticket.tokens), default=None)

    def places(self, room: int, now_s: float) -> int:
        """How many calls may run at once, in a pool of `room` places."""
        if self.only is not None:
            limit = self.only.limit
            return room if limit is None or limit > room else limit
        limits = [t.limit for t in self._targets if t.breaker.state(now_s) != "open"]
        bounded = sum(limit for limit in limits if limit is not None)
        return max(min(room, bounded) if bounded else room, 1)

    def usable(self, now_s: float) -> bool:
        """Whether any is not left alone, though it may be full."""
        for target in self._targets:  # noqa: SIM110  `any` takes longer, and every request comes by here
            if target.breaker.state(now_s) != "open":
                return True
        return False

    def trouble(self, now_s: float, usual_s: float) -> Status | None:
        """Why calls would rather not go here now; None where one may. One that is only just being tried again will have
        answered after `usual_s`."""
        for target in self._targets:
            if target.breaker.allows(now_s):
                return None
        if self.usable(now_s):
            return Status(state="loading", note="is being tried again", ready_in_s=usual_s)
        breaker = min((t.breaker for t in self._targets), key=lambda b: b.reopens_in_s(now_s))
        pause_s = breaker.reopens_in_s(now_s)
        return Status(state="down", note=f"{breaker.why(now_s)}; asked again in {pause_s:.0f} s", ready_in_s=pause_s)

    def reopens_in_s(self, now_s: float) -> float:
        """Seconds until the next pause is over; infinite where there is none."""
        pauses = [pause_s for t in self._targets if (pause_s := t.breaker.reopens_in_s(now_s)) > 0]
        return min(pauses, default=inf)

    def breakers(self, now_s: float) -> dict[str, BreakerState]:
        return {t.name: t.breaker.state(now_s) for t in self._targets}

    def _any_open(self, now_s: float) -> bool:
        for target in self._targets:  # noqa: SIM110
            if target.open(now_s):
                return True
        return False
