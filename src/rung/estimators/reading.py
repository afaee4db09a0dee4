"""A question as numbers: hashed words and pairs of words, and what its surface looks like."""

import math
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Hashes are that many bits wide: with 50,000 words and pairs in use, about one in eleven meets another's place.
BITS = 19
# Only this much of a long question is read, half from each end: what is asked stands there.
_LOOK_CHARS = 4000
# Over bytes of UTF-8, twice as quick: whatever is not ASCII counts as a letter, so typographic marks are made plain.
_TOKEN = re.compile(rb"[a-z0-9\x80-\xff]+|[^\w\s]|_+")
_PLAIN = str.maketrans("\u201c\u201d\u201e\u2018\u2019\u2013\u2014\u2026\u00a0", '"""\'\'--. ')
_OPTION = re.compile(r"^\s*\(?[A-Ja-j][).]", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = frozenset([b"not", b"except", b"never", b"false", b"incorrect", b"least"])
_ASKING = frozenset([b"what", b"which", b"who", b"when", b"where", b"why", b"how"])
_PAIR = np.uint64(2654435761)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - BITS)
# Every question has this feature, so that none is empty.
_ALWAYS = np.array([0], np.int64)
_END = np.array([True])

# What a character is, by its Latin-1 code; any other counts as 0xFF.
_SORTS = ("digit", "upper", "lower", "space", "newline", "other", "foreign")
_MARKS = "?.,$\\=('\"%/"


def _sort(code: int) -> int:
    c = chr(code)
    if c in _MARKS:
        return len(_SORTS) + _MARKS.index(c)
    tests = (c.isdigit(), c.isupper(), c.islower(), c.isspace() and c != "\n", c == "\n", True)
    return 6 if code > 127 else tests.index(True)


_CLASS = np.array([_sort(code) for code in range(256)], np.uint8)
_CLASSES = len(_SORTS) + len(_MARKS)

SURFACE = 33  # how many figures `_surface` gives


class Rows(NamedTuple):
    """A sparse matrix by rows, none of them empty: row i is `values` and `columns` from starts[i] to starts[i + 1]."""

    starts: Ints
    columns: Ints
    values: Floats

    def times(self, weights: Floats) -> Floats:
        """The product with a dense matrix [columns, k] -> [rows, k]."""
        if len(self.starts) == 2:
            return (self.values @ weights.take(self.columns, axis=0))[None, :]
        parts = []
        for begin in range(0, len(self.starts) - 1, _CHUNK):
            starts = self.starts[begin : begin + _CHUNK + 1]
            low, high = starts[0], starts[-1]
            scaled = self.values[low:high, None] * weights[self.columns[low:high]]
            parts.append(np.add.reduceat(scaled, starts[:-1] - low, axis=0))
        return np.concatenate(parts)

    def take(self, at: Ints) -> "Rows":
        """The rows `at`, in that order."""
        sizes = np.diff(self.starts)[at]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        inside = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes) + np.repeat(self.starts[at], sizes)
        return Rows(starts, self.columns[inside], self.values[inside])


_CHUNK = 1024


class Questions(NamedTuple):
    """Questions that were read: `words` has a column a hash and how often it occurs; `surface` [questions, SURFACE];
    `embedded` [questions, dimensions], with no dimension where no embedding is used."""

    words: Rows
    surface: Floats
    embedded: Floats

    def take(self, at: Ints) -> "Questions":
        return Questions(self.words.take(at), self.surface[at], self.embedded[at])


def read(texts: Sequence[str], embedded: Floats | None = None) -> Questions:
    """Microseconds a question; cost does not grow with a text beyond `_LOOK_CHARS`. `embedded` are the texts'
    embeddings, if there are any."""
    columns: list[Ints] = []
    values: list[Floats] = []
    surface = np.empty((len(texts), SURFACE), np.float32)
    for i, text in enumerate(texts):
        if len(text) > _LOOK_CHARS:
            text = f"{text[: _LOOK_CHARS // 2]}\n{text[-_LOOK_CHARS // 2 :]}"  # noqa: PLW2901
        if not text.isascii():
            text = text.encode(errors="replace").decode().translate(_PLAIN)  # noqa: PLW2901  no lone surrogates
        tokens = _TOKEN.findall(text.lower().encode())
        hashes, counts = _hashed(tokens)
        columns.append(hashes)
        values.append(counts)
        surface[i] = _surface(text, tokens)
    starts = np.array([0, *accumulate(map(len, columns))], np.int64)
    if len(texts) != 1:
        none: list[Any] = [np.zeros(0, np.int64)]
        columns, values = [np.concatenate(columns or none)], [np.concatenate(values or none, dtype=np.float32)]
    if embedded is None:
        embedded = np.zeros((len(texts), 0), np.float32)
    return Questions(Rows(starts, columns[0], values[0]), surface, embedded)


def _hashed(tokens: list[bytes]) -> tuple[Ints, Floats]:
    one = np.fromiter(map(crc32, tokens), np.uint64, len(tokens))
    pairs = one[1:] * _PAIR ^ one[:-1]
    hashes = (np.concatenate([one, pairs]) * _MIX >> _SHIFT).view(np.int64)
    hashes.sort()
    hashes += 1
    hashes = np.concatenate([_ALWAYS, hashes])
    last = np.concatenate([hashes[1:] != hashes[:-1], _END])
    ends = last.nonzero()[0]
    counts = ends.astype(np.float32)
    counts[1:] -= ends[:-1]
    counts[0] = 1
    return hashes[ends], counts


def _surface(text: str, tokens: list[bytes]) -> list[float]:
    """Sizes, shares of kinds of characters, and how the text begins and ends."""
    log = math.log1p
    codes = np.minimum(np.frombuffer(text.encode("utf-16-le"), np.uint16), 255)
    n = np.bincount(_CLASS.take(codes), minlength=_CLASSES).tolist()
    size, words = len(text) + 1, len(tokens) + 1
    options = len(_OPTION.findall(text))
    known = frozenset(tokens)
    stripped = text.strip()
    begin, end = stripped[:1], stripped[-1:]
    return [
        log(size),
        log(words),
        size / words,
        *(count / size for count in n[:7]),
        *(log(count) for count in n[7:]),
        log(n[4]),
        log(options),
        log(size / (options + 1)),
        log(len(_NUMBER.findall(text))),
        len(known) / words,
        float(not known.isdisjoint(_NEGATION)),
        float(tokens[:1] != [] and tokens[0] in _ASKING),
        float(begin.islower()),
        float(end == "?"),
        float(end == "."),
        float(end == ":"),
        float("__" in text),
    ]
