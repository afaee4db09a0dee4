"""JSON, and whether it fits a JSON Schema.

Schemas come from users: no reference leaves the document, patterns are not matched (Python's engine can be made to run
for ever), and a validation has a budget of steps. What cannot be checked within it has no verdict.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

LARGEST_SCHEMA_BYTES = 64_000
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


def is_schema(schema: Any) -> bool:
    """Whether it is a JSON Schema that `fits` can check by: of draft 2020-12, not too large, and with no references but
    by pointers into itself."""
    return fits(None, schema) is not None and all(_leads_somewhere(ref, schema) for ref in _references(schema))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)
    elif isinstance(schema, dict):
        for key, inner in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)


def _leads_somewhere(reference: str, schema: Any) -> bool:
    if reference == "#":
        return True
    if not reference.startswith("#/"):
        return False
    at = schema
    for part in reference[2:].split("/"):
        at = at.get(part) if isinstance(at, dict) else None
    return isinstance(at, dict | bool)


def parsed(text: str) -> tuple[bool, Any]:
    """Whether `text` is JSON, and its value."""
    try:
        return True, msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False, None
