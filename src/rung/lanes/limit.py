"""How many calls an endpoint is given at once: as many as it takes without getting slower for each.

The figures are seconds to the first token, or seconds a token where nothing streams, against what is usual there; never
raw latency, which the length of the answer dominates. Pure: samples in, a limit out.

Source: Netflix concurrency-limits, Gradient2Limit: limit * min(1, tolerance * long / short) + headroom, smoothed, where
long and short are moving means of the samples.
"""

from math import sqrt

from rung.config.lanes import Limit as Bounds

_SMOOTHING = 0.2
_SHORT_SAMPLES = 10
_LONG_SAMPLES = 300
_FASTER_SAMPLES = 30


class Usual:
    """The long mean of one kind of figure, as it is without a crowd: what a crowd makes slower must not become usual,
    or the limit would creep up for ever."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._n = 0

    def ratio(self, seconds: float, *, crowded: bool) -> float:
        """`seconds` against the mean so far, which then takes it in. Faster is believed sooner than slower."""
        seconds = max(seconds, 1e-9)
        if self._mean is None:
            self._mean = seconds
        ratio = seconds / self._mean
        self._n += 1
        if self._n < _FASTER_SAMPLES:
            weight = 1 / self._n
        elif ratio <= 1:
            weight = 1 / _FASTER_SAMPLES
        else:
            weight = 0.0 if crowded else 1 / _LONG_SAMPLES
        self._mean += (seconds - self._mean) * weight
        return ratio


class GradientLimit:
    def __init__(self, bounds: Bounds, most: int) -> None:
        self._least = min(bounds.least, most)
        self._most = most
        self._tolerance = bounds.tolerance
        self._limit = float(min(max(bounds.start, bounds.least), most))
        self._short = 1.0

    @property
    def limit(self) -> int:
        return int(self._limit)

    def crowded(self, running: int) -> bool:
        return running > max(self._limit / 4, self._least, 1)

    def seen(self, ratio: float, running: int) -> None:
        """A call that went well took `ratio` times what is usual; `running` ran when it began, itself included: too few
        say nothing about a higher limit."""
        self._short += (min(ratio, 10.0) - self._short) / _SHORT_SAMPLES
        gradient = min(1.0, max(0.5, self._tolerance / max(self._short, 1e-9)))
        if gradient == 1.0 and running < self._limit / 2:
            return
        self._move(self._limit * gradient + sqrt(self._limit))

    def overloaded(self) -> None:
        """It said so itself (429), or did not answer in time."""
        self._move(self._limit * 0.5)

    def _move(self, wanted: float) -> None:
        moved = self._limit + _SMOOTHING * (wanted - self._limit)
        self._limit = min(max(moved, self._least), self._most)
