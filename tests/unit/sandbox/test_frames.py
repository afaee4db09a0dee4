import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.sandbox.frames import HEADER_BYTES, MAX_FRAME_BYTES, Job, Result, body_bytes, pack


@given(st.integers(0, 2**63 - 1), st.binary(max_size=500))
def test_a_job_comes_back_from_its_frame(number: int, payload: bytes) -> None:
    frame = pack(Job(id=number, payload=payload))
    assert body_bytes(frame[:HEADER_BYTES]) == len(frame) - HEADER_BYTES
    assert msgspec.msgpack.decode(frame[HEADER_BYTES:], type=Job) == Job(id=number, payload=payload)


def test_a_frame_over_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        pack(Result(id=1, payload=bytes(MAX_FRAME_BYTES)))
    with pytest.raises(ValueError, match="limit"):
        body_bytes((MAX_FRAME_BYTES + 1).to_bytes(HEADER_BYTES, "big"))
