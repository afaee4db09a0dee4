"""In what order a local model reads prompts.

llama.cpp fills each step with one prompt after the other, in the order of its slots: a short prompt that starts behind
a long one waits until that is read. So short ones go first as long as every deadline holds, and one long one is read at
a time.
"""

from collections.abc import Iterator

from rung.lanes.queue import Ticket

# Who would be done at its deadline is in time, whichever way the sum was rounded.
_ROUNDED_S = 1e-9


def short_first(waiting: Iterator[Ticket], now_s: float, places: int, *, long_tokens: float | None) -> Ticket | None:
    """The shortest service of `waiting` (earliest deadline first) that makes nobody with an earlier deadline late who
    would not be late anyway. `long_tokens`: prompts from there on may not start now, unless it is None."""
    best: Ticket | None = None
    slack_s = float("inf")
    work_s = 0.0
    for ticket in waiting:
        may = long_tokens is None or ticket.prompt_tokens < long_tokens
        # The delay that it puts on those before it is its service, shared by the places.
        fits = ticket.service_s / places <= slack_s
        if may and (best is None or (fits and ticket.prompt_tokens < best.prompt_tokens)):
            best = ticket
        work_s += ticket.service_s / places
        spare_s = ticket.deadline_s - now_s - work_s - ticket.service_s * (1 - 1 / places)
        if spare_s >= -_ROUNDED_S:
            slack_s = min(slack_s, spare_s)
    return best
