"""LaTeX as it stands in answers: boxes, and one plain form of an expression to compare by."""

import re

_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname)\s*\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\frac\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])")
_HALF_SHORT_FRACTION = re.compile(r"\\frac\s*([0-9a-zA-Z])\s*(?=\{)")
_SHORT_ROOT = re.compile(r"\\sqrt\s*([0-9a-zA-Z])")
_SHORT_SCRIPT = re.compile(r"([\^_])\{([0-9a-zA-Z])\}")
_SLASH = re.compile(r"(?<![\w}])(\d{1,40}|[a-z])/(\d{1,40}|[a-z])(?![\w{])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LEADING_NAME = re.compile(r"^[a-zA-Z](?:\([a-z]\))?\s*=\s*(?=\S)")
_DROPPED = re.compile(r"\\(?:left|right|displaystyle|quad|,|!|;|:| |\$|%|degree)|\^\{?\\circ\}?|\{,\}|[$%°]|\\[()\[\]]")
_TRAILING_ZEROS = re.compile(r"(?<=\d)\.0+(?!\d)|(\.\d*[1-9])0+(?!\d)")


def boxed(text: str) -> str | None:
    r"""What stands in the last whole `\boxed{...}` or `\fbox{...}` of `text`."""
    if "\\" not in text:
        return None
    # few and short: a text of nothing but open boxes must not cost its square
    for match in list(_BOX.finditer(text))[:-11:-1]:
        closing = _closing(text, match.end() - 1)
        if closing is not None:
            return text[match.end() : closing].strip()
    return None


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for i in range(opening, min(len(text), opening + 2000)):
        if text[i] in "{}" and text[i - 1] != "\\":
            depth += 1 if text[i] == "{" else -1
            if depth == 0:
                return i
    return None


def simplified(text: str) -> str:
    """One form for the ways an expression is written: no spacing commands, units in words kept as words, fractions and
    powers in braces, no thousands separators, no `x =` in front."""
    text = text.strip()[:4000].replace("\u2212", "-").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = text.replace("\\cdot", "*").replace("\\times", "*").replace("\\pi", "π").replace("\\infty", "∞")
    text = _TEXT.sub(r" \1", text)
    text = _DROPPED.sub("", text)
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    text = _HALF_SHORT_FRACTION.sub(r"\\frac{\1}", text)
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
    text = _SHORT_SCRIPT.sub(r"\1\2", text)
    text = _THOUSANDS.sub("", text)
    text = _SLASH.sub(r"\\frac{\1}{\2}", text)
    text = _TRAILING_ZEROS.sub(lambda m: m[1] or "", text)
    text = _LEADING_NAME.sub("", text.strip())
    return text.strip().rstrip(".").strip()
