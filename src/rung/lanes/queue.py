"""Who waits, and who is next: pure bookkeeping, without time of its own.

Between classes: the highest first, where waiting lifts (ageing) and every class but the first saves up, while it waits,
a reserved share of the tokens served to others. Inside a class: the tenant that was served least by weight (virtual
token counter), and of its requests the one whose deadline is earliest.

Sources: Sheng et al., Fairness in Serving Large Language Models, OSDI 2024 (the counter and its lift); Liu and Layland
1973 (earliest deadline first).
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any

from msgspec import Struct

from rung.config.lanes import Queue as Bounds
from rung.errors import Overloaded
from rung.types import CRITICAL, INTERACTIVE

# Less is sooner: whether its class has not saved up enough for a request, and the class, as waiting has lifted it.
Rank = tuple[bool, int]
# Ageing lifts to just below a request that is critical by itself.
_HIGHEST_BY_AGE = 0.5


class Ticket(Struct, eq=False, kw_only=True):
    """One request at a lane. `priority` is its class, 0 first; `deadline_s` and `since_s` are monotonic seconds;
    `tokens` and `service_s` what it is predicted to take. `turn` is set while its call waits; `waiting`, and whether
    its class pays for it out of what it `saved_up`, are the queue's own."""

    priority: int
    tenant: str
    deadline_s: float
    since_s: float
    prompt_tokens: float
    tokens: float
    service_s: float
    turn: "asyncio.Future[Any] | None" = None
    waiting: bool = False
    saved_up: bool = False


# Chooses one of a tenant's requests, given earliest deadline first; None if none of them may go now.
Choose = Callable[[Iterator[Ticket]], Ticket | None]


