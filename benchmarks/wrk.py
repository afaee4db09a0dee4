"""wrk with a prompt of its own for every request, or one for all; and a client that looks at the first chunk."""

import json
import re
import socket
import subprocess
import time
from pathlib import Path
from statistics import median

from msgspec import Struct

QUESTION = (
    "You are helping a traveller who plans a journey. In one short sentence, and without any explanation, say which "
    "city is the capital of the country that has the most inhabitants among those that border the sea described in "
    "travel note %s, and name the river that runs through it if there is one."
)

_LUA = """
local headers = {headers}
headers["content-type"] = "application/json"
local before, after, unique = {before}, {after}, {unique}
local run, count = "{run}", 0
function request()
  count = count + 1
  local note = unique and (run .. "-" .. count) or "of all"
  return wrk.format("POST", "{path}", headers, before .. note .. after)
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{{"requests":%d,"seconds":%f,"failed":%d,"p50_ms":%f,"p99_ms":%f}}',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


class Load(Struct, frozen=True):
    """What wrk saw: requests per second, and milliseconds."""

    requests: int
    rps: float
    p50_ms: float
    p99_ms: float


class Failed(RuntimeError):
    """Not every request was answered with 200."""


class Target(Struct, frozen=True, kw_only=True):
    """Where requests go, and what they say. `unique`: each asks something that was never asked; `stream`: each asks
    for a stream."""

    port: int
    path: str = "/v1/chat/completions"
    model: str = "up"
    headers: dict[str, str] = {}
    unique: bool = True
    stream: bool = False


def body(target: Target, note: str) -> str:
    messages = [{"role": "user", "content": QUESTION % note}]
    return json.dumps({"model": target.model, "messages": messages} | ({"stream": True} if target.stream else {}))


def press(target: Target, folder: Path, connections: int, seconds: int, run: str) -> Load:
    """One wrk thread with `connections` connections; a stream is done with its last byte. Raises Failed if any request
    was, or none was answered."""
    before, after = body(target, "\x00").split("\\u0000")
    script = folder / f"{run}.lua"
    pairs = ", ".join(f"[{json.dumps(k)}] = {json.dumps(v)}" for k, v in target.headers.items())
    script.write_text(
        _LUA.format(
            headers=f"{{{pairs}}}",
            before=json.dumps(before),
            after=json.dumps(after),
            unique="true" if target.unique else "false",
            run=run,
            path=target.path,
        )
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(script)]
    address = f"http://127.0.0.1:{target.port}"
    done = subprocess.run([*command, address], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk failed at {address}: {done.stdout}{done.stderr}")
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    if not seen["requests"] and not seen["failed"]:
        raise Failed(f"no answer within {seconds} s at {address}{target.path}")
    if seen["failed"]:
        raise Failed(f"{seen['failed']} of {seen['requests']} requests failed at {address}{target.path}")
    return Load(seen["requests"], seen["requests"] / seen["seconds"], seen["p50_ms"], seen["p99_ms"])


class Pace(Struct, frozen=True):
    """Of streams over one connection, medians: from sending a request to its first `data:`, and from there to its last
    byte."""

    first_ms: float
    rest_ms: float


def pace(target: Target, run: str, n: int) -> Pace:
    first, rest = [], []
    with socket.create_connection(("127.0.0.1", target.port), timeout=20) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(n):
            text = body(target, f"{run}-{i}")
            more = "".join(f"{k}: {v}\r\n" for k, v in target.headers.items())
            head = f"POST {target.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{more}"
            started_s = time.perf_counter()
            line.sendall(f"{head}content-length: {len(text)}\r\n\r\n{text}".encode())
            seen = _read_until(line, b"", b"data: ")
            first.append(time.perf_counter() - started_s)
            if not seen.startswith(b"HTTP/1.1 200"):
                raise Failed(f"no stream from port {target.port}: {seen[:200]!r}")
            _read_rest(line, seen)
            rest.append(time.perf_counter() - started_s - first[-1])
    return Pace(median(first) * 1000, median(rest) * 1000)


def _read_rest(line: socket.socket, seen: bytes) -> None:
    head, _, content = seen.partition(b"\r\n\r\n")
    told = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if told is None:
        _read_until(line, seen, b"\r\n0\r\n\r\n")
        return
    left = int(told[1]) - len(content)
    while left > 0:
        left -= len(_read_until(line, b"", b""))


def _read_until(line: socket.socket, seen: bytes, mark: bytes) -> bytes:
    while not seen or mark not in seen:
        piece = line.recv(65536)
        if not piece:
            raise Failed(f"the connection ended: {seen[:300]!r}")
        seen += piece
    return seen
