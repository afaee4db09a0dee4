"""How a composite adds its own wish to a conversation. What the user wrote is never changed, moved or dropped: a line
is added at the end of the last user message, where small models heed it most."""

from collections.abc import Sequence
from typing import Any

from rung.answers.instructions import stands
from rung.types import Json

_INSTRUCTING = frozenset({"system", "developer"})


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    return "\n".join(
        part.get("text") or "" for part in content if isinstance(part, dict) and part.get("type") == "text"
    )


def _last_user(messages: Sequence[Json]) -> int | None:
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].get("role") == "user":
            return at
    return None


def question_of(body: Json) -> str:
    """The text of the last user message; empty if there is none."""
    for message in reversed(body["messages"]):
        if message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def instructions_of(body: Json) -> str:
    """What is said beforehand of how to answer: system messages, and what the user wants from then on."""
    messages = body["messages"]
    if len(messages) == 1:
        return ""
    said, last = [], _last_user(messages)
    for at, message in enumerate(messages):
        role, text = message.get("role"), _text(message.get("content"))
        if role in _INSTRUCTING or (role == "user" and at != last and stands(text)):
            said.append(text)
    return "\n".join(said)


def conversation_of(body: Json) -> str:
    """All texts of a conversation, in order; where there are several, each after who says it."""
    messages = body["messages"]
    if len(messages) == 1:
        return question_of(body)
    texts = ((message.get("role"), _text(message.get("content"))) for message in messages)
    return "\n\n".join(f"{role}: {text}" for role, text in texts if text)


def with_line(body: Json, line: str) -> dict[str, Any]:
    """The body with `line` as a paragraph of its own at the end of the last user message, or as a user message where
    there is none."""
    messages = list(body["messages"])
    at = _last_user(messages)
    if at is None:
        messages.append({"role": "user", "content": line})
    else:
        content = messages[at].get("content")
        added = (
            f"{content}\n\n{line}" if isinstance(content, str) else [*(content or ()), {"type": "text", "text": line}]
        )
        messages[at] = {**messages[at], "content": added}
    return {**body, "messages": messages}


def max_tokens_of(body: Json) -> int | None:
    """The user's own bound on the answer, under either of its two names."""
    one, other = body.get("max_completion_tokens"), body.get("max_tokens")
    return other if one is None else one if other is None else min(one, other)
