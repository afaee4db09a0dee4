"""Any server that speaks OpenAI's chat completions."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from rung.clock import Clock
from rung.config.schema import EndpointConfig
from rung.errors import ConfigError, ReasonerError
from rung.reasoners.base import Abilities, Status, closing
from rung.reasoners.openai import ChatClient, Server
from rung.reasoners.standing import Standing
from rung.types import Call, Chunk

_PATH = "/chat/completions"


class Endpoint:
    """Sends requests on as they are, `model` and `stream` apart, and answers as they come."""

    def __init__(self, name: str, config: EndpointConfig, clock: Clock) -> None:
        """Raises ConfigError for an address that cannot be one."""
        self._name = name
        self._client = ChatClient(_server(name, config), clock)
        self._standing = Standing(clock)
        self._state: Status | None = Status(state="cold", note="not started")
        self._abilities = Abilities(
            tools=config.tools,
            json_object=True,
            json_schema=config.json_schema,
            logprobs=config.logprobs,
            images=config.images,
            n=config.n,
            context_tokens=config.context_tokens,
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def abilities(self) -> Abilities:
        return self._abilities

    @property
    def status(self) -> Status:
        """Warm once started, since nothing is known of the server until it is asked; down while it is left alone."""
        if self._state:
            return self._state
        if pause_s := self._standing.pause_s:
            return Status(state="down", note=self._standing.note, ready_in_s=pause_s)
        return _WARM

    async def start(self) -> None:
        await self._client.open()
        self._state = None

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        try:
            async with closing(self._client.answer(call.body, stream=call.stream)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ReasonerError as error:
            self._standing.failed(error)
            raise
        self._standing.answered()

    async def close(self) -> None:
        """Breaks off what is still being answered. A second time does nothing."""
        self._state = Status(state="down", note="closed")
        await self._client.close()


_WARM = Status(state="warm")


def _server(name: str, config: EndpointConfig) -> Server:
    address = urlsplit(config.base_url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ConfigError(
            f"reasoners.{name}.base_url: `{config.base_url}` is no web address; write e.g. https://api.openai.com/v1"
        )
    if address.path.rstrip("/").endswith(_PATH):
        raise ConfigError(f"reasoners.{name}.base_url: leave out the `{_PATH}` at its end")
    key = config.api_key.get_secret_value() if config.api_key else ""
    return Server(
        name=name,
        base_url=config.base_url,
        model=config.model,
        headers={**({"Authorization": f"Bearer {key}"} if key else {}), **config.headers},
        price=config.price,
        timeouts=config.timeouts,
        concurrency=config.concurrency,
    )