class Queue:
    """One owner, the lane; not for threads."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._classes: dict[int, _Class] = {}
        self._counters: dict[str, float] = {}
        self._floor = 0.0
        self._waiting: dict[str, int] = {}
        self.n = 0
        self.tokens = 0.0
        self.service_s = 0.0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Ticket]:
        return (t for waiting in self._classes.values() for t in waiting)

    def waits(self, priority: int) -> bool:
        """Whether any of that class does."""
        return priority in self._classes

    def push(self, ticket: Ticket) -> list[Ticket]:
        """Lets `ticket` wait; those that must leave for it are returned. Raises Overloaded when it finds no room."""
        displaced: list[Ticket] = []
        while self._full_for(ticket):
            victim = self._victim(ticket)
            if victim is None:
                for other in displaced:
                    self._add(other)
                raise Overloaded(f"{self.n} requests with about {self.tokens:.0f} tokens are waiting already")
            self.remove(victim)
            displaced.append(victim)
        self._add(ticket)
        return displaced

    def pop(self, now_s: float, choose: Choose = lambda tickets: next(tickets, None)) -> Ticket | None:
        """The next one, charged by what it is predicted to take. `choose` picks among a tenant's."""
        for priority in self._order(now_s):
            waiting = self._classes[priority]
            for line in sorted(waiting.lines(), key=lambda line: self._counters[line.tenant]):
                ticket = choose(iter(line))
                if ticket is not None:
                    ticket.saved_up = waiting.credit_tokens > 0
                    self.remove(ticket)
                    self.charge(ticket, ticket.tokens)
                    return ticket
        return None

    def rank(self, now_s: float) -> Rank | None:
        """Where the class that is next stands among those of other queues."""
        if not self._classes:
            return None
        not_saved_up, lifted, _ = min([self._key(c, now_s) for c in self._classes])
        return not_saved_up, ceil(lifted)

    def remove(self, ticket: Ticket) -> bool:
        """Takes one out; False if it is not here (any more)."""
        if not ticket.waiting:
            return False
        ticket.waiting = False
        self.n -= 1
        self.tokens -= ticket.tokens
        self.service_s -= ticket.service_s
        self._waiting[ticket.tenant] -= 1
        if not self._waiting[ticket.tenant]:
            del self._waiting[ticket.tenant]
            self._floor = max(self._floor, self._counters[ticket.tenant])
        waiting = self._classes[ticket.priority]
        waiting.left(ticket)
        if not waiting.n:
            del self._classes[ticket.priority]
        if not self.n:
            self.tokens = self.service_s = 0.0  # sums of floats drift
        return True

    def passed(self, ticket: Ticket) -> None:
        """Counts one that was served at once, without waiting."""
        self._lift(ticket.tenant)
        self.charge(ticket, ticket.tokens)
        if not self.n:
            self._floor = self._counters[ticket.tenant]

    def charge(self, ticket: Ticket, tokens: float) -> None:
        """Counts tokens served, or, when negative, predicted but not served."""
        weight = self._bounds.tenant_weights.get(ticket.tenant, 1.0)
        self._counters[ticket.tenant] = self._counters.get(ticket.tenant, 0.0) + tokens / weight
        for c, waiting in self._classes.items():
            if c != ticket.priority:
                waiting.save(tokens * self._share(c))
            elif ticket.saved_up:  # else nothing was paid, and nothing is paid back
                waiting.credit_tokens -= tokens

    def served_beside(self, ticket: Ticket, tokens: float) -> None:
        """Counts tokens served in another lane of the pool: a class has its share of all of them, and all its lanes
        together have no more."""
        for c, waiting in self._classes.items():
            if c != ticket.priority:
                waiting.save(tokens * self._share(c))
            elif ticket.saved_up and tokens > 0:
                waiting.save(-tokens)

    def ahead_s(self, ticket: Ticket, others: "Iterable[tuple[Queue, float]]" = ()) -> tuple[float, float]:
        """Predicted service, in seconds, of those that would be served before `ticket` if nobody else came: where it
        waits here, and where it comes back instead. `others`: the pool's other queues, and how much each is given for
        what this one is while both have calls of a class."""
        own_s = beside_s = self._beside_s(ticket)
        higher_s = self.higher_s(ticket.priority)
        for other, weight in others:
            beside_s += min(other._beside_s(ticket), (own_s + ticket.service_s) * weight)
            higher_s += other.higher_s(ticket.priority)
        all_s = beside_s + higher_s
        if share := self._share(ticket.priority):
            # Once its class has saved up enough for those beside it and itself nobody goes before them; it saves up
            # nothing while none of it waits.
            return min(all_s, beside_s + (beside_s + ticket.service_s) / share), all_s
        return all_s, all_s

    def _beside_s(self, ticket: Ticket) -> float:
        """Of its class: its tenant's with earlier deadlines, and of every other tenant no more than its fair share."""
        waiting = self._classes.get(ticket.priority)
        if waiting is None:
            return 0.0
        mine = waiting.of(ticket.tenant)
        own = sum(t.service_s for t in mine if t.deadline_s <= ticket.deadline_s and t is not ticket) if mine else 0.0
        weights, total = self._bounds.tenant_weights, 0.0
        weight = weights.get(ticket.tenant, 1.0)
        for line in waiting.lines():
            if line is not mine:
                total += min(line.service_s, (own + ticket.service_s) * weights.get(line.tenant, 1.0) / weight)
        return total + own

    def higher_s(self, priority: int) -> float:
        """Predicted service of those in the classes above."""
        return sum([waiting.service_s for c, waiting in self._classes.items() if c < priority])

    def _add(self, ticket: Ticket) -> None:
        self._lift(ticket.tenant)
        ticket.waiting = True
        self.n += 1
        self.tokens += ticket.tokens
        self.service_s += ticket.service_s
        self._waiting[ticket.tenant] = self._waiting.get(ticket.tenant, 0) + 1
        if ticket.priority not in self._classes:
            self._classes[ticket.priority] = _Class()
        self._classes[ticket.priority].push(ticket)

    def _lift(self, tenant: str) -> None:
        """Who comes back after a pause has saved up nothing: lifted to the least served of those who wait, or to
        the most that one had been served when it left."""
        if tenant not in self._waiting:
            least = min([self._counters[t] for t in self._waiting]) if self._waiting else self._floor
            self._counters[tenant] = max(self._counters.get(tenant, 0.0), least)

    def _full_for(self, ticket: Ticket) -> bool:
        bounds = self._bounds
        return self.n >= bounds.max_requests or (self.n > 0 and self.tokens + ticket.tokens > bounds.max_tokens)

    def _victim(self, ticket: Ticket) -> Ticket | None:
        """Who leaves a full queue for `ticket`: the last of the lowest class that has more than its reserved share of
        the queue, if that is below its own, or its own would still have less than that; or of the tenant in its own
        class that has more waiting than two more than its own would be."""
        own = self._classes.get(ticket.priority)
        n, tokens = (own.n, own.tokens) if own else (0, 0.0)
        entitled = not self._over_share(ticket.priority, n + 1, tokens + ticket.tokens)
        for c in sorted(self._classes, reverse=True):
            if c > ticket.priority or (entitled and c != ticket.priority):
                waiting = self._classes[c]
                if self._over_share(c, waiting.n, waiting.tokens):
                    return _longest(waiting.lines()).last()
        if own is None:
            return None
        lines = own.lines()
        longest = _longest(lines)
        mine = next((line for line in lines if line.tenant == ticket.tenant), None)
        after = ticket.tokens + (mine.tokens if mine else 0.0)
        last = longest.last()
        return last if longest is not mine and longest.tokens - last.tokens >= after else None

    def _over_share(self, c: int, n: int, tokens: float) -> bool:
        share = self._share(c)
        return n > share * self._bounds.max_requests or tokens > share * self._bounds.max_tokens

    def _order(self, now_s: float) -> list[int]:
        """The classes that wait, next first: those that have saved up enough for a request, then by class and age."""
        if len(self._classes) < 2:
            return list(self._classes)

        return sorted(self._classes, key=lambda c: self._key(c, now_s))

    def _key(self, c: int, now_s: float) -> tuple[bool, float, int]:
        waiting = self._classes[c]
        lifted = c - waiting.oldest_s(now_s) / self._bounds.ageing_s
        saved_up = waiting.credit_tokens > 0 and waiting.credit_tokens >= waiting.tokens / waiting.n
        return not saved_up, max(lifted, min(c, _HIGHEST_BY_AGE)), c

    def _share(self, c: int) -> float:
        if c == CRITICAL:
            return 0.0
        return self._bounds.reserved_interactive if c == INTERACTIVE else self._bounds.reserved_other


