import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rung.clock import RealClock
from rung.config.schema import LocalConfig
from rung.errors import Unavailable, WeightsError
from rung.reasoners.local.engine import Engine, EngineSpec
from rung.reasoners.local.memory import Memory, needed_bytes
from rung.reasoners.local.pulse import Pulse
from tests.unit.reasoners.local.conftest import HEAD

ASK = {"messages": [{"role": "user", "content": "Hi"}]}
EngineOf = Callable[..., Engine]


async def reaches(engine: Engine, state: str, note: str = "") -> None:
    async with asyncio.timeout(30):
        while engine.status.state != state or note not in engine.status.note:  # noqa: ASYNC110 - a status can only be looked at
            await asyncio.sleep(0.005)


async def woken(engine: Engine) -> None:
    """As a lane does it while calls wait."""
    async with asyncio.timeout(30):
        while engine.status.state == "cold":
            engine.wake()
            await asyncio.sleep(0.005)
    await reaches(engine, "warm")


async def text(engine: Engine) -> str:
    return "".join([chunk.text async for chunk in engine.answer(ASK)])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_says_what_to_install_where_llama_cpp_is_not(
    engine_of: EngineOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    engine = engine_of("says")
    await engine.start()
    await reaches(engine, "down", "llama.cpp is not installed: pip install 'rung[local]'")
    await engine.close()


async def test_is_cold_then_loads_then_answers_then_is_gone(engine_of: EngineOf) -> None:
    engine = engine_of("says")
    assert engine.status.state == "cold"
    with pytest.raises(Unavailable, match="not started"):
        await text(engine)
    await engine.start()
    await reaches(engine, "warm")
    assert await text(engine) == "Hello"
    pid = engine.pid
    assert pid is not None
    await engine.close()
    assert engine.status.state == "cold"
    assert not alive(pid)


async def test_it_is_not_warm_before_it_has_answered_a_prompt(engine_of: EngineOf) -> None:
    engine = engine_of("never warms")
    await engine.start()
    await reaches(engine, "loading", "warming")
    with pytest.raises(Unavailable):
        await text(engine)
    await asyncio.sleep(0.1)
    assert engine.status.state == "loading"
    await engine.close()


async def test_the_last_of_those_who_share_it_closes_it(engine_of: EngineOf) -> None:
    engine = engine_of("says")
    await engine.start()
    await engine.start()
    await reaches(engine, "warm")
    await engine.close()
    assert await text(engine) == "Hello"
    await engine.close()
    assert engine.pid is None


async def test_when_the_child_dies_answers_break_and_it_is_started_again(engine_of: EngineOf) -> None:
    engine = engine_of("stalls")
    await engine.start()
    await reaches(engine, "warm")
    answer = engine.answer(ASK)
    assert (await anext(answer)).text == "Hel"
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match=r"own\.gguf: llama\.cpp was ended by SIGKILL.*started again"):
        await anext(answer)
    await reaches(engine, "down", "restarting in")
    assert engine.status.ready_in_s is not None
    with pytest.raises(Unavailable, match=r"because llama\.cpp was ended by SIGKILL") as refused:
        await text(engine)
    assert refused.value.retry_after_s is not None
    await reaches(engine, "warm")
    await engine.close()


async def test_a_child_that_a_signal_without_a_name_ends_is_started_again(engine_of: EngineOf) -> None:
    engine = engine_of("says")
    await engine.start()
    await reaches(engine, "warm")
    assert engine.pid is not None
    os.kill(engine.pid, 40)
    await reaches(engine, "down", "ended by signal 40")
    await reaches(engine, "warm")
    await engine.close()


async def test_a_child_that_hangs_while_somebody_waits_is_soon_ended_and_started_again(engine_of: EngineOf) -> None:
    """They hold places that other models of the machine could use."""
    engine = engine_of("stalls", pulse=Pulse(every_s=0.02, longest_s=60.0, awaited_s=1.0))
    await engine.start()
    await reaches(engine, "warm")
    answer = engine.answer(ASK)
    assert (await anext(answer)).text == "Hel"
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unavailable):
        await anext(answer)
    await reaches(engine, "down", r"llama.cpp said nothing for 1")
    await reaches(engine, "warm")
    assert not alive(pid)
    await engine.close()


async def test_one_that_nobody_waits_for_has_longer_to_come_round(engine_of: EngineOf) -> None:
    engine = engine_of("says", pulse=Pulse(every_s=0.02, longest_s=60.0, awaited_s=1.0))
    await engine.start()
    await reaches(engine, "warm")
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(1.5)
        assert (engine.pid, engine.status.state) == (pid, "warm")
    finally:  # a stopped one would outlive a failed test
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    assert [chunk.text async for chunk in engine.answer(ASK) if chunk.text] == ["Hel", "lo"]
    await engine.close()


@pytest.mark.parametrize(("longest_s", "silent_s"), [(60.0, [0.0, 9.0, 0.0, 11.0]), (0.0, [])])
async def test_words_that_come_are_a_pulse_too(
    monkeypatch: pytest.MonkeyPatch, longest_s: float, silent_s: list[float]
) -> None:
    """It may be busy beyond answering what is asked beside its work."""
    silences = iter(silent_s)

    async def unfelt(*_: object) -> bool:
        return False

    monkeypatch.setattr(Pulse, "_felt", unfelt)
    pulse = Pulse(every_s=0.0, longest_s=longest_s, awaited_s=10.0)
    assert "said nothing" in await pulse.stops("http://127.0.0.1:9", {}, lambda: next(silences))
    assert next(silences, None) is None


async def test_a_model_that_cannot_be_loaded_is_told_with_llamas_reason(engine_of: EngineOf) -> None:
    engine = engine_of("breaks")
    await engine.start()
    await reaches(engine, "down", "because llama.cpp ended: error loading model: the file is corrupt")
    await engine.close()


