"""Figures for Prometheus, named after OpenTelemetry's semantic conventions for generative AI where those have a name
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/), dots written as underscores.

Label values come only from the config (reasoners) and from closed sets, never from a request: a scrape stays small
whatever is asked, and holds no text.
"""

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from rung.telemetry.lanes import Lanes
from rung.telemetry.outcomes import Outcomes
from rung.telemetry.tallies import Counts, Spread
from rung.types import Decision, LaneStats, ReasonerState, Step

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Bucket bounds as OpenTelemetry advises.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST_TOKEN_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


class Metrics:
    """All figures of a process, in a registry of their own.

    The runtime calls `observe` for every decision; the HTTP door calls `responded` and `first_token` and keeps
    `in_flight`; `ledger_problem` is given a function that is asked at each scrape.
    """

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._request_s = Spread(
            "gen_ai_server_request_duration_seconds",
            "From a request's arrival to the end of its response.",
            ("gen_ai_operation_name", "gen_ai_response_model", "error_type"),
            _SECONDS,
            registry,
        )
        self._first_token_s = Spread(
            "gen_ai_server_time_to_first_token_seconds",
            "From a request's arrival to the first piece of a streamed answer.",
            ("gen_ai_response_model",),
            _FIRST_TOKEN_S,
            registry,
        )
        self._call_s = Spread(
            "gen_ai_client_operation_duration_seconds",
            "One call of one reasoner, its wait in the queue included.",
            ("gen_ai_response_model", "outcome"),
            _SECONDS,
            registry,
        )
        self._tokens = Spread(
            "gen_ai_client_token_usage",
            "Tokens of one call of one reasoner, read (input) and written (output).",
            ("gen_ai_response_model", "gen_ai_token_type"),
            _TOKENS,
            registry,
        )
        self._decisions = Counts("rung_decisions", "Requests decided.", ("reasoner", "outcome"), registry)
        self._spend = Counts("rung_spend_usd", "What calls cost, in USD.", ("reasoner",), registry)
        self._cache = Counts("rung_cache", "Requests by what the cache did.", ("result",), registry)
        self._state = Gauge(
            "rung_reasoner_state", "1 for the state a reasoner is in.", ("reasoner", "state"), registry=registry
        )
        self.outcomes = Outcomes(registry)
        self._lanes = Lanes()
        registry.register(self._lanes)
        self.in_flight = 0
        in_flight = Gauge("rung_requests_in_flight", "Requests being worked on.", registry=registry)
        in_flight.set_function(lambda: self.in_flight)
        self.ledger_problem = Gauge("rung_ledger_problem", "1 while the ledger cannot write.", registry=registry)

    def observe(self, decision: Decision) -> None:
        """Counts a finished decision: what answered, what each call took and cost, what the cache did."""
        self._decisions.add((decision.answered_by or "none", "failed" if decision.error else "answered"))
        self._cache.add((decision.cache,))
        for step in decision.steps:
            self._observe_step(step)

    def _observe_step(self, step: Step) -> None:
        name, usage = step.reasoner, step.usage
        self._call_s.see((name, step.outcome), step.ended_s - step.started_s)
        if usage.prompt_tokens:
            self._tokens.see((name, "input"), usage.prompt_tokens)
        if usage.completion_tokens:
            self._tokens.see((name, "output"), usage.completion_tokens)
        if usage.usd:
            self._spend.add((name,), usage.usd)

    def responded(self, operation: str, reasoner: str, error: str, seconds: float) -> None:
        """Counts a response. `reasoner` is what answered and `error` an error's code; each may be empty."""
        self._request_s.see((operation, reasoner, error), seconds)

    def first_token(self, reasoner: str, seconds: float) -> None:
        self._first_token_s.see((reasoner,), seconds)

    def render(self, states: Iterable[tuple[str, str]], lanes: Iterable[LaneStats] = ()) -> bytes:
        """The scrape's text; `states` are each reasoner's name and state now, `lanes` how each lane stands."""
        self._lanes.now = tuple(lanes)
        self._state.clear()
        for reasoner, state in states:
            for each in get_args(ReasonerState):
                self._state.labels(reasoner, each).set(each == state)
        return generate_latest(self._registry)
