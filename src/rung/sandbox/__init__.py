"""Worker processes with time and memory limits, and jails, for anything that computes on untrusted input."""

from rung.sandbox.code import Bounds, Isolation, Jail, Tried
from rung.sandbox.forkserver import Limits
from rung.sandbox.frames import Answerer
from rung.sandbox.pool import Pool
from rung.sandbox.program import Programs, Ran

__all__ = ["Answerer", "Bounds", "Isolation", "Jail", "Limits", "Pool", "Programs", "Ran", "Tried"]
