import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from rung.api import KeepAlive, chat
from rung.api.line import DisconnectTimer
from rung.cache import digest_of
from rung.errors import AllFailed, Busy, NotReady, TimedOut
from rung.telemetry import Metrics
from rung.types import Chunk, Commit
from tests.unit.api.conftest import CHUNKS, Client, FakeRuntime, chat_body

CHAT = "/v1/chat/completions"
AT_ONCE = KeepAlive(first_s=0.0, every_s=0.001)


def raising(error: Exception) -> Callable[[], Any]:
    async def wait() -> None:
        raise error

    return wait


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_whole_answer(client: Client, runtime: FakeRuntime) -> None:
    got = await client.chat()
    assert got.status == 200
    id_ = got.json["id"]
    assert got.json["choices"][0]["message"]["content"] == "Hello there"
    assert runtime.requests[0].id == id_
    assert id_.startswith("chatcmpl-")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-rung-decision-id"] == id_
    assert got.headers["x-rung-reasoner"] == "fast"
    assert got.headers["x-rung-cache"] == "miss"
    assert got.headers["x-rung-usd"] == "0.00125"
    assert 0 <= float(got.headers["x-rung-overhead-ms"]) < 10_000
    assert "rung" not in got.json
    assert runtime.closed.is_set()


async def test_each_request_has_its_own_id(client: Client) -> None:
    assert (await client.chat()).json["id"] != (await client.chat()).json["id"]


@pytest.mark.parametrize(("cache", "told"), [("exact", "exact"), ("off", "miss"), ("miss", "miss")])
async def test_what_the_cache_did(client: Client, runtime: FakeRuntime, cache: Any, told: str) -> None:
    runtime.commit = Commit(reasoner="fast", cache=cache, live=False)
    assert (await client.chat()).headers["x-rung-cache"] == told


async def test_a_quality_that_was_not_reached_is_told(client: Client, runtime: FakeRuntime) -> None:
    assert "x-rung-quality-reached" not in (await client.chat()).headers
    runtime.decided = {"quality_reached": False}
    assert (await client.chat()).headers["x-rung-quality-reached"] == "false"


async def test_the_decision_on_demand(client: Client) -> None:
    got = await client.chat({"x-rung-debug": "true"})
    assert got.json["rung"]["id"] == got.json["id"]
    got = await client.chat({"x-rung-debug": "true"}, stream=True)
    assert got.events[-2]["rung"]["answered_by"] == "fast"


async def test_a_header_that_says_neither_true_nor_false_is_told(client: Client) -> None:
    assert "rung" not in (await client.chat({"x-rung-debug": "False"})).json
    got = await client.chat({"x-rung-debug": "yes"})
    assert got.status == 400
    assert got.json["error"]["param"] == "x-rung-debug"


async def test_a_stream(client: Client) -> None:
    got = await client.chat(stream=True, stream_options={"include_usage": True})
    assert got.status == 200
    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert got.headers["x-rung-reasoner"] == "fast"
    *events, usage, done = got.events
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in events) == "Hello there"
    assert {e["id"] for e in events} == {got.headers["x-rung-decision-id"]}
    assert usage["usage"]["prompt_tokens"] == 3
    assert done == "[DONE]"


async def test_chunks_are_sent_as_they_come(client: Client, runtime: FakeRuntime) -> None:
    go = asyncio.Event()
    runtime.before["chunk 1"] = go.wait
    call, task = client.begin("POST", CHAT, chat_body(stream=True))
    await call.until(lambda got: b"Hello" in got.body)
    assert not task.done()
    go.set()
    await task
    assert call.got.events[-1] == "[DONE]"


async def test_a_held_answer_keeps_the_line_open(make_client: Callable[..., Client], runtime: FakeRuntime) -> None:
    go = asyncio.Event()
    runtime.before["commit"] = go.wait
    call, task = make_client(AT_ONCE).begin("POST", CHAT, chat_body(stream=True))
    await call.until(lambda got: len(got.pieces) >= 3)
    assert set(call.got.pieces) == {b": waiting\n\n"}
    assert call.got.headers["x-rung-decision-id"] == runtime.requests[0].id
    assert "x-rung-reasoner" not in call.got.headers
    go.set()
    await task
    assert len(call.got.events) == len(CHUNKS)
    assert call.got.events[-1] == "[DONE]"
    first = call.got.body.index(b"data:")
    assert b": waiting" not in call.got.body[first:]


async def test_an_answer_in_time_sees_no_comment(client: Client) -> None:
    assert b": waiting" not in (await client.chat(stream=True)).body


