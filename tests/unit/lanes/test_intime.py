from rung.lanes.intime import Soonest


def test_what_says_nothing_until_long_after_it_has_read_is_not_taken_to_read_as_long() -> None:
    """A tool call comes whole: after some, prompts that would have been read in time were refused."""
    soonest = Soonest()
    for _ in range(20):
        soonest.took(3.2)
    assert soonest.least == 1.0
    soonest.took(0.1)
    assert soonest.least == 0.1
