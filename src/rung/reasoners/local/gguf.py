"""What a GGUF file's head says of the memory that its model takes.

Source: the GGUF specification (docs/gguf.md of ggml), versions 2 and 3, little-endian.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from rung.errors import WeightsError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Of what is kept: no name and no list of layers is longer.
_LONGEST = 4096
_VALUE_BYTES = 2  # llama.cpp keeps keys and values at 16 bits unless told otherwise

Value = str | float | tuple[float, ...]


def cache_bytes(path: Path) -> int:
    """What one token takes in the key-value cache: 2 B x heads x (key length + value length), summed over the layers;
    0 for a model that keeps none. More than it takes where layers only look back a little. Raises WeightsError.
    """
    try:
        with path.open("rb") as file:
            said = _Said(_known(_Reader(file, path)), path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}; give the path of a .gguf file") from error
    heads = said.counts("attention.head_count", (0,))
    heads_kv = said.counts("attention.head_count_kv", heads)
    in_all = sum(heads_kv) if len(heads_kv) > 1 else heads_kv[0] * said.count("block_count", 0)
    if not in_all:
        return 0
    length = said.count("embedding_length", 0) // max(*heads, 1)
    lengths = said.count("attention.key_length", length) + said.count("attention.value_length", length)
    return _VALUE_BYTES * in_all * lengths


class _Said:
    """What the head says of the model's own architecture."""

    def __init__(self, known: dict[str, Value], path: Path) -> None:
        self._known = known
        self._path = path
        self._name = known.get("general.architecture")

    def counts(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """One for each layer, or one for all of them."""
        value = self._known.get(f"{self._name}.{key}", default)
        values = value if isinstance(value, tuple) else (value,)
        counts = tuple(one for one in values if isinstance(one, int) and one >= 0)
        if not counts or len(counts) < len(values):
            raise WeightsError(f"{self._path} cannot be loaded: its `{self._name}.{key}` is no count")
        return counts

    def count(self, key: str, default: int) -> int:
        return max(self.counts(key, (default,)))


def _known(reader: "_Reader") -> dict[str, Value]:
    """What the head says, but for the tokenizer's tables, which come last and are long."""
    magic, version = reader.bytes(4), reader.scalar("I")
    if magic != b"GGUF" or version not in {2, 3}:
        raise WeightsError(f"{reader.path} is no GGUF file of version 2 or 3; llama.cpp can only load those")
    reader.scalar("Q")  # tensors
    known: dict[str, Value] = {}
    for _ in range(int(reader.scalar("Q"))):
        key = reader.text()
        if key.startswith("tokenizer.") and any(k.endswith(".block_count") for k in known):
            break
        value = reader.value(int(reader.scalar("I")))
        if value is not None:
            known[key] = value
    return known


class _Reader:
    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.path = path
        self._file = file
        self._left = os.fstat(file.fileno()).st_size

    def bytes(self, count: int) -> bytes:
        self._take(count)
        return self._file.read(count)

    def scalar(self, kind: str) -> float:
        value: float = struct.unpack(f"<{kind}", self.bytes(struct.calcsize(kind)))[0]
        return value

    def text(self) -> str:
        return self.bytes(int(self.scalar("Q"))).decode(errors="replace")

    def value(self, kind: int) -> Value | None:
        """None for what is passed over: long texts, and lists of anything but numbers."""
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _STRING:
            length = int(self.scalar("Q"))
            if length <= _LONGEST:
                return self.bytes(length).decode(errors="replace")
            self._skip(length)
            return None
        if kind == _ARRAY:
            return self._array(int(self.scalar("I")), int(self.scalar("Q")))
        raise WeightsError(f"{self.path} cannot be loaded: its head holds a value of an unknown kind")

    def _array(self, kind: int, count: int) -> Value | None:
        if kind == _ARRAY:
            raise WeightsError(f"{self.path} cannot be loaded: its head holds lists of lists")
        if kind in _SCALARS and count > _LONGEST:
            self._skip(count * struct.calcsize(_SCALARS[kind]))
            return None
        values = [self.value(kind) for _ in range(min(count, self._left + 1))]
        return tuple(value for value in values if isinstance(value, int | float)) if kind in _SCALARS else None

    def _skip(self, count: int) -> None:
        self._take(count)
        self._file.seek(count, os.SEEK_CUR)

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise WeightsError(f"{self.path} is cut off; fetch it again")
