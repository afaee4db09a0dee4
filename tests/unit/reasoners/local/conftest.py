"""Small model files, sources that can be told how to fail, and a stand-in for llama.cpp's child."""

import hashlib
import struct
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rung.clock import RealClock
from rung.reasoners.local.catalogue import Model, Package
from rung.reasoners.local.engine import Engine, EngineSpec
from rung.reasoners.local.memory import Memory
from rung.reasoners.local.progress import Progress, Watch
from rung.reasoners.local.pulse import Pulse

PART_BYTES = 1000


def model_of(content: bytes, name: str = "tiny") -> Model:
    parts = -(-len(content) // PART_BYTES)
    return Model(
        name=name,
        about="a test's",
        licence="none",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        trained_tokens=2048,
        hub=f"{name}.gguf",
        packages=tuple(Package(f"rung-test-part{i}==1.0", f"rung_test_part{i}/part.bin") for i in range(parts)),
        part_bytes=PART_BYTES,
    )


@pytest.fixture
def content() -> bytes:
    return b"GGUF" + bytes(i * 7 % 251 for i in range(2 * PART_BYTES + 300))


@pytest.fixture
def model(content: bytes) -> Model:
    return model_of(content)


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def watch(told: list[Progress]) -> Watch:
    return Watch(RealClock(), told.append)


# It speaks as the real child does. Its first argument says how it behaves: `says` answers "Hello" in two tokens,
# `stalls` falls silent after the first, `breaks` cannot load, `waits` never gets ready.
CHILD = """
import http.server, json, sys, threading, os
settings = json.loads(sys.stdin.buffer.readline())
how = sys.argv[1]

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer " + settings["key"]:
            return self.send_error(401)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for i, text in enumerate(("Hel", "lo")):
            self.say({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None, "logprobs": {
                "content": [{"id": 1, "token": text, "bytes": [1], "logprob": -0.5 * (i + 1),
                             "top_logprobs": [{"id": 1, "token": text, "bytes": [1], "logprob": -0.5}]}]}}]})
            if (how == "stalls" and body.get("max_tokens") != 1) or how == "never warms":
                threading.Event().wait()
        self.say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "asked": body})
        self.say({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
                                           "prompt_tokens_details": {"cached_tokens": 4}},
                  "timings": {"prompt_ms": 200.0, "predicted_ms": 300.0}})
        self.wfile.write(b"data: [DONE]\\n\\n")
    def say(self, chunk):
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\\n\\n")
        self.wfile.flush()

if how == "breaks":
    print("0.00.001.000 E llama_model_load: error loading model: the file is corrupt", file=sys.stderr)
    sys.exit(1)
if how == "waits":
    sys.stdin.buffer.read()
    sys.exit(0)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.buffer.read()
os._exit(0)
"""


# The head of a model without a context to speak of: what it takes is its file and what llama.cpp takes beside.
HEAD = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)


@pytest.fixture
def engine_of(tmp_path: Path) -> Callable[..., Engine]:
    """An engine over the stand-in that behaves as named, and over a file of the user's own; `memory`, the file's name
    and how its pulse is felt may be given."""
    program = tmp_path / "child.py"
    program.write_text(textwrap.dedent(CHILD))

    def make(how: str, name: str = "own", memory: Memory | None = None, pulse: Pulse | None = None) -> Engine:
        file = tmp_path / f"{name}.gguf"
        file.write_bytes(HEAD)
        spec = EngineSpec(model=None, path=file, folder=tmp_path, context_tokens=512, slots=2)
        return Engine(spec, RealClock(), memory=memory, program=(sys.executable, str(program), how), pulse=pulse)

    return make
