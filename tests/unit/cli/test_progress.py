import io
from types import SimpleNamespace
from typing import Any

from rung.cli.progress import Progress


def reasoner(name: str, state: str, note: str = "") -> Any:
    return SimpleNamespace(name=name, state=state, note=note)


async def shown(*looks: list[Any], keys: tuple[str, ...] = ()) -> str:
    """What is written while one look at the reasoners follows the other; the last repeats."""
    left = list(looks)
    rung = SimpleNamespace(
        runtime=SimpleNamespace(reasoners=lambda: left.pop(0) if len(left) > 1 else left[0]),
        clock=SimpleNamespace(monotonic=lambda: 0.0),
        config=SimpleNamespace(server=SimpleNamespace(api_keys=dict.fromkeys(keys, "secret"))),
    )
    out = io.StringIO()
    progress: Any = Progress(rung, "http://here", out, chat="rung chat -x", explain="rung explain -x")  # type: ignore[arg-type]
    await progress.show()
    return out.getvalue()


async def test_it_counts_until_all_is_warm() -> None:
    said = await shown([reasoner("a", "loading", "reading a")], [reasoner("a", "warm")])
    assert "reading a" in said
    assert "All is warm." in said


async def test_what_is_down_or_cold_is_not_waited_for() -> None:
    said = await shown([reasoner("a", "warm"), reasoner("b", "cold", "no room"), reasoner("c", "down", "no file")])
    assert "Loaded when asked for: b\n" in said
    assert "Not available: c: no file" in said
    assert "The rest is warm." in said


async def test_what_to_try_asks_this_server() -> None:
    said = await shown([reasoner("a", "warm")])
    assert '  rung chat -x\n  rung explain -x "Why' in said


async def test_what_to_try_has_a_place_for_the_key_where_one_is_needed() -> None:
    warm = [reasoner("a", "warm")]
    assert "authorization: Bearer KEY' \\" in await shown(warm, keys=("anna",))
    assert "Bearer" not in await shown(warm)
