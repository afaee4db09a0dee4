"""The usual routers, which Rung's estimates are held against: each learns scores from vectors of questions."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RIDGE = 10.0
HIDDEN = 64
EPOCHS = 15
BATCH = 64
RATE = 2e-3
DECAY = 1e-4


def neighbours(seen: Array, scores: Array, unseen: Array, k: int) -> Array:
    """The mean over the k nearest by cosine."""
    seen, unseen = (x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-9) for x in (seen, unseen))
    out = []
    for begin in range(0, len(unseen), 1024):
        near = unseen[begin : begin + 1024] @ seen.T
        out.append(scores[np.argpartition(-near, k - 1, axis=1)[:, :k]].mean(1))
    return np.concatenate(out)


def linear(seen: Array, scores: Array, unseen: Array) -> Array:
    """Ridge regression."""
    mean = scores.mean(0)
    left = seen.T @ seen + RIDGE * np.eye(seen.shape[1], dtype=np.float32)
    return unseen @ np.linalg.solve(left, seen.T @ (scores - mean)) + mean


def perceptron(seen: Array, scores: Array, unseen: Array, rng: np.random.Generator) -> Array:
    """One hidden layer of ReLUs, logistic outputs, Adam (Kingma and Ba 2015) with weight decay, dropout of a half."""
    centre, scale = seen.mean(0), 1 / (seen.std(0) + 1e-3)
    x, z = ((a - centre) * scale for a in (seen, unseen))
    sizes = (x.shape[1], HIDDEN, scores.shape[1])
    weights = [rng.standard_normal((a, b)).astype(np.float32) * (2 / a) ** 0.5 for a, b in itertools.pairwise(sizes)]
    mean = np.clip(scores.mean(0), 0.01, 0.99)
    weights += [np.zeros(HIDDEN, np.float32), np.log(mean / (1 - mean)).astype(np.float32)]
    first, second, step = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights], 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for begin in range(0, len(x), BATCH):
            at, step = order[begin : begin + BATCH], step + 1
            kept = (rng.random((len(at), HIDDEN)) < 0.5) * np.float32(2)
            hidden = np.maximum(x[at] @ weights[0] + weights[2], 0) * kept
            off = (1 / (1 + np.exp(-(hidden @ weights[1] + weights[3]))) - scores[at]) / len(at)
            back = (off @ weights[1].T) * (hidden > 0) * kept
            slopes = [x[at].T @ back, hidden.T @ off, back.sum(0), off.sum(0)]
            for k, slope in enumerate(slopes):
                first[k] += 0.1 * (slope - first[k])
                second[k] += 0.001 * (slope * slope - second[k])
                move = first[k] / (1 - 0.9**step) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
                weights[k] -= np.float32(RATE) * (move + (DECAY * weights[k] if k < 2 else 0))
    hidden = np.maximum(z @ weights[0] + weights[2], 0)
    return 1 / (1 + np.exp(-(hidden @ weights[1] + weights[3])))
