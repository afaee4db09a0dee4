from typing import Any

import pytest

from rung.answers.schemas import fits, is_schema


def test_a_schema_that_is_none_gives_no_verdict() -> None:
    assert fits({}, {"type": "nonsense"}) is None
    assert fits({}, {"minimum": "three"}) is None


def test_no_reference_leaves_the_document() -> None:
    assert fits({}, {"$ref": "http://127.0.0.1:9/schema.json"}) is None
    assert fits({}, {"$ref": "file:///etc/passwd"}) is None


def test_schemas_that_never_end_give_no_verdict() -> None:
    assert fits({}, {"$ref": "#"}) is None
    doubling = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)} | {"d40": {}}
    assert fits({}, {"$ref": "#/$defs/d0", "$defs": doubling}) is None
    assert fits("a" * 40 + "!", {"pattern": "^(a+)+$"}) is True, "patterns are not matched"
    assert fits([[i] for i in range(5000)] + [{}], {"uniqueItems": True}) is True, "long lists are not compared"


@pytest.mark.parametrize("value", [None, 1, "x", [], {}])
def test_an_empty_schema_takes_all(value: Any) -> None:
    assert fits(value, {}) is True


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}},
        {"properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"properties": {"a": {"$ref": "#anchor"}}},
        {"description": "x" * 70_000},
        {"$ref": "#"},
    ],
)
def test_what_cannot_be_checked_by(schema: Any) -> None:
    assert not is_schema(schema)


def test_what_can() -> None:
    assert is_schema({"properties": {"$ref": {"type": "string"}, "next": {"$ref": "#"}}})
    assert is_schema({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "integer"}}})
