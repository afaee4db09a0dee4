"""What a right answer is worth and what waiting costs; a preset is nothing but these two."""

from collections.abc import Mapping

from msgspec import Struct

from rung.types import Preset


class Prices(Struct, frozen=True, kw_only=True):
    """`value_usd` is v, what a right answer is worth; `second_usd` is mu, what a second of waiting costs. A USD spent
    costs a USD (lambda = 1)."""

    value_usd: float
    second_usd: float


# A right answer at 0.01 USD is about what a small question to a strong hosted model costs. At `balanced`, ten seconds
# of waiting are worth 19% of it: one would wait ten seconds for nineteen points of certainty, not for fifteen.
# `economy` gives a third of that for an answer and minds waiting half as much; `best` would pay ten times as much, and
# wait a minute for ten points.
PRESETS: Mapping[Preset, Prices] = {
    "economy": Prices(value_usd=0.003, second_usd=0.0001),
    "balanced": Prices(value_usd=0.01, second_usd=0.0001875),
    "best": Prices(value_usd=0.1, second_usd=0.00015),
}
