"""What a climb did, step by step, and what it spent."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from rung.clock import Clock
from rung.routing import Profile, Try
from rung.runtime.ladder import Rung
from rung.types import NOTHING_SPENT, Answer, Chunk, Ended, Request, Step, Usage, Verdict

_CHARS_PER_TOKEN = 4


class Attempt:
    """One call while it runs, and a block around it: what goes wrong inside is told to `failed`, which says whether the
    climb goes on. `wait_s` is that in its lane, as it was expected. `heard` is what came of a composite's own calls.
    `answer` stays None unless it came whole."""

    def __init__(
        self, action: Try, started_s: float, wait_s: float, failed: "Callable[[Attempt, BaseException], bool]"
    ) -> None:
        self.action = action
        self.started_s = started_s
        self.wait_s = wait_s
        self.chunks: list[Chunk] = []
        self.heard: list[list[Chunk]] = []
        self.answer: Answer | None = None
        self._failed = failed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        return error is not None and self._failed(self, error)


class Account:
    """`steps` as they ended, and all that was `spent`. Kept by its climb alone."""

    def __init__(self, request: Request, rungs: Mapping[str, Rung], prompt_tokens: int, clock: Clock) -> None:
        self.steps: list[Step] = []
        self.spent = NOTHING_SPENT
        self._arrived_s = request.arrived_s
        self._rungs = rungs
        self._prompt_tokens = prompt_tokens
        self._clock = clock

    def lost(self, attempt: Attempt, told: Usage = NOTHING_SPENT) -> Usage:
        """What a call without an answer cost, as it told or as far as it came; that is spent all the same."""
        if told == NOTHING_SPENT or attempt.heard:
            told = self.took(attempt, attempt.heard or [attempt.chunks])
        return self.paid(attempt.action.reasoner, told)

    def took(self, attempt: Attempt, calls: Sequence[Sequence[Chunk]]) -> Usage:
        """What `calls` of the attempt took. The time of those that did not come to their end is what the others left
        of it."""
        told = sum((c.usage for chunks in calls for c in chunks if c.usage), Usage())
        cut = [chunks for chunks in calls if chunks and not any(c.usage for c in chunks)]
        if not cut:
            return told
        held_s = self._clock.monotonic() - attempt.started_s - attempt.wait_s - told.busy_s
        profile, busy_s = self._rungs[attempt.action.reasoner].profile, max(held_s, 0.0) / len(cut)
        return sum((taken(chunks, profile, self._prompt_tokens, busy_s) for chunks in cut), told)

    def paid(self, name: str, usage: Usage) -> Usage:
        """The usage with the price of a machine of ours, which is paid for by the second that it was held."""
        held_usd = usage.busy_s * self._rungs[name].profile.usd_per_busy_s
        if held_usd:
            usage = replace(usage, usd=usage.usd + held_usd)
        self.spent = usage if self.spent is NOTHING_SPENT else self.spent + usage
        return usage

    def priced(self, answer: Answer) -> Answer:
        """The answer with the money and machine time of the whole climb, and its own tokens."""
        if self.spent is answer.usage:
            return answer
        usage = replace(answer.usage, usd=self.spent.usd, busy_s=self.spent.busy_s)
        return replace(answer, usage=usage)

    def note(
        self,
        attempt: Attempt,
        outcome: Ended,
        *,
        reason: str = "",
        usage: Usage = NOTHING_SPENT,
        looked: tuple[float, Verdict] | None = None,
    ) -> None:
        """How the attempt ended; `looked` is when its answer was looked at, and what was seen of it."""
        ended_s, verdict = looked or (self._clock.monotonic(), None)
        self.steps.append(
            Step(
                reasoner=attempt.action.reasoner,
                reserve=attempt.action.reserve,
                outcome=outcome,
                started_s=attempt.started_s - self._arrived_s,
                ended_s=ended_s - self._arrived_s,
                usage=usage,
                verdict=verdict,
                reason=reason,
                propensity=attempt.action.propensity,
            )
        )

    def revise(self, reasoner: str, verdict: Verdict) -> None:
        """What is thought now of the answer that `reasoner` gave."""
        for number, step in enumerate(self.steps):
            if step.outcome == "answered" and step.reasoner == reasoner:
                self.steps[number] = replace(step, verdict=verdict)


def taken(chunks: Sequence[Chunk], profile: Profile, prompt_tokens: int, busy_s: float) -> Usage:
    """What a call that did not come to its end took, as far as that can be told: nothing if nothing came. Tokens are
    counted by pieces of text, and the money follows from them."""
    pieces = [len(c.text) + len(c.reasoning) for c in chunks if c.text or c.reasoning]
    if not pieces:
        return Usage()
    written = tokens_of(len(pieces), sum(pieces))
    usd = profile.input_usd_per_token * prompt_tokens + profile.output_usd_per_token * written
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=written,
        usd=usd,
        busy_s=busy_s if profile.usd_per_busy_s else 0.0,
    )


def tokens_of(pieces: int, chars: int) -> int:
    """How many came in so many pieces of text: one in each, or more where servers send several together."""
    return max(pieces, chars // _CHARS_PER_TOKEN)
