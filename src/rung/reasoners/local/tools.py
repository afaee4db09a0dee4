"""Tool calls from a model that knows none: the grammar of a JSON schema leaves it nothing else to write.

The model is told of the tools in a system message and writes one object: `{"tool": name, "arguments": {...}}` for a
call, or `{"tool": "none", "answer": ...}` where it may answer itself. Read back, that is OpenAI's `tool_calls` or an
ordinary text. One call an answer; the schema holds names and arguments to what the tools declare.

That the tool is named first, "none" included, matters: a 1.5B model then chose rightly in 19 of 20 requests, and in 13
where it could begin with its answer.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rung.errors import UpstreamRefusedRequest
from rung.reasoners.local.messages import called
from rung.reasoners.local.references import rerooted
from rung.types import Chunk, Json

_NONE = "none"
_CALL = (
    'Reply with one JSON object. When a tool fits the request, use it: {"tool": its name, "arguments": its arguments}.'
)
_ANSWER = (
    "For everything else, such as facts that you know, writing, translating and talk, reply "
    '{"tool": "none", "answer": your reply to the user}.'
)
_ONE = "Use exactly one tool."
# Any of these says something of the arguments. A tool that has none of them takes none.
_DESCRIBING = ("properties", "$ref", "anyOf", "oneOf", "allOf", "additionalProperties", "patternProperties")


class _Named(Struct):
    name: str


class _Tool(Struct):
    function: _Named | None = None


class _Several(Struct):
    """What is allowed of the tools."""

    mode: Literal["auto", "required"]
    tools: list[_Tool]

    def named(self) -> list[_Named | None]:
        return [tool.function for tool in self.tools]


class _Choice(Struct):
    """`tool_choice`, where it is an object."""

    function: _Named | None = None
    allowed_tools: _Several | None = None


def are_asked(body: Json) -> bool:
    return bool(body.get("tools")) and body.get("tool_choice") != "none"


def older_are_asked(body: Json) -> bool:
    """Whether what is asked for is `functions`, as tools were called before."""
    return bool(body.get("functions")) and body.get("function_call") != "none" and not are_asked(body)


def with_grammar(body: Json) -> dict[str, Any]:
    """`body` as it is put to llama.cpp: tools, their calls and their results in words, and a schema to answer in.

    Raises UpstreamRefusedRequest if the tool that must be used is not there, or none is a function.
    """
    tools = [tool["function"] for tool in body["tools"] if tool.get("type", "function") == "function"]
    if not tools:
        raise UpstreamRefusedRequest("none of the tools is of type `function`", param="tools")
    tools, may_answer = _allowed(tools, body.get("tool_choice") or "auto")
    return {
        **{key: value for key, value in body.items() if key not in {"tools", "tool_choice"}},
        "messages": [*_told(tools, may_answer, body["messages"])],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": _schema(tools, _answer_schema(body) if may_answer else None)},
        },
    }


def read(text: str, call_id: str) -> Chunk:
    """The reply as a chunk: a tool call, a text, or, where it was cut off, what there is of a text."""
    try:
        reply = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return Chunk(text=_begun_answer(text))
    if "answer" in reply:
        answer = reply["answer"]
        return Chunk(text=answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
    function = {"name": reply["tool"], "arguments": json.dumps(reply["arguments"], ensure_ascii=False)}
    return Chunk(tool_calls=({"index": 0, "id": call_id, "type": "function", "function": function},))


def _schema(tools: list[Json], answer: Json | None) -> dict[str, Any]:
    """Of the reply; what the schemas of arguments and answer refer to is under `$defs`, whole."""
    shapes: dict[str, Json] = {}
    options: list[Json] = []
    for i, tool in enumerate(tools):
        parameters = shapes[f"tool{i}"] = tool.get("parameters") or {}
        arguments = {"$ref": f"#/$defs/tool{i}"} if _described(parameters) else _object()
        options.append(_object(tool={"const": tool["name"]}, arguments=arguments))
    if answer is not None:
        shapes["answer"] = answer
        options.append(_object(tool={"const": _NONE}, answer={"$ref": "#/$defs/answer"}))
    return {"anyOf": options, "$defs": {name: rerooted(shape, f"#/$defs/{name}") for name, shape in shapes.items()}}


def _allowed(tools: list[Json], choice: str | Json) -> tuple[list[Json], bool]:
    """The tools that may be called, and whether the model may answer itself. Raises UpstreamRefusedRequest."""
    if isinstance(choice, str):
        return tools, choice == "auto"
    try:
        said = msgspec.convert(choice, _Choice)
    except msgspec.ValidationError as error:  # it names the place and the types, and quotes nothing
        raise UpstreamRefusedRequest(f"tool_choice cannot be read: {error}", param="tool_choice") from None
    several = said.allowed_tools
    names = {one.name for one in (several.named() if several else [said.function]) if one}
    tools = [tool for tool in tools if tool["name"] in names]
    if not tools:
        raise UpstreamRefusedRequest("tool_choice names a tool that is not among the tools", param="tool_choice")
    return tools, several is not None and several.mode == "auto"


def _described(parameters: Json) -> bool:
    return any(parameters.get(key) for key in _DESCRIBING)


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer_schema(body: Json) -> Json:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return form["json_schema"].get("schema") or {}
    return {"type": "object"} if form.get("type") == "json_object" else {"type": "string"}


def _told(tools: list[Json], may_answer: bool, messages: list[Json]) -> Iterator[Json]:
    """The conversation with what the model must know first: templates want one system message, at the top."""
    described = "\n".join(_told_of(tool) for tool in tools)
    rules = f"You have these tools:\n{described}\n{_CALL} {_ANSWER if may_answer else _ONE}"
    first, *rest = messages
    if first.get("role") in {"system", "developer"}:
        yield {"role": "system", "content": f"{_text(first)}\n\n{rules}"}
    else:
        yield {"role": "system", "content": rules}
        rest = messages
    names: dict[str, str] = {}
    for message in rest:
        yield _in_words(message, names)


def _told_of(tool: Json) -> str:
    return json.dumps(
        {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key)}, ensure_ascii=False
    )


def _in_words(message: Json, names: dict[str, str]) -> Json:
    """Calls as the model itself writes them, and results as the user's. `names` are the calls' so far, by id."""
    if message.get("tool_calls"):
        said: list[str] = []
        for call in message["tool_calls"]:
            name, arguments = called(call)
            names[call.get("id", "")] = name
            said.append(f'{{"tool": {json.dumps(name)}, "arguments": {arguments}}}')
        return {"role": "assistant", "content": "\n".join(said)}
    if message.get("role") == "tool":
        name = names.get(message.get("tool_call_id", ""), "the tool")
        return {"role": "user", "content": f"Result of {name}: {_text(message)}"}
    if message.get("role") == "assistant":
        return {
            "role": "assistant",
            "content": json.dumps({"tool": _NONE, "answer": _text(message)}, ensure_ascii=False),
        }
    return message


def _text(message: Json) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _begun_answer(text: str) -> str:
    """The text of an answer that was cut off before its closing quote."""
    _, found, begun = text.partition('"answer":')
    begun = begun.lstrip()
    if not found or not begun.startswith('"'):
        return ""
    for end in range(len(begun), max(0, len(begun) - 13), -1):  # the cut may fall into an escape, or a pair of them
        try:
            return str(msgspec.json.decode(begun[:end] + '"', type=str))
        except msgspec.DecodeError:
            continue
    return ""
