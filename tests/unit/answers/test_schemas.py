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
    assert fits([[i] for i in range(5000)] + [{}], {"uniqueItems": True}) is True


DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVIL = "^(a+)+$"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {EVIL: {}}, "additionalProperties": False},
        {"patternProperties": {EVIL: {}}, "unevaluatedProperties": False},
        {"allOf": [{"patternProperties": {EVIL: {}}}], "unevaluatedProperties": False},
        {"additionalProperties": {"$schema": DIALECT, "pattern": EVIL}},
        {"$schema": DIALECT, "additionalProperties": {"$ref": "#"}, "pattern": EVIL},
    ],
)
def test_patterns_are_matched_nowhere(schema: Any) -> None:
    name = "a" * 40 + "!"
    assert fits({name: name}, schema) is True


def test_additional_properties_count_where_no_pattern_is() -> None:
    closed = {"type": "object", "additionalProperties": False}
    schema = {"properties": {"open": {"patternProperties": {"^x": {}}}, "closed": closed}}
    assert fits({"open": {"x": 1}, "closed": {}}, schema) is True
    assert fits({"open": {"x": 1}, "closed": {"x": 1}}, schema) is False


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"allOf": [{}] * 16_000}, 1),
        ({"anyOf": [{"type": "string"}] * 900}, [[1] * 120_000]),
        ({"anyOf": [{"type": "array"}] * 900}, "x" * 250_000),
        ({"allOf": [{"items": True}] * 900}, [1] * 120_000),
        ({"allOf": [{"uniqueItems": True}] * 900}, [{"a": i} for i in range(500)]),
        ({"allOf": [{"contains": {"const": 1}}], "unevaluatedItems": False}, [1] * 60_000),
        (
            {"allOf": [{"additionalProperties": True}], "unevaluatedProperties": False},
            dict.fromkeys(map(str, range(20_000))),
        ),
    ],
)
def test_what_takes_too_long_has_no_verdict(schema: Any, value: Any) -> None:
    assert fits(value, schema) is None


def test_long_values_that_are_plain_have_one() -> None:
    row = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert fits([{"a": "x" * 50, "b": i} for i in range(1000)], {"type": "array", "items": row}) is True
    assert fits({"a": "x" * 250_000}, row) is True


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, True, "1", [1], [True], {"a": 1}, {"a": True}, None, 0, False], True),
        ([1, 1.0], False),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
    ],
)
def test_items_that_are_there_twice(items: list[Any], unique: bool) -> None:
    assert fits(items, {"uniqueItems": True}) is unique
    assert fits(items, {"uniqueItems": False}) is True


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (10**400, {"multipleOf": 0.1}),
        (1.5, {"multipleOf": 10**400}),
        (1, {"$id": "http://[", "$ref": "x"}),
        (1, {"$ref": "#/anyOf/x", "anyOf": [{}]}),
    ],
)
def test_what_the_validator_stumbles_over_has_no_verdict(value: Any, schema: Any) -> None:
    assert fits(value, schema) is None


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
