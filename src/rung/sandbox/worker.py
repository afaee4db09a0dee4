"""The process that computes: `python -m rung.sandbox.worker package.module:factory memory_mb cpu_s`.

It reads jobs from standard input and writes results to what was standard output; a target's own prints go to standard
error, so that they cannot disturb the protocol. It ends when its input does, hence with its parent, however that ends.
"""

import importlib
import os
import resource
import signal
import sys
import time
from math import ceil
from typing import BinaryIO

import msgspec

from rung.sandbox.frames import HEADER_BYTES, Answerer, Job, Result, body_bytes, pack


def limit_memory(memory_bytes: int) -> bool:
    """Bounds the address space. Whether the system took the bound: Linux does, macOS refuses it."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    except (ValueError, OSError):
        return False
    return True


def limit_cpu(cpu_s: int) -> None:
    """Allows this much more processor time. The parent's own clock comes first: this is for a worker left alone."""
    used_s = ceil(time.process_time())
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + cpu_s, hard))


def serve(answer: Answerer, jobs: BinaryIO, results: BinaryIO, cpu_s: int) -> None:
    """Does jobs one by one until the input ends."""
    send(results, Result(id=0))
    while len(header := jobs.read(HEADER_BYTES)) == HEADER_BYTES:
        job = msgspec.msgpack.decode(jobs.read(body_bytes(header)), type=Job)
        limit_cpu(cpu_s)
        send(results, done(answer, job))


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


def main() -> None:
    target, memory_mb, cpu_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # Ctrl-C reaches the whole process group; the parent ends us in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory(memory_mb * 1024 * 1024)
    module, _, name = target.partition(":")
    answer: Answerer = getattr(importlib.import_module(module), name)()
    serve(answer, sys.stdin.buffer, results, cpu_s)


if __name__ == "__main__":
    main()
