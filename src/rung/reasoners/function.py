"""A reasoner of the user's own: an async function, or a class with an async `answer`."""

import asyncio
import inspect
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from copy import deepcopy
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, SupportsFloat

import msgspec
import structlog
from msgspec.structs import astuple, replace

from rung.config.schema import FunctionConfig
from rung.errors import Abstained, ConfigError, Malformed, ReasonerError, Upstream
from rung.reasoners.base import Abilities, Status, collect, spell
from rung.reasoners.completions import MOST_USED, estimated
from rung.types import Answer, Call, Chunk, Usage

ENTRY_POINTS = "rung.reasoners"
_log = structlog.get_logger(__name__)
_MAY_GIVE = "a str, an Answer, a Chunk, or an async iterator of str and Chunk; None abstains"


class Function:
    """Asks code of the user's.

    It is called with the `Call`, or with the messages if its parameter is named `messages`. It gives back a str, an
    Answer, a Chunk, None (it abstains), or yields str and Chunk as they come. Raising Abstained abstains too; any
    other exception is a failure of this reasoner, told by its type alone, since its words may quote the prompt; so is
    an exit, and a cancellation that is not the caller's. What it is given is its own to change.

    With `batch` above 1 it is given a list of those, and gives back a list of as many answers, each as above.
    """

    def __init__(self, name: str, config: FunctionConfig) -> None:
        """Raises ConfigError if there is nothing at `config.call` that can be asked."""
        self.name = name
        self._ask = _loaded(name, config.call)
        self._wants_messages = next(iter(inspect.signature(self._ask).parameters), "") == "messages"
        self.abilities = Abilities(general=config.general, streaming=config.batch == 1)
        self._in_batches = config.batch > 1
        self.status = Status(state="cold", note="not started", ready_in_s=0.0)

    async def start(self) -> None:
        self.status = Status(state="warm")

    async def close(self) -> None:
        self.status = Status(state="down", note="closed")

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        if self._in_batches:
            for chunk in self._chunks(call, (await self._asked_of([call]))[0]):
                yield chunk
            return
        given = _Given(self.name, call)
        try:
            async with aclosing(self._pieces(call)) as pieces:
                async for piece in pieces:
                    for chunk in given.chunks(piece):
                        yield chunk
        except Abstained:
            if given.any:
                raise Malformed(f"{self.name}: abstained when it had begun to answer") from None
            raise
        for chunk in given.owed():
            yield chunk

    async def answer_batch(self, calls: Sequence[Call]) -> list[Answer | ReasonerError]:
        """For each call its answer, or why it has none. Raises a ReasonerError that befell all."""
        given = await self._asked_of(calls)
        answers: list[Answer | ReasonerError] = []
        for call, piece in zip(calls, given, strict=True):
            try:
                answers.append(collect(self.name, self._chunks(call, piece)))
            except ReasonerError as error:
                answers.append(error)
        return answers

    async def _asked_of(self, calls: Sequence[Call]) -> Sequence[Any]:
        async with aclosing(self._pieces(calls)) as pieces:
            async for given in pieces:
                if not isinstance(given, list | tuple) or len(given) != len(calls):
                    raise Malformed(f"{self.name}: your function must give a list of {len(calls)} answers")
                return given
        raise Malformed(f"{self.name}: your function gave nothing")

    def _chunks(self, call: Call, piece: Any) -> list[Chunk]:
        given = _Given(self.name, call)
        return [*given.chunks(piece), *given.owed()]

    async def _pieces(self, asked: Call | Sequence[Call]) -> AsyncGenerator[Any, None]:
        try:
            given = self._ask(self._what_of(asked))
            if inspect.isawaitable(given):
                given = await given
            if not isinstance(given, AsyncIterable):
                yield given
                return
            async with _closing(given) as pieces:
                async for piece in pieces:
                    yield piece
        except ReasonerError:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            what, where = type(error).__name__, _where(error)
            _log.warning("function failed", reasoner=self.name, error=what, at=where)
            raise Upstream(f"{self.name}: your function raised {what} ({where})") from error

    def _what_of(self, asked: Call | Sequence[Call]) -> Any:
        """A copy: the next rung is asked with the same body, and the cache keeps the answer under it."""
        if not isinstance(asked, Call):
            return [self._what_of(call) for call in asked]
        body = deepcopy(asked.body)
        return body["messages"] if self._wants_messages else replace(asked, body=body)


