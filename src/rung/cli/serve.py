"""`rung serve`: the HTTP server."""

import asyncio
import gc
import shutil
import signal
import socket
import sys
from pathlib import Path

import structlog
import typer
import uvloop

from rung.api import door_problem, make_app
from rung.bootstrap import Rung, Source, watch_config
from rung.cli.options import ConfigOption, url_of
from rung.cli.own import how_to_reach
from rung.cli.progress import Progress
from rung.cli.wire import BACKLOG, HttpServer
from rung.config import Config, load_config
from rung.errors import ConfigError
from rung.telemetry import configure_logs

_log = structlog.get_logger("rung.serve")
# How long a request that is being answered may take to end after Ctrl-C.
_GRACE_S = 5
_OBJECTS_A_LOOK = 20_000


def serve(
    config: ConfigOption = None,
    host: str | None = typer.Option(None, help="Address to listen on, in place of the config's."),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port to listen on; 0 takes a free one."),
    anyone: bool = typer.Option(False, "--open", help="Listen beyond loopback without API keys."),
) -> None:
    """Serve the OpenAI-compatible endpoint until Ctrl-C."""
    path = config or (Path("rung.yaml") if Path("rung.yaml").exists() else None)

    def read() -> Config:
        settings = _with_overrides(load_config(path), host, port, anyone)
        problem = door_problem(settings.server, settings.server.host)
        if problem:
            raise ConfigError(problem)
        return settings

    settings = read()
    configure_logs(settings.log.level, settings.log.format)
    with _listening(settings) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, Source(path, read) if path else None, listener))


def _with_overrides(config: Config, host: str | None, port: int | None, anyone: bool) -> Config:
    given = {"host": host, "port": port, "open": anyone or None}
    changes = {name: value for name, value in given.items() if value is not None}
    return config.model_copy(update={"server": config.server.model_copy(update=changes)})


def _listening(config: Config) -> socket.socket:
    host, port = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; take another with --port or --host, "
            "or PORT= or HOST= for make"
        ) from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def spare_collector() -> None:
    """What is there from the start stays for good: the collector need not walk it again, which held up every request
    meanwhile. Requests make many objects and few cycles, so it looks for those less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_A_LOOK, 10, 10)


def spare_generators() -> None:
    """The loop lists generators under way, so as to close at its end what is left of them. Here whoever opens one
    closes it, and three places in that list are a hundredth of a request."""
    sys.set_asyncgen_hooks(firstiter=None, finalizer=sys.get_asyncgen_hooks().finalizer)


async def _until_told(server: HttpServer, listener: socket.socket) -> None:
    """Serves until a signal says to stop. A second one waits for nothing."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def told() -> None:
        if stop.is_set():
            server.hurry()
        else:
            _log.info("stopping")
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    try:
        await server.serve(listener, stop, _GRACE_S)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _tell_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a task has ended for good; restart Rung to have it again", task=task.get_name(), exc_info=error)


def _own_name() -> str:
    """How to call this again: after `make run` there is a `rung` in the checkout, and none on the path."""
    called = sys.argv[0]
    return called if Path(called).name == "rung" and shutil.which("rung") is None else "rung"


async def _serve(config: Config, source: Source | None, listener: socket.socket) -> None:
    rung = Rung(config)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    asgi = make_app(rung, rung.metrics, rung.clock)
    host, port = listener.getsockname()[:2]
    own, where = _own_name(), how_to_reach(_with_overrides(config, None, port, False))
    progress = Progress(
        rung, url_of(host, port), sys.stderr, chat=f"{own} chat{where}", explain=f"{own} explain{where}"
    )
    async with rung:
        spare_collector()
        spare_generators()
        tasks = [asyncio.create_task(progress.show(), name="what shows progress")]
        if source is not None:
            tasks.append(asyncio.create_task(watch_config(rung, source, asked), name="what watches the config"))
        for task in tasks:
            task.add_done_callback(_tell_if_failed)
        try:
            await _until_told(HttpServer(asgi, rung.clock, lambda: rung.config.server.idle_s), listener)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            _log.info("stopped")
