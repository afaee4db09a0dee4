"""Whether an answer has the form that was asked for: JSON, a JSON schema, well-formed tool calls.

Schemas come from users: no reference leaves the document, patterns are not matched (Python's engine can be made to run
for ever), and a validation has a budget of steps. What cannot be checked within it has no verdict.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

from rung.types import Answer, Json

LARGEST_SCHEMA_BYTES = 64_000
LARGEST_TEXT = 256_000
MOST_STEPS = 10_000
# Pairs are compared where items cannot be sorted.
MOST_UNIQUE_ITEMS = 500

_steps: ContextVar[list[int]] = ContextVar("steps")
_UNCHECKED = {"pattern", "patternProperties"}


class _TooCostly(Exception):
    """Never leaves this file: the budget of steps is used up."""


Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


def _counted(keyword: Keyword) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        left = _steps.get()
        left[0] -= 1
        if left[0] < 0:
            raise _TooCostly
        yield from keyword(validator, value, instance, schema) or ()

    return check


def _unique(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, list) and len(instance) > MOST_UNIQUE_ITEMS:
        return
    yield from Draft202012Validator.VALIDATORS["uniqueItems"](validator, value, instance, schema) or ()


_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]  # jsonschema leaves it untyped
    Draft202012Validator,
    {
        name: _counted(_unique if name == "uniqueItems" else keyword)
        for name, keyword in Draft202012Validator.VALIDATORS.items()
        if name not in _UNCHECKED
    }
    | {name: _counted(lambda *_: None) for name in _UNCHECKED},
)


@lru_cache(maxsize=64)
def _compiled(schema: bytes) -> Any:
    """A validator for a schema's JSON; None for a schema that is none."""
    parsed = msgspec.json.decode(schema)
    try:
        Draft202012Validator.check_schema(parsed)
    except SchemaError:
        return None
    return _Validator(parsed, registry=Registry())


def fits(value: Any, schema: Any) -> bool | None:
    """Whether `value` is valid under `schema`; None where that cannot be told within bounds."""
    try:
        written = msgspec.json.encode(schema, order="deterministic")
        if len(written) > LARGEST_SCHEMA_BYTES:
            return None
        validator = _compiled(written)
        if validator is None:
            return None
        _steps.set([MOST_STEPS])
        return bool(validator.is_valid(value))
    except (_TooCostly, RecursionError, Unresolvable):
        return None


def parsed(text: str) -> tuple[bool, Any]:
    """Whether `text` is JSON, and its value."""
    try:
        return True, msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False, None


def json_form(answer: Answer, body: Json) -> bool | None:
    """Whether the text has the form that `response_format` asks for; None if it asks for none, or tools were called."""
    wanted: Mapping[str, Any] = body.get("response_format") or {}
    kind = wanted.get("type")
    if kind not in {"json_object", "json_schema"} or answer.choices[0].tool_calls or len(answer.text) > LARGEST_TEXT:
        return None
    is_json, value = parsed(answer.text)
    if not is_json or kind == "json_object":
        return is_json and isinstance(value, dict)
    schema = (wanted.get("json_schema") or {}).get("schema")
    return True if schema is None else fits(value, schema)


def tools_form(answer: Answer, body: Json) -> bool | None:
    """Whether each tool call names a tool that was offered, with arguments that fit its schema, and a call was made
    where one was required; None where tools play no part."""
    calls = answer.choices[0].tool_calls
    choice = body.get("tool_choice")
    if not calls:
        required = choice == "required" or isinstance(choice, dict)
        return False if required and body.get("tools") else None
    functions: list[Json] = [tool.get("function") or {} for tool in body.get("tools") or ()]
    offered = {str(function.get("name")): function for function in functions}
    checks = [_call_form(call.get("function") or {}, offered) for call in calls]
    if False in checks:
        return False
    return None if None in checks else True


def _call_form(called: Json, offered: Mapping[str, Json]) -> bool | None:
    tool = offered.get(called.get("name") or "")
    if tool is None:
        return False
    arguments = called.get("arguments") or "{}"
    is_json, value = parsed(arguments) if isinstance(arguments, str) else (True, arguments)
    if not is_json or not isinstance(value, dict):
        return False
    return fits(value, tool.get("parameters") or {})
