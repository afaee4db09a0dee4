"""Small models lose themselves in a passage that they say over and over, to the end of their context: minutes of a
machine for nothing."""

import re

# Of the same, said without anything between.
_LEAST_CHARS, _LEAST_TIMES = 2000, 4
_STEP_CHARS = 200
_PROBE_CHARS = 40
_WANTED = re.compile(
    r"\b(?:times|repeat\w*|over and over|again and again|copies|zeros|matrix|continue|go on|blank|empty|ascii)\b",
    re.IGNORECASE,
)
# Who names a number may want as many of something, most likely at the question's end.
_NUMBER = re.compile(r"\d{1,6}")
_END_CHARS = 300
_READ_CHARS = 4000


class Loops:
    """Told an answer's text as it comes. A question that asks for repetition gets it, as often as it says."""

    def __init__(self, question: str) -> None:
        self._question = question[-_READ_CHARS:]
        self._text = ""
        self._look_at = _LEAST_CHARS

    def add(self, text: str) -> bool:
        """Whether what came last is a passage that is said over and over."""
        self._text += text
        if len(self._text) < self._look_at:
            return False
        self._look_at = len(self._text) + _STEP_CHARS
        if not ends_in_a_loop(self._text) or _WANTED.search(self._question):
            return False
        numbers = _NUMBER.findall(self._question[-_END_CHARS:])
        return ends_in_a_loop(self._text, max([_LEAST_TIMES, *(int(number) + 1 for number in numbers)]))


def ends_in_a_loop(text: str, times: int = _LEAST_TIMES) -> bool:
    """Whether its last 2,000 characters, or more, are so many `times` the same or more often."""
    before = text.rfind(text[-_PROBE_CHARS:], 0, len(text) - 1)
    period = len(text) - _PROBE_CHARS - before
    long = max(times * period, _LEAST_CHARS)
    return before >= 0 and long <= len(text) and text[-long:-period] == text[-long + period :]
