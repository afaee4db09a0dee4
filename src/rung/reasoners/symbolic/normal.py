"""Brings the many ways to type mathematics to one: plain ASCII signs, no LaTeX, no contractions."""

import re
from fractions import Fraction
from typing import Final
from unicodedata import numeric

from rung.reasoners.symbolic.errors import NotUnderstood
from rung.reasoners.symbolic.unit_names import DOLLAR_SIGN

_SIGNS: Final = str.maketrans({
    "×": "*", "∙": "*", "·": "*", "⋅": "*", "÷": "/", "∕": "/", "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-",  # noqa: RUF001
    "’": "'", "‘": "'", "“": '"', "”": '"', "≤": "<=", "≥": ">=", "≠": "!=", "→": "->", "π": " pi ",  # noqa: RUF001
    "∞": " infinity ", "√": " sqrt ", "∛": " cbrt ", "½": "(1/2)", "⅓": "(1/3)", "⅔": "(2/3)", "¼": "(1/4)",
    "¾": "(3/4)", "⅕": "(1/5)", "⅛": "(1/8)", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\t": " ", "\n": " ",
    "℃": " degC ", "℉": " degF ",
})  # fmt: skip
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_CONTRACTIONS: Final = {
    r"\b(what|that|it|how|here)['’]?s\b(?! (?:of|average|speed)\b)": r"\1 is",  # noqa: RUF001
    r"\bi['’]d like\b": "i would like",  # noqa: RUF001
    r"\blet['’]s\b": "let us",  # noqa: RUF001
    r"\bi['’]m\b": "i am",  # noqa: RUF001
    r"\blog(?:arithm)?(?: (?:in|to|with))?(?: the)? base (\d+) of\b": r"log_\1 of ",
    r"\bw\.r\.t\b\.?": "wrt",
    r"\b(d|s)\.(p|f)\b\.?": r"\1\2",
    r"°\s*c\b": " degC ",
    r"°\s*f\b": " degF ",
}
# Money before its number; `$` only where none of them can close a formula.
_MONEY: Final = {"€": "EUR", "£": "GBP", "¥": "JPY"}
_AMOUNT: Final = r"\s?(\d(?:[\d,]*\d)?(?:\.\d+)?)"
_DOLLARS: Final = re.compile(r"(?:[^$]*(?:^|(?<=[\s(]))\$\d)+[^$]*")
# Where an answer is to be put: in `\boxed{}`.
BOX: Final = r"\\boxed\{(?: |[a-z]{3,}+)*\}"
_LATEX_WORDS: Final = {
    BOX: " boxed ",
    r"\\(?:left|right|big|Big|bigg|displaystyle|,|;|!|:|quad|qquad| )(?![a-zA-Z])": " ",
    r"\\(?:cdot|times|ast)(?![a-zA-Z])": "*",
    r"\\div(?![a-zA-Z])": "/",
    r"\\[dt]?frac\{d\}\{d([a-z])\}": r" d/d\1 ",
    r"\\(?:leq?)(?![a-zA-Z])": "<=",
    r"\\(?:geq?)(?![a-zA-Z])": ">=",
    r"\\(?:neq?)(?![a-zA-Z])": "!=",
    r"\^\{?\\circ\}?": "°",
    r"\\pi(?![a-zA-Z])": " pi ",
    r"\\infty(?![a-zA-Z])": " infinity ",
    r"\\to(?![a-zA-Z])": "->",
    r"\\(?:dfrac|tfrac)": r"\\frac",
    r"\\(sin|cos|tan|sec|csc|cot|arcsin|arccos|arctan|sinh|cosh|tanh|ln|log|exp|gcd|max|min|det)(?![a-zA-Z_])": r" \1 ",
    r"\\log_": " log_",
    r"\\([%{}$])": r"\1",
    r"\\l?vert|\\mid(?![a-zA-Z])": "|",
}
_BRACED = r"\{([^{}]*)\}"
_LATEX_SHAPES: Final = {
    rf"\\frac{_BRACED}{_BRACED}": r"((\1)/(\2))",
    r"\\frac(\d)(\d)": r"(\1/\2)",
    rf"\\sqrt\[(\d+)\]{_BRACED}": r"((\2)^(1/\1))",
    rf"\\sqrt{_BRACED}": r" sqrt(\1)",
    r"\\sqrt(\d)": r" sqrt(\1)",
    rf"\\d?binom{_BRACED}{_BRACED}": r" binomial(\1,\2)",
    rf"\^{_BRACED}": r"^(\1)",
    r"\\lfloor([^\\]*)\\rfloor": r" floor(\1)",
    r"\\lceil([^\\]*)\\rceil": r" ceiling(\1)",
    rf"\\text{_BRACED}": r" \1 ",
}
_MATRIX = re.compile(r"\\begin\{([pbv]?matrix)\}(.*?)\\end\{\1\}", re.DOTALL)

