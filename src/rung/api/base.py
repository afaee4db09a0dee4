"""What the door needs of the runtime behind it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from rung.config import Config
from rung.types import Commit, Decision, Event, Feedback, LaneStats, Readiness, ReasonerInfo, Reply, Request


class Runtime(Protocol):
    def run(self, request: Request) -> AsyncGenerator[Event, None]:
        """One Commit, then chunks (when the request streams), then one Reply. Raises RungError; closing stops it."""

    async def whole(self, request: Request) -> tuple[Commit, Reply]:
        """What `run` gives of a request that does not stream. Raises RungError; cancelling stops it."""

    async def explain(self, request: Request) -> Decision:
        """The decision that would be taken; nothing is called."""

    async def feedback(self, feedback: Feedback) -> None:
        """Durable on return. Raises UnknownDecision, LedgerError."""

    def reasoners(self) -> tuple[ReasonerInfo, ...]: ...

    def lanes(self) -> tuple[LaneStats, ...]: ...

    def readiness(self) -> Readiness: ...


class Serves(Protocol):
    """What serves now, and by which config: a reload swaps both at once."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def config(self) -> Config: ...
