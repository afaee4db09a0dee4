"""POST /v1/chat/completions: OpenAI's shape in and out."""

from collections import OrderedDict

from msgspec.structs import replace

from rung.api.body import parse_object
from rung.api.decode import Arrival, Checked, asks_by_header, decode, request_of
from rung.api.encode import completion
from rung.api.front import Serving, Write
from rung.cache import digest_of
from rung.types import Answer, Decision, Request

# Of bodies that are remembered: what all take together, and one at most, as they came.
_KEPT_BYTES = 2**20
_LARGEST_BYTES = 2**14


class Chats:
    """What is answered from the cache tends to be asked again: bodies that were are remembered with what was found in
    them, the least recently used leaving first, and need no second look."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[bytes, Checked] = OrderedDict()
        self._bytes = 0

    def read(self, raw: bytes, arrival: Arrival, serving: Serving) -> tuple[Request, Write]:
        """Raises BadRequest, UnknownModel."""
        may_be_known = len(raw) <= _LARGEST_BYTES and not asks_by_header(arrival.headers)
        checked = self._remembered.get(raw) if may_be_known else None
        if checked is not None:
            self._remembered.move_to_end(raw)
            return request_of(checked, arrival, serving.known, serving.server.deadline_s), _written
        fresh = decode(parse_object(raw), arrival.headers)

        async def first_written(id_: str, created_s: int, answer: Answer, decision: Decision, debug: bool) -> bytes:
            if decision.cache == "exact":
                self._remember(raw, fresh)
            return await _written(id_, created_s, answer, decision, debug)

        request = request_of(fresh, arrival, serving.known, serving.server.deadline_s)
        return request, first_written if may_be_known else _written

    def _remember(self, raw: bytes, checked: Checked) -> None:
        if raw in self._remembered:  # by who asked at the same time
            return
        self._remembered[raw] = replace(checked, digest=digest_of(checked.body))
        self._bytes += len(raw)
        while self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._remembered.popitem(last=False)[0])


async def _written(id_: str, created_s: int, answer: Answer, decision: Decision, debug: bool) -> bytes:
    return completion(id_, created_s, answer, decision if debug else None)
