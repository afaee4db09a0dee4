"""An endpoint against a scripted upstream: what it sends, what it makes of what comes, and what goes wrong."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rung.clock import RealClock
from rung.config.schema import EndpointConfig
from rung.reasoners.base import collect
from rung.reasoners.endpoint import Endpoint
from rung.types import Answer, Call


def call(stream: bool = False, **body: Any) -> Call:
    body = {"messages": [{"role": "user", "content": "What is a rung?"}], **body}
    return Call(id="1", body=body, deadline_s=0.0, stream=stream)


async def whole(endpoint: Endpoint, call: Call) -> Answer:
    return collect(endpoint.name, [chunk async for chunk in endpoint.answer(call)])


@pytest.fixture
async def endpoint_of(upstream: Any) -> AsyncIterator[Callable[..., Any]]:
    made: list[Endpoint] = []

    async def make(**config: Any) -> Endpoint:
        given = {"base_url": upstream.base_url, "model": "up-1", **config}
        endpoint = Endpoint("cloud", EndpointConfig(kind="endpoint", **given), RealClock())
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
