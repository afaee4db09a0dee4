"""The ledger's writer in a process of its own (`child`): here, its parent's side.

In a thread, binding a row's values holds the interpreter's lock that requests need, and passes their objects from one
core to another. Orders and replies go over a socket, the child's standard input, as frames of a 4-byte big-endian
length and that many bytes of msgpack.
"""

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from rung.errors import LedgerError
from rung.types import Feedback

_HEADER_BYTES = 4
# Until a child that is told to end has ended by itself, and for its reply: it waits a second for a lock, and as long as
# the disk takes.
_END_S = 10.0
_REPLY_S = 30.0


class Decisions(Struct, frozen=True, array_like=True, tag="decisions"):
    packed: list[bytes]


class Rated(Struct, frozen=True, array_like=True, tag="feedback"):
    feedback: list[tuple[Feedback, float]]


class Probe(Struct, frozen=True, array_like=True, tag="probe"):
    pass


class Done(Struct, frozen=True, array_like=True, tag="done"):
    known: list[bool] = []


class Refused(Struct, frozen=True, array_like=True, tag="refused"):
    """`lasting`: time does not mend it."""

    why: str
    lasting: bool


Order = Decisions | Rated | Probe
Reply = Done | Refused


class ProcessWriter:
    """Starts the process when there is something to write, and anew where it has ended: what it did not confirm is not
    taken for written, and writing a row twice changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.process.pid if self._child else None

    def write_decisions(self, packed: Sequence[bytes]) -> None:
        self._ask(Decisions(list(packed)))

    def write_feedback(self, feedback: Sequence[tuple[Feedback, float]]) -> list[bool]:
        return self._ask(Rated(list(feedback)))

    def probe(self) -> None:
        self._ask(Probe())

    def close(self) -> None:
        """Returns when what was sent is written."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _ask(self, order: Order) -> list[bool]:
        if self._child is None:
            self._child = _Child(self._path)
        try:
            reply = self._child.ask(order)
        except TimeoutError:
            self._child.process.kill()
            self.close()
            raise sqlite3.OperationalError(f"the process that writes it did not answer within {_REPLY_S:g} s") from None
        except (OSError, EOFError):
            self.close()
            raise sqlite3.OperationalError("the process that writes it has ended") from None
        if isinstance(reply, Done):
            return reply.known
        raise LedgerError(reply.why) if reply.lasting else sqlite3.OperationalError(reply.why)


class _Child:
    """The process, and the socket to it."""

    def __init__(self, path: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                # -P: a file in the working folder must not pass for a library. A session of its own: Ctrl-C is ours.
                self.process = subprocess.Popen(  # noqa: S603  a fixed command
                    [sys.executable, "-P", "-m", "rung.ledger.child", str(path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise LedgerError(f"The process that writes the ledger cannot be started ({error.strerror})") from error
        ours.settimeout(_REPLY_S)
        self._socket = ours
        self._replies = ours.makefile("rb")

    def ask(self, order: Order) -> Reply:
        """Raises OSError or EOFError if the process has ended, TimeoutError if it hangs."""
        self._socket.sendall(frame(order))
        reply: Reply = msgspec.msgpack.decode(read(self._replies), type=Reply)
        return reply

    def end(self) -> None:
        self._replies.close()
        self._socket.close()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def frame(message: Order | Reply) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


def read(stream: BinaryIO) -> bytes:
    """Raises EOFError where the other side has ended."""
    header = stream.read(_HEADER_BYTES)
    size = int.from_bytes(header, "big")
    body = stream.read(size)
    if len(header) < _HEADER_BYTES or len(body) < size:
        raise EOFError
    return body
