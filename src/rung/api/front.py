"""What every endpoint does first: who asks, and what."""

import asyncio
from collections.abc import Callable

from msgspec import Struct
from starlette.types import Receive, Scope

from rung.api.base import Runtime
from rung.api.body import parse_object, read_body
from rung.api.decode import Arrival, decode
from rung.api.doors import Door
from rung.clock import Clock
from rung.config.schema import Server
from rung.errors import DeadlineExceeded
from rung.types import Request


class Serving(Struct, frozen=True):
    """What serves now, and what follows from it. A request is let in by one, and answered by the one that serves once
    its body is there: until it runs no runtime counts it, so that a reload would close the leaves of the first."""

    runtime: Runtime
    server: Server
    door: Door
    known: tuple[str, ...]

    @property
    def max_bytes(self) -> int:
        return int(self.server.max_body_mb * 1e6)


class Front:
    """`current` and `server` return what serves now: a reload is seen by the next request."""

    def __init__(
        self, current: Callable[[], Runtime], server: Callable[[], Server], clock: Clock, ids: Callable[[], str]
    ) -> None:
        self._current = current
        self._server = server
        self._clock = clock
        self._ids = ids
        self._serving: Serving | None = None

    def serving(self) -> Serving:
        runtime, server, seen = self._current(), self._server(), self._serving
        if seen is None or seen.runtime is not runtime or seen.server is not server:
            known = tuple(info.name for info in runtime.reasoners())
            seen = self._serving = Serving(runtime, server, Door(server), known)
        return seen

    def admit(self, scope: Scope) -> tuple[Serving, Arrival]:
        """Raises Unauthorized, Forbidden."""
        serving = self.serving()
        headers = dict(scope["headers"])
        at_s = self._clock.monotonic()
        return serving, Arrival(id=self._ids(), tenant=serving.door.admit(headers), at_s=at_s, headers=headers)

    async def body(self, serving: Serving, arrival: Arrival, receive: Receive) -> dict[str, object]:
        """Raises BadRequest, BodyTooLarge, DeadlineExceeded, Gone."""
        within_s = serving.server.deadline_s
        try:
            async with asyncio.timeout(within_s):
                raw = await read_body(receive, arrival.headers, serving.max_bytes)
        except TimeoutError:
            raise DeadlineExceeded(f"The body did not arrive within {within_s:g} s, server.deadline_s.") from None
        return parse_object(raw)

    async def request(self, serving: Serving, arrival: Arrival, receive: Receive) -> tuple[Request, Serving]:
        """What is asked, and by what it is to be answered, without awaiting anything in between. Raises RequestError,
        DeadlineExceeded, Gone."""
        value = await self.body(serving, arrival, receive)
        now = self.serving()
        return decode(value, arrival, now.known, now.server.deadline_s), now
