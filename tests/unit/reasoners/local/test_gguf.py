import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import WeightsError
from rung.reasoners.local.gguf import cache_bytes

LLAMA = {
    "general.architecture": "llama",
    "general.name": "x" * 10_000,
    "general.tags": ["chat", "small"],
    "llama.block_count": 30,
    "llama.rope.freq_base": 10_000.0,
    "llama.embedding_length": 576,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
}
TOKENIZER = {"tokenizer.ggml.tokens": [f"t{i}" for i in range(5000)], "tokenizer.ggml.scores": [0.5] * 5000}


def value(of: Any) -> tuple[int, bytes]:
    """Its kind in the file, and how it is written there."""
    if isinstance(of, str):
        return 8, struct.pack("<Q", len(of.encode())) + of.encode()
    if isinstance(of, list):
        kinds = [value(one) for one in of]
        return 9, struct.pack("<IQ", kinds[0][0] if kinds else 4, len(of)) + b"".join(raw for _, raw in kinds)
    if isinstance(of, float):
        return 6, struct.pack("<f", of)
    return 10, struct.pack("<Q", of)


def head(entries: dict[str, Any], version: int = 3) -> bytes:
    written = b"".join(value(key)[1] + struct.pack("<I", value(of)[0]) + value(of)[1] for key, of in entries.items())
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(entries)) + written


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.gguf"


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        (LLAMA | TOKENIZER, 2 * 30 * 3 * (64 + 64)),
        (TOKENIZER | LLAMA, 2 * 30 * 3 * (64 + 64)),
        (LLAMA | {"llama.attention.key_length": 128, "llama.attention.value_length": 32}, 2 * 30 * 3 * (128 + 32)),
        ({k: v for k, v in LLAMA.items() if not k.endswith("_kv")}, 2 * 30 * 9 * (64 + 64)),
        (LLAMA | {"llama.attention.head_count_kv": [3, 0, 1]}, 2 * (3 + 0 + 1) * (64 + 64)),
        ({"general.architecture": "mamba", "mamba.block_count": 24}, 0),
        (LLAMA | {"general.architecture": "other"}, 0),
    ],
)
def test_what_a_token_takes(file: Path, entries: dict[str, Any], found: int) -> None:
    file.write_bytes(head(entries) + b"tensors")
    assert cache_bytes(file) == found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no model", "no GGUF file"),
        (head(LLAMA, version=1), "version 2 or 3"),
        (head(LLAMA)[:-3], "cut off"),
        (head(LLAMA | {"llama.attention.head_count_kv": 1.5}), r"`llama.attention.head_count_kv` is no count"),
        (head(LLAMA | {"llama.x": [[1]]}), "lists of lists"),
        (head({"a": 1})[:-12] + struct.pack("<IQ", 77, 0), "unknown kind"),
        (head({})[:-8] + struct.pack("<Q", 2**63), "cut off"),
        (head({"a": ["b"]})[:-17] + struct.pack("<Q", 2**63), "cut off"),
    ],
)
def test_what_is_wrong_is_told(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=said):
        cache_bytes(file)


def test_a_missing_file_is_told(file: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        cache_bytes(file)


@given(st.integers(0, len(head(LLAMA)) - 1), st.binary(max_size=64))
def test_whatever_a_file_holds_it_is_a_number_or_a_weights_error(tmp_path_factory: Any, at: int, junk: bytes) -> None:
    whole = head(LLAMA)
    path = tmp_path_factory.mktemp("gguf") / "a.gguf"
    path.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    with suppress(WeightsError):
        assert cache_bytes(path) >= 0
