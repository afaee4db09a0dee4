"""The processes that compute: `python -m rung.sandbox.worker package.module:factory memory_mb job_s`.

It loads the target once and then forks a worker whenever its parent asks for one, so a new worker is warm within
milliseconds and shares what it does not write to. Its standard input is a socket: it says when it has loaded, and reads
orders: to fork a worker for the socket that comes with the order, or to end one. It ends, and all its workers with it,
when that socket closes, hence with its parent, however that ends. A target must start no threads while it loads.

A worker reads jobs from its socket and writes results to it. Its standard input is empty, and what a target prints goes
to standard error.
"""

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import time
from math import ceil
from typing import BinaryIO

import msgspec

from rung.sandbox.frames import END, FORK, HEADER_BYTES, LOADED, ORDER_BYTES, Answerer, Job, Result, body_bytes, pack


def limit_memory(memory_bytes: int) -> bool:
    """Bounds the address space. Whether the system took the bound: Linux does, macOS refuses it."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    except (ValueError, OSError):
        return False
    return True


def limit_time(job_s: int) -> None:
    """Allows this much more processor time, and time. The parent's own clock comes first: this is for a worker left
    alone."""
    used_s = ceil(time.process_time())
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + job_s, hard))
    signal.alarm(job_s + 1)


def serve(answer: Answerer, jobs: BinaryIO, results: BinaryIO, job_s: int) -> None:
    """Does jobs one by one until the input ends."""
    send(results, Result(id=0, payload=str(os.getpid()).encode()))
    while len(header := jobs.read(HEADER_BYTES)) == HEADER_BYTES:
        job = msgspec.msgpack.decode(jobs.read(body_bytes(header)), type=Job)
        limit_time(job_s)
        result = done(answer, job)
        signal.alarm(0)
        send(results, result)


def done(answer: Answerer, job: Job) -> Result:
    try:
        return Result(id=job.id, payload=answer(job.payload))
    except MemoryError:
        return Result(id=job.id, error="memory")
    except Exception as wrong:  # noqa: BLE001 - whatever the target did wrong is the parent's to judge
        return Result(id=job.id, error=type(wrong).__name__)


def send(results: BinaryIO, result: Result) -> None:
    results.write(pack(result))
    results.flush()


class Forker:
    """Forks workers and ends them. One that has ended by itself is kept as a zombie until the parent has it ended too,
    so that its process id is nobody else's."""

    def __init__(self, answer: Answerer, control: socket.socket, job_s: int) -> None:
        self._answer = answer
        self._control = control
        self._job_s = job_s
        self._workers: set[int] = set()

    def run(self) -> None:
        """Follows orders until the parent is gone."""
        self._control.sendall(LOADED)
        try:
            while True:
                order, handles, _, _ = socket.recv_fds(self._control, ORDER_BYTES, 1, socket.MSG_WAITALL)
                if len(order) < ORDER_BYTES:
                    return
                if order[:1] == FORK:
                    self._fork(handles[0])
                elif order[:1] == END:
                    self._end(int.from_bytes(order[1:], "big"))
        finally:
            for pid in list(self._workers):
                self._end(pid)

    def _fork(self, handle: int) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._control.close()
                with socket.socket(fileno=handle) as ours:
                    serve(self._answer, ours.makefile("rb"), ours.makefile("wb"), self._job_s)
                status = 0
            finally:
                os._exit(status)  # never back into the parent's code
        os.close(handle)
        self._workers.add(pid)

    def _end(self, pid: int) -> None:
        if pid in self._workers:
            self._workers.discard(pid)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main() -> None:
    target, memory_mb, job_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # Ctrl-C reaches the whole process group; the parent ends us in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    control.setblocking(True)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory(memory_mb * 1024 * 1024)
    module, _, name = target.partition(":")
    answer: Answerer = getattr(importlib.import_module(module), name)()
    gc.collect()
    gc.freeze()  # a collection in a worker would copy every page that they share
    Forker(answer, control, job_s).run()


if __name__ == "__main__":
    main()
