"""Quantiles of what was seen of late."""

from bisect import bisect_left, insort
from collections import deque


class Recent:
    """The last `most` values, in order. Exact where running estimates are not: one value that is far out moves no
    quantile far, and what is past is forgotten as fast downwards as upwards. A microsecond a value."""

    def __init__(self, most: int = 200) -> None:
        self._values: deque[float] = deque()
        self._ordered: list[float] = []
        self._most = most

    def __len__(self) -> int:
        return len(self._values)

    def add(self, x: float) -> None:
        self._values.append(x)
        insort(self._ordered, x)
        if len(self._values) > self._most:
            del self._ordered[bisect_left(self._ordered, self._values.popleft())]

    def quantile(self, q: float) -> float:
        """The least value that is not under a share `q` of them; there must be one."""
        ordered = self._ordered
        at = int(q * len(ordered))
        return ordered[at] if at < len(ordered) else ordered[-1]
