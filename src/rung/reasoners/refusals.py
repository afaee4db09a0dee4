"""What a server's refusal means: whose fault it is, when to ask again, and what of its words may be repeated."""

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from rung.errors import ContextExceeded, RateLimited, ReasonerError, Upstream, UpstreamRefusedRequest
from rung.reasoners.completions import texts
from rung.types import Json

# Longest wait that a server is believed: past it one request a time finds out.
LONGEST_RETRY_S = 3600.0
_LONGEST_WORDS = 300
_ECHO = 16  # characters in a row that give a prompt away
# Statuses under 500 that speak of our key, our account or our configuration, not of the request.
_OURS = {
    401: "did not accept our key; set api_key",
    402: "asks for payment; look at the account",
    403: "does not allow our key to do this; look at the account",
    404: "knows no such path or model; check base_url and model",
    405: "takes no POST there; check base_url",
    407: "is behind a proxy that wants a password",
    408: "gave up waiting for the request",
}
# How servers say that a prompt is longer than their context: OpenAI's code and llama.cpp's type, or words of those that
# have neither (vLLM and SGLang, Anthropic).
_TOO_LONG = frozenset(("context_length_exceeded", "exceed_context_size_error"))
_TOO_LONG_WORDS = ("maximum context length", "longer than the model's context length", "prompt is too long")

# How servers quote a prompt within their words: as JSON's or Python's text, even twice.
_ESCAPED = re.compile(r"\\+(u[0-9a-fA-F]{4}|[nrt\"'])")
_NAME = re.compile(r"[A-Za-z][\w.\[\]-]{,99}", re.ASCII)


class Words:
    """Repeats a server's words without secrets: `secrets` are blotted out, and words that echo `body`'s messages are
    not repeated at all, since errors are logged and prompts never are."""

    def __init__(self, body: Json, secrets: Iterable[str]) -> None:
        self._body = body
        self._secrets = secrets

    def safe(self, words: Any) -> str:
        """`words` behind a colon, or nothing."""
        if not isinstance(words, str) or not words.strip():
            return ""
        for secret in self._secrets:
            words = words.replace(secret, "***")
        words = words.strip()[: _LONGEST_WORDS + 2 * _ECHO]  # as much more as shows what an echo at the cut begins
        return "" if self._echoes(words) else f": {words[:_LONGEST_WORDS]}"

    def name(self, word: Any) -> str | None:
        """`word` if it may be a field's name or an error's, as clients look for."""
        if not isinstance(word, str) or not _NAME.fullmatch(word) or any(secret in word for secret in self._secrets):
            return None
        field = re.split(r"[.\[]", word, maxsplit=1)[0]
        return word if field in self._body or not self._echoes(word) else None

    def _echoes(self, words: str) -> bool:
        # As it stands and as it is meant, without backslashes here and there: quoted, a prompt's own are doubled.
        said = {w.replace("\\", "") for w in (words, _ESCAPED.sub(_meant, words))}
        pieces = [w[at : at + _ECHO] for w in said for at in range(0, max(1, len(w) - _ECHO + 1), _ECHO // 2)]
        for given in texts(self._body):
            text = given.replace("\\", "")
            if any(piece in text for piece in pieces) or (len(text) > _ECHO // 2 and any(text in w for w in said)):
                return True
        return False


def _meant(escaped: re.Match[str]) -> str:
    mark = escaped[1]
    return chr(int(mark[1:], 16)) if len(mark) > 1 else {"n": "\n", "r": "\r", "t": "\t"}.get(mark, mark)


def refusal(
    name: str, status: int, headers: Mapping[str, str], raw: bytes, *, words: Words, wall_s: float
) -> ReasonerError:
    """The error that an answer other than 200 stands for. `name` is the reasoner's; the names of
    `headers` are in lower case; `wall_s` dates Retry-After."""
    error = _error(raw)
    said = words.safe(error.get("message"))
    if status == 429:
        wait_s = retry_after_s(headers, wall_s)
        return RateLimited(f"{name}: asked us to slow down (429){said}", retry_after_s=wait_s)
    if status in _OURS:
        return Upstream(f"{name}: {_OURS[status]} ({status})", upstream_status=status)
    if 300 <= status < 400:
        return Upstream(
            f"{name}: points elsewhere ({status}); put the final address in base_url", upstream_status=status
        )
    if 400 <= status < 500:
        param, said = words.name(error.get("param")), f"{name}: refused the request ({status}){said}"
        if _is_too_long(error):
            return ContextExceeded(said, upstream_status=status, param=param)
        return UpstreamRefusedRequest(said, upstream_status=status, param=param, code=words.name(error.get("code")))
    return Upstream(f"{name}: failed ({status}){said}", upstream_status=status)


def reported(name: str, error: Any, words: Words) -> Upstream:
    """The error that an `error` object in place of (more of) an answer stands for."""
    said = words.safe(error.get("message") if isinstance(error, dict) else error)
    code = error.get("code") if isinstance(error, dict) else None
    return Upstream(f"{name}: reported an error{said}", upstream_status=code if isinstance(code, int) else 0)


def retry_after_s(headers: Mapping[str, str], wall_s: float) -> float | None:
    """Seconds to wait by Retry-After (RFC 9110, 10.2.3: seconds or a date), or None if it is missing or unreadable."""
    value = headers.get("retry-after", "").strip()
    try:
        wait_s = float(value) if value[:1].isdigit() else parsedate_to_datetime(value).timestamp() - wall_s
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_RETRY_S)


def _is_too_long(error: Json) -> bool:
    said = error.get("message")
    named = any(isinstance(name, str) and name in _TOO_LONG for name in (error.get("code"), error.get("type")))
    return named or (isinstance(said, str) and any(words in said for words in _TOO_LONG_WORDS))


def _error(raw: bytes) -> Json:
    """OpenAI's `error`, or one whose `message` is where other servers put their words: a bare `error`, `message`, or
    FastAPI's `detail`."""
    try:
        answer = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(answer, dict):
        return {}
    error = answer.get("error")
    if isinstance(error, dict):
        return error
    return {**answer, "message": error or answer.get("message") or answer.get("detail")}
