"""Any server that speaks OpenAI's chat completions."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from rung.clock import Clock
from rung.config.schema import EndpointConfig
from rung.reasoners.base import Abilities, Below, Status
from rung.reasoners.openai import ChatClient, Server
from rung.types import Call, Chunk


class Endpoint:
    """Sends requests on as they are, `model` and `stream` apart, and answers as they come.

    Every pair of an address and a key is an upstream of its own. Which of them is called is the lane's choice; `answer`
    takes the first.
    """

    def __init__(self, name: str, config: EndpointConfig, clock: Clock) -> None:
        self.name = name
        self._clients = [
            ChatClient(_server(name, config, address, key), clock)
            for address in config.addresses
            for key in config.keys
        ]
        # Warm once started: nothing is known of the server until it is asked, and how that went is for the lane.
        self.status = Status(state="cold", note="not started", ready_in_s=0.0)
        self.abilities = Abilities(
            tools=config.tools,
            json_object=True,
            json_schema=config.json_schema,
            logprobs=config.logprobs,
            images=config.images,
            n=config.n,
            context_tokens=config.context_tokens,
        )
        names = _names(name, config)
        self.upstreams: Mapping[str, Below] = dict(zip(names, map(_answers, self._clients), strict=True))

    async def start(self) -> None:
        for client in self._clients:
            await client.open()
        self.status = Status(state="warm")

    def answer(self, call: Call) -> AsyncIterator[Chunk]:
        return self._clients[0].answer(call.body, stream=call.stream)

    async def close(self) -> None:
        """Breaks off what is still being answered. A second time does nothing."""
        self.status = Status(state="down", note="closed")
        for client in self._clients:
            await client.close()


def _answers(client: ChatClient) -> Below:
    return lambda call: client.answer(call.body, stream=call.stream)


def _names(name: str, config: EndpointConfig) -> list[str]:
    """What upstreams are called where people read it: by host, and by a key's place in the config, never by the key."""
    if len(config.addresses) == len(config.keys) == 1:
        return [name]
    hosts = [urlsplit(address).netloc.rpartition("@")[2] for address in config.addresses]
    if len(set(hosts)) < len(hosts):
        hosts = [f"{host} {at}" for at, host in enumerate(hosts, 1)]
    if len(config.keys) == 1:
        return hosts
    return [f"{host} key {at}" for host in hosts for at in range(1, len(config.keys) + 1)]


def _server(name: str, config: EndpointConfig, base_url: str, key: str) -> Server:
    return Server(
        name=name,
        base_url=base_url,
        model=config.model,
        headers={**({"Authorization": f"Bearer {key}"} if key else {}), **config.headers},
        price=config.price,
        timeouts=config.timeouts,
        concurrency=config.concurrency,
    )
