from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from rung.telemetry import Metrics
from rung.types import Decision, LaneStats, Step, Usage
from tests.unit.conftest import FEATURES as PLAIN

FEATURES = replace(PLAIN, task="chat")
STEPS = (
    Step(reasoner="calc", reserve=0.9, outcome="abstained", started_s=0.0, ended_s=0.01),
    Step(
        reasoner="fast",
        reserve=0.6,
        outcome="answered",
        started_s=0.01,
        ended_s=0.11,
        usage=Usage(prompt_tokens=100, completion_tokens=20, usd=0.5),
    ),
)
DECISION = Decision(
    id="1",
    model="auto",
    preset="balanced",
    features=FEATURES,
    options=(),
    first="calc",
    steps=STEPS,
    answered_by="fast",
)


def figures(metrics: Metrics, states: list[tuple[str, str]] | None = None) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its label values."""
    text = metrics.render(states or []).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_decision_is_counted_whole() -> None:
    metrics = Metrics()
    metrics.observe(DECISION)
    metrics.observe(DECISION)
    seen = figures(metrics)
    assert seen["rung_decisions_total", "answered", "fast"] == 2
    assert seen["rung_cache_total", "miss"] == 2
    assert seen["rung_spend_usd_total", "fast"] == 1.0
    assert seen["gen_ai_client_token_usage_sum", "fast", "input"] == 200
    assert seen["gen_ai_client_token_usage_sum", "fast", "output"] == 40
    assert seen["gen_ai_client_operation_duration_seconds_count", "calc", "abstained"] == 2
    assert seen["gen_ai_client_operation_duration_seconds_sum", "fast", "answered"] == 0.2
    assert ("gen_ai_client_token_usage_count", "calc", "input") not in seen


def test_a_failed_decision() -> None:
    metrics = Metrics()
    metrics.observe(
        Decision(id="1", model="auto", preset="best", features=FEATURES, options=(), first=None, error="all failed")
    )
    assert figures(metrics)["rung_decisions_total", "failed", "none"] == 1


def test_responses_and_first_tokens() -> None:
    metrics = Metrics()
    metrics.responded("chat", "fast", "", 0.3)
    metrics.responded("chat", "", "busy", 0.001)
    metrics.first_token("fast", 0.03)
    seen = figures(metrics)
    name = "gen_ai_server_request_duration_seconds"
    assert seen[f"{name}_sum", "", "chat", "fast"] == 0.3
    assert seen[f"{name}_count", "busy", "chat", ""] == 1
    assert seen["gen_ai_server_time_to_first_token_seconds_bucket", "fast", "0.04"] == 1
    assert seen["gen_ai_server_time_to_first_token_seconds_bucket", "fast", "0.02"] == 0


def test_states_are_those_of_now() -> None:
    metrics = Metrics()
    assert figures(metrics, [("fast", "loading"), ("gone", "warm")])["rung_reasoner_state", "fast", "loading"] == 1
    seen = figures(metrics, [("fast", "warm")])
    assert (seen["rung_reasoner_state", "fast", "warm"], seen["rung_reasoner_state", "fast", "loading"]) == (1, 0)
    assert ("rung_reasoner_state", "gone", "warm") not in seen


def test_the_ledger_is_asked_at_each_scrape() -> None:
    metrics = Metrics()
    problem: list[str] = []
    metrics.ledger_problem.set_function(lambda: float(bool(problem)))
    assert figures(metrics)["rung_ledger_problem",] == 0
    problem.append("disk full")
    assert figures(metrics)["rung_ledger_problem",] == 1


def test_outcomes_are_those_of_now() -> None:
    metrics = Metrics()
    metrics.outcomes.learned({"old": (1.5, 12), "calc": (0.5, 3)})
    metrics.outcomes.learned({"calc": (0.25, 4)})
    text = metrics.render([]).decode()
    assert 'rung_estimate_offset{reasoner="calc"} 0.25' in text
    assert 'rung_estimate_outcomes{reasoner="calc"} 4.0' in text
    assert "old" not in text


def test_metrics_do_not_share() -> None:
    one, other = Metrics(), Metrics()
    one.observe(DECISION)
    assert ("rung_cache_total", "miss") not in figures(other)


def test_the_text_stays_small() -> None:
    """Nothing of a request but its reasoners and closed sets of words becomes a label."""
    metrics = Metrics()
    for i in range(1000):
        metrics.observe(
            Decision(id=str(i), model=f"m{i}", preset="best", features=FEATURES, options=(), first=None, steps=STEPS)
        )
    assert len(metrics.render([])) < 20_000


def test_how_lanes_stand() -> None:
    lane = LaneStats(
        reasoner="cloud",
        queued=3,
        running=2,
        limit=8,
        congestion=0.002,
        breakers={"a": "closed", "b": "open"},
        served=7,
    )
    metrics = Metrics()
    text = metrics.render([], [lane]).decode()
    seen = {(s.name, *s.labels.values()): s.value for f in text_string_to_metric_families(text) for s in f.samples}
    assert seen["rung_lane_queued", "cloud"] == 3
    assert seen["rung_lane_congestion", "cloud"] == 0.002
    assert seen["rung_lane_calls_total", "served", "cloud"] == 7
    assert (seen["rung_lane_breaker", "cloud", "a"], seen["rung_lane_breaker", "cloud", "b"]) == (0, 2)
    assert "cloud" not in metrics.render([]).decode(), "a lane that is gone is not shown"
