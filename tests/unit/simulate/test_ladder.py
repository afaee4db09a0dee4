import pytest

from rung.bootstrap.build import mark_of
from rung.clock import LoopClock
from rung.config import parse_config
from rung.estimators.ability import Ability
from rung.estimators.calibrated import Calibration, File, Pace, write_file
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


def test_who_was_calibrated_is_as_fast_as_it_was_then(tmp_path):
    path = tmp_path / "calibration.json"
    raw = {
        "reasoners": {"near": {"kind": "local", "path": "/one.gguf"}, "far": endpoint(), "other": endpoint()},
        "estimates": {"calibration": str(path)},
    }
    config = parse_config(raw, source="test", env={})

    def of(name, first_s, read_s, written_s):
        pace = Pace(first_s=first_s, prompt_s_per_token=read_s, completion_s_per_token=written_s)
        placement = Ability(5, 0.0).placement()
        return Calibration(
            of=mark_of(name, config), probes=1, seed=0, made="2026-01-01", whole=True, placement=placement, pace=pace
        )

    write_file(path, File(reasoners={"near": of("near", 0.5, 0.001, 0.01), "far": of("far", 0.2, 0.0, 0.002)}))

    async def main():
        leaves = ModelledLadder(config, Speeds(), Work(0), LoopClock()).leaves
        return {name: leaf.alone_s(SIZE) for name, leaf in leaves.items()}

    seconds = run(main())
    assert seconds["near"] == pytest.approx(0.5 + 0.1 + 99 * 0.01)
    assert seconds["far"] == pytest.approx(0.2 + 0.2, rel=0.1)
    assert seconds["other"] == pytest.approx(0.8 + 100 / 60, rel=0.1)
