"""How likely each answer in hand is right."""

from rung.verdicts.verifier import verify

__all__ = ["verify"]
