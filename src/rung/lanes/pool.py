"""Places that lanes share: over one set of weights, one processor or one quota.

Work-conserving: a place that is free goes to whoever waits, whichever lane it belongs to, and comes back when its call
ends. Between lanes the class that has saved up its share goes first, then the higher one, then the lane that was given
least by weight.
"""

from typing import Protocol

from rung.clock import Clock
from rung.lanes.queue import Rank


class Member(Protocol):
    """A lane, as its pool sees it."""

    @property
    def waiting(self) -> int:
        """How many wait for a place."""

    def rank(self, now_s: float) -> Rank | None:
        """That of its next call, or None if none could start now."""

    def start_next(self, now_s: float) -> float | None:
        """Starts its next call, which takes a place; the predicted service in seconds. None if there was none."""


class Pool:
    def __init__(self, capacity: int, clock: Clock) -> None:
        self.capacity = capacity
        self.running = 0
        # Kept, not asked for: every call looks several times.
        self.room = capacity > 0
        self.shared = False
        self.reading_long = 0
        self._now = clock.monotonic
        self._weights: dict[Member, float] = {}
        self._given: dict[Member, float] = {}
        self._contending: set[Member] = set()
        self._floor = 0.0

    @property
    def members(self) -> list[Member]:
        return list(self._weights)

    def _waited_for(self) -> bool:
        for member in self._weights:  # noqa: SIM110  `any` takes longer, and every call that ends comes by here
            if member.waiting:
                return True
        return False

    def join(self, member: Member, weight: float = 1.0) -> None:
        self._weights[member] = weight
        self._given[member] = self._floor
        self.shared = len(self._weights) > 1

    def leave(self, member: Member) -> None:
        """No longer asked; its calls under way keep their places until they end."""
        self._weights.pop(member, None)
        self._given.pop(member, None)
        self._contending.discard(member)
        self.shared = len(self._weights) > 1

    def take(self) -> None:
        assert self.room, "a place is only taken where there is one"
        self.running += 1
        self.room = self.running < self.capacity

    def give_back(self, *, pump: bool = True) -> None:
        self.running -= 1
        assert self.running >= 0, "a place is given back once"
        self.room = self.running < self.capacity
        if pump:
            self.pump()

    def pump(self) -> None:
        """Gives every free place to someone who waits, as far as anyone can start."""
        if not self.room or not self._waited_for():
            return
        now_s = self._now()
        idle: set[Member] = set()
        while self.room:
            ranks = {m: rank for m in self._weights if m not in idle and (rank := m.rank(now_s)) is not None}
            if not ranks:
                return
            self._lift(set(ranks))
            chosen = min(ranks, key=lambda m: (ranks[m], self._given[m]))
            service_s = chosen.start_next(now_s)
            if service_s is None:
                idle.add(chosen)
            else:
                self._floor = self._given[chosen]
                self._given[chosen] += service_s / self._weights[chosen]

    def _lift(self, contending: set[Member]) -> None:
        """Who had nothing to do for a while has saved up nothing."""
        before = contending & self._contending
        floor = min((self._given[m] for m in before), default=self._floor)
        for member in contending - before:
            self._given[member] = max(self._given[member], floor)
        self._contending = contending
