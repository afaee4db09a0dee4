"""In front of each reasoner: who runs now, who waits, and how long that takes."""

from rung.lanes.lane import Lane
from rung.lanes.pace import Pace

__all__ = ["Lane", "Pace"]
