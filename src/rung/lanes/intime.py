"""With how much time left a call is begun while others wait."""

from rung.lanes.quantile import Recent

# With others waiting none is started that will hardly be done in time: only if nine of ten of its like would be. Taken
# to be this many times what is predicted until so many calls were seen while others waited. A critical one gives its
# turn to nothing but another critical one, if it will rather not be done in time than be.
_HARDLY = 0.9
_EVEN = 0.5
_P90 = 2.0
_FEW = 20
# By so much of the difference the least that was seen rises with each call that took more: it is remembered for some
# thousand calls, and forgotten once nothing is as quick any more.
_RISE = 0.001


class InTime:
    """Learned from what calls took, in times of what was predicted of them."""

    def __init__(self) -> None:
        self._took = Recent()

    def took(self, ratio: float) -> None:
        self._took.add(ratio)

    def needed(self, *, critical: bool, crowd: bool) -> float:
        """Times what is predicted. `crowd`: more critical ones wait than start next."""
        known = len(self._took) >= _FEW
        if not critical:
            return self._took.quantile(_HARDLY) if known else _P90
        return max(self._took.quantile(_EVEN), 1.0) if known and crowd else 1.0


class Soonest:
    """The least that it took until the first token, in times of what reading the prompt alone is predicted to take, but
    no more than that. Prompts that were kept make it small."""

    def __init__(self) -> None:
        self._least = 0.0
        self._seen = 0

    def took(self, ratio: float) -> None:
        # More is not all reading: a tool call comes whole, and neighbours are read and answered.
        ratio = min(ratio, 1.0)
        rise = _RISE * (ratio - self._least)
        self._least = self._least + rise if rise > 0 and self._seen else ratio
        self._seen += 1

    @property
    def least(self) -> float:
        """0 until enough were seen."""
        return self._least if self._seen >= _FEW else 0.0
