"""The frozen messages that stages pass on. Mappings inside them are never changed: a stage that wants other
values makes a new message with `msgspec.structs.replace`."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

Json = Mapping[str, Any]

CacheUse = Literal["use", "refresh", "off"]
# A class of urgency by its name, or its number: less is more urgent, and there may be more of them.
PriorityClass = Literal["critical", "interactive", "batch"]
Priority = PriorityClass | int
CRITICAL, INTERACTIVE, BATCH = 0, 1, 2
PRIORITIES: Mapping[str, int] = {"critical": CRITICAL, "interactive": INTERACTIVE, "batch": BATCH}
# Whose requests they are that need no API key.
LOCAL_TENANT = "local"
Preset = Literal["economy", "balanced", "best"]
# How a streamed answer is sent: when it is whole and was looked at, once its beginning is sure enough, or at once.
Streaming = Literal["whole", "held", "eager"]
# The kind of short, checkable answer a question asks for; empty when it asks for anything else.
Short = Literal["", "choice", "yesno", "number", "label"]


class Wishes(Struct, frozen=True, kw_only=True):
    """What a request asks of the choice itself; the body's `rung` object and the `x-rung-*` headers."""

    max_usd: float | None = None
    deadline_ms: float | None = None
    min_quality: float | None = None
    preset: Preset | None = None
    cache: CacheUse = "use"
    priority: Priority | None = None
    streaming: Streaming | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One chat completion that was asked for.

    `body` is the checked wire body without `rung`: the one truth about messages and parameters, sent on unchanged.
    `arrived_s` and `deadline_s` are monotonic seconds of the process's Clock. `digest` stands for the body in keys of
    the exact cache, where it was worked out already.
    """

    id: str
    model: str
    body: Json
    arrived_s: float
    deadline_s: float
    wishes: Wishes = Wishes()
    tenant: str = LOCAL_TENANT
    digest: bytes = b""

    @property
    def messages(self) -> list[Json]:
        messages: list[Json] = self.body["messages"]
        return messages

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))


class Call(Struct, frozen=True, kw_only=True):
    """What a reasoner is handed. `body` has the wire shape of a chat completion; its `model` and `stream` mean nothing
    here: a reasoner always yields chunks, and sets the model it calls itself. `stream` says whether anyone wants them
    as they come; if not, a reasoner may work the answer out whole.

    The rest is for lanes: the class of urgency (0 first), who asks, what the call is predicted to take, the time by
    which something must have come, since past it another reasoner is asked, and whether one can be asked at all, should
    this one hang. In `heard` a composite's calls keep what came of each, for when the composite itself is ended."""

    id: str
    body: Json
    deadline_s: float
    stream: bool = False
    priority: int = INTERACTIVE
    tenant: str = LOCAL_TENANT
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    begin_by_s: float | None = None
    elsewhere: bool = False
    heard: "list[list[Chunk]] | None" = None

    @property
    def patient_until_s(self) -> float:
        """When its caller gives it up, if nothing has come."""
        return self.deadline_s if self.begin_by_s is None else min(self.deadline_s, self.begin_by_s)


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens read and written, and what they cost. `seconds` is the time a machine of ours was held."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    usd: float = 0.0
    busy_s: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            usd=self.usd + other.usd,
            busy_s=self.busy_s + other.busy_s,
        )


NOTHING_SPENT = Usage()


class Chunk(Struct, frozen=True, kw_only=True):
    """A piece of an answer. `index` tells choices apart when n > 1.

    `logprobs` are entries of OpenAI's `logprobs.content`; `tool_calls` are OpenAI's deltas; `extra`, `choice_extra` and
    `delta_extra` hold the unknown fields of an upstream's chunk, choice and delta, to be passed on untouched. `signals`
    are numbers about the answer that only its reasoner can know (agreement among samples, say), for the verdict.
    """

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Json, ...] = ()
    logprobs: tuple[Json, ...] = ()
    finish: str = ""
    usage: Usage | None = None
    signals: Mapping[str, float] = {}
    extra: Json = {}
    choice_extra: Json = {}
    delta_extra: Json = {}


