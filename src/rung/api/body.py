"""From the wire's bytes to checked JSON values; what is wrong is told as a 400 that names the field at fault."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.types import Receive

from rung.api.shape import ALLOWED
from rung.errors import BadRequest, BodyTooLarge, did_you_mean

T = TypeVar("T")

_from_json = msgspec.json.Decoder().decode

# What is read here is walked and written again by others, each with a stack of its own.
MAX_DEPTH = 128

_ERROR = re.compile(r"(?s)(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?")
_EXPECTED = re.compile(r"Expected `(?P<kind>[^`]*)`(?P<bound> of length .*| [<>]=? .*)?(?:, got `(?P<got>[^`]*)`)?")
_FIELD = re.compile(r"Object (?P<fault>contains unknown|missing required) field `(?P<field>.*)`", re.DOTALL)
_PLAIN = {"str": "a string", "int": "an integer", "float": "a number", "bool": "true or false", "array": "an array"}
_PLAIN |= {"object": "an object", "null": "null"}


class Gone(Exception):
    """The client went away. Not an error of anyone's: nobody is left to be told."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], max_bytes: int) -> bytes:
    """The request's body, never holding more than `max_bytes` of it. Raises BodyTooLarge, BadRequest, Gone."""
    # A refusal does not close the line: a client that is still sending would be cut off before it reads why. The server
    # throws away what it still sends.
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > max_bytes:
        raise _too_large(max_bytes)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise BadRequest("Send the body uncompressed: content-encoding is not taken here.")
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        pieces.append(piece)


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {max_bytes / 1e6:g} MB, the bound set by server.max_body_mb.")


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that `raw` spells. Of a key written twice the last counts; NaN and Infinity are no JSON."""
    if not raw:
        raise BadRequest("The body is empty; send a JSON object.")
    try:
        value = _from_json(raw)
    except UnicodeDecodeError as e:
        raise BadRequest(f"The body is not UTF-8: byte {e.start} of a string.") from None
    except msgspec.DecodeError as e:
        raise BadRequest(f"The body is not valid JSON: {e}.") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise BadRequest(f"The body must be a JSON object, not {_word(value)}.")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    return value


def _too_deep() -> BadRequest:
    return BadRequest(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _word(value: object) -> str:
    names = {list: "array", str: "str", bool: "bool", int: "int", float: "float"}
    return _PLAIN[names.get(type(value), "null")]


def _deeper_than(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        inner: list[Any] = []
        for each in layer:
            inner.extend(each.values() if isinstance(each, dict) else each)
        layer = [each for each in inner if isinstance(each, dict | list)]
        if not layer:
            return False
    return True


def check(value: object, shape: type[T], at: str = "") -> T:
    """`value` as a `shape`. Raises BadRequest whose `param` is the path of the first wrong field, below `at`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as e:
        raise _explained(str(e), shape, at) from None


def _explained(error: str, shape: type, at: str) -> BadRequest:
    match = _ERROR.fullmatch(error)
    assert match is not None  # the pattern takes any text
    path = ".".join(filter(None, (at, match["path"])))
    what = match["what"]
    if field := _FIELD.fullmatch(what):
        full = ".".join(filter(None, (path, field["field"][:100])))
        if field["fault"] == "missing required":
            return BadRequest(f"`{full}` is missing.", param=full)
        return unknown_key(full, field["field"], [f.name for f in msgspec.structs.fields(shape)])
    if what.startswith("Invalid enum value"):
        allowed = ALLOWED[path.rsplit(".", 1)[-1]]
        return BadRequest(f"`{path}` must be one of {', '.join(allowed)}.", param=path)
    expected = _EXPECTED.fullmatch(what)
    if expected is None:
        return BadRequest(f"`{path}`: {what[:200]}.", param=path or None)
    kinds = [_PLAIN.get(kind, kind) for kind in expected["kind"].split(" | ")]
    got = f", not {_PLAIN.get(expected['got'], expected['got'])}" if expected["got"] else ""
    subject = f"`{path}`" if path else "The body"
    return BadRequest(f"{subject} must be {' or '.join(kinds)}{expected['bound'] or ''}{got}.", param=path or None)


def unknown_key(full: str, key: str, known: list[str]) -> BadRequest:
    hint = did_you_mean(key, known, f"known are {', '.join(sorted(known))}.")
    return BadRequest(f"`{full}` is not known; {hint}", param=full)
