"""Estimates that are learned from outcomes: how likely each reasoner is right on a question, read from its words.

Nothing is imported here: numpy is an extra (`rung[learn]`), loaded only where an artefact is written or served.
"""
