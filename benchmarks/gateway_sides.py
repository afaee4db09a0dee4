"""The servers that are compared: each is a process of its own on loopback, in front of the same upstream."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from upstream import write_config
from wrk import Target

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
KEY = "sk-benchmark-3f9c1b7e5d"

RUNG_CONFIG = """
reasoners:
  up: {{kind: endpoint, model: up, base_url: "{up}", strength: 0.9, concurrency: 256,
       price: {{input_usd_per_mtok: 0.1, output_usd_per_mtok: 0.4}}}}
  large: {{kind: endpoint, model: large, base_url: "{up}", strength: 0.92, concurrency: 256,
          price: {{input_usd_per_mtok: 5, output_usd_per_mtok: 20}}}}
  huge: {{kind: endpoint, model: huge, base_url: "{up}", strength: 0.93, concurrency: 256,
         price: {{input_usd_per_mtok: 20, output_usd_per_mtok: 80}}}}
  stream: {{kind: endpoint, model: up, base_url: "{streaming}", auto: false, concurrency: 256}}
ledger: {{path: {folder}/ledger.db}}
cache: {{exact: {{max_mb: 64}}}}
"""

LITELLM_CONFIG = """
model_list:
  - {{model_name: up, litellm_params: {{model: openai/up, api_base: "{up}", api_key: none}}}}
general_settings: {{master_key: {key}}}
"""


class Side(Struct, frozen=True):
    """A server that takes part."""

    target: Target
    pid: int
    ready_s: float

    def memory_mb(self) -> float:
        """Resident memory of the process and its children, from /proc; shared pages count once a process."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_s(self) -> float:
        """Processor time that the process and its children have used."""
        fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self._pids())
        return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> list[int]:
        pids = [self.pid]
        for one in pids:
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                pids.extend(int(child) for child in children.read_text().split())
        return pids


class Ports:
    def __init__(self) -> None:
        self.upstream, self.streaming, self.bare, self.rung, self.litellm, self.portkey = _free_ports(6)

    @property
    def up_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream}/v1"

    @property
    def streaming_url(self) -> str:
        return f"http://127.0.0.1:{self.streaming}/v1"


def missing() -> list[str]:
    """Programs that the benchmark needs and this machine lacks."""
    return [name for name in ("nginx", "wrk") if shutil.which(name, path=_path()) is None]


@contextmanager
def upstream(folder: Path, ports: Ports) -> Iterator[None]:
    nginx = shutil.which("nginx", path=_path())
    assert nginx
    config = write_config(folder, ports.upstream, ports.streaming)
    with _server([nginx, "-c", str(config), "-e", "stderr"], folder, f"http://127.0.0.1:{ports.upstream}/count"):
        yield


def upstream_requests(ports: Ports) -> int:
    """How many requests the upstream has had, this one counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports.upstream}/count") as answer:
        return int(answer.read().split()[9])


@contextmanager
def bare(folder: Path, ports: Ports) -> Iterator[Side]:
    urls = [f"{ports.up_url}/chat/completions", f"{ports.streaming_url}/chat/completions"]
    command = [sys.executable, str(HERE / "bare_proxy.py"), str(ports.bare), *urls]
    with _server(command, folder, f"http://127.0.0.1:{ports.bare}/hit", post=True) as started:
        yield Side(Target(port=ports.bare), *started)


@contextmanager
def rung(folder: Path, ports: Ports) -> Iterator[Side]:
    config = folder / "rung.yaml"
    config.write_text(RUNG_CONFIG.format(up=ports.up_url, streaming=ports.streaming_url, folder=folder))
    command = [str(BIN / "rung"), "serve", "--config", str(config), "--port", str(ports.rung)]
    with _server(command, folder, f"http://127.0.0.1:{ports.rung}/health/ready") as started:
        yield Side(Target(port=ports.rung, model="auto"), *started)


@contextmanager
def litellm(folder: Path, ports: Ports) -> Iterator[Side | None]:
    """None unless RUNG_BENCH_LITELLM names a virtual environment with `litellm[proxy]`."""
    home = os.environ.get("RUNG_BENCH_LITELLM")
    if not home:
        yield None
        return
    config = folder / "litellm.yaml"
    config.write_text(LITELLM_CONFIG.format(up=ports.up_url, key=KEY))
    command = [f"{home}/bin/litellm", "--config", str(config), "--host", "127.0.0.1", "--port", str(ports.litellm)]
    with _server(command, folder, f"http://127.0.0.1:{ports.litellm}/health/liveliness") as started:
        yield Side(Target(port=ports.litellm, headers={"authorization": f"Bearer {KEY}"}), *started)


@contextmanager
def portkey(folder: Path, ports: Ports) -> Iterator[Side | None]:
    """None unless RUNG_BENCH_PORTKEY names a folder in which npm has installed `@portkey-ai/gateway`."""
    home = os.environ.get("RUNG_BENCH_PORTKEY")
    if not home:
        yield None
        return
    script = f"{home}/node_modules/@portkey-ai/gateway/build/start-server.js"
    command = ["node", script, f"--port={ports.portkey}", "--headless"]
    with _server(command, folder, f"http://127.0.0.1:{ports.portkey}/") as started:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": ports.up_url, "authorization": "Bearer x"}
        yield Side(Target(port=ports.portkey, headers=headers), *started)


@contextmanager
def _server(command: list[str], folder: Path, url: str, *, post: bool = False) -> Iterator[tuple[int, float]]:
    """Runs until the block ends; what it writes goes to a file beside its config. Yields pid and seconds to ready."""
    name = Path(command[1] if command[0] == sys.executable else command[0]).stem
    with (folder / f"{name}.log").open("wb") as log:
        started_s = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            while not _answers(url, post=post):
                if process.poll() is not None or time.perf_counter() - started_s > 120:
                    raise RuntimeError(f"{name} did not start:\n{(folder / f'{name}.log').read_text()[-2000:]}")
                time.sleep(0.01)
            yield process.pid, time.perf_counter() - started_s
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str, *, post: bool) -> bool:
    try:
        with urllib.request.urlopen(url, data=b"{}" if post else None, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
