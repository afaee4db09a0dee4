"""What numbers and functions are called."""

from collections.abc import Mapping

from rung.answers import numerals
from rung.answers.numerals import WORDS

ORDINALS = [
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth",
]  # fmt: skip
ONES = [word for word, value in WORDS.items() if value < 20]
TENS = {word: value for word, value in WORDS.items() if value >= 20} | {"fourty": 40}
SCALES = {"hundred": 100} | numerals.SCALES
PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "twelth": 12, "hundredth": 100,
}  # fmt: skip

FUNCTIONS: Mapping[str, str] = {
    "sqrt": "sqrt", "cbrt": "cbrt", "exp": "exp", "ln": "ln", "log": "log", "log10": "log10", "log2": "log2",
    "sin": "sin", "cos": "cos", "tan": "tan", "sec": "sec", "csc": "csc", "cot": "cot",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "asin": "asin", "acos": "acos", "atan": "atan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "abs": "abs", "floor": "floor", "ceil": "ceiling",
    "ceiling": "ceiling", "gcd": "gcd", "hcf": "gcd", "gcf": "gcd", "lcm": "lcm", "factorial": "factorial",
    "max": "maximum", "min": "minimum", "mean": "mean", "median": "median", "det": "determinant",
    "binom": "binomial", "binomial": "binomial", "sum": "add",
}  # fmt: skip
