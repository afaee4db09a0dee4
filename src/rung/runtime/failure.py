"""Why a climb ends without an answer, as its caller should see it."""

from collections.abc import Mapping, Sequence

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
from rung.routing import Limits, exclusion
from rung.runtime.ladder import Ladder, leaves_choice
from rung.runtime.plan import Plan, why_nobody
from rung.types import Request, Step


def too_late(request: Request, steps: Sequence[Step]) -> DeadlineExceeded:
    allowed_s = request.deadline_s - request.arrived_s
    tried = ", ".join(f"{step.reasoner} ({step.outcome})" for step in steps)
    return DeadlineExceeded(f"no answer within {allowed_s:g} s; tried: {tried}", param="rung.deadline_ms")


def nobody_answered(
    request: Request, plan: Plan, ladder: Ladder, failures: Mapping[str, ReasonerError], limits: Limits
) -> RungError:
    """`failures` of those that were called, by name; `limits` are what was left."""
    errors = list(failures.values())
    real = [e for e in errors if not isinstance(e, Abstained)] or errors
    if not plan.problem and len(errors) == 1 and not leaves_choice(request.model):
        return errors[0]  # one reasoner was asked for by name: its own error says most
    if error := _none_fits(plan, ladder, failures, limits):
        return error
    if real and all(isinstance(e, UpstreamRefusedRequest) for e in real):
        return real[0]
    waits = [e.retry_after_s for e in real if e.retry_after_s is not None]
    retry_after_s = min(waits) if waits else None
    if real and all(isinstance(e, Overloaded | RateLimited) for e in real):
        return Busy(real[0].message, retry_after_s=retry_after_s)
    reasons = [f"{name}: {e.message.removeprefix(f'{name}: ')}" for name, e in failures.items()]
    reasons += [f"{name}: {why}" for name, why in plan.left_out.items()]
    return AllFailed(f"no reasoner answered ({'; '.join(reasons)})", retry_after_s=retry_after_s)


def _none_fits(plan: Plan, ladder: Ladder, failed: Mapping[str, ReasonerError], limits: Limits) -> RungError | None:
    """Why nobody is left who takes any question, if that is why nobody answered: those that were called abstained, or
    were given up in silence, and the lanes of the others filled meanwhile."""
    if plan.if_all_abstain is not None and all(isinstance(e, Abstained) for e in failed.values()):
        return plan.if_all_abstain
    if not all(isinstance(e, Abstained | TimedOut) for e in failed.values()):
        return None
    rest = [c for c in plan.candidates if c.abilities.general and c.name not in failed]
    rest = [ladder.candidate(ladder.rungs[c.name], plan.features, plan.caller, c) for c in rest]
    reasons = {c.name: reason for c in rest if (reason := exclusion(c, plan.features, limits))}
    return why_nobody(rest, reasons, plan.features, limits) if reasons and len(reasons) == len(rest) else None
