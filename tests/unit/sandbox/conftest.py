"""A target for the pool, as a module that the worker process can import."""

from collections.abc import Callable
from pathlib import Path

import pytest

TARGET = """
import os, sys, time

def make():
    def answer(payload):
        word, _, rest = payload.decode().partition(" ")
        if word == "loop":
            while True:
                pass
        if word == "sleep":
            time.sleep(60)
        if word == "memory":
            return bytes(16 * 1024 ** 3)
        if word == "exit":
            os._exit(3)
        if word == "raise":
            raise KeyError(rest)
        if word == "print":
            print("noise on standard output")
            os.write(1, b"more noise")
        if word == "pid":
            return str(os.getpid()).encode()
        if word == "parent":
            return str(os.getppid()).encode()
        if word == "big":
            return b"x" * int(rest)
        return payload
    return answer

def broken():
    raise RuntimeError("this target does not load")
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    (tmp_path / "played_target.py").write_text(TARGET)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda name: f"played_target:{name}"
