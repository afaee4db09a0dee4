"""What the parent says to workers and to the process that forks them.

Jobs and results are frames of a 4-byte big-endian length and that many bytes of msgpack. An order to the
process that forks is a letter and, for END, the worker's process id. That process says LOADED once, first.
"""

from collections.abc import Callable
from typing import Final

import msgspec

# What does the jobs. A pool's target names a factory: called once, it loads what it needs and gives this.
Answerer = Callable[[bytes], bytes]

HEADER_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 16 * 1024 * 1024

ORDER_BYTES: Final = 5
FORK: Final = b"f"
END: Final = b"e"
LOADED: Final = b"l"


class Job(msgspec.Struct, frozen=True, array_like=True):
    """One piece of work; `id` comes back with its result."""

    id: int
    payload: bytes


class Result(msgspec.Struct, frozen=True, array_like=True):
    """What came of a job: `error` is empty, "memory", or the name of the exception that the target let through.

    Id 0 says, once and first, that the worker is warm."""

    id: int
    payload: bytes = b""
    error: str = ""


def pack(message: Job | Result) -> bytes:
    """The whole frame of a message."""
    body = msgspec.msgpack.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def body_bytes(header: bytes) -> int:
    """The length a header announces. Raises ValueError if it is over the limit: the stream is then unreadable."""
    size = int.from_bytes(header, "big")
    if size > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes is over the limit of {MAX_FRAME_BYTES}")
    return size
