"""What ships with the package of public outcomes: how hard a question is, and of what kind. No numpy is needed.

A question is its distinct words and pairs of words, hashed, and its surface; one weight each says what that adds to the
difficulty in log-odds, the others to the domains. `benchmarks/coldstart.py make` fits it, and its header says to what.
The words themselves are not in it: each of its places is shared by several.
"""

import math
import re
import struct
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from operator import mul
from typing import NamedTuple
from zlib import crc32

import msgspec
from msgspec import Struct

DOMAINS = ("maths", "logic", "facts", "reading", "code")
FORMAT = 1
BITS = 13
SURFACE = 7
# Only this much of a long question is read, half from each end: what is asked stands there.
_LOOK_CHARS = 4000
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[^\w\s]|_+")
_OPTION = re.compile(r"(?:^|\n)\s*\(?[A-Ja-j][).]")
_MASK = (1 << BITS) - 1


class About(Struct, frozen=True, kw_only=True):
    """What a prior is. `data` is the SHA-256 of the outcomes it was fitted to, `made` the day, ISO 8601; `sources` name
    them with their licences."""

    format: int
    made: str
    data: str
    questions: int
    reasoners: int
    sources: tuple[str, ...]


class Weights(Struct, frozen=True, kw_only=True):
    """Outputs are the difficulty, then the domains. `words` are signed bytes [2**BITS, outputs], to be scaled by
    `scales` [outputs]; `surface` [SURFACE, outputs]; `offsets` [outputs]."""

    about: About
    scales: tuple[float, ...]
    surface: tuple[tuple[float, ...], ...]
    offsets: tuple[float, ...]
    words: bytes


class Placed(NamedTuple):
    """A question: its difficulty in log-odds, 0 for an ordinary one, and the chances of its domains."""

    difficulty: float
    domains: tuple[float, ...]


class Prior:
    """Pure once it is made."""

    def __init__(self, weights: Weights) -> None:
        """Raises ValueError where shapes do not fit."""
        outputs = 1 + len(DOMAINS)
        shapes = {len(weights.scales), len(weights.offsets), *map(len, weights.surface)}
        if weights.about.format != FORMAT or shapes != {outputs} or len(weights.surface) != SURFACE:
            raise ValueError("this is no prior of this format")
        if len(weights.words) != outputs << BITS:
            raise ValueError("the prior's words are cut short")
        self.about = weights.about
        self._words = list(struct.iter_unpack(f"{outputs}b", weights.words))
        self._scales, self._surface, self._offsets = weights.scales, weights.surface, weights.offsets

    def place(self, question: str) -> Placed:
        """Cost does not grow with a text beyond 4,000 characters."""
        words, surface = read(question)
        sums = map(sum, zip(*[self._words[word] for word in words], strict=True))
        share = 1 / math.sqrt(len(words))
        difficulty, *domains = (
            offset + scale * share * total + sum(map(mul, surface, on))
            for offset, scale, total, on in zip(
                self._offsets, self._scales, sums, zip(*self._surface, strict=True), strict=True
            )
        )
        return Placed(difficulty, _chances(domains))


def read(question: str) -> tuple[set[int], list[float]]:
    """The places of a question's distinct words and pairs of words, at least one, and SURFACE figures of how it looks.
    Numbers count by how many digits they have."""
    if len(question) > _LOOK_CHARS:
        question = f"{question[: _LOOK_CHARS // 2]}\n{question[-_LOOK_CHARS // 2 :]}"
    lower = question.lower()
    tokens = _TOKEN.findall(lower)
    numbers = 0
    for i, token in enumerate(tokens):
        if token[0].isdigit():
            tokens[i] = "0" * min(len(token), 6)
            numbers += 1
    one = [crc32(token.encode(errors="replace")) for token in tokens]
    places = {(word * 2654435761 >> 7) & _MASK for word in one}
    places.update(((b * 40503 ^ a) * 2654435761 >> 9) & _MASK for a, b in pairwise(one))
    options = len(_OPTION.findall(question))
    surface = [
        math.log(len(lower) + 1),
        float(min(options, 10)),
        math.log1p(numbers),
        len(set(tokens)) / (len(tokens) + 1),
        float(lower.rstrip().endswith("?")),
        float("$" in lower or "\\" in lower),
        float(options > 1),
    ]
    return places or {0}, surface


def _chances(logits: Sequence[float]) -> tuple[float, ...]:
    most = max(logits)
    odds = [math.exp(logit - most) for logit in logits]
    total = sum(odds)
    return tuple(one / total for one in odds)


@cache
def shipped() -> Prior:
    """The one in the package."""
    return Prior(msgspec.msgpack.decode(files(__package__).joinpath("prior.msgpack").read_bytes(), type=Weights))
