"""The request's way through the house."""

from rung.runtime.judge import Judge
from rung.runtime.ladder import Ladder, Learned, Rung
from rung.runtime.learning import Bases, Learning
from rung.runtime.looked import Looked
from rung.runtime.runtime import Policy, Runtime, Stores

__all__ = ["Bases", "Judge", "Ladder", "Learned", "Learning", "Looked", "Policy", "Rung", "Runtime", "Stores"]
