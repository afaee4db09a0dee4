"""What a body must look like, as far as Rung reads it. Fields not named here pass through: an endpoint may know them.

Ranges are OpenAI's (https://platform.openai.com/docs/api-reference/chat/create).
"""

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from rung.types import CacheUse, Preset, PriorityClass, Streaming

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
ResponseKind = Literal["text", "json_object", "json_schema"]


class ImageUrl(Struct):
    url: str
    detail: str | None = None


class Part(Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None


class CalledFunction(Struct):
    name: str
    arguments: str


class ToolCall(Struct):
    id: str
    type: str = "function"
    function: CalledFunction | None = None


class Message(Struct):
    role: Role
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None
    audio: dict[str, Any] | None = None


class Function(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct):
    type: str
    function: Function | None = None


class JsonSchema(Struct):
    name: str
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Struct):
    type: ResponseKind
    json_schema: JsonSchema | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None


class ChatBody(Struct):
    messages: Annotated[list[Message], Meta(min_length=1)]
    model: Annotated[str, Meta(min_length=1)]
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Count | None = None
    max_tokens: Count | None = None
    metadata: Annotated[dict[str, str], Meta(max_length=16)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    presence_penalty: Penalty | None = None
    response_format: ResponseFormat | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None = None
    tools: list[Tool] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    top_p: Share | None = None
    user: str | None = None


class WishesBody(Struct, forbid_unknown_fields=True):
    max_usd: Annotated[float, Meta(ge=0)] | None = None
    deadline_ms: Annotated[float, Meta(gt=0, le=86_400_000)] | None = None
    min_quality: Share | None = None
    preset: Preset | None = None
    cache: CacheUse | None = None
    priority: PriorityClass | Annotated[int, Meta(ge=0, le=9)] | None = None
    stream: Streaming | None = None


class InferBody(Struct, forbid_unknown_fields=True):
    task: Annotated[str, Meta(min_length=1, max_length=200, description="A name of /v1/tasks.")]
    input: Annotated[dict[str, Any], Meta(description="What the task takes, as /v1/tasks says.")]
    model: Annotated[str, Meta(min_length=1)] = "auto"
    rung: WishesBody | None = None


class FeedbackBody(Struct, forbid_unknown_fields=True):
    decision_id: Annotated[str, Meta(min_length=1, max_length=200)]
    score: Share | None = None
    correct: bool | None = None
    comment: Annotated[str, Meta(max_length=10_000)] | None = None


# What may stand in a field of a closed set, by the field's last name.
ALLOWED = {
    "role": get_args(Role),
    "type": get_args(ResponseKind),
    "tool_choice": ("none", "auto", "required", "an object that names a function"),
    "preset": get_args(Preset),
    "cache": get_args(CacheUse),
    "stream": get_args(Streaming),
    "priority": (*get_args(PriorityClass), "a number from 0 to 9"),
}
