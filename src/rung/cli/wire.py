"""What is sent to a client in one round of the event loop leaves in one piece."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1."
# A client that does not read is noticed by what its transport holds: more than this is not kept from it.
_MOST_BYTES = 16 * 1024


class Joined:
    """A transport whose writes wait for the end of the loop's round: a whole response is then one write, not one for
    its head and one for its body, and those of many requests go out together. Each write wakes a client and lets go of
    the interpreter's lock. Where `alone` says that there is nothing to go out with, only a head waits, for its body."""

    def __init__(self, transport: asyncio.Transport, alone: Callable[[], bool]) -> None:
        self._transport = transport
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        alone = self._alone()
        if not self._pieces:
            if alone and not data.startswith(_HEAD):
                self._transport.write(data)
                return
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MOST_BYTES or (alone and len(self._pieces) > 1):
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._transport.write(data)


class Wire(HttpToolsProtocol):
    """uvicorn's HTTP over a Joined transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(cast(asyncio.Transport, Joined(transport, self._alone)))

    def _alone(self) -> bool:
        return len(self.tasks) < 2  # the server's, one for each request that is being answered
