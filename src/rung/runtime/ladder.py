"""The reasoners that serve, each with the way it is called and what is expected of it now."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import inf
from types import MappingProxyType

from msgspec import Struct

from rung.clock import Clock
from rung.errors import UnknownModel
from rung.lanes import Lane
from rung.reasoners.base import Below, Reasoner
from rung.reasoners.wording import question_of
from rung.routing import Candidate, Profile, Speed, at_speed, estimate
from rung.runtime.looked import Looked
from rung.types import INTERACTIVE, PRIORITIES, Estimate, Expected, Features, Json, LaneStats, ReasonerInfo, Request

AUTO = "auto"
_AUTO_PRESET = f"{AUTO}:"
# Until a reasoner that starts can say more.
_GUESSED_READY_S = 5.0


class Rung(Struct, frozen=True, kw_only=True, dict=True):
    """One reasoner on the ladder. `call` is its lane's for a leaf and its own for a composite; `lane` is the one that
    its calls end up in. `auto` says whether the rule may choose it."""

    reasoner: Reasoner
    profile: Profile
    lane: Lane
    call: Below
    auto: bool
    about: str

    @cached_property  # asked several times a request
    def name(self) -> str:
        return self.reasoner.name

    @property
    def mind(self) -> str:
        """A model that works at its own length is one mind, however it is asked; cut short it errs elsewhere."""
        return self.name if self.profile.kind == "brief" else self.lane.reasoner.name


class Caller(Struct, frozen=True, kw_only=True):
    """Whose request it is, as lanes tell callers apart: its class of urgency, 0 first, and its tenant."""

    priority: int = INTERACTIVE
    tenant: str = "local"
    deadline_s: float = inf


def leaves_choice(model: str) -> bool:
    """Whether no reasoner is asked for by name: one may be called `autopilot`."""
    return model == AUTO or model.startswith(_AUTO_PRESET)


def caller_of(request: Request) -> Caller:
    wish = request.wishes.priority
    priority = INTERACTIVE if wish is None else wish if isinstance(wish, int) else PRIORITIES[wish]
    return Caller(priority=priority, tenant=request.tenant, deadline_s=request.deadline_s)


# What past outcomes say of a question's text, by reasoner.
Learned = Callable[[str], Awaitable[Mapping[str, Expected]]]
NOTHING: Mapping[str, Expected] = MappingProxyType({})
# A reasoner's estimate on such a question, moved by what came of its answers lately.
Correct = Callable[[str, Features, Estimate], Estimate]


class Ladder:
    def __init__(
        self,
        rungs: Iterable[Rung],
        clock: Clock,
        learned: Learned | None = None,
        correct: Correct | None = None,
        looked: Looked | None = None,
    ) -> None:
        """`looked` is what earlier ladders saw of the same reasoners' answers."""
        self.rungs: Mapping[str, Rung] = {rung.name: rung for rung in rungs}
        self._auto = [rung for rung in self.rungs.values() if rung.auto]
        self._minds = {name: rung.mind for name, rung in self.rungs.items()}
        self._clock = clock
        self._learned = learned
        self._correct = correct
        self.looked = looked or Looked()

    def __getitem__(self, name: str) -> Rung:
        return self.rungs[name]

    def is_down(self, name: str) -> bool:
        return self.rungs[name].lane.status.state == "down"

    def asked_for(self, model: str) -> Sequence[Rung]:
        """The rungs that a request's `model` leaves to choose from. Raises UnknownModel."""
        if leaves_choice(model):
            return self._auto
        if model not in self.rungs:
            known = ", ".join([AUTO, *self.rungs])
            raise UnknownModel(f"there is no model `{model}`; there are: {known}", param="model")
        return [self.rungs[model]]

    async def expected(self, body: Json) -> Mapping[str, Expected]:
        """What past outcomes say of the reasoners that they know; nothing where there are none."""
        return await self._learned(question_of(body)) if self._learned is not None else NOTHING

    def candidate(
        self,
        rung: Rung,
        features: Features,
        caller: Caller,
        before: Candidate | None = None,
        learned: Expected | None = None,
    ) -> Candidate:
        """The rung as it stands now for `caller`: its estimate, with its lane's wait, pace and price, and its state.
        `before` is how it stood earlier in the same request: what is expected of its answer has not changed since."""
        name, now = rung.name, rung.lane.standing(caller.priority, caller.tenant, caller.deadline_s)
        status, pace, slow = now.status, now.pace, now.slowdown
        ready_in_s = 0.0
        if status.state in {"loading", "cold"}:
            ready_in_s = status.ready_in_s if status.ready_in_s is not None else _GUESSED_READY_S
        elif status.state == "down":
            ready_in_s = status.ready_in_s or 0.0
        speed = Speed(
            wait_s=now.wait_s + ready_in_s,
            first_s=pace.first_s,
            prompt_s_per_token=pace.prompt_s_per_token * slow,
            completion_s_per_token=pace.completion_s_per_token * slow,
        )
        if before is not None:
            expected, longer = at_speed(before.estimate, rung.profile, features.prompt_tokens, speed), before.longer
        else:
            longer = self.looked.longer.get((name, features.task), 1.0)
            expected = estimate(rung.profile, features, speed, learned, longer)
            if self._correct is not None:
                expected = self._correct(name, features, expected)
        return Candidate(
            name=name,
            abilities=rung.reasoner.abilities,
            estimate=expected,
            down=(status.note or "not answering") if status.state == "down" else "",
            ready_in_s=ready_in_s,
            later_s=now.back_s - now.wait_s,
            congestion=now.congestion,
            note=status.note,
            mind=self._minds[name],
            moves=self.looked.moves.get((name, features.task), ()),
            look_s=self.looked.seconds.get(features.task, 0.0),
            longer=longer,
        )

    def lanes(self) -> tuple[LaneStats, ...]:
        return tuple(rung.lane.stats() for rung in self.rungs.values() if rung.reasoner is rung.lane.reasoner)

    def listing(self) -> tuple[ReasonerInfo, ...]:
        return tuple(_info(rung) for rung in self.rungs.values())


def _info(rung: Rung) -> ReasonerInfo:
    status, abilities = rung.lane.status, rung.reasoner.abilities
    can = ("streaming", "tools", "json_object", "json_schema", "logprobs", "images", "n")
    return ReasonerInfo(
        name=rung.name,
        kind=rung.profile.kind,
        about=rung.about,
        auto=rung.auto,
        general=abilities.general and not abilities.short_only,
        state=status.state,
        note=status.note,
        abilities=tuple(name for name in can if getattr(abilities, name)),
        context_tokens=abilities.context_tokens,
    )
