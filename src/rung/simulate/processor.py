"""A processor that a local model's slots share, in the way that llama.cpp shares it.

It works in steps of at most `step_tokens`. Each takes one token of every slot that writes, and as much of the prompts
that are still to be read as there is room for, prompt after prompt in the order of the slots. So a short request whose
slot comes after a long prompt's waits until that is read (head-of-line blocking), and who writes beside one gets a
token for each piece read.
"""

import asyncio
from collections.abc import Sequence
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from rung.clock import Clock


class LocalSpeed(Struct, frozen=True, kw_only=True):
    """What a step takes: `write_s` if any slot writes, `write_token_s` for each that does, `read_token_s` for each
    token read; `start_s` passes before a call reaches its slot; `step_tokens` are read and written in a step at most.
    `source` says where the figures come from.

    The defaults: Qwen2.5-Coder-1.5B at four bits on two cores under llama.cpp. 70 tokens/s read; 30 tokens/s written
    alone and 33 in all by four slots, so that write_s + write_token_s = 1/30 and write_s + 4 write_token_s = 4/33.
    """

    read_token_s: float = 1 / 70
    write_s: float = 0.0040
    write_token_s: float = 0.0293
    start_s: float = 0.05
    step_tokens: int = 32
    source: str = "Qwen2.5-Coder-1.5B Q4_K_M, llama.cpp, 2 cores: 70 tokens/s read, 30 written alone, 33 by four"

    def at(self, *, read_s: float, write_s: float, shared: float, start_s: float, source: str) -> "LocalSpeed":
        """With a token read and one written alone in so many seconds; of the latter, slots pay the share `shared`
        once."""
        return replace(
            self,
            read_token_s=read_s,
            write_s=write_s * shared,
            write_token_s=write_s * (1 - shared),
            start_s=start_s,
            source=source,
        )

    @property
    def shared(self) -> float:
        return self.write_s / self.step_s(1, 0)

    def step_s(self, writing: int, reading: int) -> float:
        write_s = self.write_s + self.write_token_s * writing if writing else 0.0
        return write_s + self.read_token_s * reading

    def alone_s(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What a call takes that has the processor to itself. The last piece of its prompt gives its first token."""
        written = max(completion_tokens - 1, 0) * self.step_s(1, 0)
        return self.start_s + self.read_token_s * prompt_tokens + written

    def busy_s(self, prompt_tokens: int, completion_tokens: int, slots: int) -> float:
        """What a call adds to the work of a processor all of whose slots are in use."""
        return self.read_token_s * prompt_tokens + completion_tokens * (self.write_s / slots + self.write_token_s)


class Job:
    """One call in a slot. `first` and `done` are set when its first and its last token have come."""

    def __init__(self, prompt_tokens: int, completion_tokens: int, loop: asyncio.AbstractEventLoop) -> None:
        self.to_read = max(prompt_tokens, 1)
        self.to_write = max(completion_tokens, 1)
        self.first: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()

    def fail(self, error: Exception) -> None:
        for future in (self.first, self.done):
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever waits hears of it; if nobody does, nobody need


class _Segment(Struct):
    """Steps that are all alike: one, while prompts are read; else until the first slot has written all."""

    began_s: float
    step_s: float
    steps: int
    pieces: list[tuple[Job, int]]
    writing: list[Job]

    @property
    def ends_s(self) -> float:
        return self.began_s + self.steps * self.step_s


class Processor:
    """`enter` puts a call in a slot, or in the line for one; `leave` takes it out, at the end of the step at the
    latest. Those `beside` it are other models' on the same machine: while several are busy, each gets its share. Its
    counts: `busy_s` worked, tokens `read` and `written`."""

    def __init__(self, speed: LocalSpeed, slots: int, clock: Clock, *, beside: Sequence["Processor"] = ()) -> None:
        self.speed = speed
        self.busy_s = 0.0
        self.read = 0
        self.written = 0
        self.slots = slots
        self._now = clock.monotonic
        self._slots: list[Job | None] = [None] * slots
        self._used = [0] * slots
        self._uses = 0
        self._line: list[Job] = []
        self._segment: _Segment | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beside = list(beside)
        for other in beside:
            other._beside.append(self)

    @property
    def busy(self) -> bool:
        return self._segment is not None

    def enter(self, job: Job) -> None:
        self._line.append(job)
        self._end_early()

    def leave(self, job: Job) -> None:
        if job in self._line:
            self._line.remove(job)
        elif job in self._slots:
            self._slots[self._slots.index(job)] = None
            self._end_early()

    def clear(self, error: Exception) -> None:
        """All calls fail at once."""
        for job in [*self._line, *self._slots]:
            if job is not None:
                job.fail(error)
        self._line.clear()
        self._slots = [None] * len(self._slots)
        self._cancel()
        self._segment = None
        self._tell_others()

    def _go(self, at_s: float | None = None) -> None:
        """Fills the slots and starts the next steps, if there is anything to do: those that follow others began when
        these ended, `at_s`, so that on a real clock timers that ring late do not add up."""
        if self._segment is not None:
            return
        self._fill()
        jobs = [job for job in self._slots if job is not None]
        if not jobs:
            return
        writing = [job for job in jobs if not job.to_read]
        pieces: list[tuple[Job, int]] = []
        room = self.speed.step_tokens - len(writing)
        for job in jobs:
            if job.to_read and room > 0:
                pieces.append((job, min(job.to_read, room)))
                room -= pieces[-1][1]
        steps = 1 if pieces else min(job.to_write for job in writing)
        crowd = 1 + sum(other.busy for other in self._beside)
        step_s = crowd * self.speed.step_s(len(writing), sum(tokens for _, tokens in pieces))
        now_s = self._now()
        self._segment = _Segment(now_s if at_s is None else at_s, step_s, steps, pieces, writing)
        self._ring_after(self._segment.ends_s - now_s)

    def _fill(self) -> None:
        """The slot that was used longest ago is taken first."""
        free = sorted((at for at, job in enumerate(self._slots) if job is None), key=lambda at: self._used[at])
        for at in free[: len(self._line)]:
            job = self._line.pop(0)
            self._uses += 1
            self._slots[at], self._used[at] = job, self._uses

    def _end_early(self) -> None:
        """Something changed: the steps under way end with the one that is being worked on."""
        segment = self._segment
        if segment is None:
            self._go()
            if self._segment is not None:
                self._tell_others()
        elif segment.steps > 1:
            done = ceil((self._now() - segment.began_s) / segment.step_s - 1e-9)
            segment.steps = min(max(done, 1), segment.steps)
            self._cancel()
            self._ring_after(segment.ends_s - self._now())

    def _tell_others(self) -> None:
        """It began to work, or no longer does: what a step of theirs takes is another from their next one on."""
        for other in self._beside:
            if other.busy:
                other._end_early()

    def _ring_after(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._ended)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ended(self) -> None:
        segment, self._segment = self._segment, None
        assert segment is not None, "only steps that began end"
        self.busy_s += segment.steps * segment.step_s
        for job, tokens in segment.pieces:
            self.read += tokens
            job.to_read -= tokens
            if not job.to_read:
                self._wrote(job, 1)
        for job in segment.writing:
            self._wrote(job, segment.steps)
        self._go(segment.ends_s)
        if self._segment is None:
            self._tell_others()

    def _wrote(self, job: Job, tokens: int) -> None:
        if job not in self._slots:
            return
        self.written += tokens
        job.to_write -= tokens
        if not job.first.done():
            job.first.set_result(None)
        if job.to_write <= 0:
            self._slots[self._slots.index(job)] = None
            job.done.set_result(None)