class Choice(Struct, frozen=True, kw_only=True):
    """One whole completion. `extra` holds unknown fields of its message, `choice_extra` those beside the message."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Json, ...] = ()
    logprobs: tuple[Json, ...] = ()
    finish: str = ""
    extra: Json = {}
    choice_extra: Json = {}


class Answer(Struct, frozen=True, kw_only=True):
    """What a reasoner said, whole."""

    reasoner: str
    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    signals: Mapping[str, float] = {}
    extra: Json = {}

    @property
    def text(self) -> str:
        return self.choices[0].text


class Features(Struct, frozen=True, kw_only=True):
    """What the rule knows of a request before anyone answered. `prompt_tokens` is an estimate from characters;
    `short` names the kind of short, checkable answer that is asked for, or is empty; `needs` are abilities."""

    task: str
    complexity: float
    language: str
    prompt_tokens: int
    max_tokens: int | None
    turns: int
    short: Short
    needs: frozenset[str]
    code: float = 0.0
    maths: float = 0.0


class Correction(Struct, frozen=True, kw_only=True):
    """How outcomes moved an estimate after it was made: the chance to be right before, and from how many outcomes.
    `forgotten` is how many older ones count no longer, since the reasoner has changed."""

    base_prob: float
    outcomes: int
    forgotten: int = 0


class Estimate(Struct, frozen=True, kw_only=True):
    """What is expected of a reasoner on a request. Probabilities are in 0..1; the chance that it is right is given that
    it answers. `discrimination` is d' of its verdict: right and wrong answers' scores are N(d,1) and N(0,1).
    `usd` and `service_s` are those of an answer; an abstention and a failure each have their own. `source` says where
    the figures come from: prior, config, calibrated or learned; `outcomes` from how many, `origin` from which artefact,
    and `right_sd` is the standard deviation of `right_prob` where that is known."""

    right_prob: float
    abstain_prob: float = 0.0
    fail_prob: float = 0.0
    discrimination: float = 1.0
    completion_tokens: float = 0.0
    wait_s: float = 0.0
    service_s: float = 0.0
    p90_s: float = 0.0
    abstain_s: float = 0.0
    usd: float = 0.0
    abstain_usd: float = 0.0
    fail_usd: float = 0.0
    busy_s: float = 0.0
    source: str = "prior"
    outcomes: int = 0
    right_sd: float = 0.0
    origin: str = ""
    correction: Correction | None = None


class Expected(Struct, frozen=True, kw_only=True):
    """What past outcomes say of a reasoner on a question: the chance that it is right, its standard deviation, the
    tokens it will write (None: not known) or would on each task, the chance that it abstains (None: not known), from
    how many outcomes, and what these are: learned, or calibrated, which are probes.
    `ordinary` is the chance on an ordinary question, for tasks that nothing was graded on; `easier`, by task, the
    log-odds by which its questions are easier than the chance has it. `origin` names what all this is in."""

    right_prob: float
    right_sd: float
    completion_tokens: float | None
    outcomes: int
    origin: str = ""
    source: str = "learned"
    task_tokens: Mapping[str, float] = {}
    abstain_prob: float | None = None
    ordinary: float | None = None
    easier: Mapping[str, float] = {}


class Verdict(Struct, frozen=True, kw_only=True):
    """How likely an answer in hand is right, and the signals that say so."""

    right_prob: float
    signals: Mapping[str, float] = {}
    source: str = "prior"


# The last two are a judge's: it said yes or no of an answer in hand, or neither.
Ended = Literal["answered", "abstained", "failed", "cancelled", "dropped", "judged", "unjudged"]


class Step(Struct, frozen=True, kw_only=True):
    """One call of a climb. `propensity` is the chance with which this one was called then, below 1 only where another
    may be tried. An answer was dropped if it was not worth writing on; its usage is what it took until then, and its
    verdict that on its beginning. A judge's step has no verdict, its `reserve` is how sure the answer was that it was
    asked about, and `reason` says what it said; that answer's own step has the verdict with its word. Times are seconds
    since arrival."""

    reasoner: str
    reserve: float
    outcome: Ended
    started_s: float
    ended_s: float
    usage: Usage = Usage()
    verdict: Verdict | None = None
    reason: str = ""
    propensity: float = 1.0


class Option(Struct, frozen=True, kw_only=True):
    """A reasoner as the rule saw it before the first call; `excluded` says why it could not be chosen, and `propensity`
    the chance that it was called first, where that was left to chance."""

    reasoner: str
    reserve: float | None = None
    cost_usd: float | None = None
    estimate: Estimate | None = None
    excluded: str = ""
    propensity: float | None = None


class Past(Struct, frozen=True, kw_only=True):
    """A scored decision on a question like the one that is asked: by `likeness` in 0..1. `question` is its beginning,
    empty where texts are not kept."""

    decision_id: str
    reasoner: str
    score: float
    likeness: float
    question: str = ""


class Decision(Struct, frozen=True, kw_only=True):
    """Why a request was answered the way it was. `first` is what the rule would call first: the part that
    `/v1/explain` can know without calling anyone, and `nearest` is only filled there: the scored questions that are
    most like this one. `unjudged` says why the judge, if there is one, was not asked about the best answer in hand. A
    cached answer needs neither features nor options."""

    id: str
    model: str
    preset: str
    features: Features | None = None
    options: tuple[Option, ...] = ()
    first: str | None = None
    steps: tuple[Step, ...] = ()
    answered_by: str | None = None
    right_prob: float | None = None
    quality_reached: bool = True
    cache: Literal["miss", "exact", "off"] = "miss"
    usage: Usage = Usage()
    total_s: float = 0.0
    reasoner_s: float = 0.0
    streamed_live: bool = False
    error: str = ""
    nearest: tuple[Past, ...] = ()
    unjudged: str = ""


class Feedback(Struct, frozen=True, kw_only=True):
    """What a user says of a decision: a score in 0..1 (1 = right)."""

    decision_id: str
    score: float
    comment: str = ""
    tenant: str = LOCAL_TENANT


class Commit(Struct, frozen=True, kw_only=True):
    """From here on one reasoner's answer is sent and nothing moves to another; `live` says that it is being written."""

    reasoner: str
    cache: Literal["miss", "exact", "off"]
    live: bool


