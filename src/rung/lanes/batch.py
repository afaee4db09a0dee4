"""Calls gathered for a reasoner that takes several at once.

A batch goes when it is full, when nothing more is expected, or when waiting longer would break its earliest deadline.
While one runs the next gathers, so that under load batches grow by themselves.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from msgspec import Struct

from rung.clock import Clock
from rung.errors import ReasonerError
from rung.reasoners.base import spell
from rung.types import Answer, Call, Chunk

AnswerBatch = Callable[[Sequence[Call]], Awaitable[Sequence[Answer | ReasonerError]]]

# Weight of what was seen before, when another batch is seen.
_KEPT = 0.9
# The next call is no longer expected after so many usual gaps without one.
_GAPS = 2.0


class BatchPace:
    """Seconds for a batch of n: fixed_s + each_s * n, by least squares over the last ten batches or so."""

    def __init__(self) -> None:
        self._w = self._n = self._t = self._nn = self._nt = 0.0

    def seen(self, n: int, seconds: float) -> None:
        self._w = self._w * _KEPT + 1
        self._n = self._n * _KEPT + n
        self._t = self._t * _KEPT + seconds
        self._nn = self._nn * _KEPT + n * n
        self._nt = self._nt * _KEPT + n * seconds

    @property
    def each_s(self) -> float:
        """0 until batches of different sizes were seen."""
        spread = self._w * self._nn - self._n**2
        if spread <= 1e-9 * self._w * self._nn or not self._w:
            return 0.0
        return max((self._w * self._nt - self._n * self._t) / spread, 0.0)

    @property
    def fixed_s(self) -> float:
        return max((self._t - self.each_s * self._n) / self._w, 0.0) if self._w else 0.0

    def seconds(self, n: int) -> float:
        return self.fixed_s + self.each_s * n


class _Waiting(Struct, eq=False):
    call: Call
    answer: "asyncio.Future[Answer]"


class Batcher:
    """Answers single calls by batches of at most `most`, one after the other."""

    def __init__(self, answer_batch: AnswerBatch, most: int, clock: Clock) -> None:
        self._answer_batch = answer_batch
        self._most = most
        self._now = clock.monotonic
        self._waiting: list[_Waiting] = []
        self._inside: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._pace = BatchPace()
        self._gap_s: float | None = None
        self._came_s: float | None = None

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        """Raises what the batch, or its own part of it, raises. Leaving takes it out of the batch; once nobody waits
        for one that runs, it is stopped."""
        waiting = _Waiting(call, asyncio.get_running_loop().create_future())
        self._came()
        self._waiting.append(waiting)
        self._consider()
        try:
            answer = await waiting.answer
        finally:
            self._left(waiting)
        for chunk in spell(answer):
            yield chunk

    def _came(self) -> None:
        now_s = self._now()
        if self._came_s is not None:
            gap_s = now_s - self._came_s
            self._gap_s = gap_s if self._gap_s is None else self._gap_s + 0.2 * (gap_s - self._gap_s)
        self._came_s = now_s

    def _left(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if self._task is not None and self._inside and all(w.answer.done() for w in self._inside):
            self._task.cancel()

    def _consider(self) -> None:
        """Sends the batch off, now or when it should no longer wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None or not self._waiting:
            return
        if len(self._waiting) >= self._most:
            self._send()
            return
        loop = asyncio.get_running_loop()
        wait_s = self._worth_waiting_s()
        # Those that come in the same moment go together in any case.
        self._timer = loop.call_later(wait_s, self._send) if wait_s > 0 else loop.call_soon(self._send)

    def _worth_waiting_s(self) -> float:
        """A further call in this batch saves the fixed part of one of its own, and costs each that waits the gap until
        it comes."""
        n, now_s = len(self._waiting), self._now()
        if self._gap_s is None or self._came_s is None or n * self._gap_s >= self._pace.fixed_s:
            return 0.0
        latest_s = min(w.call.patient_until_s for w in self._waiting) - self._pace.seconds(n + 1)
        return min(self._came_s + _GAPS * self._gap_s, latest_s) - now_s

    def _send(self) -> None:
        self._timer = None
        if self._task is None and self._waiting:
            self._inside, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._task = asyncio.create_task(self._run(self._inside), name="batch")

    async def _run(self, batch: list[_Waiting]) -> None:
        began_s = self._now()
        try:
            results = await self._answer_batch([w.call for w in batch])
            self._pace.seen(len(batch), self._now() - began_s)
        except ReasonerError as error:
            results = [error] * len(batch)
        finally:
            self._task, self._inside = None, []
            self._consider()
        for waiting, result in zip(batch, results, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(result, ReasonerError):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)
