"""What responses look like. Those of chat completions are written by `encode`, which passes on what upstreams add."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from rung.types import Decision


class ErrorTold(Struct):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(Struct):
    error: ErrorTold


class UsageTold(Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class Inference(Struct):
    """`output` is as the task's schema says; `right_prob` the verdict on the answer, null from the cache."""

    id: str
    created: int
    task: str
    model: str
    output: dict[str, Any]
    right_prob: float | None
    usage: UsageTold
    object: Literal["inference"] = "inference"
    rung: Decision | UnsetType = UNSET


class MessageTold(Struct):
    content: str | None
    refusal: str | None
    role: Literal["assistant"] = "assistant"
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[dict[str, Any]] | UnsetType = UNSET


class ChoiceTold(Struct):
    index: int
    message: MessageTold
    logprobs: dict[str, Any] | None
    finish_reason: str


class Completion(Struct):
    """OpenAI's chat completion; `rung` is the decision, on wish."""

    id: str
    created: int
    model: str
    choices: list[ChoiceTold]
    usage: UsageTold
    system_fingerprint: str | None
    object: Literal["chat.completion"] = "chat.completion"
    rung: Decision | UnsetType = UNSET


class TaskTold(Struct):
    """`input` and `output` are JSON Schemas; `example` is a body of /v1/infer."""

    id: str
    about: str
    input: dict[str, Any]
    output: dict[str, Any]
    example: dict[str, Any]
    object: Literal["task"] = "task"


class TaskList(Struct):
    data: list[TaskTold]
    object: Literal["list"] = "list"


class ModelTold(Struct):
    """`rung` says what the reasoner is and in what state."""

    id: str
    created: int
    rung: dict[str, Any]
    object: Literal["model"] = "model"
    owned_by: Literal["rung"] = "rung"


class ModelList(Struct):
    data: list[ModelTold]
    object: Literal["list"] = "list"


class FeedbackTold(Struct):
    decision_id: str
    score: float
    object: Literal["feedback"] = "feedback"


class Live(Struct):
    status: Literal["live"] = "live"


class Ready(Struct):
    status: Literal["ready", "not ready"]
    problems: tuple[str, ...]
    loading: tuple[str, ...]


class Startup(Struct):
    status: Literal["loading", "started"]
    loading: tuple[str, ...]
