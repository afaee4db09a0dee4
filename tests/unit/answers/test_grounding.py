from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.answers.grounding import Source, grounded, widened, without_nulls
from rung.answers.schemas import fits

RECEIPT = """\
BOOK TA .K(TAMAN DAYA) SDN BHD
NO.5: 55,57 & 59, JALAN SAGU 18
DATE: 25/12/2018 8:13:39 PM
three pens 1.234,50
TOTAL RM9.00 incl. 6% tax 1,234.75 USD"""


@pytest.mark.parametrize(
    "value",
    [
        *("Book Ta .K (Taman Daya) Sdn Bhd", "55,57 & 59, Jalan\nSagu 18", "25/12/2018", "2018-12-25", "25 Dec 2018"),
        *("9.00", "RM9.00", "RM 9.00", "1234.75", "1,234.75", "$9", "6%", 9, 9.0, 0.06, 6, 1234.5, 3, 2018, 1234.75),
    ],
)
def test_what_stands_in_the_text(value: Any) -> None:
    assert Source(RECEIPT).holds(value)


@pytest.mark.parametrize(
    "value",
    [
        *("BOOK TALK", "2018-12-26", "26 Dec 2018", "9.50", "9.00 USD", "EUR", "", "  ", "aman"),
        *(7, 9.5, 234.75, -9, float("inf"), "Jalan Sagu 1"),
    ],
)
def test_what_does_not(value: Any) -> None:
    holds = Source(RECEIPT).holds(value)
    assert not holds or value == "words that follow each other over a line's end are found"


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("我住在北京。", "北京", True),
        ("我住在北京。", "南京", False),
        ("住所 東京都新宿区", "東京都", True),
        ("A5サイズの紙", "A5", True),
        ("서울에 산다", "서울", True),
        ("อยู่ที่กรุงเทพมหานคร", "กรุงเทพ", True),
        ("दिल्ली में", "दिल्ली", True),
        ("दिल्ली में", "दिल", False),
        ("Jose\u0301 Garcia", "José", True),
    ],
)
def test_words_of_any_script(text: str, value: str, holds: bool) -> None:
    assert Source(text).holds(value) == holds


@pytest.mark.parametrize(
    ("text", "whole", "part"),
    [
        ("it was -5 at night", -5, 5),
        ("a change of -6% or -6,5", -0.06, 0.06),
        ("a change of -6% or -6,5", -6.5, 6.5),
        ("12\u202f345,67 EUR", 12345.67, 345.67),
        ("1'234.50 CHF", 1234.5, 234.5),
        ("Rs 1,23,456", 123456, 23456),
        ("1.234,50 EUR", 1234.5, 50),
        ("2½ cups", 2.5, 21),
        ("ACME 5.20 each", "ACME 5.20", "ACME 5"),
        ("room 10,500", "room 10,500", "room 10"),
        ("no AB12CD", "AB12CD", "AB12"),
        ("no AB12CD", "ab12cd", "12CD"),
    ],
)
def test_a_part_of_a_number_or_of_a_mark_is_not_the_whole(text: str, whole: Any, part: Any) -> None:
    assert Source(text).holds(whole)
    assert not Source(text).holds(part)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2 eggs\n-3 cups", 3),
        ("-2 eggs\n-3 cups", 2),
        ("pages 3-5", 5),
        ("10%-20%", 0.2),
        ("12€-15€", 15),
        ("in 2023\u00a0100 units", 2023),
        ("in 2023\u00a0100 units", 100),
        ("no AB12CD, no AB12", "AB12"),
        ("12kg", "12 kg"),
    ],
)
def test_what_may_be_read_so_is_found(text: str, value: Any) -> None:
    assert Source(text).holds(value)


def test_items_with_a_place_of_their_own_keep_it() -> None:
    name = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}]}
    wide = widened(name)
    result = grounded(["Eve", "Smith"], wide, Source("Mr Smith"))
    assert result.value == [None, "Smith"]
    assert fits(result.value, wide)
    assert not fits(result.value, name)


def test_a_date_with_two_readings_is_not_taken_for_its_other() -> None:
    assert Source("on 03/04/2018").holds("03/04/2018")
    assert Source("on 03/04/2018").holds("2018-04-03")
    assert not Source("on 03/04/2018").holds("04/03/2018")


