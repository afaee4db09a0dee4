"""What is asked when only sizes and times were recorded: questions of several kinds, classes, tenants and deadlines."""

from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from random import Random
from types import MappingProxyType
from typing import TypeVar

from msgspec import Struct

from rung.routing.strengths import TASK_TOKENS
from rung.runtime.ladder import AUTO
from rung.simulate.reasoners import Size
from rung.simulate.trace import Arrival
from rung.types import Priority, Request, Wishes

T = TypeVar("T")

# Kind -> what is asked, and how often, where the length of the answer speaks for none. From easy to hard, as the rule
# sees them.
QUESTIONS: Mapping[str, tuple[str, float]] = {
    "yesno": ("Is water wet? Answer yes or no.", 0.2),
    "choice": ("Which is a mammal?\nA. trout\nB. whale\nC. wasp\nD. crow\nAnswer with the letter.", 0.2),
    "open": ("Tell me about the history of the lighthouse.", 0.3),
    "word_problem": (
        "A shop sells pens at 3 dollars each. Ann buys twice as many pens as Ben, who buys 4 more than Carl. "
        "If Carl buys 5 pens, how many dollars do they spend altogether?",
        0.2,
    ),
    "hard": (
        "Prove or refute, step by step: if each of two sequences is bounded and their sum converges, then each of them "
        "has a limit before the other one does. If it fails, compare the cases and explain why, because every "
        "condition counts. However the proof goes, then explain what remains when the bound is dropped.",
        0.1,
    ),
}
# Class -> share of the requests that state none.
CLASSES: dict[Priority, float] = {"critical": 0.1, "interactive": 0.6, "batch": 0.3}
_NAMES: tuple[Priority, ...] = ("critical", "interactive", "batch")
_HARD_TOKENS = 400
_FIRST_TOKENS = 16  # beside the question, for the message around it


class Asked(Struct, frozen=True, kw_only=True):
    """One request of a simulation, before it is made."""

    id: str
    at_s: float
    kind: str
    priority: Priority
    tenant: str
    deadline_s: float
    size: Size

    def request(self, arrived_s: float, *, stream: bool) -> Request:
        """Its text has about as many tokens as were recorded; what the rule reads closely is the question at its end,
        so that what fills the rest changes nothing but its length."""
        question, _ = QUESTIONS[self.kind]
        rest = max(self.size.prompt_tokens - len(question) // 4 - _FIRST_TOKENS, 0)
        body = {
            # what fills it up to its size was said before: instructions would bind how it may be answered
            "messages": [{"role": "assistant", "content": "." * (4 * rest)}, {"role": "user", "content": question}],
            "user": self.id,
            "stream": stream,
        }
        return Request(
            id=self.id,
            model=AUTO,
            body=body,
            arrived_s=arrived_s,
            deadline_s=arrived_s + self.deadline_s,
            wishes=Wishes(priority=self.priority, deadline_ms=self.deadline_s * 1000, cache="off"),
            tenant=self.tenant,
        )


class Mix(Struct, frozen=True, kw_only=True):
    """Of what a simulation's requests are: shares of tenants and of classes. `deadline_s` gives the deadline of one
    that states none, from its class and its size."""

    deadline_s: Callable[[Priority, Size], float]
    tenants: Mapping[str, float] = MappingProxyType({"local": 1.0})
    classes: Mapping[Priority, float] = MappingProxyType(CLASSES)


def workload(arrivals: Sequence[Arrival], mix: Mix, seed: int) -> list[Asked]:
    """The same for the same seed, and each request the same at every load."""
    rng = Random(seed)  # noqa: S311  no secret
    asked = []
    for number, arrival in enumerate(arrivals):
        size = Size(max(arrival.prompt_tokens, 1), max(arrival.completion_tokens, 1))
        kind = _one(_kinds(size), rng)
        drawn, tenant = _one(mix.classes, rng), _one(mix.tenants, rng)
        priority = drawn if arrival.priority is None else _named(arrival.priority)
        stated_s = arrival.deadline_s
        asked.append(
            Asked(
                id=f"r{number}",
                at_s=arrival.at_s,
                kind=kind,
                priority=priority,
                tenant=tenant,
                deadline_s=mix.deadline_s(priority, size) if stated_s is None else stated_s,
                size=size,
            )
        )
    return asked


def _kinds(size: Size) -> dict[str, float]:
    """Short answers are those to short questions more often than not."""
    off = {kind: abs(log(size.completion_tokens / TASK_TOKENS.get(kind, _HARD_TOKENS))) for kind in QUESTIONS}
    return {kind: share * exp(-off[kind]) for kind, (_, share) in QUESTIONS.items()}


def _named(priority: int) -> Priority:
    return _NAMES[priority] if priority < len(_NAMES) else priority


def _one(shares: Mapping[T, float], rng: Random) -> T:
    return rng.choices(list(shares), list(shares.values()))[0]
