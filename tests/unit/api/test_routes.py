from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types import Model
from prometheus_client.parser import text_string_to_metric_families

from rung.errors import LedgerError, RungError, UnknownDecision
from rung.types import Readiness
from tests.unit.api.conftest import Client, FakeRuntime, chat_body


async def test_the_first_page_says_what_this_is_and_what_to_try(client: Client) -> None:
    got = await client.ask("GET", "/", headers={"host": "127.0.0.1:9999"})
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/plain")
    assert b"curl -s http://127.0.0.1:9999/v1/chat/completions" in got.body
    assert b'{"model": "auto"' in got.body
    assert b"Bearer" not in got.body


async def test_the_first_page_has_a_place_for_the_key_where_one_is_needed(make_client: Callable[..., Client]) -> None:
    got = await make_client(api_keys={"ann": "k-123"}).ask("GET", "/")
    assert b"-H 'authorization: Bearer KEY' \\\n  -d" in got.body
    assert b"k-123" not in got.body


async def test_models(client: Client) -> None:
    got = await client.ask("GET", "/v1/models")
    assert got.json["object"] == "list"
    models = [Model.model_validate(each, strict=True) for each in got.json["data"]]
    assert [m.id for m in models] == ["auto", "auto:economy", "auto:balanced", "auto:best", "calc", "fast"]
    assert got.json["data"][-1]["rung"]["state"] == "loading"
    for model in got.json["data"]:
        assert (await client.ask("GET", f"/v1/models/{model['id']}")).json == model


async def test_an_unknown_model(client: Client) -> None:
    got = await client.ask("GET", "/v1/models/gpt")
    assert got.status == 404
    assert got.error["code"] == "model_not_found"
    assert "calc, fast" in got.error["message"]


async def test_explain_takes_what_chat_takes_and_calls_nothing(client: Client, runtime: FakeRuntime) -> None:
    got = await client.ask(
        "POST", "/v1/explain", chat_body(rung={"max_usd": 1}, stream=True), {"x-rung-preset": "best"}
    )
    assert got.status == 200
    assert (got.json["first"], got.json["steps"], got.json["answered_by"]) == ("fast", [], None)
    (request,) = runtime.requests
    assert (request.wishes.max_usd, request.wishes.preset) == (1, "best")
    assert got.json["id"] == request.id
    assert not runtime.running.is_set()


async def test_explain_tells_errors_as_chat_does(client: Client) -> None:
    got = await client.ask("POST", "/v1/explain", chat_body(messages=[]))
    assert (got.status, got.error["param"]) == (400, "messages")


@pytest.mark.parametrize(
    ("said", "score"),
    [({"correct": True}, 1.0), ({"correct": False}, 0.0), ({"score": 0.25}, 0.25), ({"score": 1}, 1.0)],
)
async def test_feedback(client: Client, runtime: FakeRuntime, said: dict[str, Any], score: float) -> None:
    got = await client.ask("POST", "/v1/feedback", {"decision_id": "chatcmpl-1", "comment": "ok"} | said)
    assert got.json == {"object": "feedback", "decision_id": "chatcmpl-1", "score": score}
    (feedback,) = runtime.said
    assert (feedback.decision_id, feedback.score, feedback.comment, feedback.tenant) == (
        "chatcmpl-1",
        score,
        "ok",
        "local",
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "decision_id"),
        ({"decision_id": ""}, "decision_id"),
        ({"decision_id": "x" * 201, "score": 1}, "decision_id"),
        ({"decision_id": "x"}, "score"),
        ({"decision_id": "x", "score": 1, "correct": True}, "score"),
        ({"decision_id": "x", "score": 1.5}, "score"),
        ({"decision_id": "x", "score": "1"}, "score"),
        ({"decision_id": "x", "correct": 1}, "correct"),
        ({"decision_id": "x", "score": 1, "comment": "x" * 10_001}, "comment"),
        ({"decision_id": "x", "scor": 1}, "scor"),
        ([], None),
    ],
)
async def test_wrong_feedback(client: Client, runtime: FakeRuntime, body: Any, param: str | None) -> None:
    got = await client.ask("POST", "/v1/feedback", body)
    assert (got.status, got.error["param"]) == (400, param)
    assert not runtime.said


@pytest.mark.parametrize(("error", "status"), [(UnknownDecision("No."), 404), (LedgerError("Disk full."), 503)])
async def test_feedback_is_acknowledged_only_once_kept(
    client: Client, runtime: FakeRuntime, error: RungError, status: int
) -> None:
    runtime.wrong = error
    got = await client.ask("POST", "/v1/feedback", {"decision_id": "x", "score": 1})
    assert (got.status, got.error["message"]) == (status, error.message)


