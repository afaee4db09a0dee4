"""Rung: one endpoint in front of many reasoners."""
