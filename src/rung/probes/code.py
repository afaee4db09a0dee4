"""Short functions to be written, with tests, and short programs to be read."""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from rung.probes.base import Made, Template


def _read(level: int, rng: Random) -> Made:
    a, b, c = rng.randint(2, 9), rng.randint(2, 5), rng.randint(5, 9)
    if level == 0:
        code = f"x = {a}\ny = x * {b}\nx = y + {c}\nprint(x)"
        value = a * b + c
    elif level == 1:
        code = f"total = {a}\nfor i in range({c}):\n    if i % {b} == 0:\n        total += i\nprint(total)"
        value = a + sum(i for i in range(c) if i % b == 0)
    else:
        code = (
            f"def f(n):\n    return n if n < {b} else f(n - 1) + f(n - {b})\n\n"
            f"print(f({c + 2}) + len([i for i in range({c}) if i % 2]))"
        )
        value = _f(c + 2, b) + sum(i % 2 for i in range(c))
    return Made(f"What number does this Python program print?\n\n```python\n{code}\n```", str(value))


def _f(n: int, b: int) -> int:
    return n if n < b else _f(n - 1, b) + _f(n - b, b)


class _Task(NamedTuple):
    """A function that `does` something, a solution, and arguments to test it with. {k} is drawn: each makes another."""

    does: str
    solution: str
    arguments: Sequence[str]


_TASKS = (
    (
        _Task(
            "gives the sum of the numbers in a list that are greater than {k}",
            "def sum_above(xs):\n    return sum(x for x in xs if x > {k})",
            ("[1, 2, 9, 12]", "[]", "[{k}, {k} + 1, -3]"),
        ),
        _Task(
            "gives every character of a string {k} times, in order",
            "def stretched(s):\n    return ''.join(c * {k} for c in s)",
            ("'abc'", "''", "'zz'"),
        ),
        _Task(
            "gives the numbers of a list that can be divided by {k}, in order",
            "def multiples(xs):\n    return [x for x in xs if x % {k} == 0]",
            ("[1, 2, 3, 4, 5, 6, 10, 12, 14, 15]", "[]", "[0, {k}]"),
        ),
    ),
    (
        _Task(
            "gives those words of a string that have at least {k} characters, the last first, joined by spaces",
            "def turned(s):\n    return ' '.join(w for w in reversed(s.split()) if len(w) >= {k})",
            ("'the quick brown fox is here now'", "''", "'a bb ccc dddd eeeee ffffff'"),
        ),
        _Task(
            "takes a list and gives a list of lists of {k} elements each, in order; the last one may be shorter",
            "def pieces(xs):\n    return [xs[i:i + {k}] for i in range(0, len(xs), {k})]",
            ("[1, 2, 3, 4, 5, 6, 7]", "[]", "list(range(12))"),
        ),
        _Task(
            "takes a string and gives a dict from each letter that occurs at least {k} times to how often it occurs",
            "def frequent(s):\n    return {{c: s.count(c) for c in sorted(set(s)) if s.count(c) >= {k}}}",
            ("'mississippi'", "''", "'aaabbbbbccc'"),
        ),
    ),
    (
        _Task(
            "gives the runs of at least {k} equal characters in a string as a list of (character, length) pairs",
            """def runs(s):
    out = []
    for c in s:
        if out and out[-1][0] == c:
            out[-1] = (c, out[-1][1] + 1)
        else:
            out.append((c, 1))
    return [pair for pair in out if pair[1] >= {k}]""",
            ("'aabbbbcddddd'", "''", "'aaaabaaaa'"),
        ),
        _Task(
            "gives the greatest sum of {k} neighbours in a list of integers, or None if it has fewer",
            """def best_window(xs):
    if len(xs) < {k}:
        return None
    return max(sum(xs[i:i + {k}]) for i in range(len(xs) - {k} + 1))""",
            ("[1, -2, 3, 4, -1, 2, 8, -5]", "[1]", "[-1, -2, -3, -4, -5, -6]"),
        ),
        _Task(
            "takes a list of intervals (start, end), merges those that overlap or are at most {k} apart, and sorts all",
            """def merged(xs):
    out = []
    for a, b in sorted(xs):
        if out and a <= out[-1][1] + {k}:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return out""",
            ("[(1, 2), (9, 12), (3, 4), (20, 25)]", "[]", "[(5, 9), (1, 20), (26, 30)]"),
        ),
    ),
)


def _write(level: int, rng: Random) -> Made:
    task, k = rng.choice(_TASKS[level]), rng.randint(2, 5)
    code = task.solution.format(k=k)
    name = code[len("def ") : code.index("(")]
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102  it is what stands above
    tests = []
    for argument in task.arguments:
        given = argument.format(k=k)
        tests.append(f"assert {name}({given}) == {eval(f'{name}({given})', space)!r}")  # noqa: S307  likewise
    return Made(
        f"Write a Python function `{name}`. It {task.does.format(k=k)}.\n\nFor example: {tests[0]}",
        f"```python\n{code}\n```",
        "exact",
        tests=tuple(tests),
    )


CODE = (
    Template(name="program", domain="code", halfway=(-1.5, -0.4, 0.8), make=_read),
    Template(name="function", domain="code", halfway=(-1.0, -0.5, 0.4), make=_write),
)
