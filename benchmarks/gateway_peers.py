"""LiteLLM and Portkey in environments of their own, under the user's cache folder, at pinned versions."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

LITELLM = "1.108.7"
PORTKEY = "1.15.2"
# With a later one every stream of this Portkey is an error: github.com/Portkey-AI/gateway/issues/1389.
HONO_SERVER = "1.13.8"


def litellm_home() -> Path:
    """A virtual environment that has LiteLLM's proxy: made on the first call."""
    home = _folder() / f"litellm-{LITELLM}"
    if not (home / "done").exists():
        uv = str(Path(sys.executable).parent / "uv")
        _install("LiteLLM", [uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)])
        installing = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(home / "bin" / "python")]
        _install("LiteLLM", [*installing, f"litellm[proxy]=={LITELLM}"])
        (home / "done").touch()
    return home


def portkey_home() -> Path:
    """A folder in whose node_modules Portkey's gateway is: made on the first call."""
    home = _folder() / f"portkey-{PORTKEY}"
    if not (home / "done").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("Portkey needs node and npm, and npm is not there. Without --peers it is left out.")
        home.mkdir(parents=True, exist_ok=True)
        wanted = {"@portkey-ai/gateway": PORTKEY}
        package = {"dependencies": wanted, "overrides": {"@hono/node-server": HONO_SERVER}}
        (home / "package.json").write_text(json.dumps(package))
        _install("Portkey", [npm, "install", "--silent", "--prefix", str(home)])
        (home / "done").touch()
    return home


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "rung-benchmarks"


def _install(what: str, command: list[str]) -> None:
    print(f"installing {what}: {' '.join(command)}", flush=True)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{what} could not be installed:\n{(done.stdout + done.stderr)[-2000:]}")
