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

from gateway_peers import litellm_home, portkey_home
from msgspec import Struct
from msgspec.structs import replace
from upstream import write_config, write_proxy_config
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
cache: {{exact: {{max_mb: {cache_mb:g}}}}}
"""

LITELLM_CONFIG = """
model_list:
  - {{model_name: up, litellm_params: {{model: openai/up, api_base: "{up}", api_key: none}}}}
  - {{model_name: stream, litellm_params: {{model: openai/up, api_base: "{streaming}", api_key: none}}}}
general_settings: {{master_key: {key}}}
"""


class Process(Struct, frozen=True):
    """One that runs, and how long it took until it answered."""

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


class Side(Struct, frozen=True):
    """A server that takes part: where whole answers are asked for, and where streams are."""

    target: Target
    stream: Target
    process: Process


class Ports:
    def __init__(self) -> None:
        self.upstream, self.streaming, self.nginx, self.bare, self.rung, self.litellm, self.portkey = _free_ports(7)

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
    config = write_config(folder / "upstream", ports.upstream, ports.streaming)
    with running(_nginx(config), folder / "upstream.log", f"http://127.0.0.1:{ports.upstream}/count"):
        yield


def upstream_requests(ports: Ports) -> int:
    """How many requests the upstream has had, this one counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports.upstream}/count") as answer:
        return int(answer.read().split()[9])


@contextmanager
def nginx(folder: Path, ports: Ports) -> Iterator[Side]:
    """A reverse proxy: the least that any proxy can take."""
    config = write_proxy_config(folder / "nginx", ports.nginx, ports.upstream, ports.streaming)
    with running(_nginx(config), folder / "nginx.log", f"http://127.0.0.1:{ports.nginx}/") as process:
        target = Target(port=ports.nginx)
        yield Side(target, replace(target, path="/stream" + target.path, stream=True), process)


@contextmanager
def bare(folder: Path, ports: Ports) -> Iterator[Side]:
    with bare_proxy(folder, ports.bare, ports.up_url, ports.streaming_url) as process:
        target = Target(port=ports.bare)
        yield Side(target, replace(target, stream=True), process)


@contextmanager
def bare_proxy(folder: Path, port: int, url: str, streaming_url: str) -> Iterator[Process]:
    urls = [f"{each}/chat/completions" for each in (url, streaming_url)]
    command = [sys.executable, str(HERE / "bare_proxy.py"), str(port), *urls]
    with running(command, folder / "bare.log", f"http://127.0.0.1:{port}/hit", post=True) as process:
        yield process


@contextmanager
def rung(folder: Path, ports: Ports, cache_mb: float = 64) -> Iterator[Side]:
    config = RUNG_CONFIG.format(up=ports.up_url, streaming=ports.streaming_url, folder=folder, cache_mb=cache_mb)
    with rung_serve(folder, ports.rung, config) as process:
        target = Target(port=ports.rung, model="auto")
        yield Side(target, replace(target, model="stream", stream=True), process)


@contextmanager
def rung_serve(folder: Path, port: int, config: str) -> Iterator[Process]:
    path = folder / "rung.yaml"
    path.write_text(config)
    command = [str(BIN / "rung"), "serve", "--config", str(path), "--port", str(port)]
    with running(command, folder / "rung.log", f"http://127.0.0.1:{port}/health/ready") as process:
        yield process


@contextmanager
def litellm(folder: Path, ports: Ports) -> Iterator[Side]:
    program = str(litellm_home() / "bin" / "litellm")
    config = folder / "litellm.yaml"
    config.write_text(LITELLM_CONFIG.format(up=ports.up_url, streaming=ports.streaming_url, key=KEY))
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(ports.litellm)]
    with running(command, folder / "litellm.log", f"http://127.0.0.1:{ports.litellm}/health/liveliness") as process:
        target = Target(port=ports.litellm, headers={"authorization": f"Bearer {KEY}"})
        yield Side(target, replace(target, model="stream", stream=True), process)


@contextmanager
def portkey(folder: Path, ports: Ports) -> Iterator[Side]:
    script = str(portkey_home() / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js")
    command = ["node", script, f"--port={ports.portkey}", "--headless"]
    with running(command, folder / "portkey.log", f"http://127.0.0.1:{ports.portkey}/") as process:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": ports.up_url, "authorization": "Bearer x"}
        target = Target(port=ports.portkey, headers=headers)
        streams = headers | {"x-portkey-custom-host": ports.streaming_url}
        yield Side(target, replace(target, headers=streams, stream=True), process)


@contextmanager
def running(command: list[str], log: Path, url: str, *, post: bool = False) -> Iterator[Process]:
    """From when `url` answers until the block ends; what the process writes goes to `log`."""
    with log.open("wb") as file:
        started_s = time.perf_counter()
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=log.parent, env=_environment())
        try:
            while not _answers(url, post=post):
                if process.poll() is not None or time.perf_counter() - started_s > 300:
                    raise RuntimeError(f"{log.stem} did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.01)
            yield Process(process.pid, time.perf_counter() - started_s)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment() -> dict[str, str]:
    """Nobody compiles its modules at every start, or asks the internet for prices."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def _answers(url: str, *, post: bool) -> bool:
    try:
        with urllib.request.urlopen(url, data=b"{}" if post else None, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    return _free_ports(1)[0]


def _free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _nginx(config: Path) -> list[str]:
    program = shutil.which("nginx", path=_path())
    assert program, "main looks whether it is there"
    return [program, "-c", str(config), "-e", "stderr"]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
