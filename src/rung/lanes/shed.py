"""Who is turned away under overload before anything is spent on it."""

from random import Random

from rung.config.lanes import Shed as Bounds

# The first few requests of a window say nothing.
_FEW = 10


class Throttle:
    """For each class apart: with `accepts` of `requests` let in (and not given up since) in the window, the next is
    turned away with the chance (requests - headroom * accepts) / (requests + 1). A burst that fits is all let in.

    Source: Beyer et al., Site Reliability Engineering, 2016, chapter 21, equation 21-1.
    """

    def __init__(self, bounds: Bounds, rng: Random) -> None:
        self._bounds = bounds
        self._rng = rng
        self._counts: dict[int, list[float]] = {}
        self._at_s: float | None = None

    def offered(self, priority: int, now_s: float) -> None:
        self._fade(now_s)
        self._of(priority)[0] += 1

    def accepted(self, priority: int) -> None:
        self._of(priority)[1] += 1

    def given_up(self, priority: int) -> None:
        """One that was accepted was not served after all."""
        counts = self._of(priority)
        counts[1] = max(counts[1] - 1, 0.0)

    def sheds(self, priority: int) -> bool:
        """Whether to turn away the one that was just offered."""
        requests, accepts = self._of(priority)
        headroom = self._bounds.headroom[min(priority, 2)]
        excess = requests - 1 - headroom * accepts
        return requests > _FEW and excess > 0 and self._rng.random() < excess / requests

    def _of(self, priority: int) -> list[float]:
        counts = self._counts.get(priority)
        if counts is None:
            counts = self._counts[priority] = [0.0, 0.0]
        return counts

    def _fade(self, now_s: float) -> None:
        """Counts halve in half a window: a sliding window without the bookkeeping."""
        if self._at_s is None:
            self._at_s = now_s
        # In steps, since a power for every request would cost more than all the rest.
        if now_s - self._at_s > self._bounds.window_s / 20:
            kept = 0.5 ** ((now_s - self._at_s) / (self._bounds.window_s / 2))
            for counts in self._counts.values():
                counts[0] *= kept
                counts[1] *= kept
            self._at_s = now_s
