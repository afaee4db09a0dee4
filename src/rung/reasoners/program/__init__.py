"""Word problems by short programs: a model writes the steps, the sandbox computes them."""

from rung.reasoners.program.reasoner import Program

__all__ = ["Program"]
