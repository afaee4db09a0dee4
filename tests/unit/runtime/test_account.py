import pytest

from rung.routing import Profile
from rung.runtime.account import taken
from rung.types import Chunk, Usage

PAID = Profile(name="a", kind="endpoint", input_usd_per_token=1e-6, output_usd_per_token=1e-5)


def test_a_call_that_brought_nothing_took_nothing() -> None:
    assert taken([Chunk()], PAID, 100, 3.0) == Usage()


def test_what_came_before_a_call_ended_is_counted_by_its_pieces() -> None:
    told = taken([Chunk(reasoning="Hm"), Chunk(), Chunk(text="Yes")], PAID, 100, 3.0)
    assert (told.prompt_tokens, told.completion_tokens) == (100, 2)
    assert told.usd == pytest.approx(100e-6 + 2e-5)
    assert told.busy_s == 0.0, "a machine that is not ours"
    assert taken([Chunk(text="x" * 400)], PAID, 0, 0.0).completion_tokens == 100, "one piece of many tokens"
