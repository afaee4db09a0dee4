"""What the rule sees of a request before anyone is called: the same for the real climb and for `/v1/explain`."""

from collections.abc import Iterable, Mapping
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from rung.clock import Clock
from rung.errors import (
    Busy,
    DeadlineExceeded,
    NotReady,
    RungError,
    TooLong,
    Unsupported,
)
from rung.reasoners.base import Abilities
from rung.routing import (
    PRESETS,
    Action,
    Candidate,
    Limits,
    Prices,
    Try,
    Weighed,
    chances,
    exclusion,
    explore,
    features_of,
    lacking,
    next_action,
    sort_options,
    too_long,
    weigh,
)
from rung.runtime.ladder import AUTO, NOTHING, Caller, Ladder, caller_of, leaves_choice
from rung.types import Decision, Estimate, Expected, Features, Option, Preset, Request, Streaming

# What a request without wishes has, but for the server's own deadline.
UNBOUND = Limits(left_s=inf, left_usd=None)
# Where nobody says when a reasoner that is down will be asked again.
_UNKNOWN_S = 5.0
_BY_MODEL: Mapping[str, Preset] = {f"{AUTO}:{name}": name for name in PRESETS}


class Plan(Struct, frozen=True, kw_only=True):
    """`candidates` are the options; `left_out` says, by name, why the others are none. `shown` is both, for people.
    `action` is the rule's while nobody was called, `taken` what is done in place of it where another may be tried.
    `streaming` is how an answer is sent, None if nobody streams; one that is sent at once is chosen as by a verifier
    that sees nothing. `missed` may be options for others who ask the same: the request's own budget and deadline left
    them out, or they were not up. `if_all_abstain`: why nobody is left who takes any question; None if somebody is."""

    preset: Preset
    caller: Caller
    prices: Prices
    features: Features
    candidates: tuple[Candidate, ...]
    left_out: dict[str, str]
    weighed: tuple[Weighed, ...]
    shown: tuple[Option, ...]
    action: Action
    taken: Try | None = None
    streaming: Streaming | None = None
    missed: tuple[Candidate, ...] = ()
    problem: RungError | None = None
    if_all_abstain: RungError | None = None


def make_plan(
    request: Request,
    ladder: Ladder,
    clock: Clock,
    default_preset: Preset,
    default_streaming: Streaming = "held",
    learned: Mapping[str, Expected] = NOTHING,
) -> Plan:
    """`learned` is what the ladder expects of the request. Raises UnknownModel. A request that nobody can take gets a
    plan with a `problem`."""
    features = features_of(request.body)
    preset = preset_of(request, default_preset)
    prices = PRESETS[preset]
    streaming = (request.wishes.streaming or default_streaming) if request.stream else None
    named = not leaves_choice(request.model)
    limits = limits_of(request, clock)
    caller = caller_of(request)
    rungs = ladder.asked_for(request.model)
    everyone, fit, reasons = [], [], {}
    for rung in rungs:
        candidate = ladder.candidate(rung, features, caller, learned=learned.get(rung.name))
        everyone.append(candidate)
        if reason := exclusion(candidate, features, limits, named=named):
            reasons[candidate.name] = reason
        else:
            fit.append(candidate)
    candidates = with_quickest(fit, everyone, features, limits)
    left_out = {**reasons}
    if left_out:
        for c in candidates:
            left_out.pop(c.name, None)
    blind = streaming == "eager"
    weighed, shown = {}, []
    for c in everyone:
        weighed[c.name] = weighed_one = weigh(c, prices, blind=blind)
        shown.append(_shown(c, weighed_one, prices, left_out.get(c.name, "")))
    options = tuple([weighed[c.name] for c in candidates])
    return Plan(
        preset=preset,
        caller=caller,
        prices=prices,
        features=features,
        candidates=candidates,
        left_out=left_out,
        weighed=options,
        shown=sort_options(shown),
        action=next_action(options, None, request.wishes.min_quality),
        streaming=streaming,
        missed=_missed(request, [c for c in everyone if c.name in left_out]) if left_out else (),
        problem=None if candidates else why_nobody(everyone, reasons, features, limits, named=named),
        if_all_abstain=_if_all_abstain(candidates, everyone, reasons, features, limits),
    )


def _shown(candidate: Candidate, weighed: Weighed, prices: Prices, excluded: str) -> Option:
    return Option(
        reasoner=candidate.name,
        reserve=None if excluded else weighed.reserve,
        cost_usd=weighed.cost * prices.value_usd,
        estimate=candidate.estimate,
        excluded=excluded,
    )


def limits_of(request: Request, clock: Clock) -> Limits:
    return Limits(left_s=request.deadline_s - clock.monotonic(), left_usd=request.wishes.max_usd)


def with_trial(plan: Plan, most_loss: float, draw: float, limits: Limits) -> Plan:
    """The plan with what is called first left to chance, where others may be tried: what that may cost holds only where
    time and money are left for all that come before them by the rule."""
    if not isinstance(plan.action, Try):
        return plan
    first = plan.action.reasoner
    pairs = zip(plan.candidates, plan.weighed, strict=True)
    able = [w for c, w in pairs if w.name == first or _leaves_enough(c, w, plan, limits)]
    of = chances(able, plan.action, most_loss)
    if len(of) == 1:
        return plan
    shown = tuple(replace(option, propensity=of.get(option.reasoner, 0.0)) for option in plan.shown)
    return replace(plan, shown=shown, taken=explore(plan.weighed, plan.action, of, draw))


