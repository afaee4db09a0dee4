import asyncio

import pytest

from rung.bootstrap.build import build_leaves, build_rungs
from rung.clock import RealClock
from rung.config import parse_config
from rung.errors import ConfigError, ReasonerError
from rung.types import Call

ENDPOINT = {"kind": "endpoint", "base_url": "http://there/v1", "model": "m"}
LOCAL = {"kind": "local", "model": "smollm2-135m-instruct"}


def leaves(entries, old=None, **rest):
    config = parse_config({"reasoners": entries, **rest}, source="test", env={})
    return build_leaves(config, RealClock(), old or {})


def test_a_leaf_whose_entry_did_not_change_is_taken_over():
    old = leaves({"one": ENDPOINT, "two": ENDPOINT})
    new = leaves({"two": {**ENDPOINT, "model": "n"}, "three": ENDPOINT, "one": {**ENDPOINT, "strength": 0.9}}, old)
    assert list(new) == ["two", "three", "one"]
    assert new["one"] is old["one"]
    assert new["two"].lane is not old["two"].lane


def test_local_rungs_over_the_same_weights_share_engine_and_places():
    parts = leaves({"calm": LOCAL, "wild": {**LOCAL, "temperature": 1.0}, "wide": {**LOCAL, "slots": 4}})
    assert parts["calm"].engine is parts["wild"].engine is not parts["wide"].engine
    assert parts["calm"].lane.pool is parts["wild"].lane.pool


LARGE = {"kind": "local", "model": "qwen2.5-coder-1.5b-instruct"}


def test_models_of_one_machine_have_their_places_together():
    """As many as the most slots, also once another comes; a pool of its own sets one apart."""
    parts = leaves({"small": LOCAL, "large": {**LARGE, "slots": 3}})
    assert parts["small"].lane.pool is parts["large"].lane.pool
    assert parts["small"].lane.pool.capacity == 3
    more = leaves({"small": LOCAL, "large": {**LARGE, "slots": 3}, "third": {**LARGE, "slots": 4}}, parts)
    (pool,) = {part.lane.pool for part in more.values()}
    assert pool.capacity == 4
    assert more["small"].engine is parts["small"].engine
    apart = leaves({"small": LOCAL, "large": {**LARGE, "pool": "own"}}, lanes={"pools": {"own": 2}})
    assert apart["small"].lane.pool is not apart["large"].lane.pool


async def test_each_is_kept_in_memory_for_its_own_calls_only():
    parts = leaves({"small": LOCAL, "large": LARGE})
    small, large = parts["small"], parts["large"]
    waits = asyncio.create_task(anext(small.lane.call(Call(id="r1", body={}, deadline_s=1e9))))
    await asyncio.sleep(0)
    assert (small.engine.awaited, large.engine.awaited) == (True, False)
    leaves({"small": LOCAL, "large": {**LARGE, "slots": 4}}, parts)
    assert small.engine.awaited, "whatever became of a reload meanwhile"
    waits.cancel()
    await asyncio.wait([waits])
    assert not small.engine.awaited


@pytest.mark.parametrize(("more", "places"), [({}, 64), ({"concurrency": 3}, 3), ({"batch": 8}, 16)])
def test_how_many_calls_a_function_takes_at_once(tmp_path, more, places):
    (tmp_path / "own.py").write_text("async def answer(messages): ...")
    entry = {"kind": "function", "call": f"{tmp_path}/own.py:answer", **more}
    assert leaves({"mine": entry})["mine"].lane.pool.capacity == places


def test_a_config_that_is_refused_leaves_no_lane_in_a_pool_that_serves():
    pools = {"lanes": {"pools": {"quota": 3}}}
    old = leaves({"one": {**ENDPOINT, "pool": "quota"}}, **pools)
    wrong = {"two": {**ENDPOINT, "pool": "quota"}, "bad": {**ENDPOINT, "base_url": "http://there/chat/completions"}}
    with pytest.raises(ConfigError, match="chat/completions"):
        leaves(wrong, old, **pools)
    assert old["one"].lane.pool.members == [old["one"].lane]


@pytest.mark.parametrize(("name", "calls"), [("think", 1), ("vote", 3)])
async def test_a_leafs_calls_are_heard_once_however_many_composites_are_above(name, calls):
    entries = {"leaf": LOCAL, "think": {"kind": "think", "of": "leaf"}, "vote": {"kind": "vote", "of": "think"}}
    config = parse_config({"reasoners": entries}, source="test", env={})
    rungs = {rung.name: rung for rung in build_rungs(config, leaves(entries))}
    body = {"messages": [{"role": "user", "content": "Is water wet?"}]}
    call = Call(id="r1", body=body, deadline_s=1.0, heard=[])
    with pytest.raises(ReasonerError):
        await anext(rungs[name].call(call))
    assert len(call.heard) == calls
