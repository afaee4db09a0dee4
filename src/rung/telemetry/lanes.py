"""How the lanes stand, for a scrape. Labels are reasoners, upstreams and closed sets: all from the config."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rung.types import LaneStats

_GAUGES = {
    "queued": "Calls that wait in a lane.",
    "running": "Calls that a lane has under way.",
    "limit": "Calls that a lane would have under way at once.",
    "congestion": "What a second of a lane's place costs the rule, in USD.",
}
_COUNTED = ("served", "refused", "shed", "expired", "hedged", "retried")
_BREAKER = {"closed": 0, "half_open": 1, "open": 2}


class Lanes(Collector):
    """The lanes keep their own counts: they are only read. `now` is set before a scrape."""

    def __init__(self) -> None:
        self.now: tuple[LaneStats, ...] = ()

    def collect(self) -> Iterator[Metric]:
        for name, about in _GAUGES.items():
            gauge = GaugeMetricFamily(f"rung_lane_{name}", about, labels=["reasoner"])
            for lane in self.now:
                gauge.add_metric([lane.reasoner], getattr(lane, name))
            yield gauge
        counter = CounterMetricFamily("rung_lane_calls", "Calls by what a lane did.", labels=["reasoner", "event"])
        breaker = GaugeMetricFamily(
            "rung_lane_breaker", "0 closed, 1 being tried again, 2 left alone.", labels=["reasoner", "upstream"]
        )
        for lane in self.now:
            for event in _COUNTED:
                counter.add_metric([lane.reasoner, event], getattr(lane, event))
            for upstream, state in lane.breakers.items():
                breaker.add_metric([lane.reasoner, upstream], _BREAKER[state])
        yield counter
        yield breaker
