"""Numbers in plain text and LaTeX."""

import re
from fractions import Fraction

# Longer digit strings and larger exponents are not a short answer; expanding them costs memory.
MOST_DIGITS = 400

_PLAIN = str.maketrans(
    dict.fromkeys("\u2212\u2010\u2011\u2013", "-") | dict.fromkeys("\u00a0\u202f\u2009", " ") | {"\u00d7": "*"}
)
_VULGAR = {
    **{"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5"},
    **{"⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"},
}
_VULGAR_SIGN = re.compile(rf"(\d\s?)?([{''.join(_VULGAR)}])")
_THIN = re.compile(
    r"(?:(?<=(?<![\d.,])\d)|(?<=(?<![\d.,])\d\d)|(?<=(?<![\d.,])\d{3}))[\u00a0\u202f\u2009](?=\d{3}(?!\d))"
)
_LATEX_SPACE = re.compile(r"\\[,!;: ]|\{,\}|\\quad|\\left|\\right|\\displaystyle")
_LATEX_FRACTION = re.compile(r"(-?)\\[dt]?frac\s*(?:\{\s*(-?\d{1,40})\s*\}|(\d))\s*(?:\{\s*(\d{1,40})\s*\}|(\d))")
_WHOLE_BEFORE_FRACTION = re.compile(r"(?<=\d)(?=\\[dt]?frac)")

NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>(?<![)\]}])[-+])?(?P<unit>[$€£]\s?|\\\$\s?)?(?P<sign2>-)?"
    r"(?P<whole>(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?|\.\d++)"
    r"(?P<exponent>[eE][-+]?\d{1,4}(?!\w)|\s?\*\s?10\^\{?-?\d{1,4}\}?)?"
    r"(?:(?P<over>/\d++(?:\.\d++)?)(?![/\d])|(?P<mixed>\s\d{1,4}/\d{1,4}(?![/\d])))?"
    r"(?!st\b|nd\b|rd\b|th\b)(?:\s(?P<scale>thousand|million|billion|trillion)\b)?",
    re.IGNORECASE,
)
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

# What may stand around a number that is an answer: marks, a currency, a few words of unit; no variable.
_UNITS = re.compile(r"[\s$€£%\\.°*()]*+(?:(?:[A-Za-z²³^/%°]{2,20}|(?<=[\s°])[gmshlLCFK])[\s.%]*+){0,4}")

_WORDS_BELOW_20 = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_WORDS_OF_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS: dict[str, int] = {w: i for i, w in enumerate(_WORDS_BELOW_20.split())}
WORDS |= {w: 10 * i for i, w in enumerate(_WORDS_OF_TENS.split(), start=2)}
_WORD = "|".join([*WORDS, "hundred", *SCALES])
WORD_NUMBER = re.compile(rf"\b(?:{_WORD})(?:(?:[\s-]|\sand\s)(?:{_WORD}))*+\b", re.IGNORECASE)

# "minus" before a number where it cannot be an operation.
_NEGATIVE = re.compile(
    r"(?P<before>^\s*|[:=(]\s?|\b(?:is|be|was|are|equals?|gives?|about)\s|(?<![\w-])(?=negative))(?:minus|negative)\s"
    rf"(?=[$€£]?(?:\d|(?:{_WORD})\b))",
    re.IGNORECASE,
)


def with_fractions(text: str) -> str:
    """`text` with signs like ½ spelt, apart from a whole number before them."""
    return _VULGAR_SIGN.sub(lambda m: f"{m[1].strip()} {_VULGAR[m[2]]}" if m[1] else _VULGAR[m[2]], text)


def joined(text: str) -> str:
    """`text` without the blanks that set thousands apart and nothing else."""
    return text if text.isascii() else _THIN.sub("", text)


def plain(text: str) -> str:
    """`text` with one kind of minus and space, and LaTeX's spacing and simple fractions written plainly."""
    if not text.isascii():
        text = with_fractions(text).translate(_PLAIN)
    if "egative " in text or "inus " in text:
        text = _NEGATIVE.sub(r"\g<before>-", text)
    if "\\" in text or "{" in text:
        text = _LATEX_SPACE.sub(
            "", _WHOLE_BEFORE_FRACTION.sub(" ", text).replace("\\times", "*").replace("\\cdot", "*")
        )
        text = _LATEX_FRACTION.sub(lambda m: f"{m[1]}{m[2] or m[3]}/{m[4] or m[5]}", text)
    return text


def value_of(match: re.Match[str]) -> Fraction | None:
    """The exact value of a match of NUMBER; None for a division by zero or more than MOST_DIGITS digits."""
    digits = match["whole"].replace(",", "")
    if len(digits) > MOST_DIGITS:
        return None
    value = Fraction(digits)
    if match["exponent"]:
        power = int(re.split(r"[eE^]", match["exponent"])[-1].strip("{}"))
        if abs(power) > MOST_DIGITS:
            return None
        value *= Fraction(10) ** power
    if fraction := match["over"] or match["mixed"]:
        over, _, under = fraction.strip().partition("/")
        if len(under) > MOST_DIGITS or not Fraction(under):
            return None
        value = value + Fraction(over) / Fraction(under) if over else value / Fraction(under)
    if scale := match["scale"]:
        value *= SCALES.get(scale.lower(), 1)
    negative = (match["sign"] or "").startswith("-") != bool(match["sign2"])
    return -value if negative else value


def spelt_value(words: str) -> int:
    """The value of a match of WORD_NUMBER: "two hundred and five" -> 205."""
    total, part = 0, 0
    for word in re.split(r"[\s-]+", words.lower()):
        if word in WORDS:
            part += WORDS[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in SCALES:
            total, part = total + max(part, 1) * SCALES[word], 0
    return total + part


def written(value: Fraction) -> str:
    """The shortest exact form: an integer, a decimal that ends, or a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    places = decimal_places(value.denominator)
    if places is None or places > 30:
        return f"{value.numerator}/{value.denominator}"
    return decimal_digits(value.numerator, value.denominator, places)


def decimal_places(below: int) -> int | None:
    """How many decimals a fraction over `below`, in lowest terms, has; None where they do not end."""
    places = 0
    for prime in (2, 5):
        count = 0
        while below % prime == 0:
            below, count = below // prime, count + 1
        places = max(places, count)
    return places if below == 1 else None


def decimal_digits(over: int, below: int, places: int) -> str:
    digits = str(abs(over) * 10**places // below).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return ("-" if over < 0 else "") + whole + (f".{part}" if part else "")


def distinct_numbers_in(text: str) -> set[Fraction]:
    """What is read once each, as texts of many pages say the same numbers often. `text` is plain."""
    matches = {match[0]: match for match in NUMBER.finditer(text)}
    return {v for m in matches.values() if (v := value_of(m)) is not None}


def numbers_in(text: str) -> list[Fraction]:
    """Every number written in digits, in order. `text` is plain."""
    return [v for m in NUMBER.finditer(text) if (v := value_of(m)) is not None]


def as_number(text: str) -> Fraction | None:
    """The value of a text that is one number with at most a currency, a percent sign or a unit around it."""
    text = plain(text.strip())
    found = list(NUMBER.finditer(text[:2000]))
    if len(found) == 1:
        around = text[: found[0].start()] + " " + text[found[0].end() :]
        return value_of(found[0]) if _UNITS.fullmatch(around) else None
    text = text.strip(" .")
    if not found and (spelt := WORD_NUMBER.fullmatch(text.removeprefix("-"))):
        return Fraction(spelt_value(spelt[0])) * (-1 if text.startswith("-") else 1)
    return None
