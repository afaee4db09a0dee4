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
# Schemas within a schema: whether it is one takes half a millisecond for each.
MOST_PARTS = 1000
MOST_STEPS = 10_000
# What a step may look at, characters or items, before it counts as more than one.
_STEP_CHARS, _STEP_ITEMS = 1000, 10
# Unevaluated items and properties are looked for among all that were evaluated: pairs to a step.
_STEP_PAIRS = 2000

_NUMBER_CHARS = 4
_UNCHECKED = ("pattern", "patternProperties")


class _TooCostly(Exception):
    """Never leaves this file: the budget of steps is used up."""


class _Budget:
    """The steps that are left to validate `value`."""

    def __init__(self, value: Any) -> None:
        self._left = MOST_STEPS
        self._weights: dict[int, int] = {}
        self._chars(value)

    def pay(self, keyword: str, instance: Any) -> None:
        """For a look at a part of the value. Raises _TooCostly."""
        weight = len(instance) // _STEP_CHARS if isinstance(instance, str) else self._weights.get(id(instance), 0)
        if keyword.startswith("unevaluated") and isinstance(instance, list | dict):
            weight += len(instance) ** 2 // _STEP_PAIRS
        self._left -= 1 + weight
        if self._left < 0:
            raise _TooCostly

    def _chars(self, value: Any) -> int:
        if not isinstance(value, list | dict):
            return len(value) if isinstance(value, str) else _NUMBER_CHARS
        chars = len(value) + sum(map(self._chars, value))
        if isinstance(value, dict):
            chars += sum(map(self._chars, value.values()))
        self._weights[id(value)] = chars // _STEP_CHARS + len(value) // _STEP_ITEMS
        return chars


_budget: ContextVar[_Budget] = ContextVar("budget")

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


def _counted(name: str, keyword: Keyword) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        _budget.get().pay(name, instance)
        yield from keyword(validator, value, instance, schema) or ()

    return check


def _unique(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """In linear time; jsonschema's compares all pairs of what cannot be sorted."""
    if value and isinstance(instance, list) and len({frozen(item) for item in instance}) < len(instance):
        yield ValidationError("an item is there twice")


def frozen(value: Any) -> Any:
    """Alike for what JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, list):
        return tuple(map(frozen, value))
    if isinstance(value, dict):
        return frozenset((key, frozen(inner)) for key, inner in value.items())
    return ("bool", value) if isinstance(value, bool) else value


def _additional(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Where names may be allowed by patterns, what else is allowed beside them cannot be told."""
    if "patternProperties" not in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, value, instance, schema) or ()


def _validator(*unchecked: str) -> Any:
    own = {"uniqueItems": _unique, "additionalProperties": _additional}
    keywords = {**Draft202012Validator.VALIDATORS, **own, **dict.fromkeys(unchecked, lambda *_: None)}
    counted = {name: _counted(name, keyword) for name, keyword in keywords.items()}
    return validators.extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]  # jsonschema leaves it untyped


_Validator: Any = _validator(*_UNCHECKED)
# For schemas with patterns of names: jsonschema matches them to find out what is left.
_Lenient: Any = _validator(*_UNCHECKED, "unevaluatedProperties")


@lru_cache(maxsize=64)
def _compiled(schema: bytes) -> Any:
    """A validator for a schema's JSON; None for a schema that is none."""
    parsed = _of_one_dialect(msgspec.json.decode(schema))
    try:
        Draft202012Validator.check_schema(parsed)
    except SchemaError:
        return None
    return (_Lenient if b'"patternProperties":' in schema else _Validator)(parsed, registry=Registry())


def _of_one_dialect(schema: Any) -> Any:
    """Without `$schema`: jsonschema would go on with a validator that knows neither bound nor budget."""
    if isinstance(schema, list):
        return [_of_one_dialect(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _of_one_dialect(inner) for key, inner in schema.items() if key != "$schema" or not isinstance(inner, str)
    }


def fits(value: Any, schema: Any) -> bool | None:
    """Whether `value` is valid under `schema`; None where that cannot be told within bounds."""
    try:
        written = msgspec.json.encode(schema, order="deterministic")
        if len(written) > LARGEST_SCHEMA_BYTES or sum(map(written.count, (b"{", b"true", b"false"))) > MOST_PARTS:
            return None
        validator = _compiled(written)
        if validator is None:
            return None
        _budget.set(_Budget(value))
        return bool(validator.is_valid(value))
    # the last two are of a reference that is no address, and of a number too large for a float
    except (_TooCostly, RecursionError, Unresolvable, ValueError, OverflowError):
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
