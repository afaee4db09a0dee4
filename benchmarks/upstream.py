"""An nginx that answers every chat completion with the same JSON, or the same stream: as fast as an upstream can be."""

import json
from pathlib import Path

WORDS = ["The", " capital", " of", " that", " country", " is", " Paris", "."]
USAGE = {"prompt_tokens": 42, "completion_tokens": len(WORDS), "total_tokens": 42 + len(WORDS)}
_HEAD = {"id": "chatcmpl-upstream", "created": 1_790_000_000, "model": "up"}

COMPLETION = json.dumps(
    {
        **_HEAD,
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "".join(WORDS)}, "finish_reason": "stop"},
        ],
        "usage": USAGE,
    }
).encode()


def _chunk(delta: dict[str, str], finish: str | None = None) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({**_HEAD, 'object': 'chat.completion.chunk', 'choices': choices})}\n\n"


CHUNKS = len(WORDS) + 4  # of STREAM, with the role's, the finish, the usage and [DONE]
STREAM = (
    _chunk({"role": "assistant", "content": ""})
    + "".join(_chunk({"content": word}) for word in WORDS)
    + _chunk({}, "stop")
    + f"data: {json.dumps({**_HEAD, 'object': 'chat.completion.chunk', 'choices': [], 'usage': USAGE})}\n\n"
    + "data: [DONE]\n\n"
)

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    {temporary}
    {servers}
}}
"""


def write_config(folder: Path, port: int, streaming_port: int) -> Path:
    """The nginx.conf of two servers: one answers COMPLETION, the other STREAM."""
    servers = _server(port, "application/json", COMPLETION.decode()) + _server(
        streaming_port, "text/event-stream", STREAM
    )
    return _write(folder, servers)


def write_proxy_config(folder: Path, port: int, up: int, streaming: int) -> Path:
    """The nginx.conf of a reverse proxy in front of those two: what comes to /stream/ goes to the second."""
    return _write(
        folder,
        f"""
    upstream whole {{ server 127.0.0.1:{up}; keepalive 512; keepalive_requests 1000000000; }}
    upstream streaming {{ server 127.0.0.1:{streaming}; keepalive 512; keepalive_requests 1000000000; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 1000000000;
        location / {{ proxy_pass http://whole; }}
        location /stream/ {{ proxy_pass http://streaming/; proxy_buffering off; }}
    }}
""",
    )


def _write(folder: Path, servers: str) -> Path:
    folder.mkdir(exist_ok=True)
    temporary = (f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = folder / "nginx.conf"
    path.write_text(_CONFIG.format(folder=folder, temporary="\n    ".join(temporary), servers=servers))
    return path


def _server(port: int, kind: str, content: str) -> str:
    """The answer stands in the config itself, so that no file is read. Nothing in it needs quoting but line ends."""
    assert not set(content) & set("'$\\")
    text = content.replace("\n", "\\n")
    return f"""
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 1000000000;
        location /count {{ stub_status; }}
        location / {{ default_type {kind}; return 200 '{text}'; }}
    }}
"""
