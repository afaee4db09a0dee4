"""`rung explain`: the decision that would be taken now, for people."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rung.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    PresetOption,
    UrlOption,
    api_key,
    percent,
    text,
    write_json,
)
from rung.cli.reach import Address, Wanted, reach
from rung.odds import logit, sigmoid
from rung.types import Decision, Estimate, Features, Option, Past

# Tasks whose answers are better or worse.
_GRADED = frozenset({"open", "write", "summarise", "translate"})


def explain(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    model: ModelOption = "auto",
    preset: PresetOption = None,
    config: ConfigOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a question would be answered now, and why; nothing is called.

    Exit code 1 if nothing could take it.
    """
    wanted = Wanted(
        messages=[{"role": "user", "content": text(question)}], model=model, preset=preset.value if preset else None
    )
    about, decision = asyncio.run(_ask(Address(config=config, url=url, key=api_key()), wanted))
    if as_json:
        write_json(decision)
    else:
        show(decision, Console(highlight=False, soft_wrap=True), about)
    raise typer.Exit(1 if decision.first is None else 0)


async def _ask(address: Address, wanted: Wanted) -> tuple[str, Decision]:
    async with reach(address, start=False) as place:
        return place.about, await place.explain(wanted)


def show(decision: Decision, console: Console, about: str) -> None:
    console.print(about, style="dim")
    if decision.features is not None:
        console.print(f"\nThe question: {_features(decision.features)}.")
    options = [option for option in decision.options if not option.excluded]
    if options:
        console.print(f"\nWhat could answer it, at the prices of `{decision.preset}`:")
        console.print(_table(options))
        for line in _origins(options):
            console.print(line, markup=False)
        if decision.features is not None and decision.features.task in _GRADED:
            console.print(
                "Nothing here is right or wrong: `right` is how good it is, 0 to 1, by feedback and outcomes."
            )
    left_out = [option for option in decision.options if option.excluded]
    if left_out:
        console.print("\nNo option:")
    for option in left_out:
        console.print(f"  {option.reasoner}: {option.excluded}", markup=False)
    if decision.nearest:
        console.print("\nThe nearest questions that were scored:")
        console.print(_nearest(decision.nearest))
    console.print()
    console.print(what_next(decision), markup=False)


def _features(features: Features) -> str:
    parts = [
        f"task {features.task}",
        f"complexity {features.complexity:.2f}",
        f"language {features.language}",
        f"about {features.prompt_tokens} tokens",
    ]
    if features.short:
        parts.append(f"a short answer is asked for ({features.short})")
    if features.needs:
        parts.append(f"needs {', '.join(sorted(features.needs))}")
    return ", ".join(parts)


def _table(options: list[Option]) -> Table:
    heads = ("rung", "right", "abstains", "seconds", "USD", "with waiting", "reserve", "known by")
    table = Table(*heads, box=None, padding=(0, 1, 0, 0))
    table.columns[0].overflow = "fold"  # names that begin alike stay apart
    for column in table.columns[1:-1]:
        column.justify = "right"
    for option in options:
        e = option.estimate
        assert e is not None
        table.add_row(
            option.reasoner,
            right(e),
            percent(e.abstain_prob) if e.abstain_prob else "",
            f"{e.wait_s + e.service_s:.1f}",
            f"{e.usd:.6f}",
            "" if option.cost_usd is None else f"{option.cost_usd:.6f}",
            "" if option.reserve is None else f"{option.reserve:.2f}",
            known_by(e),
        )
    return table


def _origins(options: Sequence[Option]) -> Iterator[str]:
    """What estimates that are no guesses are made from: the artefact's day and its data's digest, or the probes."""
    known: dict[tuple[str, str], list[str]] = {}
    for option in options:
        e = option.estimate
        if e is not None and e.origin:
            known.setdefault((e.source, e.origin), []).append(option.reasoner)
    return (f"{source} ({origin}): {', '.join(names)}" for (source, origin), names in known.items())


def right(e: Estimate) -> str:
    """The chance to be right, with its 95% interval where that is known: symmetric in log-odds, so that it ends before
    0 and 1."""
    p, spread = e.right_prob, e.right_prob * (1 - e.right_prob)
    if not e.right_sd or not spread:
        return percent(p)
    low, high = (sigmoid(logit(p) + side * 1.96 * e.right_sd / spread) for side in (-1, 1))
    return f"{percent(p)} ({100 * low:.0f}-{100 * high:.0f})"


def known_by(e: Estimate) -> str:
    """Where an estimate comes from, and by how much outcomes have moved it since."""
    what = "probes" if e.source == "calibrated" else "outcomes"
    said = f"{e.source}, {e.outcomes:,} {what}" if e.outcomes else e.source
    if (moved := e.correction) is not None:
        said += f"; from {percent(moved.base_prob)} by {moved.outcomes:,} said right or wrong"
        if moved.forgotten:
            said += f" since it changed, {moved.forgotten:,} before that forgotten"
    return said


def _nearest(pasts: Sequence[Past]) -> Table:
    table = Table("like", "rung", "score", "question", box=None, padding=(0, 2, 0, 0))
    for past in pasts:
        asked = past.question or f"not kept; decision {past.decision_id}"
        table.add_row(f"{past.likeness:.2f}", past.reasoner, f"{past.score:g}", Text(asked))
    return table


def what_next(decision: Decision) -> str:
    """The rule in words. A verdict moves what is expected of the others, so the second step is only as things stand."""
    if decision.first is None:
        return decision.error or "Nothing here can answer it."
    said = f"`{decision.first}` is asked first."
    options = {o.reasoner: o for o in decision.options if not o.excluded and o.reserve is not None}
    first = options.pop(decision.first, None)
    if not options:
        return f"{said} There is nothing else to ask."
    best = max(options.values(), key=lambda option: option.reserve or 0.0)
    if first is not None and first.estimate is not None and first.estimate.abstain_prob:
        said += f" If it abstains, `{best.reasoner}` is next."
    reserve = best.reserve or 0.0
    if reserve <= 0:
        return f"{said} Once there is an answer, `{best.reasoner}` is not worth its cost."
    worth = f"`{best.reasoner}` is worth calling until the answer in hand is {percent(reserve)} sure"
    return f"{said} As things stand, {worth}."
