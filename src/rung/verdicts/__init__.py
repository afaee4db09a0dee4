"""How likely each answer in hand is right."""

from rung.verdicts.early import early_verdict
from rung.verdicts.verifier import Known, verify

__all__ = ["Known", "early_verdict", "verify"]
