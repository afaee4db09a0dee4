from random import Random

import pytest

from rung.config.lanes import Lanes
from rung.lanes import Pace
from rung.lanes.queue import Ticket
from rung.lanes.target import Target
from rung.lanes.upstreams import Upstreams

PACE = Pace(first_s=1.0, prompt_s_per_token=0.0, completion_s_per_token=0.1)


def targets(n, most=4):
    return [Target(f"u{i}", None, PACE, Lanes(), most) for i in range(n)]


def ticket(tokens=10.0):
    return Ticket(priority=1, tenant="", deadline_s=99.0, since_s=0.0, prompt_tokens=0, tokens=tokens, service_s=1.0)


def broken(target, now_s=0.0):
    for _ in range(3):
        target.breaker.ended(target.breaker.began(), now_s, failed=True)
    return target


@pytest.mark.parametrize("n", [2, 3, 5])
def test_one_that_is_left_alone_is_never_picked(n):
    first, *others = targets(n)
    upstreams = Upstreams([broken(first), *others], Random(1))
    picked = {upstreams.pick(ticket(), 0.0) for _ in range(100)}
    assert picked
    assert picked <= set(others)


def test_the_one_with_less_to_write_is_picked():
    busy, free = targets(2)
    busy.outstanding_tokens = 100.0
    upstreams = Upstreams([busy, free], Random(1))
    assert upstreams.pick(ticket(), 0.0) is free
    assert upstreams.pick(ticket(), 0.0, but=free) is busy


def test_the_only_one_is_no_other():
    (only,) = targets(1)
    upstreams = Upstreams([only], Random(1))
    assert upstreams.pick(ticket(), 0.0) is only
    assert upstreams.pick(ticket(), 0.0, but=only) is None


def test_none_is_picked_and_none_open_without_a_slot():
    for n in (1, 2):
        slots = [True]
        upstreams = Upstreams(targets(n, most=None), Random(1), slots.pop)
        assert upstreams.open(0.0)
        slots.append(False)
        assert not upstreams.open(0.0)


def test_its_pace_is_that_of_the_one_that_would_be_done_first():
    slow, quick = targets(2)
    quick.pace = quick._pace = Pace(first_s=0.1, prompt_s_per_token=0.0, completion_s_per_token=0.1)
    upstreams = Upstreams([slow, quick], Random(1))
    assert upstreams.pace(0.0) is quick.pace
    broken(quick)
    assert upstreams.pace(0.0) is slow.pace


def test_places_are_those_of_upstreams_that_are_called_within_the_pool():
    one, other = targets(2)
    upstreams = Upstreams([one, other], Random(1))
    both = upstreams.places(100, 0.0)
    assert both == one.limit + other.limit
    assert upstreams.places(1, 0.0) == 1
    broken(one)
    assert upstreams.places(100, 0.0) == other.limit
    assert Upstreams(targets(1, most=None), Random(1)).places(7, 0.0) == 7


def test_trouble_is_none_until_all_are_left_alone_and_tells_when_the_first_is_asked_again():
    one, other = targets(2)
    upstreams = Upstreams([one, other], Random(1))
    broken(one, now_s=0.0)
    assert upstreams.trouble(0.0, usual_s=3.0) is None
    assert upstreams.usable(0.0)
    broken(other, now_s=0.5)
    assert not upstreams.usable(0.5)
    status = upstreams.trouble(0.5, usual_s=3.0)
    assert status.state == "down"
    assert status.ready_in_s == one.breaker.reopens_in_s(0.5) == upstreams.reopens_in_s(0.5)
    assert "does not answer; asked again in" in status.note
    back_s = 0.5 + status.ready_in_s
    one.breaker.began()
    status = upstreams.trouble(back_s, usual_s=3.0)
    assert (status.state, status.ready_in_s) == ("loading", 3.0), "a probe is under way"


def test_without_a_pause_none_is_over_sometime():
    assert Upstreams(targets(2), Random(1)).reopens_in_s(0.0) == float("inf")
