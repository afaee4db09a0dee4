"""An endpoint against a scripted upstream: what it sends, what it makes of what comes, and what goes wrong."""

import json
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rung.clock import Clock, RealClock
from rung.config.schema import EndpointConfig
from rung.errors import (
    RateLimited,
    ReasonerError,
    Unavailable,
    Upstream,
)
from rung.reasoners.base import Abilities, Status, collect
from rung.reasoners.endpoint import Endpoint
from rung.types import Answer, Call


class Hands(RealClock):
    """A clock that is set by hand."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


def call(stream: bool = False, **body: Any) -> Call:
    body = {"messages": [{"role": "user", "content": "What is a rung?"}], **body}
    return Call(id="1", body=body, deadline_s=0.0, stream=stream)


async def whole(endpoint: Endpoint, call: Call) -> Answer:
    return collect(endpoint.name, [chunk async for chunk in endpoint.answer(call)])


@pytest.fixture
async def endpoint_of(upstream: Any) -> AsyncIterator[Callable[..., Any]]:
    made: list[Endpoint] = []

    async def make(*, clock: Clock | None = None, **config: Any) -> Endpoint:
        given = {"base_url": upstream.base_url, "model": "up-1", **config}
        endpoint = Endpoint("cloud", EndpointConfig(kind="endpoint", **given), clock or RealClock())
        await endpoint.start()
        made.append(endpoint)
        return endpoint

    yield make
    for endpoint in made:
        await endpoint.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer(endpoint_of: Any, upstream: Any, stream: bool) -> None:
    endpoint = await endpoint_of(api_key="sk-secret-key")
    answer = await whole(endpoint, call(stream))
    assert answer.text == "Hello from upstream."
    assert answer.choices[0].finish == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)
    assert upstream.received[0].headers["Authorization"] == "Bearer sk-secret-key"


async def test_no_key_no_header_and_own_headers_win(endpoint_of: Any, upstream: Any) -> None:
    await whole(await endpoint_of(), call())
    assert "Authorization" not in upstream.received[0].headers
    await whole(await endpoint_of(api_key="sk-a-secret", headers={"Authorization": "Basic abc"}), call())
    assert upstream.received[1].headers["Authorization"] == "Basic abc"


async def test_what_is_told_is_priced(endpoint_of: Any, upstream: Any) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 600}}
    upstream.play(upstream.says("ok", usage=usage))
    price = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 10.0, "cached_input_usd_per_mtok": 0.5}
    endpoint = await endpoint_of(price=price)
    for stream in (False, True):
        answer = await whole(endpoint, call(stream))
        assert answer.usage.usd == pytest.approx((400 * 2.0 + 600 * 0.5 + 100 * 10.0) / 1e6)


async def test_failures_leave_its_own_status_alone(endpoint_of: Any, upstream: Any) -> None:
    """How it did is for its lane to judge."""
    upstream.play(upstream.refuses(429, headers={"Retry-After": "20"}), upstream.refuses(503))
    endpoint = await endpoint_of()
    with pytest.raises(RateLimited) as caught:
        await whole(endpoint, call())
    assert caught.value.retry_after_s == 20.0
    with pytest.raises(Upstream):
        await whole(endpoint, call())
    assert endpoint.status.state == "warm"


async def test_every_address_and_key_is_an_upstream(endpoint_of: Any, upstream: Any) -> None:
    endpoint = await endpoint_of(base_urls=(upstream.base_url, "http://127.0.0.1:1/v1"), api_keys=("sk-one", "sk-two"))
    here = upstream.base_url.split("/")[2]
    assert list(endpoint.upstreams) == [f"{here} key 1", f"{here} key 2", "127.0.0.1:1 key 1", "127.0.0.1:1 key 2"]
    for name in (f"{here} key 2", f"{here} key 1"):
        assert [chunk async for chunk in endpoint.upstreams[name](call())]
    assert [r.headers["Authorization"] for r in upstream.received] == ["Bearer sk-two", "Bearer sk-one"]


async def test_no_key_and_no_prompt_in_any_error(endpoint_of: Any, upstream: Any) -> None:
    key, prompt = "sk-very-secret-key", "What is a rung?"
    echo = f"you sent `{prompt}` with {key}"
    acts = [upstream.refuses(status, echo) for status in (400, 401, 403, 404, 422, 429, 500, 503)]
    acts += [
        upstream.sends(echo.encode()),
        upstream.sends(b"data: " + echo.encode() + b"\n\n", kind="text/event-stream"),
    ]
    acts += [
        upstream.sends(json.dumps({"error": {"message": echo}}).encode()),
        upstream.resets(echo),
        upstream.resets(),
    ]
    for act in acts:
        upstream.play(act)
        endpoint = await endpoint_of(api_key=key)
        with pytest.raises(ReasonerError) as caught:
            await whole(endpoint, call(True))
        shown = "".join(traceback.format_exception(caught.value))
        assert key not in shown
        assert prompt not in shown


async def test_no_key_in_the_query_of_an_address_in_any_error(endpoint_of: Any, upstream: Any) -> None:
    upstream.play(upstream.refuses(400, "no route for /v1/chat/completions?key=a-secret-key&v=1"))
    endpoint = await endpoint_of(base_url=f"{upstream.base_url}?key=a-secret-key&v=1")
    with pytest.raises(ReasonerError, match=r"no route for .*key=\*\*\*&v=1"):
        await whole(endpoint, call())


async def test_its_abilities_are_as_configured(endpoint_of: Any) -> None:
    endpoint = await endpoint_of(
        tools=False, json_schema=False, logprobs=False, images=True, n=False, context_tokens=999
    )
    assert endpoint.abilities == Abilities(json_object=True, images=True, context_tokens=999)


async def test_a_slash_or_a_query_at_the_end_of_the_address_does_no_harm(endpoint_of: Any, upstream: Any) -> None:
    for more in ("/", "?api-version=1", "/?api-version=1"):
        endpoint = await endpoint_of(base_url=upstream.base_url + more)
        assert (await whole(endpoint, call())).text == "Hello from upstream."


async def test_status(endpoint_of: Any) -> None:
    endpoint = await endpoint_of()
    assert endpoint.status == Status(state="warm")
    await endpoint.close()
    await endpoint.close()
    assert endpoint.status == Status(state="down", note="closed")
    with pytest.raises(Unavailable, match="not running"):
        await whole(endpoint, call())
