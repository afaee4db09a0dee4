"""What a task is."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct


class Task(Struct, frozen=True, kw_only=True):
    """`put` makes of an `input` the fields of a chat completion's body, `messages` first; it raises BadRequest, whose
    `param` begins with `input`, for what the shape alone cannot refuse. `read` makes of the input and the answer's text
    an `output`, or None where the text does not say one.

    `about` is a sentence for people; `example` an input.
    """

    name: str
    about: str
    input: type[Struct]
    output: type[Struct]
    put: Callable[[Any], dict[str, Any]]
    read: Callable[[Any, str], Struct | None]
    example: dict[str, Any]


def schema_of(shape: type[Struct]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a shape that is whole in itself."""
    _, components = msgspec.json.schema_components([shape])
    schema: dict[str, Any] = components[shape.__name__]
    return schema


def asked_of(text: str) -> dict[str, Any]:
    """A body of one user message."""
    return {"messages": [{"role": "user", "content": text}]}
