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
_BATCH = 100
# By how many standard errors a batch must be faster to be believed: chance alone does that once in 700 batches, and the
# more it has done so the less it can do it again.
_SURE = 3.0
# The usual is known once its standard error is so small a share of it, after so many at least and a batch at most.
_ERROR = 0.08
_FIRST_SAMPLES = 10
# So many of those that ran when the usual was learned are no crowd. With all of them, what a server in decline does
# under the same load would become usual.
_FEW = 0.5
# Lengths are learned as slowly as what is usual, by so much of the differences explained at least.
_LENGTHS_KEPT = 1 - 1 / _LONG_SAMPLES
_EXPLAINED = 0.5
# Before so many calls even half may be chance.
_TELLING = 20
_TOLD = 1e-6  # less is what sums of floats are off by
_NO_MATTER = 1e7
# A call that hangs is slow, but counts no further than this many times the usual; of the first few nothing is known.
_FAR = 5.0


class _Batch:
    def __init__(self) -> None:
        self.n = 0
        self._sum = 0.0
        self._squares = 0.0

    def add(self, x: float) -> None:
        self.n += 1
        self._sum += x
        self._squares += x * x

    def scale(self, by: float) -> None:
        self._sum *= by
        self._squares *= by * by

    @property
    def mean(self) -> float:
        return self._sum / self.n

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return sqrt(max(self._squares / self.n - self.mean**2, 0.0) / self.n)


class Length:
    """How many tokens' time passes besides theirs, so that what is short does not look slow, nor what is long: whole
    answers by their tokens, first chunks by the prompt's. Least squares of the seconds on the tokens. A guess, until
    the lengths have told: they differ by more than the guess, or explain most of what the seconds differ by; once they
    do that beyond chance it is `told`."""

    def __init__(self, guess_tokens: float) -> None:
        self.fixed_tokens = self._guess_tokens = guess_tokens
        self.told = False
        self._w = self._n = self._t = self._nn = self._nt = self._tt = 0.0

    def seen(self, tokens: float, seconds: float) -> float:
        """By what factor the seconds a token of earlier calls change with what this one tells."""
        before, usual_tokens = self.fixed_tokens, self._n / self._w if self._w else tokens
        self._w = self._w * _LENGTHS_KEPT + 1
        self._n = self._n * _LENGTHS_KEPT + tokens
        self._t = self._t * _LENGTHS_KEPT + seconds
        self._nn = self._nn * _LENGTHS_KEPT + tokens * tokens
        self._nt = self._nt * _LENGTHS_KEPT + tokens * seconds
        self._tt = self._tt * _LENGTHS_KEPT + seconds * seconds
        across = self._w * self._nt - self._n * self._t
        spread, differ = self._w * self._nn - self._n**2, self._w * self._tt - self._t**2
        explained = (
            spread > _TOLD * self._w * self._nn and across > 0 and across * across > _EXPLAINED * spread * differ
        )
        if explained or (self._w >= _FIRST_SAMPLES and spread > (self._guess_tokens * self._w) ** 2):
            fixed_tokens = (self._t * spread / across - self._n) / self._w if across > 0 else _NO_MATTER
            self.fixed_tokens = min(max(fixed_tokens, 1.0), _NO_MATTER)
            self.told = self.told or (explained and self._w >= _TELLING)
        return (before + usual_tokens) / (self.fixed_tokens + usual_tokens)

    def stretch(self, tokens: float) -> float:
        """How many times as long as for none may be waited for so many tokens."""
        return 1 + tokens / self.fixed_tokens


class Usual:
    """The mean of one kind of figure as it is without a crowd: what a crowd makes slower must not become usual, or the
    limit would creep up for ever.

    It is learned from the first calls. Then, without a crowd, every figure counts alike, faster or slower: a mean that
    takes in one kind more readily settles beside the others' mean, and noise looks like overload. In a crowd only what
    is faster says something, and there means of many are compared, for of single figures half are faster than their
    own mean.
    """

    def __init__(self) -> None:
        self.known = False
        self._mean = 0.0
        self._running = 0.0  # on average, when it was learned
        self._batch = _Batch()

    def ratio(self, seconds: float, running: int, *, crowded: bool) -> float:
        """`seconds` against the mean so far, which then takes it in; `running` ran when it began, itself included."""
        seconds = max(seconds, 1e-9)
        ratio = seconds / (self._mean or seconds)
        if self.known or self._batch.n >= _FIRST_SAMPLES:
            seconds = min(seconds, _FAR * self._mean)
        self._batch.add(seconds)
        if not self.known:
            self._learn(running)
            return ratio
        if not crowded or running <= _FEW * self._running:
            self._mean += (seconds - self._mean) / _LONG_SAMPLES
        if self._batch.n == _BATCH:
            if self._batch.mean + _SURE * self._batch.error < self._mean:
                self._mean = self._batch.mean
            self._batch = _Batch()
        return ratio

    def scale(self, by: float) -> None:
        """The figure is told in another unit from now on."""
        self._mean *= by
        self._batch.scale(by)

    def _learn(self, running: int) -> None:
        batch = self._batch
        self._mean = batch.mean
        self._running += (running - self._running) / batch.n
        sure = batch.n >= _FIRST_SAMPLES and batch.error <= _ERROR * batch.mean
        if sure or batch.n == _BATCH:
            self.known = True
            self._batch = _Batch()


class GradientLimit:
    def __init__(self, bounds: Bounds, most: int) -> None:
        self._least = min(bounds.least, most)
        self._most = most
        self._tolerance = bounds.tolerance
        self._least_late_s = bounds.least_late_s
        self._limit = float(min(max(bounds.start, bounds.least), most))
        self._short = 1.0
        self.limit = int(self._limit)

    def crowded(self, running: int) -> bool:
        return running > max(self._limit / 4, self._least, 1)

    def seen(self, ratio: float, waited_s: float, running: int) -> None:
        """A call that went well let us wait `waited_s`, `ratio` times what is usual: a few milliseconds more are no
        overload, however many times it that is. `running` ran when it began, itself included: too few say nothing about
        a higher limit. Not to be told before the usual is known: it would grow into a crowd that
        then is the usual."""
        if ratio > 1 and waited_s - waited_s / ratio < self._least_late_s:
            ratio = 1.0
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
        self.limit = int(self._limit)
