"""A running quantile, for what is slow enough to be asked a second time."""


class RunningQuantile:
    """Stochastic approximation of the `q` quantile: up by q, down by 1 - q, in steps that follow the spread.

    None until `least` values were seen. Source: Tierney, A space-efficient recursive procedure for estimating a
    quantile of an unknown distribution, 1983.
    """

    def __init__(self, q: float, least: int = 20) -> None:
        self._q = q
        self._least = least
        self._first: list[float] = []
        self._value: float | None = None
        self._spread = 0.0

    @property
    def value(self) -> float | None:
        return self._value

    def add(self, x: float) -> None:
        if self._value is None:
            self._first.append(x)
            if len(self._first) == self._least:
                ordered = sorted(self._first)
                self._value = ordered[min(int(self._q * self._least), self._least - 1)]
                self._spread = max(ordered[-1] - ordered[0], 1e-6) / 4
                self._first.clear()
            return
        self._spread += 0.02 * (abs(x - self._value) - self._spread)
        step = 0.1 * max(self._spread, 1e-6)
        self._value += step * self._q if x > self._value else -step * (1 - self._q)
