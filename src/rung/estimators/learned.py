"""An artefact that serves: a question's text to what is expected of each reasoner it knows."""

import math
from collections.abc import Awaitable, Callable, Mapping

from rung.estimators.artefact import About
from rung.estimators.reading import Floats, read
from rung.estimators.space import Reader
from rung.estimators.stack import Model
from rung.types import Expected

# A text's embedding [1, dimensions].
Embed = Callable[[str], Awaitable[Floats]]


class Learned:
    """Pure once it is made. `about` says where it comes from; `embed` is by the embedding that it names, if it does."""

    def __init__(self, model: Model, about: About, embed: Embed | None = None) -> None:
        if about.embedding and embed is None:
            raise ValueError(f"needs the embedding {about.embedding}")
        self.about = about
        self._model = model
        self._reader = Reader(model.space)
        self._embed = embed if about.embedding else None

    @property
    def origin(self) -> str:
        """The artefact in few words: its day, and the beginning of its data's digest."""
        return f"{self.about.made} {self.about.data[:8]}"

    async def __call__(self, question: str) -> Mapping[str, Expected]:
        """By reasoner's name."""
        model = self._model
        embedded = await self._embed(question) if self._embed else None
        points = self._reader.place(read([question], embedded))
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
