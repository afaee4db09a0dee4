"""The request's way through the house."""

from rung.runtime.judge import Judge
from rung.runtime.ladder import Ladder, Learned, Rung
from rung.runtime.learning import Bases, Heard, Learning
from rung.runtime.looked import Looked
from rung.runtime.runtime import Policy, Runtime, Stores

__all__ = ["Bases", "Heard", "Judge", "Ladder", "Learned", "Learning", "Looked", "Policy", "Rung", "Runtime", "Stores"]
