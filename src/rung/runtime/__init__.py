"""The request's way through the house."""

from rung.runtime.climb import Event
from rung.runtime.ladder import Ladder, Rung
from rung.runtime.runtime import Policy, Runtime, Stores

__all__ = ["Event", "Ladder", "Policy", "Rung", "Runtime", "Stores"]
