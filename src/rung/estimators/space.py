"""Where questions lie: their weighted words, and a point in few dimensions made of what goes together in them, of how
they look, and, where they are embedded, of what they mean.

Salton and Buckley 1988 for the weights, (1 + ln count) * idf at unit length; Deerwester et al. 1990 for the dimensions
(latent semantic analysis), found by the randomised range finder of Halko, Martinsson and Tropp 2011.
"""

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rung.estimators.reading import BITS, SURFACE, Floats, Ints, Questions, Rows

# Words and pairs that stand in fewer questions than this are left out, and all but the commonest so many.
_LEAST = 2
_MOST = 32768
_TOPICS = 64
_SPARE = 8
_ROUNDS = 1
# How much what the surface looks like counts in a point beside its topics.
SURFACE_SHARE = 2.0
_BOUND = 4.0
# The dimensions of embeddings in which questions differ most, and how much these count beside the topics.
_MEANINGS = 64
_MEANING_SHARE = 1.5


class Points(NamedTuple):
    """Questions in a Space: `words` [questions, `width`], `places` [questions, dimensions]."""

    words: Rows
    places: Floats
    width: int

    def take(self, at: Ints) -> "Points":
        return Points(self.words.take(at), self.places[at], self.width)


class Space(NamedTuple):
    """`vocabulary` are the hashes in use, ascending; `idf` has their weights, `topics` [vocabulary, dimensions] what
    takes words to topics, `meanings` [embedding, dimensions] what takes embeddings to some of a point's dimensions; the
    others centre and scale."""

    vocabulary: Ints
    idf: Floats
    topics: Floats
    topic_scale: Floats
    surface_mean: Floats
    surface_scale: Floats
    embedded_mean: Floats
    meanings: Floats

    @classmethod
    def fit(cls, questions: Questions, rng: np.random.Generator) -> Self:
        """From at least two questions."""
        n = len(questions.surface)
        seen, counts = np.unique(questions.words.columns, return_counts=True)
        kept = counts >= min(_LEAST, n)
        if len(counts) > _MOST:
            kept &= counts.argsort(kind="stable").argsort() >= len(counts) - _MOST
        kept[0] = True
        vocabulary, counts = seen[kept], counts[kept]
        idf = (np.log((1 + n) / (1 + counts)) + 1).astype(np.float32)
        words = _weighed(questions.words, _table(vocabulary), idf)
        topics = _topics(words, len(vocabulary), rng)
        on_topics = words.times(topics)
        return cls(
            vocabulary=vocabulary,
            idf=idf,
            topics=topics,
            # The first topics tell most: they keep their share, the whole is brought to unit variance.
            topic_scale=np.float32(1 / (np.sqrt(on_topics.var(0).sum()) + 1e-6)) * np.ones(1, np.float32),
            surface_mean=questions.surface.mean(0),
            surface_scale=(1 / (questions.surface.std(0) + 1e-3) / np.sqrt(SURFACE)).astype(np.float32),
            embedded_mean=questions.embedded.mean(0),
            meanings=_meanings(questions.embedded),
        )


class Reader:
    """A Space that is ready to place questions: its vocabulary as a table."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._table = _table(space.vocabulary)

    def place(self, questions: Questions) -> Points:
        s = self._space
        words = _weighed(questions.words, self._table, s.idf)
        on_topics = words.times(s.topics) * s.topic_scale
        surface = (questions.surface - s.surface_mean) * s.surface_scale
        bound = float(_BOUND / np.sqrt(SURFACE))  # a numpy float would make all of it wider
        surface = np.minimum(np.maximum(surface, -bound), bound) * SURFACE_SHARE
        meaning = (questions.embedded - s.embedded_mean) @ s.meanings
        return Points(words, np.concatenate([on_topics, surface, meaning], axis=1), len(s.vocabulary))


def _table(vocabulary: Ints) -> NDArray[np.int32]:
    """Hash -> place in the vocabulary, or -1. Small, since places in it are met at random."""
    table = np.full((1 << BITS) + 1, -1, np.int32)
    table[vocabulary] = np.arange(len(vocabulary))
    return table


def _weighed(words: Rows, table: NDArray[np.int32], idf: Floats) -> Rows:
    """The words that are in the vocabulary, by tf-idf at unit length."""
    found = table.take(words.columns)
    known = found >= 0
    columns = found[known].astype(np.int64)
    values = (1 + np.log(words.values[known])) * idf.take(columns)
    if len(words.starts) == 2:
        values /= math.sqrt(values @ values)
        return Rows(np.array([0, len(columns)]), columns, values)
    starts = np.concatenate([[0], np.cumsum(known)])[words.starts]
    length = np.sqrt(np.add.reduceat(values * values, starts[:-1]))
    return Rows(starts, columns, values / np.repeat(length, np.diff(starts)))


def sparse(words: Rows, width: int) -> Any:
    """As scipy's compressed rows, for fitting."""
    from scipy.sparse import csr_array  # noqa: PLC0415  heavy, and only wanted for fitting

    return csr_array((words.values, words.columns, words.starts), shape=(len(words.starts) - 1, width))


def _meanings(embedded: Floats) -> Floats:
    """Principal components (Pearson 1901), scaled so that all together have the variance that is their share."""
    k = min(_MEANINGS, embedded.shape[1])
    if k == 0:
        return np.zeros((0, 0), np.float32)
    spread, directions = np.linalg.eigh(np.cov(embedded.T.astype(np.float64), bias=True))
    scale = _MEANING_SHARE / (np.sqrt(max(spread[-k:].sum(), 0.0)) + 1e-6)
    return np.ascontiguousarray(directions[:, : -k - 1 : -1] * scale, np.float32)


def _topics(words: Rows, width: int, rng: np.random.Generator) -> Floats:
    matrix = sparse(words, width)
    turned = matrix.T.tocsr()
    k = min(_TOPICS, width, matrix.shape[0])
    found = matrix @ rng.standard_normal((width, min(k + _SPARE, width))).astype(np.float32)
    for _ in range(_ROUNDS):
        found, _ = np.linalg.qr(found)
        found, _ = np.linalg.qr(turned @ found)
        found = matrix @ found
    found, _ = np.linalg.qr(found)
    _, _, right = np.linalg.svd((turned @ found).T, full_matrices=False)
    return np.ascontiguousarray(right[:k].T, np.float32)