async def test_an_error_while_held_is_an_event_and_no_done(
    make_client: Callable[..., Client], runtime: FakeRuntime
) -> None:
    go = asyncio.Event()

    async def fail() -> None:
        await go.wait()
        raise AllFailed("None answered.")

    runtime.before["commit"] = fail
    call, task = make_client(AT_ONCE).begin("POST", CHAT, chat_body(stream=True))
    await call.until(lambda got: bool(got.pieces))
    go.set()
    await task
    (event,) = call.got.events
    assert event["error"]["code"] == "all_reasoners_failed"
    assert call.got.complete


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Busy("Full.", retry_after_s=2.5), 429, "3"),
        (NotReady("Loading.", retry_after_s=30), 503, "30"),
        (AllFailed("None."), 502, None),
        (TimedOut("Late."), 504, None),
    ],
)
async def test_errors_before_anything_is_sent(
    client: Client, runtime: FakeRuntime, error: Any, status: int, retry: str | None, stream: bool
) -> None:
    runtime.before["commit"] = raising(error)
    got = await client.chat(stream=stream)
    assert (got.status, got.headers.get("retry-after")) == (status, retry)
    assert got.error["message"] == error.message
    assert got.headers["x-rung-decision-id"] == runtime.requests[0].id
    assert got.headers["content-type"] == "application/json"


async def test_an_error_in_a_stream_is_an_event_and_no_done(client: Client, runtime: FakeRuntime) -> None:
    runtime.before["chunk 1"] = raising(TimedOut("It stopped half-way."))
    got = await client.chat(stream=True)
    assert got.status == 200
    *_, last = got.events
    assert last == {
        "error": {
            "message": "It stopped half-way.",
            "type": "server_error",
            "param": None,
            "code": "reasoner_timed_out",
        }
    }


async def test_an_error_after_the_end_is_logged_and_not_sent(client: Client, runtime: FakeRuntime) -> None:
    runtime.before["end"] = raising(ValueError("x"))
    with capture_logs() as logs:
        got = await client.chat(stream=True)
    assert got.events[-1] == "[DONE]"
    assert [entry["event"] for entry in logs] == ["chat", "unexpected"]


async def test_an_unexpected_error_is_told_with_an_id_and_logged_without_texts(
    client: Client, runtime: FakeRuntime
) -> None:
    secret = "my secret prompt"
    runtime.before["commit"] = raising(ValueError(secret))
    with capture_logs() as logs:
        got = await client.chat(messages=[{"role": "user", "content": secret}])
    assert got.status == 500
    assert got.error["type"] == "server_error"
    (logged,) = [entry for entry in logs if entry["event"] == "unexpected"]
    assert logged["id"] in got.error["message"]
    assert logged["kinds"] == ["ValueError"]
    assert any("conftest" in frame for frame in logged["at"])
    assert secret not in str(logs)


async def test_an_unexpected_error_in_a_stream_ends_it_with_an_event(client: Client, runtime: FakeRuntime) -> None:
    runtime.before["chunk 1"] = raising(KeyError("x"))
    got = await client.chat(stream=True)
    assert got.events[-1]["error"]["type"] == "server_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ["commit", "reply"])
async def test_a_client_that_leaves_stops_the_work(
    client: Client, runtime: FakeRuntime, stream: bool, place: str
) -> None:
    runtime.before[place] = forever
    with capture_logs() as logs:
        call, task = client.begin("POST", CHAT, chat_body(stream=stream))
        await runtime.running.wait()
        call.leave()
        await asyncio.wait_for(runtime.closed.wait(), 5)
        await task
    assert not call.got.complete
    (line,) = logs
    assert (line["log_level"], line["status"], line["error"]) == ("info", 499, "gone")


async def test_a_client_that_leaves_before_its_body_is_read(client: Client, runtime: FakeRuntime) -> None:
    call, task = client.begin("POST", CHAT, (b'{"model"', b""))
    call._incoming.get_nowait()
    call._incoming.get_nowait()
    call.leave()
    await task
    assert not call.got.status
    assert not runtime.requests


async def test_a_client_that_leaves_while_held(make_client: Callable[..., Client], runtime: FakeRuntime) -> None:
    runtime.before["commit"] = forever
    call, task = make_client(AT_ONCE).begin("POST", CHAT, chat_body(stream=True))
    await call.until(lambda got: bool(got.pieces))
    call.leave()
    await task
    assert runtime.closed.is_set()
    sent = call.sends
    await asyncio.sleep(0.01)
    assert call.sends == sent  # no comment after the end


async def test_a_reader_that_stops_reading_holds_the_answer_back(client: Client, runtime: FakeRuntime) -> None:
    made = 0

    def chunks() -> Any:
        nonlocal made
        while made < 1000:
            made += 1
            yield Chunk(text="x")

    async def stop_reading() -> None:
        call.reading.clear()

    runtime.chunks = chunks()
    runtime.before["chunk 5"] = stop_reading
    call, task = client.begin("POST", CHAT, chat_body(stream=True))
    for _ in range(100):
        await asyncio.sleep(0)
    assert made == 6
    call.reading.set()
    await task
    assert made == 1000


