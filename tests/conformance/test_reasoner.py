"""What `reasoners.base.Reasoner` promises, over every kind that there is (see conftest.py)."""

from typing import Any

import pytest

from rung.trial import COLD, WARM, NotApplicable


@pytest.mark.parametrize("check", WARM)
async def test_warm(subject: Any, check: str) -> None:
    try:
        await WARM[check](subject)
    except NotApplicable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("check", COLD)
async def test_cold(cold: Any, check: str) -> None:
    await COLD[check](cold)


async def test_a_specialist_abstains_from_something(cold: Any) -> None:
    assert cold.foreign or cold.reasoner.abilities.general
