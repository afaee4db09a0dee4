"""What a server tells the person who started it, until everything is warm."""

import asyncio
from textwrap import indent
from typing import TextIO

from rung.api import first_call
from rung.bootstrap import Rung

_LOOK_S = 0.25
# Without a terminal, a line that only counts on is written this often.
_LINE_S = 10.0


class Progress:
    """`chat` and `explain` are the commands that ask this server."""

    def __init__(self, rung: Rung, address: str, out: TextIO, *, chat: str, explain: str) -> None:
        self._rung = rung
        self._address = address
        self._chat = chat
        self._explain = explain
        self._out = out
        self._live = out.isatty()
        self._written_at_s = -_LINE_S

    async def show(self) -> None:
        """Ends when no reasoner is loading any more."""
        self._line(f"Rung serves on {self._address}; models load in the background.")
        while notes := self._loading():
            self._count(" | ".join(notes.values()))
            await asyncio.sleep(_LOOK_S)
        self._clear()
        down = [f"{r.name}: {r.note}" for r in self._rung.runtime.reasoners() if r.state == "down"]
        for note in down:
            self._line(f"Not available: {note}")
        cold = [r.name for r in self._rung.runtime.reasoners() if r.state == "cold"]
        if cold:
            self._line(f"Loaded when asked for: {', '.join(cold)}")
        self._line("The rest is warm." if down or cold else "All is warm.")
        keyed = bool(self._rung.config.server.api_keys)
        call = indent(first_call(self._address, keyed=keyed), "  ")
        client = " and one of your API keys" if keyed else ""
        self._line(
            "Try:\n"
            f"{call}\n"
            f"  {self._chat}\n"
            f'  {self._explain} "Why is the sky blue?"\n'
            f"  any OpenAI client with base_url {self._address}/v1{client}"
        )

    def _loading(self) -> dict[str, str]:
        """One note for each thing that is waited for: rungs over the same weights wait for the same."""
        listed = self._rung.runtime.reasoners()
        waiting = [r for r in listed if r.state == "loading"]
        notes: dict[str, str] = {}
        for r in waiting:
            if r.note not in notes.values():
                notes[r.name] = r.note or f"{r.name} is loading"
        return notes

    def _count(self, text: str) -> None:
        if self._live:
            self._out.write(f"\r\x1b[2K{text[:110]}")
            self._out.flush()
            return
        now_s = self._rung.clock.monotonic()
        if now_s - self._written_at_s >= _LINE_S:
            self._written_at_s = now_s
            self._line(text)

    def _clear(self) -> None:
        if self._live:
            self._out.write("\r\x1b[2K")

    def _line(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()
