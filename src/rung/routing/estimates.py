"""What is expected of a reasoner on a request: hand-set first estimates, each saying where it comes from."""

from functools import lru_cache
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from rung.odds import logit, sigmoid
from rung.routing import strengths
from rung.routing.strengths import Strength
from rung.types import Estimate, Expected, Features

# A local model asked for mathematics in a solver's own form, or anything else, by how much the question looks like it.
_SYMBOLIC_RIGHT = 0.995
_SYMBOLIC_S = 0.01
_SYMBOLIC_ABSTAIN_S = 0.001
# The ninetieth percentile of a call's time against its mean: answer lengths are skewed.
_P90 = 2.0
_FAIL_PROB = 0.01
# No first estimate is worth more of them, and questions as complex as each other then have one estimate.
_PLACES = 2


class Profile(Struct, frozen=True, kw_only=True, cache_hash=True):
    """What the config tells of a reasoner. `leaf_kind`, `model` and `below_strength` are those of the leaf below a
    composite; `usd_per_busy_s` is the price of a machine that is held while it works; `samples` the most calls that a
    vote makes for one of its own."""

    name: str
    kind: str
    leaf_kind: str = ""
    model: str = ""
    strength: float | None = None
    below_strength: float | None = None
    input_usd_per_token: float = 0.0
    output_usd_per_token: float = 0.0
    usd_per_busy_s: float = 0.0
    samples: int = 1


class Speed(Struct, frozen=True, kw_only=True):
    """The lane's part of an estimate: seconds of waiting, and of reading and writing, as they stand now."""

    wait_s: float
    first_s: float
    prompt_s_per_token: float
    completion_s_per_token: float


def estimate(
    profile: Profile, features: Features, speed: Speed, learned: Expected | None = None, longer: float = 1.0
) -> Estimate:
    """What past outcomes say, where they know the reasoner, else the prior; with `speed` as its lane last measured it.
    `longer`: how many times as many tokens as that its answers to such a task had of late.

    A solver's prior stays: it knows itself which questions it can answer."""
    if profile.kind == "symbolic":
        return _symbolic(features, speed.wait_s)
    open_ = features.task not in strengths.GRADED
    if learned is not None and open_ and learned.ordinary is not None:
        profile = replace(profile, strength=learned.ordinary)
    complexity, max_tokens = _rounded(features.complexity), features.max_tokens
    expected = _prior(profile, features.task, complexity, features.language, max_tokens, longer)
    if learned is not None:
        expected = _learned(expected, learned, features, open_=open_, longer=longer)
    return at_speed(expected, profile, features.prompt_tokens, speed)


@lru_cache(maxsize=64)  # for all rungs of a request at once: to round takes longer than to look up
def _rounded(complexity: float) -> float:
    return round(complexity, _PLACES)


@lru_cache(maxsize=4096)
def _prior(
    profile: Profile, task: str, complexity: float, language: str, max_tokens: int | None, longer: float
) -> Estimate:
    strength, source = _strength(profile, task, complexity, language)
    tokens = strength.tokens * (profile.samples if profile.kind == "program" else 1) * longer
    return Estimate(
        right_prob=strength.right_prob,
        abstain_prob=strength.abstains,
        fail_prob=_FAIL_PROB,
        discrimination=strength.discrimination,
        completion_tokens=min(tokens, max_tokens or tokens),
        source=source,
    )


def _learned(prior: Estimate, learned: Expected, features: Features, *, open_: bool, longer: float) -> Estimate:
    tokens = learned.completion_tokens
    if tokens is None and not open_:  # probes ask for nothing long
        tokens = learned.task_tokens.get(features.task)
    right, sd = learned.right_prob, learned.right_sd
    if open_ and learned.ordinary is not None:
        right = prior.right_prob
    elif easier := learned.easier.get(features.task):
        right = sigmoid(logit(right) + easier)
        sd *= right * (1 - right) / (learned.right_prob * (1 - learned.right_prob))
    return replace(
        prior,
        right_prob=right,
        right_sd=sd,
        abstain_prob=prior.abstain_prob if learned.abstain_prob is None else learned.abstain_prob,
        completion_tokens=prior.completion_tokens
        if tokens is None
        else min(tokens * longer, features.max_tokens or inf),
        source=learned.source,
        outcomes=learned.outcomes,
        origin=learned.origin,
    )


def ordinary(profile: Profile) -> float | None:
    """The log-odds, before anything is known of it, that a reasoner answers an ordinary question right; None where more
    is known: of a solver, and of what was seen of a model."""
    if profile.kind == "symbolic" or profile.model in strengths.SEEN:
        return None
    return logit(profile.strength if profile.strength is not None else _guessed(profile))


