"""The client against the scripted upstream: everything that can go wrong on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from socket import gaierror
from ssl import SSLCertVerificationError
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiohttp import web
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from rung.clock import RealClock
from rung.config.schema import Timeouts
from rung.errors import Disconnected, Malformed, ReasonerError, TimedOut, Unavailable, Upstream, UpstreamRefusedRequest
from rung.reasoners.base import closing, collect
from rung.reasoners.http import Http
from rung.reasoners.openai import ChatClient, Server
from rung.types import Answer, Chunk

BODY = {"messages": [{"role": "user", "content": "Tell me a long private story, please."}]}
SHORT_S = 0.05
SSE = "text/event-stream"

ClientOf = Callable[..., Any]


@pytest.fixture
async def client_of(upstream: Any) -> AsyncIterator[ClientOf]:
    made: list[ChatClient] = []

    async def make(*, timeouts: dict[str, float] | None = None, **more: Any) -> ChatClient:
        server = {"name": "cloud", "base_url": upstream.base_url, "model": "up-1", **more}
        client = ChatClient(Server(timeouts=Timeouts(**(timeouts or {})), **server), RealClock())
        await client.open()
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


async def chunks_of(client: ChatClient, stream: bool = True, **body: Any) -> list[Chunk]:
    return [chunk async for chunk in client.answer({**BODY, **body}, stream=stream)]


async def answer_of(client: ChatClient, stream: bool = True, **body: Any) -> Answer:
    return collect("cloud", await chunks_of(client, stream, **body))


@pytest.mark.parametrize("stream", [False, True])
async def test_the_body_goes_out_as_it_is_but_for_model_and_stream(
    client_of: ClientOf, upstream: Any, stream: bool
) -> None:
    client = await client_of(headers={"X-Team": "a"})
    body = {
        "model": "auto",
        "stream": not stream,
        "stream_options": {"include_usage": False, "include_obfuscation": False},
        "temperature": 0.3,
        "some_future_field": {"deep": [1, None, "é😀", 12345678901234567890123]},
    }
    async for _ in client.answer({**BODY, **body}, stream=stream):
        pass
    options = {"include_usage": True, "include_obfuscation": False}
    sent = {**BODY, **body, "model": "up-1", "stream": stream} | ({"stream_options": options} if stream else {})
    if not stream:
        del sent["stream_options"]
    assert upstream.received[0].body == sent
    headers = upstream.received[0].headers
    assert (headers["X-Team"], headers["Content-Type"]) == ("a", "application/json")


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_that_will_not_be_asked_for_usage(client_of: ClientOf, upstream: Any, status: int) -> None:
    raw = b'{"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]}'
    upstream.play(upstream.refuses(status, raw=raw), upstream.says("ok"))
    client = await client_of()
    for _ in range(2):
        answer = await answer_of(client)
        assert (answer.text, answer.signals["usage_estimated"]) == ("ok", 1.0)
    assert ["stream_options" in received.body for received in upstream.received] == [True, False, False]


async def test_stream_options_of_the_callers_own_are_the_callers_fault(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.refuses(400, "unknown stream_options.colour"), upstream.says("ok"))
    client = await client_of()
    with pytest.raises(UpstreamRefusedRequest):
        await answer_of(client, stream_options={"colour": 1})
    await answer_of(client)
    assert ["stream_options" in received.body for received in upstream.received] == [True, True]


THOUGHT = [
    {"role": "user", "content": "2 + 3"},
    {"role": "assistant", "content": "5", "reasoning_content": "2 + 3 = 5"},
    {"role": "user", "content": "And one more?"},
]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_server_that_will_not_be_told_thoughts(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    upstream.play(upstream.refuses(400, "property 'reasoning_content' is unsupported"), upstream.says("ok"))
    client = await client_of()
    for _ in range(2):
        assert (await answer_of(client, stream, messages=THOUGHT)).text == "ok"
    told = [["reasoning_content" in message for message in received.body["messages"]] for received in upstream.received]
    assert told == [[False, True, False], [False] * 3, [False] * 3]


async def test_a_server_that_misses_thoughts_is_told_them_again(client_of: ClientOf, upstream: Any) -> None:
    missing = upstream.refuses(400, "message 5 has no reasoning_content")
    upstream.play(missing, missing, upstream.says("ok"))
    client = await client_of()
    with pytest.raises(UpstreamRefusedRequest, match="has no"):
        await answer_of(client, messages=THOUGHT)
    await answer_of(client, messages=THOUGHT)
    assert "reasoning_content" in upstream.received[-1].body["messages"][1]


@pytest.mark.parametrize("said", [("stream_options?", "reasoning_content?"), ("reasoning_content?", "stream_options?")])
async def test_a_server_that_will_have_neither(client_of: ClientOf, upstream: Any, said: tuple[str, str]) -> None:
    upstream.play(*(upstream.refuses(400, words) for words in said), upstream.says("ok"))
    assert (await answer_of(await client_of(), messages=THOUGHT)).text == "ok"


async def test_chunks_are_forwarded_as_soon_as_they_arrive(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.hangs("one", "two"))
    client = await client_of()
    async with closing(client.answer(BODY, stream=True)) as chunks:
        assert (await anext(chunks)).text == "one"
        assert (await anext(chunks)).text == "two"


@pytest.mark.parametrize("stream", [False, True])
async def test_everything_an_answer_can_hold(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    entry = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": []}
    upstream.play(
        upstream.says(
            "é😀",
            "\u2028\ufeffz",
            tool_calls=calls,
            logprobs=[entry],
            finish="tool_calls",
            extra={"system_fingerprint": "fp_1"},
            choice_extra={"stop_reason": 42},
            message_extra={"annotations": []},
        )
    )
    answer = await answer_of(await client_of(), stream, n=2)
    assert answer.extra == {"system_fingerprint": "fp_1"}
    assert len(answer.choices) == 2
    for choice in answer.choices:
        assert choice.text == "é😀\u2028\ufeffz"
        assert choice.tool_calls == tuple(calls)
        assert choice.logprobs == (entry,)
        assert choice.finish == "tool_calls"
        assert choice.choice_extra == {"stop_reason": 42}
        assert choice.extra == {"annotations": []}
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)
    assert "usage_estimated" not in answer.signals


async def test_the_scripted_upstream_speaks_what_openai_reads(client_of: ClientOf, upstream: Any) -> None:
    """The `openai` package is the truth of the wire format; the answers tested here must be ones that it takes."""
    from openai import AsyncOpenAI  # noqa: PLC0415

    async with AsyncOpenAI(base_url=upstream.base_url, api_key="k", max_retries=0) as theirs:
        messages: Any = BODY["messages"]
        whole = await theirs.chat.completions.create(model="m", messages=messages)
        ChatCompletion.model_validate(whole.model_dump(), strict=True)
        stream = await theirs.chat.completions.create(
            model="m", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        pieces = [piece async for piece in stream]
        for piece in pieces:
            ChatCompletionChunk.model_validate(piece.model_dump(), strict=True)
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == whole.choices[0].message.content == (await answer_of(await client_of())).text


@pytest.mark.parametrize("stream", [False, True])
async def test_usage_that_is_missing_is_estimated(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    upstream.play(upstream.says("12345678", usage=None))
    answer = await answer_of(await client_of(), stream)
    assert answer.usage.completion_tokens == 2
    assert answer.usage.prompt_tokens == 10
    assert answer.signals["usage_estimated"] == 1.0


async def test_a_stream_may_end_without_done(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.says("ok", done=False))
    assert (await answer_of(await client_of())).choices[0].finish == "stop"


async def test_a_stream_may_end_without_a_finish_if_done_is_said(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.says("ok", finish=None))
    answer = await answer_of(await client_of())
    assert (answer.choices[0].finish, answer.signals["finish_assumed"]) == ("stop", 1.0)


async def test_neither_finish_nor_done_is_half_an_answer(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.says("ok", finish=None, done=False))
    with pytest.raises(Malformed, match="cut off"):
        await answer_of(await client_of())


async def test_a_server_that_answers_whole_when_asked_for_a_stream(client_of: ClientOf, upstream: Any) -> None:
    whole = {"choices": [{"index": 0, "message": {"content": "whole"}, "finish_reason": "stop"}]}
    upstream.play(upstream.sends(json.dumps(whole).encode()))
    assert (await answer_of(await client_of(), stream=True)).text == "whole"


async def test_a_server_that_streams_when_asked_for_an_answer_whole(client_of: ClientOf, upstream: Any) -> None:
    event = b'data: {"choices": [{"delta": {"content": "anyway"}, "finish_reason": "stop"}]}\n\n'
    upstream.play(upstream.sends(event, b"data: [DONE]\n\n", kind=SSE))
    assert (await answer_of(await client_of(), stream=False)).text == "anyway"


async def test_events_cut_anywhere(client_of: ClientOf, upstream: Any) -> None:
    raw = 'data: {"choices":[{"delta":{"content":"é😀"},"finish_reason":"stop"}]}\r\n\r\n: ping\r\n\r\n'.encode()
    raw += b"data: [DONE]"
    upstream.play(upstream.sends(*(raw[at : at + 1] for at in range(len(raw))), kind=SSE))
    assert (await answer_of(await client_of())).text == "é😀"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{not json", "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b'{"choices": []}', "application/json"),
        (b"<html>hello</html>", "text/html"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"data: {not json\n\n", SSE),
        (b'data: {"choices": [{"delta": {"content": 7}}]}\n\n', SSE),
        (b"data: [DONE]\n\n", SSE),
        (b"no event at all", SSE),
        (b"", SSE),
        (b'data: {"choices": [{"delta": {"content": "Tell me', SSE),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_cannot_be_read(client_of: ClientOf, upstream: Any, raw: bytes, kind: str, stream: bool) -> None:
    upstream.play(upstream.sends(raw, kind=kind))
    with pytest.raises(Malformed, match=r"^cloud: ") as caught:
        await answer_of(await client_of(), stream)
    assert "Tell me" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_end_is_given_up(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    event = b'data: {"choices": [{"delta": {"content": "more and more"}}]}\n\n'
    upstream.play(upstream.sends(*[event] * 100, kind=SSE if stream else "application/json"))
    with pytest.raises(Malformed, match="sent more than 1000 bytes"):
        await answer_of(await client_of(max_bytes=1000), stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_object_in_place_of_an_answer(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    raw = b'{"error": {"message": "overloaded", "code": 502}}'
    upstream.play(upstream.sends(b"data: " + raw + b"\n\n", kind=SSE) if stream else upstream.sends(raw))
    with pytest.raises(Upstream, match="cloud: reported an error: overloaded"):
        await answer_of(await client_of(), stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_before_any_byte(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    upstream.play(upstream.resets())
    with pytest.raises(Unavailable, match="cloud: closed the connection without an answer"):
        await answer_of(await client_of(), stream)
    assert len(upstream.received) == 1


async def test_a_reset_in_mid_answer(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.resets("half"))
    chunks = (await client_of()).answer(BODY, stream=True)
    assert (await anext(chunks)).text == "half"
    with pytest.raises(Unavailable, match="in mid-answer"):
        await anext(chunks)


async def test_nobody_there(client_of: ClientOf) -> None:
    client = await client_of(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(Unavailable, match="cloud: cannot be reached"):
        await answer_of(client)


async def test_a_name_that_nobody_knows(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Http, "post", AsyncMock(side_effect=gaierror(-2, "Name or service not known")))
    with pytest.raises(Unavailable, match="cannot be reached: the name in its base_url is not found"):
        await answer_of(await client_of())


async def test_a_certificate_that_is_not_trusted(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    error = SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]")
    error.verify_message = "self-signed certificate in certificate chain"
    monkeypatch.setattr(Http, "post", AsyncMock(side_effect=error))
    with pytest.raises(Unavailable, match=r"not trusted \(self-signed .* SSL_CERT_FILE"):
        await answer_of(await client_of())


async def test_what_is_no_http(client_of: ClientOf) -> None:
    async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-private\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(gibberish, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ReasonerError) as caught:
            await answer_of(await client_of(base_url=f"http://127.0.0.1:{port}/v1"))
    assert "private" not in caught.value.message


@pytest.mark.parametrize("stream", [False, True])
async def test_redirects_are_not_followed(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    upstream.play(upstream.refuses(307, headers={"Location": upstream.base_url + "/elsewhere"}))
    with pytest.raises(Upstream, match=r"put the final address in base_url"):
        await answer_of(await client_of(), stream)


async def test_cookies_are_not_kept(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.refuses(500, headers={"Set-Cookie": "session=1; Path=/"}), upstream.says("ok"))
    client = await client_of()
    with pytest.raises(Upstream):
        await answer_of(client)
    await answer_of(client)
    assert "Cookie" not in upstream.received[1].headers


@pytest.mark.parametrize(
    ("stream", "bound", "said"), [(True, "first_token_s", "nothing came"), (False, "total_s", "not done")]
)
async def test_nothing_comes(client_of: ClientOf, upstream: Any, stream: bool, bound: str, said: str) -> None:
    upstream.play(upstream.hangs())
    client = await client_of(timeouts={bound: SHORT_S})
    with pytest.raises(TimedOut, match=rf"cloud: {said} within 0.05 s \(timeouts.{bound}\)"):
        await answer_of(client, stream)
    async with asyncio.timeout(5):
        while not upstream.received:  # noqa: ASYNC110 - on a busy machine it reads the request after the client gave up
            await asyncio.sleep(0.001)
        await upstream.received[0].gone.wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_comes_whole_has_no_first_token(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    """Asked to stream, this server sends its headers at once and its answer whole, later."""

    async def act(received: Any) -> Any:
        answer = json.dumps({"choices": [{"message": {"content": "late"}, "finish_reason": "stop"}]}).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(answer))})
        if stream:
            await response.prepare(received.request)
        await asyncio.sleep(2 * SHORT_S)
        if not stream:
            await response.prepare(received.request)
        await response.write(answer)
        return response

    upstream.play(act)
    assert (await answer_of(await client_of(timeouts={"first_token_s": SHORT_S}), stream)).text == "late"


async def test_pings_are_no_tokens(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.sends(*[b": ping\n\n"] * 200_000, kind=SSE))
    client = await client_of(timeouts={"first_token_s": SHORT_S})
    with pytest.raises(TimedOut, match="first_token_s"):
        await answer_of(client)


async def test_silence_between_chunks(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.hangs("one"))
    client = await client_of(timeouts={"between_chunks_s": SHORT_S})
    with pytest.raises(TimedOut, match=r"cloud: fell silent for 0.05 s \(timeouts.between_chunks_s\)"):
        await answer_of(client)
    async with asyncio.timeout(5):
        await upstream.received[0].gone.wait()


async def test_too_long_in_all(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.says(*["x"] * 10_000, pause_s=0.01))
    client = await client_of(timeouts={"total_s": 0.2})
    with pytest.raises(TimedOut, match=r"cloud: not done within 0.2 s \(timeouts.total_s\)"):
        await answer_of(client)


async def test_no_connection_in_time(client_of: ClientOf) -> None:
    """A listener whose queue is full takes no further connection and refuses none."""
    import socket  # noqa: PLC0415

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full: list[socket.socket] = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            full.append(one)
        client = await client_of(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeouts={"connect_s": SHORT_S}
        )
        with pytest.raises(TimedOut, match=r"cloud: no connection within 0.05 s \(timeouts.connect_s\)"):
            await answer_of(client)
        for one in full:
            one.close()


async def test_silence_after_the_finish_is_no_failure(client_of: ClientOf, upstream: Any) -> None:
    async def act(received: Any) -> Any:
        response = web.StreamResponse(headers={"Content-Type": SSE})
        await response.prepare(received.request)
        await response.write(b'data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}\n\n')
        await asyncio.Event().wait()

    upstream.play(act)
    answer = await answer_of(await client_of(timeouts={"between_chunks_s": SHORT_S}))
    assert (answer.text, answer.choices[0].finish) == ("ok", "stop")


async def test_who_leaves_early_is_seen_to_leave(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.hangs("one"))
    async with closing((await client_of()).answer(BODY, stream=True)) as chunks:
        await anext(chunks)
    async with asyncio.timeout(5):
        await upstream.received[0].gone.wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_who_is_cancelled_is_seen_to_leave(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    upstream.play(upstream.hangs())
    task = asyncio.create_task(answer_of(await client_of(), stream))
    await upstream.arrived()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await upstream.received[0].gone.wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_connections_are_used_again(client_of: ClientOf, upstream: Any, stream: bool) -> None:
    client = await client_of()
    for _ in range(3):
        await answer_of(client, stream)
    ports = {received.request.transport.get_extra_info("peername") for received in upstream.received[-1:]}
    assert len(ports) == 1


class Closing:
    """A server that answers `answers` requests on each connection, and closes it when another comes."""

    def __init__(self, answers: int) -> None:
        self.requests = 0
        self._answers = answers

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = b'{"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}'
        for _ in range(self._answers):
            await self._request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(answer) + answer)
        await self._request(reader)
        writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        self.requests += 1


async def test_a_kept_connection_that_died_meanwhile_is_no_fault_of_the_server(client_of: ClientOf) -> None:
    closing_server = Closing(answers=1)
    async with await asyncio.start_server(closing_server, "127.0.0.1", 0) as server:
        client = await client_of(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        for _ in range(3):
            assert (await answer_of(client, stream=False)).text == "ok"
            with pytest.raises(Disconnected, match="kept"):
                await answer_of(client, stream=False)
        await client.close()
    assert closing_server.requests == 6  # none was sent twice


async def test_a_fresh_connection_that_dies_is_not(client_of: ClientOf) -> None:
    closing_server = Closing(answers=0)
    async with await asyncio.start_server(closing_server, "127.0.0.1", 0) as server:
        client = await client_of(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        with pytest.raises(Unavailable, match="without an answer"):
            await answer_of(client, stream=False)
        await client.close()
    assert closing_server.requests == 1


async def test_a_large_body_goes_out_whole(client_of: ClientOf, upstream: Any) -> None:
    large = "x" * 3_000_000
    await answer_of(await client_of(), stream=False, metadata=large)
    assert upstream.received[0].body["metadata"] == large


async def test_text_that_is_no_unicode(client_of: ClientOf) -> None:
    with pytest.raises(UpstreamRefusedRequest, match="no valid Unicode"):
        await answer_of(await client_of(), user="\ud800")


async def test_before_open_and_after_close(upstream: Any) -> None:
    client = ChatClient(Server(name="cloud", base_url=upstream.base_url, model="m"), RealClock())
    with pytest.raises(Unavailable, match="not running"):
        await answer_of(client)
    await client.open()
    await client.close()
    await client.close()
    with pytest.raises(Unavailable, match="not running"):
        await answer_of(client)


async def test_closing_breaks_off_what_is_under_way(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.hangs("one"))
    client = await client_of()
    chunks = client.answer(BODY, stream=True)
    await anext(chunks)
    await client.close()
    with pytest.raises(Unavailable):
        await anext(chunks)


async def test_whoever_leaves_makes_room(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.hangs())
    client = await client_of(concurrency=2)
    tasks = [asyncio.create_task(answer_of(client)) for _ in range(4)]
    await upstream.arrived(2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    upstream.play(upstream.says("ok"))
    answers = await asyncio.gather(*(answer_of(client) for _ in range(8)))
    assert {answer.text for answer in answers} == {"ok"}


async def test_whatever_times_out_makes_room(client_of: ClientOf, upstream: Any) -> None:
    upstream.play(upstream.hangs("a"), upstream.hangs("a"), upstream.says("ok"))
    client = await client_of(concurrency=2, timeouts={"between_chunks_s": SHORT_S})
    first = await asyncio.gather(answer_of(client), answer_of(client), return_exceptions=True)
    assert [type(error) for error in first] == [TimedOut, TimedOut]
    assert {answer.text for answer in await asyncio.gather(*(answer_of(client) for _ in range(8)))} == {"ok"}
