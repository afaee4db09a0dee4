"""Whether values that were read off a text stand in it, and a JSON Schema under which each may be missing.

A string is found by its words, in order, without case, punctuation and line ends; a number by its value; a date by its
day, in whatever way either is written. A part of a longer number or of a mark like AB12CD is not found. Booleans and
the values of an `enum` or `const` are judgements on the text, not copies of it: they are kept, and counted apart.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from math import isfinite
from typing import Any

from msgspec import Struct

from rung.answers.dates import date_of, dates_in
from rung.answers.numerals import (
    WORD_NUMBER,
    as_number,
    distinct_numbers_in,
    joined,
    plain,
    spelt_value,
    with_fractions,
)

Schema = Mapping[str, Any]

# Some microseconds a character: a longer text is not looked at where others wait.
LONG_CHARS = 4000

# Letters of scripts that set no blanks between words, and of Korean, which adds endings to them: each is a word.
_UNSPACED = (
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ecd\u1000-\u103f\u1780-\u17d3\u3005\u3041-\u309f\u30a1-\u30fa"
    r"\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"
)
_LETTERS = rf"[^\W\d_{_UNSPACED}]"
# Signs that belong to the letter before them, as the vowels of Hindi.
_MARKS = "".join(sign for sign in map(chr, range(0x300, 0xE00)) if unicodedata.category(sign).startswith("M"))
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTERS}++(?:[{_MARKS}]++{_LETTERS}*+)*+|\d++(?:,\d{{3}}(?!\d))*+(?:\.\d++)?+")
_MIXED = re.compile(r"(?<![a-z0-9])(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]++")
_NUMERIC = re.compile(r"[\s$€£%+-]*+\d[\d.,\s]*+[\s$€£%]*+")
# A minus, where it is none between two numbers or words ("10%-20%") and no mark of a list's item.
_BEFORE = r"(?<![\d.,])((?!\A)(?<![\w)\]}\n])(?<!\d[%$€£°])-)?"
_RUN = re.compile(rf"{_BEFORE}(\d{{1,30}})(?![.,]?\d)")
_PERCENT = re.compile(rf"{_BEFORE}(\d{{1,9}}(?:\.\d{{1,9}})?)\s?%")
_DECIMAL_COMMA = re.compile(rf"{_BEFORE}(\d{{1,12}}),(\d{{1,2}})(?![\d,])")
# Thousands set apart by what stands for nothing else: 1'234, 1.234,50 and India's 1,23,456.
_APART = re.compile(r"(?<=\d)['\u2019](?=\d{3}(?!\d))")
_DOTTED = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3}){1,5}),(\d{1,2})(?![\d,])")
_LAKHS = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d\d){1,6},\d{3}(?![\d,])")
# A currency's letters before an amount, as in RM9.00.
_CURRENCY = re.compile(r"\b[A-Z]{1,3}(?=\d{1,3}(?:,?\d{3}){0,4}\.\d\d\b)")
_LEAVES = frozenset({"string", "number", "integer", "boolean"})
# Levels of a value, and references in a row; what lies deeper counts as not found.
_DEEPEST = 32
_MOST_ALTERNATIVES = 200


class Grounded(Struct, frozen=True, kw_only=True):
    """`value` is what was given, with null for what does not stand in the text, and without such items of a list.
    `found`, `judged` and `missing` are the places of the values that were: `total`, `items[0].name`."""

    value: Any
    found: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Source:
    """A text that values are looked for in, read once for each way of looking."""

    def __init__(self, text: str) -> None:
        self._text = _normal(text)

    def holds(self, value: str | float) -> bool:
        """Whether `value` stands in the text."""
        if isinstance(value, int):
            return Fraction(value) in self._numbers
        if isinstance(value, float):
            return isfinite(value) and Fraction(repr(value)) in self._numbers  # 0.1 is a tenth
        value = _normal(value).strip()
        if _NUMERIC.fullmatch(value) and (number := as_number(value)) is not None:
            return number in self._numbers
        if readings := date_of(value):
            return any(readings & day and (len(readings) == 1 or len(day) == 1) for day in self._dates) or (
                _words(value) in self._words
            )
        if not _WORD.search(value):
            return bool(value) and value in self._text
        return _words(value) in self._words and not self._cut(value)

    def _cut(self, value: str) -> bool:
        """Whether the first or last mark of letters and digits in `value` is only in the text as a part of a longer
        one."""
        marks = _MIXED.findall(value.casefold())
        return any(
            mark in self._folded and not re.search(rf"(?<![a-z0-9]){mark}(?![a-z0-9])", self._folded)
            for mark in {*marks[:1], *marks[-1:]}
        )

    @cached_property
    def _folded(self) -> str:
        return self._text.casefold()

    @cached_property
    def _words(self) -> str:
        return _words(self._text)

    @cached_property
    def _numbers(self) -> set[Fraction]:
        text = plain(_CURRENCY.sub(" ", self._text))
        text = _DOTTED.sub(lambda m: f"{m[1].replace('.', '')}.{m[2]}", text)
        text = _LAKHS.sub(lambda m: m[0].replace(",", ""), text)
        found = distinct_numbers_in(text)
        found.update(Fraction(int(sign + run)) for sign, run in set(_RUN.findall(text)))
        found.update(Fraction(sign + percent) / 100 for sign, percent in set(_PERCENT.findall(text)))
        found.update(Fraction(f"{sign}{whole}.{part}") for sign, whole, part in set(_DECIMAL_COMMA.findall(text)))
        found.update(Fraction(spelt_value(words)) for words in {m[0] for m in WORD_NUMBER.finditer(text)})
        return found

    @cached_property
    def _dates(self) -> list[frozenset[Any]]:
        return dates_in(self._text)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", _APART.sub("", joined(with_fractions(text))))


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def grounded(value: Any, schema: Schema, source: Source) -> Grounded:
    """What of `value`, which is valid under `schema`, stands in the source."""
    return _Walk(schema, source).result(value)


class _Walk:
    def __init__(self, schema: Schema, source: Source) -> None:
        self._root = schema
        self._source = source
        self._places: dict[str, list[str]] = {"found": [], "judged": [], "missing": []}

    def result(self, value: Any) -> Grounded:
        kept = self._kept(value, self._root, "", 0)
        return Grounded(value=kept, **{name: tuple(places) for name, places in self._places.items()})

    def _kept(self, value: Any, schema: Any, at: str, depth: int) -> Any:
        if depth > _DEEPEST:
            self._places["missing"].append(at)
            return None
        schema = _resolved(schema, self._root)
        if isinstance(value, Mapping):
            inner = {key: (_property(schema, key, self._root), f"{at}.{key}" if at else key) for key in value}
            return {key: self._kept(value[key], *inner[key], depth + 1) for key in value}
        if isinstance(value, list):
            placed = len(schema.get("prefixItems") or ())
            kept = []
            for i, one in enumerate(value):
                missing = len(self._places["missing"])
                left = self._kept(one, _item(schema, i), f"{at}[{i}]", depth + 1)
                whole = len(self._places["missing"]) == missing
                if i < placed or _says(left) or (whole and left is not None):
                    kept.append(left)
            return kept
        return self._leaf(value, schema, at)

    def _leaf(self, value: Any, schema: Schema, at: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, bool) and self._source.holds(value):
            self._places["found"].append(at)
            return value
        if isinstance(value, bool) or any(_is_chosen(one, value) for one in _alternatives(schema, self._root)):
            self._places["judged"].append(at)
            return value
        self._places["missing"].append(at)
        return None


def _says(value: Any) -> bool:
    """Whether any single value is in it: of an object that a model made up, only its fields are left."""
    if isinstance(value, Mapping | list):
        return any(map(_says, value.values() if isinstance(value, Mapping) else value))
    return value is not None


def _resolved(schema: Any, root: Schema) -> Schema:
    """`schema`, or what its reference within the document leads to."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        schema = root
        for part in reference[2:].split("/"):
            schema = schema.get(part) if isinstance(schema, Mapping) else None
    return {}


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    """`schema` and what it says may or must hold, and what that says in turn."""
    found = [schema]
    for at in range(_MOST_ALTERNATIVES):
        if at == len(found):
            return
        yield found[at]
        for key in ("anyOf", "oneOf", "allOf"):
            inner = found[at].get(key)
            if isinstance(inner, list) and len(found) < _MOST_ALTERNATIVES:
                found += [_resolved(one, root) for one in inner]


