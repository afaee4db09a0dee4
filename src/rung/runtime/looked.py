"""What came of looking at answers: how far verdicts moved, how long looking took, and how long answers were."""

from collections import deque

from rung.routing import Moves, Verdicted, moves_of

# Verdicts kept for each reasoner and task, the newest. What they say is put together at so many, which is more than a
# guess from the first on, and then again after every so many more: that takes a while.
_KEPT = 128
_AT = frozenset({32, 64, 128})
_EVERY = 256
# How much of the mean of seconds the newest makes up.
_NEWEST = 0.1
# Of lengths the last hundred or so count,
_LENGTHS_KEPT = 0.99
# and at first what was expected, as so many.
_AS_EXPECTED = 4.0
# A length is told anew once it is off by such a share: less is not worth another estimate.
_OFF = 0.1


class Looked:
    """Owned by whoever builds ladders, for as long as the process lives; a climb tells it of each verdict.

    `moves` are where verdicts on a reasoner's answers to a type of task were seen to go, once there were enough,
    `longer` how many times as many tokens these had as was expected, and `seconds` what a look takes by type of task:
    to be read only."""

    def __init__(self) -> None:
        self.moves: dict[tuple[str, str], Moves] = {}
        self.longer: dict[tuple[str, str], float] = {}
        self.seconds: dict[str, float] = {}
        self._seen: dict[tuple[str, str], deque[Verdicted]] = {}
        self._count: dict[tuple[str, str], int] = {}
        self._lengths: dict[tuple[str, str], tuple[float, float]] = {}

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

    def wrote(self, reasoner: str, task: str, tokens: int, expected: float) -> None:
        """An answer of `tokens`, where `expected` were before anything was known of its like."""
        key = reasoner, task
        wrote, predicted = self._lengths.get(key) or (_AS_EXPECTED * expected, _AS_EXPECTED * expected)
        wrote, predicted = wrote * _LENGTHS_KEPT + tokens, predicted * _LENGTHS_KEPT + expected
        self._lengths[key] = wrote, predicted
        longer = self.longer.get(key, 1.0)
        if abs(wrote / predicted - longer) > _OFF * longer:
            self.longer[key] = wrote / predicted
