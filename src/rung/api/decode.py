"""Checked JSON and headers -> Request."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from rung.api.body import check, unknown_key
from rung.api.shape import ChatBody, Message, ToolCall, WishesBody
from rung.errors import BadRequest, UnknownModel, did_you_mean
from rung.types import Json, Preset, Request, Wishes

AUTO: Final[dict[str, Preset | None]] = {
    "auto": None,
    "auto:economy": "economy",
    "auto:balanced": "balanced",
    "auto:best": "best",
}

_WISH_HEADERS = {f"x-rung-{name.replace('_', '-')}".encode(): name for name in WishesBody.__struct_fields__}
_OTHER_HEADERS = {b"x-rung-debug"}
_NUMBERS = frozenset(["max_usd", "deadline_ms", "min_quality"])


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request before its body is read: its id, who asks, and when it came, in monotonic seconds."""

    id: str
    tenant: str
    at_s: float
    headers: Mapping[bytes, bytes]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat completion's body and headers ask, whoever sends them; `digest` where it was worked out."""

    model: str
    body: Json
    wishes: Wishes
    digest: bytes = b""


def decode(value: dict[str, Any], headers: Mapping[bytes, bytes]) -> Checked:
    """Raises BadRequest."""
    wishes = _wishes(value.pop("rung", None), headers)
    if not _NUMBERS.isdisjoint(value):
        _drop_nulls(value)
    body = check(value, ChatBody)
    _check_messages(body.messages)
    _check_pairs(body)
    model = body.model
    if model in AUTO:
        preset = wishes.preset or AUTO[model]
        model = "auto"
        if preset != wishes.preset:
            wishes = msgspec.structs.replace(wishes, preset=preset)
    return Checked(model=model, body=value, wishes=wishes)


def _drop_nulls(body: dict[str, Any]) -> None:
    """Passed on, a bound would hold nowhere: only null, which is none, may stand there. The other wishes' names are
    ones that endpoints know too. Raises BadRequest."""
    for name in [name for name in body if name in _NUMBERS]:
        if body.pop(name) is not None:
            header = f"x-rung-{name.replace('_', '-')}"
            where = f'inside `rung`, as in {{"rung": {{"{name}": ...}}}}, or in the header `{header}`'
            raise BadRequest(f"`{name}` holds only {where}.", param=name)


def request_of(checked: Checked, arrival: Arrival, known: Collection[str], deadline_s: float) -> Request:
    """`known` are the reasoners' names; `deadline_s` counts from arrival, for a request that states none. Raises
    UnknownModel."""
    model, wishes = checked.model, checked.wishes
    if model != "auto" and model not in known:
        raise unknown_model(model, known)
    wait_s = deadline_s if wishes.deadline_ms is None else wishes.deadline_ms / 1000
    return Request(
        id=arrival.id,
        model=model,
        body=checked.body,
        arrived_s=arrival.at_s,
        deadline_s=arrival.at_s + wait_s,
        wishes=wishes,
        tenant=arrival.tenant,
        digest=checked.digest,
    )


def unknown_model(model: str, known: Collection[str]) -> UnknownModel:
    names = [*AUTO, *known]
    hint = did_you_mean(model[:100], names)
    return UnknownModel(
        f"The model `{model[:100]}` does not exist{f'; {hint}' if hint else '.'} Known are: {', '.join(names)}.",
        param="model",
    )


def _wishes(body: object, headers: Mapping[bytes, bytes]) -> Wishes:
    said: dict[str, Any] = {}
    if body is not None:
        check(body, WishesBody, at="rung")
        assert isinstance(body, dict)
        said.update({key: value for key, value in body.items() if value is not None})
    if asks_by_header(headers):
        for header, raw in headers.items():
            if header.startswith(b"x-rung-") and header not in _OTHER_HEADERS:
                said.update(_header_wish(header, raw))
    if "stream" in said:  # beside the body's own `stream`, which says whether, it says how
        said["streaming"] = said.pop("stream")
    return Wishes(**said) if said else _NO_WISHES


