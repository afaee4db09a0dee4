from rung.errors import Malformed, RateLimited, TimedOut, Unavailable, Upstream, UpstreamRefusedRequest
from rung.reasoners.standing import Standing


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s


def test_a_named_pause_is_kept_to_the_second() -> None:
    clock = Hands()
    standing = Standing(clock)
    assert (standing.pause_s, standing.note) == (0.0, "")
    standing.failed(RateLimited("slow down", retry_after_s=20.0))
    assert standing.pause_s == 20.0
    assert standing.note == "asked us to slow down; asked again in 20 s"
    clock.now_s += 19.9
    assert standing.pause_s > 0
    clock.now_s += 0.1
    assert standing.pause_s == 0.0


def test_the_longest_named_pause_counts() -> None:
    clock = Hands()
    standing = Standing(clock)
    for wait_s in (5.0, 20.0, 10.0):
        standing.failed(RateLimited("slow down", retry_after_s=wait_s))
    assert standing.pause_s == 20.0


def test_unnamed_pauses_double_and_are_bounded() -> None:
    clock = Hands()
    standing = Standing(clock)
    pauses: list[float] = []
    for _ in range(7):
        standing.failed(RateLimited("slow down"))
        pauses.append(standing.pause_s)
        clock.now_s += standing.pause_s
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    standing.answered()
    standing.failed(RateLimited("slow down"))
    assert standing.pause_s == 1.0


def test_three_failures_in_a_row_and_it_is_left_alone() -> None:
    clock = Hands()
    standing = Standing(clock)
    for error in (Unavailable("no"), TimedOut("late")):
        standing.failed(error)
        assert standing.pause_s == 0.0
    standing.failed(Upstream("broke"))
    assert standing.pause_s == 1.0
    assert standing.note.startswith("does not answer")
    clock.now_s += 1.0
    standing.failed(Malformed("?"))
    assert standing.pause_s == 2.0


def test_an_answer_between_failures_clears_its_name() -> None:
    standing = Standing(Hands())
    for _ in range(5):
        standing.failed(Unavailable("no"))
        standing.failed(Unavailable("no"))
        standing.answered()
    assert standing.pause_s == 0.0


def test_failures_that_were_under_way_do_not_lengthen_a_pause() -> None:
    clock = Hands()
    standing = Standing(clock)
    for _ in range(50):
        standing.failed(Unavailable("no"))
    assert standing.pause_s == 1.0


def test_an_answer_that_was_under_way_does_not_end_a_pause() -> None:
    standing = Standing(Hands())
    standing.failed(RateLimited("slow down", retry_after_s=20.0))
    standing.answered()
    assert standing.pause_s == 20.0


def test_a_request_at_fault_says_nothing_of_the_server() -> None:
    standing = Standing(Hands())
    for _ in range(9):
        standing.failed(UpstreamRefusedRequest("no"))
    assert standing.pause_s == 0.0