class _Given:
    """What the user's code has given of one answer."""

    def __init__(self, name: str, call: Call) -> None:
        self._name = name
        self._call = call
        self._finished: dict[int, bool] = {}
        self._usage: Usage | None = None
        self._written_bytes = 0

    @property
    def any(self) -> bool:
        return bool(self._finished)

    def chunks(self, piece: Any) -> Iterator[Chunk]:
        """`piece` as chunks, without their usage, which is told once, at the end."""
        if piece is None and not self.any:
            raise Abstained(f"{self._name}: has no answer to this")
        if isinstance(piece, str):
            piece = Chunk(text=str.__str__(piece))
        if not isinstance(piece, Chunk | Answer):
            raise Malformed(f"{self._name}: your function gave a {type(piece).__name__}; it may give {_MAY_GIVE}")
        for given in spell(piece) if isinstance(piece, Answer) else [piece]:
            chunk = self._sound(given)
            self._finished[chunk.index] = bool(chunk.finish) or self._finished.get(chunk.index, False)
            self._written_bytes += len(chunk.text.encode()) + len(chunk.reasoning.encode())
            if chunk.usage:
                self._usage = self._usage + chunk.usage if self._usage else chunk.usage
            yield replace(chunk, usage=None)

    def _sound(self, chunk: Chunk) -> Chunk:
        """`chunk`, which nobody has looked into, as one that can be written and has the types that it says."""
        try:
            sound = msgspec.json.decode(msgspec.json.encode(chunk, enc_hook=_plain), type=Chunk)
            msgspec.convert(sound.tool_calls, tuple[_ToolCall, ...])
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as wrong:
            raise Malformed(f"{self._name}: your function gave what is no text or Chunk: {wrong}") from None
        if sound.index < 0 or (sound.usage and not all(0 <= used <= MOST_USED for used in astuple(sound.usage))):
            raise Malformed(f"{self._name}: your function gave a Chunk with an index or a usage that cannot be")
        return sound

    def owed(self) -> Iterator[Chunk]:
        """An end of each choice, and the usage: as given, else estimated."""
        if not self.any:
            raise Abstained(f"{self._name}: has no answer to this")
        for index in [index for index, finished in self._finished.items() if not finished]:
            yield Chunk(index=index, finish="stop")
        if self._usage:
            yield Chunk(usage=self._usage)
        else:
            yield Chunk(usage=estimated(self._call.body, self._written_bytes), signals={"usage_estimated": 1.0})


class _ToolCall(msgspec.Struct):
    """What is read of a delta."""

    index: int | None = None
    function: dict[str, Any] | None = None


def _plain(value: Any) -> Any:
    """Of kinds of text and of numbers that others have made, as numpy has."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, SupportsFloat):
        return float(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _is_cancelled() -> bool:
    """Whether whoever asks has left; a cancellation may also come from something that the user's code waited for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _loaded(name: str, call: str) -> Callable[[Any], Any]:
    """The function that `call` names, or the `answer` of (a new instance of) the class there."""
    key = f"reasoners.{name}.call"
    try:
        found = _found(key, call)
        ask = found() if inspect.isclass(found) else found
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{key}: there is no module `{error.name}`; install it, or put its folder on PYTHONPATH"
        ) from error
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{key}: loading `{call}` raised {type(error).__name__}: {error}") from error
    ask = getattr(ask, "answer", ask)
    if not (inspect.iscoroutinefunction(ask) or inspect.isasyncgenfunction(ask)):
        raise ConfigError(
            f"{key}: `{call}` is not asked asynchronously; write `async def`, or a class with `async def answer`"
        )
    return ask


def _found(key: str, call: str) -> Any:
    module, colon, attribute = call.rpartition(":")
    if not colon:
        return _entry_point(key, call)
    if not (module and attribute):
        raise ConfigError(f"{key}: `{call}` has neither the form `file.py:name` nor `package.module:name`")
    found = getattr(_file(key, Path(module)) if module.endswith(".py") else import_module(module), attribute, None)
    if found is None:
        raise ConfigError(f"{key}: `{module}` has no `{attribute}`")
    return found


def _entry_point(key: str, name: str) -> Any:
    installed = entry_points(group=ENTRY_POINTS)
    if name not in installed.names:
        known = f"there are {', '.join(sorted(installed.names))}" if installed.names else "nothing installed has one"
        raise ConfigError(
            f"{key}: there is no entry point `{name}` of the group `{ENTRY_POINTS}` ({known}); "
            "for code that is not installed write `file.py:name` or `package.module:name`"
        )
    return installed[name].load()


def _file(key: str, path: Path) -> ModuleType:
    """The module in a file, loaded once, under a name that no other module has."""
    path = path.resolve()
    if not path.is_file():
        raise ConfigError(f"{key}: there is no file {path}")
    name = f"rung_own_{sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _closing(pieces: AsyncIterable[Any]) -> AbstractAsyncContextManager[AsyncIterable[Any]]:
    return aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext(pieces)


def _where(error: BaseException) -> str:
    """The last place in the code that was asked: a file's name and line, no text."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
