"""What every endpoint does first: who asks, and what."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from msgspec import Struct
from starlette.types import Receive, Scope

from rung.api.base import Runtime, Serves
from rung.api.body import read_body
from rung.api.decode import Arrival
from rung.api.doors import Door
from rung.clock import Clock, soon_within
from rung.config.schema import Server
from rung.errors import DeadlineExceeded
from rung.types import Answer, Decision, Request

# A response's body from its id, the second it is written at, the answer, and why it is that one; the last is shown on
# wish.
Write = Callable[[str, int, Answer, Decision, bool], Coroutine[Any, None, bytes]]


class Serving(Struct, frozen=True):
    """What serves now, and what follows from it. A request is let in by one, and answered by the one that serves once
    its body is there: until it runs no runtime counts it, so that a reload would close the leaves of the first."""

    runtime: Runtime
    server: Server
    door: Door
    known: tuple[str, ...]
    max_bytes: int


# What is asked, by a body, and how the answer is to be written.
Read = Callable[[bytes, Arrival, "Serving"], tuple[Request, Write]]


class Asked(Struct, frozen=True):
    """A request with what answers it, how the answer is to be written, and the headers it came with."""

    request: Request
    write: Write
    runtime: Runtime
    headers: Mapping[bytes, bytes]


class Front:
    """A reload of what `serves` is seen by the next request."""

    def __init__(self, serves: Serves, clock: Clock, ids: Callable[[], str]) -> None:
        self._serves = serves
        self._clock = clock
        self._ids = ids
        self._serving: Serving | None = None

    def serving(self) -> Serving:
        runtime, server, seen = self._serves.runtime, self._serves.config.server, self._serving
        if seen is None or seen.runtime is not runtime or seen.server is not server:
            known = tuple(info.name for info in runtime.reasoners())
            seen = self._serving = Serving(runtime, server, Door(server), known, int(server.max_body_mb * 1e6))
        return seen

    def admit(self, scope: Scope) -> tuple[Serving, Arrival]:
        """Raises Unauthorized, Forbidden."""
        serving = self.serving()
        headers = dict(scope["headers"])
        at_s = self._clock.monotonic()
        return serving, Arrival(id=self._ids(), tenant=serving.door.admit(headers), at_s=at_s, headers=headers)

    async def body(self, serving: Serving, arrival: Arrival, receive: Receive) -> bytes:
        """Raises BadRequest, BodyTooLarge, DeadlineExceeded, Gone."""
        within_s = serving.server.deadline_s
        try:
            return await soon_within(within_s, read_body(receive, arrival.headers, serving.max_bytes))
        except TimeoutError:
            raise DeadlineExceeded(f"The body did not arrive within {within_s:g} s, server.deadline_s.") from None

    async def asked(self, scope: Scope, receive: Receive, read: Read) -> Asked:
        """What is asked, and by what it is to be answered, without awaiting anything in between. Raises RequestError,
        DeadlineExceeded, Gone."""
        serving, arrival = self.admit(scope)
        raw = await self.body(serving, arrival, receive)
        now = self.serving()
        request, write = read(raw, arrival, now)
        return Asked(request, write, now.runtime, arrival.headers)
