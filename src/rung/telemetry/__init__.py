"""What the running system tells of itself: figures for Prometheus, and lines for people."""

from rung.telemetry.logs import configure_logs
from rung.telemetry.metrics import Metrics

__all__ = ["Metrics", "configure_logs"]