async def test_a_reader_that_never_reads_again_is_let_go_after_the_deadline(
    client: Client, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.api.ask.READING_S", 0.0)
    runtime.chunks = [Chunk(text="x")] * 10
    with capture_logs() as logs:
        call, task = client.begin("POST", CHAT, chat_body(stream=True, rung={"deadline_ms": 50}))
        call.reading.clear()
        await task
    assert runtime.closed.is_set()
    assert logs[0]["error"] == "too late"


async def test_a_run_that_does_not_end_is_ended_and_told(
    client: Client, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.api.ask.READING_S", 0.0)
    runtime.before["commit"] = forever
    got = await client.chat(rung={"deadline_ms": 20})
    assert (got.status, got.error["code"]) == (504, "deadline_exceeded")
    assert runtime.closed.is_set()


async def test_a_server_that_stops_ends_the_work_and_tells_the_client(client: Client, runtime: FakeRuntime) -> None:
    runtime.before["commit"] = forever
    call, task = client.begin("POST", CHAT, chat_body())
    await runtime.running.wait()
    task.cancel()
    await task
    assert runtime.closed.is_set()
    assert (call.got.status, call.got.error["code"]) == (503, "not_ready")


async def test_a_late_look_is_enough(client: Client, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that left before it was first looked for is still noticed."""
    monkeypatch.setattr(DisconnectTimer, "AFTER_S", 0.02)
    runtime.before["commit"] = forever
    call, task = client.begin("POST", CHAT, chat_body())
    call.leave()
    await task
    assert runtime.closed.is_set()


async def test_one_line_a_request_without_texts_or_keys(
    make_client: Callable[..., Client], runtime: FakeRuntime
) -> None:
    with capture_logs() as logs:
        got = await make_client(api_keys={"ann": "k-123"}).chat(
            {"authorization": "Bearer k-123"}, messages=[{"role": "user", "content": "my secret"}], user="bob"
        )
        await make_client().chat(model="a secret instead of a model")
    first, second = logs
    assert (
        first.items()
        >= {
            "event": "chat",
            "log_level": "info",
            "id": got.json["id"],
            "model": "auto",
            "reasoner": "fast",
            "status": 200,
            "error": "",
        }.items()
    )
    assert first["ms"] > 0
    assert (second["status"], second["error"], second["model"]) == (404, "model_not_found", None)
    assert not any(word in str(logs) for word in ("secret", "k-123", "bob", "Hello"))


async def test_figures(client: Client, runtime: FakeRuntime, metrics: Metrics) -> None:
    go = asyncio.Event()
    runtime.before["reply"] = go.wait
    call, task = client.begin("POST", CHAT, chat_body(stream=True))
    await call.until(lambda got: bool(got.pieces))
    assert "rung_requests_in_flight 1.0" in metrics.render([]).decode()
    go.set()
    await task
    await client.chat(model="nope")
    text = metrics.render([]).decode()
    assert "rung_requests_in_flight 0.0" in text
    labels = 'error_type="{}",gen_ai_operation_name="chat",gen_ai_response_model="{}"'
    for error, reasoner in (("", "fast"), ("model_not_found", "")):
        assert f"gen_ai_server_request_duration_seconds_count{{{labels.format(error, reasoner)}}} 1.0" in text
    assert 'gen_ai_server_time_to_first_token_seconds_count{gen_ai_response_model="fast"} 1.0' in text
    assert "nope" not in text


@pytest.fixture
def cached(runtime: FakeRuntime) -> FakeRuntime:
    """All is answered by the exact cache."""
    runtime.commit = Commit(reasoner="fast", cache="exact", live=False)
    runtime.decided = {"cache": "exact"}
    return runtime


async def test_what_the_cache_answered_is_not_read_twice(client: Client, cached: FakeRuntime) -> None:
    answers = [await client.chat(rung={"min_quality": 0.5}, temperature=0) for _ in range(3)]
    first, second, third = cached.requests
    assert second.body is third.body
    assert (first.digest, second.digest) == (b"", digest_of(first.body))
    assert second.body == first.body
    assert second.wishes == first.wishes
    assert [got.json["id"] for got in answers] == [first.id, second.id, third.id]
    assert len({first.id, second.id, third.id}) == 3
    assert first.arrived_s < second.arrived_s < third.arrived_s
    assert second.deadline_s - second.arrived_s == pytest.approx(first.deadline_s - first.arrived_s)


async def test_what_the_cache_did_not_answer_is_read_anew(client: Client, runtime: FakeRuntime) -> None:
    for _ in range(2):
        await client.chat()
    assert [request.digest for request in runtime.requests] == [b"", b""]


async def test_wishes_in_headers_are_read_beside_a_body_that_is_known(client: Client, cached: FakeRuntime) -> None:
    for headers in ({}, {}, {"x-rung-preset": "best"}, {}):
        await client.chat(headers)
    assert [request.wishes.preset for request in cached.requests] == [None, None, "best", None]
    assert (await client.chat({"x-rung-preset": "worst"})).status == 400


async def test_what_is_remembered_is_bounded(
    client: Client, cached: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(json.dumps(chat_body(seed=1)))
    monkeypatch.setattr(chat, "_KEPT_BYTES", 2 * size + 1)
    for seed in (1, 2, 1, 2, 1, 3, 1, 2):
        await client.chat(seed=seed)
    known = [(request.body["seed"], bool(request.digest)) for request in cached.requests]
    assert known == [(1, False), (2, False), (1, True), (2, True), (1, True), (3, False), (1, True), (2, False)]
    monkeypatch.setattr(chat, "_LARGEST_BYTES", 10)
    await client.chat(seed=1)
    assert not cached.requests[-1].digest
