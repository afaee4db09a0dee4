"""In front of each reasoner: who runs now, who waits, who is refused, and how long that takes."""

from rung.lanes.batch import Batcher
from rung.lanes.lane import Lane, Setup
from rung.lanes.pace import Pace
from rung.lanes.pool import Pool

__all__ = ["Batcher", "Lane", "Pace", "Pool", "Setup"]