_NO_WISHES = Wishes()


def asks_by_header(headers: Mapping[bytes, bytes]) -> bool:
    return b"x-rung-" in b"\n".join(headers)  # one look for all of them


def is_true(header: str, raw: bytes) -> bool:
    """What a header says that is `true` or `false`. Raises BadRequest."""
    said = raw.strip().lower()
    if said not in {b"true", b"false"}:
        raise BadRequest(f"The header `{header}` must be `true` or `false`.", param=header)
    return said == b"true"


def _header_wish(header: bytes, raw: bytes) -> Json:
    shown, text = header.decode("latin-1"), raw.decode("latin-1").strip()
    name = _WISH_HEADERS.get(header)
    if name is None:
        raise unknown_key(shown, shown, [h.decode() for h in (*_WISH_HEADERS, *_OTHER_HEADERS)])
    value: str | float = text
    if name == "priority" and text.isascii() and text.isdigit():
        value = int(text[:3])
    if name in _NUMBERS:
        try:
            value = float(text)
        except ValueError:
            raise BadRequest(f"The header `{shown}` must be a number.", param=shown) from None
        if value != value:  # noqa: PLR0124  NaN passes every bound
            raise BadRequest(f"The header `{shown}` must be a number.", param=shown)
    try:
        check({name: value}, WishesBody)
    except BadRequest as e:
        raise BadRequest(e.message.replace(f"`{name}`", f"The header `{shown}`"), param=shown) from None
    return {name: value}


def _check_messages(messages: list[Message]) -> None:
    for i, message in enumerate(messages):
        at = f"messages[{i}]"
        content, role = message.content, message.role
        if content is None:
            if role != "assistant" or not (
                message.tool_calls or message.function_call or message.refusal or message.audio
            ):
                raise BadRequest(
                    f"`{at}.content` is missing; only an assistant's message with `tool_calls` may leave it out.",
                    param=f"{at}.content",
                )
        elif not isinstance(content, str):
            _check_parts(message, f"{at}.content")
        if role == "tool" and not message.tool_call_id:
            raise BadRequest(
                f"`{at}.tool_call_id` is missing: a tool's message answers a call.", param=f"{at}.tool_call_id"
            )
        if message.tool_calls is not None:
            _check_tool_calls(message.tool_calls, f"{at}.tool_calls")


def _check_parts(message: Message, at: str) -> None:
    assert isinstance(message.content, list)
    if not message.content:
        raise BadRequest(f"`{at}` must have at least one part.", param=at)
    for j, part in enumerate(message.content):
        fields = {"text": part.text, "refusal": part.refusal, "image_url": part.image_url}
        needed = fields.get(part.type, part.type)
        if needed is None:
            field = f"{at}[{j}].{part.type}"
            raise BadRequest(f"`{field}` is missing.", param=field)


def _check_tool_calls(calls: list[ToolCall], at: str) -> None:
    for j, call in enumerate(calls):
        if call.type == "function" and call.function is None:
            raise BadRequest(f"`{at}[{j}].function` is missing.", param=f"{at}[{j}].function")


def _check_pairs(body: ChatBody) -> None:
    """Fields that have a meaning only beside others."""
    if body.top_logprobs is not None and not body.logprobs:
        raise BadRequest("`top_logprobs` needs `logprobs: true`.", param="top_logprobs")
    if body.stream_options is not None and not body.stream:
        raise BadRequest("`stream_options` needs `stream: true`.", param="stream_options")
    if body.tool_choice not in (None, "none") and not body.tools:
        raise BadRequest("`tool_choice` needs `tools`.", param="tool_choice")
    for i, tool in enumerate(body.tools or ()):
        if tool.type == "function" and tool.function is None:
            raise BadRequest(f"`tools[{i}].function` is missing.", param=f"tools[{i}].function")
    wanted = body.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is None:
        raise BadRequest("`response_format.json_schema` is missing.", param="response_format.json_schema")
