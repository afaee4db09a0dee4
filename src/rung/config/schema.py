"""What rung.yaml may say. The config reference is generated from these models: each field's description is its doc."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from rung.config.lanes import Lanes, Section, from_home
from rung.types import Preset, Streaming


class ReasonerBase(Section):
    auto: bool = Field(True, description="Whether `model: auto` may choose it. By name it can always be asked.")
    strength: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Share of ordinary questions you expect it to get right; replaces Rung's own first guess.",
    )


class SymbolicConfig(ReasonerBase):
    """Exact mathematics from plain words. Abstains from everything it did not understand whole."""

    kind: Literal["symbolic"]
    workers: int = Field(
        1, ge=1, le=64, description="Worker processes. Most questions take one for milliseconds, and each holds memory."
    )
    time_limit_s: float = Field(1.0, gt=0, le=60, description="Longest computation, in seconds.")
    memory_mb: int = Field(1024, ge=256, description="Memory bound of a worker, where the system enforces one.")


_WEIGHT = (
    "Its share of the places that the local models of this machine, or entries of one `pool`, have together, while all "
    "have calls waiting. What one does not need the others have."
)


class LocalConfig(ReasonerBase):
    """A GGUF model under llama.cpp, in a supervised process of its own."""

    kind: Literal["local"]
    model: str | None = Field(None, description="A name from `rung models`.")
    path: Path | None = Field(None, description="A .gguf file of your own, in place of `model`.")
    context_tokens: int = Field(4096, ge=256, description="Prompt and answer together, for each slot.")
    slots: int = Field(
        2,
        ge=1,
        le=64,
        description="Requests decoded side by side: with two a short one need not wait for a long one's end. More buy "
        "little speed on few cores, and take memory for a context each.",
    )
    # Reading in pieces of 32 was 4% slower than in any larger ones (67 against 70 tokens a second, 1.5B on two cores),
    # and the others' wait for a token half that of 64 (0.5 s).
    step_tokens: int = Field(
        32,
        ge=8,
        le=2048,
        description="Tokens of one step: each answer that is being written gets its next one, the rest are read of a "
        "prompt. So a long prompt is read in pieces, between which the others go on, and a client that has gone is "
        "noticed. More reads a little faster, and lets them wait longer. At least twice `slots`.",
    )
    threads: int | None = Field(None, ge=1, description="Threads; as many as there are cores if not given.")
    pool: str | None = Field(
        None,
        description="A name of `lanes.pools`: sets it apart from the other models of this machine, which have as many "
        "places together as the most `slots` among them.",
    )
    weight: float = Field(1.0, gt=0, description=_WEIGHT)
    temperature: float = Field(
        0.0,
        ge=0,
        le=2,
        description="Of a request that states none. Small models are right most often at 0; higher is more varied.",
    )

    @model_validator(mode="after")
    def _room_for_a_prompt(self) -> Self:
        if self.step_tokens < 2 * self.slots:
            raise ValueError(
                f"step_tokens must be at least {2 * self.slots}, twice `slots`, or prompts are hardly read while other "
                "requests are answered"
            )
        return self


class Price(Section):
    input_usd_per_mtok: float = Field(0.0, ge=0, description="USD for a million tokens read.")
    output_usd_per_mtok: float = Field(0.0, ge=0, description="USD for a million tokens written.")
    cached_input_usd_per_mtok: float | None = Field(None, ge=0, description="USD for a million cached tokens read.")


class Timeouts(Section):
    connect_s: float = Field(5.0, gt=0, description="To open a connection.")
    first_token_s: float = Field(60.0, gt=0, description="From the request to the first chunk of a stream.")
    between_chunks_s: float = Field(30.0, gt=0, description="Between two chunks of a stream.")
    total_s: float = Field(
        600.0, gt=0, description="For the whole call; all that bounds an answer which is not streamed."
    )


def shown(address: str) -> str:
    """An address where people read it: without a name and password in it, and its query, which may have a key."""
    return re.sub(r"^(\w+://)?[^/]*@", r"\1", address).partition("?")[0]


def under(base_url: str, path: str) -> str:
    """The address of `path` under another, whose query stays at the end."""
    address = urlsplit(base_url)
    return urlunsplit(address._replace(path=address.path.rstrip("/") + path))


class EndpointConfig(ReasonerBase):
    """Any server that speaks OpenAI's chat completions."""

    kind: Literal["endpoint"]
    base_url: str = Field(
        description="Up to and without `/chat/completions`, e.g. https://api.openai.com/v1. A query, as Azure's "
        "`?api-version=...`, comes after that."
    )
    base_urls: tuple[str, ...] = Field(
        (),
        description="Several addresses of the same model, to balance calls over. `base_url` may then be left out.",
    )
    model: str = Field(description="The model's name there.")
    api_key: SecretStr | None = Field(None, description="Sent as a bearer token; write ${NAME_OF_VARIABLE}.")
    api_keys: tuple[SecretStr, ...] = Field(
        (), description="Several keys: calls are balanced over them, and a 429 cools down its own key only."
    )
    pool: str | None = Field(None, description="A name of `lanes.pools`: endpoints that share a quota.")
    weight: float = Field(1.0, gt=0, description=_WEIGHT)
    headers: dict[str, str] = Field({}, description="Further headers.")
    price: Price = Field(Price(), description="What it costs.")
    timeouts: Timeouts = Field(Timeouts(), description="When to give up on it.")
    context_tokens: int = Field(128_000, ge=256, description="Prompt and answer together.")
    tokens_per_s: float = Field(60.0, gt=0, description="First guess of its speed; measured once it is used.")
    first_token_s: float = Field(0.8, ge=0, description="First guess of its time to the first token.")
    concurrency: int = Field(
        64,
        ge=1,
        description="Calls at once to each address and key; Rung adapts to what it takes below that, so that this only "
        "bounds open connections.",
    )
    tools: bool = Field(True, description="Takes tools.")
    json_schema: bool = Field(True, description="Takes response_format json_schema.")
    logprobs: bool = Field(True, description="Takes logprobs.")
    images: bool = Field(False, description="Takes image parts.")
    n: bool = Field(True, description="Takes n > 1.")

    @model_validator(mode="before")
    @classmethod
    def _first_of_several(cls, given: Any) -> Any:
        if isinstance(given, dict) and (urls := given.get("base_urls")) and "base_url" not in given:
            return {**given, "base_url": urls[0] if isinstance(urls, list | tuple) else ""}  # else told of `base_urls`
        return given

    @field_validator("headers")
    @classmethod
    def _a_line_each(cls, headers: dict[str, str]) -> dict[str, str]:
        for header, value in headers.items():
            if set(header + value) & {"\r", "\n"}:
                raise ValueError(f"{header!r}: a header has one line")
        return headers

    @field_validator("api_key", "api_keys")
    @classmethod
    def _of_one_line(cls, given: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        for key in (given,) if isinstance(given, SecretStr) else given or ():
            if not key.get_secret_value().strip().isprintable():
                raise ValueError("a key has one line of printable characters; look at what its variable or file holds")
        return given

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.base_url, *self.base_urls)))

    @property
    def keys(self) -> tuple[str, ...]:
        """Without blanks around them, such as the end of a file's line; empty where there is none."""
        keys = (self.api_key, *self.api_keys) if self.api_key else self.api_keys
        return tuple(dict.fromkeys(key.get_secret_value().strip() for key in keys)) or ("",)


