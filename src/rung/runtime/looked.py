"""What came of looking at answers: how far verdicts moved, and how long looking took."""

from collections import deque

from rung.routing import Moves, Verdicted, moves_of

# Verdicts kept for each reasoner and task, the newest. What they say is put together at so many, which is more than a
# guess from the first on, and then again after every so many more: that takes a while.
_KEPT = 128
_AT = frozenset({32, 64, 128})
_EVERY = 256
# How much of the mean of seconds the newest makes up.
_NEWEST = 0.1


class Looked:
    """Owned by whoever builds ladders, for as long as the process lives; a climb tells it of each verdict."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[Verdicted]] = {}
        self._count: dict[tuple[str, str], int] = {}
        self._moves: dict[tuple[str, str], Moves] = {}
        self._seconds: dict[str, float] = {}

    def moves(self, reasoner: str, task: str) -> Moves:
        """Where verdicts on its answers were seen to go; nothing while there were too few."""
        return self._moves.get((reasoner, task), ())

    def seconds(self, task: str) -> float:
        """The time that a look takes."""
        return self._seconds.get(task, 0.0)

    def saw(self, reasoner: str, task: str, verdict: Verdicted) -> None:
        key = reasoner, task
        kept = self._seen.get(key)
        if kept is None:
            kept = self._seen[key] = deque(maxlen=_KEPT)
        kept.append(verdict)
        count = self._count[key] = self._count.get(key, 0) + 1
        if count in _AT or count % _EVERY == 0:
            self._moves[key] = moves_of(kept)

    def took(self, task: str, seconds: float) -> None:
        before = self._seconds.get(task, seconds)
        self._seconds[task] = before + _NEWEST * (seconds - before)
