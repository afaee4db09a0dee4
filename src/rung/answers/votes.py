"""Counting answers that say the same."""

from collections.abc import Sequence

from msgspec import Struct

from rung.answers.sameness import same


class Majority(Struct, frozen=True, kw_only=True):
    """`at` lists the places of the largest group's members, the earliest group on a tie; `share` is of all that were
    given, the speechless included. `decided`: whatever the samples still to come say, the group stays the largest."""

    answer: str | None
    at: tuple[int, ...]
    share: float
    decided: bool


def majority(answers: Sequence[str | None], to_come: int = 0) -> Majority:
    """The largest group of extracted answers that say the same. None stands for a sample without an answer.

    A later group must overtake the first, not merely draw level, so a lead equal to `to_come` decides.
    """
    groups: list[list[int]] = []
    for i, answer in enumerate(answers):
        if answer is None:
            continue
        group = next((g for g in groups if same(str(answers[g[0]]), answer)), None)
        if group is None:
            groups.append([i])
        else:
            group.append(i)
    if not groups:
        return Majority(answer=None, at=(), share=0.0, decided=to_come == 0)
    ranked = sorted(groups, key=lambda g: (-len(g), g[0]))
    best = ranked[0]
    second = len(ranked[1]) if len(ranked) > 1 else 0
    rival_first = len(ranked) > 1 and ranked[1][0] < best[0]
    lead = len(best) - second
    return Majority(
        answer=answers[best[0]],
        at=tuple(best),
        share=len(best) / len(answers),
        decided=lead > to_come if rival_first else lead >= to_come,
    )
