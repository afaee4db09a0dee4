"""What reasoners over another one have in common."""

from collections.abc import AsyncIterator

from rung.errors import ReasonerError
from rung.reasoners.base import Below, Reasoner, Status, closing, collect
from rung.types import NOTHING_SPENT, Answer, Call, Chunk


class Composite:
    """Asks the rung below, `of`, by the way that is `below`. That one is started and closed by its own entry, and as it
    stands, so does this."""

    def __init__(self, name: str, below: Below, of: Reasoner) -> None:
        self.name = name
        self._below = below
        self._of = of

    @property
    def status(self) -> Status:
        return self._of.status

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def _ask(self, call: Call) -> Answer:
        """The whole answer of the rung below."""
        async with closing(self._below(call)) as chunks:
            return collect(self._of.name, [chunk async for chunk in chunks])


def heard(below: Below) -> Below:
    """`below` for a composite, which can no longer tell what its calls took once it is cancelled."""

    async def answer(call: Call) -> AsyncIterator[Chunk]:
        kept: list[Chunk] = []
        if call.heard is not None:
            call.heard.append(kept)
        try:
            async with closing(below(call)) as chunks:
                async for chunk in chunks:
                    kept.append(chunk)
                    yield chunk
        except ReasonerError as error:
            if error.usage != NOTHING_SPENT:
                kept.append(Chunk(usage=error.usage))
            raise

    return answer
