import json
import time
from typing import Any

import pytest

from rung.errors import ContextExceeded, RateLimited, ReasonerError, Upstream, UpstreamRefusedRequest
from rung.reasoners.refusals import LONGEST_RETRY_S, Words, refusal, reported, retry_after_s

PROMPT = "my grandmother's maiden name is Featherstonehaugh; I like messages"
BODY = {"messages": [{"role": "user", "content": PROMPT}]}
WALL_S = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


def refused(status: int, raw: bytes = b"", **headers: str) -> ReasonerError:
    words = Words(BODY, ["sk-secret-key"])
    return refusal("cloud", status, headers, raw, words=words, wall_s=WALL_S)


def error(message: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()


@pytest.mark.parametrize("status", [400, 413, 415, 422, 451])
def test_the_request_is_at_fault(status: int) -> None:
    found = refused(status, error("temperature must be at most 2"))
    assert type(found) is UpstreamRefusedRequest
    assert found.upstream_status == status
    assert found.message == f"cloud: refused the request ({status}): temperature must be at most 2"


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"message": "This is too much.", "code": "context_length_exceeded"}},
        {"error": {"message": "request (3031 tokens) exceeds ...", "code": 400, "type": "exceed_context_size_error"}},
        {"object": "error", "message": "This model's maximum context length is 4096 tokens.", "code": 400},
        {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum", "type": "invalid_request_error"}},
    ],
)
def test_a_prompt_that_is_too_long_has_its_code(said: Any) -> None:
    found = refused(400, json.dumps(said).encode())
    assert type(found) is ContextExceeded
    assert found.code == "context_length_exceeded"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 407, 408, 301, 307, 500, 502, 503, 529])
def test_the_request_is_not_at_fault(status: int) -> None:
    found = refused(status, error("something"))
    assert type(found) is Upstream
    assert found.upstream_status == status


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        (" 7 ", 7.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
        ("99999999", LONGEST_RETRY_S),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("Tue, 99 Nov 2023 22:13:00 GMT", None),
        ("1e999", LONGEST_RETRY_S),
        ("0x10", None),
        ("Tue, 14 Nov 20230000000000 22:13:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": value}, WALL_S) == wait_s
    found = refused(429, error("slow down"), **{"retry-after": value})
    assert type(found) is RateLimited
    assert found.retry_after_s == wait_s


@pytest.mark.parametrize(
    "raw",
    [
        error("bad thing"),
        b'{"error": "bad thing"}',
        b'{"message": "bad thing"}',
        b'{"detail": "bad thing"}',
    ],
)
def test_words_are_found_where_servers_put_them(raw: bytes) -> None:
    assert refused(400, raw).message.endswith("(400): bad thing")


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[1]", b'{"error": {}}', b'{"detail": [{"loc": 1}]}', error(7), error(" ")]
)
def test_no_words_no_harm(raw: bytes) -> None:
    assert refused(500, raw).message == "cloud: failed (500)"


@pytest.mark.parametrize(
    ("param", "code", "told"),
    [
        ("messages[0].content", "content_filter", ("messages[0].content", "content_filter")),
        ("messages", None, ("messages", "upstream_error")),
        (None, None, (None, "upstream_error")),
        ({"a": 1}, 400, (None, "upstream_error")),
        ("no name", "x" * 1000, (None, "upstream_error")),
        ("Featherstonehaugh", "sk-secret-key", (None, "upstream_error")),
        ("key.sk-secret-key", "bad_sk-secret-key", (None, "upstream_error")),
    ],
)
def test_the_field_and_the_code_of_a_refusal_are_told(param: Any, code: Any, told: tuple[str | None, str]) -> None:
    raw = json.dumps({"error": {"message": "no", "param": param, "code": code}}).encode()
    found = refused(400, raw)
    assert (found.param, found.code) == told
    assert type(found).code == "upstream_error", "what figures are told by"


@pytest.mark.parametrize(
    "message",
    [
        f"cannot read `{PROMPT}`",
        f"cannot read `{PROMPT[:25]}...`",
        "bad value at 'name is Featherstone'",
        PROMPT,
    ],
)
def test_words_that_echo_the_prompt_are_not_repeated(message: str) -> None:
    assert refused(400, error(message)).message == "cloud: refused the request (400)"
    assert reported("cloud", {"message": message}, Words(BODY, [])).message == "cloud: reported an error"


@pytest.mark.parametrize(
    "prompt",
    [
        "Jane Doe\n12 High Street\nSpringfield\nborn 1 May 1980",
        "我的名字是王小明,我的密码是一二三四五六七八九十",
        'He said "no" to "it" and "so" on "a" b',
        "Müller öäü ÄÖÜ ßéè ñáó çêë",
        r"\frac{a}{b}\cdot\sqrt{c}\left(\theta_{1}\right)",
        r"C:\Users\anna\Documents\divorce",
    ],
)
def test_words_that_echo_the_prompt_as_a_literal_are_not_repeated(prompt: str) -> None:
    body = {"messages": [{"role": "user", "content": prompt}]}
    quoted = json.dumps(body)
    for echo in (quoted, json.dumps(quoted), repr(body), repr(quoted)):
        assert Words(body, []).safe(f"BadRequestError: received {echo}") == ""


def test_a_prompt_that_is_echoed_at_the_cut_is_not_begun() -> None:
    for at in range(300):
        said = refused(400, error("x" * at + PROMPT[:30])).message.partition(": refused the request (400)")[2]
        assert "my grandm" not in said, at


def test_the_words_of_a_refusal_are_looked_at_in_no_time_however_long_they_are() -> None:
    body = {"messages": [{"role": "user", "content": "alpha beta gamma " * 10_000}]}
    began_s = time.perf_counter()
    Words(body, ["sk-secret-key"]).safe("no image: " + "0123456789abcdef" * 100_000)
    assert time.perf_counter() - began_s < 0.5


def test_keys_are_blotted_out_and_long_words_cut() -> None:
    found = refused(400, error("key sk-secret-key is " + "long " * 1000))
    assert "sk-secret-key" not in found.message
    assert "key *** is long" in found.message
    assert len(found.message) < 400


def test_an_error_in_place_of_an_answer() -> None:
    found = reported("cloud", {"message": "overloaded", "code": 502}, Words(BODY, []))
    assert (found.message, found.upstream_status) == ("cloud: reported an error: overloaded", 502)
    assert reported("cloud", "overloaded", Words(BODY, [])).message == "cloud: reported an error: overloaded"
