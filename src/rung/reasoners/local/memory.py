"""Which models are in memory, where they may not all be: `machine.memory_mb` bounds them together.

What is loaded stays until another is asked for that does not fit beside it; then those go that are idle, least recently
useful first. Nothing that serves, or that somebody waits for, is unloaded: who does not fit waits until it is idle.
Where a critical request waits for one, those that none waits for give way: they end what they serve, and begin nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from rung.reasoners.local.child import PROMPTS_MB
from rung.reasoners.local.gguf import cache_bytes

# llama.cpp's process beside all that: measured with a 135M model, 59 MiB at every context.
_PROCESS_BYTES = 64 * 2**20


def needed_bytes(path: Path, tokens: int) -> int:
    """What a model takes: its file, keys and values of `tokens` (all slots' contexts), the prompts that llama.cpp
    keeps, and its process.

    Where llama.cpp keeps weights a second time, repacked for the processor, the file's own pages are only cache that
    the system takes back. Raises WeightsError.
    """
    context_bytes = tokens * cache_bytes(path)
    return path.stat().st_size + context_bytes + PROMPTS_MB * 2**20 + _PROCESS_BYTES


class Loaded(Protocol):
    """A model, as the memory that it takes sees it."""

    @property
    def idle(self) -> bool:
        """Nobody is served by it or waits for it, and it is not on its way in or out."""

    @property
    def used_s(self) -> float:
        """When it was last useful."""

    @property
    def urgent(self) -> bool:
        """Whether a critical request waits for it."""

    def give_way(self) -> None:
        """Begins nothing more for a moment, so as to become idle. To be said again for as long as that is wanted."""

    def unload(self) -> None:
        """Begins to leave; from now on it serves nobody. It gives its memory back once it is gone."""


class Share(Struct, frozen=True):
    """What one model holds; `idle` and `used_s` as of now."""

    size_bytes: int
    idle: bool
    used_s: float


def to_unload(shares: Sequence[Share], short_bytes: int) -> list[int] | None:
    """The places in `shares` of those to unload, so that `short_bytes` become free: idle ones, least recently useful
    first, and none that need not go. None if all the idle ones together are too little."""
    going: list[int] = []
    freed_bytes = 0
    for at in sorted((at for at, one in enumerate(shares) if one.idle), key=lambda at: shares[at].used_s):
        if freed_bytes >= short_bytes:
            break
        going.append(at)
        freed_bytes += shares[at].size_bytes
    if freed_bytes < short_bytes:
        return None
    for at in reversed(going.copy()):
        if freed_bytes - shares[at].size_bytes >= short_bytes:
            going.remove(at)
            freed_bytes -= shares[at].size_bytes
    return going


class Memory:
    """Who holds how much. Nobody is queued here: who was refused asks again, as long as it is wanted."""

    def __init__(self, bound_bytes: int | None = None) -> None:
        self.bound_bytes = bound_bytes
        self._held: dict[Loaded, int] = {}
        self._leaving: set[Loaded] = set()
        self._made_way_for: Loaded | None = None

    @property
    def held_bytes(self) -> int:
        return sum(self._held.values())

    def take(self, model: Loaded, size_bytes: int, *, for_somebody: bool) -> bool:
        """Whether `model` may be loaded; it then holds `size_bytes` until it gives them back. If not, and it is
        `for_somebody`, those begin to leave that have to, if that is enough."""
        assert model not in self._held, "a model is loaded once"
        first = self._made_way_for
        if first is not None and first is not model and first.urgent:
            return False
        if self.bound_bytes is not None:
            short_bytes = self.held_bytes + size_bytes - self.bound_bytes
            if short_bytes > 0:
                if for_somebody:
                    self._make_room(model, short_bytes)
                return False
        self._made_way_for = None
        self._held[model] = size_bytes
        return True

    def give_back(self, model: Loaded) -> None:
        """A second time does nothing."""
        self._held.pop(model, None)
        self._leaving.discard(model)

    def _make_room(self, model: Loaded, short_bytes: int) -> None:
        staying = [one for one in self._held if one not in self._leaving]
        short_bytes -= sum(self._held[one] for one in self._leaving)
        shares = [Share(self._held[one], one.idle, one.used_s) for one in staying]
        going = to_unload(shares, short_bytes)
        if going is None and model.urgent:
            # In an order that stays: who just ended something was useful last, and another would be told in its place.
            shares = [Share(self._held[one], one.idle or not one.urgent, float(not one.idle)) for one in staying]
            giving = to_unload(shares, short_bytes) or ()
            self._made_way_for = model if giving else None
            for at in giving:
                staying[at].give_way()
        for at in going or ():
            self._leaving.add(staying[at])
            staying[at].unload()
