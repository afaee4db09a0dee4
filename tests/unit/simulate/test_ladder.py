import pytest

from rung.clock import LoopClock
from rung.config import parse_config
from rung.simulate import ModelledLadder, Size, Speeds, Work, run

SIZE = Size(100, 100)


def work_s(reasoners, pools):
    async def main():
        config = parse_config({"reasoners": reasoners, "lanes": {"pools": pools}}, source="test", env={})
        return ModelledLadder(config, Speeds(), Work(0), LoopClock()).work_s(SIZE)

    return run(main())


def endpoint(**more):
    return {"kind": "endpoint", "base_url": "http://there/v1", "model": "m", "concurrency": 16, **more}


def test_two_models_of_one_machine_can_do_no_more_than_one():
    one, two = ({"kind": "local", "path": f"/{name}.gguf"} for name in ("one", "two"))
    assert work_s({"one": one, "two": two}, {}) == pytest.approx(work_s({"one": one}, {}))


def test_a_pool_bounds_what_a_ladder_can_do():
    alone = work_s({"a": endpoint()}, {})
    assert work_s({"a": endpoint(), "b": endpoint()}, {}) == pytest.approx(alone / 2)
    pooled = {"a": endpoint(pool="q"), "b": endpoint(pool="q"), "think": {"kind": "think", "of": "a"}}
    assert work_s(pooled, {"q": 8}) == pytest.approx(2 * alone)
    assert work_s(pooled, {"q": 100}) == pytest.approx(alone / 2)
