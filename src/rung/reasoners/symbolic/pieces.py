"""Text -> runs of characters of one kind, before words are read as phrases."""

import re
from collections.abc import Iterator

from rung.reasoners.symbolic.errors import NotUnderstood
from rung.reasoners.symbolic.unit_names import MONTHS

_MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_HALF = r"(?:[ap]m\b|[ap]\.m\b\.?)"
_PIECE = re.compile(
    rf"""\s*(?:
    (?P<TIME>\d{{1,2}}:\d{{2}}(?![\d:])(?:\s*{_HALF})?|\d{{1,2}}\s*{_HALF})
  | (?P<DATE>{_DAY}\s+(?:of\s+)?{_MONTH}\s*,?\s+\d{{4}}\b|{_MONTH}\s+{_DAY}\s*,?\s+\d{{4}}\b|\d{{4}}-\d{{2}}-\d{{2}}\b)
  | (?P<MONTH>{_MONTH}\s*,?\s+(?:of\s+)?\d{{4}}\b(?!\s*,?\s+\d))
  | (?P<ZONE>(?:utc|gmt)\b(?:\s?[-+]\s?\d{{1,2}}(?::\d{{2}})?)?)
  | (?P<BASED>[0-9a-z]+\s+\(base\s+\d+\)|0x[0-9a-f]+\b|0b[01]+\b|0o[0-7]+\b)
  | (?P<D_BY>d(?:\^\d)?/d[a-z](?:\^\d)?(?![a-z]))
  | (?P<DASH>(?<=[a-zA-Z'])'(?=['\ ]*\())
  | (?P<OPTION>\([a-z]\)(?=\s))
  | (?P<NTH>[a-z]'th\b|nth\b)
  | (?P<LOG>log_\{{?\d+\}}?|log(?:2|10)(?=\s*\())
  | (?P<ORD>\d+(?:st|nd|rd|th)\b)
  | (?P<NUM>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!,?\d)|(?:\d*\.\d+|\d+)(?:e[-+]?\d{{1,3}}(?![a-z0-9]))?)
  | (?P<BAG>(?<=from\ )\{{[a-z]:.*?\}})
  | (?P<DOTS>\.{{2,}}|…)
  | (?P<WORD>[A-Za-z]{{3,}}(?:-[A-Za-z]{{3,}})+|[A-Za-z]+(?:'[a-z]+)?)
  | (?P<SIGN>->|<=|>=|!=|==|=<|[-+*/^()\[\]{{}},.?:;=<>%!|"$°])
    )""",
    re.VERBOSE | re.IGNORECASE,
)


class Piece:
    __slots__ = ("at", "end", "kind", "text")

    def __init__(self, kind: str, text: str, at: int, end: int) -> None:
        self.kind, self.text, self.at, self.end = kind, text, at, end


def pieces(text: str) -> Iterator[Piece]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _PIECE.match(text, at)
        if found is None or found.lastgroup is None:
            raise NotUnderstood("a sign that it does not read")
        kind = found.lastgroup
        yield Piece(kind, found.group(kind), found.start(kind), found.end())
        at = found.end()