class BriefConfig(ReasonerBase):
    """Asks the rung below for the final answer only; an option only where a short checkable answer is asked for."""

    kind: Literal["brief"]
    of: str = Field(description="The rung below.")


class ThinkConfig(ReasonerBase):
    """Asks the rung below to reason first, and keeps the reasoning apart as `reasoning_content`."""

    kind: Literal["think"]
    of: str = Field(description="The rung below.")


class VoteConfig(ReasonerBase):
    """Samples the rung below until a majority of the extracted answers is decided."""

    kind: Literal["vote"]
    of: str = Field(description="The rung below.")
    samples: int = Field(3, ge=2, le=9, description="Samples at most.")


class ProgramConfig(ReasonerBase):
    """Asks the rung below for a short program and answers what it computes; an option only where a number is asked."""

    kind: Literal["program"]
    of: str = Field(description="The rung below.")
    samples: int = Field(1, ge=1, le=2, description="Programs to write; two must agree, or it abstains.")
    workers: int = Field(1, ge=1, le=64, description="Worker processes that run programs.")


class CodeConfig(ReasonerBase):
    """Asks the rung below for Python, runs it with its tests in a sandbox, mends it once, and gives what passed."""

    kind: Literal["code"]
    of: str = Field(description="The rung below.")
    time_limit_s: float = Field(5.0, gt=0, le=60, description="Longest run of code and tests, in seconds.")
    memory_mb: int = Field(512, ge=128, description="Memory bound of a run, where the system enforces one.")
    allow_unisolated: bool = Field(
        False,
        description="Runs code even where the system cannot isolate it: it may then read files and use the network.",
    )


