"""What a second of a busy lane costs: the delay that whoever takes it puts on the others.

Dual ascent on the constraint that the load stays at the target, in bounded steps: the price rises while the smoothed
load (calls that run and wait, for each place) is over it, and falls to 0 while it is under. Source: Kelly, Maulloo and
Tan, Rate control for communication networks, 1998.
"""

from math import exp, inf

from rung.config.lanes import Congestion as Bounds

# An idle lane's price falls by e in so many times the time over which its load is averaged.
_FALL = 3.0


class Price:
    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._at_s = -inf
        self._load = 0.0
        self._smooth = 0.0
        self._usd_per_s = 0.0

    def load_is(self, load: float, now_s: float) -> None:
        """The load from now on. Changes far below the target are not followed: they cost more than they say."""
        quiet = self._bounds.target / 2
        if load != self._load and (load > quiet or self._load > quiet or self._usd_per_s):
            self.usd_per_s(now_s)
            self._load = load

    def usd_per_s(self, now_s: float) -> float:
        dt = now_s - self._at_s
        if dt > 0:
            self._at_s = now_s
            if self._usd_per_s or self._load or self._smooth:
                self._advance(dt)
        return self._usd_per_s

    def _advance(self, dt: float) -> None:
        bounds = self._bounds
        before = self._smooth
        fade = exp(-dt / bounds.smooth_s)
        self._smooth = self._load + (before - self._load) * fade
        # The smoothed load's mean over dt, exactly.
        mean = self._load + (before - self._load) * (1 - fade) * bounds.smooth_s / dt
        excess = min(max(mean / bounds.target - 1, -1.0), 1.0)
        usd = self._usd_per_s
        if excess < 0:
            # Down in proportion too: a price that rose far for want of others to move must not stay for as long.
            usd *= exp(excess * dt / (_FALL * bounds.smooth_s))
        self._usd_per_s = min(max(usd + bounds.step_usd * excess * dt, 0.0), bounds.most_usd)
