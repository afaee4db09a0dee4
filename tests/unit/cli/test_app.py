"""How commands are found, how quickly, and what becomes of errors."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import rung
from rung.cli.app import COMMANDS

HEAVY = ("aiohttp", "starlette", "httptools", "sympy", "pint", "lark", "xllamacpp", "rung.bootstrap")


def python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_every_command(run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listed_help_is_the_commands_own(name: str, run) -> None:
    home, about = COMMANDS[name]
    module, _, attribute = home.partition(":")
    found = getattr(import_module(module), attribute)
    own = found.info.help if hasattr(found, "info") else found.__doc__
    assert own.splitlines()[0] == about
    result = run(name, "--help")
    assert result.exit_code == 0
    assert about.split()[0] in result.output


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["validate"]])
def test_light_commands_load_no_heavy_library(args: list[str]) -> None:
    code = f"""
import sys
from rung.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
heavy = [name for name in {HEAVY!r} if name in sys.modules]
assert not heavy, heavy
"""
    done = python(code, *args)
    assert done.returncode == 0, done.stderr


def test_importing_rung_loads_nothing_heavy() -> None:
    code = f"import sys, rung; assert not [n for n in {(*HEAVY, 'pydantic', 'typer', 'rich')!r} if n in sys.modules]"
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_what_serves_loads_without_the_extras() -> None:
    code = "import sys; sys.modules.update(dict.fromkeys(('xllamacpp', 'scipy', 'onnxruntime'))); import rung.cli.serve"
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_every_help_is_there_without_the_extras() -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys(("xllamacpp", "numpy", "scipy", "pyarrow", "matplotlib", "onnxruntime", "tokenizers")))
from rung.cli.app import app
for name in {list(COMMANDS)!r}:
    try:
        app([name, "--help"])
    except SystemExit as end:
        assert not end.code, name
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
@pytest.mark.parametrize("args", [["validate"], ["models", "--json"]])
def test_a_full_disk_is_told_in_words(args: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rung", *args],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "rung: No space left on device: make room where the output goes\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_a_terminal_cannot_show_is_shown_by_its_number(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("async def answer(request):\n    return chr(0x3C0) + chr(0x1F600)\n")
    (tmp_path / "rung.yaml").write_text("reasoners: {own: {kind: function, call: 'own.py:answer', general: true}}\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONIOENCODING": encoding}

    def chat(*more: str) -> bytes:
        args = [sys.executable, "-m", "rung", "chat", "Hello", "--config", "rung.yaml", *more]
        done = subprocess.run(args, cwd=tmp_path, env=env, capture_output=True, check=True, timeout=60)
        return done.stdout

    assert chat() == rb"\u03c0\U0001f600" + b"\n"
    assert json.loads(chat("--json"))["answer"] == "\u03c0\U0001f600"


def test_it_is_a_module_to_run_too() -> None:
    done = subprocess.run([sys.executable, "-m", "rung", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == rung.__version__


def test_version(run) -> None:
    assert run("--version").output.strip() == rung.__version__


@pytest.mark.parametrize(
    "args", [["nothing"], ["explain"], ["validate", "--nope"], ["chat", "--preset", "lavish", "x"]]
)
def test_wrong_usage_is_exit_code_2(args: list[str], run) -> None:
    assert run(*args).exit_code == 2


def test_an_error_becomes_a_message_and_exit_code_1() -> None:
    done = python("from rung.cli import main; main()", "explain", "x", "--config", "nowhere.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("rung: nowhere.yaml: cannot be read")
    assert "Traceback" not in done.stderr
