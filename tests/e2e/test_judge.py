"""A judge behind the HTTP app: three scripted endpoints, the real rule, verdicts, lanes and ledger."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import uvicorn

from rung.api import make_app
from rung.bootstrap import Rung
from rung.config import Config, parse_config

QUESTION = "A farmer has 12 cows and sells 5 of them. How many cows are left?"
WAIT_S = 10.0
LOGPROBS = [
    {
        "token": "No",
        "logprob": -0.1,
        "top_logprobs": [{"token": "No", "logprob": -0.105}, {"token": "Yes", "logprob": -2.303}],
    }
]


class World:
    def __init__(self, upstream: Any, rung: Rung, ai: aiohttp.ClientSession, ledger: str) -> None:
        self.upstream, self.rung, self._ai, self._ledger = upstream, rung, ai, ledger

        def as_expected(text: str) -> Any:
            """With as many tokens as are expected: of shorter ones it is learned that they cost less."""
            return upstream.says(text, usage={"prompt_tokens": 11, "completion_tokens": 250, "total_tokens": 261})

        self.acts = {"small": as_expected("7"), "large": as_expected("8"), "judge": upstream.says("no")}
        upstream.play(self._by_model)

    async def _by_model(self, received: Any) -> Any:
        return await self.acts[received.body["model"]](received)

    def config(self, **judge: Any) -> Config:
        return config_of(self.upstream.base_url, self._ledger, judge)

    async def ask(self, question: str = QUESTION) -> dict[str, Any]:
        body = {"model": "auto", "messages": [{"role": "user", "content": question}]}
        async with self._ai.post("/v1/chat/completions", json=body, headers={"x-rung-debug": "true"}) as response:
            assert response.status == 200, await response.text()
            told: dict[str, Any] = await response.json()
            return told

    async def metrics(self) -> str:
        async with self._ai.get("/metrics") as response:
            return await response.text()

    async def feedback(self, decision_id: str) -> int:
        body = {"decision_id": decision_id, "score": 1.0}
        async with self._ai.post("/v1/feedback", json=body) as response:
            return response.status

    @property
    def asked(self) -> list[str]:
        return [received.body["model"] for received in self.upstream.received]


def config_of(base_url: str, ledger: str, judge: dict[str, Any]) -> Config:
    def endpoint(name: str, usd: float, **more: Any) -> dict[str, Any]:
        price = {"input_usd_per_mtok": usd / 4, "output_usd_per_mtok": usd}
        entry = {"kind": "endpoint", "base_url": base_url, "model": name, "price": price, "first_token_s": 0.1}
        return {**entry, "tokens_per_s": 1000.0, **more}

    reasoners = {
        "small": endpoint("small", 0.1, strength=0.55),
        "large": endpoint("large", 12.0, strength=0.97),
        "judge": endpoint("judge", 1.0, auto=False),
    }
    raw = {"reasoners": reasoners, "ledger": {"path": ledger}, "judge": judge}
    return parse_config(raw, source="test", env={})


@pytest.fixture
async def world(upstream: Any, tmp_path: Any) -> AsyncIterator[World]:
    ledger = str(tmp_path / "ledger.sqlite")
    config = config_of(upstream.base_url, ledger, {"reasoner": "judge", "tells": 0.8})
    async with Rung(config) as rung:
        app = make_app(rung, rung.metrics, rung.clock)
        server = uvicorn.Server(uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(WAIT_S):
            while not server.started:  # noqa: ASYNC110  it can only be looked at
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as ai:
            yield World(upstream, rung, ai, ledger)
        server.should_exit = True
        await serving


async def test_a_no_is_heard_and_told(world: World) -> None:
    world.acts["judge"] = world.upstream.says("No", logprobs=LOGPROBS)
    told = await world.ask()
    assert told["choices"][0]["message"]["content"] == "8"
    assert world.asked == ["small", "judge", "large"]
    put = world.upstream.received[1].body
    assert (put["temperature"], put["max_tokens"], put["logprobs"]) == (0, 4, True)
    assert QUESTION in put["messages"][0]["content"]
    decision = told["rung"]
    assert [(s["reasoner"], s["outcome"]) for s in decision["steps"]] == [
        ("small", "answered"),
        ("judge", "judged"),
        ("large", "answered"),
    ]
    assert decision["steps"][1]["reason"] == "of small: 10% yes"
    assert decision["steps"][1]["verdict"] is None
    assert decision["steps"][0]["verdict"]["signals"]["judge"] == pytest.approx(-math.log(0.8 / 0.2))
    spent = sum(step["usage"]["usd"] for step in decision["steps"])
    assert decision["usage"]["usd"] == pytest.approx(spent)
    metrics = await world.metrics()
    assert 'rung_spend_usd_total{reasoner="judge"}' in metrics
    assert 'gen_ai_client_operation_duration_seconds_count{gen_ai_response_model="judge",outcome="judged"} 1' in metrics


async def test_a_yes_spares_the_dear_rung(world: World) -> None:
    world.acts["judge"] = world.upstream.says("Yes")
    told = await world.ask()
    assert told["choices"][0]["message"]["content"] == "7"
    assert told["model"] == "small"
    assert world.asked == ["small", "judge"]


async def test_a_judge_that_is_down_costs_its_step_only(world: World) -> None:
    world.acts["judge"] = world.upstream.refuses(500)
    told = await world.ask()
    assert told["choices"][0]["message"]["content"] == "8"
    steps = told["rung"]["steps"]
    assert [(s["reasoner"], s["outcome"]) for s in steps][1] == ("judge", "unjudged")
    assert steps[1]["reason"].startswith("Upstream: ")


async def test_a_reload_takes_effect_from_the_next_request_on(world: World) -> None:
    await world.ask()
    await world.rung.apply(world.config())
    assert "judge" not in await asked_for(world)
    await world.rung.apply(world.config(reasoner="judge", tells=0.5))
    assert "judge" not in await asked_for(world), "it tells nothing"
    await world.rung.apply(world.config(reasoner="judge", tells=0.9))
    assert "judge" in await asked_for(world)


async def asked_for(world: World) -> list[str]:
    """Who is called on the same question. What answers depend on has changed, so that nothing comes from the cache."""
    before = len(world.asked)
    await world.ask()
    return world.asked[before:]


async def test_feedback_on_a_judged_answer_teaches_who_gave_it(world: World) -> None:
    world.acts["judge"] = world.upstream.says("yes")
    told = await world.ask()
    assert await world.feedback(told["id"]) == 200
    explained = await world.rung.explain(QUESTION)
    outcomes = {o.reasoner: o.estimate.correction for o in explained.options if o.estimate is not None}
    assert outcomes["small"] is not None
    assert outcomes["small"].outcomes == 1
    assert "judge" not in outcomes
