"""One upstream as its lane sees it, and one call of it."""

from collections.abc import AsyncGenerator, Callable
from math import inf
from typing import Any, Final
from weakref import ref

from msgspec.structs import replace

from rung.clock import Clock
from rung.config.lanes import Lanes
from rung.errors import Abstained, Disconnected, RateLimited, ReasonerError, UpstreamRefusedRequest
from rung.lanes.breaker import Breaker
from rung.lanes.limit import GradientLimit, Length, Usual
from rung.lanes.pace import Pace
from rung.lanes.pool import Pool
from rung.lanes.queue import Ticket
from rung.reasoners.base import Below
from rung.types import Call, Chunk, Usage

# As long as it is not known: so many tokens of a prompt are read in the time that passes before the first token anyway.
_FIRST_TOKENS = 4000.0
# Weight of a new observation, as in the pace.
_NEW = 0.2
# A timer may ring that much early.
_EARLY_S = 0.01


class Target:
    """`most` bounds the adaptive limit; None: nothing but the pool bounds it, and its speed says nothing of its health
    (a machine of ours that is shared). `pace` is what it is predicted by: with the reading of prompts apart, once their
    lengths have told what that takes."""

    def __init__(self, name: str, answer: Below, pace: Pace, bounds: Lanes, most: int | None) -> None:
        self.name = name
        self.answer: Final = answer
        self.pace = self._pace = pace
        self.breaker = Breaker(bounds.breaker)
        self.running = 0
        self.outstanding_tokens = 0.0
        self._limit = GradientLimit(bounds.limit, most) if most is not None else None
        self._slow = bounds.breaker
        self._usual: dict[bool, Usual] = {}
        self._befell: tuple[Callable[[], ReasonerError | None], float] = (_nothing, 0.0)
        fixed_tokens = pace.first_s / pace.completion_s_per_token if pace.completion_s_per_token else 0.0
        self._answers, self._prompts = Length(max(fixed_tokens, 1.0)), Length(_FIRST_TOKENS)
        self._read_s = 0.0  # for a token of a prompt, when what passes anyway is counted in tokens too

    @property
    def limit(self) -> int | None:
        return self._limit.limit if self._limit is not None else None

    def open(self, now_s: float) -> bool:
        """Whether it may be called now."""
        return (self._limit is None or self.running < self._limit.limit) and self.breaker.allows(now_s)

    def done_in_s(self, tokens: float) -> float:
        """Predicted: what it has to write, and `tokens` more."""
        return self._pace.first_s + (self.outstanding_tokens + tokens) * self._pace.completion_s_per_token

    def stretch(self, prompt_tokens: float) -> float:
        """By how many times longer it may be silent over a prompt, where that is not in what is predicted."""
        predicted = self._limit is None or self.pace.prompt_s_per_token > 0
        return 1.0 if predicted else self._prompts.stretch(prompt_tokens)

    def failed(self, error: ReasonerError, age: int, now_s: float, began_s: float) -> None:
        """One that befell several that were under way, a batch, is one failure."""
        befell, befell_s = self._befell
        if befell() is error and began_s < befell_s:
            self.breaker.left(age)
            return
        self._befell = ref(error), now_s
        if isinstance(error, RateLimited):
            self.breaker.asked_for_pause(age, now_s, error.retry_after_s)
            if self._limit is not None:
                self._limit.overloaded()
        elif isinstance(error, Abstained | UpstreamRefusedRequest | Disconnected):
            self.breaker.left(age)
        else:
            self._ended(age, now_s, failed=True)

    def timed_out(self, age: int, now_s: float, *, hopeless: bool) -> None:
        """Nothing came in time; `hopeless`: not in twice the time that it should have taken either."""
        if self._limit is not None:
            self._limit.overloaded()
        self._ended(age, now_s, failed=hopeless, slow=self._limit is not None)

    def answered(self, watch: "Watch", age: int, now_s: float) -> None:
        before_s = self._pace.first_s
        self.pace = self._pace = watch.pace_after(self._pace, now_s)
        usual = self._usual.get(watch.stream)
        if usual is None:
            usual = self._usual[watch.stream] = Usual()
        figure = self._figure(watch, usual, now_s) if self._limit is not None else None
        if self._prompts.told and not self._pace.prompt_s_per_token:
            if not watch.stream and before_s:  # a whole answer tells by how much all got slower
                self._read_s *= self._pace.first_s / before_s
            first_s = self._read_s * self._prompts.fixed_tokens
            self.pace = replace(self._pace, first_s=first_s, prompt_s_per_token=self._read_s)
        if self._limit is None or figure is None:
            self._ended(age, now_s, failed=False)
            return
        ratio = usual.ratio(figure, watch.beside, crowded=self._limit.crowded(watch.beside))
        waited_s = watch.waited_s(now_s)
        if usual.known:
            self._limit.seen(ratio, waited_s, watch.beside)
        slow = ratio > self._slow.slow_factor and waited_s >= self._slow.least_slow_s
        self._ended(age, now_s, failed=False, slow=slow)

    def _figure(self, watch: "Watch", usual: Usual, now_s: float) -> float | None:
        """Seconds to the first chunk of a stream by the tokens of its prompt, else seconds a token."""
        if watch.stream and watch.first_s is not None:
            length, tokens, seconds = self._prompts, watch.prompt_tokens, watch.first_s
        elif not watch.stream and watch.usage is not None:
            length, tokens, seconds = self._answers, float(watch.usage.completion_tokens), now_s - watch.started_s
        else:
            return None
        tokens = max(tokens, 1.0)
        change = length.seen(tokens, seconds)
        usual.scale(change)
        figure = seconds / (length.fixed_tokens + tokens)
        if watch.stream:
            before = self._read_s * change or figure
            self._read_s = before + _NEW * (figure - before)
        return figure

    def _ended(self, age: int, now_s: float, *, failed: bool, slow: bool = False) -> None:
        self.breaker.ended(age, now_s, failed=failed, slow=slow)
        if slow and self.breaker.state(now_s) == "open":
            self._usual.clear()  # what is slow for good becomes the usual


