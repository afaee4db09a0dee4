"""How likely each answer in hand is right."""

from rung.verdicts.verifier import Known, verify

__all__ = ["Known", "verify"]
