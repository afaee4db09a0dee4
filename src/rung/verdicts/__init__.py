"""How likely each answer in hand is right."""

from rung.verdicts.early import early_verdict
from rung.verdicts.signals import refuses
from rung.verdicts.verifier import Known, Verify, verify

__all__ = ["Known", "Verify", "early_verdict", "refuses", "verify"]
