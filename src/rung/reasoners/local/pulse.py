"""Whether llama.cpp answers at all: stopped, locked up or all swapped out, its process lives on and says nothing."""

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct

from rung.reasoners.http import Http, Late, NoConnection

# Answered beside whatever is being read or written, by a thread that does nothing else.
_PATH = "/tokenize"
_ASKED = b'{"content":""}'


class Pulse(Struct, frozen=True, kw_only=True):
    """It is felt `every_s` seconds, and gone after `longest_s` of silence; after `awaited_s` where those who are being
    answered hear nothing either, who hold what others could use."""

    every_s: float = 10.0
    longest_s: float = 60.0
    awaited_s: float = 10.0

    async def stops(self, address: str, headers: Mapping[str, str], silent_s: Callable[[], float]) -> str:
        """Waits until it is gone and says so. `silent_s`: for how long now those who are being answered heard nothing;
        0 if nobody is."""
        http = Http(f"{address}{_PATH}", headers, connect_s=self.awaited_s, most=1)
        now_s = asyncio.get_running_loop().time
        try:
            while True:
                await asyncio.sleep(self.every_s)
                asked_s = now_s()
                while not await self._felt(http):
                    unfelt_s = now_s() - asked_s
                    if unfelt_s >= self.longest_s or silent_s() >= self.awaited_s:
                        return f"llama.cpp said nothing for {unfelt_s:.3g} s"
        finally:
            http.close()

    async def _felt(self, http: Http) -> bool:
        """Whether it answers within `awaited_s`."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self.awaited_s
        try:
            (await http.post(_ASKED, lambda: until_s - loop.time())).close()
        except (Late, NoConnection):
            return False
        except OSError:
            pass  # it is at its end, and who waits for that will say more
        return True
