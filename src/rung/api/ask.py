"""A path that asks something, from the request's arrival to its line in the log."""

import asyncio

import structlog
from starlette.types import Receive, Scope

from rung.api.body import Gone
from rung.api.decode import is_true
from rung.api.exchange import Exchange, KeepAlive
from rung.api.front import Front, Read
from rung.api.line import DisconnectTimer, Line, until_gone
from rung.clock import Clock, guarded
from rung.errors import DeadlineExceeded, NotReady, RungError
from rung.telemetry import Metrics

# The runtime ends a request at its deadline; a client that is slow to read the end of its answer has this much more.
READING_S = 5.0

_CLIENT_GONE = 499


class Seen:
    """What came of a request, for the metrics and the log."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.status = 500
        self.error = "internal"

    def ended(self, status: int, error: str = "") -> None:
        self.status = status
        self.error = error


class Ask:
    """`name` stands in the log and the metrics; `read` makes a request of a body."""

    def __init__(
        self, name: str, read: Read, front: Front, metrics: Metrics, clock: Clock, keep_alive: KeepAlive
    ) -> None:
        self._name = name
        self._read = read
        self._front = front
        self._metrics = metrics
        self._clock = clock
        self._keep_alive = keep_alive
        self._disconnects = DisconnectTimer()
        # Bound once: the lazy logger would look its configuration up for every line.
        self._log = structlog.get_logger("rung.api").bind()

    async def __call__(self, scope: Scope, receive: Receive, line: Line) -> None:
        arrived_s = self._clock.monotonic()
        seen = Seen()
        self._metrics.in_flight += 1
        try:
            await self._answer(scope, receive, line, seen)
        except Gone:
            seen.ended(_CLIENT_GONE, "gone")
        except asyncio.CancelledError:
            seen.ended(NotReady.status, "stopping")
            raise
        except RungError as e:
            seen.ended(e.status, type(e).code or e.type)  # not an upstream's: figures have a bounded number of labels
            await line.fail(e, seen.exchange.headers(None) if seen.exchange else [])
        finally:
            self._metrics.in_flight -= 1
            self._record(seen, self._clock.monotonic() - arrived_s)

    async def _answer(self, scope: Scope, receive: Receive, line: Line, seen: Seen) -> None:
        asked = await self._front.asked(scope, receive, self._read)
        request = asked.request
        said = asked.headers.get(b"x-rung-debug")
        debug = said is not None and is_true("x-rung-debug", said)
        exchange = seen.exchange = Exchange(request, line, self._clock, debug=debug)
        within_s = request.deadline_s - self._clock.monotonic() + READING_S
        if request.stream:
            work = exchange.stream(asked.runtime, self._keep_alive, self._metrics)
        else:
            work = exchange.whole(asked.runtime, asked.write)
        client = until_gone(receive, within_s, self._disconnects)
        await guarded(work, lambda: client)
        if client.ended == "too late" and line.state == "new":
            raise DeadlineExceeded("The deadline passed before there was an answer.")
        seen.ended(_CLIENT_GONE if client.ended else 200, client.ended)

    def _record(self, seen: Seen, seconds: float) -> None:
        exchange = seen.exchange
        reasoner = exchange.reasoner if exchange else ""
        self._metrics.responded(self._name, reasoner, seen.error, seconds)
        self._log.info(
            self._name,
            id=exchange.id if exchange else None,
            model=exchange.model if exchange else None,
            reasoner=reasoner,
            status=seen.status,
            error=seen.error,
            ms=round(seconds * 1000, 2),
        )
