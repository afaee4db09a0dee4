"""`rung calibrate`: a new reasoner is asked questions with known answers, and placed on the ladder by what it makes of
them."""

import sys
from collections.abc import Iterator, Sequence
from math import inf
from typing import Annotated

import typer
from rich.console import Console

from rung.bootstrap.build import profile_of
from rung.cli.calibrator import Calibrator, Limits, probe_usd
from rung.cli.options import ConfigOption, JsonOption, percent, write_json
from rung.config import Config, load_config
from rung.errors import BadRequest, ConfigError
from rung.estimators.calibrated import Calibration
from rung.estimators.prior import DOMAINS
from rung.odds import sigmoid
from rung.telemetry import configure_logs

_FEWEST, _MOST = 60, 200
_WIDTH = 0.07
# Those that know themselves what they can answer, or have no answers of their own.
_NEVER = frozenset({"symbolic", "extract"})

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Reasoners of the config, also to ask them anew; all that are not calibrated if none is named."
    ),
]
ProbesOption = Annotated[
    int, typer.Option("--probes", min=1, help="Probes at most; 60 often suffice, and then no more are asked.")
]
UsdOption = Annotated[
    float | None, typer.Option("--max-usd", min=0, help="Ends before more than this is spent on a reasoner.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before money is spent.")]


def calibrate(
    names: NamesArgument = None,
    config: ConfigOption = None,
    probes: ProbesOption = _MOST,
    max_usd: UsdOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask reasoners questions with known answers, and place them on the ladder by what they make of these.

    Broken off, it goes on where it was. A hosted reasoner is called, and paid for: it asks first.
    """
    configure_logs("error", "console")
    known = load_config(config)
    limits = Limits(fewest=min(_FEWEST, probes), most=probes, width=_WIDTH, max_usd=max_usd)
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    wanted = [
        Calibrator(name, known, limits, lambda told: console.print(told, markup=False))
        for name in _wanted(names or [], known)
    ]
    begun = {one.name: one.begun(anew=bool(names)) for one in wanted}
    _ask_for_money([name for name, one in begun.items() if not one.whole], known, limits, yes=yes)
    problems: list[str] = []
    for one in wanted:
        if not begun[one.name].whole:
            try:
                begun[one.name] = one.run(begun[one.name])
            except KeyboardInterrupt:
                console.print(f"\n{one.name}: broken off; what it answered is kept, and the same command goes on.")
                raise
            except ConfigError as problem:  # of this one: the others can be placed all the same
                problems.append(problem.message)
                continue
        console.print("\n".join(lines(one.name, begun[one.name])), markup=False)
    if as_json:
        write_json(begun)
    elif not wanted:
        console.print("There is nothing to calibrate: solvers check themselves, and `auto` may choose nobody else.")
    elif len(problems) < len(wanted):
        console.print(f"\nWritten: {known.estimates.calibration}", markup=False)
        console.print("A Rung that serves takes it up when its config is next applied: save the file, or send SIGHUP.")
    if problems:
        raise ConfigError("; ".join(problems))


def _wanted(names: Sequence[str], config: Config) -> list[str]:
    for name in names:
        if name in config.reasoners and config.reasoners[name].kind in _NEVER:
            raise BadRequest(f"{name}: what is {config.reasoners[name].kind} is not calibrated: it checks itself")
    if names:
        return list(dict.fromkeys(names))
    return [name for name, entry in config.reasoners.items() if entry.auto and entry.kind not in _NEVER]


def _ask_for_money(names: Sequence[str], config: Config, limits: Limits, *, yes: bool) -> None:
    """Raises Abort where the answer is no, and BadRequest where nobody can be asked."""
    priced = {name: usd for name in names if name in config.reasoners and (usd := probe_usd(profile_of(name, config)))}
    if not priced or yes:
        return
    bound = inf if limits.max_usd is None else limits.max_usd
    most = {name: min(usd * limits.most, bound) for name, usd in priced.items()}
    told = ", ".join(f"{name} about {usd:.2f} USD at most" for name, usd in most.items())
    if not sys.stdin.isatty():
        raise BadRequest(f"this costs money ({told}): say --yes to spend it")
    typer.confirm(f"This costs money: {told}. Go on?", abort=True)


def lines(name: str, of: Calibration) -> Iterator[str]:
    """A calibration for people."""
    placement = of.placement
    low, high = placement.interval
    yield f"\n{name}: {percent(placement.right_share)} of ordinary questions right (95% {low:.0%} to {high:.0%})"
    told = (
        f"{domain} {percent(sigmoid(mean))} ({sigmoid(mean - 1.96 * sd):.0%} to {sigmoid(mean + 1.96 * sd):.0%})"
        for domain, mean, sd in zip(DOMAINS, placement.abilities, placement.sds, strict=True)
    )
    yield f"  by domain: {', '.join(told)}"
    answered = [one for one in of.answered if one.ending != "abstained"]
    right, asked = sum(one.ending == "right" for one in answered), len(of.answered)
    yield f"  {asked} probes: {right} right, {len(answered) - right} wrong, {asked - len(answered)} abstained"
    if answered:
        took, written = sum(one.seconds for one in answered), sum(one.tokens for one in answered)
        median, usd = sorted(one.seconds for one in answered)[len(answered) // 2], sum(one.usd for one in of.answered)
        pace = f", {written / took:.0f} tokens a second" if took else ""
        yield f"  {median:.2f} s an answer (p50){pace}, {usd:.4f} USD in all"
    if of.tokens:
        yield f"  tokens written: {', '.join(f'{task} {tokens:.0f}' for task, tokens in of.tokens.items())}"
