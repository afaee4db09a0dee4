"""One reasoner's calibration: the probe that tells most is asked next, and everything is kept after each."""

import asyncio
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from rung.bootstrap import Rung
from rung.bootstrap.build import mark_of, profile_of
from rung.cli.alone import alone
from rung.clock import RealClock
from rung.config import Config
from rung.errors import Abstained, ConfigError, RungError
from rung.estimators.ability import Ability, Item
from rung.estimators.calibrated import Answered, Calibration, Pace, read_file, write_file
from rung.probes import DOMAINS, TEMPLATES, VERSION, Probe, Template
from rung.reasoners.base import Abilities
from rung.reasoners.code.asking import code_in
from rung.routing import Profile, features_of, ordinary
from rung.sandbox import Jail
from rung.types import Answer

_MAX_TOKENS = 512
# What a probe reads and writes, about, for the price that is told beforehand.
_READS, _WRITES = 150, 250
# A kind of probe that was abstained from so often, without one answer, is not asked again.
_SILENT = 3
_FAILURES = 5
# By how often it was asked, another probe of a kind counts half: what is made of one kind should not decide.
_OFTEN = 4.0
# Of the most that a probe would tell, what another must tell to be asked in its place.
_NEAR = 0.8
# Probes are made until one is new; a kind that gives none so often is used up.
_TRIES = 20
_LOOK_S = 0.2
# At most, where a reasoner says when to ask again.
_PATIENCE_S = 60.0
_EVERY = 10


class Limits(Struct, frozen=True, kw_only=True):
    """Of one calibration: probes in any case and at most, half the 95% interval that is narrow enough, USD at most."""

    fewest: int
    most: int
    width: float
    max_usd: float | None


def probe_usd(profile: Profile) -> float:
    """About what a probe costs."""
    return (_READS * profile.input_usd_per_token + _WRITES * profile.output_usd_per_token) * profile.samples


class Calibrator:
    def __init__(self, name: str, config: Config, limits: Limits, say: Callable[[str], object]) -> None:
        """Raises ConfigError where there is no such reasoner."""
        assert config.estimates.calibration is not None
        self._name, self._config, self._limits, self._say = name, config, limits, say
        alone(config, name, Path())  # who is not there is told of before anyone is asked
        self._path = config.estimates.calibration
        self._profile = profile_of(name, config)
        self._guess = ordinary(self._profile) or 0.0
        self._clock = RealClock()
        self._jail = Jail()

    @property
    def name(self) -> str:
        return self._name

    def begun(self, *, anew: bool) -> Calibration:
        """What there is already of the same reasoner by the same probes, to be gone on with if it is not whole; else,
        and of what is whole if `anew`, a beginning."""
        file, seed = read_file(self._path), 0
        mark = mark_of(self._name, self._config)
        for found in (file.anew.get(self._name) if anew else None, file.reasoners.get(self._name)):
            if found is not None and (found.of, found.probes) == (mark, VERSION):
                if not (found.whole and anew):
                    return found
                seed = found.seed + 1
        nothing = Ability(len(DOMAINS), self._guess).placement()
        return Calibration(of=mark, probes=VERSION, seed=seed, made=_today(), whole=False, placement=nothing)

    def run(self, now: Calibration) -> Calibration:
        """Goes on with it until it is whole. Raises ConfigError where the reasoner does not answer."""
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(self._asked(alone(self._config, self._name, Path(folder)), now))

    async def _asked(self, config: Config, now: Calibration) -> Calibration:
        ability, pool = Ability(len(DOMAINS), self._guess), Pool(now.seed)
        for one in now.answered:
            _count(one, ability, pool)
        if now.answered:
            self._say(f"{self._name}: goes on after {len(now.answered)} probes")
        async with Rung(config) as system:
            abilities = await self._awake(system)
            pool.keep(lambda probe: takes(abilities, probe))
            if not (isolation := await self._jail.isolation()).whole:
                self._say(f"probes that ask for code are left out: it cannot be isolated here ({isolation})")
                pool.keep(lambda probe: not probe.tests)
            while not self._over(now) and (probe := pool.next(ability)) is not None:
                answered = await self._answered(system, probe)
                _count(answered, ability, pool)
                now = replace(now, answered=(*now.answered, answered), placement=ability.placement(), made=_today())
                self._keep(now)
                if len(now.answered) % _EVERY == 0:
                    low, high = now.placement.interval
                    self._say(f"{self._name}: {len(now.answered)} probes, {low:.0%} to {high:.0%} right")
            pace = system.runtime.rung(self._name).lane.pace
        if not now.answered and self._too_dear(now):
            raise ConfigError(f"{self._name}: --max-usd is less than a probe is expected to cost, so none was asked")
        if not any(one.ending != "abstained" for one in now.answered):
            raise ConfigError(f"{self._name} answers none of the probes: it cannot be calibrated by them")
        measured = Pace(
            first_s=pace.first_s,
            prompt_s_per_token=pace.prompt_s_per_token,
            completion_s_per_token=pace.completion_s_per_token,
        )
        now = replace(now, whole=True, pace=measured)
        self._keep(now)
        return now

    async def _awake(self, system: Rung) -> Abilities:
        reasoner = system.runtime.rung(self._name).reasoner
        while reasoner.status.state == "loading":  # noqa: ASYNC110  a status can only be looked at
            await asyncio.sleep(_LOOK_S)
        if reasoner.status.state == "down":
            raise ConfigError(f"{self._name} is not up: {reasoner.status.note}")
        return reasoner.abilities

    def _over(self, now: Calibration) -> bool:
        asked, limits = len(now.answered), self._limits
        if self._too_dear(now):
            self._say(f"{self._name}: --max-usd {limits.max_usd:g} is reached")
            return True
        return asked >= limits.most or (asked >= limits.fewest and now.placement.half_width <= limits.width)

    def _too_dear(self, now: Calibration) -> bool:
        """Whether one more probe might cost more than is left."""
        if self._limits.max_usd is None:
            return False
        dearest = max((one.usd for one in now.answered), default=probe_usd(self._profile))
        return sum(one.usd for one in now.answered) + dearest > self._limits.max_usd

    async def _answered(self, system: Rung, probe: Probe) -> Answered:
        began_s = self._clock.monotonic()
        answer, usd = await self._answer(system, probe)
        seconds = self._clock.monotonic() - began_s
        right = answer is not None and await self._is_right(probe, answer.text)
        return Answered(
            key=probe.key,
            domain=probe.template.domain,
            task=features_of({"messages": [{"role": "user", "content": probe.question}]}).task,
            ending="abstained" if answer is None else "right" if right else "wrong",
            tokens=0 if answer is None else answer.usage.completion_tokens,
            seconds=round(seconds, 4),
            usd=usd,
        )

    async def _answer(self, system: Rung, probe: Probe) -> tuple[Answer | None, float]:
        """None where it abstains; and the USD that was spent, also on what gave no answer. A failure says nothing about
        what it knows: it is asked again. Raises ConfigError if that goes on."""
        usd = 0.0
        for tried in range(1, _FAILURES + 1):
            try:
                answer = await system.answer(probe.question, model=self._name, cache="off", max_tokens=_MAX_TOKENS)
            except Abstained as abstained:
                return None, usd + abstained.usage.usd
            except RungError as error:
                if tried == _FAILURES:
                    raise ConfigError(f"{self._name} failed {tried} times running: {error.message}") from error
                usd += error.usage.usd
                self._say(f"{self._name}: a probe failed ({error.message}); it is asked again")
                await asyncio.sleep(min(error.retry_after_s or 0.0, _PATIENCE_S))
            else:
                return answer, usd + answer.usage.usd
        raise AssertionError("the last try returns or raises")

    async def _is_right(self, probe: Probe, text: str) -> bool:
        if not probe.tests:
            return probe.is_right(text)
        code = code_in(text)
        return bool(code) and (await self._jail.run(code, probe.tests)).whole

    def _keep(self, now: Calibration) -> None:
        """Beside what other calibrations have written meanwhile."""
        write_file(self._path, read_file(self._path).with_one(self._name, now))


