"""Model files from the Hugging Face hub, when it can be reached and announces the pinned sum."""

import threading
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO

from rung.errors import WeightsError
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Watch

HUB_URL = "https://huggingface.co"
_CONNECT_S = 3.0
_READ_S = 30.0
_BLOCK_BYTES = 1 << 20


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
    request = urllib.request.Request(url, headers={"Range": f"bytes={partial.size_bytes}-"})  # noqa: S310 (checked)
    try:
        with urllib.request.urlopen(request, timeout=_READ_S) as answer:  # noqa: S310 (checked)
            if answer.status != 206:
                partial.cut_to(0)
            while block := answer.read(_BLOCK_BYTES):
                partial.add(block)
    except (OSError, HTTPException) as error:
        raise WeightsError(f"the hub broke off: {error}") from error
    if partial.left_bytes:
        raise WeightsError("the hub broke off")


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
