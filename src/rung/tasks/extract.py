"""Reads values off a text, and gives only those that stand in it."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from rung.answers.grounding import Source, grounded, widened
from rung.answers.schemas import fits, is_schema, parsed
from rung.errors import BadRequest
from rung.tasks.base import Task, asked_of
from rung.tasks.short import Text

LINE = "Give each of these values exactly as the text below has it, and null for what the text does not say."


class ExtractInput(Struct, forbid_unknown_fields=True):
    text: Text
    schema: Annotated[
        dict[str, Any],
        Meta(description="A JSON Schema (2020-12) of an object, whole in itself. Each single value in it may be null."),
    ]


class ExtractOutput(Struct):
    values: Annotated[
        dict[str, Any], Meta(description="Valid under the input's schema with null allowed for each single value.")
    ]
    missing: Annotated[
        list[str], Meta(description="The places of values that the answer had, but the text has not: null in `values`.")
    ]


def _put(given: ExtractInput) -> dict[str, Any]:
    schema = given.schema
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict) or not schema["properties"]:
        raise BadRequest("`input.schema` must be of the type object and name its `properties`.", param="input.schema")
    wide = widened(schema)
    if not (is_schema(schema) and is_schema(wide)):
        raise BadRequest(
            "`input.schema` is no JSON Schema that can be checked by: draft 2020-12, no references out of it, under "
            "64 kB and 1000 schemas in it, null for each value counted too.",
            param="input.schema",
        )
    form = {"type": "json_schema", "json_schema": {"name": "values", "schema": wide}}
    return {**asked_of(f"{LINE}\n\n{given.text}"), "response_format": form}


def _read(given: ExtractInput, text: str) -> ExtractOutput | None:
    is_json, value = parsed(text)
    wide = widened(given.schema)
    if not is_json or not isinstance(value, dict) or not fits(value, wide):
        return None
    checked = grounded(value, wide, Source(given.text))
    if not fits(checked.value, wide):
        return None
    return ExtractOutput(values=checked.value, missing=list(checked.missing))


EXTRACT = Task(
    name="extract",
    about="Reads values off a text by a JSON Schema. What does not stand in the text is null.",
    input=ExtractInput,
    output=ExtractOutput,
    put=_put,
    read=_read,
    example={
        "text": "ACME Ltd, 5 March 2018. Total: $8.20",
        "schema": {
            "type": "object",
            "properties": {"company": {"type": "string"}, "total": {"type": "number"}},
            "required": ["company", "total"],
        },
    },
)
