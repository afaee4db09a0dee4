from random import Random

import pytest

from rung.config.lanes import Shed as Bounds
from rung.lanes.queue import Ticket
from rung.lanes.shed import Throttle

BOUNDS = Bounds()


def ticket(priority=1, tenant="t"):
    return Ticket(
        priority=priority, tenant=tenant, deadline_s=1e9, since_s=0.0, prompt_tokens=0.0, tokens=10.0, service_s=1.0
    )


def shed_share(throttle, offers, *, let_in, priority=1, tenant="t", since_s=0.0, rate=100.0):
    """Offers at `rate` a second, of which every `let_in`th is let in; the share of the last half that would be shed."""
    shed = []
    for n in range(offers):
        one = ticket(priority, tenant)
        throttle.offered(one, since_s + n / rate)
        shed.append(throttle.sheds(one))
        if n % let_in == 0:
            throttle.accepted(one)
    half = shed[offers // 2 :]
    return sum(half) / len(half)


@pytest.mark.parametrize("priority", [0, 1, 2, 7])
def test_a_burst_that_fits_is_all_let_in(priority):
    assert shed_share(Throttle(BOUNDS, Random(1)), 2000, let_in=1, priority=priority) == 0.0


@pytest.mark.parametrize(("priority", "headroom"), [(0, 4.0), (1, 2.0), (2, 1.3), (5, 1.3)])
@pytest.mark.parametrize("let_in", [2, 5, 20])
def test_the_share_is_the_handbooks_and_the_lowest_go_first(priority, headroom, let_in):
    """max(0, (requests - headroom * accepts) / (requests + 1)), equation 21-1."""
    expected = max(0.0, 1 - headroom / let_in)
    found = shed_share(Throttle(BOUNDS, Random(1)), 4000, let_in=let_in, priority=priority)
    assert found == pytest.approx(expected, abs=0.03)


def test_only_who_is_refused_often_is_refused_early():
    throttle = Throttle(BOUNDS, Random(1))
    assert shed_share(throttle, 1000, let_in=10, tenant="heavy") > 0.7
    assert shed_share(throttle, 1000, let_in=1, tenant="light") == 0.0
    assert shed_share(throttle, 1000, let_in=1, tenant="heavy", priority=0) == 0.0, "nor for another class of its own"


def test_what_was_given_up_counts_as_refused():
    throttle = Throttle(BOUNDS, Random(1))
    shed = 0
    for n in range(1000):
        one = ticket()
        throttle.offered(one, n / 100)
        shed += throttle.sheds(one)
        throttle.accepted(one)
        throttle.given_up(one)
    assert shed > 900


def test_a_few_say_nothing_and_what_is_past_is_forgotten():
    throttle = Throttle(BOUNDS, Random(1))
    assert shed_share(throttle, 10, let_in=1000) == 0.0
    assert shed_share(throttle, 1000, let_in=1000) > 0.9
    assert shed_share(throttle, 12, let_in=1, since_s=20 * BOUNDS.window_s) == 0.0
