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
    """Owned by whoever builds ladders, for as long as the process lives; a climb tells it of each verdict.

    `moves` are where verdicts on a reasoner's answers to a type of task were seen to go, once there were enough, and
    `seconds` what a look takes by type of task: to be read only."""

    def __init__(self) -> None:
        self.moves: dict[tuple[str, str], Moves] = {}
        self.seconds: dict[str, float] = {}
        self._seen: dict[tuple[str, str], deque[Verdicted]] = {}
        self._count: dict[tuple[str, str], int] = {}

    def saw(self, reasoner: str, task: str, verdict: Verdicted) -> None:
        key = reasoner, task
        kept = self._seen.get(key)
        if kept is None:
            kept = self._seen[key] = deque(maxlen=_KEPT)
        kept.append(verdict)
        count = self._count[key] = self._count.get(key, 0) + 1
        if count in _AT or count % _EVERY == 0:
            self.moves[key] = moves_of(kept)

    def took(self, task: str, seconds: float) -> None:
        before = self.seconds.get(task, seconds)
        self.seconds[task] = before + _NEWEST * (seconds - before)