class ExtractConfig(ReasonerBase):
    """Has the rung below fill in a JSON schema, and gives only values that stand in the text."""

    kind: Literal["extract"]
    of: str = Field(description="The rung below.")


class FunctionConfig(ReasonerBase):
    """Your own async function, or class with an async `answer`."""

    kind: Literal["function"]
    call: str = Field(
        description="Where it is: `file.py:name`, looked for from this file's folder, `package.module:name`, or the "
        "name of an entry point of the group `rung.reasoners`."
    )
    general: bool = Field(False, description="Whether it takes any question (or abstains from most).")
    batch: int = Field(
        1, ge=1, le=4096, description="Requests at once at most. Above 1 it is given a list, and gives a list back."
    )
    concurrency: int = Field(
        64,
        ge=1,
        description="Calls at once, as many as an endpoint is given; more wait in its lane. Of batches one runs while "
        "the next gathers.",
    )

    @field_validator("call")
    @classmethod
    def _file_from_home(cls, value: str) -> str:
        return str(from_home(Path(value))) if value.startswith("~") else value


ReasonerConfig = Annotated[
    SymbolicConfig
    | LocalConfig
    | EndpointConfig
    | BriefConfig
    | ThinkConfig
    | VoteConfig
    | ProgramConfig
    | CodeConfig
    | ExtractConfig
    | FunctionConfig,
    Field(discriminator="kind"),
]


class Estimates(Section):
    artefact: Path | None = Field(
        None,
        description="What `rung eval --out` wrote: estimates learned from outcomes, for the reasoners that they name.",
    )
    calibration: Path | None = Field(
        None, description="What `rung calibrate` writes; `calibration.json` beside the ledger if not given."
    )
    online: bool = Field(
        True, description="Whether what users say of answers (`/v1/feedback`) moves the estimates at once."
    )
    explore: float = Field(
        0.0,
        ge=0.0,
        le=0.5,
        description="What trying another rung first may cost a request, as a share of what a right answer is worth. "
        "Above 0, one request in twenty tries a rung that is expected to lose no more, so that more is learned.",
    )


class Judge(Section):
    """Who is sent question and best answer and asked whether it is right, where that is worth its cost."""

    reasoner: str | None = Field(
        None, description="A local model, an endpoint or a function of the ladder, also one with `auto: false`."
    )
    tells: float = Field(
        0.7,
        description="How often its word is right, of right answers and of wrong ones that are neither surely right nor "
        "surely wrong, on average over both (the AUC of its word): from 0.5, which tells nothing, to below 1. 0.7 is "
        "what a small model tells of its own.",
    )

    @field_validator("tells")
    @classmethod
    def _between_nothing_and_all(cls, tells: float) -> float:
        if not 0.5 <= tells < 1:
            raise ValueError(
                f"must be at least 0.5, which tells nothing, and below 1, not {tells:g}: give the mean of the share of "
                "right answers that it says yes to and the share of wrong ones that it says no to"
            )
        return tells


