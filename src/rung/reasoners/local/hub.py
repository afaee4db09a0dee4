"""Model files from the Hugging Face hub, when it can be reached and announces the pinned sum."""

import threading
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from queue import Empty, Full, Queue
from typing import IO

from rung.errors import WeightsError
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Watch

HUB_URL = "https://huggingface.co"
_CONNECT_S = 3.0
_READ_S = 30.0
_BLOCK_BYTES = 1 << 20
_AHEAD = 4
_LOOK_S = 0.1
_FROM_THE_START = b""


def pour(partial: Partial, hub_url: str, watch: Watch) -> None:
    """Adds to `partial` what it lacks, by a range request; raises WeightsError."""
    url = f"{hub_url}/{partial.model.hub}"
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise WeightsError(f"the hub's address must be https: {url}")
    announced = _announced_sha256(url, watch)
    if announced != partial.model.sha256:
        raise WeightsError(f"the hub's file is another one (it announces {announced or 'no sum'})")
    if partial.left_bytes == 0:
        return
    coming = _Coming(url, partial.size_bytes)
    try:
        while (block := coming.next(watch)) is not None:
            if block == _FROM_THE_START:
                partial.cut_to(0)
            partial.add(block)
    finally:
        coming.left.set()
    if partial.left_bytes:
        raise WeightsError("the hub broke off")


class _Coming:
    """The file from a byte on, read in a thread of its own: nothing else ends a read that stalls before its time-out,
    and who waits for it may have to stop. Ends by itself once `left`."""

    def __init__(self, url: str, begin: int) -> None:
        self.left = threading.Event()
        self._request = urllib.request.Request(url, headers={"Range": f"bytes={begin}-"})  # noqa: S310 (checked)
        self._blocks: Queue[bytes | Exception | None] = Queue(_AHEAD)
        threading.Thread(target=self._read, name="hub", daemon=True).start()

    def next(self, watch: Watch) -> bytes | None:
        """None at the end. Raises WeightsError if it broke off, or if `watch` says stop."""
        while True:
            watch.check()
            with suppress(Empty):
                block = self._blocks.get(timeout=_LOOK_S)
                break
        if isinstance(block, Exception):
            raise WeightsError(f"the hub broke off: {block}") from block
        return block

    def _read(self) -> None:
        try:
            with urllib.request.urlopen(self._request, timeout=_READ_S) as answer:  # noqa: S310 (checked)
                if answer.status != 206:
                    self._put(_FROM_THE_START)
                while not self.left.is_set() and (block := answer.read(_BLOCK_BYTES)):
                    self._put(block)
            self._put(None)
        except (OSError, HTTPException) as error:
            self._put(error)

    def _put(self, block: bytes | Exception | None) -> None:
        while not self.left.is_set():
            with suppress(Full):
                self._blocks.put(block, timeout=_LOOK_S)
                return


class _Stay(urllib.request.HTTPRedirectHandler):
    """The sum is announced by the redirect itself."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _announced_sha256(url: str, watch: Watch) -> str:
    """Looks names up and connects in a thread of its own: a name server that does not answer must not cost more than
    the time-out, and nothing else bounds it."""
    found: list[str | Exception] = []
    asking = threading.Thread(target=lambda: found.append(_ask(url)), name="hub", daemon=True)
    asking.start()
    for _ in range(20):
        asking.join(_CONNECT_S / 20)
        watch.check()
        if not asking.is_alive():
            break
    answer = found[0] if found else TimeoutError(f"no answer within {_CONNECT_S:.0f} s")
    if isinstance(answer, Exception):
        raise WeightsError(f"the hub cannot be reached ({answer})") from answer
    return answer


def _ask(url: str) -> str | Exception:
    opener = urllib.request.build_opener(_Stay)
    try:
        answer = opener.open(urllib.request.Request(url, method="HEAD"), timeout=_CONNECT_S)  # noqa: S310 (checked)
    except urllib.error.HTTPError as redirect:
        redirect.close()
        if redirect.code >= 400:
            return redirect
        return str(redirect.headers.get("X-Linked-Etag", "")).strip('"')
    except (OSError, HTTPException) as error:
        return error
    with answer:
        return str(answer.headers.get("X-Linked-Etag", "")).strip('"')
