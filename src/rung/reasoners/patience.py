"""How long a server is waited for."""

from math import inf

from rung.clock import Clock
from rung.config.schema import Timeouts


class Patience:
    """Bounds each wait within one call: until the first chunk, then between chunks, always by the call's total time.
    An answer that comes whole has neither: only the total bounds it.

    Only waiting is bounded, never the time that whoever reads the answer takes between two waits.
    """

    def __init__(self, name: str, timeouts: Timeouts, clock: Clock) -> None:
        self._name = name
        self._timeouts = timeouts
        self._now = clock.monotonic
        started_s = self._now()
        self._total_at_s = started_s + timeouts.total_s
        self._next_at_s = started_s + timeouts.first_token_s
        self._first = True

    def comes_whole(self) -> None:
        self._next_at_s = inf

    def chunk_came(self) -> None:
        self._first = False
        self._next_at_s = self._now() + self._timeouts.between_chunks_s

    def left_s(self) -> float:
        """How long to wait at most, in seconds from now."""
        return min(self._next_at_s, self._total_at_s) - self._now()

    def spent(self) -> str:
        """What took too long, once no time is left."""
        given = self._timeouts
        if self._total_at_s <= self._next_at_s:
            return f"{self._name}: not done within {given.total_s:g} s (timeouts.total_s)"
        if self._first:
            return f"{self._name}: nothing came within {given.first_token_s:g} s (timeouts.first_token_s)"
        return f"{self._name}: fell silent for {given.between_chunks_s:g} s (timeouts.between_chunks_s)"
