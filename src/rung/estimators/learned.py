"""An artefact that serves: a question's text to what is expected of each reasoner it knows."""

import math
from collections.abc import Mapping
from pathlib import Path

from rung.estimators.artefact import About, load
from rung.estimators.reading import read
from rung.estimators.space import Reader
from rung.estimators.stack import Model
from rung.types import Expected


class Learned:
    """Pure once it is made. `about` says where it comes from."""

    def __init__(self, model: Model, about: About) -> None:
        self.about = about
        self._model = model
        self._reader = Reader(model.space)

    @classmethod
    def load(cls, path: Path) -> "Learned":
        """Raises ConfigError."""
        return cls(*load(path))

    @property
    def origin(self) -> str:
        """The artefact in few words: its day, and the beginning of its data's digest."""
        return f"{self.about.made} {self.about.data[:8]}"

    def __call__(self, question: str) -> Mapping[str, Expected]:
        """By reasoner's name."""
        model = self._model
        points = self._reader.place(read([question]))
        right = model.predict(points)
        deviation = model.deviation(points, right)[0].tolist()
        tokens = model.tokens.predict(points)[0].tolist() if model.tokens else [None] * len(deviation)
        outcomes, origin = self.about.outcomes, self.origin
        return {
            name: Expected(
                right_prob=p,
                right_sd=sd,
                completion_tokens=None if t is None else max(1.0, math.expm1(min(t, _MOST_LOG_TOKENS))),
                outcomes=outcomes,
                origin=origin,
            )
            for name, p, sd, t in zip(self.about.reasoners, right[0].tolist(), deviation, tokens, strict=True)
        }


_MOST_LOG_TOKENS = 12.0
