"""The ledger's front: what requests hand in, and the one thread that has it written."""

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from rung.clock import Clock
from rung.errors import BadRequest, LedgerError, UnknownDecision
from rung.ledger.graded import Graded, read_graded
from rung.ledger.process import ProcessWriter
from rung.ledger.rows import RecordedText, packed, storable
from rung.ledger.writer import Writer
from rung.types import Decision, Feedback

# How long decisions are gathered into one commit. Kill -9 may take this plus one commit: together under 50 ms.
_GATHER_S = 0.02
_RETRY_S = 0.5
_ROWS_A_COMMIT = 512
_CLOSED = "The ledger is closed; feedback was not kept"


class _Asked(Struct, frozen=True):
    """Feedback that someone waits for. `wall_s` is seconds since the epoch."""

    feedback: Feedback
    wall_s: float
    done: asyncio.Future[None]


class _Bell:
    """One side rings and never waits, the other waits; rung while nobody waits, the next wait returns at once.

    A threading.Event would do, but for its inner lock: a writer that loses the processor while it holds that stops the
    event loop with it.
    """

    def __init__(self) -> None:
        self._quiet = threading.Lock()
        self._quiet.acquire()

    def ring(self) -> None:
        if self._quiet.locked():  # the waiting side only ever acquires, so nobody else releases in between
            self._quiet.release()

    def wait(self, timeout_s: float = -1) -> None:
        """For ever, or `timeout_s` seconds at most."""
        self._quiet.acquire(timeout=timeout_s)


