"""The bounds of the lanes: who waits, who is refused, and when a call is made twice. Each default says why."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


def from_home(path: Path) -> Path:
    """`path` with `~` spelt. Raises ValueError."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"`{path}`: whose home `~` is cannot be told; write it out") from error


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _from_home(cls, value: Any) -> Any:
        return from_home(value) if isinstance(value, Path) else value


_Weight = Annotated[float, Field(gt=0)]


class Queue(Section):
    max_requests: int = Field(
        1000, ge=1, description="Requests that may wait at one lane. More would only wait for their deadline."
    )
    max_tokens: float = Field(
        8_000_000,
        gt=0,
        description="Predicted tokens that may wait at one lane, some 32 MB of text: bounds memory, not time. A "
        "quarter of it turned batch requests with long prompts away that could have waited.",
    )
    ageing_s: float = Field(
        30.0,
        gt=0,
        description="A wait this long counts as one class higher, though never above a critical request: about as long "
        "as someone waits who is in no hurry.",
    )
    reserved_interactive: float = Field(
        0.15,
        ge=0,
        lt=0.5,
        description="Share of the tokens served that interactive requests get while any waits: enough not to starve, "
        "little enough that critical ones keep their deadlines at three times what can be done.",
    )
    reserved_other: float = Field(
        0.05,
        ge=0,
        lt=0.1,
        description="The same for batch and for each numbered class, so that none starves. All eight of them have 0.4.",
    )
    tenant_weights: dict[str, _Weight] = Field(
        {}, description="Tenant -> weight of its share; 1 if not given. A tenant is the name of an API key."
    )


class Limit(Section):
    """How many calls an upstream is given at once; adapts below the entry's `concurrency`."""

    start: int = Field(
        16,
        ge=1,
        description="Calls at once until the first ones have told what is usual: enough to keep a small server busy, "
        "too few to drown one.",
    )
    least: int = Field(1, ge=1, description="Never fewer than this. Without one call nothing would be learned.")
    tolerance: float = Field(
        1.5,
        gt=1,
        description="Time to the first token, or for a token, may grow by this factor before it shrinks: the mean of "
        "ten calls moves by less than that without a crowd.",
    )
    least_late_s: float = Field(
        0.25,
        ge=0,
        description="Nor does it shrink for calls that let us wait less than this longer than usual: where a first "
        "token takes nearly nothing, the turns on Rung's own event loop would look like overload.",
    )


class Breaker(Section):
    window: int = Field(
        20,
        ge=1,
        description="Last calls that are looked at: enough to tell a share, few enough that ten failures show.",
    )
    least_calls: int = Field(
        3, ge=1, description="Before so many calls nothing is concluded: one that fails, or two, may be chance."
    )
    failed_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="From this share of failures on it is left alone: with fewer most calls are answered, and others "
        "are asked in place of the rest.",
    )
    failed_run: int = Field(
        5,
        ge=1,
        description="So many failures one after the other leave it alone too, however well it did before: what hangs "
        "fails at its calls' deadlines only, one after the other.",
    )
    slow_share: float = Field(
        0.8,
        gt=0,
        le=1,
        description="From this share of slow calls on it is left alone. More than of failures: what is slow answers.",
    )
    slow_factor: float = Field(
        5.0,
        gt=1,
        description="A call is slow that takes this many times what is usual there: what is less the limit sees to.",
    )
    least_slow_s: float = Field(
        1.0,
        ge=0,
        description="Nor is it slow before it has let us wait this long: in a crowd the milliseconds of a fast "
        "upstream become many times as many, and nobody is better off elsewhere.",
    )
    first_pause_s: float = Field(
        1.0, gt=0, description="First pause, so that a hiccup costs little; doubles each time a probe fails."
    )
    longest_pause_s: float = Field(30.0, gt=0, description="Longest pause: what comes back is noticed within it.")
    probes: int = Field(2, ge=1, description="Probes in a row that must go well: one may be luck.")


class Hedge(Section):
    share: float = Field(0.02, ge=0, le=1, description="Extra calls, as a share of all; each is paid for. 0: none.")
    quantile: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Second call not before this quantile of the usual time, so that one call in twenty is the most.",
    )
    factor: float = Field(
        2.0,
        ge=1,
        description="Nor before so many times the median: by then a second call would have answered, had it been made "
        "at once. Where all calls take about the same, one in twenty is over the quantile, and none worth a second.",
    )
    least_late_s: float = Field(
        0.1, ge=0, description="Nor before it is this late against the median: less is not noticed."
    )
    lost_factor: float = Field(
        4.0,
        gt=1,
        description="A call that has said nothing for so many times that quantile is taken for lost: where another "
        "rung takes any question, that is asked in its place. A server that hangs would hold each request to its "
        "deadline; of answers whose lengths vary as they do, one in some thousands takes that long.",
    )
    least_lost_s: float = Field(
        3.0, gt=0, description="Nor before so many seconds: a fast server may well pause for a moment."
    )


class Retry(Section):
    share: float = Field(0.1, ge=0, le=1, description="Retries, as a share of all calls: more would feed an outage.")


_Headroom = Annotated[float, Field(ge=1)]
_Places = Annotated[int, Field(ge=1)]


class Shed(Section):
    window_s: float = Field(
        30.0,
        gt=0,
        description="Over how long a tenant's offers, and those let in, are counted: longer than a burst, and "
        "half a minute after an overload it is forgotten.",
    )
    headroom: tuple[_Headroom, _Headroom, _Headroom] = Field(
        (4.0, 2.0, 1.3),
        description="Offers for each one let in before some are turned away: critical, interactive, all others. Twice "
        "is what Google's handbook takes; the lower class is turned away sooner.",
    )


class Congestion(Section):
    target: float = Field(
        0.85,
        gt=0,
        le=1,
        description="Utilisation from which on a lane's seconds have a price: nearer to 1 waits grow fast.",
    )
    step_usd: float = Field(
        0.0001,
        ge=0,
        description="By how much the price of a second moves in a second of twice the target load or more: within ten "
        "seconds it is what five people waiting for a second are worth at `balanced`. 0: none.",
    )
    most_usd: float = Field(0.01, ge=0, description="Highest price of a second: a right answer's value at `balanced`.")
    smooth_s: float = Field(2.0, gt=0, description="Over how long utilisation is averaged: bursts cost nothing.")


class Lanes(Section):
    queue: Queue = Field(Queue(), description="Who waits.")
    limit: Limit = Field(Limit(), description="Calls at once to an endpoint.")
    breaker: Breaker = Field(Breaker(), description="When an upstream is left alone.")
    hedge: Hedge = Field(Hedge(), description="A second call where the first is slow.")
    retry: Retry = Field(Retry(), description="Another upstream where the first failed.")
    shed: Shed = Field(Shed(), description="Who is turned away first.")
    congestion: Congestion = Field(Congestion(), description="What a busy lane's time costs the rule.")
    long_prompt_tokens: int = Field(
        512,
        ge=1,
        description="From here on a local model reads one prompt at a time: short ones wait behind it. Two cores "
        "need seven seconds for so many, with a model of 1.5B.",
    )
    pools: dict[str, _Places] = Field(
        {}, description="Name -> calls at once of all endpoints and local models that name this `pool`."
    )
