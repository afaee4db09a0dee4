"""The tests that a text gives for code. Pure."""

import ast
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from rung.reasoners.code.asking import is_python, wants_code

MOST_TESTS: Final = 20
# Lines that may be tests: those that are no Python cost as much to find out.
_MOST_LINES: Final = 200
# Of one test after its first line.
_MOST_MORE, _MOST_CHARS = 10, 2000
_ASSERT = re.compile(r"^([ \t`>]*+)(assert\b.+)$", re.MULTILINE)
# After words on the same line, which is none of code.
_TO_PASS = re.compile(
    r"^(?![ \t]*+(?:for|if|elif|else|while|with|try|def|class)\b)([^\n]{0,200}?"
    r"\b(?:pass(?:es)?|satisf(?:y|ies)|tests?|examples?|such that)\b[^\n:`]{0,60}[:`][ \t`]*+)(assert\b.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_LOOPS = re.compile(r"\bfor\b[^:]*\bin\b[^:]*:[ \t]*$")
_OPENS = re.compile(r"(?:async def|def|class|for|while|if|with|try)\b.*:$")
_OPENS_ON = re.compile(r"(?:elif|else|except|finally)\b.*:$")
# What Python's prompt shows.
_SHOWN = re.compile(r"^[ \t]*+>>> ?(\S.*)$(?:\n[ \t]*+(?!>>>|\.\.\.)(\S.*)$)?", re.MULTILINE)
# What is shown may then be what must not come out.
_AMISS = re.compile(
    r"\b(?:fix|debug|bug|wrong|incorrect|currently|instead|unexpected|fails?|should(?:n't|\snot)|error)\b",
    re.IGNORECASE,
)


def given_tests(question: str) -> list[str]:
    """What code must pass that a question asks for: assertions that begin a line; where Python is asked for, also those
    that are said to be passed, and what Python's prompt shows (`>>> f(1)`, and 2 below), as assertions."""
    found = assertions_in(question)
    if ("assert" not in question and ">>>" not in question) or not wants_code(question):
        return found
    said = islice(_TO_PASS.finditer(question), _MOST_LINES)
    to_pass = (_assertion(match) for match in said if not _LOOPS.search(match[1]))
    return [test for test in dict.fromkeys(chain(found, to_pass, _shown_in(question))) if test][:MOST_TESTS]


def _shown_in(question: str) -> Iterator[str]:
    """None where one of them says nothing alone: it may set what the others need."""
    shown = list(islice(_SHOWN.finditer(question), _MOST_LINES))
    if _AMISS.search(question) or not all(_is_expression(match[1]) for match in shown):
        return
    for call, value in (match.groups("") for match in shown):
        if _is_literal(value.strip()):
            yield f"assert ({call.strip()}) == {value.strip()}"


def _is_expression(text: str) -> bool:
    return is_python(f"({text.strip()}\n)")


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def assertions_in(text: str) -> list[str]:
    """The assertions in a text that begin a line, but for those that code makes of what it is given."""
    matches = (match for match in islice(_ASSERT.finditer(text), _MOST_LINES) if not _in_a_body(match))
    found = dict.fromkeys(map(_assertion, matches))
    return [test for test in found if test][:MOST_TESTS]


def _in_a_body(match: re.Match[str]) -> bool:
    """Whether it stands in a block of code that is no test's, whose names it needs."""
    if not match[1][:1].isspace():
        return False
    for line in reversed(match.string[max(match.start() - _MOST_CHARS, 0) : match.start()].split("\n")):
        opener = line.strip()
        if opener and _indent(line) < _indent(match[1]):
            if opener.startswith(("def test", "async def test")):
                return False
            return bool(_OPENS_ON.match(opener) or (_OPENS.match(opener) and _is_opener(opener)))
    return False


def _is_opener(line: str) -> bool:
    return is_python(f"{line}\n pass\nfinally:\n pass" if line == "try:" else f"{line} pass")


def _indent(line: str) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def _assertion(match: re.Match[str]) -> str:
    """The assertion that a match has found: its line, or with as many more as are left open; empty if it is no
    Python."""
    line = match[2].rstrip(" \t").removesuffix("`")
    if "`" in match[1][-2:]:
        line = line.partition("`")[0]
    for whole in (line, line.rstrip(".")):
        if is_python(whole):
            return whole
    opened, lines = _opened(line), [line]
    for more in match.string[match.end(2) : match.end(2) + _MOST_CHARS].split("\n")[1 : _MOST_MORE + 1]:
        if opened <= 0 or more.lstrip().startswith("assert"):
            break
        lines.append(more)
        opened += _opened(more)
    whole = "\n".join(lines).rstrip()
    return whole if not opened and len(lines) > 1 and is_python(whole) else ""


def _opened(line: str) -> int:
    """How many more brackets it opens than it closes."""
    return sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