SCHEMA = {
    "type": "object",
    "properties": {
        "company": {"type": "string"},
        "kind": {"enum": ["receipt", "invoice"]},
        "paid": {"type": "boolean"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "date": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "required": ["company", "lines"],
    "$defs": {"line": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
}


def test_values_that_are_not_in_the_text_become_null_and_such_items_go() -> None:
    value = {
        "company": "ACME",
        "kind": "receipt",
        "paid": True,
        "lines": [{"n": 9}, {"n": 77}],
        "tags": ["pens", "ink"],
        "date": "25/12/2018",
    }
    result = grounded(value, SCHEMA, Source(RECEIPT))
    assert result.value == {
        "company": None,
        "kind": "receipt",
        "paid": True,
        "lines": [{"n": 9}],
        "tags": ["pens"],
        "date": "25/12/2018",
    }
    assert result.found == ("lines[0].n", "tags[0]", "date")
    assert result.judged == ("kind", "paid")
    assert result.missing == ("company", "lines[1].n", "tags[1]")
    assert fits(result.value, widened(SCHEMA))
    assert not fits(result.value, SCHEMA)


def test_an_item_of_which_nothing_is_left_goes_and_one_of_which_something_is_stays() -> None:
    value = [
        {"name": "pens", "n": 77},
        {"name": "ghosts", "n": 77},
        {"name": None},
        {},
        [],
        ["ghosts"],
        {"in": ["ghosts"]},
    ]
    assert grounded(value, {}, Source(RECEIPT)).value == [{"name": "pens", "n": None}, {"name": None}, {}, []]


def test_what_lies_deep_is_not_found_and_not_gone_through() -> None:
    value: list[object] = ["pens"]
    for _ in range(900):
        value = [value]
    assert len(grounded(value, {}, Source(RECEIPT)).missing) == 1


def test_a_widened_schema_allows_null_for_single_values_alone() -> None:
    wide = widened(SCHEMA)
    assert fits({"company": None, "kind": None, "paid": None, "lines": [{"n": None}], "date": None}, wide)
    for refused in ({"company": None}, {"company": "a", "lines": None}, {"company": "a", "lines": [], "tags": [None]}):
        assert not fits(refused, wide)
    assert widened(wide)["properties"]["date"] == wide["properties"]["date"]
    assert SCHEMA["properties"]["company"] == {"type": "string"}, "the caller's own was changed"  # type: ignore[index]


@pytest.mark.parametrize(
    "one_of",
    [
        [{"type": "null"}, {"$ref": "#/$defs/kind"}],
        [{"$ref": "#/$defs/kind"}, {"type": "integer"}],
        [{"type": ["string", "null"]}, {"type": "integer"}],
    ],
)
def test_null_is_allowed_beside_alternatives_of_which_just_one_must_hold(one_of: Any) -> None:
    kind = {"type": "string", "enum": ["receipt", "invoice"]}
    schema = {"type": "object", "properties": {"v": {"oneOf": one_of}}, "$defs": {"kind": kind}}
    wide = widened(schema)
    assert fits({"v": None}, wide)
    assert fits({"v": "receipt"}, wide)
    assert not fits({"v": []}, wide)
    assert fits({"v": None}, widened(wide))
    if {"$ref": "#/$defs/kind"} in one_of:
        assert grounded({"v": "receipt"}, wide, Source("")).judged == ("v",)


def test_nulls_that_need_not_be_there_are_left_out() -> None:
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "note": {"type": ["string", "null"]}}}  # type: ignore[dict-item]
    value = {"company": None, "kind": None, "date": None, "note": None, "lines": []}
    assert without_nulls(value, schema, schema) == {"company": None, "note": None, "lines": []}


def test_what_lies_too_deep_is_not_found() -> None:
    value: Any = "pens"
    for _ in range(3000):
        value = {"a": value}
    result = grounded(value, {}, Source("pens"))
    assert (result.found, len(result.missing)) == ((), 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=9,
)


@given(json_values, st.text(max_size=40))
def test_what_is_left_stands_in_the_text(value: Any, text: str) -> None:
    source = Source(text)

    def check(one: Any) -> None:
        if isinstance(one, dict | list):
            for inner in one.values() if isinstance(one, dict) else one:
                check(inner)
        else:
            assert one is None or isinstance(one, bool) or source.holds(one)

    result = grounded(value, {}, source)
    check(result.value)
    assert grounded(result.value, {}, source).value == result.value


@pytest.mark.timeout(10)
def test_what_is_almost_a_number_is_looked_for_in_linear_time() -> None:
    assert not Source(RECEIPT).holds(f"1{' ' * 300_000}x")


def test_a_number_too_large_for_a_float_is_looked_for_too() -> None:
    assert not Source(RECEIPT).holds(10**400)
    assert Source(f"n = {10**300}").holds(10**300)
