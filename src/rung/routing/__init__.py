"""Pure decisions: what a request is like, what each reasoner would make of it, and THE RULE that picks one."""

from rung.routing.commitment import OPEN_SHARE, Commitment, Written, commitment
from rung.routing.estimates import Profile, Speed, at_speed, estimate, ordinary
from rung.routing.explore import chances, explore
from rung.routing.features import features_of
from rung.routing.options import (
    Candidate,
    Limits,
    Seen,
    Weighed,
    difficulty_shift,
    exclusion,
    lacking,
    right_after,
    sort_options,
    too_long,
    verdict_of,
    weigh,
)
from rung.routing.prices import PRESETS, Prices
from rung.routing.reserve import Moves, Verdicted, moves_of
from rung.routing.rule import Action, Stop, Try, next_action

__all__ = [
    "OPEN_SHARE",
    "PRESETS",
    "Action",
    "Candidate",
    "Commitment",
    "Limits",
    "Moves",
    "Prices",
    "Profile",
    "Seen",
    "Speed",
    "Stop",
    "Try",
    "Verdicted",
    "Weighed",
    "Written",
    "at_speed",
    "chances",
    "commitment",
    "difficulty_shift",
    "estimate",
    "exclusion",
    "explore",
    "features_of",
    "lacking",
    "moves_of",
    "next_action",
    "ordinary",
    "right_after",
    "sort_options",
    "too_long",
    "verdict_of",
    "weigh",
]
