"""Puts the commands together, and turns what goes wrong into a message and an exit code."""

import errno
import io
import os
import sys
from importlib import import_module
from typing import Any

import typer
import typer.core
import typer.main

import rung
from rung.errors import RungError

# Name -> where it is, and the first sentence of its help. A command is loaded when it is run, so that none waits for
# the libraries of another.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("rung.cli.serve:serve", "Serve the OpenAI-compatible endpoint until Ctrl-C."),
    "chat": ("rung.cli.chat:chat", "Ask a question, or talk until Ctrl-D."),
    "explain": ("rung.cli.explain:explain", "Show how a question would be answered now, and why; nothing is called."),
    "init": ("rung.cli.init:init", "Write a rung.yaml with what is found here: API keys, a local Ollama."),
    "validate": ("rung.cli.validate:validate", "Check a rung.yaml, and name every problem in it."),
    "models": ("rung.cli.models:app", "List the model files that Rung knows, or get them."),
    "test": ("rung.cli.test:app", "Put a reasoner through the conformance suite, a graded file and a load."),
    "simulate": (
        "rung.cli.simulate:simulate",
        "Replay recorded arrivals through the real lanes and the real rule, with modelled reasoners, in virtual time.",
    ),
    "eval": (
        "rung.cli.eval:evaluate",
        "Learn from outcomes how likely each reasoner is right, say what that is worth, and write it for `serve`.",
    ),
    "replay": (
        "rung.cli.replay:run",
        "Judge today's estimates by scored decisions: how right they are, and what they would have done.",
    ),
    "calibrate": (
        "rung.cli.calibrate:calibrate",
        "Ask reasoners questions with known answers, and place them on the ladder by what they make of these.",
    ),
    "doctor": ("rung.cli.doctor:doctor", "Look for what would keep Rung from working here."),
}


class _Later(typer.core.TyperCommand):
    """A command that is listed, but not loaded before it is run."""

    def __init__(self, name: str, home: str, about: str) -> None:
        super().__init__(name, help=about)
        self._home = home

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        return self.real().make_context(info_name, args, parent, **extra)

    def real(self) -> Any:
        module, _, attribute = self._home.partition(":")
        found = getattr(import_module(module), attribute)
        group = typer.Typer(callback=lambda: None, add_completion=False)
        if isinstance(found, typer.Typer):
            group.add_typer(found, name=self.name)
        else:
            group.command(self.name)(found)
        return typer.main.get_group(group).commands[str(self.name)]


class _Commands(typer.core.TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (home, about) in COMMANDS.items():
            self.add_command(_Later(name, home, about))


app = typer.Typer(
    name="rung",
    cls=_Commands,
    help="One endpoint in front of many reasoners: each request is answered on the lowest rung that gets it right.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(rung.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def _open_standard_streams() -> None:
    """Whoever started this may have closed some, as `<&-` does: else our sockets have their numbers, and what we start
    takes those for its own."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))


def _show_all_characters() -> None:
    """What standard output cannot hold is written as standard errors writes it, by its number."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> None:
    """Exit codes: 0 fine, 1 the thing asked about is not so, 2 wrong usage."""
    _open_standard_streams()
    _show_all_characters()
    try:
        app()
    except RungError as error:
        sys.exit(f"rung: {error.message}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"rung: {error.strerror}: make room where the output goes")