class Reply(Struct, frozen=True, kw_only=True):
    """The end of a request's way: what was answered, and why."""

    answer: Answer
    decision: Decision


# What comes of a request: one Commit, then chunks when it streams, then one Reply.
Event = Commit | Chunk | Reply


ReasonerState = Literal["cold", "loading", "warm", "down"]


class ReasonerInfo(Struct, frozen=True, kw_only=True):
    """A reasoner as users see it listed. `about` says in a few words what it is."""

    name: str
    kind: str
    about: str
    auto: bool
    general: bool
    state: ReasonerState
    note: str = ""
    abilities: tuple[str, ...] = ()
    context_tokens: int = 0


BreakerState = Literal["closed", "open", "half_open"]


class LaneStats(Struct, frozen=True, kw_only=True):
    """A lane now, and what it counted since it was built. `limit` is how many calls it would run at once; `congestion`
    is in USD for a second of one of its places; `breakers` are the states by upstream."""

    reasoner: str
    queued: int
    running: int
    limit: int
    congestion: float
    breakers: Mapping[str, BreakerState]
    served: int = 0
    refused: int = 0
    shed: int = 0
    expired: int = 0
    hedged: int = 0
    retried: int = 0


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether requests can be served now; `problems` and `loading` are sentences for people."""

    ready: bool
    problems: tuple[str, ...] = ()
    loading: tuple[str, ...] = ()
