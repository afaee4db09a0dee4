"""An upstream that streams at a steady pace: `paced.py PORT CHUNKS_PER_S`.

POST anything: after FIRST_S an answer of `max_tokens` chunks, each of which says when it was written (monotonic
nanoseconds, the same clock for every process of the machine) and by how much that was later than it was due
(microseconds). GET: 200.
"""

import asyncio
import json
import sys
import time

import uvloop

# About the least that real models take. Where it is next to nothing, a millisecond that a busy client adds to it looks
# like an upstream that is overloaded.
FIRST_S = 0.1
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNK = {"id": "chatcmpl-paced", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "up"}


def _event(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({**_CHUNK, 'choices': [choice]})}\n\n"


_BEFORE, _AFTER = (part.encode() for part in _event({"content": "MARK"}).split("MARK"))
_LAST = (_event({}, "stop") + "data: [DONE]\n\n").encode()


class Stream(asyncio.Protocol):
    """One connection, one answer after the other."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._read = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, rest = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"GET"):
            self._read = rest
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            return
        lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next(int(value) for name, _, value in lines if name == b"content-length")
        if len(rest) < length:
            return
        self._read = rest[length:]
        self._left = json.loads(rest[:length])["max_tokens"]
        self._transport.write(_HEAD)
        self._due_s = self._loop.time() + FIRST_S
        self._timer = self._loop.call_at(self._due_s, self._write)

    def _write(self) -> None:
        if not self._left:
            self._transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(_LAST), _LAST))
            return
        late_us = (self._loop.time() - self._due_s) * 1e6
        event = b"%b@%d:%d@%b" % (_BEFORE, time.monotonic_ns(), max(late_us, 0), _AFTER)
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        self._left -= 1
        self._due_s += self._every_s
        self._timer = self._loop.call_at(self._due_s, self._write)


async def main(port: int, chunks_per_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stream(1 / chunks_per_s), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
