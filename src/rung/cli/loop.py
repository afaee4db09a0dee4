"""An event loop in a thread of its own, so that the main thread can wait for a person at the keyboard."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_CLEAN_UP_S = 10.0


class Loop:
    """Between `run` calls, what was started on the loop goes on: models load while someone types."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result. Ctrl-C cancels it, waits for it to have cleaned up, and is raised again."""
        ended = threading.Event()

        async def watched() -> T:
            try:
                return await work
            finally:
                ended.set()

        future: Future[T] | None = None
        try:
            future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
            return future.result()
        except KeyboardInterrupt:
            if future is not None and future.cancel():
                ended.wait(_CLEAN_UP_S)
            raise

    @contextmanager
    def entered(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        value = self.run(_enter(context))
        try:
            yield value
        finally:
            self.run(_leave(context))


async def _enter(context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _leave(context: AbstractAsyncContextManager[Any]) -> None:
    await context.__aexit__(None, None, None)


@contextmanager
def loop_in_thread() -> Iterator[Loop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="rung-loop")
    thread.start()
    try:
        yield Loop(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
