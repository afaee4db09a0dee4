"""The request's way through the house."""

from rung.runtime.climb import Event
from rung.runtime.ladder import Ladder, Learned, Rung
from rung.runtime.runtime import Policy, Runtime, Stores

__all__ = ["Event", "Ladder", "Learned", "Policy", "Rung", "Runtime", "Stores"]
