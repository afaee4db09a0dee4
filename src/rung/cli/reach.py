"""Where `rung chat` and `rung explain` are answered: by a Rung that serves already, or by one in this process."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import msgspec
from msgspec import Struct

from rung.bootstrap import Rung
from rung.cli.own import own_url
from rung.config import Config, load_config
from rung.errors import Malformed, NotReady, RungError, Unauthorized, Unavailable
from rung.reasoners.sse import Events
from rung.types import Chunk, Decision, Json, Preset, Reply

_CONNECT_S = 1.0
_LOOK_S = 2.0
# What to connect to where a server listens on every address.


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked; `messages` are OpenAI's."""

    messages: Sequence[Json]
    model: str = "auto"
    preset: Preset | None = None

    @property
    def wishes(self) -> dict[str, Any]:
        return {"preset": self.preset} if self.preset else {}


class Address(Struct, frozen=True, kw_only=True):
    """What the user said of where to ask: a `url`, or else a `config`, and whoever names one wants that one, not the
    one that some server has."""

    config: Path | None = None
    url: str | None = None
    key: str | None = None


class Thought(str):
    """What comes beside an answer's text: its steps, its program, what its tests showed."""

    __slots__ = ()


class Place(Protocol):
    """`about` says where it is. `answer` yields the text as it comes, and the decision at the end; it raises
    RungError, as `explain` does. `loading` are sentences on what is still waited for."""

    about: str

    def answer(self, wanted: Wanted) -> AsyncGenerator[str | Decision, None]: ...

    async def explain(self, wanted: Wanted) -> Decision: ...

    async def loading(self) -> tuple[str, ...]: ...


@asynccontextmanager
async def reach(address: Address, *, start: bool) -> AsyncIterator[Place]:
    """`start`: whether a Rung in this process is to load its models. Raises RungError."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        config = None if address.url else load_config(address.config)
        server = Server(session, address.url or own_url(config), _key(address, config))
        if (address.url or address.config is None) and await server.is_rung():
            yield server
            return
        if config is None:
            raise NotReady(f"no Rung answers at {server.url}; start one with `rung serve`, or leave --url out")
        rung = Rung(config)
        if not start:
            await rung.learn()
            yield Here(rung, "No Rung serves, so nothing is loaded: models are taken to need a few seconds first.")
            return
        async with rung:
            yield Here(rung, "No Rung serves, so this process answers itself.")


def _key(address: Address, config: Config | None) -> str | None:
    """The key that was given, or one that the config lets in."""
    known = [key.get_secret_value() for key in config.server.api_keys.values()] if config else []
    return address.key or next(iter(known), None)


class Here:
    """A Rung of this process's own."""

    def __init__(self, rung: Rung, about: str) -> None:
        self._rung = rung
        self.about = about

    async def answer(self, wanted: Wanted) -> AsyncGenerator[str | Decision, None]:
        request = self._rung.request(wanted.messages, model=wanted.model, stream=True, **wanted.wishes)
        async with aclosing(self._rung.runtime.run(request)) as events:
            async for event in events:
                if isinstance(event, Chunk):
                    if event.reasoning:
                        yield Thought(event.reasoning)
                    if event.text:
                        yield event.text
                elif isinstance(event, Reply):
                    yield event.decision

    async def explain(self, wanted: Wanted) -> Decision:
        return await self._rung.explain(wanted.messages, model=wanted.model, **wanted.wishes)

    async def loading(self) -> tuple[str, ...]:
        return self._rung.runtime.readiness().loading


class Server:
    """A Rung that serves at `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str | None) -> None:
        self._session = session
        self.url = url.rstrip("/").removesuffix("/v1")
        self._headers = {"x-rung-debug": "true", **({"Authorization": f"Bearer {key}"} if key else {})}
        self.about = f"Asking the Rung at {self.url}."

    async def is_rung(self) -> bool:
        """Any server may stand at an address; Rung says its name."""
        try:
            async with self._session.get(self.url, timeout=aiohttp.ClientTimeout(_LOOK_S)) as response:
                return (await response.content.read(5)) == b"Rung "
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False

    async def answer(self, wanted: Wanted) -> AsyncGenerator[str | Decision, None]:
        async with self._post("/v1/chat/completions", wanted, stream=True) as response:
            events = Events()
            try:
                async for packet in response.content.iter_any():
                    for data in events.feed(packet):
                        for said in _read(data):
                            yield said
            except aiohttp.ClientError as error:
                raise self._gone(error) from error

    async def explain(self, wanted: Wanted) -> Decision:
        async with self._post("/v1/explain", wanted) as response:
            return _decision(await response.read())

    async def loading(self) -> tuple[str, ...]:
        try:
            async with self._session.get(f"{self.url}/health/startup") as response:
                return tuple((await response.json()).get("loading", ()))
        except (aiohttp.ClientError, ValueError):
            return ()

    @asynccontextmanager
    async def _post(self, path: str, wanted: Wanted, **more: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        body = {"model": wanted.model, "messages": wanted.messages, "rung": wanted.wishes, **more}
        try:
            response = await self._session.post(f"{self.url}{path}", json=body, headers=self._headers)
        except aiohttp.ClientError as error:
            raise self._gone(error) from error
        async with response:
            if response.status == Unauthorized.status:
                raise Unauthorized(f"{self.url} answers who has one of its API keys: put one into RUNG_API_KEY")
            if response.status != 200:
                raise _refusal(await response.read(), f"{self.url} answered {response.status}")
            yield response

    def _gone(self, error: aiohttp.ClientError) -> Unavailable:
        return Unavailable(f"{self.url} does not answer any more ({error})")


def _read(data: bytes) -> list[str | Decision]:
    """What one event of a stream says."""
    if data == b"[DONE]":
        return []
    event = msgspec.json.decode(data)
    if "error" in event:
        raise _refusal(data, "the server broke off")
    said: list[str | Decision] = []
    for choice in event.get("choices", ()):
        if thought := choice["delta"].get("reasoning_content"):
            said.append(Thought(thought))
        if text := choice["delta"].get("content"):
            said.append(text)
    if "rung" in event:
        said.append(_decision(msgspec.json.encode(event["rung"])))
    return said


def _decision(raw: bytes) -> Decision:
    try:
        return msgspec.json.decode(raw, type=Decision)
    except msgspec.DecodeError as error:
        raise Malformed(f"the server's decision cannot be read; is it another version of Rung? ({error})") from error


def _refusal(raw: bytes, otherwise: str) -> RungError:
    try:
        return RungError(str(msgspec.json.decode(raw)["error"]["message"]))
    except (msgspec.DecodeError, KeyError, TypeError):
        return RungError(otherwise)
