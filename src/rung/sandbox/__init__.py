"""Worker processes with time and memory limits, for anything that computes on untrusted input."""

from rung.sandbox.frames import Answerer
from rung.sandbox.nursery import Limits
from rung.sandbox.pool import Pool
from rung.sandbox.program import Programs, Ran

__all__ = ["Answerer", "Limits", "Pool", "Programs", "Ran"]