def _nothing() -> None: ...


class Permit:
    """A place in the pool and at an upstream. Without one nothing is called: a Run is made from it."""

    def __init__(self, pool: Pool, target: Target, ticket: Ticket, *, long: bool = False) -> None:
        pool.take()
        target.running += 1
        target.outstanding_tokens += ticket.tokens
        self.age = target.breaker.began()
        self.probe = target.breaker.probing
        self.target = target
        self.ticket = ticket
        self.held = True
        self.long = long
        self._pool = pool
        pool.reading_long += long

    def read(self) -> None:
        """The prompt is read."""
        if self.long:
            self.long = False
            self._pool.reading_long -= 1
            self._pool.pump()

    def unused(self) -> None:
        """Gives both back without a call; one that was to be a probe leaves that to the next."""
        self.target.breaker.left(self.age)
        self.release()

    def release(self, *, pump: bool = True) -> None:
        """Gives both back; a second time does nothing."""
        if not self.held:
            return
        self.held = False
        self.target.running -= 1
        self.target.outstanding_tokens -= self.ticket.tokens
        if not self.target.running:
            self.target.outstanding_tokens = 0.0
        if self.long:
            self.long = False
            self._pool.reading_long -= 1
        self._pool.give_back(pump=pump)


class Watch:
    """What one call tells about its upstream's pace. `slowdown` is by how much those at its side slow it; `beside` how
    many ran when it began."""

    def __init__(self, started_s: float, *, slowdown: float, beside: int, call: Call) -> None:
        self.started_s = started_s
        self.prompt_tokens = call.prompt_tokens
        self.beside = beside
        self.stream = call.stream
        self.first_s: float | None = None
        self.usage: Usage | None = None
        self._slowdown = slowdown
        self._count = 0

    def see(self, chunk: Chunk, now_s: float) -> None:
        self._count += 1
        if self._count == 1:
            self.first_s = now_s - self.started_s
        if chunk.usage is not None:
            self.usage = chunk.usage

    def waited_s(self, now_s: float) -> float:
        """Until the first chunk of a stream, else until now."""
        return self.first_s if self.stream and self.first_s is not None else now_s - self.started_s

    def pace_after(self, pace: Pace, now_s: float) -> Pace:
        if self.usage is None:
            return pace
        in_pieces = self.first_s is not None and self._count > 2
        return pace.after(
            prompt_tokens=self.usage.prompt_tokens - self.usage.cached_tokens,
            completion_tokens=self.usage.completion_tokens,
            first_s=self.first_s / self._slowdown if self.first_s is not None and in_pieces else None,
            total_s=(now_s - self.started_s) / self._slowdown,
        )


class Run:
    """One call of one upstream: from its permit, which it gives back, to its end, which the upstream's record hears of
    exactly once. `after_s`: how long the first had said nothing when this one, a hedge, began."""

    def __init__(self, permit: Permit, call: Call, clock: Clock, *, slowdown: float = 1.0) -> None:
        assert permit.held, "a call needs a permit"
        self.permit = permit
        self.call = call
        self._now = clock.monotonic
        chunks: Any = permit.target.answer(call)  # an async generator, like all that answer
        self.chunks: AsyncGenerator[Chunk, None] = chunks
        self.watch = Watch(self._now(), slowdown=slowdown, beside=permit.target.running, call=call)
        self.after_s = 0.0
        self.ended = False

    @property
    def service_s(self) -> float:
        """What it is predicted to take, by which it is judged how long it says nothing."""
        ticket = self.permit.ticket
        return ticket.service_s * self.permit.target.stretch(ticket.prompt_tokens)

    def saw(self, chunk: Chunk) -> None:
        if self.permit.long and self.watch.first_s is None:
            self.permit.read()
        self.watch.see(chunk, self._now())

    def failed(self, error: ReasonerError) -> None:
        self.ended = True
        self.permit.target.failed(error, self.permit.age, self._now(), self.watch.started_s)

    def answered(self) -> None:
        """It came to its end."""
        self.ended = True
        self.permit.target.answered(self.watch, self.permit.age, self._now())

    async def close(self, lost_s: float = inf) -> None:
        """Stops what is still under way and gives the place back. A second time does nothing. `lost_s` is how long it
        may say nothing without being taken for lost."""
        try:
            if not self.ended:
                self.ended = True
                self._left(lost_s)
                await self.chunks.aclose()
        finally:
            self.permit.release()

    def _left(self, lost_s: float) -> None:
        """Its caller gave up. At its deadline, or when it was taken for lost, that is the upstream's doing; before, it
        says nothing."""
        now_s, call, permit = self._now(), self.call, self.permit
        took_s, service_s = now_s - self.watch.started_s, self.service_s
        lost = took_s >= lost_s - _EARLY_S
        if self.watch.first_s is None and (lost or (now_s >= call.patient_until_s - _EARLY_S and took_s >= service_s)):
            permit.target.timed_out(permit.age, now_s, hopeless=lost or took_s >= 2 * service_s)
        else:
            permit.target.breaker.left(permit.age)