def _guessed(profile: Profile) -> float:
    if profile.below_strength is not None:
        return profile.below_strength
    return strengths.WEAK.get(profile.model) or strengths.GUESSED_STRENGTH[profile.leaf_kind or profile.kind]


def at_speed(expected: Estimate, profile: Profile, prompt_tokens: int, speed: Speed) -> Estimate:
    """The estimate with its times and its cost as they are now: what is expected of the answer stays."""
    if profile.kind == "symbolic":
        return expected if expected.wait_s == speed.wait_s else replace(expected, wait_s=speed.wait_s)
    e, rounds = expected, _rounds(profile) if profile.kind == "vote" else 1.0
    # Examples that go before every question are read once where the prompt is kept, and paid for where it is not.
    examples = strengths.EXAMPLE_TOKENS if profile.kind == "program" and profile.leaf_kind != "local" else 0
    tokens, prompt = e.completion_tokens, (prompt_tokens + examples) * rounds
    service_s = speed.first_s * rounds + speed.prompt_s_per_token * prompt + speed.completion_s_per_token * tokens
    held_usd = profile.usd_per_busy_s * service_s
    usd = profile.input_usd_per_token * prompt + profile.output_usd_per_token * tokens + held_usd
    return replace(
        e,
        wait_s=speed.wait_s,
        service_s=service_s,
        p90_s=service_s * _P90,
        abstain_s=service_s if e.abstain_prob else 0.0,
        usd=usd,
        # Who abstains has worked as long as for an answer; who fails sends no bill, but held the machine.
        abstain_usd=usd if e.abstain_prob else 0.0,
        fail_usd=held_usd,
        busy_s=service_s,
    )


def _symbolic(features: Features, wait_s: float) -> Estimate:
    answers = 0.02 + 0.75 * features.maths if features.task in {"maths", "word_problem", "open", "choice"} else 0.01
    return Estimate(
        right_prob=_SYMBOLIC_RIGHT,
        abstain_prob=1 - answers,
        fail_prob=0.001,
        discrimination=0.0,
        completion_tokens=8,
        wait_s=wait_s,
        service_s=_SYMBOLIC_S,
        p90_s=0.2,
        abstain_s=_SYMBOLIC_ABSTAIN_S,
        busy_s=_SYMBOLIC_S,
    )


def _rounds(profile: Profile) -> float:
    """Calls of the rung below that one vote makes: of n samples it needs a majority, and often one more."""
    return profile.samples // 2 + 1 + 0.35 * (profile.samples - 1) / 2


def _strength(profile: Profile, task: str, complexity: float, language: str) -> tuple[Strength, str]:
    known = profile.strength if profile.strength is not None else profile.below_strength
    if known is None:
        seen = strengths.SEEN.get(profile.model, {}).get(profile.kind, {}).get(task)
        if seen is not None:
            return _at(seen, complexity), "prior"
    return _guess(profile, task, complexity, language), "prior" if known is None else "config"


def _at(seen: Strength, complexity: float) -> Strength:
    """What was seen at the usual complexity, moved to this one."""
    right = sigmoid(logit(seen.right_prob) - seen.slope * (complexity - strengths.USUAL))
    longer = min(max(complexity / strengths.USUAL, 0.5), 2.0) if seen.long else 1.0
    return seen._replace(right_prob=right, tokens=seen.tokens * longer)


def _guess(profile: Profile, task: str, complexity: float, language: str) -> Strength:
    base = profile.strength
    shift = -1.5 * (complexity - 0.3)
    if base is None:
        base = _guessed(profile)
        shifts = strengths.KIND_SHIFT if task in strengths.CHECKABLE else strengths.OPEN_SHIFT
        shift += shifts.get(profile.kind, 0.0)
        if profile.kind == "brief":
            shift += strengths.BRIEF_WITHOUT_STEPS.get(task, 0.0)
    if language not in {"en", "de", "fr", "es"} and profile.leaf_kind != "endpoint":
        shift -= 0.3
    tokens = strengths.TASK_TOKENS[task]
    if profile.kind == "brief":
        tokens = 8
    elif profile.kind == "think":
        tokens += strengths.REASONING_TOKENS
    elif profile.kind == "vote":
        tokens *= _rounds(profile)
    elif profile.kind == "program":
        tokens = strengths.PROGRAM_TOKENS
    elif profile.kind == "code":
        tokens *= strengths.CODE_CALLS
    checkable = task in strengths.CHECKABLE or profile.kind == "code"
    sees = strengths.GUESSED_DISCRIMINATION.get(profile.kind, 0.6) if checkable else 0.0
    right = sigmoid(logit(base) + strengths.TASK_SHIFT[task] + shift)
    return Strength(right, sees, tokens, abstains=strengths.GUESSED_ABSTENTION.get(profile.kind, 0.0))
