"""Numbers in words, in Roman numerals, and in the digits of a base."""

from fractions import Fraction
from typing import Final

from rung.reasoners.symbolic.errors import NoAnswer, NotUnderstood
from rung.reasoners.symbolic.phrasings.names import ONES, PARTS, SCALES, TENS

# The letter in `0xff`, and its base.
PREFIXES: Final = {"x": 16, "b": 2, "o": 8}


def part_after(words: list[str]) -> Fraction | None:
    """The half of `two and a half`."""
    if words[:2] == ["and", "a"] and words[2:3] in (["half"], ["third"], ["quarter"]):
        return Fraction(1, PARTS[words[2]])
    return None


def number_in_words(words: list[str]) -> tuple[int, Fraction]:
    """How many words make a number, and which: "two hundred and five", "two and a half", "thirty-nine fifths"."""
    count, value = _without_part(words)
    share = part_after(words[count:]) if count and value.denominator == 1 else None
    return (count + 3, value + share) if share else (count, value)


def _without_part(words: list[str]) -> tuple[int, Fraction]:
    flat: list[str] = []
    ends: list[int] = []
    for at, word in enumerate(words):
        for part in word.split("-"):
            flat.append(part)
            ends.append(at + 1)
    total, current, used, scale = 0, 0, 0, 10**18
    # what follows must be less: after "twenty" a digit, after "two" or a bare "hundred" nothing but a scale
    room = 1000
    for at, word in enumerate(flat):
        if word in ONES and ONES.index(word) < room and (room > 10 or word != "zero"):
            current, room = current + ONES.index(word), 0
        elif word in TENS and room > 10:
            current, room = current + TENS[word], 10
        elif word == "hundred" and current < 100:
            current, room = max(current, 1) * 100, 100 if used else 0
        elif word in SCALES and word != "hundred" and SCALES[word] < scale:
            scale = SCALES[word]
            total, current, room = total + max(current, 1) * scale, 0, 1000 if used else 0
        elif (
            word == "and"
            and used
            and at + 1 < len(flat)
            and flat[at - 1] in SCALES
            and flat[at + 1] in ONES + list(TENS)
        ):
            continue
        else:
            break
        used = at + 1
    value = Fraction(total + current)
    part = flat[used] if used < len(flat) else ""
    if used and (part.removesuffix("s") in PARTS or part == "halves") and (part.endswith("s") or value == 1):
        value /= PARTS.get(part) or PARTS[part.removesuffix("s")]
        used += 1
    if not used:
        return 0, value
    if ends[used - 1] == (ends[used] if used < len(ends) else 0):
        return 0, value  # only half of a hyphenated word
    return ends[used - 1], value


MAX_ROMAN: Final = 3999
_ROMAN: Final = {
    "M": 1000, "CM": 900, "D": 500, "CD": 400, "C": 100, "XC": 90, "L": 50, "XL": 40, "X": 10, "IX": 9, "V": 5,
    "IV": 4, "I": 1,
}  # fmt: skip


def roman_parts(value: int) -> list[tuple[str, int]]:
    """`14` as X, 10, and IV, 4."""
    if not 1 <= value <= MAX_ROMAN:
        raise NoAnswer("a number that has no Roman numeral")
    parts = []
    for letters, size in _ROMAN.items():
        parts += [(letters, size)] * (value // size)
        value %= size
    return parts


def from_roman(said: str) -> int:
    """Zero for what is no numeral as it is written today: IIII, IC."""
    value, left = 0, said
    for letters, size in _ROMAN.items():
        while left.startswith(letters):
            value, left = value + size, left.removeprefix(letters)
    if left or not 1 <= value <= MAX_ROMAN:
        return 0
    return value if "".join(letters for letters, _ in roman_parts(value)) == said else 0


def value_in_base(digits: str, base: int) -> int:
    if not 2 <= base <= 36 or len(digits) > 400:
        raise NotUnderstood("a base that is not between 2 and 36")
    try:
        return int(digits, base)
    except ValueError:
        raise NotUnderstood("a digit that the base does not have") from None