class ExactCache(Section):
    max_mb: float = Field(256.0, ge=0, description="Memory bound; 0 turns it off.")


class Cache(Section):
    exact: ExactCache = Field(ExactCache(), description="Answers to requests that are the same to the letter.")


class Ledger(Section):
    """Each decision is a row of 1 to 3 kB, texts beside, that stays until you delete it, with SQLite, also while Rung
    serves: first from `feedback`, then from `decisions`, both by `wall_s`, seconds since 1970. What was learned from
    what you delete is forgotten at the next start."""

    path: Path | None = Field(None, description="The SQLite file; the user's state folder if not given.")
    text: bool = Field(False, description="Whether prompts and answers are kept. Off: only figures are.")


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    open: bool = Field(False, description="Allows an address other than loopback without API keys.")
    api_keys: dict[str, SecretStr] = Field({}, description="Name -> key; a key's name is its tenant.")
    max_body_mb: float = Field(20.0, gt=0, description="Largest request body.")
    deadline_s: float = Field(300.0, gt=0, description="Deadline of a request that states none.")
    idle_s: float = Field(
        75.0,
        gt=0,
        description="How long a connection is kept between requests. What stands in front must let go of it earlier, "
        "or now and then a request comes as it is closed, and fails: nginx and Amazon's load balancers do after 60 s "
        "unless told otherwise, Google's after 600 s, which needs 620 here.",
    )
    preset: Preset = Field("balanced", description="Prices of a request that names no preset.")
    stream: Streaming = Field(
        "held",
        description="How an answer is streamed to a request that does not say. whole: once it is complete and was "
        "looked at, unless nobody else could be asked; held: once its beginning is sure enough; eager: at once, by the "
        "reasoner that is best if nobody looks.",
    )

    @field_validator("api_keys")
    @classmethod
    def _each_of_one_tenant(cls, api_keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        keys = [key.get_secret_value().strip() for key in api_keys.values()]
        for name, key in zip(api_keys, keys, strict=True):
            if not key:
                raise ValueError(f"{name} is empty: anyone could come in with it; give it a value or remove it")
            if keys.count(key) > 1:
                raise ValueError(f"{name} has the same value as another key: whose request would it be?")
        return dict(zip(api_keys, map(SecretStr, keys), strict=True))


class Machine(Section):
    usd_per_hour: float = Field(
        0.05,
        ge=0,
        description="What an hour of this machine is worth while a local model holds it. "
        "The default is about what two cores and 4 GB cost to rent.",
    )
    memory_mb: int | None = Field(
        None,
        ge=1,
        description="What local models may take together, in MiB: for each its file, its context and some 320 beside. "
        "Those that do not fit beside the others are loaded when they are asked for, in place of idle ones. Not "
        "given: no bound, all stay loaded.",
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is written.")
    format: Literal["auto", "console", "json"] = Field("auto", description="auto: console on a terminal, else JSON.")


class Config(Section):
    reasoners: dict[str, ReasonerConfig] = Field(description="Name -> reasoner: the ladder.", min_length=1)
    estimates: Estimates = Field(Estimates(), description="How likely each reasoner is right.")
    judge: Judge = Field(Judge(), description="Who is asked about answers in hand; nobody if not given.")
    cache: Cache = Field(Cache(), description="What is not computed twice.")
    ledger: Ledger = Field(Ledger(), description="What must never be lost.")
    server: Server = Field(Server(), description="The door.")
    machine: Machine = Field(Machine(), description="What the machine's own time costs.")
    lanes: Lanes = Field(Lanes(), description="Who runs, who waits, and who is refused.")
    log: Log = Field(Log(), description="What is written to standard error.")
    models_dir: Path | None = Field(
        None, description="Where model files are kept; the user's cache folder if not given."
    )