# `3/4/2024` and `3-4-2024` may be days, and who asks what 9/11 is seldom wants a quotient.
_YEAR = r"(?:1[6-9]|20|21)\d\d"
_DAY: Final = re.compile(rf"(?<![\d/.(-])(?:\d{{1,2}}([/-])\d{{1,2}}\1{_YEAR}|{_YEAR}([/-])\d{{1,2}}\2\d)(?![\d/.-])")
# Days with dots too: `25.12.2026`.
_DATE: Final = re.compile(rf"(?<![\d/.(-])(\d{{1,2}})([/.-])(\d{{1,2}})\2({_YEAR})(?![\d/-]|\.\d)")
_NAMED: Final = re.compile(r"what(?:'s|\s+is|s)\s+(?:9/11|24/7|7/11|4/20|20/20|50/50|80/20)\W*", re.IGNORECASE)

# `1,5 and 2,5` are two numbers in most of Europe, `100,200 and 300` may be three; and `1,150, 20` are seldom three.
_COMMAS: Final = re.compile(
    r"(?<![\d,.])(?:(?:\d+,\d{1,2} and \d+,\d{1,2}|\d{3},(?!000)\d{3},? and \d{1,3})(?![\d,])"
    r"|\d{1,3}(?:,\d{3})+,\s-?\d)"
)
# `1/2 ÷ 1/4` and `6 / 1/2` look like a division by a fraction, which they are not by the rules.
_QUOTIENTS: Final = re.compile(r"(?:÷\s*|[)\w]\s+/\s+)\d+/\d")
# `1½` and `1\frac{1}{2}`.
_MIXED: Final = re.compile(
    r"(?<![\w.,^])(\d(?:[\d.,]*\d)?)\s?(?:([½⅓⅔¼¾⅕⅛])|\\[dt]?frac(?:\{(\d+)\}\{([1-9]\d*)\}|(\d)([1-9])))"
)
# `3√27` is a cube root to some.
_ROOT: Final = re.compile(r"(?<![\w.])([3-9])√(\d{1,12})(?![\d.])")


def _is_whole_root(order: int, value: int) -> bool:
    return any(root**order == value for root in (round(value ** (1 / order)), 0))


def _written_out(found: re.Match[str]) -> str:
    """`25/12/2026` and `12/25/2026` as 2026-12-25; as it stands what may be another day."""
    first, second = int(found[1]), int(found[3])
    day, month = (first, second) if first > second else (second, first)
    return f"{found[4]}-{month:02}-{day:02}" if month <= 12 < day <= 31 or day == month <= 12 else found[0]


def _as_fraction(mixed: re.Match[str]) -> str:
    whole, sign, *_ = mixed.groups()
    above, below = mixed[3] or mixed[5], mixed[4] or mixed[6]
    part = Fraction(numeric(sign)).limit_denominator(8) if sign else Fraction(int(above), int(below))
    if part >= 1 or not whole.isdecimal():
        raise NotUnderstood("a mixed number, or a product")
    value = int(whole) + part
    return f"({value.numerator}/{value.denominator})"


