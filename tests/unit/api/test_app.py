from rung.api.app import Ids
from rung.clock import RealClock


class Stepping:
    """A clock that an hour passes on at each look."""

    def __init__(self) -> None:
        self._s = 1_700_000_000.0

    def monotonic(self) -> float:
        return self._s

    def wall(self) -> float:
        self._s += 3600
        return self._s


def test_ids_differ_and_have_one_form() -> None:
    ids = Ids(RealClock())
    drawn = [ids() for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert {len(one) for one in drawn} == {len("chatcmpl-") + 32}
    assert all(int(one.removeprefix("chatcmpl-"), 16) >= 0 for one in drawn)


def test_ids_of_one_moment_share_nothing_but_the_moment() -> None:
    ids = Ids(RealClock())
    chance = [ids()[-20:] for _ in range(1000)]
    assert len(set(chance)) == 1000


def test_later_ids_sort_later() -> None:
    ids = Ids(Stepping())
    drawn = [ids() for _ in range(100)]
    assert drawn == sorted(drawn)


def test_two_servers_ids_differ() -> None:
    assert Ids(RealClock())()[-20:] != Ids(RealClock())()[-20:]