def _longest(lines: "list[_Line]") -> "_Line":
    return max(lines, key=lambda line: line.tokens)


class _Line:
    """The requests of one tenant in one class. Those that left are skipped in the heap until they come up."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.n = 0
        self.tokens = 0.0
        self.service_s = 0.0
        self._heap: list[tuple[float, int, Ticket]] = []

    def push(self, ticket: Ticket, seq: int) -> None:
        self.n += 1
        self.tokens += ticket.tokens
        self.service_s += ticket.service_s
        heapq.heappush(self._heap, (ticket.deadline_s, seq, ticket))

    def left(self, ticket: Ticket) -> None:
        self.n -= 1
        self.tokens -= ticket.tokens
        self.service_s -= ticket.service_s
        if len(self._heap) > 2 * self.n + 16:
            self._heap = [entry for entry in self._heap if entry[2].waiting]
            heapq.heapify(self._heap)

    def __iter__(self) -> Iterator[Ticket]:
        """By deadline; the first costs little."""
        while self._heap and not self._heap[0][2].waiting:
            heapq.heappop(self._heap)
        if self._heap:
            yield self._heap[0][2]
            yield from (t for _, _, t in sorted(self._heap)[1:] if t.waiting)

    def last(self) -> Ticket:
        return max(entry for entry in self._heap if entry[2].waiting)[2]


class _Class:
    """The requests of one class that wait: a line for each tenant, and all by arrival."""

    def __init__(self) -> None:
        self.n = 0
        self.tokens = 0.0
        self.service_s = 0.0
        self.credit_tokens = 0.0
        self._seq = 0
        self._lines: dict[str, _Line] = {}
        self._arrivals: deque[Ticket] = deque()

    def __iter__(self) -> Iterator[Ticket]:
        return (t for t in self._arrivals if t.waiting)

    def lines(self) -> list[_Line]:
        return list(self._lines.values())

    def of(self, tenant: str) -> _Line | None:
        return self._lines.get(tenant)

    def push(self, ticket: Ticket) -> None:
        self.n += 1
        self._seq += 1
        self.tokens += ticket.tokens
        self.service_s += ticket.service_s
        if ticket.tenant not in self._lines:
            self._lines[ticket.tenant] = _Line(ticket.tenant)
        self._lines[ticket.tenant].push(ticket, self._seq)
        self._arrivals.append(ticket)

    def left(self, ticket: Ticket) -> None:
        self.n -= 1
        self.tokens -= ticket.tokens
        self.service_s -= ticket.service_s
        line = self._lines[ticket.tenant]
        line.left(ticket)
        if not line.n:
            del self._lines[ticket.tenant]
        if len(self._arrivals) > 2 * self.n + 16:
            self._arrivals = deque(t for t in self._arrivals if t.waiting)

    def save(self, tokens: float) -> None:
        """Less, when negative, but no debt."""
        self.credit_tokens = max(self.credit_tokens + tokens, min(self.credit_tokens, 0.0))

    def oldest_s(self, now_s: float) -> float:
        """How long the first of those that wait has waited."""
        while self._arrivals and not self._arrivals[0].waiting:
            self._arrivals.popleft()
        return now_s - self._arrivals[0].since_s if self._arrivals else 0.0
