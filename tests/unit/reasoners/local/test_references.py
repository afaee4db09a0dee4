from typing import Any

import jsonschema
import pytest

from rung.reasoners.local.references import with_named_root

NODE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/End"}]}},
    "required": ["next"],
    "$defs": {"End": {"type": "null"}},
}


def test_a_schema_that_refers_to_its_root_does_so_by_a_name() -> None:
    form = with_named_root({"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": NODE}})
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "n", True)
    schema = form["json_schema"]["schema"]
    assert "'#'" not in str(schema)
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert valid({"next": {"next": None}})
    assert not valid({"next": {"next": 1}})


@pytest.mark.parametrize(
    "form",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "n"}},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}},
    ],
)
def test_any_other_stays_as_it_is(form: dict[str, Any]) -> None:
    assert with_named_root(form) is form
