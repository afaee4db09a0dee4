"""POST /v1/chat/completions: OpenAI's shape in and out."""

from typing import Any

from rung.api.decode import Arrival, decode
from rung.api.encode import completion
from rung.api.front import Serving, Write
from rung.types import Answer, Decision, Request


def read(value: dict[str, Any], arrival: Arrival, serving: Serving) -> tuple[Request, Write]:
    """Raises BadRequest, UnknownModel."""
    return decode(value, arrival, serving.known, serving.server.deadline_s), _written


def _written(id_: str, created_s: int, answer: Answer, decision: Decision, debug: bool) -> bytes:
    return completion(id_, created_s, answer, decision if debug else None)
