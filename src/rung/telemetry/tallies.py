"""Counters and histograms that one thread, the event loop's, adds to: nothing locks, and what a scrape shows is only
put together for it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

Labels = tuple[str, ...]


class Counts(Collector):
    def __init__(self, name: str, about: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name = name
        self._about = about
        self._labels = labels
        self._by_labels: defaultdict[Labels, float] = defaultdict(float)
        registry.register(self)

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        self._by_labels[labels] += amount

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._about, labels=self._labels)
        for labels, amount in self._by_labels.items():
            family.add_metric(labels, amount)
        yield family


class Spread(Collector):
    """A histogram; `bounds` are its buckets' upper ones, inclusive, and rise."""

    def __init__(
        self, name: str, about: str, labels: Sequence[str], bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._about = about
        self._labels = labels
        self._bounds = bounds
        # By labels: how many fell into each bucket, one more for what is over all bounds, and the sum last.
        self._by_labels: dict[Labels, list[float]] = {}
        registry.register(self)

    def see(self, labels: Labels, value: float) -> None:
        tally = self._by_labels.get(labels)
        if tally is None:
            tally = self._by_labels[labels] = [0.0] * (len(self._bounds) + 2)
        tally[bisect_left(self._bounds, value)] += 1
        tally[-1] += value

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._about, labels=self._labels)
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, (*counts, total) in self._by_labels.items():
            family.add_metric(labels, list(zip(names, accumulate(counts), strict=True)), total)
        yield family
