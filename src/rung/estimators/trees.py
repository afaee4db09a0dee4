"""Extremely randomised trees (Geurts, Ernst and Wehenkel 2006) on places, all reasoners at once: kinds of question are
often told by a few marks, which no distance sees among all the others."""

from typing import NamedTuple

import numpy as np

from rung.estimators.reading import Floats, Ints
from rung.estimators.space import Points

_TREES = 60
_DEPTH = 12
# Questions in a leaf at least, and the share of dimensions that are tried at a split.
_LEAF = 10
_TRIED = 0.6
# How much the part of scores that all reasoners share counts in choosing splits.
_SHARED = 0.5
_NEVER = np.float32(3e38)


class Trees(NamedTuple):
    """Nodes of all trees side by side. A node goes to `child` where the place's `feature` is below `threshold`, else to
    the one after it; a leaf goes to itself, and adds `scores` at `row`."""

    roots: Ints
    feature: Ints
    threshold: Floats
    child: Ints
    row: Ints
    scores: Floats
    mean: Floats

    def predict(self, points: Points) -> Floats:
        return np.stack([self._one(place) for place in points.places])

    def _one(self, place: Floats) -> Floats:
        at = self.roots
        for _ in range(_DEPTH):
            at = self.child.take(at) + (place.take(self.feature.take(at)) >= self.threshold.take(at))
        scores: Floats = self.mean + np.add.reduce(self.scores.take(self.row.take(at), axis=0))
        return scores


def fit_trees(points: Points, scores: Floats, rng: np.random.Generator) -> Trees:
    mean = scores.mean(0)
    grown = _Growing(points.places, scores - mean, rng)
    roots = [grown.tree() for _ in range(_TREES)]
    return Trees(
        roots=np.array(roots, np.int64),
        feature=np.array(grown.feature, np.int64),
        threshold=np.array(grown.threshold, np.float32),
        child=np.array(grown.child, np.int64),
        row=np.array(grown.row, np.int64),
        scores=np.array(grown.scores, np.float32).reshape(-1, scores.shape[1]) / np.float32(_TREES),
        mean=mean,
    )


class _Growing:
    """Trees while they grow; nodes are added, never moved."""

    def __init__(self, places: Floats, rest: Floats, rng: np.random.Generator) -> None:
        self._places, self._rest, self._rng = places, rest, rng
        self._wanted = rest - np.float32(1 - _SHARED) * rest.mean(1, keepdims=True)
        self._tried = max(1, int(places.shape[1] * _TRIED))
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.child: list[int] = []
        self.row: list[int] = []
        self.scores: list[Floats] = []

    def tree(self) -> int:
        """Its root."""
        root = self._node()
        todo = [(root, np.arange(len(self._places)), 0)]
        while todo:
            node, at, depth = todo.pop()
            split = self._split(at) if depth < _DEPTH and len(at) >= 2 * _LEAF else None
            if split is None:
                self.child[node], self.row[node] = node, len(self.scores)
                self.scores.append(self._rest[at].mean(0))
                continue
            self.feature[node], self.threshold[node] = split
            below = self._places[at, split[0]] < np.float32(split[1])
            self.child[node] = self._node()
            todo += [(self.child[node], at[below], depth + 1), (self._node(), at[~below], depth + 1)]
        return root

    def _node(self) -> int:
        self.feature.append(0)
        self.threshold.append(float(_NEVER))
        self.child.append(0)
        self.row.append(0)
        return len(self.child) - 1

    def _split(self, at: Ints) -> tuple[int, float] | None:
        """The best of a random threshold in each of some dimensions, by the variance it explains; None if no threshold
        leaves enough on both sides."""
        tried = self._rng.permutation(self._places.shape[1])[: self._tried]
        values, wanted = self._places[np.ix_(at, tried)], self._wanted[at]
        low, high = values.min(0), values.max(0)
        thresholds = low + self._rng.random(len(tried), np.float32) * (high - low)
        below = (values < thresholds).astype(np.float32)
        count, total = below.sum(0), wanted.sum(0)
        sums = below.T @ wanted
        explained = (sums**2).sum(1) / np.maximum(count, 1) + ((total - sums) ** 2).sum(1) / np.maximum(
            len(at) - count, 1
        )
        explained[(count < _LEAF) | (len(at) - count < _LEAF)] = -1.0
        best = int(explained.argmax())
        return (int(tried[best]), float(thresholds[best])) if explained[best] >= 0 else None
