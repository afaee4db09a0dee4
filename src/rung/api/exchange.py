"""One request answered on one line: the runtime's events -> a whole response or a stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct

from rung.api.base import Runtime
from rung.api.encode import ChunkWriter, Headers
from rung.api.front import Write
from rung.api.line import Line, kept_open
from rung.clock import Clock
from rung.telemetry import Metrics
from rung.types import Commit, Decision, Event, Reply, Request


class KeepAlive(Struct, frozen=True, kw_only=True):
    """A stream whose answer is held gets its headers after `first_s`, then a comment at once and every `every_s`."""

    first_s: float = 2.0
    every_s: float = 10.0


class Exchange:
    """`reasoner` is what answers, once that is known."""

    def __init__(self, request: Request, line: Line, clock: Clock, *, debug: bool) -> None:
        self._request = request
        self._line = line
        self._clock = clock
        self._debug = debug
        self.id = request.id
        self.model = request.model
        self.reasoner = ""

    def headers(self, commit: Commit | None) -> Headers:
        id_ = self._request.id.encode()
        found: Headers = [(b"x-rung-decision-id", id_), (b"x-request-id", id_)]  # the second for OpenAI's clients
        if commit is not None:
            cache = "miss" if commit.cache == "off" else commit.cache
            found += [(b"x-rung-reasoner", commit.reasoner.encode()), (b"x-rung-cache", cache.encode())]
        return found

    async def whole(self, runtime: Runtime, write: Write) -> None:
        """Raises RungError, `write`'s own too."""
        commit, reply = await runtime.whole(self._request)
        self.reasoner, decision = commit.reasoner, reply.decision
        body = await write(self._request.id, int(self._clock.wall()), reply.answer, decision, self._debug)
        overhead_ms = (self._clock.monotonic() - self._request.arrived_s - decision.reasoner_s) * 1000
        headers = self.headers(commit)
        headers.append((b"x-rung-usd", b"%.9g" % decision.usage.usd))
        headers.append((b"x-rung-overhead-ms", b"%.3f" % max(0.0, overhead_ms)))
        if not decision.quality_reached:
            headers.append((b"x-rung-quality-reached", b"false"))
        await self._line.whole(200, body, headers)

    async def stream(self, runtime: Runtime, keep_alive: KeepAlive, metrics: Metrics) -> None:
        # A generator that is merely dropped stops only once it is collected.
        async with aclosing(runtime.run(self._request)) as events:
            async with kept_open(self._line, self.headers(None), keep_alive.first_s, keep_alive.every_s):
                commit = await anext(events)
            assert isinstance(commit, Commit)
            self.reasoner = commit.reasoner
            if self._line.state == "new":
                await self._line.start_stream(self.headers(commit))
            await self._send_events(events, metrics)

    async def _send_events(self, events: AsyncGenerator[Event, None], metrics: Metrics) -> None:
        options = self._request.body.get("stream_options") or {}
        writer = ChunkWriter(
            self._request.id,
            int(self._clock.wall()),
            self.reasoner,
            include_usage=bool(options.get("include_usage")),
        )
        first = True
        async for event in events:
            if isinstance(event, Reply):
                debug: Decision | None = event.decision if self._debug else None
                await self._line.end(writer.end(event.answer.usage, debug))
            elif not isinstance(event, Commit) and (data := writer.chunk(event)):
                await self._line.piece(data)
                if first:
                    first = False
                    metrics.first_token(self.reasoner, self._clock.monotonic() - self._request.arrived_s)
