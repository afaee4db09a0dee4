"""What probes found out about reasoners: the file it is kept in, and what it says of a question."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from rung.answers.layout import ends, listed_labels
from rung.errors import ConfigError
from rung.estimators.ability import Placement
from rung.estimators.prior import DOMAINS, Placed, Prior
from rung.odds import sigmoid
from rung.types import Expected

FORMAT = 1
# In log-odds: how far a probe's difficulty may be off against that of the questions that the prior has seen.
LINK_SD = 0.3
_FEWEST_FOR_TOKENS = 3
# In log-odds: nobody is as able, or as unable.
_FAR = 100.0
_LOGIC = DOMAINS.index("logic")
_SUMS = frozenset({"maths", "word_problem"})
# Of questions of a task that no public outcome graded the prior cannot know how hard they are. By so many log-odds they
# are easier than it has them, as the levels of their probes say: `benchmarks/coldstart.py tasks`. Of labels those that
# are listed to put a text under, as far as it is no question of logic: who is the tallest of those named is one.
EASIER = {"extract": 1.75, "label": 1.25}


class Answered(Struct, frozen=True, kw_only=True):
    """A probe that was asked: its key, domain and task, and what came of it. Neither question nor answer is kept."""

    key: str
    domain: str
    task: str
    ending: Literal["right", "wrong", "abstained"]
    tokens: int
    seconds: float
    usd: float


class Pace(Struct, frozen=True, kw_only=True):
    """Of the lane below it, once the probes were answered: seconds before anything, for a token read and written."""

    first_s: float
    prompt_s_per_token: float
    completion_s_per_token: float


class Calibration(Struct, frozen=True, kw_only=True):
    """Of one reasoner. `of` marks what it was when it was asked, `probes` which probe set it was, `made` the day, ISO
    8601. `whole` once it is over: only then is it served by; until then it can be gone on with."""

    of: str
    probes: int
    seed: int
    made: str
    whole: bool
    placement: Placement
    pace: Pace | None = None
    answered: tuple[Answered, ...] = ()

    @property
    def tokens(self) -> Mapping[str, float]:
        """Mean tokens written, by task, where enough probes tell. Numbers that are read off a text count as no sums."""
        by_task: dict[str, list[int]] = {}
        for one in self.answered:
            if one.ending != "abstained" and (one.domain == "maths" or one.task not in _SUMS):
                by_task.setdefault(one.task, []).append(one.tokens)
        return {t: sum(all_) / len(all_) for t, all_ in sorted(by_task.items()) if len(all_) >= _FEWEST_FOR_TOKENS}

    @property
    def abstains(self) -> tuple[float, ...]:
        """The share of probes that it gave no answer to, by domain; an answer it did not give counts beside them."""
        shares = []
        for domain in DOMAINS:
            endings = [one.ending for one in self.answered if one.domain == domain]
            shares.append(endings.count("abstained") / (len(endings) + 1))
        return tuple(shares)


class File(Struct, frozen=True, kw_only=True):
    """`anew` are begun of reasoners of which there is a whole one, by which is served until the other is whole."""

    format: int = FORMAT
    reasoners: Mapping[str, Calibration] = {}
    anew: Mapping[str, Calibration] = {}

    def with_one(self, name: str, one: Calibration) -> "File":
        before = self.reasoners.get(name)
        anew = {other: of for other, of in self.anew.items() if other != name}
        if one.whole or before is None or not before.whole or before.of != one.of:
            return structs.replace(self, reasoners={**self.reasoners, name: one}, anew=anew)
        return structs.replace(self, anew={**anew, name: one})


def read_file(path: Path) -> File:
    """An empty one where there is none yet. Raises ConfigError for anything else than a file of this format."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=File)
    except FileNotFoundError:
        return File()
    except OSError as error:
        raise ConfigError(
            f"{path}: what was calibrated cannot be read: {error.strerror or error}; make it yours, or set "
            "estimates.calibration"
        ) from error
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{path}: is no file of `rung calibrate`: {error}; move it away and calibrate again"
        ) from error
    if found.format != FORMAT:
        raise ConfigError(
            f"{path}: has format {found.format}, this Rung reads {FORMAT}: move it away and calibrate again"
        )
    for name, one in (*found.reasoners.items(), *found.anew.items()):
        if not _sound(one):
            raise ConfigError(f"{path}: what it says of `{name}` cannot be; move it away and calibrate again")
    return found


def _sound(of: Calibration) -> bool:
    """Whether requests can be answered by it: found now, not in one of them."""
    placement, pace = of.placement, of.pace
    return (
        len(placement.abilities) == len(placement.sds) == len(DOMAINS)
        and all(abs(ability) <= _FAR for ability in placement.abilities)
        and all(0 <= sd <= _FAR for sd in placement.sds)
        and 0 < placement.right_share < 1
        and (pace is None or min(msgspec.structs.astuple(pace)) >= 0)
        and all(min(one.tokens, one.seconds, one.usd) >= 0 for one in of.answered)
    )


def write_file(path: Path, file: File) -> None:
    """Whole or not at all. Raises ConfigError if it cannot be written."""
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(file), indent=1))
        os.replace(beside, path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


class Calibrated:
    """Pure once it is made. `origins` names what each reasoner is known by."""

    def __init__(self, prior: Prior, calibrations: Mapping[str, Calibration]) -> None:
        self._prior = prior
        by = f"prior {prior.about.made} {prior.about.data[:8]}"
        self.origins: Mapping[str, str] = {
            name: f"{by}, {len(one.answered)} probes {one.made} {one.of}" for name, one in calibrations.items()
        }
        self._known = [
            (name, one.placement, one.abstains, one.tokens, len(one.answered)) for name, one in calibrations.items()
        ]

    def __call__(self, question: str) -> Mapping[str, Expected]:
        """By reasoner's name."""
        placed = self._prior.place(question)
        demand = ends(question)
        sorts = 1 - placed.domains[_LOGIC] if listed_labels(demand, demand.lower()) else 0.0
        easier = {**EASIER, "label": EASIER["label"] * sorts}
        out = {}
        for name, placement, abstains, tokens, probes in self._known:
            right, sd = expected(placed, placement.abilities, placement.sds)
            out[name] = Expected(
                right_prob=right,
                right_sd=sd,
                completion_tokens=None,
                task_tokens=tokens,
                abstain_prob=sum(share * one for share, one in zip(placed.domains, abstains, strict=True)),
                outcomes=probes,
                source="calibrated",
                ordinary=placement.right_share,
                easier=easier,
                origin=self.origins[name],
            )
        return out


def expected(placed: Placed, abilities: tuple[float, ...], sds: tuple[float, ...]) -> tuple[float, float]:
    """The chance that one of these abilities is right, and its standard deviation: over domains, and over what is not
    known of the ability (MacKay 1992 for the mean of a logistic of a normal)."""
    mean = square = 0.0
    for share, ability, sd in zip(placed.domains, abilities, sds, strict=True):
        variance = sd * sd + LINK_SD**2
        right = sigmoid((ability - placed.difficulty) / math.sqrt(1 + math.pi * variance / 8))
        mean += share * right
        square += share * (right * right + (right * (1 - right)) ** 2 * variance)
    return mean, math.sqrt(max(square - mean * mean, 0.0))