def _leaves_enough(tried: Candidate, weighed: Weighed, plan: Plan, limits: Limits) -> bool:
    after = limits.after(tried.estimate)
    pairs = zip(plan.candidates, plan.weighed, strict=True)
    return not any(exclusion(c, plan.features, after) for c, w in pairs if w.reserve > weighed.reserve)


def decision_of(request: Request, plan: Plan) -> Decision:
    """What can be said before anyone is called."""
    return Decision(
        id=request.id,
        model=request.model,
        preset=plan.preset,
        features=plan.features,
        options=plan.shown,
        first=plan.action.reasoner if isinstance(plan.action, Try) else None,
        cache="off" if request.wishes.cache == "off" else "miss",
        error=plan.problem.message if plan.problem else "",
    )


def preset_of(request: Request, default: Preset) -> Preset:
    return request.wishes.preset or _BY_MODEL.get(request.model, default)


def with_quickest(
    options: Iterable[Candidate], everyone: Iterable[Candidate], features: Features, limits: Limits
) -> tuple[Candidate, ...]:
    """Where time is too short for all that take any question, the quickest of them is an option after all, as long as
    its mean, not its ninetieth percentile, fits. Specialists alone may all abstain."""
    options = tuple(options)
    for c in options:
        if c.abilities.general:
            return options
    able = (c for c in everyone if not exclusion(c, features, limits, named=True))
    able = (c for c in able if features.short or not c.abilities.short_only)
    able = (c for c in able if limits.left_usd is None or c.estimate.usd <= limits.left_usd)
    fits = [c for c in able if c.abilities.general and c.estimate.wait_s + c.estimate.service_s <= limits.left_s]
    return (*options, min(fits, key=lambda c: c.estimate.wait_s + c.estimate.service_s)) if fits else options


def _missed(request: Request, left_out: list[Candidate]) -> tuple[Candidate, ...]:
    bound = is_bound(request)
    return tuple([once_up(c) for c in left_out if bound or not c.up])


def once_up(candidate: Candidate) -> Candidate:
    if candidate.up:
        return candidate
    return replace(candidate, down="", ready_in_s=0.0, estimate=replace(candidate.estimate, wait_s=0.0))


def is_bound(request: Request) -> bool:
    """Whether it says itself what may be spent or waited."""
    return request.wishes.max_usd is not None or request.wishes.deadline_ms is not None


def _if_all_abstain(
    candidates: tuple[Candidate, ...],
    everyone: list[Candidate],
    reasons: dict[str, str],
    features: Features,
    limits: Limits,
) -> RungError | None:
    for c in candidates:
        if c.abilities.general:
            return None
    general = [c for c in everyone if c.abilities.general]
    if not general:
        return None
    return why_nobody(general, {c.name: reasons[c.name] for c in general}, features, limits)


def why_nobody(
    everyone: list[Candidate], reasons: dict[str, str], features: Features, limits: Limits, *, named: bool = False
) -> RungError:
    """Why none of them is an option: `reasons` by name. `named`: one was asked for by its name."""
    listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) or "no reasoner may be chosen by `auto`"
    able = [c for c in everyone if not lacking(c.abilities, features)]
    if not able:
        return Unsupported(f"no reasoner here can take this request ({listed})")
    if all(_cannot_hold(c.abilities, features, named) for c in able):
        return TooLong(
            f"the request has about {features.prompt_tokens} tokens, more than any reasoner holds ({listed})",
            param="messages",
        )
    waited_for = [c for c in able if not c.up]
    up = [c for c in able if c.up]
    if up:  # beside these, only such as would do once they are up too
        waited_for = [c for c in waited_for if _would_do(c.estimate, limits)]
    loading = [c for c in waited_for if not c.down]
    if loading:
        waits = [c.ready_in_s for c in loading]
        return NotReady(f"nothing that can take this request is ready yet ({listed})", retry_after_s=min(waits))
    if waited_for:
        back_in_s = min(c.ready_in_s or _UNKNOWN_S for c in waited_for)
        return NotReady(f"nothing that can take this request is up ({listed})", retry_after_s=max(back_in_s, 1.0))
    if limits.left_s > 0 and limits.left_usd is not None and all(c.estimate.usd > limits.left_usd for c in able):
        return Unsupported(f"nothing fits max_usd ({listed})", param="rung.max_usd")
    return _too_late(up, limits, listed)


def _cannot_hold(abilities: Abilities, features: Features, named: bool) -> bool:
    """What a reasoner may just hold is tried only with those that take any question, or are asked by name."""
    if abilities.general or named:
        return too_long(abilities, features)
    return features.prompt_tokens >= abilities.context_tokens


def _would_do(e: Estimate, limits: Limits) -> bool:
    return e.service_s <= limits.left_s and (limits.left_usd is None or e.usd <= limits.left_usd)


def _too_late(candidates: list[Candidate], limits: Limits, listed: str) -> RungError:
    """Busy where it is only the wait that is too long."""
    waited_for = [c for c in candidates if c.estimate.wait_s and c.estimate.service_s <= limits.left_s]
    late = [(c.estimate.wait_s + c.estimate.service_s - limits.left_s, c.later_s) for c in waited_for]
    if any(late_s > 0 for late_s, _ in late):
        back_s = max(min(map(sum, late)), 1.0)
        return Busy(f"nothing that can take this request is free in time ({listed})", retry_after_s=back_s)
    return DeadlineExceeded(f"nothing fits what was asked for ({listed})")
