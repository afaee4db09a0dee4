"""Exact mathematics from plain words: a grammar reads the whole question, SymPy computes, a sandbox bounds both."""

from rung.reasoners.symbolic.reasoner import Symbolic

__all__ = ["Symbolic"]