def _is_chosen(schema: Schema, value: Any) -> bool:
    allowed = schema.get("enum")
    return (isinstance(allowed, list) and value in allowed) or ("const" in schema and schema["const"] == value)


def _property(schema: Schema, key: str, root: Schema) -> Any:
    for one in _alternatives(schema, root):
        properties = one.get("properties")
        if isinstance(properties, Mapping) and key in properties:
            return properties[key]
    return schema.get("additionalProperties")


def _item(schema: Schema, at: int) -> Any:
    first = schema.get("prefixItems")
    return first[at] if isinstance(first, list) and at < len(first) else schema.get("items")


def widened(schema: Any) -> Any:
    """`schema` with null allowed for every single value in it, the items of lists excepted: an item that is not there
    is left out, unless its place says what it is. What is no string, number or truth value stays as it is."""
    if not isinstance(schema, Mapping):
        return schema
    changed = dict(schema)
    for key in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(key), Mapping):
            changed[key] = {name: widened(inner) for name, inner in schema[key].items()}
    if isinstance(schema.get("prefixItems"), list):
        changed["prefixItems"] = [widened(one) for one in schema["prefixItems"]]
    if isinstance(schema.get("items"), Mapping):
        changed["items"] = _inner_widened(schema["items"])
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list):
            nullable = any(isinstance(one, Mapping) and one.get("type") == "null" for one in schema[key])
            changed[key] = [*map(_inner_widened, schema[key]), *([] if nullable else [{"type": "null"}])]
    if "oneOf" in changed and "anyOf" not in changed:
        # null may be valid under several of them
        changed["anyOf"] = [{"oneOf": changed.pop("oneOf")}, {"type": "null"}]
    if isinstance(schema.get("allOf"), list):
        changed["allOf"] = [widened(one) for one in schema["allOf"]]
    return _nullable(changed)


