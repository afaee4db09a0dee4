"""Whether an answer has the form that was asked for: JSON, a JSON schema, well-formed tool calls, Python."""

import ast
import builtins
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from rung.answers.schemas import fits, parsed
from rung.reasoners.code.asking import LONGEST, code_in, tree_of, wants_code
from rung.reasoners.code.given import given_tests
from rung.types import Answer, Json

LARGEST_TEXT = 256_000


def json_form(answer: Answer, body: Json) -> bool | None:
    """Whether the text has the form that `response_format` asks for; None if it asks for none, or tools were called."""
    wanted: Mapping[str, Any] = body.get("response_format") or {}
    kind = wanted.get("type")
    if kind not in {"json_object", "json_schema"} or answer.choices[0].tool_calls or len(answer.text) > LARGEST_TEXT:
        return None
    is_json, value = parsed(answer.text)
    if not is_json or kind == "json_object":
        return is_json and isinstance(value, dict)
    schema = (wanted.get("json_schema") or {}).get("schema")
    return True if schema is None else fits(value, schema)


def tools_form(answer: Answer, body: Json) -> bool | None:
    """Whether each tool call names a tool that was offered, with arguments that fit its schema, and a call was made
    where one was required; None where tools play no part."""
    calls = answer.choices[0].tool_calls
    choice = body.get("tool_choice")
    if not calls:
        required = choice == "required" or isinstance(choice, dict)
        return False if required and body.get("tools") else None
    functions: list[Json] = [tool.get("function") or {} for tool in body.get("tools") or ()]
    offered = {str(function.get("name")): function for function in functions}
    checks = [_call_form(call.get("function") or {}, offered) for call in calls]
    if False in checks:
        return False
    return None if None in checks else True


def _call_form(called: Json, offered: Mapping[str, Json]) -> bool | None:
    name = called.get("name")
    tool = offered.get(name) if isinstance(name, str) else None
    if tool is None:
        return False
    arguments = called.get("arguments") or "{}"
    is_json, value = parsed(arguments) if isinstance(arguments, str) else (True, arguments)
    if not is_json or not isinstance(value, dict):
        return False
    return fits(value, tool.get("parameters") or {})


def python_form(answer: Answer, question: str) -> bool | None:
    """Whether the code that is asked for parses, and gives a name to all that the question's tests call; None if no
    Python is asked for. Nothing is run."""
    if len(answer.text) > LONGEST or not wants_code(question):
        return None
    code = code_in(answer.text)
    if not code:
        return False
    given = _named_by(code)
    tests = [node for line in given_tests(question) for node in ast.walk(tree_of(line))]
    called = {node.func.id for node in tests if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return called <= given


@lru_cache(maxsize=64)
def _named_by(code: str) -> frozenset[str]:
    """All names that code gives anywhere, beside those that are always there; one that is not reached from outside
    counts too."""
    return frozenset([*dir(builtins), *_named(tree_of(code))])


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name for alias in node.names)
