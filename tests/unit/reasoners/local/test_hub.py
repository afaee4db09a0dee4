import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rung.errors import WeightsError
from rung.reasoners.local import hub
from rung.reasoners.local.catalogue import Model
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Watch


class Hub(http.server.ThreadingHTTPServer):
    """Announces a sum at a redirect, as the hub does, and serves `content` behind it, by ranges if `ranges`."""

    announced: str
    content: bytes
    ranges = True
    breaks = False
    stalls: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/stored")
        self.send_header("X-Linked-Etag", f'"{self.server.announced}"')
        self.end_headers()

    def do_GET(self) -> None:
        if self.path != "/stored":
            return self.do_HEAD()
        begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.server.ranges else 0
        body = self.server.content[begin:]
        self.send_response(206 if self.server.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.stalls:
            self.server.stalls.wait(30)
        self.wfile.write(body[: len(body) // 2] if self.server.breaks else body)
        return None


@pytest.fixture
def server(content: bytes, model: Model) -> Iterator[Hub]:
    server = Hub(("127.0.0.1", 0), Answers)
    server.announced, server.content = model.sha256, content
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("have", [0, 1234])
def test_goes_on_where_the_file_ends(
    ranges: bool, have: int, model: Model, server: Hub, tmp_path: Path, watch: Watch
) -> None:
    server.ranges = ranges
    (tmp_path / "partial").write_bytes(server.content[:have])
    with Partial(model, tmp_path / "partial", watch) as partial:
        hub.pour(partial, server.url, watch)
        assert partial.is_whole()


def test_another_file_is_not_downloaded(model: Model, server: Hub, tmp_path: Path, watch: Watch) -> None:
    server.announced = "ab" * 32
    with (
        Partial(model, tmp_path / "partial", watch) as partial,
        pytest.raises(WeightsError, match=r"another one \(it announces abab"),
    ):
        hub.pour(partial, server.url, watch)
    assert (tmp_path / "partial").stat().st_size == 0


def test_a_broken_line_is_told_and_what_came_is_kept(model: Model, server: Hub, tmp_path: Path, watch: Watch) -> None:
    server.breaks = True
    with (
        Partial(model, tmp_path / "partial", watch) as partial,
        pytest.raises(WeightsError, match="broke off"),
    ):
        hub.pour(partial, server.url, watch)
    assert (tmp_path / "partial").stat().st_size == model.size_bytes // 2


def test_no_hub_is_told(model: Model, server: Hub, tmp_path: Path, watch: Watch) -> None:
    url = server.url
    server.server_close()
    with (
        Partial(model, tmp_path / "partial", watch) as partial,
        pytest.raises(WeightsError, match="cannot be reached"),
    ):
        hub.pour(partial, url, watch)


def test_only_https_is_asked(model: Model, tmp_path: Path, watch: Watch) -> None:
    with (
        Partial(model, tmp_path / "partial", watch) as partial,
        pytest.raises(WeightsError, match="must be https"),
    ):
        hub.pour(partial, "http://hub.example", watch)


def test_stopping_does_not_wait_for_a_hub_that_stalls(model: Model, server: Hub, tmp_path: Path, watch: Watch) -> None:
    server.stalls = threading.Event()
    stopping = threading.Timer(0.2, watch.stop.set)
    stopping.start()
    began_s = time.monotonic()
    with Partial(model, tmp_path / "partial", watch) as partial, pytest.raises(WeightsError, match="was stopped"):
        hub.pour(partial, server.url, watch)
    assert time.monotonic() - began_s < 5
    server.stalls.set()
