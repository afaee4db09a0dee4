"""A conversation as llama.cpp reads it: a `name` that is null and a call of a tool that is no function make it fail, as
if the server were at fault and not the request, and of refusals it knows nothing."""

import json
from collections.abc import Iterable
from typing import Any

from rung.types import Json


def readable(messages: Iterable[Json]) -> list[Json]:
    return [_readable(message) for message in messages]


def called(call: Json) -> tuple[str, str]:
    """The name, and the arguments as JSON; of a tool that is no function, what it was given as a text."""
    if function := call.get("function"):
        return function["name"], function["arguments"]
    custom = call.get("custom")
    given = custom if isinstance(custom, dict) else {}
    return str(given.get("name", "")), json.dumps(given.get("input", ""), ensure_ascii=False)


def _readable(message: Json) -> Json:
    told = {key: value for key, value in message.items() if value is not None or key == "content"}
    content = told.get("content")
    if content is None:
        told["content"] = told.get("refusal")
    elif isinstance(content, list):
        told["content"] = [_part(part) for part in content]
    if calls := told.get("tool_calls"):
        told["tool_calls"] = [_call(call) for call in calls]
    return told


def _part(part: Json) -> Json:
    return {"type": "text", "text": part["refusal"]} if part["type"] == "refusal" else part


def _call(call: Json) -> dict[str, Any]:
    name, arguments = called(call)
    return {"id": call["id"], "type": "function", "function": {"name": name, "arguments": arguments}}
