"""A probe set of our own: questions generated from a seed, with answers that a machine can mark.

Pure. What code is worth is found by running its tests, which is left to who asks.
"""

from rung.probes.arithmetic import ARITHMETIC
from rung.probes.base import DOMAINS, Probe, Template
from rung.probes.code import CODE
from rung.probes.facts import FACTS
from rung.probes.labels import LABELS
from rung.probes.logic import LOGIC
from rung.probes.reading import READING

TEMPLATES: tuple[Template, ...] = (*ARITHMETIC, *LOGIC, *FACTS, *READING, *LABELS, *CODE)

# Another where an old probe would be another one, or as hard as another.
VERSION = 1

__all__ = ["DOMAINS", "TEMPLATES", "VERSION", "Probe", "Template"]
