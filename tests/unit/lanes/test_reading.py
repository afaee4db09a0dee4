from hypothesis import example, given
from hypothesis import strategies as st

from rung.lanes.queue import Ticket
from rung.lanes.reading import short_first


def ticket(deadline_s, prompt_tokens, service_s):
    return Ticket(
        priority=1, tenant="t", deadline_s=deadline_s, since_s=0.0, prompt_tokens=prompt_tokens, tokens=prompt_tokens,
        service_s=service_s,
    )  # fmt: skip


def chosen(*tickets, places=1, long_tokens=None):
    return short_first(iter(tickets), 0.0, places, long_tokens=long_tokens)


def test_the_short_one_goes_first_where_every_deadline_holds():
    long, short = ticket(20.0, 800, 10.0), ticket(30.0, 20, 1.0)
    assert chosen(long, short) is short


def test_not_where_it_would_make_an_earlier_one_late():
    long, short = ticket(10.5, 800, 10.0), ticket(30.0, 20, 1.0)
    assert chosen(long, short) is long


def test_one_that_is_late_anyway_holds_nobody_up():
    hopeless, short = ticket(5.0, 800, 10.0), ticket(30.0, 20, 1.0)
    assert chosen(hopeless, short) is short


def test_while_a_long_one_is_read_only_short_ones_may_start():
    long, other, short = ticket(10.5, 800, 10.0), ticket(20.0, 600, 8.0), ticket(30.0, 20, 1.0)
    assert chosen(long, other, short, long_tokens=512) is short
    assert chosen(long, other, long_tokens=512) is None
    assert chosen() is None


WAITING = st.lists(
    st.tuples(st.floats(0.1, 60.0), st.integers(1, 2000), st.floats(0.1, 20.0)).map(lambda each: ticket(*each)),
    min_size=1,
    max_size=8,
).map(lambda tickets: sorted(tickets, key=lambda t: t.deadline_s))


@example(waiting=[ticket(1.75, 2, 1.75), ticket(2.0, 1, 1.0)], places=3, long_tokens=None)
@given(waiting=WAITING, places=st.integers(1, 4), long_tokens=st.none() | st.floats(1, 2000))
def test_nobody_is_made_late(waiting, places, long_tokens):
    """By earliest deadline each would be done once those before it and it are: whoever is in time by that still is,
    when the chosen one goes before it; and nobody else that may go and could is shorter than the first."""
    first = short_first(iter(waiting), 0.0, places, long_tokens=long_tokens)
    may = [t for t in waiting if long_tokens is None or t.prompt_tokens < long_tokens]
    assert (first is None) == (not may)
    if first is None:
        return
    assert first in may
    if first is may[0]:
        return
    assert first.prompt_tokens < may[0].prompt_tokens
    work_s = 0.0
    for t in waiting[: waiting.index(first)]:
        work_s += t.service_s / places
        done_s = work_s + t.service_s * (1 - 1 / places)
        assert done_s > t.deadline_s or done_s + first.service_s / places <= t.deadline_s + 1e-9
