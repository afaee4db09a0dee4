"""Looking for phrases the quick way: most texts hold none of the words that a phrase is made of."""

import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[a-z][a-z0-9_+#]+|[^\W\d_]{2,}")
_ASCII_WORD = re.compile(r"[a-z][a-z0-9_+#]++")  # the same in lower-cased ASCII
_GLUE = re.compile(r"[+#]")


def word_set(text: str) -> frozenset[str]:
    """Those that stand between blanks."""
    return frozenset(text.split())


def words_in(text: str) -> list[str]:
    """The words of lower-cased text, in order; "c++" and "c#" are some."""
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def whole_words(text: str, words: list[str], known: frozenset[str]) -> frozenset[str]:
    """`known`, which are those of `words` that matter, as `words_in` finds them in `text`; and what stands between the
    signs in "and+or", so that all is there that `\\b` sees as a word of two ASCII letters or more."""
    if "+" in text or "#" in text:
        return known.union(*map(_GLUE.split, words))
    return known


def holds(text: str, words: Iterable[str]) -> bool:
    """Whether any of `words` stands in `text`, be it inside a longer one."""
    for word in words:  # noqa: SIM110  `any` takes three times as long
        if word in text:
            return True
    return False


class Phrase:
    """A pattern every match of which holds one of `words`, begins at most `before` characters before that, and ends at
    most `reach` characters after where it begins. `needs`, in words between blanks: of each, every match holds one as a
    whole word.

    Looking for a word is a hundred times quicker than looking for a phrase, so the pattern is only tried around them.
    All are for lower-cased text.
    """

    def __init__(
        self,
        words: tuple[str, ...],
        pattern: str,
        reach: int = 80,
        before: int | None = None,
        needs: tuple[str, ...] = (),
    ) -> None:
        self.words = words
        self.needs = tuple(map(word_set, needs))
        self._pattern = re.compile(pattern, re.VERBOSE)
        self._reach = reach
        self._before = reach if before is None else before

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in `text`."""
        if not holds(text, self.words):
            return None
        for start, end in self._stretches(text):
            if match := self._pattern.search(text, start, end):
                return match
        return None

    def _stretches(self, text: str) -> Iterator[tuple[int, int]]:
        """Where matches may be, in order; none overlaps another, so that no text is read twice."""
        places = sorted(at for word in self.words for at in _places(text, word))
        before, reach = self._before, self._reach
        start, end = places[0] - before, places[0] + reach
        for at in places[1:]:
            if at - before > end:
                yield max(start, 0), end
                start = at - before
            end = at + reach
        yield max(start, 0), end


class Phrases:
    """Several with needs, looked for at once: one look at a text's whole words tells that none of them is there."""

    def __init__(self, *phrases: Phrase) -> None:
        self.phrases = phrases
        self.words = frozenset[str]().union(*(each for phrase in phrases for each in phrase.needs))
        self._first = frozenset[str]().union(*(phrase.needs[0] for phrase in phrases))

    def found(self, text: str, known: frozenset[str]) -> bool:
        """Whether any is found in `text`. `known` are its whole words, at least those that are in `self.words`."""
        if self._first.isdisjoint(known):
            return False
        for phrase in self.phrases:
            for needed in phrase.needs:
                if needed.isdisjoint(known):
                    break
            else:
                if phrase.search(text):
                    return True
        return False


def any_of(phrases: Iterable[Phrase], text: str) -> bool:
    """Whether any of `phrases` is found in `text`."""
    for phrase in phrases:
        for word in phrase.words:
            if word in text:
                if phrase.search(text):
                    return True
                break
    return False


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))
