"""Who is turned away under overload before anything is spent on it."""

from random import Random

from rung.config.lanes import Shed as Bounds
from rung.lanes.queue import Ticket
from rung.types import BATCH

# The first few requests of a window say nothing.
_FEW = 10


class Throttle:
    """For each class of each tenant apart: with `accepts` of `requests` let in (and not given up since) in the window,
    the next is turned away with the chance (requests - headroom * accepts) / (requests + 1). A burst that fits is all
    let in.

    Source: Beyer et al., Site Reliability Engineering, 2016, chapter 21, equation 21-1.
    """

    def __init__(self, bounds: Bounds, rng: Random) -> None:
        self._bounds = bounds
        self._rng = rng
        self._counts: dict[tuple[int, str], _Counts] = {}

    def offered(self, ticket: Ticket, now_s: float) -> None:
        counts = self._of(ticket)
        # In steps, since a power for every request would cost more than all the rest.
        if now_s - counts.at_s > self._bounds.window_s / 20:
            counts.fade(0.5 ** ((now_s - counts.at_s) / (self._bounds.window_s / 2)), now_s)
        counts.requests += 1

    def accepted(self, ticket: Ticket) -> None:
        self._of(ticket).accepts += 1

    def given_up(self, ticket: Ticket) -> None:
        """One that was accepted was not served after all."""
        counts = self._of(ticket)
        counts.accepts = max(counts.accepts - 1, 0.0)

    def sheds(self, ticket: Ticket) -> bool:
        """Whether to turn away the one that was just offered."""
        counts = self._of(ticket)
        headroom = self._bounds.headroom[min(ticket.priority, BATCH)]
        excess = counts.requests - 1 - headroom * counts.accepts
        return counts.requests > _FEW and excess > 0 and self._rng.random() < excess / counts.requests

    def _of(self, ticket: Ticket) -> "_Counts":
        key = (ticket.priority, ticket.tenant)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = _Counts(ticket.since_s)
        return counts


class _Counts:
    """Both halve in half a window: a sliding window without the bookkeeping."""

    def __init__(self, at_s: float) -> None:
        self.requests = self.accepts = 0.0
        self.at_s = at_s

    def fade(self, kept: float, now_s: float) -> None:
        self.requests *= kept
        self.accepts *= kept
        self.at_s = now_s