async def test_close_while_loading(engine_of: EngineOf) -> None:
    engine = engine_of("waits")
    await engine.start()
    async with asyncio.timeout(30):
        while engine.pid is None:  # noqa: ASYNC110 - a status can only be looked at
            await asyncio.sleep(0.005)
    pid = engine.pid
    await engine.close()
    assert not alive(pid)


async def test_a_missing_file_is_told(tmp_path: Path) -> None:
    spec = EngineSpec(model=None, path=tmp_path / "none.gguf", folder=tmp_path, context_tokens=512, slots=1)
    engine = Engine(spec, RealClock())
    await engine.start()
    await reaches(engine, "down", "none.gguf cannot be read")
    await engine.close()


async def test_a_program_that_cannot_be_run_is_told(engine_of: EngineOf, tmp_path: Path) -> None:
    engine = Engine(engine_of("says").spec, RealClock(), program=(str(tmp_path / "nothing"),))
    await engine.start()
    await reaches(engine, "down", "could not be started: No such file")
    await engine.close()


@pytest.fixture
def one_fits(tmp_path: Path) -> Memory:
    """Memory for one model, and half of another."""
    file = tmp_path / "measured.gguf"
    file.write_bytes(HEAD)
    return Memory(needed_bytes(file, 1024) * 3 // 2)


async def test_what_does_not_fit_is_loaded_when_it_is_asked_for_in_place_of_what_is_idle(
    engine_of: EngineOf, one_fits: Memory
) -> None:
    first, second = (engine_of("says", name, one_fits) for name in ("first", "second"))
    await first.start()
    await reaches(first, "warm")
    await second.start()
    await reaches(second, "cold", "only in place of another model")
    assert second.status.ready_in_s is None, "never measured"
    with pytest.raises(Unavailable, match="only in place of another"):
        await text(second)  # who asks without a lane wakes it too
    pid = first.pid
    await reaches(first, "cold", "only in place of another")
    await woken(second)
    assert pid is not None
    assert not alive(pid)
    assert one_fits.held_bytes <= (one_fits.bound_bytes or 0)
    assert (await text(second), first.pid) == ("Hello", None)
    measured_s = first.status.ready_in_s
    assert measured_s is not None
    assert measured_s > 0
    await woken(first)
    assert second.status.state == "cold"
    for engine in (first, second):
        await engine.close()
    assert one_fits.held_bytes == 0


class Asker:
    in_use, running, urgent = True, 0, False


async def test_nothing_is_unloaded_that_answers_or_that_somebody_waits_for(
    engine_of: EngineOf, one_fits: Memory
) -> None:
    first, second = engine_of("stalls", "first", one_fits), engine_of("says", "second", one_fits)
    await first.start()
    await reaches(first, "warm")
    await second.start()
    await reaches(second, "cold")

    async def second_is_wanted() -> None:
        second.wake()
        for _ in range(20):
            await asyncio.sleep(0)

    answer = first.answer(ASK)
    await anext(answer)
    await second_is_wanted()
    assert first.status.state == "warm"
    first.askers.add(asker := Asker())
    await answer.aclose()
    await second_is_wanted()
    assert first.status.state == "warm"
    asker.in_use = False
    await second_is_wanted()
    assert first.status.state == "cold"
    await reaches(second, "cold")
    await woken(second)
    for engine in (first, second):
        await engine.close()


async def test_a_child_that_dies_gives_its_memory_back(engine_of: EngineOf, one_fits: Memory) -> None:
    first, second = engine_of("breaks", "first", one_fits), engine_of("says", "second", one_fits)
    await first.start()
    await reaches(first, "down", "restarting in")
    await second.start()
    await reaches(second, "warm")
    await reaches(first, "cold")
    for engine in (first, second):
        await engine.close()


@pytest.mark.parametrize(("how", "state", "urgent"), [("breaks", "down", False), ("says", "warm", True)])
async def test_none_gives_way_to_one_that_could_not_be_loaded(
    engine_of: EngineOf, one_fits: Memory, how: str, state: str, urgent: bool
) -> None:
    """Every half minute one that works was unloaded for it."""
    engine = engine_of(how, "first", one_fits)
    engine.askers.add(asker := Asker())
    asker.urgent = True
    assert engine.urgent
    await engine.start()
    await reaches(engine, state, "restarting in" if state == "down" else "")
    assert engine.urgent is urgent
    await engine.close()


async def test_what_never_fits_is_told(engine_of: EngineOf) -> None:
    engine = engine_of("says", "own", Memory(2**20))
    await engine.start()
    await reaches(engine, "down", r"own.gguf takes about 320 MB, machine.memory_mb allows 1: raise it, or lower")
    await engine.close()


async def test_one_that_was_closed_on_its_way_out_can_be_started_again(engine_of: EngineOf, one_fits: Memory) -> None:
    engine = engine_of("says", "own", one_fits)
    for _ in range(2):
        await engine.start()
        await reaches(engine, "warm")
        engine.unload()
        await engine.close()
    assert one_fits.held_bytes == 0


def test_equal_configs_have_equal_engines(tmp_path: Path) -> None:
    config = LocalConfig(kind="local", model="smollm2-135m-instruct", context_tokens=100_000)
    spec = EngineSpec.of(config, tmp_path)
    assert spec == EngineSpec.of(config.model_copy(update={"strength": 0.5}), tmp_path)
    assert hash(spec) == hash(EngineSpec.of(config, tmp_path))
    assert spec.context_tokens == 8192, "no more than the model was made for"
    with pytest.raises(WeightsError, match="no model `nosuch`"):
        EngineSpec.of(config.model_copy(update={"model": "nosuch"}), tmp_path)
