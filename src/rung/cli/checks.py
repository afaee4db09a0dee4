"""What `rung doctor` looks at. A check says what it found; where that is not well, also what to do."""

import asyncio
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import aiohttp
import msgspec
from msgspec import Struct

from rung.api import door_problem
from rung.bootstrap.build import build_learned
from rung.cli.options import url_of
from rung.cli.reach import Server
from rung.config import Config
from rung.config.schema import CodeConfig, EndpointConfig, FunctionConfig, LocalConfig, shown, under
from rung.errors import ConfigError, LedgerError, Unavailable, WeightsError
from rung.ledger.store import Store
from rung.reasoners.function import Function
from rung.reasoners.local import weights
from rung.reasoners.local.child import Settings
from rung.reasoners.local.process import INSTALL, Process
from rung.reasoners.local.progress import unwatched
from rung.sandbox import Jail

Level = Literal["ok", "warn", "fail"]

_PYTHONS = ((3, 11), (3, 14))
_ENDPOINT_S = 3.0
_LOAD_S = 120.0
# Beside the weights: the working memory of a small model's context, and Rung itself.
_BESIDE_BYTES = 700_000_000
_SPARE_BYTES = 100_000_000


class Check(Struct, frozen=True):
    """`todo` says what to do about a warning or a failure."""

    what: str
    level: Level
    found: str
    todo: str = ""


def python() -> Check:
    version = sys.version_info[:2]
    found = f"{version[0]}.{version[1]}"
    if _PYTHONS[0] <= version <= _PYTHONS[1]:
        return Check("Python", "ok", found)
    return Check("Python", "fail", found, "Rung is made for 3.11 to 3.14: install one of them")


def door(config: Config) -> Check:
    host = config.server.host
    problem = door_problem(config.server, host)
    if problem:
        return Check("door", "fail", f"{host} would not be opened", problem)
    keys = len(config.server.api_keys)
    return Check("door", "ok", f"{host}, {f'{keys} API keys' if keys else 'no API keys needed'}")


async def port(config: Config, session: aiohttp.ClientSession) -> Check:
    host, number = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            if await Server(session, url_of(host, number), None).is_rung():
                return Check("port", "ok", f"a Rung serves on {host}:{number} already")
            reason = error.strerror or str(error)
            return Check("port", "fail", f"{host}:{number}: {reason}", "set server.port, or serve with --port")
    return Check("port", "ok", f"{host}:{number} is free" if number else "a free one is taken")


def ledger(config: Config) -> Check:
    path = config.ledger.path
    assert path is not None
    try:
        is_there = path.exists()
    except OSError as error:
        return Check(
            "ledger", "fail", f"{path}: {error.strerror or error}", "make its folder yours, or set ledger.path"
        )
    if not is_there:
        folder = _existing(path)
        if os.access(folder, os.W_OK | os.X_OK):
            return Check("ledger", "ok", f"{path} will be made")
        return Check("ledger", "fail", f"{folder} cannot be written", "make it yours, or set ledger.path")
    try:
        Store(path).close()
    except LedgerError as error:
        return Check("ledger", "fail", error.message, "see above")
    except sqlite3.Error as error:
        return Check("ledger", "fail", f"{path}: {error}", "free the disk or the file, or set ledger.path")
    return Check("ledger", "ok", f"{path} can be written")


def estimates(config: Config) -> Check | None:
    """What the config's estimates are learned from; None where that is nothing."""
    try:
        learned = build_learned(config)
    except (ConfigError, WeightsError) as error:
        return Check("estimates", "fail", error.message, "see above, or correct `estimates` in rung.yaml")
    if not learned.origins:
        return None
    known = ", ".join(f"{name} ({origin})" for name, origin in learned.origins.items())
    return Check("estimates", "ok", f"learned of {known}")


def functions(config: Config) -> Iterator[Check]:
    """Loads each, as `rung serve` does."""
    for name, entry in config.reasoners.items():
        if isinstance(entry, FunctionConfig):
            try:
                Function(name, entry)
            except ConfigError as error:
                yield Check(name, "fail", error.message, "correct it, or its `call` in rung.yaml")
            else:
                yield Check(name, "ok", f"{entry.call} is loaded")


def models(config: Config) -> Iterator[tuple[Check, LocalConfig, Path | None]]:
    """Each set of weights once, with its file if it is there and right."""
    assert config.models_dir is not None
    seen: set[tuple[str | None, Path | None]] = set()
    for entry in config.reasoners.values():
        if isinstance(entry, LocalConfig) and (entry.model, entry.path) not in seen:
            seen.add((entry.model, entry.path))
            check, file = _model(entry, config.models_dir)
            yield check, entry, file


def _model(entry: LocalConfig, folder: Path) -> tuple[Check, Path | None]:
    try:
        if entry.path is not None:
            return Check("model", "ok", f"{entry.path} is a GGUF file"), weights.own_file(entry.path)
        model = weights.named(str(entry.model))
    except WeightsError as error:
        return Check("model", "fail", error.message, "correct rung.yaml"), None
    file = weights.find(model, folder, unwatched())
    if file is not None:
        return Check("model", "ok", f"{model.name} is here, every byte of it verified"), file
    need_bytes = model.size_bytes + _SPARE_BYTES
    free_bytes = shutil.disk_usage(_existing(folder)).free
    if free_bytes < need_bytes:
        found = f"{model.name} needs {need_bytes // 1_000_000} MB in {folder}, {free_bytes // 1_000_000} MB are free"
        return Check("model", "fail", found, "make room, or set models_dir to a larger disk"), None
    todo = f"it is fetched when Rung first serves; now: rung models get {model.name}"
    return Check("model", "warn", f"{model.name} ({model.size_mb} MB) is not here yet", todo), None


