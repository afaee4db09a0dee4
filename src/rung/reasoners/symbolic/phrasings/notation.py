"""How phrases are written down.

A phrase is words with blanks between; `a/b` is either word, `word?` may be left out. "the" stands nowhere, since the
lexer drops it. The longest phrase that fits wins. A terminal with one meaning lists its phrases; one with several
maps each meaning (the token's value) to its phrases.
"""

from collections.abc import Mapping

Phrases = tuple[str, ...]
Meanings = Mapping[str, Phrases]
Table = Mapping[str, Phrases | Meanings]
