"""What outcomes do to the estimates, for a scrape."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class Outcomes:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._offset = Gauge(
            "rung_estimate_offset",
            "Log-odds by which outcomes moved what is expected of a reasoner.",
            ("reasoner",),
            registry=registry,
        )
        self._count = Gauge(
            "rung_estimate_outcomes", "Outcomes that an estimate is moved by.", ("reasoner",), registry=registry
        )
        self._changes = Counter(
            "rung_reasoner_changes", "Times that a reasoner seemed to have changed.", ("reasoner",), registry=registry
        )

    def learned(self, of: Mapping[str, tuple[float, int]]) -> None:
        """What is known now: each reasoner's offset, in log-odds, and how many outcomes it has."""
        self._offset.clear()
        self._count.clear()
        for reasoner, (offset, outcomes) in of.items():
            self._offset.labels(reasoner).set(offset)
            self._count.labels(reasoner).set(outcomes)

    def changed(self, reasoner: str) -> None:
        self._changes.labels(reasoner).inc()
