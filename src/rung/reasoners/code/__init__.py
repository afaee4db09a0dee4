"""Code that is run with its tests before it is given."""

from rung.reasoners.code.reasoner import Code

__all__ = ["Code"]
