"""`rung doctor`: looks for what would keep Rung from working here."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import typer
from rich.console import Console

from rung.cli.checks import (
    Check,
    door,
    endpoint,
    estimates,
    functions,
    ledger,
    llama_cpp,
    memory,
    models,
    port,
    python,
    sandbox,
)
from rung.cli.options import ConfigOption, JsonOption, write_json
from rung.config import Config, load_config
from rung.config.schema import EndpointConfig, LocalConfig
from rung.errors import ConfigError
from rung.reasoners.local.process import INSTALL, is_installed

_STYLE = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look for what would keep Rung from working here.

    Exit code 1 if something would. Only endpoints that the config names are asked, and only for their models.
    """
    console = None if as_json else Console(highlight=False, soft_wrap=True)
    checks = asyncio.run(_all(config, console))
    if as_json:
        write_json({"ok": not _failed(checks), "checks": checks})
    raise typer.Exit(1 if _failed(checks) else 0)


def _failed(checks: list[Check]) -> bool:
    return any(check.level == "fail" for check in checks)


async def _all(path: ConfigOption, console: Console | None) -> list[Check]:
    """Every check, each shown as soon as it is known."""
    checks = []
    async for check in _checks(path):
        checks.append(check)
        if console is not None:
            console.print(f"[{_STYLE[check.level]}]{check.level:4}[/] ", end="")
            console.print(f"{check.what}: {check.found}", markup=False)
            if check.todo and check.level != "ok":
                console.print(f"     {check.todo}", markup=False)
    return checks


async def _checks(path: ConfigOption) -> AsyncIterator[Check]:
    yield python()
    try:
        config = load_config(path)
    except ConfigError as error:
        for problem in error.message.splitlines():
            yield Check("config", "fail", problem, "correct it; `rung validate` looks again")
        return
    yield Check("config", "ok", f"the ladder is {', '.join(config.reasoners)}")
    yield door(config)
    yield ledger(config)
    if (learned := estimates(config)) is not None:
        yield learned
    for check in (*functions(config), *await sandbox(config)):
        yield check
    async with aiohttp.ClientSession() as session:
        yield await port(config, session)
        async for check in _local(config):
            yield check
        endpoints = ((name, entry) for name, entry in config.reasoners.items() if isinstance(entry, EndpointConfig))
        asked = [check for name, entry in endpoints for check in endpoint(name, entry, session)]
        for check in await asyncio.gather(*asked):
            yield check


async def _local(config: Config) -> AsyncIterator[Check]:
    if not is_installed() and any(isinstance(entry, LocalConfig) for entry in config.reasoners.values()):
        yield Check("llama.cpp", "fail", "is not installed; models on this machine need it", INSTALL)
    for check, entry, file in models(config):
        yield check
        if file is not None and is_installed():
            yield memory(file)
            yield await llama_cpp(entry, file)
