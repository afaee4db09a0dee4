"""The tutorial works as it is written: its files are written, its commands run, and what it shows is what comes out."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-own-reasoner.md"
BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND_S = 60


def blocks() -> Iterator[tuple[str, str, str]]:
    """File, language, text."""
    yield from BLOCK.findall(PAGE.read_text())


def run(command: str, folder: Path) -> str:
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def shown(line: str, output: str) -> bool:
    """Whether a line stands in the output; `...` is whatever comes there."""
    pattern = ".*".join(map(re.escape, line.split("...")))
    return re.search(f"^{pattern}$", output, re.MULTILINE) is not None


@pytest.mark.timeout(6 * COMMAND_S)
def test_the_tutorial_works(tmp_path: Path) -> None:
    output, commands, seen = "", 0, 0
    for name, language, text in blocks():
        if name:
            (tmp_path / name).write_text(text)
        elif language == "sh":
            output = "".join(run(command, tmp_path) for command in text.splitlines())
            commands += len(text.splitlines())
        elif language == "text":
            lines = text.splitlines()
            assert not [line for line in lines if not shown(line, output)], output
            seen += len(lines)
    assert commands == 5
    assert seen >= 10
