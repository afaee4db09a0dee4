"""A small sentence encoder (Reimers and Gurevych 2019) under onnxruntime."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rung.errors import WeightsError
from rung.reasoners.local import weights
from rung.reasoners.local.catalogue import ENCODERS
from rung.reasoners.local.progress import Watch

# Half of a longer text's tokens from each end: what is asked stands there, and time grows with them.
_TOKENS = 62
# No token is longer on average: a text is cut to what its tokens can need before they are looked for.
_CHARS_A_TOKEN = 32
_THREADS = 2
_AT_ONCE = 32

Floats = NDArray[np.float32]


class Sentences:
    """Encodes texts of any length to unit vectors of `dimensions`; any thread may ask."""

    def __init__(self, model: Path, tokenizer: Path, tokens: int = _TOKENS) -> None:
        """From the pinned files; reads that many tokens of a text at most."""
        self._most = tokens
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(_THREADS, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        # Between texts, a thread that waits by spinning would take a processor from the requests.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        begin, *_, end = self._tokenizer.encode("").ids
        self._begin, self._end = begin, end
        self.dimensions: int = self._session.get_outputs()[0].shape[-1]
        # One text at a time: two would only share the same processors.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="rung-embedding")

    def __call__(self, texts: Sequence[str], done: Callable[[int], None] = lambda _: None) -> Floats:
        """[texts, dimensions]; milliseconds a text. `done` is told of texts as they are done."""
        tokens = [self._tokens(text) for text in texts]
        out = np.empty((len(texts), self.dimensions), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        for begin in range(0, len(order), _AT_ONCE):
            some = order[begin : begin + _AT_ONCE]
            out[some] = self._encoded([tokens[i] for i in some])
            done(len(some))
        return out

    async def one(self, text: str) -> Floats:
        """[1, dimensions], in a thread beside the loop's."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self, [text])

    def _tokens(self, text: str) -> list[int]:
        half = self._most // 2
        text = text.encode(errors="replace").decode()  # no lone surrogates
        if len(text) > 2 * half * _CHARS_A_TOKEN:
            text = f"{text[: half * _CHARS_A_TOKEN]} {text[-half * _CHARS_A_TOKEN :]}"
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        if len(ids) > self._most:
            ids = ids[:half] + ids[-half:]
        return [self._begin, *ids, self._end]

    def _encoded(self, rows: Sequence[Sequence[int]]) -> Floats:
        longest = max(map(len, rows))
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden: NDArray[Any] = self._session.run(None, given)[0]
        mean = (hidden * mask[:, :, None]).sum(1)
        unit: Floats = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
        return unit


def opened(name: str, folder: Path, watch: Watch) -> Sentences:
    """From the files in `folder`. Raises WeightsError where they are not there, and says how to get them."""
    if name not in ENCODERS:
        raise WeightsError(f"this Rung knows no embedding `{name}`: make the artefact again with `rung eval`")
    model, tokenizer = (weights.find(file, folder, watch) for file in ENCODERS[name].files)
    if model is None or tokenizer is None:
        raise WeightsError(f"{name} is not in {folder}: get it with `rung models get {name}`")
    return _loaded(model, tokenizer)


@lru_cache(maxsize=1)  # a config that is applied anew goes on with the same
def _loaded(model: Path, tokenizer: Path) -> Sentences:
    return Sentences(model, tokenizer)
