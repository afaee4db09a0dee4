import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rung.cache import ExactCache, Kept, digest_of, exact, key_of, served_from_cache
from rung.types import Answer, Choice, Request, Usage, Wishes

EPOCH = "e1"
SCHEMA = {"type": "json_schema", "json_schema": {"schema": {"properties": {"a": {}, "b": {}}}}}
TURNED = {"type": "json_schema", "json_schema": {"schema": {"properties": {"b": {}, "a": {}}}}}


def request(body=None, wishes=None, **fields):
    whole = {"messages": [{"role": "user", "content": "Hi"}]} | (body or {})
    return Request(
        **({"id": "r1", "model": "auto", "body": whole, "arrived_s": 0.0, "deadline_s": 9.0} | fields),
        wishes=Wishes(**(wishes or {})),
    )


def answer(text="It is 4.", **choice):
    return Answer(reasoner="fast", choices=(Choice(**({"text": text, "finish": "stop"} | choice)),))


@pytest.mark.parametrize(
    "other",
    [
        request({"stream": True, "stream_options": {"include_usage": True}}),
        request({"user": "u7", "metadata": {"trace": "9"}}),
        request({"model": "auto"}),
        request(wishes={"max_usd": 0.1, "deadline_ms": 50.0}),
        request(wishes={"cache": "refresh"}),
        request(id="r2", arrived_s=5.0, deadline_s=7.0),
        request({"messages": [{"content": "Hi", "role": "user"}]}),
    ],
)
def test_what_does_not_change_the_answer_does_not_change_the_key(other):
    assert key_of(other, EPOCH) == key_of(request(), EPOCH)


DIFFERENT = {
    "plain": request(),
    "tenant": request(tenant="anna"),
    "model": request(model="fast"),
    "preset": request(wishes={"preset": "best"}),
    "min_quality": request(wishes={"min_quality": 0.9}),
    "words": request({"messages": [{"role": "user", "content": "hi"}]}),
    "space": request({"messages": [{"role": "user", "content": "Hi "}]}),
    "role": request({"messages": [{"role": "system", "content": "Hi"}]}),
    "turns": request({"messages": [{"role": "user", "content": "H"}, {"role": "user", "content": "i"}]}),
    "temperature 1": request({"temperature": 1}),
    "temperature 1.0": request({"temperature": 1.0}),
    "temperature true": request({"temperature": True}),
    "temperature null": request({"temperature": None}),
    "max_tokens": request({"max_tokens": 5}),
    "seed": request({"seed": 5}),
    "huge seed": request({"seed": 10**30}),
    "unknown": request({"x_vendor": {"a": [1]}}),
    "schema": request({"response_format": SCHEMA}),
    "turned schema": request({"response_format": TURNED}),
    "schema by another name": request({"guided_json": {"a": {}, "b": {}}}),
    "turned schema by another name": request({"guided_json": {"b": {}, "a": {}}}),
    "tool": request({"tools": [{"type": "function", "function": {"name": "f"}}]}),
    "tools as another field": request({"functions": [{"type": "function", "function": {"name": "f"}}]}),
}


def test_what_may_change_the_answer_changes_the_key():
    keys = {key_of(r, EPOCH) for r in DIFFERENT.values()} | {key_of(request(), "e2")}
    assert len(keys) == len(DIFFERENT) + 1
    assert {len(k) for k in keys} == {64}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_digest_that_was_worked_out_gives_the_same_key(name):
    asked = DIFFERENT[name]
    assert key_of(replace(asked, digest=digest_of(asked.body)), EPOCH) == key_of(asked, EPOCH)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=8,
)
names = st.sampled_from(["messages", "seed", "stop", "tools", "response_format", "functions", "a", "b"])
bodies = st.dictionaries(names, values)


def strict(value):
    """The value in a form in which 1, 1.0 and True differ, and the order of fields does not matter."""
    if isinstance(value, dict):
        return ("dict", frozenset((k, strict(v)) for k, v in value.items()))
    if isinstance(value, list):
        return ("list", tuple(strict(v) for v in value))
    return (type(value).__name__, repr(value))


@given(bodies, bodies)
def test_requests_share_a_key_only_if_they_are_the_same(one, two):
    same = key_of(request(one), EPOCH) == key_of(request(two), EPOCH)
    if same:
        assert strict(request(one).body) == strict(request(two).body)
    assert key_of(request(one), EPOCH) == key_of(request(dict(reversed(one.items()))), EPOCH)


