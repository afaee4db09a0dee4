"""Texts as points: what means the same lies close together."""

from rung.embedding.sentences import Sentences, opened

__all__ = ["Sentences", "opened"]
