from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rung.reasoners.sse import Events

STREAM = 'data: {"a": "é"}\n\n: ping\n\nevent: x\nid: 7\ndata:one\ndata: two\n\ndata: [DONE]\n\n'
EVENTS = ['{"a": "é"}'.encode(), b"one\ntwo", b"[DONE]"]


def read(packets: list[bytes]) -> list[bytes]:
    events = Events()
    return [event for packet in packets for event in events.feed(packet)] + events.end()


@given(
    cuts=st.lists(st.integers(0, 80), max_size=12),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
)
def test_events_are_the_same_wherever_the_packets_were_cut(cuts: list[int], ending: str, bom: bool) -> None:
    raw = ("\ufeff" if bom else "").encode() + STREAM.replace("\n", ending).encode()
    edges = [0, *sorted(cuts), len(raw)]
    assert read([raw[a:b] for a, b in pairwise(edges)]) == EVENTS


@given(
    lines=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), min_size=1), size=st.integers(1, 7)
)
def test_any_data_survives(lines: list[str], size: int) -> None:
    raw = "".join(f"data: {line}\n" for line in lines).encode() + b"\n"
    assert read([raw[at : at + size] for at in range(0, len(raw), size)]) == ["\n".join(lines).encode()]


def test_an_event_is_out_as_soon_as_its_empty_line_is_in() -> None:
    events = Events()
    assert events.feed(b"data: 1\n") == []
    assert events.feed(b"\n") == [b"1"]
    assert events.feed(b"data: 2\r\n\r") == [b"2"]
    assert events.feed(b"\ndata: 3\r\n\r\n") == [b"3"]


def test_the_end_counts_as_an_empty_line() -> None:
    assert read([b"data: 1\n\ndata: 2"]) == [b"1", b"2"]
    assert read([b"data: 1\n"]) == [b"1"]
    assert read([b": only a comment"]) == []


def test_one_space_after_the_colon_is_no_data() -> None:
    assert read([b"data:a\n\ndata: b\n\ndata:  c\n\n"]) == [b"a", b"b", b" c"]


def test_other_line_separators_are_data() -> None:
    odd = "a\u2028b\u0085c\x0bd".encode()
    assert read([b"data: " + odd + b"\n\n"]) == [odd]
