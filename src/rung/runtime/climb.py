"""One request's climb: call, look at the answer, and call the next, until the rule says stop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import msgspec

from rung.clock import Clock
from rung.errors import (
    Abstained,
    AllFailed,
    Busy,
    DeadlineExceeded,
    Overloaded,
    RateLimited,
    ReasonerError,
    RungError,
    TimedOut,
    UpstreamRefusedRequest,
)
from rung.reasoners.base import closing, collect, spell
from rung.routing import Candidate, Limits, Seen, Stop, Try, difficulty_shift, exclusion, next_action, weigh
from rung.runtime.ladder import Ladder, caller_of
from rung.runtime.plan import Plan, decision_of, with_quickest
from rung.types import (
    Answer,
    Call,
    Chunk,
    Commit,
    Decision,
    Estimate,
    Features,
    Json,
    Reply,
    Request,
    Step,
    Usage,
    Verdict,
)

# What is kept for another rung, in ninetieth percentiles of its time: all that hung with one will come to it at once.
_SPARE = 1.5
# A timer may ring that much early: what it ends is ended by the deadline.
_EARLY_S = 0.01
# How lanes stand is not looked at again within so many seconds.
_FRESH_S = 0.02
_NOTHING_SPENT = Usage()

Verify = Callable[[Features, Mapping[str, Estimate], Sequence[Answer], Json], Awaitable[tuple[Verdict, ...]]]
Event = Commit | Chunk | Reply


class Attempt:
    """One call while it runs; `answer` stays None unless it came whole."""

    def __init__(self, action: Try, started_s: float) -> None:
        self.action = action
        self.started_s = started_s
        self.answer: Answer | None = None


class Climb:
    """Owned by the request's own task; `events` may be run once, and `decision` asked at any time."""

    def __init__(self, request: Request, plan: Plan, ladder: Ladder, verify: Verify, clock: Clock) -> None:
        self._request = request
        self._plan = plan
        self._ladder = ladder
        self._verify = verify
        self._clock = clock
        self._caller = caller_of(request)
        self._left = {c.name: c for c in plan.candidates}
        self._options = plan.candidates
        self._answers: list[Answer] = []
        self._verdicts: tuple[Verdict, ...] = ()
        self._steps: list[Step] = []
        self._failures: dict[str, ReasonerError] = {}
        self._spent = Usage()
        self._live_by: str | None = None
        self._quality_reached = True
        self._looked_s = clock.monotonic()

    async def events(self) -> AsyncGenerator[Event, None]:
        """One Commit, the chunks if the request streams, one Reply. Raises the RungError that the caller should see."""
        if self._plan.problem is not None:
            raise self._plan.problem
        while isinstance(action := self._next(), Try):
            if action.live and self._request.stream:
                async for event in self._try_live(action):
                    yield event
                if self._live_by is not None:
                    return
            else:
                await self._try(action)
        self._quality_reached = action.quality_reached
        if not self._answers:
            raise self._nobody_answered()
        answer, _ = self._best()
        yield Commit(reasoner=answer.reasoner, cache="miss", live=False)
        if self._request.stream:
            for chunk in spell(answer):
                yield chunk
        yield Reply(answer=self._priced(answer), decision=self.decision())

    def decision(self, error: str = "") -> Decision:
        """Why the request was, or was not, answered the way it was, as far as is known."""
        answer, verdict = self._best() if self._answers else (None, None)
        return msgspec.structs.replace(
            decision_of(self._request, self._plan),
            steps=tuple(self._steps),
            answered_by=answer.reasoner if answer else None,
            right_prob=verdict.right_prob if verdict else None,
            quality_reached=self._quality_reached,
            usage=self._spent,
            total_s=self._clock.monotonic() - self._request.arrived_s,
            reasoner_s=sum(step.ended_s - step.started_s for step in self._steps),
            streamed_live=self._live_by is not None,
            error=error,
        )

    def _next(self) -> Try | Stop:
        if not self._steps:
            return self._plan.taken or self._plan.action
        limits = Limits(left_s=self._left_s(), left_usd=self._left_usd())
        features = self._plan.features
        self._look_again(features)
        fit = [c for c in self._left.values() if not exclusion(c, features, limits)]
        self._options = tuple(fit) if self._answers else with_quickest(fit, self._left.values(), features, limits)
        asked = {c.name: c for c in self._plan.candidates}
        pairs = [(asked[a.reasoner], v) for a, v in zip(self._answers, self._verdicts, strict=True)]
        seen = [Seen(c.mind, c.estimate.right_prob, v.right_prob) for c, v in pairs]
        weighed = [weigh(c, self._plan.prices, difficulty_shift(c.mind, seen)) for c in self._options]
        in_hand = self._best()[1].right_prob if self._answers else None
        return next_action(weighed, in_hand, self._request.wishes.min_quality)

    def _look_again(self, features: Features) -> None:
        """Lanes filled or emptied while a call was under way, unless it took no time to speak of."""
        now_s = self._clock.monotonic()
        if now_s - self._looked_s < _FRESH_S:
            return
        self._looked_s = now_s
        self._left = {
            name: self._ladder.candidate(self._ladder[name], features, self._caller, before)
            for name, before in self._left.items()
        }

    async def _try(self, action: Try) -> None:
        """Calls a rung, holds its answer whole, and looks at it."""
        chunks: list[Chunk] = []
        with self._attempt(action) as attempt:
            call = self._call(action.reasoner, stream=False)
            async with (
                asyncio.timeout(self._patience_s(call)) as timer,
                closing(self._ladder[action.reasoner].call(call)) as stream,
            ):
                async for chunk in stream:
                    if not chunks and call.begin_by_s is not None:
                        timer.reschedule(asyncio.get_running_loop().time() + self._left_s())
                    chunks.append(chunk)
            attempt.answer = collect(action.reasoner, chunks)
        if attempt.answer is not None:
            await self._answered(attempt, attempt.answer)

    async def _try_live(self, action: Try) -> AsyncIterator[Event]:
        """Calls a rung and passes its chunks on as they come. Until the first one with content it may still fail unseen
        by the client; after that, nothing moves to another rung. Every whole answer has one: its finish."""
        chunks: list[Chunk] = []
        with self._attempt(action) as attempt:
            call = self._call(action.reasoner, stream=True)
            async with closing(self._ladder[action.reasoner].call(call)) as stream:
                while (chunk := await self._in_time(stream, call if not chunks else None)) is not None:
                    chunks.append(chunk)
                    if self._live_by is not None:
                        yield chunk
                    elif chunk.text or chunk.reasoning or chunk.tool_calls or chunk.finish:
                        self._live_by = action.reasoner
                        yield Commit(reasoner=action.reasoner, cache="miss", live=True)
                        for held in chunks:
                            yield held
            attempt.answer = collect(action.reasoner, chunks)
        if attempt.answer is not None:
            await self._answered(attempt, attempt.answer)
            yield Reply(answer=self._priced(self._answers[-1]), decision=self.decision())

    async def _in_time(self, stream: AsyncGenerator[Chunk, None], begun: Call | None) -> Chunk | None:
        async with asyncio.timeout(self._patience_s(begun) if begun else self._left_s()):
            return await anext(stream, None)

    @contextmanager
    def _attempt(self, action: Try) -> Iterator[Attempt]:
        """Turns what goes wrong with a call into a step of the climb, which goes on as long as nothing was sent."""
        attempt = Attempt(action, self._clock.monotonic())
        try:
            yield attempt
        except ReasonerError as error:
            del self._left[action.reasoner]
            self._failures[action.reasoner] = error
            reason = f"{type(error).__name__}: {error.message}"
            usage = self._with_machine(action.reasoner, error.usage)
            self._spent = self._spent + usage
            self._step(attempt, "abstained" if isinstance(error, Abstained) else "failed", reason=reason, usage=usage)
            if self._live_by is not None:
                raise
        except TimeoutError:
            del self._left[action.reasoner]
            late = self._late()
            reason = "the request's deadline passed" if late else "nothing came while another could still be asked"
            self._failures[action.reasoner] = TimedOut(reason)
            self._step(attempt, "failed", reason=reason)
            if self._live_by is not None:
                raise self._too_late() from None
        except BaseException:
            self._step(attempt, "cancelled")
            raise

    def _call(self, name: str, *, stream: bool) -> Call:
        request, rung = self._request, self._ladder[name]
        # A vote's estimate counts all its samples, each of which is a call for its lane.
        calls = rung.profile.samples // 2 + 1
        return Call(
            id=request.id,
            body=request.body,
            deadline_s=request.deadline_s,
            stream=stream,
            priority=self._caller.priority,
            tenant=self._caller.tenant,
            prompt_tokens=self._plan.features.prompt_tokens,
            completion_tokens=self._left[name].estimate.completion_tokens / calls,
            begin_by_s=self._begin_by_s(self._left[name]),
        )

    def _begin_by_s(self, chosen: Candidate) -> float | None:
        """When nothing has come by then, another rung is asked while it can still answer in time; None if there is no
        other, or no time for both."""
        if self._answers:
            return None
        # Another that waits in the same lane would come no sooner.
        lane = self._ladder[chosen.name].lane
        others = (c.estimate for c in self._options if self._ladder[c.name].lane is not lane and c.abilities.general)
        needed_s = min((e.wait_s + _SPARE * e.p90_s for e in others), default=None)
        if needed_s is None:
            return None
        by_s = self._request.deadline_s - needed_s
        enough_s = chosen.estimate.wait_s + chosen.estimate.service_s
        return by_s if by_s - self._clock.monotonic() >= enough_s else None

    def _patience_s(self, call: Call) -> float:
        return self._left_s() if call.begin_by_s is None else call.begin_by_s - self._clock.monotonic()

    async def _answered(self, attempt: Attempt, answer: Answer) -> None:
        name, ended_s = attempt.action.reasoner, self._clock.monotonic()
        usage = self._with_machine(name, answer.usage)
        self._spent = self._spent + usage
        del self._left[name]
        self._answers.append(msgspec.structs.replace(answer, usage=usage))
        estimates = {c.name: c.estimate for c in self._plan.candidates}
        self._verdicts = await self._verify(self._plan.features, estimates, self._answers, self._request.body)
        self._step(attempt, "answered", usage=usage, answered=(ended_s, self._verdicts[-1]))

    def _with_machine(self, name: str, usage: Usage) -> Usage:
        """A machine of ours that was held is paid for by the second."""
        usd = usage.usd + usage.busy_s * self._ladder[name].profile.usd_per_busy_s
        return msgspec.structs.replace(usage, usd=usd)

    def _priced(self, answer: Answer) -> Answer:
        """The answer with the money and machine time of the whole climb, and its own tokens."""
        usage = msgspec.structs.replace(answer.usage, usd=self._spent.usd, busy_s=self._spent.busy_s)
        return msgspec.structs.replace(answer, usage=usage)

    def _step(
        self,
        attempt: Attempt,
        outcome: Literal["answered", "abstained", "failed", "cancelled"],
        *,
        reason: str = "",
        usage: Usage = _NOTHING_SPENT,
        answered: tuple[float, Verdict] | None = None,
    ) -> None:
        ended_s, verdict = answered or (self._clock.monotonic(), None)
        self._steps.append(
            Step(
                reasoner=attempt.action.reasoner,
                reserve=attempt.action.reserve,
                outcome=outcome,
                started_s=attempt.started_s - self._request.arrived_s,
                ended_s=ended_s - self._request.arrived_s,
                usage=usage,
                verdict=verdict,
                reason=reason,
                propensity=attempt.action.propensity,
            )
        )

    def _best(self) -> tuple[Answer, Verdict]:
        """The likeliest answer in hand; of equals, the first."""
        return max(zip(self._answers, self._verdicts, strict=True), key=lambda pair: pair[1].right_prob)

    def _left_s(self) -> float:
        return self._request.deadline_s - self._clock.monotonic()

    def _late(self) -> bool:
        return self._left_s() <= _EARLY_S

    def _left_usd(self) -> float | None:
        bound = self._request.wishes.max_usd
        return None if bound is None else bound - self._spent.usd

    def _too_late(self) -> DeadlineExceeded:
        allowed_s = self._request.deadline_s - self._request.arrived_s
        tried = ", ".join(f"{step.reasoner} ({step.outcome})" for step in self._steps)
        return DeadlineExceeded(f"no answer within {allowed_s:.1f} s; tried: {tried}", param="rung.deadline_ms")

    def _nobody_answered(self) -> RungError:
        if self._late():
            return self._too_late()
        errors = list(self._failures.values())
        real = [e for e in errors if not isinstance(e, Abstained)] or errors
        if not self._plan.problem and len(errors) == 1 and not self._request.model.startswith("auto"):
            return errors[0]  # one reasoner was asked for by name: its own error says most
        if self._plan.if_all_abstain is not None and all(isinstance(e, Abstained) for e in errors):
            return self._plan.if_all_abstain
        if real and all(isinstance(e, UpstreamRefusedRequest) for e in real):
            return real[0]
        waits = [e.retry_after_s for e in real if e.retry_after_s is not None]
        retry_after_s = min(waits) if waits else None
        if real and all(isinstance(e, Overloaded | RateLimited) for e in real):
            return Busy(real[0].message, retry_after_s=retry_after_s)
        reasons = [f"{name}: {e.message}" for name, e in self._failures.items()]
        reasons += [f"{name}: {why}" for name, why in self._plan.left_out.items()]
        return AllFailed(f"no reasoner answered ({'; '.join(reasons)})", retry_after_s=retry_after_s)