def memory(file: Path) -> Check:
    need_bytes = file.stat().st_size + _BESIDE_BYTES
    free_bytes = _free_memory_bytes()
    found = f"{free_bytes // 1_000_000} MB free, about {need_bytes // 1_000_000} MB needed for {file.name}"
    if free_bytes >= need_bytes:
        return Check("memory", "ok", found)
    return Check("memory", "warn", found, "close other programs, or take a smaller model: `rung models`")


def _free_memory_bytes() -> int:
    """What can be had without swapping; where the system does not tell, all there is."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


async def sandbox(config: Config) -> list[Check]:
    """Whether real code can be isolated here; nothing where no rung runs any."""
    entries = [entry for entry in config.reasoners.values() if isinstance(entry, CodeConfig)]
    if not entries:
        return []
    isolation = await Jail().isolation()
    if isolation.whole:
        return [Check("sandbox", "ok", f"code runs isolated ({isolation})")]
    if all(entry.allow_unisolated for entry in entries):
        todo = "allow_unisolated is set: it may read files and use the network"
        return [Check("sandbox", "warn", f"code cannot be isolated here ({isolation})", todo)]
    todo = "kind: code answers nothing here; allow namespaces and seccomp, or set allow_unisolated: true"
    return [Check("sandbox", "warn", f"code cannot be isolated here ({isolation})", todo)]


async def llama_cpp(entry: LocalConfig, file: Path) -> Check:
    """Starts it as `rung serve` would, with the smallest context, and ends it."""
    settings = Settings(
        path=str(file),
        name=file.name,
        key="doctor",
        context_tokens=256,
        slots=1,
        step_tokens=entry.step_tokens,
        threads=1,
    )
    process = await Process.start(settings)
    try:
        async with asyncio.timeout(_LOAD_S):
            await process.address()
    except TimeoutError:
        return Check("llama.cpp", "fail", f"{file.name} was not loaded within {_LOAD_S:.0f} s", "is the machine busy?")
    except Unavailable as error:
        return Check("llama.cpp", "fail", error.message, f"install it anew: {INSTALL}")
    finally:
        await process.stop()
    return Check("llama.cpp", "ok", f"loads {entry.model or entry.path}")


def endpoint(name: str, entry: EndpointConfig, session: aiohttp.ClientSession) -> list[Coroutine[Any, Any, Check]]:
    """One check for each of its addresses and keys."""
    doors = list(product(entry.addresses, enumerate(entry.keys, 1)))
    names = [name if len(entry.keys) == 1 else f"{name}, key {at}" for _, (at, _) in doors]
    return [_door_of(n, entry, url, key, session) for n, (url, (_, key)) in zip(names, doors, strict=True)]


async def _door_of(name: str, entry: EndpointConfig, base_url: str, key: str, session: aiohttp.ClientSession) -> Check:
    """Asks for the list of models: costs nothing, and shows whether the key is taken."""
    headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **entry.headers}
    url = under(base_url, "/models")
    try:
        async with session.get(url, headers=headers, timeout=aiohttp.ClientTimeout(_ENDPOINT_S)) as response:
            return _listed(name, f"{shown(base_url)} answers", entry.model, response.status, await response.read())
    except TimeoutError:
        return Check(
            name, "fail", f"{shown(url)} did not answer within {_ENDPOINT_S:.0f} s", "is it up, and reachable?"
        )
    except (aiohttp.ClientError, ValueError) as error:
        why = error.message if isinstance(error, aiohttp.ClientResponseError) else error  # whole, it tells the address
        return Check(name, "fail", f"{shown(url)}: {why}", "check base_url, and that the server is up")


def _listed(name: str, where: str, model: str, status: int, body: bytes) -> Check:
    if status in {401, 403}:
        return Check(name, "fail", f"{where}, but refuses the key ({status})", "set the right key in the environment")
    if status != 200:
        todo = f"ask it something: `rung chat -m {name.partition(',')[0]}`"
        return Check(name, "warn", f"{where} {status} when asked for its models", todo)
    try:
        known = {str(listed["id"]) for listed in msgspec.json.decode(body)["data"]}
    except (msgspec.DecodeError, KeyError, TypeError):
        return Check(name, "warn", f"{where}, but not as OpenAI's API does", "check base_url")
    # Gemini lists its models as models/NAME; aliases are often not listed at all.
    if model in known or f"models/{model}" in known:
        return Check(name, "ok", f"{where} and has {model}")
    return Check(name, "warn", f"{where}, but does not list {model}", "an alias, perhaps; else correct `model`")


def _existing(path: Path) -> Path:
    """The nearest folder on the way to `path` that is there."""
    return next(folder for folder in [path, *path.absolute().parents] if folder.is_dir())
