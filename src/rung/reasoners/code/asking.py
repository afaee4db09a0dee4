"""What is said to a model that writes code, and what is found in what it and the user say. Pure."""

import ast
import re
import warnings
from functools import lru_cache
from textwrap import dedent
from typing import Any, Final

from rung.reasoners.wording import with_line
from rung.types import Json

# Measured with Qwen2.5-Coder-1.5B-Instruct: docs/experiments.md.
LINE: Final = (
    "Write it in Python, as one code block that holds everything it needs. No tests, no examples, no explanation."
)
TESTS_LINE: Final = (
    "Do not solve this. Write three lines of Python that test a solution, each `assert {name}(...) == ...` with values "
    "that surely hold. Only these lines."
)
# Of an answer that is looked at for code: to parse takes some microseconds a character, which others wait for.
LONGEST: Final = 64_000
_FENCED = re.compile(r"```[ \t]*+([\w+#]*+)[^\n`]*+\n(.*?)(?:```|\Z)", re.DOTALL)
_DEFINES = re.compile(r"^[ \t]*+(?:async[ \t]++)?(?:def|class)\b", re.MULTILINE)
_WANTED = re.compile(
    r"\b(?:write|implement|create|complete|define|develop|fix|debug|refactor|code)\b.{0,120}"
    r"\b(?:function|method|class|program|code|script)\b|\bdef \w+\(",
    re.IGNORECASE | re.DOTALL,
)
# Where Python is named, in more ways; not "what does this code do in Python", nor "I want to learn to code in Python".
_A_PROGRAM = r"(?:function|method|class|program|code|script|snippet|one-liner|implementation|generator|decorator)\b"
_WANTED_IN_PYTHON = re.compile(
    r"(?:\b(?:write|implement|create|develop|debug|refactor)|(?:^|[.!\n]\s?|\bplease\s)code)\b"
    r"[^.?!\n]{0,120}\bin\spython\b"
    r"|\bwrite\s(?:me\s)?(?:some\s)?python\s(?:that|to|for|which)\b"
    r"|\b(?:write|generate|make|provide|produce|build|give\sme|need|want)\s(?:me\s)?(?:an?\s|some\s)?"
    rf"(?:(?!(?:to|of|on|about)\s)[\w-]+\s){{0,3}}?(?:python\s{_A_PROGRAM}|{_A_PROGRAM}[^.?!\n]{{0,120}}\bin\spython\b)",
    re.IGNORECASE,
)
# Words that are languages where they stand beside the like; the others always are.
_SHORT = r"(?-i:C|Go|R|Swift|Dart|Julia|Lisp|Scheme)"
_LANGUAGE = (
    r"(?:(?:javascript|typescript|java|rust|golang|sql|bash|shell|ruby|php|kotlin|haskell|perl|scala|html|css|lua|matlab"
    r"|fortran|cobol|powershell|vba|elixir|erlang|clojure|ocaml|prolog|verilog|vhdl|solidity|groovy|assembly(?!\sline)|awk"
    r"|node\.?js|objective-c)\b|[cf](?:\+\+|#))"
)
_OTHER_LANGUAGE = re.compile(
    rf"\b{_LANGUAGE}|\bin (?:c|go|r|swift)\b|```(?:c|cpp|go|r|swift|dart|julia)\b"
    rf"|\b{_SHORT}\s(?:function|method|class|struct|program|code|script)\b|\b(?:in|using)\s{_SHORT}\b",
    re.IGNORECASE,
)
# Whatever the code that is given is in. Degrees are converted to C too.
_INTO = re.compile(
    r"(?:^|[.!?\n])[ \t>*]*+(?:please\s)?(?:translate|convert|port|rewrite|transpile)\b"
    r"(?![^.\n]{0,120}\b(?:fahrenheit|temperatures?|degrees)\b)[^.\n]{0,120}?"
    rf"\b(?:to|into|in)\s(?:{_LANGUAGE}|{_SHORT}\b)",
    re.IGNORECASE,
)


def wants_code(question: str) -> bool:
    """Whether it asks for code, and names no language but Python."""
    if not (_WANTED.search(question) or _WANTED_IN_PYTHON.search(question)) or _INTO.search(question):
        return False
    return bool(re.search(r"\bpython\b|\bdef \w+\(", question, re.IGNORECASE)) or not _OTHER_LANGUAGE.search(question)


@lru_cache(maxsize=64)  # an answer is looked at whenever another comes beside it
def code_in(text: str) -> str:
    """The code in what a model wrote: its longest block of Python that defines something, or its longest, or all of it;
    empty if it is none, or longer than LONGEST."""
    if len(text) > LONGEST:
        return ""
    blocks = [block for language, block in _FENCED.findall(text) if language.lower() in {"", "python", "py", "python3"}]
    code = max(blocks, key=_worth, default="" if "```" in text else text).strip("\n")
    if code[:1] in {" ", "\t"}:
        code = dedent(code).strip("\n")  # of an item of a list
    return code if code.strip() and is_python(code) else ""


def _worth(block: str) -> tuple[bool, int]:
    return bool(_DEFINES.search(block)), len(block)


def function_in(code: str) -> str:
    """The name of the last function that it defines at its top, else of the last class, else `main`; empty if there is
    none."""
    body = tree_of(code).body[::-1]
    functions = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = [name for name in functions if name != "main"] + [n.name for n in body if isinstance(n, ast.ClassDef)]
    return next(iter([*names, *functions]), "")


def tree_of(code: str) -> ast.Module:
    """Its syntax tree. Raises what Python's parser does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they would go to the server's standard error
        return ast.parse(code)


def is_python(text: str) -> bool:
    try:
        tree_of(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def drafting(body: Json) -> dict[str, Any]:
    return _plain(with_line(body, LINE))


def testing(body: Json, name: str) -> dict[str, Any]:
    return _plain(with_line(body, TESTS_LINE.format(name=name)))


def mending(draft: Json, written: str, evidence: str) -> dict[str, Any]:
    """`evidence` says which test failed, and how."""
    mend = f"When it was run:\n{evidence}\nWrite the whole code again, mended, as one code block."
    turns = [{"role": "assistant", "content": written}, {"role": "user", "content": mend}]
    return {**draft, "messages": [*draft["messages"], *turns]}


def _plain(body: Json) -> dict[str, Any]:
    """Without what concerns the text that the user gets."""
    return {key: value for key, value in body.items() if key not in {"stop", "n", "logprobs", "top_logprobs"}}
