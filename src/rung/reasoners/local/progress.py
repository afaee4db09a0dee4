"""How far a download is, told from its thread, and the wish to stop it, told to its thread."""

import threading
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from rung.clock import Clock, RealClock
from rung.errors import WeightsError

Doing = Literal["downloading", "checking", "waiting"]


class Progress(Struct, frozen=True, kw_only=True):
    """`left_s` is an estimate from the mean speed so far; None while nothing can be said."""

    model: str
    doing: Doing
    done_bytes: int
    total_bytes: int
    left_s: float | None = None

    def __str__(self) -> str:
        if self.doing == "checking":
            return f"checking {self.model}"
        verb = "downloading" if self.doing == "downloading" else "another process is downloading"
        left = "" if self.left_s is None else f", {self.left_s:.0f} s left"
        return f"{verb} {self.model}: {self.done_bytes // 1_000_000} of {self.total_bytes // 1_000_000} MB{left}"


class Watch:
    """Who follows a download. `stop` is set from any thread; the download's own thread sees it within 0.2 s."""

    def __init__(self, clock: Clock, report: Callable[[Progress], None]) -> None:
        self.stop = threading.Event()
        self._clock = clock
        self._report = report
        self._began: tuple[str, float, int] = ("", 0.0, 0)

    def told(self, model: str, doing: Doing, done: int, total: int) -> None:
        """Reports progress and raises WeightsError if the download is to stop."""
        self.check()
        now_s = self._clock.monotonic()
        if self._began[0] != doing or done < self._began[2]:
            self._began = (doing, now_s, done)
        _, began_s, began_bytes = self._began
        speed = (done - began_bytes) / (now_s - began_s) if now_s - began_s > 0.5 else 0.0
        left_s = (total - done) / speed if speed > 0 else None
        self._report(Progress(model=model, doing=doing, done_bytes=done, total_bytes=total, left_s=left_s))

    def check(self) -> None:
        if self.stop.is_set():
            raise WeightsError("the download was stopped; what is there is kept, and the next start goes on with it")

    def pause(self, seconds: float) -> None:
        self.stop.wait(seconds)
        self.check()


def unwatched() -> Watch:
    """For a download, or a look for files, that nobody follows or stops."""
    return Watch(RealClock(), lambda _: None)
