"""What each class and each lane got."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from rung.simulate.replay import Outcome
from rung.trial.graded import rank


class Row(Struct, frozen=True, kw_only=True):
    """One group of requests. `met`: answered within their deadlines; `refused` were told when to come back; `unfit`
    fits no reasoner; `late` were given up at their deadline; `failed` is the rest. Seconds are of those that were
    answered, from arrival, by nearest rank; `wasted_tokens` were read and written for those that met no deadline."""

    name: str
    requests: int
    answered: int
    met: int
    refused: int
    unfit: int
    late: int
    failed: int
    right: int
    p50_s: float | None
    p99_s: float | None
    tokens: int
    wasted_tokens: int


def row(name: str, outcomes: Sequence[Outcome]) -> Row:
    answered = [o.total_s for o in outcomes if o.ending == "answered"]
    count = {ending: sum(o.ending == ending for o in outcomes) for ending in ("refused", "unfit", "late", "failed")}
    return Row(
        name=name,
        requests=len(outcomes),
        answered=len(answered),
        met=sum(o.met for o in outcomes),
        right=sum(o.right for o in outcomes),
        p50_s=rank(answered, 0.5),
        p99_s=rank(answered, 0.99),
        tokens=sum(o.spent for o in outcomes),
        wasted_tokens=sum(o.spent for o in outcomes if not o.met),
        **count,
    )


def by_class(outcomes: Iterable[Outcome]) -> list[Row]:
    order = {"critical": "0", "interactive": "1", "batch": "2"}
    return _grouped(outcomes, lambda o: str(o.asked.priority), lambda name: order.get(name, name))


def by_lane(outcomes: Sequence[Outcome]) -> list[Row]:
    """Those that were answered through it, whichever rung asked there; its tokens are all that were read and written in
    it, also for those that another answered in the end, or nobody."""
    rows = []
    for name in sorted({o.lane for o in outcomes if o.lane}.union(*(o.spent_in for o in outcomes))):
        wasted_tokens = sum(o.spent_in.get(name, 0) for o in outcomes if not o.met)
        tokens = sum(o.spent_in.get(name, 0) for o in outcomes)
        rows.append(
            replace(row(name, [o for o in outcomes if o.lane == name]), tokens=tokens, wasted_tokens=wasted_tokens)
        )
    return rows


def by_rung(outcomes: Iterable[Outcome]) -> list[Row]:
    """By who answered; those that nobody answered are no rung's."""
    return _grouped((o for o in outcomes if o.by), lambda o: o.by, str)


def by_kind(outcomes: Iterable[Outcome]) -> list[Row]:
    return _grouped(outcomes, lambda o: o.asked.kind, str)


def _grouped(outcomes: Iterable[Outcome], key: Callable[[Outcome], str], order: Callable[[str], str]) -> list[Row]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    return [row(name, groups[name]) for name in sorted(groups, key=order)]
