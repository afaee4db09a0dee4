import asyncio
from collections.abc import Callable

import pytest

from rung.api import door_problem, make_app
from rung.api.doors import Door, is_loopback
from rung.clock import RealClock
from rung.config.schema import Server
from rung.errors import ConfigError, Forbidden, Unauthorized
from rung.telemetry import Metrics
from tests.unit.api.conftest import Client, FakeRuntime, chat_body, served

KEYS = {"ann": "key-a", "bob": "key-b\n"}  # as a file or a variable may hold it
GUARDED = [("POST", "/v1/chat/completions"), ("POST", "/v1/explain"), ("POST", "/v1/feedback"), ("GET", "/v1/models")]
GUARDED += [("GET", "/v1/models/auto"), ("GET", "/metrics")]
OPEN = ["/", "/health/live", "/health/ready", "/health/startup"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("rung.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.1.4", False),
        ("example.com", False),
        ("127.0.0.1.example.com", False),
        ("notlocalhost", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_where_rung_may_listen() -> None:
    assert door_problem(Server(), "127.0.0.1") is None
    assert door_problem(Server(api_keys=KEYS), "0.0.0.0") is None
    assert door_problem(Server(open=True), "0.0.0.0") is None
    problem = door_problem(Server(), "0.0.0.0")
    assert problem is not None
    assert all(word in problem for word in ("0.0.0.0", "server.api_keys", "127.0.0.1", "--open"))
    assert "all addresses" in (door_problem(Server(), "") or "")


def test_a_server_that_listens_to_all_and_lost_its_keys_lets_nobody_in() -> None:
    with pytest.raises(ConfigError, match="without API keys"):
        Door(Server(host="0.0.0.0"))


def test_a_keys_name_is_its_tenant() -> None:
    door = Door(Server(api_keys=KEYS))
    assert door.admit({b"authorization": b"Bearer key-a"}) == "ann"
    assert door.admit({b"authorization": b"bearer  key-b "}) == "bob"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b""},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Bearer key-c"},
        {b"authorization": b"Bearer key-a key-b"},
        {b"authorization": b"Basic key-a"},
        {b"authorization": b"Bearer \xff"},
    ],
)
def test_without_a_key_nobody_comes_in(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthorized) as e:
        Door(Server(api_keys=KEYS)).admit(headers)
    assert "key-" not in e.value.message


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"host": b"127.0.0.1:8080"},
        {b"host": b"localhost"},
        {b"host": b"[::1]:8080", b"origin": b"http://[::1]:8080"},
        {b"host": b"LocalHost:8080", b"origin": b"http://localhost:8080"},
        {b"host": b"127.0.0.1:8080", b"authorization": b"Bearer anything"},
    ],
)
def test_programs_and_our_own_pages_come_in_without_keys(headers: dict[bytes, bytes]) -> None:
    assert Door(Server()).admit(headers) == "local"


@pytest.mark.parametrize(
    "headers",
    [
        {b"host": b"127.0.0.1:8080", b"origin": b"https://example.com"},
        {b"host": b"127.0.0.1:8080", b"origin": b"http://127.0.0.1:3000"},
        {b"host": b"127.0.0.1:8080", b"origin": b"null"},
        {b"host": b"127.0.0.1:8080", b"origin": b""},
        {b"host": b"rebound.example.com:8080"},
        {b"host": b"rebound.example.com:8080", b"origin": b"http://rebound.example.com:8080"},
    ],
)
def test_pages_from_elsewhere_do_not(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Forbidden):
        Door(Server()).admit(headers)


def test_an_open_server_goes_by_any_name_but_still_refuses_other_origins() -> None:
    door = Door(Server(host="0.0.0.0", open=True))
    assert door.admit({b"host": b"rung.lan:8080", b"origin": b"http://rung.lan:8080"}) == "local"
    with pytest.raises(Forbidden):
        door.admit({b"host": b"rung.lan:8080", b"origin": b"http://example.com"})


async def test_what_needs_a_key_and_what_does_not(make_client: Callable[..., Client], runtime: FakeRuntime) -> None:
    client = make_client(api_keys=KEYS)
    for method, path in GUARDED:
        got = await client.ask(method, path, chat_body())
        assert (path, got.status, got.error["code"]) == (path, 401, "invalid_api_key")
        assert got.headers["www-authenticate"] == "Bearer"
    for path in OPEN:
        assert (await client.ask("GET", path)).status == 200
    assert not runtime.requests
    got = await client.chat({"authorization": "Bearer key-b"})
    assert got.status == 200
    assert runtime.requests[0].tenant == "bob"
    said = {"decision_id": "x", "score": 1}
    await client.ask("POST", "/v1/feedback", said, {"authorization": "Bearer key-a"})
    assert runtime.said[0].tenant == "ann"


async def test_a_reload_swaps_keys_and_runtime() -> None:
    first, second = FakeRuntime(), FakeRuntime()
    now = served(first, Server(api_keys={"ann": "old"}))
    client = Client(make_app(now, Metrics(), RealClock()))
    assert (await client.chat({"authorization": "Bearer old"})).status == 200
    vars(now).update(vars(served(second, Server(api_keys={"ann": "new"}))))
    assert (await client.chat({"authorization": "Bearer old"})).status == 401
    assert (await client.chat({"authorization": "Bearer new"})).status == 200
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_body_that_ends_after_a_reload_is_served_by_the_new_runtime() -> None:
    first, second = FakeRuntime(), FakeRuntime()
    now = served(first, Server(api_keys={"ann": "old"}))
    client = Client(make_app(now, Metrics(), RealClock()))
    for path in ("/v1/chat/completions", "/v1/explain"):
        call, task = client.begin("POST", path, (), {"authorization": "Bearer old"})
        await asyncio.sleep(0)
        vars(now).update(vars(served(second, Server(api_keys={"ann": "new"}))))
        call.brings(chat_body())  # the first runtime's leaves may be closed by now: it counts no request
        await task
        vars(now).update(vars(served(first, Server(api_keys={"ann": "old"}))))
        assert call.got.status == 200, "who was let in is in"
    assert (len(first.requests), len(second.requests)) == (0, 2)
