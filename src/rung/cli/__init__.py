"""The command line: one file a command."""

from rung.cli.app import main

__all__ = ["main"]