def test_an_answer_comes_back_as_it_was():
    cache = ExactCache(100_000)
    whole = Answer(
        reasoner="cloud",
        choices=(
            Choice(
                text="4 \u2603",
                reasoning="2+2",
                finish="stop",
                logprobs=({"token": "4", "logprob": -0.1, "top_logprobs": []},),
                extra={"refusal": None},
                choice_extra={"x": 1},
            ),
            Choice(text="vier", finish="stop"),
        ),
        usage=Usage(prompt_tokens=5, completion_tokens=2, usd=0.25, busy_s=1.5),
        signals={"agreement": 0.5},
        extra={"system_fingerprint": "fp"},
    )
    cache.put(b"k", Kept(whole))
    assert cache.get(b"k") == Kept(whole)
    assert cache.get(b"other") is None


def test_what_is_served_again_costs_nothing():
    kept = Answer(reasoner="cloud", choices=(), usage=Usage(prompt_tokens=5, completion_tokens=2, usd=0.25, busy_s=1.5))
    assert served_from_cache(kept).usage == Usage(prompt_tokens=5, completion_tokens=2)


@pytest.mark.parametrize(
    "unfit",
    [
        answer(finish="length"),
        answer(finish="content_filter"),
        answer(finish=""),
        answer(finish="tool_calls", tool_calls=({"id": "1"},)),
        answer(tool_calls=({"id": "1"},)),
        answer(""),
        Answer(reasoner="fast", choices=()),
        Answer(reasoner="fast", choices=(Choice(text="a", finish="stop"), Choice(text="b", finish="length"))),
    ],
)
def test_only_whole_answers_without_tools_are_kept(unfit):
    cache = ExactCache(100_000)
    cache.put(b"k", Kept(unfit))
    assert len(cache) == cache.bytes_used == 0


def test_the_least_recently_used_leaves_first():
    cache = ExactCache(100_000)
    cache.put(b"0", Kept(answer("x" * 9000)))
    one = cache.bytes_used
    cache = ExactCache(one * 10)
    for i in range(10):
        cache.put(b"%d" % i, Kept(answer("x" * 9000)))
    assert len(cache) == 10
    cache.get(b"0")
    cache.put(b"10", Kept(answer("x" * 9000)))
    assert cache.get(b"0") is not None
    assert cache.get(b"1") is None
    assert cache.bytes_used == one * 10


def test_an_entry_over_an_eighth_of_the_bound_is_not_kept():
    cache = ExactCache(80_000)
    cache.put(b"big", Kept(answer("x" * 10_001)))
    assert len(cache) == 0
    cache.put(b"small", Kept(answer("x" * 9000)))
    assert len(cache) == 1


def test_a_key_put_again_counts_once():
    cache = ExactCache(100_000)
    cache.put(b"k", Kept(answer("x" * 5000)))
    cache.put(b"k", Kept(answer("y")))
    assert len(cache) == 1
    assert cache.bytes_used < 1000
    assert cache.get(b"k").answer.text == "y"


def test_a_bound_of_nothing_keeps_nothing():
    cache = ExactCache(0)
    cache.put(b"k", Kept(answer()))
    assert cache.get(b"k") is None


@pytest.mark.parametrize("length", [1, 200, 3000])
def test_bytes_used_is_what_memory_says(length):
    bound = 2_000_000
    cache = ExactCache(bound)
    texts = [f"{i} " + "x" * length for i in range(bound // (length + 200))]
    tracemalloc.start()
    try:
        for i, text in enumerate(texts):
            cache.put(b"%032d" % i, Kept(answer(text)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cache.bytes_used <= bound
    assert 0.7 * taken <= cache.bytes_used <= 1.5 * taken


def test_what_was_served_to_a_request_can_be_taken_back():
    cache = ExactCache(10**6)
    cache.put(b"k1", Kept(answer()))
    cache.put(b"k2", Kept(answer()))
    cache.served("r1", b"k1")
    cache.retract("r1")
    cache.retract("r1")
    cache.retract("nobody")
    assert cache.get(b"k1") is None
    assert cache.get(b"k2") is not None


def test_who_was_served_what_is_forgotten_in_the_end(monkeypatch):
    monkeypatch.setattr(exact, "_SERVED", 2)
    cache = ExactCache(10**6)
    for name in ("1", "2", "3"):
        cache.put(name.encode(), Kept(answer()))
        cache.served(f"r{name}", name.encode())
    for name in ("1", "2", "3"):
        cache.retract(f"r{name}")
    assert [cache.get(name) is None for name in (b"1", b"2", b"3")] == [False, True, True]


def test_an_answer_with_a_number_beyond_64_bits_is_not_kept():
    cache = ExactCache(10**6)
    cache.put(key_of(request(), EPOCH), Kept(replace(answer(), extra={"seed": 2**64})))
    assert len(cache) == 0
