"""Worker processes with time and memory limits, for anything that computes on untrusted input."""

from rung.sandbox.frames import Answerer
from rung.sandbox.pool import Limits, Pool

__all__ = ["Answerer", "Limits", "Pool"]
