"""The estimators that the stack is made of. Each is fitted to points and scores [questions, reasoners], all in 0..1 and
none missing, and predicts the same; none is calibrated by itself."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from rung.estimators.reading import Floats
from rung.estimators.space import Points, sparse
from rung.estimators.trees import Trees, fit_trees

# Ridge penalties: words are at unit length, landmarks' features are whitened.
_WORDS_PENALTY = 10.0
_LANDMARKS_PENALTY = 3.0
_LANDMARKS = 1024
# Squared distances between places are about 10 on average; within this one question is like another.
_REACH = 1.7
_STEPS = 40
_NEAR_ENOUGH = 3e-3


class Base(Protocol):
    def predict(self, points: Points) -> Floats:
        """Scores expected [questions, reasoners]; may lie outside 0..1."""

    def _asdict(self) -> dict[str, Any]:
        """Its arrays by name: what an artefact keeps."""


Fit = Callable[[Points, Floats, np.random.Generator], Base]


class Linear(NamedTuple):
    """Ridge regression on words."""

    weights: Floats
    mean: Floats

    def predict(self, points: Points) -> Floats:
        return points.words.times(self.weights) + self.mean


def fit_linear(points: Points, scores: Floats, rng: np.random.Generator) -> Linear:
    del rng
    mean = scores.mean(0)
    return Linear(ridge(sparse(points.words, points.width), scores - mean, _WORDS_PENALTY), mean)


class Landmarks(NamedTuple):
    """Kernel ridge regression on places, with a Gaussian kernel seen through landmarks (Williams and Seeger 2001)."""

    lifted: Floats
    weights: Floats
    mean: Floats

    def predict(self, points: Points) -> Floats:
        return likeness(points.places, self.lifted) @ self.weights + self.mean


def fit_landmarks(points: Points, scores: Floats, rng: np.random.Generator) -> Landmarks:
    mean = scores.mean(0)
    chosen = rng.choice(len(points.places), min(_LANDMARKS, len(points.places)), replace=False)
    centres = points.places[chosen]
    lifted = lift(centres)
    between = likeness(centres, lifted).astype(np.float64)
    seen = likeness(points.places, lifted)
    left = (seen.T @ seen).astype(np.float64) + _LANDMARKS_PENALTY * between
    left.flat[:: len(left) + 1] += 1e-4 * len(points.places)
    weights = np.linalg.solve(left, (seen.T @ (scores - mean)).astype(np.float64))
    return Landmarks(lifted, weights.astype(np.float32), mean)


# What the one says, the others see beside a place.
FIRST = "linear"
LEANING = frozenset(["landmarks"])
BASES: Mapping[str, tuple[Fit, type[Any]]] = {
    "linear": (fit_linear, Linear),
    "landmarks": (fit_landmarks, Landmarks),
    "trees": (fit_trees, Trees),
}


def lift(centres: Floats) -> Floats:
    """Places with what `likeness` needs of them beside: -|c|^2 / 2 as one more dimension."""
    return np.concatenate([centres, -0.5 * (centres * centres).sum(1, keepdims=True)], axis=1)


def likeness(places: Floats, lifted: Floats) -> Floats:
    """How alike questions are, 0 to 1: exp(-|x - c|^2 / (2 reach^2)) [places, centres]."""
    half = places @ lifted[:, :-1].T
    half += lifted[:, -1]
    half -= 0.5 * np.einsum("nd,nd->n", places, places)[:, None]
    half *= _REACH**-2
    near: Floats = np.exp(np.minimum(half, 0, out=half), out=half)
    return near


def ridge(matrix: Any, wanted: Floats, penalty: float) -> Floats:
    """Weights that minimise |matrix weights - wanted|^2 + penalty |weights|^2, by conjugate gradients, all columns side
    by side."""
    turned = matrix.T.tocsr()
    rest = np.asarray(turned @ wanted, np.float32)
    weights, step = np.zeros_like(rest), rest.copy()
    size = first = (rest * rest).sum(0)
    for _ in range(_STEPS):
        image = turned @ (matrix @ step) + penalty * step
        length = size / ((step * image).sum(0) + 1e-30)
        weights += length * step
        rest = rest - length * image
        now = (rest * rest).sum(0)
        if (now <= _NEAR_ENOUGH**2 * first).all():
            break
        step = rest + now / (size + 1e-30) * step
        size = now
    return weights