class Ledger:
    """Decisions are written behind the request's back, within 50 ms; feedback is on the disk when `feedback` returns.
    `writer` makes what writes the file.

    When the file cannot be written (full disk, lock, read-only), `problem` says so, decisions wait in memory up to
    `max_waiting_bytes`, beyond which new ones are dropped and counted, and are written once it can be again. The log
    tells of either.

    Threads: the event loop alone hands in, one thread alone uses the writer. They share two deques and two bells;
    every counter has one writing side.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        max_waiting_bytes: int = 64 * 1024 * 1024,
        writer: Callable[[Path], Writer] = ProcessWriter,
    ) -> None:
        self._path = path
        self._writer = writer(path)
        self._clock = clock
        self._max_waiting_bytes = max_waiting_bytes
        self._rows: deque[bytes] = deque()
        self._asked: deque[_Asked] = deque()
        self._wake = _Bell()
        self._hurry = _Bell()
        self._thread = threading.Thread(target=self._write_until_closed, name="rung-ledger", daemon=True)
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        # Written by the loop:
        self._given_bytes = 0
        self._overflowed = 0
        self._unwritable = 0
        # Written by the thread:
        self._held: list[bytes] = []
        self._taken_bytes = 0
        self._forgiven = 0
        self._trouble = ""
        self._ended = False

    async def start(self) -> None:
        """Opens the file. Raises LedgerError for what waiting does not mend; a full disk only becomes a `problem`."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._writer.probe)
        except sqlite3.Error as error:
            self._turn(str(error))
        self._thread.start()

    def record(self, decision: Decision, *, tenant: str, text: RecordedText | None = None) -> None:
        """Never waits and never raises. `text` is kept as it is given: whether to give it is the caller's to know."""
        try:
            row = packed(decision, tenant, self._clock.wall(), text)
        except (ValueError, TypeError, OverflowError):  # no file can hold it
            self._unwritable += 1
            return
        if self._closing or self._given_bytes - self._taken_bytes + len(row) > self._max_waiting_bytes:
            self._overflowed += 1
            return
        self._given_bytes += len(row)
        self._rows.append(row)
        self._wake.ring()

    async def feedback(self, feedback: Feedback) -> None:
        """On the disk when it returns. Several for one decision are all kept; the latest counts.

        Raises UnknownDecision if that tenant has no such decision, BadRequest for a score outside 0..1, LedgerError
        if it could not be written (then it is not kept: the caller should send it again).
        """
        if not 0.0 <= feedback.score <= 1.0:
            raise BadRequest("score must lie between 0 and 1", param="score")
        if self._closing:
            raise LedgerError(_CLOSED)
        clean = replace(feedback, decision_id=storable(feedback.decision_id), comment=storable(feedback.comment))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(clean, self._clock.wall(), done))
        if self._ended:  # looked at last: the writer settles only what was there when it ended
            done.cancel()
            raise LedgerError(_CLOSED)
        self._hurry.ring()
        self._wake.ring()
        await done

    async def graded(self, *, after: int, latest: int) -> list[Graded]:
        """What was said of decisions, as `read_graded` gives it. Raises LedgerError."""
        return await asyncio.to_thread(read_graded, self._path, after=after, latest=latest)

    @property
    def problem(self) -> str | None:
        """A sentence for people, while decisions are not being written; else None."""
        if self._ended and not self._closing:
            return "The ledger's writer has stopped: decisions are lost until Rung is restarted."
        if self._trouble:
            waiting = len(self._rows) + len(self._held)
            return (
                f"The ledger cannot write {self._path} ({self._trouble}): {waiting} decisions wait in memory, "
                f"{self.dropped} were dropped. It is tried again all the time."
            )
        if self._overflowed != self._forgiven:
            return f"The ledger's disk is too slow: {self._overflowed - self._forgiven} decisions were dropped."
        return None

    @property
    def dropped(self) -> int:
        """Decisions that were not kept, since the start."""
        return self._overflowed + self._unwritable

    async def close(self) -> None:
        """Writes what waits. Raises LedgerError if it cannot, saying how many decisions are lost."""
        self._closing = True
        self._hurry.ring()
        self._wake.ring()
        await asyncio.to_thread(self._writer.close if self._thread.ident is None else self._thread.join)
        if lost := len(self._rows) + len(self._held):
            raise LedgerError(f"The ledger {self._path} could not be written ({self._trouble}): {lost} decisions lost")

    # Below: the thread that waits for the writer.

    def _write_until_closed(self) -> None:
        try:
            while not self._closing:
                if not self._trouble:
                    self._wake.wait()
                self._hurry.wait(_RETRY_S if self._trouble else _GATHER_S)
                self._write_all()
            self._write_all()
        finally:
            self._closing_down()

    def _write_all(self) -> None:
        # Feedback is taken first: the decisions it speaks of were handed in before it, and are written before it.
        # It stays in the deque until it is settled, so that even a writer that dies tells who waits.
        asked = [self._asked[i] for i in range(len(self._asked))]
        try:
            if self._trouble:  # else a server without requests would never be ready again
                self._writer.probe()
            due = len(self._rows) + len(self._held)
            while due > 0:
                due -= self._write_some()
            found = self._writer.write_feedback([(a.feedback, a.wall_s) for a in asked]) if asked else []
        except (sqlite3.Error, LedgerError) as error:
            self._give_up(str(error), len(asked))
            return
        self._turn("")
        self._forgiven = self._overflowed
        for one, known in zip(asked, found, strict=True):
            unknown = UnknownDecision(f"There is no decision {one.feedback.decision_id!r}", param="decision_id")
            self._settle_next(None if known else unknown)

    def _write_some(self) -> int:
        """How many decisions were written."""
        if not self._held:
            self._held = [self._rows.popleft() for _ in range(min(len(self._rows), _ROWS_A_COMMIT))]
        self._writer.write_decisions(self._held)
        written, self._held = self._held, []
        self._taken_bytes += sum(map(len, written))
        return len(written)

    def _give_up(self, trouble: str, asked: int) -> None:
        """Until the next try."""
        self._turn(trouble)
        for _ in range(asked):
            self._settle_next(LedgerError(f"The ledger cannot be written ({trouble}); send the feedback again later"))

    def _turn(self, trouble: str) -> None:
        """What is wrong with the file, "" if nothing. Said in the loop: a log that fails must not end the writing."""
        before, self._trouble = self._trouble, trouble
        if bool(trouble) == bool(before) or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # a loop that is closed has nobody to tell
            self._loop.call_soon_threadsafe(_tell, str(self._path), trouble)

    def _closing_down(self) -> None:
        self._ended = True
        self._writer.close()
        while self._asked:
            self._settle_next(LedgerError(_CLOSED))

    def _settle_next(self, error: Exception | None) -> None:
        done = self._asked.popleft().done

        def on_loop() -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        # A loop that is closed already has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            done.get_loop().call_soon_threadsafe(on_loop)


def _tell(path: str, trouble: str) -> None:
    import structlog  # noqa: PLC0415  the process that writes loads this too, and logs nothing

    log = structlog.get_logger(__name__)
    if trouble:
        log.error("ledger cannot be written: decisions wait in memory", path=path, problem=trouble)
    else:
        log.info("ledger is written again", path=path)
