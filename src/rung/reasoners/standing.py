"""Whether a server is worth asking now."""

from rung.clock import Clock
from rung.errors import RateLimited, ReasonerError, UpstreamRefusedRequest

# So many failures in a row, and the server is left alone for a while.
_PATIENCE = 3
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


class Standing:
    """Counts failures in a row. A server that asked for a pause (429) gets it: as long as it said, else one that
    doubles each time; one that failed three times gets the doubling pause. After a pause it is asked again like any
    other, and the first answer clears its name."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.monotonic
        self._failures = 0
        self._pauses = 0
        self._back_at_s = self._now()
        self._why = ""

    @property
    def pause_s(self) -> float:
        """Seconds until it is worth asking again; 0 if it is."""
        return max(self._back_at_s - self._now(), 0.0)

    @property
    def note(self) -> str:
        return f"{self._why}; asked again in {self.pause_s:.0f} s" if self.pause_s else ""

    def answered(self) -> None:
        """Clears its name; an answer that was under way when a pause began does not end the pause."""
        if not self.pause_s:
            self._failures = self._pauses = 0

    def failed(self, error: ReasonerError) -> None:
        """Takes note of a failure, unless the request was at fault. Calls that were under way when a pause began do not
        lengthen it, but a longer wait that the server names does."""
        if isinstance(error, UpstreamRefusedRequest):
            return
        limited = isinstance(error, RateLimited)
        if limited and error.retry_after_s is not None:
            self._pause(error.retry_after_s, "asked us to slow down")
        elif not self.pause_s:
            self._failures += 1
            if limited or self._failures >= _PATIENCE:
                pause_s = min(_FIRST_PAUSE_S * 2**self._pauses, _LONGEST_PAUSE_S)
                self._pauses += 1
                self._pause(pause_s, "asked us to slow down" if limited else "does not answer")

    def _pause(self, pause_s: float, why: str) -> None:
        self._back_at_s = max(self._back_at_s, self._now() + pause_s)
        self._why = why
