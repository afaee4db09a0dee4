"""Orders, rules, sequences, directions and things that change places."""

from itertools import pairwise
from random import Random

from rung.probes.base import Made, Template

_NAMES = ("Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Hugo")
_SIZES = (("taller", "tallest", "shortest"), ("older", "oldest", "youngest"), ("faster", "fastest", "slowest"))


def _order(level: int, rng: Random) -> Made:
    people = rng.sample(_NAMES, level + 3)
    more, most, least = rng.choice(_SIZES)
    facts = [f"{a} is {more} than {b}." for a, b in pairwise(people)]
    rng.shuffle(facts)
    place = rng.choice((0, 1, -1)) if level else rng.choice((0, -1))
    asked = {0: f"the {most}", 1: f"the second {most}", -1: f"the {least}"}[place]
    names = ", ".join(sorted(people))
    return Made(
        f"{' '.join(facts)} Who is {asked}? Answer with one of: {names}.", people[place], "exact", tuple(sorted(people))
    )


_THINGS = ("blips", "dorks", "fens", "glims", "mords", "quibs", "tarns", "wosks", "zemps")


def _rules(level: int, rng: Random) -> Made:
    things = rng.sample(_THINGS, level + 4)
    chain, strangers = things[: level + 2], things[level + 2 :]
    facts = [f"All {a} are {b}." for a, b in pairwise(chain)]
    facts.append(f"All {strangers[0]} are {chain[rng.randrange(1, len(chain))]}.")
    if level:
        facts.append(f"No {chain[-1]} are {strangers[1]}.")
    rng.shuffle(facts)
    kind = rng.choice(("forward", "backward", "none" if level else "forward"))
    if kind == "forward":
        asked, answer = f"Are all {chain[0]} {chain[-1]}", "yes"
    elif kind == "backward":
        asked, answer = f"Does it follow that all {chain[-1]} are {chain[0]}", "no"
    else:
        asked, answer = f"Can a thing be one of the {chain[0]} and one of the {strangers[1]}", "no"
    return Made(f"{' '.join(facts)} {asked}? Answer yes or no.", answer, "exact", ("yes", "no"))


def _sequence(level: int, rng: Random) -> Made:
    a, b, c = rng.randint(2, 12), rng.randint(3, 9), rng.randint(2, 3)
    if level == 0:
        terms = [a + b * i for i in range(6)]
    elif level == 1:
        terms = [a * c**i for i in range(6)]
    elif level == 2:
        terms = [a + b * i + c * i * (i - 1) // 2 for i in range(7)]
    else:
        terms = [a + b * (i // 2) if i % 2 == 0 else a * c + (b + 2) * (i // 2) for i in range(9)]
    return Made(f"Which number comes next in the sequence {', '.join(map(str, terms[:-1]))}?", str(terms[-1]))


_POINTS = ("north", "east", "south", "west")
_TURNS = {"right": 1, "left": -1, "around": 2}


def _turns(level: int, rng: Random) -> Made:
    at = rng.randrange(4)
    turns = [rng.choice(list(_TURNS)) for _ in range((2, 4, 7)[level])]
    said = ", then ".join(f"turns {turn}" for turn in turns)
    end = _POINTS[(at + sum(_TURNS[turn] for turn in turns)) % 4]
    text = f"A robot faces {_POINTS[at]}. It {said}. Which way does it face now? Answer north, east, south or west."
    return Made(text, end, "exact", _POINTS)


_HELD = ("a red book", "a green ball", "a blue cup", "a white hat", "a black pen")


def _swaps(level: int, rng: Random) -> Made:
    people = rng.sample(_NAMES, (3, 3, 5)[level])
    held = dict(zip(people, rng.sample(_HELD, len(people)), strict=True))
    told = [f"{who} has {what}" for who, what in held.items()]
    steps = []
    for _ in range((1, 3, 5)[level]):
        a, b = rng.sample(people, 2)
        held[a], held[b] = held[b], held[a]
        steps.append(f"{a} and {b} swap what they have.")
    who, what = rng.choice(list(held.items()))
    names = tuple(sorted(people))
    text = f"{'; '.join(told)}. {' Then '.join(steps)} Who has {what} now? Answer with one of: {', '.join(names)}."
    return Made(text, who, "exact", names)


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _days(level: int, rng: Random) -> Made:
    at, on = rng.randrange(7), rng.randint(*((2, 6), (9, 30), (45, 300))[level])
    back = rng.random() < 0.5
    end = _DAYS[(at + (-on if back else on)) % 7]
    asked = f"was it {on} days ago" if back else f"will it be in {on} days"
    return Made(f"Today is {_DAYS[at]}. Which day of the week {asked}?", end, "exact", _DAYS)


LOGIC = (
    Template(name="order", domain="logic", halfway=(-1.0, -0.3, 0.3, 0.8), make=_order, floor=0.2),
    Template(name="rules", domain="logic", halfway=(-0.5, 0.2, 0.6), make=_rules, floor=0.5),
    Template(name="sequence", domain="logic", halfway=(-1.4, -0.9, 0.5, 1.0), make=_sequence),
    Template(name="turns", domain="logic", halfway=(0.0, 0.5, 1.0), make=_turns, floor=0.25),
    Template(name="swaps", domain="logic", halfway=(-0.5, 0.6, 1.2), make=_swaps, floor=0.25),
    Template(name="days", domain="logic", halfway=(-0.3, 0.9, 1.6), make=_days, floor=0.14),
)
