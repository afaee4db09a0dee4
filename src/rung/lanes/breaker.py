"""Whether an upstream is worth calling now.

Closed while it does well; open, for a while that doubles, once too many of its last calls, or some in a row, failed, or
too many were slow; then half open: one probe at a time, and some in a row that went well close it again. A pause that
it asked for itself (429) is kept apart: after it, it is called like any other. Pure: outcomes and times in, a state
out.
"""

from collections import deque

from rung.config.lanes import Breaker as Bounds
from rung.types import BreakerState


class Breaker:
    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._calls: deque[tuple[bool, bool]] = deque(maxlen=bounds.window)
        self._run = 0
        # Counts openings and closings: the outcome of a call that began before the last of them says nothing new.
        self._age = 0
        self._open_until_s: float | None = None
        self._pause_s = bounds.first_pause_s
        self.probing = False
        self._good_probes = 0
        self._asked_until_s = 0.0
        self._asked_s = bounds.first_pause_s
        self._why = ""

    def state(self, now_s: float) -> BreakerState:
        if now_s < self._asked_until_s:
            return "open"
        if self._open_until_s is None:
            return "closed"
        return "open" if now_s < self._open_until_s else "half_open"

    def reopens_in_s(self, now_s: float) -> float:
        """Seconds until it is worth asking again; 0 if it is now."""
        return max(self._asked_until_s - now_s, (self._open_until_s or 0.0) - now_s, 0.0)

    def why(self, now_s: float) -> str:
        return "asked us to slow down" if now_s < self._asked_until_s else self._why

    def allows(self, now_s: float) -> bool:
        if self._open_until_s is None and not self._asked_until_s:
            return True
        state = self.state(now_s)
        return state == "closed" or (state == "half_open" and not self.probing)

    def began(self) -> int:
        """A call was let through; what is returned is given back when it ends."""
        self.probing = self._open_until_s is not None
        return self._age

    def left(self, age: int) -> None:
        """A call says nothing of the upstream: given up by its caller, or at fault itself."""
        if age == self._age:
            self.probing = False

    def ended(self, age: int, now_s: float, *, failed: bool, slow: bool = False) -> None:
        if age != self._age:
            return
        if self._open_until_s is not None:
            self._probed(now_s, failed=failed)
            return
        if not failed and self._asked_until_s:
            self._asked_until_s, self._asked_s = 0.0, self._bounds.first_pause_s
        self._calls.append((failed, slow))
        self._run = self._run + 1 if failed else 0
        n, bounds = len(self._calls), self._bounds
        if not (failed or slow) or n < bounds.least_calls:
            return
        if failed and (self._run >= bounds.failed_run or sum(f for f, _ in self._calls) >= bounds.failed_share * n):
            self._open(now_s, "does not answer")
        elif slow and sum(s for _, s in self._calls) >= bounds.slow_share * n:
            self._open(now_s, f"over {bounds.slow_factor:g} times slower than usual")

    def asked_for_pause(self, age: int, now_s: float, seconds: float | None) -> None:
        """429. Without a time it is a pause that doubles, and calls that were under way when it began do not lengthen
        it; a longer time that it names does."""
        if seconds is None:
            if now_s >= self._asked_until_s:
                self._asked_until_s = now_s + self._asked_s
                self._asked_s = min(self._asked_s * 2, self._bounds.longest_pause_s)
        else:
            self._asked_until_s = max(self._asked_until_s, now_s + seconds)
        if age == self._age:
            # Calls that went well while the pause was asked for do not end it.
            self._age += 1
            self.probing = False

    def _probed(self, now_s: float, *, failed: bool) -> None:
        self.probing = False
        if failed:
            self._open(now_s, self._why)
            return
        self._good_probes += 1
        if self._good_probes >= self._bounds.probes:
            self._age += 1
            self._open_until_s = None
            self._pause_s = self._bounds.first_pause_s
            self._calls.clear()
            self._run = 0
            self._why = ""

    def _open(self, now_s: float, why: str) -> None:
        self._age += 1
        self._open_until_s = now_s + self._pause_s
        self._pause_s = min(self._pause_s * 2, self._bounds.longest_pause_s)
        self.probing = False
        self._good_probes = 0
        self._why = why
