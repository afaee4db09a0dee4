"""Answers to requests that are the same to the letter, kept in memory."""

import hashlib
from collections import OrderedDict
from functools import lru_cache

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from rung.types import Answer, Json, Preset, Request

# How an answer is sent and who is billed for it: nothing that the answer depends on. `model` is the request's own.
_NOT_OF_THE_ANSWER = frozenset(
    {"model", "stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key"}
)
_APART = _NOT_OF_THE_ANSWER | {"messages"}


class Kept(Struct, frozen=True, array_like=True):
    """An answer, and whether it was as likely right as those who share its key asked. It may be served as long as all
    of `without` are down, which might have been asked."""

    answer: Answer
    quality_reached: bool = True
    without: tuple[str, ...] = ()


_canonical = msgspec.json.Encoder(order="deterministic")
_as_sent = msgspec.json.Encoder()
_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Kept)

# Requests of which it is known what they were served: minutes of them, in some megabytes.
_SERVED = 32_768
# The objects around an entry's packed bytes: its key, its place in the order and in the table (measured).
_ENTRY_BYTES = 352
_LARGEST_SHARE = 8


def key_of(request: Request, epoch: str) -> bytes:
    """64 bytes that two requests share only if they ask the same of the same tenant, model and policy.

    `epoch` names the policy (ladder, prices, estimates) that would answer. Budget and deadline are left out: an answer
    in hand meets any, and one that only they made do with is not kept.
    """
    wishes = request.wishes
    answering = _answering(request.tenant, request.model, epoch, wishes.preset, wishes.min_quality)
    return answering + (request.digest or digest_of(request.body))


@lru_cache(maxsize=1024)
def _answering(tenant: str, model: str, epoch: str, preset: Preset | None, min_quality: float | None) -> bytes:
    text = _canonical.encode((tenant, model, epoch, preset, min_quality))
    return hashlib.blake2b(text, digest_size=32).digest()


def digest_of(body: Json) -> bytes:
    """32 bytes that two bodies share only if they ask the same. 1 and 1.0, or a null and a missing field, are told
    apart: that may cost a hit, but never serves one request's answer to another. So is the order within a field: models
    write an object's fields as its schema names them, and servers take schemas by many names."""
    rest = sorted([field for field in body.items() if field[0] not in _APART])
    # JSON texts side by side cannot be read in two ways: the first ends where it ends.
    text = _canonical.encode(body["messages"]) + _as_sent.encode(rest)
    return hashlib.blake2b(text, digest_size=32).digest()


def served_from_cache(answer: Answer) -> Answer:
    """Serving it again reads as many tokens, but costs nothing and holds no machine."""
    return replace(answer, usage=replace(answer.usage, usd=0.0, busy_s=0.0))


def _keepable(answer: Answer) -> bool:
    for choice in answer.choices:
        if choice.finish != "stop" or not choice.text or choice.tool_calls:
            return False
    return bool(answer.choices)


class ExactCache:
    """Key -> answer, the least recently used leaving first, bounded by the bytes they take. 0 keeps nothing.

    Answers are kept packed: their size is then known to the byte, and nobody can change what others will read.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes_used = 0
        # Ordered: the oldest of a plain dict is found by walking over all that were taken out of it before.
        self._served: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: bytes) -> Kept | None:
        packed = self._entries.get(key)
        if packed is None:
            return None
        self._entries.move_to_end(key)
        return _unpack.decode(packed)

    def put(self, key: bytes, kept: Kept) -> None:
        """Keeps a whole, successful, tool-free answer, unless it takes over an eighth of the bound."""
        if not _keepable(kept.answer):
            return
        try:
            packed = _pack.encode(kept)
        except OverflowError:  # what an endpoint added has a number that JSON can hold, but 64 bits cannot
            return
        if _size(packed) > self._max_bytes // _LARGEST_SHARE:
            return
        self._forget(key)
        self._entries[key] = packed
        self._bytes_used += _size(packed)
        while self._bytes_used > self._max_bytes:
            self._forget(next(iter(self._entries)))

    def served(self, request_id: str, key: bytes) -> None:
        """What is kept under `key`, now or soon, was this request's answer."""
        if not self._max_bytes:
            return
        self._served[request_id] = key
        if len(self._served) > _SERVED:
            self._served.popitem(last=False)

    def retract(self, request_id: str) -> None:
        """Forgets the answer that this request was served, unless that is too long ago to be known."""
        key = self._served.pop(request_id, None)
        if key is not None:
            self._forget(key)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_used(self) -> int:
        return self._bytes_used

    def _forget(self, key: bytes) -> None:
        packed = self._entries.pop(key, None)
        if packed is not None:
            self._bytes_used -= _size(packed)


def _size(packed: bytes) -> int:
    return len(packed) + _ENTRY_BYTES