def normal(text: str) -> str:
    """Raises NotUnderstood if a LaTeX command is left over: what it says would be lost; and for a day in digits."""
    text = _DATE.sub(_written_out, text)
    if _DAY.search(text) or _NAMED.fullmatch(text.strip()):
        raise NotUnderstood("a day or a saying, or a sum")
    if _COMMAS.search(text):
        raise NotUnderstood("commas that may be of decimals")
    if _QUOTIENTS.search(text):
        raise NotUnderstood("a division by a fraction, or by its numerator")
    if any(_is_whole_root(int(found[1]), int(found[2])) for found in _ROOT.finditer(text)):
        raise NotUnderstood("a number that may say which root")
    text = _MIXED.sub(_as_fraction, unwrapped(text))
    # a root's sign is of the number behind it, where no letter or power follows; of the word that is not so sure
    text = re.sub(r"√\s?(\d+(?:\.\d+)?)(?![\d.]*\s?[\w(^!⁻⁺])", r" sqrt(\1)", text)
    # raised digits become powers before the signs are translated one by one
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda found: f"^({found.group().translate(_RAISED)})", text).translate(_SIGNS)
    text = text if "\\" in text else text.replace(" & ", " and ")
    for pattern, plain in _CONTRACTIONS.items():
        text = re.sub(pattern, plain, text, flags=re.IGNORECASE)
    for sign, code in _MONEY.items():
        text = re.sub(rf"{sign}{_AMOUNT}", rf"\1 {code}", text).replace(sign, f" {code} ")
    if "\\" not in text and _DOLLARS.fullmatch(text):
        text = re.sub(rf"\${_AMOUNT}", rf"\1 {DOLLAR_SIGN}", text)
    if "\\" in text or "$" in text:
        text = _without_latex(text)
    return text.replace("**", "^").strip()


_MARK: Final = re.compile(
    r"\A(?:\d{1,2}[.)]|[a-z]\)|[-*•]|q\s*[:.]|\*\*(?:question|problem|task|exercise)\s?\d*[.:]?\*\*[.:]?)\s+(?=[a-z]{2})",
    re.IGNORECASE,
)
_ANSWER: Final = re.compile(r"\n\s*a(?:nswer)?\s*:\s*$", re.IGNORECASE)
_WRAPS: Final = (("**", "**"), ('"', '"'), ("'", "'"), ("“", "”"), ("__", "__"), ("`", "`"))


def unwrapped(text: str) -> str:
    """Without a list's mark, `Q:` and `A:`, and what emphasises all of it; code marks stand for nothing."""
    text = _ANSWER.sub("", _MARK.sub("", text.strip()))
    for left, right in _WRAPS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left + right):
            inside = text[len(left) : -len(right)]
            text = text if left in inside else inside
    return text.replace("`", " ")


def _without_latex(text: str) -> str:
    text = _MATRIX.sub(_matrix, text)
    for pattern, plain in _LATEX_WORDS.items():
        text = re.sub(pattern, plain, text)
    text = re.sub(r"\\[()\[\]]", " ", text)
    text = re.sub(r"(?<!\\)\$+", " ", text)
    before = ""
    while before != text:  # from the innermost braces outwards
        before = text
        for pattern, plain in _LATEX_SHAPES.items():
            text = re.sub(pattern, plain, text)
    if "\\" in text:
        raise NotUnderstood("LaTeX that it does not read")
    return text


def _matrix(found: re.Match[str]) -> str:
    rows = [row for row in re.split(r"\\\\", found.group(2)) if row.strip()]
    inner = ",".join("[" + ",".join(cell.strip() for cell in row.split("&")) + "]" for row in rows)
    return f" {'determinant of ' if found.group(1) == 'vmatrix' else ''}[{inner}] "
