"""JSON schemas whose references still lead somewhere once they stand inside another."""

from typing import Any

from rung.types import Json


def rerooted(schema: Any, root: str) -> Any:
    """`schema` as it has to be where it stands at `root` (as "#/$defs/a") of a whole one."""
    if isinstance(schema, list):
        return [rerooted(one, root) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: root + value[1:]
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else rerooted(value, root)
        for key, value in schema.items()
    }


def with_named_root(form: Json) -> Json:
    """A `response_format` whose schema refers to its own root by a name: llama.cpp does not know it by "#"."""
    asked = form.get("json_schema")
    if not asked or not _names_itself(asked.get("schema")):
        return form
    schema = {"$ref": "#/$defs/root", "$defs": {"root": rerooted(asked["schema"], "#/$defs/root")}}
    return {**form, "json_schema": {**asked, "schema": schema}}


def _names_itself(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_names_itself, schema))
    return isinstance(schema, dict) and (schema.get("$ref") == "#" or any(map(_names_itself, schema.values())))
