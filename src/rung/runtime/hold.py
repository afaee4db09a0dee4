"""A stream that is held: looked at while it is written, until it may be sent, is dropped, or is whole."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from rung.clock import Clock
from rung.reasoners.base import collect
from rung.routing import (
    OPEN_SHARE,
    Candidate,
    Commitment,
    Prices,
    Profile,
    Try,
    Weighed,
    Written,
    commitment,
    next_action,
    verdict_of,
)
from rung.runtime.account import tokens_of
from rung.types import Chunk, Features, Request, Verdict
from rung.verdicts import early_verdict, refuses

# The pieces of an answer after which it is looked at.
LOOKS = frozenset({8, 16, 32, 64, 128, 256, 512})
# Of answers in these forms the beginning says nothing: what does not parse in the end is of no use.
_WHOLE_ONLY = frozenset({"tools", "json_object", "json_schema", "n"})
# An answer that is longer than was expected is taken to have this share of that still to go.
_LONGER = 0.1


class Held(Struct, frozen=True, kw_only=True):
    """Whose answer is held, and against what. `expected_prob` is its chance to be right after the verdicts so far, and
    `in_hand` that of the best answer in hand. `others` are the options left, weighed by what is thought of this one."""

    request: Request
    features: Features
    candidate: Candidate
    profile: Profile
    prices: Prices
    expected_prob: float
    in_hand: float | None
    others: Callable[[float], Sequence[Weighed]]


def can_hold(candidate: Candidate, features: Features) -> bool:
    """Whether looking at the beginning of its answer could make a difference."""
    early = candidate.abilities.streaming and candidate.estimate.completion_tokens > min(LOOKS)
    return early and not features.needs & _WHOLE_ONLY


class Live:
    """Of an answer that no verdict would change that is thought possible: it is sent with its first words, unless these
    are those of a refusal, which was not thought of. `feed` and `verdict` are as of a Hold."""

    def __init__(self, held: Held) -> None:
        self.verdict: Verdict | None = None
        self._held = held
        self._chunks: list[Chunk] = []
        self._text = ""

    def feed(self, chunk: Chunk) -> Commitment:
        self._chunks.append(chunk)
        self._text += chunk.text
        if chunk.reasoning or chunk.tool_calls:
            return "release"
        refused = refuses(self._text)
        if refused is None:
            return "hold"
        return "drop" if refused and self._better() else "release"

    def _better(self) -> bool:
        """Whether another would be asked had this answer ended here."""
        held = self._held
        answer = collect(held.candidate.name, self._chunks)
        self.verdict = early_verdict(held.features, held.profile.kind, held.expected_prob, answer, held.request.body)
        found_prob, wanted = self.verdict.right_prob, held.request.wishes.min_quality
        return isinstance(next_action(held.others(found_prob), found_prob, wanted), Try)


class Hold:
    """`feed` it each chunk until it says other than hold. `verdict` is the last look's, None before the first."""

    def __init__(self, held: Held, clock: Clock) -> None:
        self.verdict: Verdict | None = None
        self._held = held
        self._clock = clock
        self._first_s: float | None = None
        self._chunks: list[Chunk] = []
        self._pieces = 0
        self._chars = 0
        self._told = False

    def feed(self, chunk: Chunk) -> Commitment:
        self._chunks.append(chunk)
        if chunk.finish or chunk.tool_calls:
            return "hold"
        self._told = self._told or bool(chunk.logprobs) or "mean_logprob" in chunk.signals
        if not (chunk.text or chunk.reasoning):
            return "hold"
        if self._first_s is None:
            self._first_s = self._clock.monotonic()
        self._pieces += 1
        self._chars += len(chunk.text) + len(chunk.reasoning)
        return self._look() if self._pieces in LOOKS else "hold"

    def _look(self) -> Commitment:
        held, estimate = self._held, self._held.candidate.estimate
        answer = collect(held.candidate.name, self._chunks)
        kind, body = held.profile.kind, held.request.body
        self.verdict = early_verdict(held.features, kind, held.expected_prob, answer, body)
        expected, tokens = estimate.completion_tokens, tokens_of(self._pieces, self._chars)
        rest_tokens = max(expected - tokens, _LONGER * expected)
        assert self._first_s is not None
        rest_s = rest_tokens * (self._clock.monotonic() - self._first_s) / max(tokens - 1, 1)
        usd_per_s = held.profile.usd_per_busy_s + held.candidate.congestion
        written = Written(
            points=verdict_of(held.candidate, self.verdict.right_prob, OPEN_SHARE),
            rest_s=rest_s,
            rest_usd=held.profile.output_usd_per_token * rest_tokens + usd_per_s * rest_s,
            told=self._told,
        )
        others = held.others(self.verdict.right_prob)
        return commitment(written, others, held.in_hand, held.prices, held.request.wishes.min_quality)
