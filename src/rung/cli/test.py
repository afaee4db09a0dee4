"""`rung test reasoner`: the conformance suite, a graded file and a load on one reasoner of a config, and its card."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct
from rich.console import Console
from rich.markup import escape

from rung.bootstrap import Rung
from rung.cli.alone import alone
from rung.cli.options import ConfigOption, JsonOption, write_json
from rung.clock import RealClock
from rung.config import Config, load_config
from rung.errors import Abstained, BadRequest, ConfigError, RungError
from rung.reasoners.base import Reasoner
from rung.runtime import Rung as LadderRung
from rung.sandbox import Jail
from rung.telemetry import configure_logs
from rung.trial import (
    COLD,
    WARM,
    Broken,
    Item,
    Level,
    NotApplicable,
    Outcome,
    Scores,
    Subject,
    load,
    read_items,
    scores,
)
from rung.trial.conformance import WORD
from rung.trial.memory import tree_bytes
from rung.types import Json

app = typer.Typer(help="Put a reasoner through the conformance suite, a graded file and a load.", callback=lambda: None)

_LONG = "Tell me a very long story about a king."
# One of these most reasoners answer; those that abstain are found out.
_QUESTIONS: tuple[tuple[str, Json], ...] = (
    ("What is the capital of France?", {}),
    ("What is 37 * 43?", {}),
    ("Tom has 3 apples and buys 4 more. How many apples does he have?", {}),
    ("Write a function successor that adds 1.\nassert successor(1) == 2", {}),
    ("The word is: ladder", {"response_format": WORD}),
)
_FEW = 3
# What a specialist's answer has: of a program, or of JSON, a part is none.
_WHOLE_TOKENS = 256
_HOUR_S = 3600.0
# What is asked to find out whether it answers, and a whole check: a slow machine needs a part of it.
_ANSWER_S = 120.0
_CHECK_S = 600.0


class Told(Struct, frozen=True):
    """A check and what came of it: kept, broken, or not applicable, and then why."""

    check: str
    result: str
    why: str = ""


class Card(Struct, frozen=True, kw_only=True):
    """`memory_mb` is that of this process with its children when all was asked, the reasoner still warm; None where it
    is not known."""

    reasoner: str
    about: str
    conformance: list[Told]
    graded: Scores | None
    load: list[Level]
    memory_mb: float | None


GradedOption = Annotated[
    Path | None, typer.Option("--graded", "-g", help="A JSONL file of questions with their answers, to be marked.")
]
LoadOption = Annotated[int, typer.Option("--load", min=0, help="Calls of the load probe in all; 0 for none.")]
LengthOption = Annotated[int, typer.Option("--max-tokens", min=1, help="Bound of an answer to a graded question.")]


@app.command()
def reasoner(
    name: Annotated[str, typer.Argument(help="A name of the config.")],
    graded: GradedOption = None,
    config: ConfigOption = None,
    load_calls: LoadOption = 24,
    max_tokens: LengthOption = 512,
    as_json: JsonOption = False,
) -> None:
    """Run the conformance suite, a graded file and a load on a reasoner, and print its card.

    A hosted one is called, and paid for. Exit code 1 if a promise is broken.
    """
    configure_logs("error", "console")
    if graded is not None and not graded.is_file():
        raise BadRequest(f"{graded}: there is no such file")
    items = read_items(graded.read_bytes(), str(graded)) if graded else []
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(name, alone(load_config(config), name, Path(folder)), console)
        card = asyncio.run(trial.card(items, load_calls, max_tokens))
    if as_json:
        write_json(card)
    raise typer.Exit(1 if any(one.result == "broken" for one in card.conformance) else 0)


class Trial:
    def __init__(self, name: str, config: Config, console: Console) -> None:
        self._name = name
        self._config = config
        self._console = console
        self._clock = RealClock()
        self._told: list[Told] = []

    async def card(self, items: list[Item], load_calls: int, max_tokens: int) -> Card:
        if any(item.grader == "tests" for item in items) and not (isolation := await Jail().isolation()).whole:
            raise ConfigError(f"code cannot be isolated here, so that no answer can be marked by tests ({isolation})")
        await self._check_cold()
        system = Rung(self._config)
        async with system:
            rung = system.runtime.rung(self._name)
            subject = self._subject(rung, rung.reasoner)
            await self._await_warm(subject)
            await self._find_questions(subject, items[:_FEW])
            for name, check in WARM.items():
                await self._run(name, check(subject), rung.reasoner.abilities.general)
            outcomes = [await self._outcome(system, item, max_tokens) for item in items]
            levels = await self._load(subject, load_calls)
            memory = tree_bytes(os.getpid())
        card = Card(
            reasoner=self._name,
            about=rung.about,
            conformance=self._told,
            graded=scores(outcomes) if outcomes else None,
            load=levels,
            memory_mb=None if memory is None else memory / 1e6,
        )
        for line in lines(card):
            self._console.print(line, markup=False)
        return card

    def _subject(self, rung: LadderRung, of: Reasoner) -> Subject:
        """Asked through its lane, as requests are."""
        return Subject(
            reasoner=of,
            questions={},
            answer=rung.call,
            long=_LONG if of.abilities.general else "",
            deadline_s=self._clock.monotonic() + _HOUR_S,
        )

    async def _check_cold(self) -> None:
        system = Rung(self._config)
        rung = system.runtime.rung(self._name)
        subject = self._subject(rung, rung.reasoner)
        subject.parts = (system,)
        await self._run("its_life", COLD["its_life"](subject), rung.reasoner.abilities.general)

    async def _await_warm(self, subject: Subject) -> None:
        try:
            await subject.warm()
        except TimeoutError:
            status = subject.reasoner.status
            raise ConfigError(f"{self._name} is not warm: {status.state}, {status.note}") from None

    async def _find_questions(self, subject: Subject, own: list[Item]) -> None:
        """Of the graded questions and the standard ones, those that it answers, all by a schema or all without."""
        if not subject.reasoner.abilities.general:
            subject.params = {"max_tokens": _WHOLE_TOKENS}
        found: dict[str, str] = {}
        by_schema = False
        for question, form in [*((item.question, item.params) for item in own), *_QUESTIONS]:
            if len(found) == _FEW or (found and bool(form) != by_schema):
                break
            subject.forms[question] = form
            probe = subject.call(question)
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await subject.answer_of(probe)
            except Abstained:
                subject.foreign = subject.foreign or question
                continue
            except TimeoutError:
                self._note("it_answers", "broken", f"no whole answer came within {_ANSWER_S:g} s")
                break
            except RungError as error:
                self._note("it_answers", "broken", f"{type(error).__name__}: {error.message}")
                break
            found[question], by_schema = "", bool(form)
        subject.questions = found
        if by_schema or subject.reasoner.abilities.schema_only:
            subject.for_a_word = _QUESTIONS[-1][0]

    async def _run(self, name: str, check: Any, general: bool) -> None:
        try:
            async with asyncio.timeout(_CHECK_S):
                await check
        except NotApplicable as reason:
            self._note(name, "not applicable", str(reason))
        except Broken as promise:
            self._note(name, "broken", str(promise))
        except Abstained as abstained:
            # Of a specialist that is no promise broken; one that takes any question has no business to.
            self._note(name, "broken" if general else "not applicable", f"Abstained: {abstained.message}")
        except RungError as error:
            self._note(name, "broken", f"{type(error).__name__}: {error.message}")
        except TimeoutError:
            self._note(name, "broken", "nothing came within the time that a check has")
        else:
            self._note(name, "kept")

    def _note(self, check: str, result: str, why: str = "") -> None:
        self._told.append(Told(check, result, why))
        style = {"kept": "green", "broken": "bold red"}.get(result, "dim")
        self._console.print(f"[{style}]{result:14}[/] {check}{': ' + escape(why) if why else ''}")

    async def _outcome(self, system: Rung, item: Item, max_tokens: int) -> Outcome:
        began_s = self._clock.monotonic()
        try:
            reply = await system.reply(
                item.question, model=self._name, cache="off", max_tokens=max_tokens, **item.params
            )
        except RungError as error:
            seconds = self._clock.monotonic() - began_s
            if isinstance(error, Abstained):
                return Outcome(ending="abstained", seconds=seconds, usage=error.usage)
            return Outcome(ending="failed", seconds=seconds, usage=error.usage, reason=type(error).__name__)
        seconds = self._clock.monotonic() - began_s
        return Outcome(
            ending="right" if await item.is_right(reply.answer.text) else "wrong",
            seconds=seconds,
            right_prob=reply.decision.right_prob,
            usage=reply.answer.usage,
        )

    async def _load(self, subject: Subject, calls: int) -> list[Level]:
        if not calls or not subject.questions:
            return []
        subject.deadline_s = self._clock.monotonic() + _HOUR_S  # the graded questions may have taken longer
        return await load(
            lambda question: subject.answer_of(subject.call(question)), list(subject.questions), calls, self._clock
        )


def lines(card: Card) -> Iterator[str]:
    """The card for people."""
    results = [one.result for one in card.conformance]
    yield ""
    yield f"{card.reasoner}: {card.about}"
    yield (
        f"conformance  {results.count('kept')} kept, {results.count('broken')} broken, "
        f"{results.count('not applicable')} not applicable"
    )
    if card.graded is not None:
        yield from _graded(card.graded)
    for level in card.load:
        failed = "".join(f", {count} {kind}" for kind, count in level.failed.items())
        yield (
            f"load         {level.at_once} at once: {level.per_s:.1f} answers/s, "
            f"p50 {_seconds(level.p50_s)}, p95 {_seconds(level.p95_s)}{failed}"
        )
    yield f"memory       {'not known here' if card.memory_mb is None else f'{card.memory_mb:.0f} MB, Rung included'}"


def _graded(of: Scores) -> Iterator[str]:
    low, high = of.interval
    answered = "" if of.accuracy is None else f"; of those answered {of.accuracy:.0%}"
    yield f"accuracy     {of.right} of {of.n} right ({of.right_share:.0%}, 95% {low:.0%} to {high:.0%}){answered}"
    yield f"abstention   {of.abstained} of {of.n} ({of.abstained_share:.0%}); {of.failed} failed"
    if of.ece is not None:
        yield f"calibration  ECE {of.ece:.3f} over {of.right + of.wrong} answers"
    yield f"speed        p50 {_seconds(of.p50_s)}, p95 {_seconds(of.p95_s)}"
    tokens = "" if of.mean_tokens is None else f", {of.mean_tokens:.0f} tokens an answer"
    yield f"cost         {of.mean_usd:.6f} USD a question{tokens}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"