def _inner_widened(schema: Any) -> Any:
    """What is inside of it widened, not itself."""
    wide = widened(schema)
    if not isinstance(schema, Mapping) or not isinstance(wide, Mapping):
        return wide
    return {**wide, **{key: schema[key] for key in ("type", "enum") if key in schema}}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(kinds, list) and kinds and set(kinds) <= _LEAVES:
        schema["type"] = [*kinds, "null"]
    allowed = schema.get("enum")
    if isinstance(allowed, list) and None not in allowed and not any(isinstance(v, dict | list) for v in allowed):
        schema["enum"] = [*allowed, None]
    return schema


def without_nulls(value: Any, schema: Any, root: Schema) -> Any:
    """`value` without the nulls that `schema`, a part of `root`, neither allows nor needs to be there."""
    schema = _resolved(schema, root)
    if isinstance(value, list):
        return [without_nulls(one, _item(schema, at), root) for at, one in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    required = schema.get("required") or ()
    return {
        key: without_nulls(inner, _property(schema, key, root), root)
        for key, inner in value.items()
        if inner is not None or key in required or _takes_null(_property(schema, key, root), root)
    }


def _takes_null(schema: Any, root: Schema) -> bool:
    for one in _alternatives(_resolved(schema, root), root):
        kinds, allowed = one.get("type"), one.get("enum")
        if kinds == "null" or (isinstance(kinds, list) and "null" in kinds):
            return allowed is None or None in allowed
    return False
