"""The unfinished copy of a model file. It gets the file's name only once the whole sum is the pinned one."""

import hashlib
import os
from pathlib import Path
from types import TracebackType

from rung.errors import WeightsError
from rung.reasoners.local.catalogue import File
from rung.reasoners.local.progress import Watch

_BLOCK_BYTES = 1 << 20


class Partial:
    """Bytes are added in order, from whatever source: with the whole file's sum pinned, what one source has begun
    another can go on with. Used by the one thread that holds the model's lock."""

    def __init__(self, model: File, path: Path, watch: Watch) -> None:
        self.model = model
        self._path = path
        self._watch = watch
        self._file = path.open("ab+")
        self._sum = hashlib.sha256()
        self._sum_bytes = 0
        self._told_bytes = 0
        if self.size_bytes > model.size_bytes:
            self.cut_to(0)
        # A file that was there when we came may be wrong anywhere; one that we began is as good as its source.
        self.resumed = self.size_bytes > 0

    def __enter__(self) -> "Partial":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def size_bytes(self) -> int:
        return self._file.seek(0, os.SEEK_END)

    @property
    def left_bytes(self) -> int:
        return self.model.size_bytes - self.size_bytes

    def cut_to(self, size_bytes: int) -> None:
        """Drops everything behind the first `size_bytes`."""
        self._file.truncate(size_bytes)
        self._told_bytes = 0
        if self._sum_bytes > size_bytes:
            self._sum = hashlib.sha256()
            self._sum_bytes = 0
        self.resumed = self.size_bytes > 0

    def add(self, block: bytes, *, coming_bytes: int = 0) -> None:
        """`coming_bytes` of later parts are already on this disk: they count as progress."""
        if len(block) > self.left_bytes:
            raise WeightsError("the source sends more than the pinned file holds")
        self._catch_up()
        self._file.write(block)
        self._sum.update(block)
        self._sum_bytes += len(block)
        self.tell(coming_bytes)

    def tell(self, coming_bytes: int = 0) -> None:
        """Reports progress, which never goes back: parts that wait are smaller than they will be."""
        total = self.model.size_bytes
        self._told_bytes = max(self._told_bytes, min(self.size_bytes + coming_bytes, total))
        self._watch.told(self.model.name, "downloading", self._told_bytes, total)

    def is_whole(self) -> bool:
        """Whether this is the pinned file, every byte of it."""
        self._file.flush()
        self._catch_up()
        return self.left_bytes == 0 and self._sum.hexdigest() == self.model.sha256

    def name_it(self, path: Path) -> None:
        """Makes the finished file visible under its name, at once and whole, and safe from a loss of power."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(path)

    def drop(self) -> None:
        self._path.unlink(missing_ok=True)

    def _catch_up(self) -> None:
        """Takes into the sum what was on disk before we came."""
        size_bytes = self.size_bytes
        if self._sum_bytes == size_bytes:
            return
        self._file.seek(self._sum_bytes)
        while block := self._file.read(_BLOCK_BYTES):
            self._sum.update(block)
            self._sum_bytes += len(block)
            self._watch.told(self.model.name, "checking", self._sum_bytes, size_bytes)
