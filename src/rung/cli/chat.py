"""`rung chat`: one question, or a talk."""

import asyncio
import contextlib
import io
import sys
from collections.abc import Iterator
from contextlib import aclosing
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape

from rung.cli.loop import Loop, loop_in_thread
from rung.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    PresetOption,
    UrlOption,
    api_key,
    percent,
    text,
    write_json,
)
from rung.cli.reach import Address, Place, Thought, Wanted, reach
from rung.clock import Clock, RealClock
from rung.errors import RungError
from rung.telemetry import configure_logs
from rung.types import Decision, Json

_LOOK_S = 0.25
_INTERRUPTED = 130


def chat(
    question: Annotated[str | None, typer.Argument(help="The question; a talk begins if not given.")] = None,
    model: ModelOption = "auto",
    preset: PresetOption = None,
    config: ConfigOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question, or talk until Ctrl-D.

    A Rung that serves is asked, so that no model is loaded twice; without one, or by --config, this process answers
    itself.
    """
    configure_logs("error", "console")
    wanted = Wanted(messages=(), model=model, preset=preset.value if preset else None)
    try:
        with (
            loop_in_thread() as loop,
            loop.entered(reach(Address(config=config, url=url, key=api_key()), start=True)) as at,
        ):
            talk = Talk(at, wanted, RealClock(), as_json=as_json)
            if question is not None:
                loop.run(talk.ask(question))
            else:
                _converse(talk, loop)
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


def _converse(talk: "Talk", loop: Loop) -> None:
    """Ctrl-C stops an answer; at the prompt it ends the talk, as Ctrl-D does."""
    talk.greet()
    for line in _lines():
        try:
            loop.run(talk.ask(line))
        except KeyboardInterrupt:
            talk.note("stopped")
        except RungError as error:
            talk.note(error.message)


def _lines() -> Iterator[str]:
    prompt = "> " if sys.stdin.isatty() else ""
    if prompt:
        # Arrow keys and a history at the prompt, where Python has them.
        with contextlib.suppress(ImportError):
            __import__("readline")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # one line that is no text ends no talk
    while True:
        try:
            line = input(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            if prompt:
                typer.echo()
            return
        if line:
            yield line


class Talk:
    """The messages so far, and how answers are shown."""

    def __init__(self, place: Place, wanted: Wanted, clock: Clock, *, as_json: bool) -> None:
        self._place = place
        self._wanted = wanted
        self._clock = clock
        self._as_json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        self._aside = Console(highlight=False, soft_wrap=True, stderr=True)

    def greet(self) -> None:
        if sys.stdin.isatty():
            self.note(f"{self._place.about} Ctrl-C stops an answer, Ctrl-D ends.")

    def note(self, said: str) -> None:
        self._aside.print(said, style="dim", markup=False)

    async def ask(self, question: str) -> None:
        """Shows the answer as it comes, then what came of it. Raises RungError; the question is forgotten then."""
        asked: list[Json] = [*self._wanted.messages, {"role": "user", "content": text(question)}]
        began_s = self._clock.monotonic()
        pieces: list[str] = []
        thoughts: list[str] = []
        decision: Decision | None = None
        waiting = asyncio.create_task(self._wait())
        try:
            async with aclosing(self._place.answer(replace(self._wanted, messages=asked))) as said:
                async for piece in said:
                    if isinstance(piece, Thought):  # not shown, so that what is waited for still is
                        thoughts.append(piece)
                        continue
                    await _end(waiting)
                    if isinstance(piece, Decision):
                        decision = piece
                    else:
                        pieces.append(piece)
                        self._show(piece)
        finally:
            await _end(waiting)
        answer = "".join(pieces)
        self._wanted = replace(self._wanted, messages=[*asked, {"role": "assistant", "content": answer}])
        if self._as_json:
            write_json({"answer": answer, "reasoning": "".join(thoughts), "decision": decision})
            return
        self._show("\n")
        if decision is not None:
            self.note(in_a_line(decision, self._clock.monotonic() - began_s))

    def _show(self, piece: str) -> None:
        if not self._as_json:
            self._out.print(piece, end="", markup=False)
            self._out.file.flush()

    async def _wait(self) -> None:
        """Says what is waited for, until cancelled; where there is no terminal, once."""
        await asyncio.sleep(_LOOK_S)
        if not self._aside.is_terminal:
            if loading := await self._place.loading():
                self.note(" | ".join(loading))
            return
        with self._aside.status("") as status:
            while True:
                status.update(escape(" | ".join(await self._place.loading()) or "working on it"))
                await asyncio.sleep(_LOOK_S)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def in_a_line(decision: Decision, seconds: float) -> str:
    """What answered, how sure, seconds, USD."""
    parts = [decision.answered_by or "nobody"]
    if decision.cache == "exact":
        parts.append("from the cache")
    if decision.right_prob is not None:
        parts.append(f"{percent(decision.right_prob)} sure")
    if not decision.quality_reached:
        parts.append("less than was asked for")
    parts += [f"{seconds:.1f} s", f"{decision.usage.usd:.6f} USD"]
    return " · ".join(parts)
