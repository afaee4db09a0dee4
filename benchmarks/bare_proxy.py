"""The least a Python proxy can do: uvicorn, httptools, uvloop, raw ASGI, aiohttp, orjson. What Rung is measured by.

    bare_proxy.py PORT UPSTREAM STREAMING_UPSTREAM

POST /v1/chat/completions parses the body and sends it on (to the second upstream if it asks for a stream); POST /hit
parses the body and answers a fixed completion.
"""

import sys

import aiohttp
import orjson
import uvicorn
from upstream import COMPLETION

_JSON = [(b"content-type", b"application/json"), (b"content-length", str(len(COMPLETION)).encode())]
_SSE = [(b"content-type", b"text/event-stream; charset=utf-8")]


class Proxy:
    def __init__(self, upstream: str, streaming_upstream: str) -> None:
        self._upstream = upstream
        self._streaming_upstream = streaming_upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        stream = orjson.loads(body).get("stream")
        if scope["path"] == "/hit":
            await send({"type": "http.response.start", "status": 200, "headers": _JSON})
            await send({"type": "http.response.body", "body": COMPLETION})
        elif stream:
            await self._pass_on_stream(body, send)
        else:
            await self._pass_on(body, send)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _post(self, url: str, body: bytes):
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session.post(url, data=body, headers={"content-type": "application/json"})

    async def _pass_on(self, body: bytes, send) -> None:
        async with self._post(self._upstream, body) as response:
            answer = await response.read()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _pass_on_stream(self, body: bytes, send) -> None:
        async with self._post(self._streaming_upstream, body) as response:
            await send({"type": "http.response.start", "status": response.status, "headers": _SSE})
            async for piece in response.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    port, upstream, streaming_upstream = sys.argv[1:]
    uvicorn.run(
        Proxy(upstream, streaming_upstream),
        port=int(port),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )
