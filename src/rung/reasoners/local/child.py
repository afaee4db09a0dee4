"""The child's own program: llama.cpp's server, in a process that may crash without hurting anyone.

It reads one line of settings from standard input, writes the address it listens on to standard output once the model
is loaded, and ends when standard input does: a parent that is gone, however it went, leaves no child behind. What
llama.cpp has to say against something goes to standard error.
"""

import os
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import xllamacpp


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`context_tokens` is each slot's; `step_tokens` bounds one step, tokens read and written together; `key` is what a
    request must bear."""

    path: str
    name: str
    key: str
    context_tokens: int
    slots: int
    step_tokens: int
    threads: int


# How much of the prompts that were read is kept in memory, beside the slots.
PROMPTS_MB = 256


def main() -> None:
    address_fd = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no address
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=Settings)
    watching = threading.Thread(target=_end_with_parent, daemon=True)
    watching.start()
    import xllamacpp  # noqa: PLC0415  an extra, and heavy: only this process needs it

    try:
        server = xllamacpp.Server(_params(settings))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(1)  # its threads would abort an orderly end
    os.write(address_fd, f"{server.listening_address}\n".encode())
    watching.join()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # at once: nothing here is worth saving


def _params(settings: Settings) -> "xllamacpp.CommonParams":
    import xllamacpp  # noqa: PLC0415

    params = xllamacpp.CommonParams()
    params.model.path = settings.path
    params.model_alias = {settings.name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.key]
    params.cors_origins = ""
    params.cors_credentials = False
    params.ui = False
    params.n_ctx = settings.context_tokens * settings.slots
    params.n_parallel = settings.slots
    params.n_batch = settings.step_tokens
    params.n_ubatch = settings.step_tokens
    params.cache_ram_mib = PROMPTS_MB
    params.fit_params = False  # or it may choose another context than the one asked for
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.verbosity = 1  # errors only, in which no prompt is quoted
    return params


if __name__ == "__main__":
    main()
