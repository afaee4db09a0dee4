"""Work that may be done twice, within bounds: retries and hedges."""


class Budget:
    """Extra calls as a share of ordinary ones: each call earns `share` of a token, each extra one costs a whole.

    `burst` tokens at most are saved up, and are there at the start, so that a quiet lane may still retry.
    Source: the retry budget of Finagle and of tower.
    """

    def __init__(self, share: float, burst: float = 3.0) -> None:
        self._share = share
        self._burst = burst
        self._tokens = burst if share > 0 else 0.0

    @property
    def left(self) -> bool:
        return self._tokens >= 1.0

    def earned(self) -> None:
        if self._tokens < self._burst:
            self._tokens = min(self._tokens + self._share, self._burst)

    def spend(self) -> bool:
        """Whether one more extra call may be made; it is then counted."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
