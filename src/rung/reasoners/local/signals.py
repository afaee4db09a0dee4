"""What the probabilities of an answer's tokens say about it."""

import math
from collections.abc import Iterable
from typing import Any

from rung.errors import Malformed
from rung.types import Json


class TokenSignals:
    """Sums up natural-log probabilities while the tokens come."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0.0
        self._min = 0.0
        self._first = 0.0

    def add(self, entries: Iterable[Json]) -> None:
        """Raises Malformed where a token has none: llama.cpp writes null for what is not a number."""
        for entry in entries:
            logprob = entry["logprob"]
            if logprob is None:
                raise Malformed("the model's probabilities are not numbers; its file is damaged, perhaps")
            if self.count == 0:
                self._first = logprob
            self.count += 1
            self._sum += logprob
            self._min = min(self._min, logprob)

    def told(self) -> dict[str, float]:
        """`mean_logprob` and `min_logprob` over all tokens, `first_token_prob` in 0..1; nothing if there were none."""
        if self.count == 0:
            return {}
        return {
            "mean_logprob": self._sum / self.count,
            "min_logprob": self._min,
            "first_token_prob": math.exp(self._first),
        }


def as_asked(entries: Iterable[Json], top: int) -> tuple[Json, ...]:
    """Entries of `logprobs.content` in OpenAI's shape, with at most `top` alternatives."""
    return tuple({**_plain(entry), "top_logprobs": _tops(entry, top)} for entry in entries)


def _tops(entry: Json, top: int) -> list[dict[str, Any]]:
    return [_plain(one) for one in entry.get("top_logprobs", [])[:top]]


def _plain(entry: Json) -> dict[str, Any]:
    return {key: entry.get(key) for key in ("token", "logprob", "bytes")}
