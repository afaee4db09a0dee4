"""A reasoner on trial: the conformance suite, a graded file, a load. What it is asked by is handed in."""

from rung.trial.conformance import COLD, WARM, Broken, NotApplicable, Subject
from rung.trial.graded import Item, Outcome, Scores, read_items, scores
from rung.trial.load import Level, load

__all__ = [
    "COLD",
    "WARM",
    "Broken",
    "Item",
    "Level",
    "NotApplicable",
    "Outcome",
    "Scores",
    "Subject",
    "load",
    "read_items",
    "scores",
]