async def test_health(client: Client, runtime: FakeRuntime) -> None:
    assert (await client.ask("GET", "/health/live")).status == 200
    assert (await client.ask("GET", "/health/ready")).json == {"status": "ready", "problems": [], "loading": []}
    assert (await client.ask("GET", "/health/startup")).json == {"status": "started", "loading": []}

    runtime.state = Readiness(ready=False, problems=("the ledger cannot write",), loading=("fast: 40%",))
    ready = await client.ask("GET", "/health/ready")
    assert ready.status == 503
    assert ready.json == {"status": "not ready", "problems": ["the ledger cannot write"], "loading": ["fast: 40%"]}
    startup = await client.ask("GET", "/health/startup")
    assert (startup.status, startup.json) == (503, {"status": "loading", "loading": ["fast: 40%"]})
    assert (await client.ask("GET", "/health/live")).status == 200

    runtime.state = Readiness(ready=False, problems=("fast is down",))
    assert (await client.ask("GET", "/health/startup")).status == 200  # start-up is over, however it went


async def test_metrics(client: Client) -> None:
    await client.chat()
    got = await client.ask("GET", "/metrics")
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {f.name: f for f in text_string_to_metric_families(got.body.decode())}
    states = {tuple(s.labels.values()): s.value for s in families["rung_reasoner_state"].samples}
    assert states["fast", "loading"] == 1
    assert states["fast", "warm"] == 0
    assert "gen_ai_server_request_duration_seconds" in families


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", {"POST"}),
        ("OPTIONS", "/v1/chat/completions", {"POST"}),
        ("POST", "/v1/models", {"GET", "HEAD"}),
        ("GET", "/v1/feedback", {"POST"}),
        ("DELETE", "/health/live", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(client: Client, method: str, path: str, allow: set[str]) -> None:
    got = await client.ask(method, path)
    assert (got.status, got.error["code"]) == (405, "method_not_allowed")
    assert set(got.headers["allow"].split(", ")) == allow


@pytest.mark.parametrize("path", ["/v1", "/v1/chat/completions/", "/v1/completions", "/../etc", "/v1/models/"])
async def test_an_unknown_path(client: Client, path: str) -> None:
    got = await client.ask("GET", path)
    assert (got.status, got.error["code"]) == (404, "unknown_url")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/chat/completions", "did you mean /v1/chat/completions?"),
        ("/v1/v1/chat/completions", "did you mean /v1/chat/completions?"),
        ("/v1/models/", "did you mean /v1/models?"),
        ("/v1/responses", "chat completions, /v1/chat/completions."),
        ("/responses", "chat completions, /v1/chat/completions."),
        ("/v1/messages", "chat completions, /v1/chat/completions."),
        ("/v1/embeddings", "have the client ask a server of an embedding model."),
        ("/v1/files", "GET / lists what there is."),
    ],
)
async def test_a_path_that_clients_ask_by_mistake_says_what_to_do(client: Client, path: str, hint: str) -> None:
    got = await client.ask("GET", path)
    assert got.status == 404
    assert got.error["message"].endswith(hint)


async def test_an_unexpected_error_in_a_route(client: Client, runtime: FakeRuntime) -> None:
    runtime.wrong = ValueError("x")
    got = await client.ask("POST", "/v1/explain", chat_body())
    assert (got.status, got.error["type"]) == (500, "server_error")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/explain", "/v1/feedback"])
async def test_an_oversize_body_is_refused_before_it_is_read(
    make_client: Callable[..., Client], runtime: FakeRuntime, path: str
) -> None:
    client = make_client(max_body_mb=0.001)
    announced = await client.ask("POST", path, (), {"content-length": "1001"})
    assert (announced.status, announced.error["code"]) == (413, "body_too_large")
    chunked = await client.ask("POST", path, (b" " * 600, b" " * 600, b" " * 600))
    assert chunked.status == 413
    assert "0.001 MB" in chunked.error["message"]
    assert (await client.ask("POST", path, (b" " * 600, b" " * 400))).status == 400
    assert not runtime.requests


async def test_a_body_that_never_comes(make_client: Callable[..., Client]) -> None:
    got = await make_client(deadline_s=0.01).ask("POST", "/v1/feedback", ())
    assert (got.status, got.error["code"]) == (504, "deadline_exceeded")
    assert "server.deadline_s" in got.error["message"]


async def test_a_compressed_body_is_refused_in_words(client: Client) -> None:
    got = await client.chat({"content-encoding": "gzip"})
    assert "uncompressed" in got.error["message"]


async def test_a_body_in_pieces(client: Client) -> None:
    raw = b'{"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}'
    got = await client.ask("POST", "/v1/chat/completions", (raw[:10], raw[10:20], b"", raw[20:]))
    assert got.status == 200


async def test_sockets_and_the_servers_start_and_end(client: Client) -> None:
    sent: list[str] = []
    incoming = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        return {"type": next(incoming)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    await client.app({"type": "lifespan"}, receive, send)
    await client.app({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]


RAW = st.binary(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["decision_id", "score", "correct", "comment", "model", "messages", "rung", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("path", ["/v1/feedback", "/v1/explain", "/v1/chat/completions"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(raw=RAW)
async def test_whatever_is_posted_is_answered_or_the_callers_error(client: Client, path: str, raw: Any) -> None:
    got = await client.ask("POST", path, raw)
    assert got.status in {200, 400, 404}
    if got.status != 200:
        assert got.error["message"]
