"""Whether llama.cpp answers at all: stopped, locked up or all swapped out, its process lives on and says nothing."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from rung.reasoners.http import Http, Late, NoConnection, Response

# Answered beside whatever is being read or written, by a thread that does nothing else.
_PATH = "/tokenize"
_ASKED = b'{"content":""}'


class Pulse(Struct, frozen=True, kw_only=True):
    """It is felt `every_s` seconds, and gone after `longest_s` of silence."""

    every_s: float = 10.0
    longest_s: float = 60.0

    async def stops(self, address: str, headers: Mapping[str, str]) -> str:
        """Waits until it is gone and says so."""
        http = Http(f"{address}{_PATH}", headers, connect_s=self.longest_s, most=1)
        try:
            while True:
                await asyncio.sleep(self.every_s)
                try:
                    (await self._felt(http)).close()
                except (Late, NoConnection):
                    return f"llama.cpp said nothing for {self.longest_s:g} s"
                except OSError:
                    continue  # it is at its end, and who waits for that will say more
        finally:
            http.close()

    async def _felt(self, http: Http) -> Response:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self.longest_s
        return await http.post(_ASKED, lambda: until_s - loop.time())
