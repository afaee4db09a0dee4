"""One request's climb: call, look at the answer, and call the next, until the rule says stop."""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import aclosing
from math import inf
from typing import Literal

import msgspec

from rung.clock import Clock, soon_within, within
from rung.errors import Abstained, ReasonerError, RungError, TimedOut, Unable, UpstreamRefusedRequest
from rung.reasoners.base import closing, collect, spell
from rung.routing import (
    Candidate,
    Commitment,
    Limits,
    Seen,
    Stop,
    Try,
    Verdicted,
    Weighed,
    difficulty_shift,
    exclusion,
    next_action,
    right_after,
    weigh,
)
from rung.runtime.account import Account, Attempt
from rung.runtime.failure import nobody_answered, too_late
from rung.runtime.hold import Held, Hold, Live, can_hold
from rung.runtime.judge import Asking, Hand, Judge, word_of
from rung.runtime.ladder import Ladder
from rung.runtime.plan import UNBOUND, Plan, decision_of, is_bound, with_quickest
from rung.types import (
    NOTHING_SPENT,
    Answer,
    Call,
    Chunk,
    Commit,
    Decision,
    Ended,
    Event,
    Features,
    Reply,
    Request,
    Usage,
    Verdict,
)
from rung.verdicts import Verify

# What is kept for another rung, in ninetieth percentiles of its time: all that hung with one will come to it at once.
_SPARE = 1.5
# A timer may ring that much early: what it ends is ended by the deadline.
_EARLY_S = 0.01
# How lanes stand is not looked at again within so many seconds.
_FRESH_S = 0.05
# Those come again whenever the same is asked.
_LASTING = (Abstained, Unable, UpstreamRefusedRequest)


class _Dropped(Exception):
    """What is being written is not worth the rest of it."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


class Climb:
    """Owned by the request's own task; `events` may be run once, and `decision` asked at any time."""

    def __init__(
        self, request: Request, plan: Plan, ladder: Ladder, verify: Verify, clock: Clock, judge: Judge | None = None
    ) -> None:
        self._request = request
        self._plan = plan
        self._ladder = ladder
        self._rungs = ladder.rungs
        self._verify = verify
        self._clock = clock
        # None as soon as it has failed.
        self._judge = judge
        # None only if it would fail again.
        self._later_judge = judge
        self._unjudged = ""
        self._caller = plan.caller
        self._left = {c.name: c for c in plan.candidates}
        self._options = plan.candidates
        self._account = Account(request, self._rungs, plan.features.prompt_tokens, clock)
        self._answers: list[Answer] = []
        self._verdicts: tuple[Verdict, ...] = ()
        self._failures: dict[str, ReasonerError] = {}
        # Those that may answer the same question later.
        self._broken: list[Candidate] = []
        self._live_by: str | None = None
        self._quality_reached = True
        # Those whose answers were dropped, and what was seen of them: for when nobody else answers.
        self._dropped: dict[str, Candidate] = {}
        self._glimpsed: list[Seen] = []
        # Whether the rule would have ended with this answer had nobody streamed it.
        self._ended = True
        self._looked_s = clock.monotonic()

    async def events(self) -> AsyncGenerator[Event, None]:
        """One Commit, the chunks if the request streams, one Reply. Raises the RungError that the caller should see."""
        if self._plan.problem is not None:
            raise self._plan.problem
        while True:
            action = self._next()
            if self._judge is not None and self._answers and await self._asked(self._judge):
                continue
            if isinstance(action, Stop):
                break
            hold = self._hold(action)
            if hold is None:
                await self._try(action)
                continue
            async with aclosing(self._try_streaming(action, hold)) as events:
                async for event in events:
                    yield event
            if self._live_by is not None:
                return
        self._quality_reached = action.quality_reached
        if not self._answers:
            raise self._no_answer()
        answer, _ = self._best()
        yield Commit(reasoner=answer.reasoner, cache="miss", live=False)
        if self._request.stream:
            for chunk in spell(answer):
                yield chunk
        yield Reply(answer=self._account.priced(answer), decision=self.decision())

    def decision(self, error: str = "") -> Decision:
        """Why the request was, or was not, answered the way it was, as far as is known."""
        answer, verdict = self._served()
        return msgspec.structs.replace(
            decision_of(self._request, self._plan),
            steps=tuple(self._account.steps),
            answered_by=answer.reasoner if answer else None,
            right_prob=verdict.right_prob if verdict else None,
            quality_reached=self._quality_reached,
            usage=self._account.spent,
            total_s=self._clock.monotonic() - self._request.arrived_s,
            reasoner_s=sum([step.ended_s - step.started_s for step in self._account.steps]),
            streamed_live=self._live_by is not None,
            error=error,
            unjudged=self._unjudged,
        )

    @property
    def settled(self) -> bool:
        """Whether the rule would have ended with this answer for anyone who asks the same of it."""
        return self._ended and not self._would_go_on()

    @property
    def without(self) -> tuple[str, ...]:
        """Those that are down, and without whom it would be `settled`; none if it would not be."""
        names = [c.name for c in self._plan.missed]
        if self._later_judge is not None:
            names.append(self._later_judge.name)
        down = tuple(filter(self._ladder.is_down, names))
        return down if down and self._ended and not self._would_go_on(down) else ()

    def _would_go_on(self, down: Collection[str] = ()) -> bool:
        """Whether the rule would try another rung, or the judge be asked, had the request no bounds, and had all but
        `down` been up and not failed."""
        missed = [c for c in self._plan.missed if c.name not in down]
        judge = None if self._later_judge is None or self._later_judge.name in down else self._later_judge
        away = judge is not None and judge.away
        failed = judge is not None and self._judge is None
        if not (missed or self._broken or away or failed or is_bound(self._request)):
            return False
        others = (*missed, *self._broken, *self._left.values())
        fit = [c for c in others if not exclusion(c, self._plan.features, UNBOUND)]
        weighed = self._weighed(fit, self._seen())
        if isinstance(next_action(weighed, self._in_hand(), self._request.wishes.min_quality), Try):
            return True
        if judge is None or not self._answers:
            return False
        return isinstance(judge.asks(self._request, self._plan, self._hand(fit, UNBOUND), if_up=away), Asking)

    def _next(self) -> Try | Stop:
        if not self._account.steps:
            return self._plan.taken or self._plan.action
        if self._as_expected():
            return Stop(quality_reached=True)
        limits = self._limits()
        features = self._plan.features
        self._look_again(features)
        fit = [c for c in self._left.values() if not exclusion(c, features, limits)]
        self._options = tuple(fit) if self._answers else with_quickest(fit, self._left.values(), features, limits)
        if not self._options and not self._answers:
            self._left, self._dropped = self._dropped, {}
            self._glimpsed.clear()
            self._options = tuple(c for c in self._left.values() if not exclusion(c, features, limits))
        weighed = self._weighed(self._options, self._seen())
        return next_action(weighed, self._in_hand(), self._request.wishes.min_quality)

    def _as_expected(self) -> bool:
        """Whether the first answer came at once, is as sure as expected, and so sure that nothing was worth calling
        after it: the rule, asked anew, would weigh the same and say so."""
        plan = self._plan
        if len(self._account.steps) != 1 or not self._answers or plan.streaming == "eager":
            return False
        if self._clock.monotonic() - self._looked_s >= _FRESH_S:
            return False
        name, sure = self._answers[0].reasoner, self._verdicts[0].right_prob
        if sure < (self._request.wishes.min_quality or 0.0):
            return False
        for c, w in zip(plan.candidates, plan.weighed, strict=True):
            as_expected = sure == c.estimate.right_prob if c.name == name else sure >= w.reserve
            if not as_expected:
                return False
        return True

    def _weighed(self, options: Iterable[Candidate], seen: Sequence[Seen]) -> list[Weighed]:
        blind = self._plan.streaming == "eager" and not self._answers
        shifts = ((c, difficulty_shift(c.mind, seen)) for c in options)
        return [weigh(c, self._plan.prices, shift, blind=blind) for c, shift in shifts]

    def _seen(self) -> list[Seen]:
        if not self._answers:
            return [*self._glimpsed]
        asked = {c.name: c for c in self._plan.candidates}
        pairs = [(asked[a.reasoner], v) for a, v in zip(self._answers, self._verdicts, strict=True)]
        return [*self._glimpsed, *(Seen(c.mind, c.estimate.right_prob, v.right_prob) for c, v in pairs)]

    def _in_hand(self) -> float | None:
        return self._best()[1].right_prob if self._answers else None

    def _hold(self, action: Try) -> Hold | Live | Literal["live"] | None:
        """How the action's answer is passed on: as it comes, held and looked at, or None: when it is whole."""
        plan, chosen = self._plan, self._left[action.reasoner]
        if plan.streaming is None:
            return None
        if (action.live and len(self._options) == 1) or (plan.streaming == "eager" and not self._answers):
            return "live"
        if plan.streaming != "held" or not (action.live or can_hold(chosen, plan.features)):
            return None
        expected_prob = right_after(chosen, self._seen())
        held = Held(
            request=self._request,
            features=plan.features,
            candidate=chosen,
            profile=self._rungs[chosen.name].profile,
            prices=plan.prices,
            expected_prob=expected_prob,
            in_hand=self._in_hand(),
            others=lambda found_prob: self._others(chosen, found_prob),
        )
        return Live(held) if action.live else Hold(held, self._clock)

    def _others(self, running: Candidate, found_prob: float) -> list[Weighed]:
        """The options beside one whose answer is being written and is thought to be right with `found_prob`."""
        limits = self._limits()
        seen = [*self._seen(), Seen(running.mind, running.estimate.right_prob, found_prob)]
        fit = (c for c in self._options if c.name != running.name and not exclusion(c, self._plan.features, limits))
        return self._weighed(fit, seen)

    def _look_again(self, features: Features) -> None:
        """Lanes filled or emptied while a call was under way, unless it took no time to speak of."""
        now_s = self._clock.monotonic()
        if now_s - self._looked_s < _FRESH_S:
            return
        self._looked_s = now_s
        self._left = {
            name: self._ladder.candidate(self._rungs[name], features, self._caller, before)
            for name, before in self._left.items()
        }

    async def _try(self, action: Try) -> None:
        """Calls a rung, holds its answer whole, and looks at it."""
        with self._attempt(action) as attempt:
            chunks = attempt.chunks
            call = self._call(attempt, stream=False)
            with within(self._patience_s(call)) as timer:
                async with closing(self._rungs[action.reasoner].call(call)) as stream:
                    async for chunk in stream:
                        if not chunks and call.begin_by_s is not None:
                            timer.from_now(self._left_s())
                        chunks.append(chunk)
            attempt.answer = collect(action.reasoner, chunks)
        if attempt.answer is not None:
            await self._answered(attempt, attempt.answer)

    async def _try_streaming(self, action: Try, hold: Hold | Live | Literal["live"]) -> AsyncGenerator[Event, None]:
        """Calls a rung and passes its chunks on, from the first one with content or from where the hold lets go. Until
        then it may fail or be dropped unseen by the client; after that, nothing moves to another rung. Every whole
        answer has content: its finish. One that is held to its end is looked at like any other."""
        with self._attempt(action) as attempt:
            chunks = attempt.chunks
            call = self._call(attempt, stream=True)
            async with closing(self._rungs[action.reasoner].call(call)) as stream:
                while (chunk := await self._in_time(stream, call if not chunks else None)) is not None:
                    chunks.append(chunk)
                    if self._live_by is not None:
                        yield chunk
                        continue
                    move = _at_once(chunk) if hold == "live" else hold.feed(chunk)
                    if move == "drop" and hold != "live" and hold.verdict is not None:
                        raise _Dropped(hold.verdict)
                    if move == "release":
                        self._live_by = action.reasoner
                        yield Commit(reasoner=action.reasoner, cache="miss", live=True)
                        for kept in chunks:
                            yield kept
            attempt.answer = collect(action.reasoner, chunks)
        if attempt.answer is not None:
            await self._answered(attempt, attempt.answer)
            if self._live_by is not None:
                yield self._sent(action)

    def _sent(self, action: Try) -> Reply:
        """The end of an answer that was sent as it was written."""
        wanted = self._request.wishes.min_quality or 0.0
        self._quality_reached = self._verdicts[-1].right_prob >= wanted
        expected = next(c.estimate.right_prob for c in self._plan.candidates if c.name == action.reasoner)
        surely = action.live and self._plan.streaming != "eager" and self._verdicts[-1].right_prob >= expected
        self._ended = surely or isinstance(self._next(), Stop)
        return Reply(answer=self._account.priced(self._answers[-1]), decision=self.decision())

    async def _in_time(self, stream: AsyncGenerator[Chunk, None], begun: Call | None) -> Chunk | None:
        with within(self._patience_s(begun) if begun else self._left_s()):
            return await anext(stream, None)

    def _attempt(self, action: Try) -> Attempt:
        wait_s = self._left[action.reasoner].estimate.wait_s
        return Attempt(action, self._clock.monotonic(), wait_s, self._failed)

    def _failed(self, attempt: Attempt, error: BaseException) -> bool:
        """Turns what went wrong with a call into a step of the climb, which goes on as long as nothing was sent."""
        name = attempt.action.reasoner
        if isinstance(error, ReasonerError):
            candidate = self._left.pop(name)
            if not isinstance(error, _LASTING):
                self._broken.append(candidate)
            self._failures[name] = error
            reason = f"{type(error).__name__}: {error.message}"
            usage = self._account.lost(attempt, error.usage)
            outcome: Ended = "abstained" if isinstance(error, Abstained) else "failed"
            self._account.note(attempt, outcome, reason=reason, usage=usage)
            return self._live_by is None
        if isinstance(error, TimeoutError):
            self._broken.append(self._left.pop(name))
            late = self._late()
            reason = "the request's deadline passed" if late else "nothing came while another could still be asked"
            self._failures[name] = TimedOut(reason)
            self._account.note(attempt, "failed", reason=reason, usage=self._account.lost(attempt))
            if self._live_by is not None:
                raise too_late(self._request, self._account.steps) from None
            return True
        if isinstance(error, _Dropped):
            candidate = self._dropped[name] = self._left.pop(name)
            self._glimpsed.append(Seen(candidate.mind, candidate.estimate.right_prob, error.verdict.right_prob))
            looked = self._clock.monotonic(), error.verdict
            self._account.note(attempt, "dropped", usage=self._account.lost(attempt), looked=looked)
            return True
        self._account.note(attempt, "cancelled", usage=self._account.lost(attempt))
        return False

    def _call(self, attempt: Attempt, *, stream: bool) -> Call:
        name = attempt.action.reasoner
        request, rung, chosen = self._request, self._rungs[name], self._left[name]
        others_s = self._others_s(chosen)
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
            completion_tokens=chosen.estimate.completion_tokens / calls,
            begin_by_s=self._begin_by_s(chosen, min(others_s)) if others_s and not self._answers else None,
            # What one was silent on for too long, another may be slow on too: that one is waited for.
            elsewhere=bool(others_s or self._answers) and TimedOut not in map(type, self._failures.values()),
            heard=attempt.heard,
        )

    def _others_s(self, chosen: Candidate) -> list[float]:
        """What others need that take any question. One that waits in the same lane would come no sooner."""
        lane = self._rungs[chosen.name].lane
        return [
            c.estimate.wait_s + _SPARE * c.estimate.p90_s
            for c in self._options
            if c.abilities.general and self._rungs[c.name].lane is not lane
        ]

    def _begin_by_s(self, chosen: Candidate, other_s: float) -> float | None:
        """When nothing has come by then, another rung is asked while it can still answer in time; None if there is no
        time for both."""
        by_s = self._request.deadline_s - other_s
        enough_s = chosen.estimate.wait_s + chosen.estimate.service_s
        return by_s if by_s - self._clock.monotonic() >= enough_s else None

    def _patience_s(self, call: Call) -> float:
        return self._left_s() if call.begin_by_s is None else call.begin_by_s - self._clock.monotonic()

    async def _answered(self, attempt: Attempt, answer: Answer) -> None:
        name, ended_s = attempt.action.reasoner, self._clock.monotonic()
        told = self._account.took(attempt, attempt.heard) if attempt.heard else answer.usage
        usage = self._account.paid(name, told)
        chosen, features, looked = self._left.pop(name), self._plan.features, self._ladder.looked
        expected_prob = right_after(chosen, self._seen())
        if usage is not answer.usage:
            answer = msgspec.structs.replace(answer, usage=usage)
        answers = [*self._answers, answer]
        try:
            verdicts = await self._looked_at(answers, expected_prob)
        except BaseException:
            self._account.note(attempt, "cancelled", usage=usage)
            raise
        self._answers, self._verdicts = answers, verdicts
        looked.took(features.task, self._clock.monotonic() - ended_s)
        expected_tokens = chosen.estimate.completion_tokens
        whole = 0 < expected_tokens < (features.max_tokens or inf)
        if usage.completion_tokens and len(answer.choices) == 1 and whole:
            looked.wrote(name, features.task, usage.completion_tokens, expected_tokens / chosen.longer)
        looked.saw(name, features.task, Verdicted(expected_prob, self._verdicts[-1].right_prob))
        self._account.note(attempt, "answered", usage=usage, looked=(ended_s, self._verdicts[-1]))

    async def _asked(self, judge: Judge) -> bool:
        """Asks the judge about the best answer in hand, if its word is worth it; the rule is asked anew then."""
        best, verdict = self._best()
        asking = judge.asks(self._request, self._plan, self._hand(self._left.values(), self._limits()))
        if isinstance(asking, str):
            self._unjudged = asking
            return False
        action = Try(reasoner=judge.name, reserve=verdict.right_prob, live=False)
        with Attempt(action, self._clock.monotonic(), asking.wait_s, self._unheard) as attempt:
            with within(asking.patience_s):
                async with closing(judge.rung.call(asking.call)) as stream:
                    async for chunk in stream:
                        attempt.chunks.append(chunk)
            attempt.answer = collect(judge.name, attempt.chunks)
        if attempt.answer is not None:
            usage = self._account.paid(judge.name, attempt.answer.usage)
            await self._heard(judge, attempt, best, usage)
        return True

    def _unheard(self, attempt: Attempt, error: BaseException) -> bool:
        """A judge that fails changes nothing but what it cost, and is not asked again."""
        self._judge = None
        if isinstance(error, _LASTING):
            self._later_judge = None
        told, reason = NOTHING_SPENT, "the request ended"
        if isinstance(error, ReasonerError):
            told, reason = error.usage, f"{type(error).__name__}: {error.message}"
        elif isinstance(error, TimeoutError):
            reason = "nothing came as long as its word was worth waiting for"
        self._account.note(attempt, "unjudged", reason=reason, usage=self._account.lost(attempt, told))
        return isinstance(error, ReasonerError | TimeoutError)

    async def _heard(self, judge: Judge, attempt: Attempt, best: Answer, usage: Usage) -> None:
        """Looks again at all answers, with the judge's word on `best`."""
        assert attempt.answer is not None
        yes = word_of(attempt.answer)
        if yes is None:
            self._judge = self._later_judge = None
            self._account.note(attempt, "unjudged", reason="said neither yes nor no", usage=usage)
            return
        self._account.note(attempt, "judged", reason=f"of {best.reasoner}: {yes:.0%} yes", usage=usage)
        at = self._answers.index(best)
        self._answers[at] = msgspec.structs.replace(best, signals={**best.signals, "judge": judge.moves(yes)})
        self._verdicts = await self._looked_at(self._answers, None)
        self._account.revise(best.reasoner, self._verdicts[at])

    def _hand(self, left: Collection[Candidate], limits: Limits) -> Hand:
        best, verdict = self._best()
        others = [v.right_prob for a, v in zip(self._answers, self._verdicts, strict=True) if a is not best]
        seen, at = self._seen(), len(self._glimpsed) + self._answers.index(best)

        def options(limits: Limits, found_prob: float) -> list[Weighed]:
            seen[at] = msgspec.structs.replace(seen[at], found_prob=found_prob)
            fit = (c for c in left if not exclusion(c, self._plan.features, limits))
            return self._weighed(fit, seen)

        return Hand(
            answers=self._answers,
            best=best,
            verdict=verdict,
            next_prob=max(others, default=None),
            limits=limits,
            options=options,
        )

    async def _looked_at(self, answers: list[Answer], expected_prob: float | None) -> tuple[Verdict, ...]:
        """What is seen of the answers. If there is no time to look, what was: of a new one, the last, what was
        expected."""
        estimates = {c.name: c.estimate for c in self._plan.candidates}
        try:
            looking = self._verify(self._plan.features, estimates, answers, self._request.body)
            return await soon_within(self._left_s(), looking)
        except TimeoutError:
            return self._verdicts if expected_prob is None else (*self._verdicts, Verdict(right_prob=expected_prob))

    def _best(self) -> tuple[Answer, Verdict]:
        """The likeliest answer in hand; of equals, the first."""
        if len(self._answers) == 1:
            return self._answers[0], self._verdicts[0]
        return max(zip(self._answers, self._verdicts, strict=True), key=lambda pair: pair[1].right_prob)

    def _served(self) -> tuple[Answer, Verdict] | tuple[None, None]:
        """The answer that was sent, or that would be sent now; one that broke off while it was sent is none."""
        if not self._answers:
            return None, None
        if self._live_by is None:
            return self._best()
        last, verdict = self._answers[-1], self._verdicts[-1]
        return (last, verdict) if last.reasoner == self._live_by else (None, None)

    def _left_s(self) -> float:
        return self._request.deadline_s - self._clock.monotonic()

    def _late(self) -> bool:
        return self._left_s() <= _EARLY_S

    def _limits(self) -> Limits:
        return Limits(left_s=self._left_s(), left_usd=self._left_usd())

    def _left_usd(self) -> float | None:
        bound = self._request.wishes.max_usd
        return None if bound is None else bound - self._account.spent.usd

    def _no_answer(self) -> RungError:
        if self._late():
            error: RungError = too_late(self._request, self._account.steps)
        else:
            error = nobody_answered(self._request, self._plan, self._ladder, self._failures, self._limits())
        return error.spending(self._account.spent)


def _at_once(chunk: Chunk) -> Commitment:
    return "release" if chunk.text or chunk.reasoning or chunk.tool_calls or chunk.finish else "hold"