class Pool:
    """The probes that may be asked, by template and level; the same question is not asked twice."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # Which of the best is asked is drawn, so that not all of one kind are asked in a row.
        self._rng = Random(seed)  # noqa: S311  no secret
        self._templates = {template.name: template for template in TEMPLATES}
        self._kinds = [(template, level) for template in TEMPLATES for level in range(len(template.halfway))]
        self._next: dict[tuple[str, int], int] = {}
        self._asked: set[str] = set()
        self._often: dict[str, int] = {}
        self._silent: dict[str, int] = {}

    def keep(self, fit: Callable[[Probe], bool]) -> None:
        """Only kinds whose probes fit."""
        self._kinds = [
            (template, level) for template, level in self._kinds if fit(template.probe(level, self._seed, 0))
        ]

    def made(self, key: str) -> Probe:
        """The probe that has this key."""
        name, level, number = key.split("/")
        return self._templates[name].probe(int(level), self._seed, int(number))

    def next(self, ability: Ability) -> Probe | None:
        """One that is expected to tell nearly as much as the best; None where none is left."""
        while self._kinds:
            worths = ability.worth([item_of(template, level) for template, level in self._kinds])
            worths = [
                worth / (1 + self._often.get(template.name, 0) / _OFTEN)
                for worth, (template, _) in zip(worths, self._kinds, strict=True)
            ]
            near = [kind for worth, kind in zip(worths, self._kinds, strict=True) if worth >= _NEAR * max(worths)]
            kind = self._rng.choice(near)
            probe = self._new(*kind)
            if probe is not None:
                return probe
            self._kinds.remove(kind)
        return None

    def _new(self, template: Template, level: int) -> Probe | None:
        begin = self._next.get((template.name, level), 0)
        for number in range(begin, begin + _TRIES):
            probe = template.probe(level, self._seed, number)
            if probe.question not in self._asked:
                return probe
        return None

    def note(self, probe: Probe, *, abstained: bool) -> None:
        """It was asked."""
        name = probe.template.name
        self._next[name, probe.level] = int(probe.key.rpartition("/")[2]) + 1
        self._asked.add(probe.question)
        self._often[name] = self._often.get(name, 0) + 1
        if abstained and self._silent.get(name, 0) >= 0:
            self._silent[name] = self._silent.get(name, 0) + 1
            if self._silent[name] >= _SILENT:
                self._kinds = [(template, at) for template, at in self._kinds if template.name != name]
        elif not abstained:
            self._silent[name] = -1  # it does answer some


def item_of(template: Template, level: int) -> Item:
    """What a kind of probe tells of an ability."""
    return Item(
        domain=DOMAINS.index(template.domain),
        difficulty=template.difficulty(level),
        discrimination=template.discrimination,
        floor=template.floor,
    )


def takes(abilities: Abilities, probe: Probe) -> bool:
    features = features_of({"messages": [{"role": "user", "content": probe.question}]})
    if abilities.schema_only or (abilities.short_only and not features.short):
        return False
    return not abilities.tasks or features.task in abilities.tasks


def _count(answered: Answered, ability: Ability, pool: Pool) -> None:
    probe = pool.made(answered.key)
    pool.note(probe, abstained=answered.ending == "abstained")
    if answered.ending != "abstained":
        ability.observe(item_of(probe.template, probe.level), float(answered.ending == "right"), probe.template.name)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
